"""Folders as people bring them: their names, their splits, and files that are none."""

import os
import signal
import time
from multiprocessing import get_context

import pytest

from stages.corpora.folders import content, copy, read_each, whole_folder
from stages.corpora.listing import LEFT_OUT, find_files, list_files
from stages.corpora.splitting import by_folder
from stages.plumbing.errors import InputError

CONTROL = "expected a name without control characters and line breaks; rename it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"caf\xe9.mid", ("caf\\udce9.mid", "expected a name in UTF-8, found other bytes; rename it")),
        (b"two\nlines.mid", ("two\\nlines.mid", CONTROL)),
        ("a\u2028b.mid".encode(), ("a\\u2028b.mid", CONTROL)),
        (b"\x1b[31mred.mid", ("\\x1b[31mred.mid", CONTROL)),
    ],
)
def test_names_that_would_break_a_table_or_a_page_are_refused_in_one_line(tmp_path, name, expected):
    (tmp_path / "a.mid").touch()
    with open(os.fsencode(tmp_path) + b"/" + name, "w"):
        pass
    os.mkdir(os.fsencode(tmp_path) + b"/folder of " + name)
    found = list_files(tmp_path)
    assert found.names == ["a.mid"]
    assert found.unusable == {expected[0]: expected[1], f"folder of {expected[0]}": expected[1]}
    assert all(text.isprintable() for pair in found.unusable.items() for text in pair)


def test_what_systems_hide_is_counted(tmp_path):
    for name in ("a.mid", "._a.mid", ".DS_Store", "Thumbs.db", "in/desktop.ini", "__MACOSX/in/._a.mid", ".git/a.mid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_files(tmp_path) == (["a.mid"], {}, 6)


@pytest.mark.parametrize("content", ["", "[]", '{"hidden": -1}', '{"unusable": {"a": 1}}', "[" * 100_000, "\udc80"])
def test_a_damaged_list_of_what_was_left_out_is_refused(tmp_path, content):
    (tmp_path / LEFT_OUT).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=LEFT_OUT) as error:
        list_files(tmp_path)
    assert str(error.value).isprintable()


def test_unusual_names_are_read(tmp_path):
    names = ["<b>&amp;.mid", "\u00c4.mid", "A\u0308.mid", "a.MID", "A.mid", "ab" * 125 + ".mid", "a:b.mid", "a\\b.mid"]
    for name in names:
        (tmp_path / name).touch()
    assert find_files(tmp_path, [".mid"]).names == sorted(names)


def test_other_endings_are_counted_and_told_where_none_fits(tmp_path):
    for name in ("a.mid", "b.TXT", "c.txt", "LICENSE", ".hidden"):
        (tmp_path / name).touch()
    assert find_files(tmp_path, [".mid"]).others == {".txt": 2, "none": 1}
    with pytest.raises(
        InputError, match=r"expected files ending in .wav, found none; there are files ending in .mid, "
    ):
        find_files(tmp_path, [".wav"])


def special(folder):
    (folder / "dangling.mid").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.mid")
    (folder / "loop.mid").symlink_to("loop.mid")
    return {
        "dangling.mid": "expected a file, found a link to nothing",
        "pipe.mid": "expected a file, found a folder, a pipe or a device",
        "loop.mid": r"cannot be read \(Too many levels of symbolic links\)",
    }


def killed_while_filling(path, begun):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with whole_folder(path) as folder:
        (folder / "train.npz").touch()
        begun.set()
        time.sleep(60)


def test_what_a_killed_process_left_half_full_is_removed_by_the_next_and_anothers_is_not(tmp_path):
    context = get_context("fork")
    filling = []
    for name in ("a", "b"):
        begun = context.Event()
        filling.append(context.Process(target=killed_while_filling, args=(tmp_path / name, begun)))
        filling[-1].start()
        assert begun.wait(30)
    filling[0].terminate()
    filling[0].join()
    assert len(list(tmp_path.iterdir())) == 2
    with whole_folder(tmp_path / "a"), whole_folder(tmp_path / "b"):
        assert len(list(tmp_path.iterdir())) == 3, "one of a, two of b"
    filling[1].terminate()
    filling[1].join()
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["a", "b"]


def test_what_is_no_file_is_refused_by_name_and_left_out_if_asked(tmp_path):
    reasons = special(tmp_path)
    (tmp_path / "good.mid").write_bytes(b"good")
    read = lambda path: path.read_bytes()  # noqa: E731
    for name, reason in reasons.items():
        for use in (lambda path: content(path, 9), lambda path: copy(path, tmp_path / "copy")):
            with pytest.raises(InputError, match=f"{name}: {reason}"):
                use(tmp_path / name)
        with pytest.raises(InputError, match=f"{name}: {reason}"):
            read_each(tmp_path, [name, "good.mid"], read, skip_unreadable=False)
    found, left_out = read_each(tmp_path, [*reasons, "good.mid"], read, skip_unreadable=True)
    assert found == {"good.mid": b"good"} and left_out.keys() == reasons.keys()
    with pytest.raises(InputError, match="odd: rename it .`skip_unreadable: true`"):
        read_each(tmp_path, ["good.mid"], read, skip_unreadable=False, unusable={"odd": "rename it"})
    _, left_out = read_each(tmp_path, ["good.mid"], read, skip_unreadable=True, unusable={"odd": "rename it"})
    assert left_out == {"odd": f"{tmp_path}/odd: rename it"}


def test_a_link_to_a_folder_and_a_circle_are_refused(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/again").symlink_to(tmp_path)
    assert list(list_files(tmp_path).unusable) == ["a/again"]
    with pytest.raises(InputError, match="expected files .*a/again: expected a folder, found a link to one"):
        find_files(tmp_path, [".mid"])


def test_lack_of_memory_for_one_file_is_that_files_error(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)

    def read(path):
        if path.name == "a":
            raise MemoryError
        return path.read_text()

    with pytest.raises(InputError, match="a: more memory is asked for than there is"):
        read_each(tmp_path, ["a", "b"], read, skip_unreadable=False)
    assert read_each(tmp_path, ["a", "b"], read, skip_unreadable=True)[0] == {"b": "b"}


def test_an_error_of_reading_is_not_told_as_one_of_writing(tmp_path):
    (tmp_path / "origin").symlink_to("nowhere")
    with pytest.raises(InputError, match="origin: expected a file, found a link to nothing"):
        with whole_folder(tmp_path / "out") as folder:
            copy(tmp_path / "origin", folder / "a")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="out: cannot be written .*disk's space"):
        with whole_folder(tmp_path / "out") as folder:
            (folder / "missing/a").write_text("a")


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "valid", "test"),
        ("Train", "Valid", "TEST"),
        ("training", "validation", "testing"),
        ("train", "dev", "eval"),
    ]
    + [("set/deep/Train", "set/deep/val", "set/deep/Test")],
)
def test_a_nearly_met_convention_is_met(folders):
    names = [f"{folder}/{n}.mid" for folder in folders for n in range(2)]
    found = by_folder(names, "here")
    assert list(found.values()) == [names[:2], names[2:4], names[4:]]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/a", "test/b"], "found none in valid"),
        (["train/a", "valid/b", "test/c", "z"], "found z beside them"),
        (["train/a", "valid/b", "dev/c", "test/d"], "expected one folder for the split valid, found dev, valid"),
        (["train_1/a", "valid_1/b", "test_1/c"], "expected the folders train, valid and test.*; found train_1/a"),
        (["trainset/a", "testset/c"], "expected the folders train, valid and test.*; found trainset/a"),
        (["bach/train/a", "bach/test/b", "haydn/train/c"], "expected the folders .*; found bach/train/a"),
    ],
)
def test_folders_that_look_like_splits_are_never_passed_over(names, expected):
    with pytest.raises(InputError, match=f"here: .*{expected}"):
        by_folder(names, "here")


def test_other_folders_are_no_splits():
    assert by_folder(["bach/a", "tests of time.mid", "trains/b", "evaluate"], "here") is None
