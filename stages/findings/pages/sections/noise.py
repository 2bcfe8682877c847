"""Speech, and what the weight noise does to it."""

from typing import Any

from stages.findings.declare import Frames
from stages.findings.plots.noise import on_speech


def words(frames: Frames) -> dict[str, Any]:
    """Whether there is speech without noise beside speech with it."""
    return {"shown": len(on_speech(frames))}
