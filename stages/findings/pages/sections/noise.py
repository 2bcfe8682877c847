"""Speech, and what the weight noise does to it."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.noise import behind, on_speech, repeats
from stages.presentation.wording import interval, set_name, share


def words(frames: Frames) -> dict[str, Any]:
    """Per speech set, how far tanh is behind the best unit with the noise and without it."""
    told = []
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        parts = " and ".join(f"{gap} {condition}" for condition, gap in behind(rows).items())
        told += [f"On {set_name(dataset)} tanh {parts} ({repeats(rows)})."] * bool(parts)
        told += gone(frames["questions"].query("question == 'speech_noise' and dataset == @dataset"))
    return {"sentences": told}


def gone(questions: pd.DataFrame) -> list[str]:
    """How much of a set's gaps goes with the noise: a sentence, or none where the gaps have no share."""
    shares = questions[questions["compared"].str.startswith("share") & questions["mean"].notna()]
    if not len(shares):
        return []
    units = shares["compared"].str.extract(r"tanh − (.+?),", expand=False)
    found = [interval(row.mean, row.low, row.high, share) for row in shares.itertuples()]
    told = " and ".join(f"{of} of the gap to the {unit}" for of, unit in zip(found, units, strict=True))
    answers = " and ".join(dict.fromkeys(shares["answer"]))
    return [f"Without the noise {told} are gone: by the rule, **{answers}**."]
