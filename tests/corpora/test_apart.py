"""A reader in a process of its own: what it finds comes back, what goes wrong there is one line here."""

import faulthandler
import os
import signal

import pytest

from stages.corpora.apart import BYTES, read_apart
from stages.plumbing.errors import InputError


def _whole(path):
    return path.read_bytes() * 2


def _breaks_down(path):
    faulthandler.disable()  # pytest's would print a page about it
    os.kill(os.getpid(), signal.SIGSEGV)  # as a library does that writes where it should not


def _refuses(path):
    raise InputError(f"{path}: expected notes, found none")


def _takes_all(path):
    return bytes(2 * BYTES)


def test_what_is_read_comes_back(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(bytes(range(256)) * 1000)
    assert read_apart(_whole, path) == bytes(range(256)) * 2000


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (_breaks_down, "damaged, its reader breaks down on it"),
        (_refuses, "expected notes, found none"),
        (_takes_all, "claims more than fits into 4 GiB of memory"),
    ],
)
def test_what_goes_wrong_is_one_line(tmp_path, read, message):
    with pytest.raises(InputError, match=f"^{tmp_path / 'a.mat'}: {message}$"):
        read_apart(read, tmp_path / "a.mat")
