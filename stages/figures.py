"""Draws the tables as figures.

python -m stages.figures        reports/tables/*.csv, benchmarks/*.csv, samples/ → reports/figures/*.svg
"""

import argparse
import shutil

from stages.findings.declare import REPORTS
from stages.findings.plots import every
from stages.findings.reports import read_frames
from stages.plumbing.errors import run
from stages.presentation.style import save


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    frames = read_frames()
    shutil.rmtree(REPORTS / "figures", ignore_errors=True)  # a figure that is no longer drawn
    for plot in every().values():
        if plot.there(frames):
            for narrow, file in enumerate(plot.files):
                figure = plot.draw(frames, bool(narrow))
                save(figure, REPORTS / "figures" / file, plot.title(frames), plot.alternative)


if __name__ == "__main__":
    run(main)
