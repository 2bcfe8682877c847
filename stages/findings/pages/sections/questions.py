"""The questions of the arms: one sentence each, from whatever runs there are."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN
from stages.findings.wording import interval, listed, set_name

PAGE = """### Questions that the paper leaves

Rules written on 26 November 2026, before any of these arms was trained:

{% for sentence in sentences %}
- {{ sentence }}
{% endfor %}"""

APPENDIX = """## Questions and their answers

{% for name, asked in asked.items() %}
{{ fold(asked, table("questions", "question == '" ~ name ~ "'")) }}

{% endfor %}
Rules and thresholds: `questions` in `params.yaml`. *Not tested*: no runs. *Open*: the rule decides nothing."""

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
    return {"asked": ASKED, "sentences": [sentence(asked, found[found["question"] == q]) for q, asked in ASKED.items()]}


def sentence(asked: str, rows: pd.DataFrame) -> str:
    """A question, how many of its comparisons came out how, and the numbers of those that were made."""
    tested = rows[rows["answer"] != NOT_TESTED]
    if tested.empty:
        return f"{asked} **Not tested yet.**"
    counts = tested["answer"].value_counts()
    if len(counts) == 1 and counts.index[0] != OPEN:
        head = counts.index[0].capitalize()
    else:
        head = listed(f"{number} {answer}" for answer, number in counts.items())
    untested = len(rows) - len(tested)
    of = f" ({len(tested)} compared" + (f", {untested} not tested)" if untested else ")")
    known = tested.dropna(subset=["mean"])
    told = [
        f"{row.compared}{f' on {set_name(row.dataset)}' if row.dataset else ''}: "
        f"{interval(row.mean, row.low, row.high)} (n={row.repeats})"
        for row in known.head(4).itertuples()
    ]
    rest = "; more in the appendix" if len(known) > 4 else ""
    numbers = f" {'; '.join(told)}{rest}." if told else ""
    return f"{asked} **{head}**{of}.{numbers}"
