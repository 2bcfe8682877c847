"""What a folder holds: the files that can be used, in one order on every machine, and why others cannot."""

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from stages.corpora.folders import content
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section, checked, shortened

LEFT_OUT = ".left_out.json"  # in a folder of copies: what was not copied
LONGEST_NAME, LONGEST_PATH = 255, 1024  # bytes that a file system holds
MAX_BYTES = 2**26
SYSTEM = ("Thumbs.db", "desktop.ini", "__MACOSX")  # what systems keep for themselves without hiding it


class LeftOut(Section):
    """What is told of a folder beside its files.

    Attributes:
        unusable: why files cannot be used, by their names, which may be written with escapes.
        hidden: how many files and folders are hidden, or kept by a system for itself.
    """

    unusable: dict[str, str] = {}
    hidden: Annotated[int, Field(ge=0)] = 0


class Listing(NamedTuple):
    """The usable files of a folder, sorted, with `/` in their names; the rest as in `LeftOut`."""

    names: list[str]
    unusable: dict[str, str]
    hidden: int


class Found(NamedTuple):
    """The files of a folder: those asked for, how many others there are by ending; the rest as in `LeftOut`."""

    names: list[str]
    others: Counter[str]
    unusable: dict[str, str]
    hidden: int


def list_files(folder: Path) -> Listing:
    """All files below `folder`, and those that were left out when they were copied there.

    A link to a folder, which could lead anywhere or in a circle, cannot be used, nor a name that `unusable` tells of.

    Raises:
        InputError: there is no such folder, or its `LEFT_OUT` is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    left_out = _left_out(folder / LEFT_OUT)
    names, others, hidden = [], dict(left_out.unusable), left_out.hidden

    def fail(error: OSError) -> None:
        others[_relative(Path(error.filename), folder)] = f"cannot be read ({error.strerror})"

    for root, folders, files in os.walk(folder, onerror=fail):
        for name in list(folders):
            place = Path(root, name)
            if name.startswith(".") or name in SYSTEM:
                hidden += 1
            elif reason := unusable(name):
                others[_relative(place, folder)] = f"{reason}; rename it"
            elif place.is_symlink():
                others[_relative(place, folder)] = "expected a folder, found a link to one; copy the files there"
            else:
                continue
            folders.remove(name)
        for name in files:
            place = Path(root, name)
            if name.startswith(".") or name in SYSTEM:
                hidden += name != LEFT_OUT
            elif reason := unusable(name):
                others[_relative(place, folder)] = f"{reason}; rename it"
            else:
                names.append(place.relative_to(folder).as_posix())
    return Listing(sorted(names), dict(sorted(others.items())), hidden)


def _relative(place: Path, folder: Path) -> str:
    """A name that can be printed and written, whatever bytes it has."""
    return shortened(place.relative_to(folder).as_posix(), LONGEST_PATH)


def _left_out(path: Path) -> LeftOut:
    if not path.is_file():
        return LeftOut()
    try:
        return checked(json.loads(content(path, MAX_BYTES)), LeftOut, str(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable ({shortened(str(error), 200)}); download the source again") from None


def unusable(name: str) -> str:
    """Why a file's name can stand in no table, page or list of DVC; empty if it can."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "expected a name in UTF-8, found other bytes"
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
        return "expected a name without control characters and line breaks"
    if size > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in name.split("/")):
        return f"expected at most {LONGEST_NAME} bytes a name and {LONGEST_PATH} a path, found more"
    return ""


def find_files(folder: Path, suffixes: Collection[str]) -> Found:
    """The files whose name ends in one of `suffixes` (lower case, with the dot), whatever their case.

    Raises:
        InputError: there is none.
    """
    listing, names, others = list_files(folder), [], Counter()
    for name in listing.names:
        ending = Path(name).suffix.lower()
        if ending in suffixes:
            names.append(name)
        else:
            others[ending or "none"] += 1
    if not names:
        there = f"; there are files ending in {', '.join(sorted(others))}" if others else ""
        there += "".join(f"; {name}: {reason}" for name, reason in list(listing.unusable.items())[:1])
        raise InputError(f"{folder}: expected files ending in {' or '.join(suffixes)}, found none{there}")
    return Found(names, others, listing.unusable, listing.hidden)


def told(found: Found, odd: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What counts.json says of the files that were not asked for, and of what was odd in those read.

    Args:
        odd: what was odd, in words, with how often it was, by the file's name.
    """
    kinds = sorted({what for counts in odd.values() for what in counts if counts[what]})
    times = {
        what: {"files": sum(counts[what] > 0 for counts in of), "times": sum(counts[what] for counts in of)}
        for what in kinds
        if (of := [counts for counts in odd.values() if counts.get(what)])
    }
    about = {"other_endings": dict(sorted(found.others.items())), "hidden": found.hidden, "odd": times}
    return {key: value for key, value in about.items() if value}
