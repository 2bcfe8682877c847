"""The pages as Markdown: README.md, which answers, appendix.md with all else, and summary.md, the first screen."""

import re
from types import ModuleType
from typing import Any

from jinja2 import Environment, StrictUndefined

from stages.findings import plots, tables
from stages.findings.declare import REPORTS, Frames
from stages.findings.pages import sections

HEAD = {
    "PAGE": """# Gated recurrent units on music and speech, measured again

*A replication of Chung, Gulcehre, Cho and Bengio 2014, [Empirical Evaluation of Gated Recurrent Neural Networks on \
Sequence Modeling](https://arxiv.org/abs/1412.3555), on public data. Error is test NLL, the negative log-likelihood \
in nats per time step: lower is better. n is the number of repeats of the whole protocol; brackets are 95% \
intervals.*
""",
    "APPENDIX": """# Appendix: every table behind the report

The report is [README.md](README.md). NLL is in nats per step, pooled over steps unless said otherwise; brackets \
are 95% intervals over repeats, and over pieces where differences are meant. Every table is a file of \
`reports/tables/`.
""",
}


class Pages:
    """Renders sections from one set of tables."""

    def __init__(self, frames: Frames):
        self.frames, self.tables = frames, tables.every()
        self.plots = {name: plot for name, plot in plots.every().items() if plot.there(frames)}
        self.environment = Environment(
            undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
        )

    def page(self, part: str) -> str:
        """A whole page, `PAGE` or `APPENDIX`, in Markdown."""
        found = [self.section(section, part) for section in sections.every() if hasattr(section, part)]
        text = "\n\n".join([HEAD[part], *filter(None, found)])
        return re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"

    def section(self, section: ModuleType, part: str) -> str:
        """One section of a page; nothing where it has nothing to tell."""
        words = section.words(self.frames) if hasattr(section, "words") else {}
        if words is None:
            return ""
        template = self.environment.from_string(getattr(section, part))
        shown: dict[str, Any] = {"table": self.table, "fold": self.fold, "figure": self.figure, "frames": self.frames}
        return template.render(**shown, **words).strip("\n")

    def table(self, name: str, asked: str = "") -> str:
        """The rows of a table that a query asks for, as its declaration writes them."""
        frame = self.frames[name]
        return self.tables[name].markdown(frame.query(asked) if asked else frame)

    def fold(self, title: str, content: str) -> str:
        """A part that is opened by a click; nothing where it has no content."""
        return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>" if content else ""

    def figure(self, name: str) -> str:
        """A figure with its caption and its source; nothing where it was not drawn."""
        if name not in self.plots:
            return ""
        plot = self.plots[name]
        wide, narrow = (f"figures/{file}" for file in plot.files)
        words = f"{plot.title(self.frames)}. {plot.alternative}".replace('"', "'")
        picture = (
            f'<picture><source media="(max-width: 600px)" srcset="{narrow}"><img src="{wide}" alt="{words}"></picture>'
        )
        sources = ", ".join(f"`{table}`" for table in plot.tables)
        return f"{picture}\n\n*{plot.caption}* <sub>From {sources}.</sub>"


def summary(pages: Pages) -> str:
    """The first screen, for the project's README, whose links start one folder up."""
    text = pages.section(next(s for s in sections.every() if hasattr(s, "FIRST")), "FIRST")
    for attribute in ("](", 'src="', 'srcset="'):
        text = re.sub(re.escape(attribute) + r"(?!https?:|#)", f"{attribute}{REPORTS.name}/", text)
    return re.sub(r"\n{3,}", "\n\n", text.replace("](#", f"]({REPORTS.name}/README.md#")) + "\n"
