"""The pages as Markdown: README.md, which answers, appendix.md with all else, and summary.md, the first screen.

A subject's template in templates/ has a block `page`, `appendix` or both; in one of them a block is the first screen.
"""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.findings import plots, tables
from stages.findings.declare import REPORTS, SUBJECTS, Frames
from stages.findings.pages import sections
from stages.presentation.wording import set_name

TEMPLATES = Path(__file__).parent / "templates"


class Pages:
    """Renders sections from one set of tables."""

    def __init__(self, frames: Frames):
        self.frames, self.tables = frames, tables.every()
        self.plots = {name: plot for name, plot in plots.every().items() if plot.there(frames)}
        self.environment = Environment(
            loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def page(self, part: str) -> str:
        """A whole page, `page` or `appendix`, in Markdown."""
        found = [self.section(subject, part) for subject in ("head", *SUBJECTS)]
        return re.sub(r"\n{3,}", "\n\n", "\n\n".join(filter(None, found))) + "\n"

    def section(self, subject: str, part: str) -> str:
        """One section of a page; nothing where it has nothing to tell."""
        if not (TEMPLATES / f"{subject}.md.j2").is_file():
            return ""
        template = self.environment.get_template(f"{subject}.md.j2")
        words = sections.words(subject, self.frames) if part in template.blocks else None
        if words is None:
            return ""
        shown = {"table": self.table, "fold": self.fold, "figure": self.figure, "frames": self.frames}
        context = template.new_context({**shown, "set_name": set_name, **words})
        return "".join(template.blocks[part](context)).strip("\n")

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
    text = pages.section("scores", "first")
    for attribute in ("](", 'src="', 'srcset="'):
        text = re.sub(re.escape(attribute) + r"(?!https?:|#)", f"{attribute}{REPORTS.name}/", text)
    return re.sub(r"\n{3,}", "\n\n", text.replace("](#", f"]({REPORTS.name}/README.md#")) + "\n"
