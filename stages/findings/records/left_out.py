"""What a dataset's counts.json says of the files that were left out, in sentences."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from stages.plumbing.parameters import shortened

# The readers' reasons, in few words; another reason stands as it is.
KINDS = {
    r"cut short|ends (?:early|within)": "cut short",
    r"expected notes": "without notes",
    r"a recording of length zero": "without samples",
    r"not a readable": "not readable",
    r"a name that fits": "with a name that does not fit",
    r"parts instead of": "with another number of parts",
}


def sentences(counts: Mapping[str, Any]) -> list[str]:
    """`left out: 3 files: 2 cut short, 1 without notes`; others on endings, short recordings and what was odd."""
    found = []
    reasons = Counter(_kind(said.split(f"{name}: ", 1)[-1]) for name, said in counts.get("left_out", {}).items())
    if reasons:
        found.append(f"left out: {_files(reasons.total())}: {_listed(dict(reasons.most_common()))}")
    if others := counts.get("other_endings"):
        found.append(f"left out: {_files(sum(others.values()))} of other endings: {_listed(others)}")
    if short := counts.get("shorter_than_a_sequence"):
        found.append(f"left out: {short} shorter than a sequence")
    if odd := counts.get("odd"):
        found.append("odd, but read: " + ", ".join(f"{what} in {_files(of['files'])}" for what, of in odd.items()))
    return found


def _kind(reason: str) -> str:
    return next((words for pattern, words in KINDS.items() if re.search(pattern, reason)), shortened(reason))


def _files(number: int) -> str:
    return f"{number} file{'' if number == 1 else 's'}"


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in numbers.items())
