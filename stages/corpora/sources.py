"""The catalogue of sources, data/sources.yaml: where each source's bytes are, their digest, licence and citation."""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, read, shortened

SOURCES = Path("data/sources.yaml")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://\S+$", max_length=2000)]
FileName = Annotated[str, StringConstraints(pattern=r"^[^/\\\pC.][^/\\\pC]*$", max_length=200)]


def _pattern(text: str) -> str:
    PurePosixPath().match(text)  # raises ValueError where it is none
    return text


Patterns = Annotated[list[Annotated[str, AfterValidator(_pattern)]], Field(min_length=1)]


class Published(Section):
    """What every source of others' data states."""

    licence: str
    citation: str


class File(Published):
    """One file, verified by its own sha256. `file` is its name here and in DATA_MIRROR."""

    kind: Literal["file"]
    file: FileName
    sha256: Sha256
    urls: Annotated[list[Url], Field(min_length=1)]


class Archive(Published):
    """A zip archive, verified by its contents, so that another archiver's zip of the same files is accepted.

    `keep` are the patterns of the members to unpack, matched from the right, `*` within one folder.
    """

    kind: Literal["archive"]
    file: FileName
    contents_sha256: Sha256
    urls: Annotated[list[Url], Field(min_length=1)]
    keep: Patterns


class Package(Published):
    """Files of an installed Python package, verified by their contents: the data are the same in every version."""

    kind: Literal["package"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=80)]
    folder: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]+$", max_length=200)]
    keep: Patterns
    contents_sha256: Sha256


class Local(Section):
    """A folder or a zip archive of the user's own; the digest, where given, is that of all its files."""

    kind: Literal["path"]
    path: str
    keep: Patterns = ["*"]
    contents_sha256: Sha256 | None = None
    licence: str | None = None
    citation: str | None = None

    def place(self) -> Path:
        """The folder or the archive.

        Raises:
            InputError: there is none.
        """
        expected = f"path {shortened(self.path)}: expected a folder or a zip archive"
        try:
            path = Path(self.path).expanduser()
            if path.is_dir() or path.is_file():
                return path.resolve()
        except (RuntimeError, ValueError, OSError) as error:  # no such user, a NUL byte, a name that is too long
            raise InputError(f"{expected} ({shortened(str(error), 200)})") from None
        raise InputError(f"{expected}, found neither")


KINDS: dict[str, type[File | Archive | Package | Local]] = {
    "file": File,
    "archive": Archive,
    "package": Package,
    "path": Local,
}


def find(name: str, catalogue: Path = SOURCES) -> File | Archive | Package | Local:
    """The catalogue's entry of that name.

    Raises:
        InputError: the name is unknown (known ones are listed), or the entry has a wrong key, type or kind.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise InputError(f"{catalogue}: expected a source's name of a-z, 0-9 and _, found {name!r}")
    entry = read(f"sources.{name}", catalogue)
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        found = shortened(repr(kind))
        raise InputError(f"{catalogue}: sources.{name}.kind: expected one of {', '.join(KINDS)}; found {found}")
    return checked(entry, KINDS[kind], f"{catalogue}: sources.{name}")
