"""Published results on the same data, from data/published_results.csv, in families that must not be ranked together.

* exact factorised: the notes of a frame are independent given the past, and the NLL is exact, as here;
* joint output: the notes of a frame depend on each other, which is a richer output than the study's;
* latent-variable bound: the number is a bound or a sampled estimate of the NLL, not the NLL.
"""

from pathlib import Path

import pandas as pd

from stages.findings.records.design import Counterpart
from stages.findings.wording import BOUND, EXACT, FAMILIES, JOINT
from stages.plumbing.errors import InputError

PUBLISHED = Path("data/published_results.csv")
COLUMNS = ["dataset", "family", "model", "parameters", "split", "nll", "confidence", "note", "source"]

# By the beginning of the model's name; the longest beginning that fits decides.
_FAMILY_OF = {
    "Chung2014 ": EXACT,
    "BL2012 Note ": EXACT,
    "BL2012 MLP": EXACT,
    "BL2012 RNN": EXACT,
    "Bai2018 ": EXACT,
    "Greff2017 ": EXACT,
    "2j2h5 ": EXACT,
    "BL2012 N-gram": JOINT,  # over whole frames, smoothed, where the Note N-gram is one a note
    "BL2012 RTRBM": JOINT,
    "BL2012 RNN-RBM": JOINT,
    "BL2012 RNN-NADE": JOINT,
    "RNN-NADE": JOINT,
    "DMM": BOUND,
    "Pyro DMM": BOUND,
    "STORN": BOUND,
    "TSBN": BOUND,
    "LV-RNN": BOUND,
    "HMSBN": BOUND,
}


def read_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Every published result, under the paper's dataset names.

    Raises:
        InputError: the file is missing or lacks a column.
    """
    try:
        published = pd.read_csv(path, dtype={"parameters": str})
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it belongs to the project, restore it from git") from None
    if lacking := [column for column in COLUMNS if column != "family" and column not in published]:
        raise InputError(f"{path}: it lacks the columns {', '.join(lacking)}")
    return published


def family(model: str) -> str:
    """The family of a published model.

    Raises:
        InputError: no family is known for it.
    """
    fitting = [beginning for beginning in _FAMILY_OF if model.startswith(beginning)]
    if not fitting:
        raise InputError(
            f"{PUBLISHED}: no family is known for the model '{model}'; add it to stages/findings/records/published.py"
        )
    return _FAMILY_OF[max(fitting, key=len)]


def rivals_of(published: pd.DataFrame, counterparts: dict[str, Counterpart], datasets: list[str]) -> pd.DataFrame:
    """The published results on those of our datasets whose data are the same, under our names, best first.

    Rows of our own making are left out: the same numbers are in baselines.csv, measured again.
    """
    published = published[published["confidence"] != "own measurement"]
    frames = []
    for dataset in datasets:
        counterpart = counterparts.get(dataset)
        if counterpart is None or counterpart.data != "same":
            continue
        frames.append(published[published["dataset"] == counterpart.name].assign(dataset=dataset))
    if not frames:
        return pd.DataFrame(columns=COLUMNS)
    found = pd.concat(frames, ignore_index=True)
    found["family"] = found["model"].map(family)
    found["_dataset"] = found["dataset"].map(datasets.index)
    found["_family"] = found["family"].map(FAMILIES.index)
    return found.sort_values(["_dataset", "split", "_family", "nll"], kind="stable")[COLUMNS].reset_index(drop=True)
