"""The questions of the arms: a plain sentence each, from whatever runs there are."""

import re
from collections.abc import Callable
from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN
from stages.presentation.wording import cell_name, count, interval, listed, number, set_name, share


def words(frames: Frames) -> dict[str, Any]:
    found, told, rest = frames["questions"], [], []
    for name, (asked, sentence) in ASKED.items():
        rows = found[found["question"] == name]
        tested = rows[rows["answer"] != NOT_TESTED]
        if not len(tested):
            rest.append(asked)
            continue
        lacking = f"; {count(len(rows) - len(tested), 'comparison')} **{NOT_TESTED}**" * (len(tested) < len(rows))
        text = f"{sentence(tested)}{lacking}.{stuck(frames) if name == 'practice' else ''}"
        told.append(f"*{asked}* {text[0].upper()}{text[1:]}")
    asked = {name: asked for name, (asked, _) in ASKED.items()}
    return {"asked": asked, "sentences": told + [f"Not tested yet: {' '.join(rest)}"] * bool(rest)}


def stuck(frames: Frames) -> str:
    """The units that `practice` leaves nearer to a guess by note frequencies than to what `paper` gives them."""
    guess = frames["baselines"].query("baseline == 'note-1-gram' and split == 'test' and averaging == 'pooled'")
    nll = frames["arm_scores"].pivot(index=["dataset", "cell"], columns="arm", values="nll_mean")
    if "practice" not in nll:
        return ""
    nll = nll.join(guess.set_index("dataset")["nll"].rename("guess"), on="dataset")
    lost = nll[(nll["practice"] - nll["guess"]).abs() < (nll["practice"] - nll["paper"]).abs()]
    told = []
    for dataset, of in lost.groupby(level="dataset", sort=False):
        found = listed(f"the {cell_name(row.Index[1])} at {number(row.practice)}" for row in of.itertuples())
        told.append(f"on {set_name(dataset)} {found}, where note frequencies alone give {number(of['guess'].iloc[0])}")
    return f" In this arm nets can fail to use their input (why: `reports/studies`): {'; '.join(told)}." if told else ""


def speech_noise(rows: pd.DataFrame) -> str:
    """How much of tanh's gap to either gated unit goes with the noise, or what is left where it has no number."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        units = of["compared"].str.extract(r"tanh − ([^, ]+)", expand=False)
        if of["compared"].str.startswith("share").all():
            gaps = [f"{_ends(row, share)} of tanh's gap to the {unit}" for row, unit in _each(of, units)]
            text = f"on {set_name(dataset)} {listed(gaps)} goes with the noise"
        else:
            gaps = [f"{_ends(row)} nats behind the {unit}" for row, unit in _each(of, units)]
            text = f"on {set_name(dataset)} every tanh net diverges with the noise; without it tanh is {listed(gaps)}"
            of = of.assign(repeats=of["repeats"].str.split(", ").str[-1])
        told.append(f"{text} {_judged(of)}")
    return "; ".join(told)


def noise_where(rows: pd.DataFrame) -> str:
    """What either lesser noise costs the tanh nets."""
    told = []
    for row, of in _one(rows):
        tanh, without = row.compared.split(" − ")
        told.append(f"{tanh} is {_ends(row)} nats behind {without} on {set_name(row.dataset)} {_judged(of)}")
    return "; ".join(told)


def converged(rows: pd.DataFrame) -> str:
    """How many have, of a unit's nets on one set in one arm; which have no nets."""
    nets, met = rows[rows["answer"] != OPEN], (rows["answer"] == "converged").sum()
    lacking = [f"{row.compared} on {set_name(row.dataset)}" for row in rows[rows["answer"] == OPEN].itertuples()]
    told = f"of {count(len(nets), 'case')}, a unit on a set in one arm, {met or 'none'} has all its nets converged"
    return "; ".join([told, *lacking])


def rescued(rows: pd.DataFrame) -> str:
    """How far behind the tanh nets are, and how their test and training NLLs differ."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        fits, behind = (of[of["compared"].str.startswith("tanh, ") == fit] for fit in (True, False))
        units = behind["compared"].str.removeprefix("tanh − ")
        gaps = listed(f"{_ends(row)} nats behind the {unit}" for row, unit in _each(behind, units))
        told.append(f"on {set_name(dataset)} tanh then trains and is {gaps} {_judged(behind)}")
        told += [f"its test NLL less its training NLL is {_ends(row)} {_judged(one)}" for row, one in _one(fits)]
    return "; ".join(told)


def distance(rows: pd.DataFrame) -> str:
    """How the mean distance to the paper's numbers changes."""
    return "; ".join(f"the mean distance changes by {_ends(row)} nats {_judged(of)}" for row, of in _one(rows))


def listing(rows: pd.DataFrame) -> str:
    """Answer by answer, what was decided first: what has it, on which sets by how much; how many others are open."""
    told, often = [], rows["answer"].sort_values().value_counts(sort=False).sort_values(ascending=False, kind="stable")
    for answer in (answer for answer in often.index if answer != OPEN):
        of = rows[rows["answer"] == answer].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [
            f"{compared} ({listed(f'{_ends(row)} on {set_name(row.dataset)}' for row in each.itertuples())})"
            for compared, each in of.groupby("compared", sort=False)
        ]
        told.append(f"**{answer}**: {listed(found)}, {listed(map(_repeats, of['repeats']), 'or')}")
    left = (rows["answer"] == OPEN).sum()
    told += [f"**{OPEN}**: {count(left, 'other') if told else count(left, 'comparison')}"] * bool(left)
    return "; ".join(told)


ASKED: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
    "speech_noise": ("Is the gap on speech the units' or the weight noise's?", speech_noise),
    "noise_where": ("What in the weight noise fails the tanh nets on speech?", noise_where),
    "converged": ("Have the speech nets converged?", converged),
    "rescued": ("Does the authors' rule for exploding gradients give the paper's tanh results?", rescued),
    "authors": ("Is the authors' code nearer to Table 2 than the protocol in the paper's text?", distance),
    "left_on": (
        "Is the study nearer to Table 2 if the noise is left on in the test, as in the authors' code?",
        distance,
    ),
    "practice": ("Does the order of two units survive training as one does today?", listing),
    "parts": ("What is each part of a unit worth?", listing),
}


def _each(rows: pd.DataFrame, units: pd.Series) -> zip:
    return zip(rows.itertuples(), units, strict=True)


def _one(rows: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    """Each row, as itself and as a table."""
    return [(row, rows.loc[[row.Index]]) for row in rows.itertuples()]


def _ends(row: Any, *written: Callable[[float], str]) -> str:
    return interval(row.mean, row.low, row.high, *written)


def _judged(rows: pd.DataFrame) -> str:
    """`(n=3): **open**`."""
    told = listed(map(_repeats, rows["repeats"]), "or")
    return f"({told}): {listed(f'**{answer}**' for answer in rows['answer'])}"


def _repeats(told: str) -> str:
    return f"n={told}" if re.fullmatch(r"\d+( and \d+)?", told) else told
