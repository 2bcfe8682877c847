"""Speech, and what the weight noise does to it."""

from typing import Any

from stages.findings.declare import Frames
from stages.findings.plots.noise import behind, on_speech, repeats
from stages.presentation.wording import set_name


def words(frames: Frames) -> dict[str, Any]:
    """Per speech set, how far tanh is behind the best unit with the noise and without it."""
    told = []
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        parts = " and ".join(f"{gap} {condition}" for condition, gap in behind(rows).items())
        told += [f"On {set_name(dataset)} tanh {parts} ({repeats(rows)})."] * bool(parts)
    return {"sentences": told}
