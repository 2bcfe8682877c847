"""Fetches a source's files, checked against the digest in data/sources.yaml: `python -m stages.download --source NAME`.

Looks in the folder that the environment variable DATA_MIRROR names, then at each URL. Writes data/raw/NAME/, whole or
not at all.
"""

import argparse
from pathlib import Path

from stages.corpora.fetching import fetch
from stages.corpora.folders import whole_folder
from stages.corpora.listing import list_files
from stages.corpora.sources import SOURCES, find
from stages.plumbing.errors import run
from stages.plumbing.parameters import shortened
from stages.plumbing.words import count

RAW = Path("data/raw")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True, metavar="NAME", help=f"an entry of {SOURCES}")
    name = parser.parse_args().source
    source = find(name)
    with whole_folder(RAW / name) as folder:
        origin = fetch(name, source, folder)
    listing = list_files(RAW / name)
    print(f"{RAW / name}: {count(len(listing.names), 'file')} from {origin}")
    for left_out, reason in listing.unusable.items():
        print(f"{RAW / name}: left out: {shortened(left_out)}: {reason}")


if __name__ == "__main__":
    run(main)
