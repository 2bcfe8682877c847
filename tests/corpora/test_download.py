"""The catalogue, fetching from mirror and URLs, digests, and unpacking what is not trusted."""

import bz2
import hashlib
import http.server
import os
import stat
import struct
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pooch.core
import pytest
from ruamel.yaml import YAML

from stages import download
from stages.corpora.digests import contents_sha256
from stages.corpora.folders import whole_folder
from stages.corpora.listing import list_files
from stages.corpora.sources import SOURCES, find
from stages.corpora.unpacking import unpack
from stages.plumbing.errors import InputError

PROJECT = Path(__file__).parents[2]
CONTENT = b"the true content"
NOTHING_LISTENS = "http://127.0.0.1:9/data.bin"


@pytest.fixture(autouse=True)
def _no_mirror_and_no_waiting(monkeypatch):
    monkeypatch.delenv("DATA_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch.core.time, "sleep", lambda seconds: None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project whose catalogue is what `catalogue(entry)` writes, under the name `data`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    def catalogue(**entry):
        YAML().dump({"sources": {"data": entry}}, tmp_path / SOURCES)

    return catalogue


@pytest.fixture
def server(tmp_path):
    """A server on this machine of the files in `served`; `requests` lists the paths asked for."""
    folder = tmp_path / "served"
    folder.mkdir()
    requests = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(folder))

        def log_message(self, *arguments):
            requests.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}", requests
        running.shutdown()


def run(monkeypatch, name="data"):
    monkeypatch.setattr(sys, "argv", ["download", "--source", name])
    download.main()


def file_entry(*urls):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return dict(kind="file", file="data.bin", sha256=digest, urls=[*urls], licence="CC0", citation="Nobody 2000")


def archive_entry(members, *urls):
    digest = contents_sha256({name: hashlib.sha256(data).hexdigest() for name, data in members.items()})
    return dict(
        kind="archive",
        file="data.zip",
        contents_sha256=digest,
        urls=[*urls],
        keep=["MIDI/*.mid"],
        licence="CC0",
        citation="Nobody 2000",
    )


def write_zip(path, members, top="", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(top + name, data)
    return path


def left_in(folder):
    return sorted(path.name for path in Path(folder).iterdir()) if Path(folder).exists() else []


# The catalogue


def test_every_source_of_the_study_is_complete():
    content = YAML(typ="safe").load(PROJECT / SOURCES)["sources"]
    assert {"jsb_chorales", "nottingham", "musedata", "piano_midi"} <= set(content)
    assert {"free_spoken_digits", "nottingham_midi", "bach_chorales"} <= set(content)
    for name in content:
        source = find(name, PROJECT / SOURCES)
        if source.kind in ("file", "archive"):
            assert len(source.urls) >= 2
        if source.kind != "path":
            assert source.licence and source.citation


def test_an_unknown_source_lists_the_known_ones(project, monkeypatch):
    project(**file_entry(NOTHING_LISTENS))
    with pytest.raises(InputError, match="no key 'bach' under sources; known there: data"):
        run(monkeypatch, "bach")
    with pytest.raises(InputError, match="a source's name of a-z, 0-9 and _, found '../data'"):
        run(monkeypatch, "../data")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sha256": "abc"}, r"sources.data.sha256: .*found 'abc'"),
        ({"urls": []}, r"sources.data.urls: .*found \[\]"),
        ({"urls": ["ftp://example.org/x"]}, r"sources.data.urls.0: .*found 'ftp://example.org/x'"),
        ({"urls": 3}, r"sources.data.urls: .*found 3"),
        ({"file": "../x"}, r"sources.data.file: .*found '../x'"),
        ({"licence": None}, r"sources.data.licence: .*found None"),
        ({"colour": "red"}, r"sources.data.colour: .*found 'red'"),
        ({"kind": "torrent"}, r"sources.data.kind: expected one of file, archive, package, path; found 'torrent'"),
    ],
)
def test_a_wrong_entry_names_key_and_value(project, monkeypatch, change, expected):
    project(**(file_entry(NOTHING_LISTENS) | change))
    with pytest.raises(InputError, match=expected):
        run(monkeypatch)


# Mirror, URLs and digests


def test_the_mirror_comes_before_the_network(project, monkeypatch, tmp_path, server):
    folder, address, requests = server
    (folder / "data.bin").write_bytes(CONTENT)
    monkeypatch.setenv("DATA_MIRROR", str(folder))
    project(**file_entry(f"{address}/data.bin"))
    run(monkeypatch)
    assert (tmp_path / "data/raw/data/data.bin").read_bytes() == CONTENT
    assert requests == []


def test_a_later_url_is_used_when_mirror_and_earlier_ones_fail(project, monkeypatch, tmp_path, server, capsys):
    folder, address, requests = server
    (folder / "corrupt.bin").write_bytes(CONTENT[:-1])
    (folder / "good.bin").write_bytes(CONTENT)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/data.bin").write_bytes(b"damaged")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "mirror"))
    project(**file_entry(f"{address}/missing.bin", f"{address}/corrupt.bin", f"{address}/good.bin"))
    run(monkeypatch)
    assert (tmp_path / "data/raw/data/data.bin").read_bytes() == CONTENT
    assert requests.count("/missing.bin") > 1, "a failed download is tried again"
    printed = capsys.readouterr()
    assert f"1 file from {address}/good.bin (not from {tmp_path}/mirror/data.bin: expected sha256" in printed.out
    assert printed.err == "", "no progress bar without a terminal"


def test_when_all_fail_one_error_names_each_and_nothing_is_left(project, monkeypatch, tmp_path, server):
    folder, address, _ = server
    (folder / "corrupt.bin").write_bytes(b"damaged on its way")
    monkeypatch.setenv("DATA_MIRROR", str(tmp_path / "nowhere"))
    entry = file_entry(f"{address}/corrupt.bin", f"{address}/missing.bin", NOTHING_LISTENS)
    project(**entry)
    with pytest.raises(InputError) as error:
        run(monkeypatch)
    lines = str(error.value).splitlines()
    assert lines[0] == "source data: data.bin cannot be had. Tried:"
    assert lines[1] == f"  - {tmp_path}/nowhere/data.bin: no such file"
    assert lines[2].startswith(f"  - {address}/corrupt.bin: ") and entry["sha256"] in lines[2]
    assert lines[3].startswith(f"  - {address}/missing.bin: 404")
    assert lines[4].startswith(f"  - {NOTHING_LISTENS}: ") and "refused" in lines[4]
    assert "DATA_MIRROR" in lines[5] and entry["sha256"] in lines[5]
    assert left_in(tmp_path / "data/raw") == []


def test_a_failure_leaves_what_was_there_before(project, monkeypatch, tmp_path):
    before = tmp_path / "data/raw/data"
    before.mkdir(parents=True)
    (before / "old.bin").write_bytes(b"old")
    project(**file_entry(NOTHING_LISTENS))
    with pytest.raises(InputError):
        run(monkeypatch)
    assert left_in(before.parent) == ["data"] and left_in(before) == ["old.bin"]


def test_the_command_ends_with_one_message_and_status_1(project, tmp_path):
    project(**file_entry(NOTHING_LISTENS))
    command = [sys.executable, "-m", "stages.download", "--source", "other"]
    ended = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr == "error: data/sources.yaml: no key 'other' under sources; known there: data\n"


def test_another_archivers_zip_of_the_same_files_is_accepted(project, monkeypatch, tmp_path, server):
    folder, address, _ = server
    members = {"README.md": b"read me", "MIDI/b.mid": b"two", "MIDI/a.mid": b"one", "MIDI/chords/a.mid": b"three"}
    write_zip(folder / "one.zip", members, top="repository-0992bb6/")
    turned = dict(reversed(members.items()))
    write_zip(folder / "two.zip", turned, compression=zipfile.ZIP_DEFLATED)
    write_zip(folder / "other.zip", members | {"README.md": b"read you"})
    for name in ("one.zip", "two.zip"):
        project(**archive_entry(members, f"{address}/{name}"))
        run(monkeypatch)
        raw = tmp_path / "data/raw/data"
        assert {path.relative_to(raw).as_posix() for path in raw.rglob("*.*")} == {"MIDI/a.mid", "MIDI/b.mid"}
        assert (raw / "MIDI/a.mid").read_bytes() == b"one"
    project(**archive_entry(members, f"{address}/other.zip"))
    with pytest.raises(InputError, match=r"other.zip: expected contents_sha256 \w+, found \w+ over 4 files"):
        run(monkeypatch)


def test_a_users_folder_and_zip_are_copied_and_verified_if_asked(project, monkeypatch, tmp_path):
    (tmp_path / "mine/train").mkdir(parents=True)
    (tmp_path / "mine/train/a.mid").write_bytes(b"one")
    (tmp_path / "mine/.DS_Store").write_bytes(b"hidden")
    write_zip(tmp_path / "mine.zip", {"train/a.mid": b"one", "test/b.mid": b"two"}, top="mine/")
    digest = contents_sha256({"train/a.mid": hashlib.sha256(b"one").hexdigest()})
    project(kind="path", path=str(tmp_path / "mine"), contents_sha256=digest)
    run(monkeypatch)
    assert list_files(tmp_path / "data/raw/data") == (["train/a.mid"], {}, 1)
    project(kind="path", path="mine.zip")
    run(monkeypatch)
    assert (tmp_path / "data/raw/data/test/b.mid").read_bytes() == b"two"
    project(kind="path", path="mine.zip", contents_sha256=digest)
    with pytest.raises(InputError, match="path mine.zip: expected contents_sha256"):
        run(monkeypatch)
    project(kind="path", path="nowhere")
    with pytest.raises(InputError, match="path nowhere: expected a folder or a zip archive, found neither"):
        run(monkeypatch)


@pytest.mark.parametrize(
    "path",
    ["~nosuchuser/music", "a\0b", "x" * 5000, "/dev/null", "<b>\n</b>", "loop"],
    ids=lambda path: ascii(path)[:12],
)
def test_a_path_that_leads_nowhere_is_told_in_one_line(project, monkeypatch, tmp_path, path):
    (tmp_path / "loop").symlink_to("loop")
    project(kind="path", path=path)
    with pytest.raises(InputError, match=r"source data: path .*: expected a folder or a zip archive") as error:
        run(monkeypatch)
    assert str(error.value).isprintable() and len(str(error.value)) < 400
    assert left_in(tmp_path / "data/raw") == []


@pytest.mark.parametrize("keep", [[""], ["."], []])
def test_a_pattern_that_is_none_is_named(project, monkeypatch, keep):
    project(kind="path", path="mine", keep=keep)
    with pytest.raises(InputError, match=r"data/sources.yaml: sources.data.keep"):
        run(monkeypatch)


def test_what_cannot_be_copied_of_a_users_folder_is_left_out_and_told(project, monkeypatch, tmp_path, capsys):
    project(kind="path", path="mine")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "link.mid").symlink_to("nowhere")
    with pytest.raises(InputError, match="mine/link.mid: expected a file, found a link to nothing"):
        run(monkeypatch)
    assert left_in(tmp_path / "data/raw") == []
    (mine / "a.mid").write_bytes(b"one")
    os.mkfifo(mine / "pipe.mid")
    open(os.fsencode(mine) + b"/caf\xe9.mid", "w").close()
    run(monkeypatch)
    found = list_files(tmp_path / "data/raw/data")
    assert found.names == ["a.mid"] and found.unusable == {
        "caf\\udce9.mid": "expected a name in UTF-8, found other bytes; rename it",
        "link.mid": "expected a file, found a link to nothing",
        "pipe.mid": "expected a file, found a folder, a pipe or a device",
    }
    printed = capsys.readouterr().out
    assert "data/raw/data: 1 file from mine\n" in printed and printed.count("data/raw/data: left out: ") == 3


def test_files_of_an_installed_package_are_verified(project, monkeypatch, tmp_path):
    entry = dict(kind="package", package="music21", folder="corpus/bach", licence="-", citation="-")
    project(**entry, keep=["bwv10.7.mxl"], contents_sha256="0" * 64)
    with pytest.raises(
        InputError, match=r"source data: the files of music21 [\d.]+: expected contents_sha256 0+, found"
    ):
        run(monkeypatch)
    project(**entry, keep=["nothing*"], contents_sha256="0" * 64)
    with pytest.raises(InputError, match=r"expected files that match nothing\*, found none"):
        run(monkeypatch)
    project(**(entry | {"package": "no_such_package"}), keep=["*"], contents_sha256="0" * 64)
    with pytest.raises(InputError, match="the Python package no_such_package is not installed"):
        run(monkeypatch)


def test_the_installed_chorales_are_those_of_the_study(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / SOURCES).write_bytes((PROJECT / SOURCES).read_bytes())
    run(monkeypatch, "bach_chorales")
    assert len(left_in(tmp_path / "data/raw/bach_chorales")) == 410


# Unpacking


def unpack_all(archive, folder, **bounds):
    folder.mkdir(exist_ok=True)
    return unpack(archive, folder, lambda name: True, **bounds)


@pytest.mark.parametrize("name", ["/etc/owned", "../owned", "a/../../owned", "..\\owned", "a/.."])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, name):
    archive = write_zip(tmp_path / "a.zip", {"good.mid": b"good", name: b"owned"})
    with pytest.raises(InputError, match="a.zip: expected names inside the archive's folder"):
        unpack_all(archive, tmp_path / "out")
    assert left_in(tmp_path / "out") == [] and left_in(tmp_path) == ["a.zip", "out"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path, kind):
    member = zipfile.ZipInfo("link")
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(InputError, match="found a link or a device: 'link'"):
        unpack_all(tmp_path / "a.zip", tmp_path / "out")


def test_bombs_are_stopped_at_the_bound_whatever_the_header_says(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"zeros": bytes(5_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert archive.stat().st_size < 10_000
    with pytest.raises(InputError, match="expected at most 1000000 bytes unpacked"):
        unpack_all(archive, tmp_path / "out", max_bytes=1_000_000)
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= 1_000_000
    lying = bytearray(archive.read_bytes())
    size = (5_000_000).to_bytes(4, "little")
    assert lying.count(size) == 2  # in the member's own header and in the directory
    (tmp_path / "lying.zip").write_bytes(bytes(lying).replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(InputError, match="lying.zip: "):
        unpack_all(tmp_path / "lying.zip", tmp_path / "other", max_bytes=1_000_000)
    many = write_zip(tmp_path / "many.zip", {str(n): b"" for n in range(11)})
    with pytest.raises(InputError, match="expected at most 10 members, found 11"):
        unpack_all(many, tmp_path / "out", max_members=10)


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_unpacked_in_pieces_and_refused_when_damaged(tmp_path, method, monkeypatch):
    content = {"zeros": bytes(5_000_000), "noise": np.random.default_rng(0).bytes(100_000), "empty": b""}
    archive = write_zip(tmp_path / "a.zip", content, compression=method)
    monkeypatch.setattr("stages.corpora.unpacking.CHUNK", 10_000)
    unpack_all(archive, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == content
    data = archive.read_bytes()
    with zipfile.ZipFile(archive) as whole:
        place = whole.getinfo("noise").header_offset + 50_000
    for n, end in enumerate((b"\0" * 9 + data[place + 9 :], data[place + 9 :])):
        (tmp_path / "damaged.zip").write_bytes(data[:place] + end)
        with pytest.raises(InputError, match="damaged.zip: "):
            unpack_all(tmp_path / "damaged.zip", tmp_path / str(n))


def test_what_a_member_holds_costs_no_more_memory_than_a_piece(tmp_path):
    """100 MB of zeros in a few hundred bytes, which zipfile would unpack at once."""
    packed = bz2.compress(bytes(100_000_000))
    assert len(packed) < 1000
    archive = write_zip(tmp_path / "a.zip", {"zeros": packed})
    stored = archive.read_bytes()
    method, size = struct.pack("<H", zipfile.ZIP_BZIP2), struct.pack("<I", 100_000_000)
    for place in (8, stored.index(b"PK\1\2") + 10):
        stored = stored[:place] + method + stored[place + 2 :]
    for place in (22, stored.index(b"PK\1\2") + 24):
        stored = stored[:place] + size + stored[place + 4 :]
    archive.write_bytes(stored)
    tracemalloc.start()
    with pytest.raises(InputError, match="a.zip: zeros: expected at most 5000000 bytes unpacked, found more"):
        unpack_all(archive, tmp_path / "out", max_bytes=5_000_000)
    assert tracemalloc.get_traced_memory()[1] < 30_000_000
    tracemalloc.stop()


def test_an_lzma_members_dictionary_is_a_claim(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"a.mid": bytes(1000)}, compression=zipfile.ZIP_LZMA)
    content = bytearray(archive.read_bytes())
    content[40:44] = (2**31).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(InputError, match="a.zip: a.mid: damaged, .*[Mm]emory"):
        unpack_all(archive, tmp_path / "out")


def test_damaged_archives_and_doubled_names_are_refused(tmp_path):
    good = write_zip(tmp_path / "good.zip", {"a": b"a" * 1000}).read_bytes()
    for name, data in {"none.zip": b"", "text.zip": b"no archive", "short.zip": good[:500]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"{name}: not a readable zip archive"):
            unpack_all(tmp_path / name, tmp_path / "out")
    (tmp_path / "flipped.zip").write_bytes(good.replace(b"aaaa", b"aaba", 1))
    with pytest.raises(InputError, match="flipped.zip: a: damaged, or packed in a way that cannot be read"):
        unpack_all(tmp_path / "flipped.zip", tmp_path / "out")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    with pytest.raises(InputError, match="expected each name once, found 'a' twice"):
        unpack_all(tmp_path / "two.zip", tmp_path / "out")
    write_zip(tmp_path / "both.zip", {"a": b"1", "a/b": b"2"})
    with pytest.raises(InputError, match="expected a file or a folder of one name"):
        unpack_all(tmp_path / "both.zip", tmp_path / "out")


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(RuntimeError), whole_folder(tmp_path / "out") as folder:
        (folder / "half").write_bytes(b"half")
        assert left_in(tmp_path) != [] and not (tmp_path / "out").exists()
        raise RuntimeError
    assert left_in(tmp_path) == []
    for content in (b"first", b"second"):
        with whole_folder(tmp_path / "out") as folder:
            (folder / "file").write_bytes(content)
    assert left_in(tmp_path) == ["out"] and (tmp_path / "out/file").read_bytes() == b"second"
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be written"), whole_folder(tmp_path / "file/out"):
        pass
