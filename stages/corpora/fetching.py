"""Fetches a source's files: from the mirror folder, then from each URL, accepted only by their digest.

Nothing that was fetched is executed or unpickled.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

import pooch
import requests

from stages.corpora.digests import contents_sha256, file_sha256
from stages.corpora.folders import copy, opened
from stages.corpora.listing import LEFT_OUT, LeftOut, list_files
from stages.corpora.sources import Archive, File, Local, Package
from stages.corpora.unpacking import unpack
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened

RETRIES = 2
TIMEOUT = 30  # seconds without an answer

pooch.get_logger().setLevel("ERROR")  # what is tried and why it failed is reported below


def fetch(name: str, source: File | Archive | Package | Local, folder: Path) -> str:
    """Fills `folder` with the source's files and says where they came from.

    Raises:
        InputError: the source cannot be had or is not what its digest says; `folder` is then to be thrown away.
    """
    match source:
        case File():
            return _first_accepted(
                name, source, source.sha256, lambda path: _accept_file(path, source, folder), folder.parent
            )
        case Archive():
            return _first_accepted(
                name, source, None, lambda path: _accept_archive(path, source, folder), folder.parent
            )
        case Package():
            return _copy_package(name, source, folder)
        case Local():
            return _copy_local(name, source, folder)


def _first_accepted(
    name: str, source: File | Archive, sha256: str | None, accept: Callable[[Path], None], scratch: Path
) -> str:
    """Tries the mirror, then each URL; the one error of all failures names each and what can be done."""
    failures = []
    if mirror := os.environ.get("DATA_MIRROR"):
        path = Path(mirror).expanduser() / source.file
        try:
            if not path.is_file():
                raise InputError("no such file")
            accept(path)
            return str(path)
        except (InputError, OSError) as error:
            failures.append(f"{path}: {str(error).removeprefix(f'{path}: ')}")
    else:
        failures.append("DATA_MIRROR: not set")
    with tempfile.TemporaryDirectory(dir=scratch) as temporary:
        for url in source.urls:
            try:
                path = _download(url, source.file, sha256, Path(temporary))
                accept(path)
                return f"{url} (not from {failures[0]})" if mirror else url
            except (InputError, ValueError, requests.RequestException) as error:
                failures.append(f"{url}: {' '.join(str(error).replace(f'{temporary}/', '').split())}")
                Path(temporary, source.file).unlink(missing_ok=True)
    digest = f"sha256 {source.sha256}" if isinstance(source, File) else f"contents_sha256 {source.contents_sha256}"
    raise InputError(
        f"source {name}: {source.file} cannot be had. Tried:\n"
        + "".join(f"  - {failure}\n" for failure in failures)
        + f"Place {source.file} ({digest}) in a folder and set the environment variable DATA_MIRROR to that folder; "
        "where a digest differs, the file was damaged on its way or has changed: fetch it again, or check its origin."
    )


def _download(url: str, file: str, sha256: str | None, folder: Path) -> Path:
    """The path of the downloaded file; a progress bar is drawn on a terminal only."""
    store = pooch.create(path=folder, base_url="", registry={file: sha256}, urls={file: url}, retry_if_failed=RETRIES)
    downloader = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT, chunk_size=2**16)
    return Path(store.fetch(file, downloader=downloader))


def _accept_file(path: Path, source: File, folder: Path) -> None:
    with opened(path):
        found = file_sha256(path)
    if found != source.sha256:
        raise InputError(f"expected sha256 {source.sha256}, found {found}")
    copy(path, folder / source.file)


def _accept_archive(path: Path, source: Archive, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        members = unpack(path, Path(temporary), lambda name: _matches(name, source.keep))
        _require_digest(members, source.contents_sha256, "")
        _require_any(os.listdir(temporary), source.keep, "")
        for name in os.listdir(temporary):
            shutil.move(Path(temporary, name), folder)


def _copy_package(name: str, source: Package, folder: Path) -> str:
    spec = find_spec(source.package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(f"source {name}: the Python package {source.package} is not installed; install it with pip")
    origin = Path(spec.submodule_search_locations[0], source.folder)
    installed = f"{source.package} {version(source.package)}"
    try:
        digests = _copy(origin, folder, source.keep)
    except InputError as error:
        raise InputError(f"source {name}: {installed}: {error}") from None
    _require_digest(digests, source.contents_sha256, f"source {name}: the files of {installed}: ")
    return f"{installed}, {source.folder}"


def _copy_local(name: str, source: Local, folder: Path) -> str:
    where = f"source {name}: path {shortened(source.path)}: "
    try:
        origin = source.place()
    except InputError as error:
        raise InputError(f"source {name}: {error}") from None
    if origin.is_dir():
        digests = _copy(origin, folder, source.keep, skip_unreadable=True)
    else:
        digests = unpack(origin, folder, lambda member: _matches(member, source.keep))
        _require_any(os.listdir(folder), source.keep, where)
    if source.contents_sha256:
        _require_digest(digests, source.contents_sha256, where)
    return shortened(source.path)


def _copy(origin: Path, folder: Path, keep: list[str], skip_unreadable: bool = False) -> dict[str, str]:
    """Copies the wanted files; gives the sha256 of each by name.

    Args:
        skip_unreadable: goes on without what cannot be copied, and leaves word of it, and of hidden files, in
            `LEFT_OUT`: whether to do without is for the dataset's reader.
    """
    listing = list_files(origin)
    names, unusable, digests = [name for name in listing.names if _matches(name, keep)], dict(listing.unusable), {}
    _require_any(names, keep, f"{origin}: ")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        try:
            copy(origin / name, folder / name)
            digests[name] = file_sha256(folder / name)
        except InputError as error:
            unusable[name] = str(error).removeprefix(f"{origin / name}: ")
    if unusable and not (skip_unreadable and digests):
        name, reason = next(iter(unusable.items()))
        raise InputError(f"{origin / name}: {reason}")
    if skip_unreadable and (unusable or listing.hidden):
        left_out = LeftOut(unusable=unusable, hidden=listing.hidden)
        (folder / LEFT_OUT).write_text(left_out.model_dump_json(indent=2), encoding="utf-8")
    return digests


def _matches(name: str, keep: list[str]) -> bool:
    return any(PurePosixPath(name).match(pattern) for pattern in keep)


def _require_any(names: list[str], keep: list[str], where: str) -> None:
    if not names:
        raise InputError(f"{where}expected files that match {shortened(' or '.join(keep), 200)}, found none")


def _require_digest(members: dict[str, str], expected: str, where: str) -> None:
    found = contents_sha256(members)
    if found != expected:
        raise InputError(f"{where}expected contents_sha256 {expected}, found {found} over {len(members)} files")
