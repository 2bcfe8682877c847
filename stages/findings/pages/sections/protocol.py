"""Caveats and methods, and how to reproduce and cite."""

from typing import Any

from stages.findings.declare import Frames
from stages.findings.wording import number, set_name

PAGE = """## Caveats and methods

{% for caveat in caveats %}
- {{ caveat }}
{% endfor %}
- A repeat is the whole protocol anew: own learning rates, initial weights, noise and order, own choice by \
validation. The test split is read once per chosen net, and nothing is chosen by it.
- Intervals are bootstraps over repeats and pieces, stretched for few repeats; nothing corrects for many comparisons.
- What the paper leaves open is taken from its authors' code, else chosen and said: \
[departures](appendix.md#where-this-study-departs-from-the-paper), [design](appendix.md#how-everything-was-chosen), \
[sizes](appendix.md#how-everything-was-chosen).
- Other editions, unheard pieces, equal totals: see the [appendix](appendix.md#does-it-hold-elsewhere).

## Reproduce and cite

`make quick` retrains one set and reports it in minutes on a laptop; `dvc repro --allow-missing` in a fresh clone \
has nothing to do; `dvc repro` trains what is missing. Weights, learning curves, per-piece scores and every table \
are in the repository. All trainings took {{ hours }} hours, mostly on one core each. The project's README has the \
commands, the costs and how to add a unit, a set or a question; `CITATION.cff` says how to cite."""

APPENDIX = """## How everything was chosen

{{ table("design") }}

{{ fold("Every net's size beside the paper's Table 1", table("parameters")) }}

{{ fold("Every setting of the protocol", table("protocol")) }}

### Where this study departs from the paper

{{ table("deviations") }}

"Not stated" is what the paper leaves open; its authors' code (`jych/librnn`) then decides, but for the schedule \
and the batch size. Where the two differ the paper is followed."""


def words(frames: Frames) -> dict[str, Any]:
    design = frames["design"]
    small = [
        f"{set_name(row.dataset)}: {row.candidates} of {row.paper_candidates} candidates, {row.max_epochs} of "
        f"{row.paper_max_epochs} epochs"
        for row in design[design["budget"] == "preliminary"].itertuples()
    ]
    ends = frames["learning_rates"].groupby("dataset", sort=False)["status"]
    lost = [f"{set_name(d)} {int((s == 'diverged').sum())} of {len(s)}" for d, s in ends if (s == "diverged").any()]
    caveats = [f"Preliminary, on less than the paper's budget: {'; '.join(small)}."] * bool(small)
    caveats += [f"Trials that diverged: {'; '.join(lost)}."] * bool(lost)
    return {"caveats": caveats, "hours": number(design["training_hours"].sum(), 1)}
