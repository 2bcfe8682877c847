"""The questions of the arms: one sentence each, from whatever runs there are."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN
from stages.presentation.wording import count, interval, set_name

LAST = (OPEN, NOT_TESTED)
ASKED = {
    "speech_noise": "Is the gap on speech the units' or the weight noise's?",
    "noise_where": "What in the weight noise fails the tanh nets on speech?",
    "converged": "Have the speech nets converged?",
    "rescued": "Does the authors' rule for exploding gradients give the paper's tanh results?",
    "authors": "Is the authors' code nearer to Table 2 than the protocol in the paper's text?",
    "left_on": "Is the study nearer to Table 2 if the noise is left on in the test, as in the authors' code?",
    "practice": "Does the order of the units survive training as one does today?",
    "parts": "What is each part of a gated unit worth?",
}


def words(frames: Frames) -> dict[str, Any]:
    found = frames["questions"]
    tested = set(found.loc[found["answer"] != NOT_TESTED, "question"])
    told = [sentence(asked, found[found["question"] == name]) for name, asked in ASKED.items() if name in tested]
    rest = [asked for name, asked in ASKED.items() if name not in tested]
    return {"asked": ASKED, "sentences": told + [f"Not tested yet: {' '.join(rest)}"] * bool(rest)}


def sentence(asked: str, rows: pd.DataFrame) -> str:
    """A question, what was decided most often first with what it rests on, and how much is open or not tested."""
    told, often = [], rows["answer"].sort_values().value_counts(sort=False).sort_values(ascending=False, kind="stable")
    for answer in (*(answer for answer in often.index if answer not in LAST), *LAST):
        of = rows[rows["answer"] == answer].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        first = found(next(of.itertuples())) if len(of) else ""
        where = f"in {count(len(of), 'comparison')}"
        if len(of) == 1:
            told.append(f"**{answer}** ({first})" if first else f"**{answer}** {where}")
        elif len(of):
            largest = f" (largest: {first})" if answer not in LAST and of["mean"].notna().any() else ""
            told.append(f"**{answer}** {where}{largest}")
    return f"{asked} {'; '.join(told)}."


def found(row: Any) -> str:
    """`GRU − LSTM on JSB Chorales: −0.12 [−0.14, −0.10], n=11`."""
    where = f"{row.compared} on {set_name(row.dataset)}" if row.dataset else ""
    repeats = f"n={row.repeats}" if row.repeats.isdigit() else row.repeats
    ends = f"{interval(row.mean, row.low, row.high)}, {repeats}" if row.mean == row.mean else ""
    return ": ".join(filter(None, [where, ends]))
