"""Shards: a training's repeats trained apart, each block in a folder of its own, and how they become one training.

A shard holds what the whole training would hold of its repeats, row for row, since a repeat depends on nothing outside
itself. Only a training joins shards, when it goes over what it lacks: nothing else reads them.
"""

from collections.abc import Callable
from pathlib import Path

from stages.population.results import Results


def name(repeats: range) -> str:
    """Of a shard's folder: 3-5 holds repeats 3 and 4."""
    return f"{repeats.start}-{repeats.stop}"


def joined(found: Results, folder: Path, load: Callable[[Path, int], Results]) -> Results:
    """`found` and the shards in `folder` that go on where it ends: to the byte what training all at once gives.

    Args:
        load: the results in a shard's folder, whose first repeat is given; none of a shard of another study.
    """
    while True:
        begin = found.repeats
        for shard in sorted(folder.glob(f"{begin}-*"), key=_end, reverse=True):
            further = load(shard, begin)
            if further.repeats:
                found = found.joined(further)
                break
        else:
            return found


def _end(shard: Path) -> int:
    end = shard.name.partition("-")[2]
    return int(end) if end.isdigit() else 0
