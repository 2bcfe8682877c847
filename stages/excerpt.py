"""Shows how the test piece that a dataset's samples start from goes on in truth.

    python -m stages.excerpt --dataset jsb_chorales       → reports/samples/jsb_chorales/real/

Notes or a spectrogram, to be drawn beside what the nets made of the same beginning; neither MIDI nor sound.
"""

import argparse

from stages.listening import excerpts, files
from stages.listening.settings import Sampling
from stages.plumbing.errors import run
from stages.plumbing.parameters import section


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    dataset = parser.parse_args().dataset
    sampling = section("sample", Sampling)
    excerpt = excerpts.load(dataset, sampling)
    facts = files.Facts.of(dataset, files.REAL, excerpt)
    if facts.reason:
        files.write_facts(facts)
    elif excerpt.windows:
        files.write_speech(facts, excerpt.values, excerpt.windows, sampling.speech.spectrum)
    else:
        files.write_music(facts, excerpt.values)


if __name__ == "__main__":
    run(main)
