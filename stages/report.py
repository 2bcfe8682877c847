"""Sets the tables and figures on pages.

python -m stages.report        reports/ → README.md, appendix.md, index.html, appendix.html, summary.md
"""

import argparse

from stages.findings.declare import REPORTS
from stages.findings.pages.render import Pages, summary
from stages.findings.reports import read_frames
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole
from stages.presentation.page import html


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    pages = Pages(read_frames())
    expected = [REPORTS / "figures" / file for plot in pages.plots.values() for file in plot.files]
    if lacking := [str(path) for path in expected if not path.is_file()]:
        raise InputError(f"missing: {', '.join(lacking)}; run `dvc repro figures`")
    main_page, appendix = pages.page("page"), pages.page("appendix")
    written = {
        "README.md": main_page,
        "appendix.md": appendix,
        "index.html": html(main_page, REPORTS),
        "appendix.html": html(appendix, REPORTS),
        "summary.md": summary(pages),
    }
    for name, text in written.items():
        with whole(REPORTS / name) as path:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
