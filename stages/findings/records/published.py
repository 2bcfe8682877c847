"""Published results on the same data, from data/published_results.csv, in families that must not be ranked together.

* exact factorised: the notes of a frame are independent given the past, and the NLL is exact, as here;
* joint output: the notes of a frame depend on each other, which is a richer output than the study's;
* latent-variable bound: the number is a bound or a sampled estimate of the NLL, not the NLL.

Rows of our own making have none: the same numbers are in baselines.csv, measured again.
"""

from pathlib import Path

import pandas as pd

from stages.plumbing.errors import InputError

PUBLISHED = Path("data/published_results.csv")
COLUMNS = ["dataset", "family", "model", "parameters", "split", "nll", "note", "source"]
FAMILIES = ("exact factorised", "joint output", "latent-variable bound")


def read_published(path: Path = PUBLISHED) -> pd.DataFrame:
    """Every published result, under the paper's dataset names.

    Raises:
        InputError: the file is missing, lacks a column, or has a family that is none of `FAMILIES`.
    """
    try:
        published = pd.read_csv(path, dtype={"parameters": str, "family": str})
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; it belongs to the project, restore it from git") from None
    if lacking := [column for column in COLUMNS if column not in published]:
        raise InputError(f"{path}: it lacks the columns {', '.join(lacking)}")
    if unknown := set(published["family"].dropna()) - {*FAMILIES}:
        raise InputError(f"{path}: expected the families {', '.join(FAMILIES)}, found {', '.join(sorted(unknown))}")
    return published
