"""The rooms stay small: no file that is more than a subject, no folder that one cannot take in."""

from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "stages/findings"
FOLDERS = [ROOM, *(path for path in ROOM.rglob("*") if path.is_dir() and path.name != "__pycache__")]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_folder_holds_few_files_of_at_most_250_lines(folder):
    files = [path for path in folder.iterdir() if path.is_file()]
    assert len(files) <= 15
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 250 for path in files)


def test_the_room_holds_few_lines():
    files = [path for kind in ("*.py", "*.j2") for path in ROOM.rglob(kind)]
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 5200
