"""Sets the tables and figures on pages.

python -m stages.report            reports/{tables,benchmarks,figures,samples} → README, appendix (.md), index, appendix
                                   (.html), summary.md
python -m stages.report --print    prints the small result table and the report's path, and writes nothing
"""

import argparse

from stages.findings.declare import REPORTS
from stages.findings.pages.html import html
from stages.findings.pages.render import Pages, summary
from stages.findings.pages.sections.scores import plain_table
from stages.findings.reports import read_frames
from stages.findings.wording import plain
from stages.plumbing.errors import InputError, run
from stages.plumbing.files import whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="print the result table and write nothing")
    arguments = parser.parse_args()
    frames = read_frames()
    if arguments.print:
        print(plain(*plain_table(frames)))
        print(f"test NLL, nats per step, pooled; the report: {(REPORTS / 'index.html').as_posix()}")
        return
    pages = Pages(frames)
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
