"""Turns a source's files into sequences in three splits: `python -m stages.prepare --dataset NAME`.

Reads `datasets.NAME.source` and `datasets.NAME.sequences` of params.yaml and data/raw/; writes train.npz, valid.npz,
test.npz and counts.json in data/prepared/NAME/, whole or not at all. Counts that differ from `expected` are an error.
"""

import argparse
from pathlib import Path

from stages.corpora.readers import read as read_sequences
from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import PARAMS, read, shortened

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, metavar="NAME", help=f"a key of `datasets` in {PARAMS}")
    name = parser.parse_args().dataset
    source, sequences = read(f"datasets.{name}.source"), read(f"datasets.{name}.sequences")
    if not isinstance(source, str):
        raise InputError(f"{PARAMS}: datasets.{name}.source: expected a source's name, found {shortened(repr(source))}")
    if not (folder := RAW / source).is_dir():
        raise InputError(f"{folder}: no such folder; `python -m stages.download --source {source}` makes it")
    dataset = read_sequences(folder, sequences, f"{PARAMS}: datasets.{name}.sequences")
    dataset.save(PREPARED / name, name)
    for split, counts in dataset.counts.items():
        print(f"{PREPARED / name}/{split}.npz: " + ", ".join(f"{number} {what}" for what, number in counts.items()))
    if left_out := dataset.about.get("left_out"):
        print(f"left out: {len(left_out)} files, listed in {PREPARED / name}/counts.json")


if __name__ == "__main__":
    run(main)
