"""Speech, and what the weight noise does to it."""

from typing import Any

from stages.findings.declare import Frames
from stages.findings.plots.noise import on_speech
from stages.presentation.wording import listed, set_name


def words(frames: Frames) -> dict[str, Any]:
    """Whether there is speech without noise beside speech with it, and which nets had fewer candidates than others."""
    shown = on_speech(frames)
    fewer = shown.query("candidates < candidates.max()").drop_duplicates(["arm", "dataset"])
    candidates = listed(f"{row.candidates} in `{row.arm}` on {set_name(row.dataset)}" for row in fewer.itertuples())
    return {"shown": len(shown), "candidates": candidates, "most": shown["candidates"].max()}
