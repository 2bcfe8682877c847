"""The questions of the arms: one sentence each, from whatever runs there are."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN
from stages.findings.wording import count, interval, listed, set_name

SEVERAL = 2  # comparisons of one answer: up to so many are named, more are counted
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
    """A question, what was decided where, and how much is open or not tested."""
    told = []
    for answer, of in rows.groupby("answer", sort=False):
        if answer in (OPEN, NOT_TESTED):
            continue
        where = listed(
            f"{row.compared}{f' on {set_name(row.dataset)}' if row.dataset else ''}" for row in of.itertuples()
        )
        told.append(f"**{answer}** ({where if len(of) <= SEVERAL else count(len(of), 'comparison')})")
    for answer in (OPEN, NOT_TESTED):
        of = rows[rows["answer"] == answer]
        found = [
            f"{interval(row.mean, row.low, row.high)}, {row.repeats}" for row in of.itertuples() if row.mean == row.mean
        ]
        told += [f"**{answer}** ({found[0] if len(found) == len(of) == 1 else len(of)})"] * (len(of) > 0)
    return f"{asked} {', '.join(told)}."
