"""Unpacks zip archives that are not trusted: nothing leaves the folder, no links, no bombs."""

import bz2
import hashlib
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import IO

from stages.corpora.folders import created, opened
from stages.corpora.listing import unusable
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened

MEMBERS = 100_000
BYTES = 2 * 1024**3
CHUNK = 1024**2
MEMORY = 2**27  # bytes that an LZMA member may ask for: twice what 7-Zip's best asks


def unpack(
    archive: Path, folder: Path, keep: Callable[[str], bool], max_members: int = MEMBERS, max_bytes: int = BYTES
) -> dict[str, str]:
    """Writes the members that `keep` wants into `folder`; gives the sha256 of every member by name.

    One folder that holds all members, as GitHub's archives have, is left out of the names. Sizes are counted while
    unpacking: what an archive says of itself is not trusted.

    Raises:
        InputError: not a zip archive, damaged, encrypted; an absolute path, `..`, a link or two members of one name;
            more than `max_members` members or `max_bytes` bytes unpacked. `folder` is then to be thrown away.
    """
    digests, left = {}, max_bytes
    with opened(archive) as whole:
        with _reading(f"{archive}: not a readable zip archive"):
            file = zipfile.ZipFile(whole)
        for name, member in _checked_members(archive, file, max_members).items():
            digest, damaged = hashlib.sha256(), f"{archive}: {name}: damaged, or packed in a way that cannot be read"
            if kept := keep(name):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
            chunks = _unpacked(whole, file, member)
            with created(folder / name) if kept else nullcontext() as output:
                while True:
                    with _reading(damaged):
                        chunk = next(chunks, b"")
                    if not chunk:
                        break
                    left -= len(chunk)
                    if left < 0:
                        raise InputError(f"{archive}: {name}: expected at most {max_bytes} bytes unpacked, found more")
                    digest.update(chunk)
                    if output:
                        output.write(chunk)
            digests[name] = digest.hexdigest()
    return digests


def _unpacked(whole: IO[bytes], file: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes in pieces of at most CHUNK.

    What bzip2 and LZMA packed is not left to Python's zipfile (3.11), which unpacks 4 KiB of it at once: those may hold
    gigabytes, and an LZMA member may ask for 4 GiB besides.
    """
    if member.compress_type not in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with file.open(member) as source:
            while chunk := source.read(CHUNK):
                yield chunk
        return
    file.open(member).close()  # raises where the two headers of a member differ
    whole.seek(member.header_offset + 26)
    whole.seek(sum(struct.unpack("<HH", whole.read(4))), io.SEEK_CUR)  # beyond the name and what else there is
    left, checksum, size = member.compress_size, 0, 0
    if member.compress_type == zipfile.ZIP_LZMA:
        properties = struct.unpack("<2xH", whole.read(4))[0]
        ends = -1 if member.flag_bits & 0x2 else member.file_size
        unpacker, packed = lzma.LZMADecompressor(lzma.FORMAT_ALONE, MEMORY), whole.read(min(properties, left))
        left -= 4 + len(packed)
        packed += struct.pack("<q", ends)
    else:
        unpacker, packed = bz2.BZ2Decompressor(), b""
    while not unpacker.eof:
        if not packed and unpacker.needs_input:
            packed = whole.read(max(0, min(CHUNK, left)))
            left -= len(packed)
            if not packed:
                break
        chunk, packed = unpacker.decompress(packed, CHUNK), b""
        checksum, size = zlib.crc32(chunk, checksum), size + len(chunk)
        if chunk:
            yield chunk
    if not unpacker.eof or (checksum, size) != (member.CRC, member.file_size):
        raise ValueError("it is cut short, or its checksum or size is not as stated")


@contextmanager
def _reading(what: str) -> Iterator[None]:
    """What a damaged archive makes zipfile and the packers raise is this archive's error, OSError too (bzip2)."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{what} ({shortened(said, 200)})") from None


def _checked_members(archive: Path, file: zipfile.ZipFile, max_members: int) -> dict[str, zipfile.ZipInfo]:
    """The archive's files by their name without the common top folder, all of them safe to write."""
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    if len(file.infolist()) > max_members:
        raise InputError(f"{archive}: expected at most {max_members} members, found {len(file.infolist())}")
    for info in file.infolist():
        name = info.filename.replace("\\", "/")  # some archivers of Windows write it so
        path, kind = PurePosixPath(name), stat.S_IFMT(info.external_attr >> 16)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise InputError(f"{archive}: expected names inside the archive's folder, found {name!a}")
        if reason := unusable(path.as_posix()):
            raise InputError(f"{archive}: {name[:80]!a}: {reason}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"{archive}: expected files and folders, found a link or a device: {name!r}")
        if info.flag_bits & 0x1:
            raise InputError(f"{archive}: expected an archive without a password, found {name!r} encrypted")
        if info.is_dir() or name.endswith("/"):
            continue
        if path in members:
            raise InputError(f"{archive}: expected each name once, found {name!r} twice")
        members[path] = info
    if nested := next((path for path in members if any(parent in members for parent in path.parents)), None):
        raise InputError(f"{archive}: expected a file or a folder of one name, found both above {nested.as_posix()!r}")
    tops = {path.parts[0] for path in members}
    has_top = len(tops) == 1 and all(len(path.parts) > 1 for path in members)
    return {"/".join(path.parts[has_top:]): info for path, info in sorted(members.items())}
