"""Brings the study up to date with `dvc repro`, and DVC's own files into order where a kill has torn them.

    python -m stages.repro                  as `dvc repro`, whose arguments it takes
    python -m stages.repro --check          would it run anything? are all results there, and is dvc.lock whole?

DVC rewrites dvc.lock in place after every stage. While it runs the last whole one is kept, so that a kill, wherever it
falls, costs the stage under way and no help by hand.
"""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from stages.plumbing import mend
from stages.plumbing.errors import run

DVC = [sys.executable, "-m", "dvc"]
QUIET = 1.0  # seconds after which a dvc.lock that nobody writes is whole
OUTDATED = re.compile(r"^(?:Running stage|ERROR: failed to reproduce) '(.+?)'", re.MULTILINE)
RESULT = re.compile(r"^ *- path: ((?:models|measured|reports)/.*)", re.MULTILINE)


def reproduce(arguments: list[str]) -> int:
    """`dvc repro`; returns its exit status."""
    say(mend.mend())
    mend.keep()
    process = subprocess.Popen([*DVC, "repro", *arguments])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: process.send_signal(number))
    signal.signal(signal.SIGINT, lambda number, frame: None)  # a terminal's Ctrl-C reaches DVC and its stage by itself
    kept = written()
    while (status := ended(process)) is None:
        if (now := written()) != kept and time.time() - now > QUIET:
            mend.keep()
            kept = now
    say(mend.mend())
    mend.keep()
    return status


def ended(process: subprocess.Popen) -> int | None:
    try:
        return process.wait(0.5)
    except subprocess.TimeoutExpired:
        return None


def written() -> float:
    """When dvc.lock was last written, in seconds."""
    return mend.LOCK.stat().st_mtime if mend.LOCK.exists() else 0.0


def say(lines: list[str]) -> None:
    for line in lines:
        print(f"mended: {line}", file=sys.stderr, flush=True)


def check() -> list[str]:
    """What keeps dvc.lock from being true of the code, the parameters and the committed results.

    A dry run exits with 0 even where stages are outdated, and fails at outdated stages whose data are not here: its
    output tells. It says nothing of results that are absent: they are looked for by the names in dvc.lock.
    """
    text = mend.LOCK.read_text(errors="replace") if mend.LOCK.exists() else ""
    if damage := mend.wound(text):
        return [f"torn: dvc.lock: {damage}; `make repro` mends it, or `git restore dvc.lock`"]
    lines = [f"lost: '{name}' is no longer in dvc.lock; `make repro` mends it" for name in mend.lost()]
    dry = [*DVC, "repro", "--dry", "--allow-missing", "--keep-going"]
    done = subprocess.run(dry, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    outdated = list(dict.fromkeys(OUTDATED.findall(done.stdout)))
    if done.returncode and not outdated:
        return [*lines, done.stdout.strip()]
    lines += [f"outdated: '{name}', and what follows from it" for name in outdated]
    return lines + [f"missing: {path}" for path in sorted(set(RESULT.findall(text))) if not Path(path).exists()]


def main() -> None:
    if sys.argv[1:] != ["--check"]:
        sys.exit(reproduce(sys.argv[1:]))
    if found := check():
        print("\n".join(f"  {line}" for line in found))
        advice = "run `make repro`, then commit dvc.lock and the results"
        sys.exit(f"error: the committed results are not those of this code: {advice}")
    print("dvc.lock is true: dvc repro would run nothing")


if __name__ == "__main__":
    run(main)
