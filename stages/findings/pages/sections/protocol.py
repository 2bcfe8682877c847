"""Caveats and methods, and how to reproduce and cite."""

from typing import Any

from stages.findings.declare import Frames
from stages.presentation.wording import set_name


def words(frames: Frames) -> dict[str, Any]:
    design = frames["design"]
    small = [
        f"{set_name(row.dataset)}, {row.max_epochs} of {row.paper_max_epochs} epochs"
        + f" and {row.candidates} of {row.paper_candidates} candidates" * bool(row.candidates < row.paper_candidates)
        for row in design[design["budget"] == "preliminary"].itertuples()
    ]
    ends = frames["learning_rates"].groupby("dataset", sort=False)["status"]
    lost = [f"{set_name(d)} {int((s == 'diverged').sum())} of {len(s)}" for d, s in ends if (s == "diverged").any()]
    caveats = [f"Preliminary, on less than the paper's budget: {'; '.join(small)}."] * bool(small)
    caveats += [f"Trials that diverged: {'; '.join(lost)}."] * bool(lost)
    return {"caveats": caveats}
