"""Speech, and what the weight noise does to it."""

from typing import Any

from stages.findings.declare import Frames
from stages.findings.plots.noise import behind, on_speech, repeats
from stages.presentation.wording import listed, set_name


def words(frames: Frames) -> dict[str, Any]:
    """Per speech set, how far tanh is behind the best unit with the noise and without it, and what the rule says."""
    told, asked = [], frames["questions"].query("question == 'speech_noise'")
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        parts = " and ".join(f"{gap} {condition}" for condition, gap in behind(rows).items())
        judged = listed(f"**{answer}**" for answer in asked.query("dataset == @dataset")["answer"])
        told += [f"On {set_name(dataset)} tanh {parts} ({repeats(rows)}): by the rule the gap is {judged}."] * bool(
            parts
        )
    fewer = on_speech(frames).query("candidates < candidates.max()").drop_duplicates(["arm", "dataset"])
    candidates = listed(f"{row.candidates} in `{row.arm}` on {set_name(row.dataset)}" for row in fewer.itertuples())
    return {"sentences": told, "candidates": candidates, "most": on_speech(frames)["candidates"].max()}
