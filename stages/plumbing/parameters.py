"""Reads the declared subtrees of params.yaml, checked: a wrong key or type is an error that names the key.

A stage asks for exactly the subtrees that dvc.yaml declares for it, so nothing it reads can change unnoticed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.plumbing.errors import InputError

PARAMS = Path("params.yaml")


class Section(BaseModel):
    """A subtree of params.yaml: strict types (an integer passes for a float), no unknown keys, no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


S = TypeVar("S", bound=Section)


def load(path: Path = PARAMS) -> Mapping[str, Any]:
    """The whole file as plain mappings and lists; YAML 1.2, so that `1e-3` is a number.

    Raises:
        InputError: the file is missing, is not YAML, or is not a mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stages from the folder that holds dvc.yaml") from None
    except YAMLError as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, Mapping):
        raise InputError(f"{path}: expected a mapping at the top, found {type(content).__name__}")
    return content


def read(key: str, path: Path = PARAMS) -> Any:
    """The value under a dotted key such as `datasets.jsb_chorales.training`.

    Raises:
        InputError: there is no such key; the message lists the keys there are at the level where it is missing.
    """
    value: Any = load(path)
    for depth, name in enumerate(parts := key.split(".")):
        if not isinstance(value, Mapping) or name not in value:
            known = ", ".join(map(str, value)) if isinstance(value, Mapping) else "no keys"
            where = ".".join(parts[:depth]) or "the top"
            raise InputError(f"{path}: no key '{name}' under {where}; known there: {known}")
        value = value[name]
    return value


def section(key: str, schema: type[S], path: Path = PARAMS) -> S:
    """The subtree under `key`, checked against `schema`.

    Raises:
        InputError: a key is missing, unknown, or has a value of the wrong type or out of range.
    """
    return checked(read(key, path), schema, f"{path}: {key}")


def checked(value: Any, schema: type[S], where: str) -> S:
    """`value` as a `schema`; the error names `where`, the key in it, what was expected and what was found."""
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *map(str, first["loc"])])
        raise InputError(f"{place}: {first['msg']}; found {first['input']!r}") from None
