"""A prepared dataset: three splits and their counts, asserted against what params.yaml expects, written whole."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stages.corpora.folders import whole_folder
from stages.corpora.split import SPLITS, Split
from stages.plumbing.errors import InputError
from stages.plumbing.parameters import Section

Count = Annotated[int, Field(ge=1)]


class Expected(Section):
    """What one must see in a split; what is left out is not asserted. `frames` is for music, `steps` for speech."""

    sequences: Count | None = None
    frames: Count | None = None
    steps: Count | None = None


class Options(Section):
    """What the options of all readers have in common."""

    reader: str
    expected: dict[Literal["train", "valid", "test"], Expected] = {}


@dataclass(frozen=True)
class Dataset:
    """What a reader makes of a source.

    Attributes:
        splits: `train`, `valid` and `test`.
        counts: what was counted in each split: `sequences`, and `frames` or `steps`, and more.
        about: further facts for counts.json, such as the sampling rate or the files left out.
    """

    splits: dict[str, Split]
    counts: dict[str, dict[str, Any]]
    about: dict[str, Any] = field(default_factory=dict)

    def require(self, expected: dict[str, Expected], key: str) -> None:
        """Asserts the counts.

        Raises:
            InputError: a count differs; the message names the key, the expected number and the one found.
        """
        for split, numbers in expected.items():
            for name, number in numbers.model_dump(exclude_none=True).items():
                found = self.counts[split].get(name)
                if found != number:
                    raise InputError(f"{key}.expected.{split}.{name}: expected {number}, found {found} in the data")

    def save(self, folder: Path, name: str) -> None:
        """Writes train.npz, valid.npz, test.npz and counts.json; the folder appears whole or not at all.

        Raises:
            InputError: the folder cannot be written.
        """
        first = self.splits["train"]
        counts = {
            "dataset": name,
            "output": first.output,
            "inputs": first.inputs.shape[1],
            "targets": first.targets.shape[1],
            "splits": self.counts,
            **self.about,
        }
        with whole_folder(folder) as filling:
            for split in SPLITS:
                self.splits[split].save(filling / f"{split}.npz")
            text = json.dumps(counts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
            (filling / "counts.json").write_text(text, encoding="utf-8")
