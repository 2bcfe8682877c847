"""Digests: of a file, and of contents, which are the same however they were archived."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def contents_sha256(members: Mapping[str, str]) -> str:
    """The sha256 over the lines `<sha256 of the member>  <name>`, sorted by name (what `sha256sum` prints)."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(members.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
