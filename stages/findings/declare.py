"""What a table and a plot are: declared once, where they are made, and found from there.

A subject is a file of one name in tables/, plots/ and pages/; `SUBJECTS` is the order in which pages tell of them. A
table's declaration holds its columns, how its rows are made and how a row is written for people; its file, its reading
and its place on a page come from it. A plot's holds the tables it is drawn from and the words beside it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from stages.plumbing.errors import InputError
from stages.plumbing.files import whole
from stages.presentation.wording import pair_of, set_of, text, unit_of

SUBJECTS = (
    "scores,differences,agreement,claims,questions,parts,noise,reach,progress,tuning,robustness,listen,published,protocol,speed"
).split(",")
REPORTS = Path("reports")
KINDS = {"number": None, "count": "Int64", "flag": bool, "word": str}

Frames = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """A table of reports/tables/.

    Attributes:
        kinds: column → one of `KINDS`.
        words: heading → how a row's cell is written: a column, or a function of the row.
        make: takes the study and returns the rows, as lists or as a frame.
    """

    name: str
    kinds: dict[str, str]
    words: dict[str, str | Callable[[Any], str]]
    make: Callable[[Any], Any]

    @property
    def path(self) -> Path:
        return REPORTS / "tables" / f"{self.name}.csv"

    def frame(self, study: Any) -> pd.DataFrame:
        """The table of a study, with exactly the declared columns."""
        made = self.make(study)
        frame = made[[*self.kinds]] if isinstance(made, pd.DataFrame) else pd.DataFrame(made, columns=[*self.kinds])
        return frame.astype({name: "Int64" for name, kind in self.kinds.items() if kind == "count"})

    def write(self, frame: pd.DataFrame) -> None:
        with whole(self.path) as path:
            frame.to_csv(path, index=False, float_format="%.6g")

    def read(self) -> pd.DataFrame:
        """The file's content: words as they are written, empty where nothing is.

        Raises:
            InputError: it has other columns than those declared, or a value of another kind.
        """
        words = [name for name, kind in self.kinds.items() if kind == "word"]
        try:
            frame = pd.read_csv(self.path, dtype=dict.fromkeys(words, str))
            if list(frame) != [*self.kinds]:
                raise ValueError(f"expected the columns {', '.join(self.kinds)}")
            frame[words] = frame[words].fillna("")
            return frame.astype({name: KINDS[kind] for name, kind in self.kinds.items() if kind in ("count", "flag")})
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{self.path}: {' '.join(str(error).split())}; run `dvc repro compare`") from None

    def markdown(self, frame: pd.DataFrame) -> str:
        """The rows as people read them; nothing where there are none."""
        return markdown([*self.words], [self.cells(row) for row in frame.itertuples()]) if len(frame) else ""

    def cells(self, row: Any) -> list[str]:
        return [text(getattr(row, word)) if isinstance(word, str) else word(row) for word in self.words.values()]


def table(columns: str, words: dict[str, str | Callable[[Any], str]] | None = None) -> Callable[[Callable], Table]:
    """Declares the table of a function's name; `columns` are apart by blanks: `name`, or `name:kind` for no number."""
    kinds = dict((*column.split(":"), "number")[:2] for column in columns.split())
    return lambda make: Table(make.__name__, kinds, words or {}, make)


def standard(headings: str) -> dict[str, str | Callable[[Any], str]]:
    """How columns that many tables have are written."""
    written = {"set": set_of, "unit": unit_of, "units": pair_of, "n": "repeats"}
    written["averaging"] = lambda row: row.averaging.replace("_", " ")
    return {heading: written.get(heading, heading) for heading in headings.split()}


def triples(columns: str) -> str:
    """The columns of means with their intervals."""
    return " ".join(f"{column}_{end}" for column in columns.split() for end in ("mean", "low", "high"))


def markdown(header: list[str], rows: list[list[str]], raw: bool = False) -> str:
    """A table in Markdown, whose cells are no Markdown and no HTML unless they are `raw`."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line if raw else map(_escaped, line))} |" for line in lines)


def _escaped(value: str) -> str:
    return re.sub(r"([|*`<])", lambda found: "&lt;" if found[0] == "<" else "\\" + found[0], value)


@dataclass(frozen=True)
class Plot:
    """A figure of reports/figures/.

    Attributes:
        tables: those it is drawn from; without rows in the first, or where one is not there, it is not drawn.
        title: takes the tables and says what the figure shows, as found; without one it is not drawn.
        caption: what must be known to read it; alternative: what one sees, for those who cannot.
        draw: takes the tables, and whether it is for a phone's width.
    """

    name: str
    tables: tuple[str, ...]
    title: Callable[[Frames], str]
    caption: str
    alternative: str
    draw: Callable[..., Any]

    @property
    def files(self) -> list[str]:
        """The figure's file, and that of its layout for phones."""
        return [f"{self.name}.svg", f"{self.name}-narrow.svg"]

    def there(self, frames: Frames) -> bool:
        there = all(name in frames for name in self.tables) and len(frames[self.tables[0]]) > 0
        return there and self.title(frames) != ""


def plot(tables: str, title: Callable[[Frames], str], caption: str, alternative: str):
    """Declares the figure of a function's name."""
    return lambda draw: Plot(draw.__name__, tuple(tables.split()), title, caption, alternative, draw)


def declared(kind: type, load: Callable[[str], ModuleType], folder: Path) -> dict[str, Any]:
    """Every table or plot that the modules of a folder declare, by name, in the subjects' order."""
    modules = [load(subject) for subject in SUBJECTS if (folder / f"{subject}.py").is_file()]
    return {value.name: value for module in modules for value in vars(module).values() if isinstance(value, kind)}
