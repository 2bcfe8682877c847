"""Who trains, who validates, who tests: by folder, or by a seeded draw that keeps equal pieces together."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from pydantic import Field

from stages.corpora.split import SPLITS
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section


class Fractions(Section):
    """The share of the pieces that goes to the validation and to the test split; the rest trains."""

    valid: float = Field(gt=0, lt=1)
    test: float = Field(gt=0, lt=1)


def by_folder(names: Sequence[str], where: str) -> dict[str, list[str]] | None:
    """Splits by the folders `train`, `valid` and `test`; None where the files lie in no such folder.

    The three lie at the top, or in the one folder that holds everything.

    Raises:
        InputError: some of the three folders are missing or empty, or files lie beside them.
    """
    tops = {name.partition("/")[0] for name in names}
    depth = 1 if len(tops) == 1 and tops.isdisjoint(SPLITS) else 0
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    beside: list[str] = []
    for name in names:
        folders = name.split("/")[:-1]
        splits.get(folders[depth] if len(folders) > depth else "", beside).append(name)
    if not any(splits.values()):
        return None
    if missing := [split for split in SPLITS if not splits[split]]:
        raise InputError(f"{where}: expected files in train, valid and test; found none in {', '.join(missing)}")
    if beside:
        raise InputError(f"{where}: expected all files in train, valid and test; found {beside[0]} beside them")
    return splits


def by_draw(kinds: Mapping[str, Hashable], fractions: Fractions, seed: int, where: str) -> dict[str, list[str]]:
    """Draws the splits: pieces of one kind (equal music) go to one split, each split's names are sorted.

    Kinds are shuffled; each goes whole to the first of test and validation that has room for it, else to training.

    Args:
        kinds: what each piece is, by its name; names of equal kinds are never separated.

    Raises:
        InputError: a split would be empty.
    """
    groups: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name in sorted(kinds):
        groups[kinds[name]].append(name)
    members = list(groups.values())
    room = {"test": round(fractions.test * len(kinds)), "valid": round(fractions.valid * len(kinds))}
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    for n in np.random.default_rng(seed).permutation(len(members)):
        split = next((split for split in room if len(splits[split]) + len(members[n]) <= room[split]), "train")
        splits[split] += members[n]
    for split, names in splits.items():
        if not names:
            raise InputError(
                f"{where}: expected pieces for every split, found none for {split}: "
                f"{len(kinds)} pieces, {len(members)} different; give more pieces or other fractions"
            )
        names.sort()
    return splits
