"""Mends what a kill leaves of DVC's own files: a torn dvc.lock, a torn or orphaned .dvc/tmp/rwlock.

DVC rewrites dvc.lock in place after every stage, which takes seconds: a kill in between leaves an empty file, or one
cut off, which may still be valid YAML whose last stages are lost. Here a stage is the text of its entry, because that
is how a cut shows, and because parsing the file takes longer than all else. `dvc repro` runs the stages that are not
entered; a training among them finds its repeats and ends at once, so a few entries lost cost seconds, not hours.
"""

import fcntl
import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.plumbing.files import whole

LOCK, PIPELINE = Path("dvc.lock"), Path("dvc.yaml")
KEPT = Path(".dvc/tmp/dvc.lock.kept")  # the last that was whole, ignored by git
RWLOCK = Path(".dvc/tmp/rwlock")
GUARD, RWGUARD = Path(".dvc/tmp/lock"), Path(".dvc/tmp/rwlock.lock")  # locked by a DVC while it writes these
HEADER = "schema: '2.0'\nstages:\n"
_STAGE = re.compile(r"^  (?P<name>\S.*?):\n(?:(?:    .*)?\n)*", re.MULTILINE)
# How the entry of a stage with an output ends: the output's digest and size, of a folder also how many files it holds.
_END = re.compile(
    r"^    outs:\n(?:.*\n)*      md5: (?:\w+\n      size: \d+|\w+\.dir\n      size: \d+\n      nfiles: \d+)\n"
    r"(?:      isexec: \w+\n)?\Z",
    re.MULTILINE,
)


def stages(text: str) -> dict[str, str]:
    """The entries of a dvc.lock by the stage's name, in its order; without the last one where it is cut off."""
    entries = [match[0] for match in _STAGE.finditer(text)]
    if wound(text):
        entries = entries[:-1]
    return {re.match(r"  (\S.*?):\n", entry)[1].strip("'\""): entry for entry in entries}


def wound(text: str) -> str | None:
    """What is wrong with a dvc.lock by its looks, or None."""
    if not text.startswith(HEADER):
        return "it is empty" if not text.strip() else "its beginning is not a lock's"
    if re.search("[\x00-\x08\x0b-\x1f\ufffd]", text):
        return "it holds other bytes than text"
    entries = [match[0] for match in _STAGE.finditer(text)]
    if not entries or len(HEADER) + sum(map(len, entries)) != len(text) or not _END.search(entries[-1]):
        return "it is cut off"
    return None


def lost(folder: Path = Path()) -> list[str]:
    """Stages that dvc.lock lacks although the last whole one, kept or committed, has them and dvc.yaml too."""
    path = folder / LOCK
    if not path.exists() or _is_committed(folder):
        return []
    here, declared = stages(path.read_text(errors="replace")), (folder / PIPELINE).read_text()
    names = re.findall(r"^  (\S+):", declared, re.MULTILINE)
    return [name for name in stages(_whole(folder)) if name not in here and name.partition("@")[0] in names]


def keep(folder: Path = Path()) -> None:
    """Keeps a copy of dvc.lock where it is whole; to be called when nobody has written it for a moment."""
    with suppress(OSError):
        text = (folder / LOCK).read_text(errors="replace")
        if wound(text) is None:
            with whole(folder / KEPT) as path:
                path.write_text(text)


def mend(folder: Path = Path()) -> list[str]:
    """Mends both files unless another DVC is at work on them; what was done, a line each."""
    lines = []
    for guard, heal in ((GUARD, _mend_lock), (RWGUARD, _mend_rwlock)):
        with suppress(OSError), (folder / guard).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lines.append(heal(folder))
    return [line for line in lines if line]


def _mend_lock(folder: Path) -> str | None:
    path = folder / LOCK
    if not path.exists():
        return None  # as before a first run; DVC never removes it
    text = path.read_text(errors="replace")
    damage, gone = wound(text), lost(folder)
    if damage is None and not gone:
        return None
    before, own = stages(_whole(folder)), stages(text)
    mended = before | own
    if not _is_yaml(HEADER + "".join(mended.values())):
        mended = before
    damage = damage or f"it lacked {len(gone)} stages that it had"
    if not mended:
        path.unlink()
        return f"{LOCK} ({damage}); there is no whole one to mend it from: it begins anew"
    with whole(path) as temporary:
        temporary.write_text(HEADER + "".join(mended.values()))
    return f"{LOCK} ({damage}), from the last whole one; {len(mended)} stages are entered"


def _mend_rwlock(folder: Path) -> str | None:
    """Removes a file that is no JSON, or names only processes that are gone."""
    path = folder / RWLOCK
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(errors="replace"))
        entries = [*content.get("write", {}).values(), *sum(content.get("read", {}).values(), [])]
        gone = entries and not any(_is_dvc(int(entry["pid"])) for entry in entries)
        reason = "it names processes that are gone" if gone else None
    except (ValueError, TypeError, KeyError, AttributeError):
        reason = "it was torn"
    if reason is None:
        return None
    path.unlink()
    return f"{RWLOCK} ({reason}), removed"


def _is_dvc(pid: int) -> bool:
    """Whether a process is one of DVC's: after a restart another may have its number."""
    try:
        return any("dvc" in part for part in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def _is_yaml(text: str) -> bool:
    try:
        return all("cmd" in entry for entry in YAML(typ="safe").load(text)["stages"].values())
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError):
        return False


def _whole(folder: Path) -> str:
    """The newer of the copy that was kept and git's; empty where there is neither."""
    kept = folder / KEPT
    committed = _git(folder, "show", f"HEAD:./{LOCK}")
    since = _git(folder, "log", "-1", "--format=%ct", "--", str(LOCK)).strip()
    if kept.exists() and not (since and kept.stat().st_mtime < int(since)):
        text = kept.read_text(errors="replace")
        if wound(text) is None:
            return text
    return committed


def _is_committed(folder: Path) -> bool:
    """Whether dvc.lock is as in some commit: then it is as somebody wanted it."""
    name = _git(folder, "hash-object", str(LOCK)).strip()
    return bool(name) and bool(_git(folder, "cat-file", "-t", name))


def _git(folder: Path, *command: str) -> str:
    """What git answers; nothing where it does not know, or is not there."""
    try:
        done = subprocess.run(["git", *command], cwd=folder, capture_output=True, text=True, errors="replace")
        return done.stdout if done.returncode == 0 else ""
    except OSError:
        return ""
