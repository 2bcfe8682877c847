"""Reads the declared subtrees of params.yaml, checked: a wrong key or type is an error that names the key.

A stage asks for exactly the subtrees that dvc.yaml declares for it, so nothing it reads can change unnoticed.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.plumbing.errors import InputError

PARAMS = Path("params.yaml")
MAX_BYTES, MAX_VALUES = 2**20, 100_000


class Section(BaseModel):
    """A subtree of params.yaml: strict types (an integer passes for a float), finite numbers, no unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


S = TypeVar("S")
_adapter = lru_cache(TypeAdapter)
# What datasets, sources, cells and the like are called: their names become files, stages, and words on pages.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=80)]


def load(path: Path = PARAMS) -> Mapping[str, Any]:
    """The whole file as plain mappings and lists; YAML 1.2, so that `1e-3` is a number.

    Raises:
        InputError: the file is missing, cannot be read, is longer than `MAX_BYTES`, is not YAML, names more values by
            aliases than `MAX_VALUES`, or is not a mapping.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise InputError(f"{path}: expected at most {MAX_BYTES} bytes, found more")
        content = YAML(typ="safe", pure=True).load(text.decode())
        _require_bounded(content, path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stages from the folder that holds dvc.yaml") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except RecursionError:
        raise InputError(
            f"{path}: expected lists and mappings a few levels deep, found them too deep to read"
        ) from None
    except (YAMLError, ValueError, TypeError) as error:  # dates that are none, keys that are lists, bytes not UTF-8
        raise InputError(f"{path}: not valid YAML: {shortened(' '.join(str(error).split()), 200)}") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a mapping at the top, found {type(content).__name__}")
    return content


def shortened(text: str, length: int = 80) -> str:
    """What a message quotes of what was found: one line, cut."""
    line = text if text.isprintable() else ascii(text)[1:-1]
    return line if len(line) <= length else f"{line[:length]}…"


def _require_bounded(value: Any, path: Path) -> None:
    """A few aliases can stand for more values than memory holds: they are counted before anyone goes through them."""
    left, todo = MAX_VALUES, [value]
    while todo:
        value = todo.pop()
        if isinstance(value, Mapping | list | tuple | set):
            left -= len(value)
            if left < 0:
                raise InputError(f"{path}: expected at most {MAX_VALUES} values, found more (aliases count each time)")
            todo += [*value.keys(), *value.values()] if isinstance(value, Mapping) else value


def read(key: str, path: Path = PARAMS) -> Any:
    """The value under a dotted key such as `datasets.jsb_chorales.training`.

    Raises:
        InputError: there is no such key; the message lists the keys there are at the level where it is missing.
    """
    value: Any = load(path)
    for depth, name in enumerate(parts := key.split(".")):
        if not isinstance(value, Mapping) or name not in value:
            known = shortened(", ".join(map(str, value)), 200) if isinstance(value, Mapping) else "no keys"
            where = ".".join(parts[:depth]) or "the top"
            raise InputError(f"{path}: no key '{name}' under {where}; known there: {known}")
        value = value[name]
    return value


def mapping(key: str, path: Path = PARAMS) -> Mapping[str, Any]:
    """The mapping under `key`, its values not yet checked.

    Raises:
        InputError: there is no such key, or its value is no mapping, or one whose keys are not words.
    """
    value = read(key, path)
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{path}: {key}: expected a mapping of words, found {shortened(repr(value))}")
    return value


def section(key: str, schema: type[S], path: Path = PARAMS) -> S:
    """The subtree or single value under `key`, checked against `schema`: a `Section`, or an annotated type.

    Raises:
        InputError: a key is missing, unknown, or has a value of the wrong type or out of range.
    """
    return checked(read(key, path), schema, f"{path}: {key}")


def layered(schema: type[S], *layers: tuple[str, Mapping[str, Any]]) -> S:
    """What subtrees make that are laid over each other, key by key: the first is whole, each other one its differences.

    Args:
        layers: where each stands, for the error, and its values.

    Raises:
        InputError: a value is wrong; the message names it where it stands.
    """
    values: dict[str, Any] = {}
    for where, differences in layers:
        values |= differences
        found = checked(values, schema, where)
    return found


def checked(value: Any, schema: type[S], where: str) -> S:
    """`value` as a `schema`; the error names `where`, the key in it, what was expected and what was found."""
    try:
        return _adapter(schema).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place, said = ".".join([where, *map(str, first["loc"])]), " ".join(first["msg"].split())
        found = shortened(repr(first["input"]))
        raise InputError(f"{shortened(place, 200)}: {shortened(said, 200)}; found {found}") from None
