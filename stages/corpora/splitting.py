"""Who trains, who validates, who tests: by folder, or by a seeded draw that keeps equal pieces together."""

import re
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


# A split's folder, in any case, and what folders that are meant as one look like.
FOLDERS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SPLIT_OF = {folder: split for split, folders in FOLDERS.items() for folder in folders}
_LIKE_A_SPLIT = re.compile(rf"(?:{'|'.join(_SPLIT_OF)})(?:[^a-z].*|set|data|split)?", re.DOTALL)


def by_folder(names: Sequence[str], where: str) -> dict[str, list[str]] | None:
    """Splits by the folders `train`, `valid` and `test`, or what else they are called (`FOLDERS`), in any case.

    The three lie beside each other, at the top or below folders that each hold everything. None where no folder looks
    like a split.

    Raises:
        InputError: folders look like splits, and not each split has one and all files; they are never passed over.
    """
    folders = [name.lower().split("/")[:-1] for name in names]
    depth = 0
    while len({tuple(of[: depth + 1]) for of in folders}) == 1 and len(folders[0]) > depth:
        if folders[0][depth] in _SPLIT_OF:
            break
        depth += 1
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    called: dict[str, set[str]] = {split: set() for split in SPLITS}
    beside: list[str] = []
    for name, of in zip(names, folders, strict=True):
        split = _SPLIT_OF.get(of[depth] if len(of) > depth else "")
        (splits[split] if split else beside).append(name)
        if split:
            called[split].add(name.split("/")[depth])
    expected = "the folders train, valid and test, beside each other, or none that are called so"
    if not any(splits.values()):
        for name, of in zip(names, folders, strict=True):
            if any(folder in _SPLIT_OF for folder in of) or (len(of) > depth and _LIKE_A_SPLIT.fullmatch(of[depth])):
                raise InputError(f"{where}: expected {expected}; found {name}")
        return None
    if missing := [split for split in SPLITS if not splits[split]]:
        raise InputError(f"{where}: expected files in train, valid and test; found none in {', '.join(missing)}")
    if beside:
        raise InputError(f"{where}: expected all files in train, valid and test; found {beside[0]} beside them")
    for split, found in called.items():
        if len(found) > 1:
            raise InputError(f"{where}: expected one folder for the split {split}, found {', '.join(sorted(found))}")
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
