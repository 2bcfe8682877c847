"""The questions of the arms: the answer of each, then what it rests on, from whatever runs there are."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN, VOID
from stages.findings.tables.questions import CLOSED, PRACTICE, UNEXPLODED, guessing
from stages.presentation.wording import capital, cell_name, interval, listed, number, set_name, set_names, share

UNDECIDED = {OPEN: 1, VOID: 2, NOT_TESTED: 3}  # what is told after other answers, in this order


def words(frames: Frames) -> dict[str, Any]:
    found, told, rest = frames["questions"], [], []
    for name, (asked, sentence) in ASKED.items():
        rows = found[found["question"] == name]
        if (tested := rows[rows["answer"] != NOT_TESTED]).empty:
            rest.append(asked)
            continue
        details = [*sentence(tested), *(stuck(frames, name) if name in PRACTICE else [])]
        told.append(" ".join([f"**{asked}** *{capital(answer(rows))}.*", *(f"{capital(text)}." for text in details)]))
    told += [f"Not tested yet: {' '.join(rest)}"] * bool(rest)
    return {"asked": {name: asked for name, (asked, _) in ASKED.items()}, "sentences": told}


def answer(rows: pd.DataFrame) -> str:
    """`Open`, `The noise's on …; open on …` where each set has one answer, else in how many cases which is the answer.

    A distance's is that over all sets; what a leak closes is no case beside what a part is worth.
    """
    rows = rows[rows["compared"] != CLOSED]
    rows = rows[rows["dataset"] == ""] if (rows["dataset"] == "").any() else rows
    said = rows["answer"].value_counts(sort=False)
    said = said[sorted(said.index, key=lambda word: UNDECIDED.get(word, 0))]
    if len(said) == 1:
        return said.index[0]
    if rows.groupby("dataset")["answer"].nunique().max() == 1:
        return "; ".join(f"{word} on {set_names(rows.loc[rows['answer'] == word, 'dataset'])}" for word in said.index)
    first, *others = (f"{word} in {n}" for word, n in said.items())
    return ", ".join([f"{first} of {len(rows)} cases", *others])


def stuck(frames: Frames, arm: str) -> list[str]:
    """Where an order is void, since a unit has learned little more than note frequencies."""
    told = []
    for dataset, of in guessing(frames["baselines"], frames["arm_scores"], arm).groupby(level="dataset", sort=False):
        found = listed(f"the {cell_name(row.Index[1])} at {number(row.here)}" for row in of.itertuples())
        told.append(f"on {set_name(dataset)} {found}, where note frequencies alone give {number(of['guess'].iloc[0])}")
    void = f"orders are {VOID} where nets fail to use their input (why: `reports/studies`): {'; '.join(told)}"
    return [void][: len(told)]


def speech_noise(rows: pd.DataFrame) -> list[str]:
    """How much of tanh's gap to either gated unit goes with the noise, or what is left where it has no number."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        if of["compared"].str.startswith("share").all():
            text = f"{_by_unit(of, 'of that to', share)} goes with the noise".replace("that", "tanh's gap", 1)
        else:
            text = f"every tanh net diverges with the noise; without it tanh is {_by_unit(of, 'nats behind')}"
            of = of.assign(repeats=of["repeats"].str.split(", ").str[-1])
        told.append(f"{_speech(dataset)} {text} {_counted(of)}")
    return told


def noise_where(rows: pd.DataFrame) -> list[str]:
    """What either lesser noise costs the tanh nets."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        found = listed(f"{row.compared.split(' − ')[0]} by {_ends(row)} nats" for row in of.itertuples())
        told.append(f"{_speech(dataset)}, behind {of['compared'].iloc[0].split(' − ')[1]}: {found} {_counted(of)}")
    return told


def converged(rows: pd.DataFrame) -> list[str]:
    return ["a case is a unit's chosen nets on a set in an arm, all of them; open where all diverged"]


def rescued(rows: pd.DataFrame) -> list[str]:
    """How far behind the tanh nets are, and how their test and training NLLs differ."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        fits, behind = (of[of["compared"].str.contains(", test − ") == fit] for fit in (True, False))
        gaps = _by_unit(behind, "nats behind")
        trains = "no gradient explodes anyway; tanh" if UNEXPLODED in of["compared"].iloc[0] else "tanh then trains and"
        if behind["repeats"].str.match(r"0\b").all():
            told.append(f"{_speech(dataset)} every tanh net diverges all the same {_counted(behind)}")
            continue
        told.append(f"{_speech(dataset)} {trains} is {gaps} {_counted(behind)}: {listed(behind['answer'])}")
        fits = fits[~fits["compared"].str.contains(UNEXPLODED, regex=False)].itertuples()
        told += [f"its test NLL less its training NLL is {_ends(row)}: {row.answer}" for row in fits]
    return told


def distance(rows: pd.DataFrame) -> list[str]:
    """How the mean distance to the paper's numbers changes, and on which sets it does so surely."""
    total, sets = rows[rows["dataset"] == ""], rows[rows["dataset"] != ""]
    told = [f"the mean distance changes by {_ends(row, fine)} nats ({row.repeats})" for row in total.itertuples()]
    return told + [f"{way} on {set_names(of['dataset'])}" for way, of in sets[sets["answer"] != OPEN].groupby("answer")]


def practice(rows: pd.DataFrame) -> list[str]:
    """Which orders of two units stay or turn, by how much and where, or which is known best."""
    told = []
    for outcome in ("survives", "turns"):
        of = rows[rows["answer"] == outcome].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [f"with {_ahead(row)} on {set_name(row.dataset)}" for row in of.itertuples()]
        told += [f"it {outcome} {listed(found)} {_counted(of)}"] * bool(found)
    left = rows[rows["answer"] == OPEN].assign(width=rows["high"] - rows["low"]).sort_values("width").itertuples()
    known = [f"best known is {row.compared} {_ends(row)} on {set_name(row.dataset)} (n={row.repeats})" for row in left]
    return told or known[:1]


def parts(rows: pd.DataFrame) -> list[str]:
    """Which units that lack a part, or have it elsewhere, are worse or better, and what of tanh's gap a leak closes."""
    share_closed = rows["compared"] == CLOSED
    units, told = rows["compared"].str.split(" − ").str[0], []
    for outcome in ("worse", "better"):
        of = rows[rows["answer"] == outcome].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [
            f"{unit} ({len(each)} of {(units == unit).sum()} sets, up to {_ends(next(each.itertuples()), fine)})"
            for unit, each in of.groupby(units, sort=False)
        ]
        told += [f"{outcome} than the whole unit: {listed(found)}"] * bool(found)
    for outcome, of in rows[share_closed].groupby("answer", sort=False):
        closed = listed(f"{_ends(row, share)} on {set_name(row.dataset)}" for row in of.itertuples())
        told.append(f"a leak, a shortcut without gates, closes {closed} of tanh's gap to the GRU: {outcome}")
    return [*told, f"units are of equal size, {_beside(rows['repeats'])}"]


fine = partial(number, decimals=3)

ASKED: dict[str, tuple[str, Callable[[pd.DataFrame], list[str]]]] = {
    "speech_noise": ("Is the gap on speech the units' or the weight noise's?", speech_noise),
    "noise_where": ("Which part of the weight noise makes tanh fail on speech?", noise_where),
    "converged": ("Have the speech nets converged?", converged),
    "rescued": ("Does the authors' rule for exploding gradients give the paper's tanh results?", rescued),
    "authors": ("Is the authors' code nearer to Table 2 than the protocol in the paper's text?", distance),
    "left_on": (
        "Is the study nearer to Table 2 if the noise is left on in the test, as in the authors' code?",
        distance,
    ),
    "practice": ("Does the order of two units survive training by Adam, with warm-up, cosine and dropout?", practice),
    "practice_bias": ("And if their output bias begins at the note frequencies?", practice),
    "parts": ("What is each part of a unit worth?", parts),
}


def _speech(dataset: str) -> str:
    """`in short pieces`: what is asked of speech alone need not say so set by set."""
    return set_name(dataset).removeprefix("speech ")


def _by_unit(rows: pd.DataFrame, said: str, *written: Callable[[float], str]) -> str:
    """`2.01 [−2.91, 6.53] nats behind the LSTM and 2.06 [−2.68, 6.27] nats behind the GRU`, of tanh."""
    rows = rows.assign(unit=rows["compared"].str.extract(r" − ([^, ]+)", expand=False))
    return listed(f"{_ends(row, *written)} {said} the {row.unit}" for row in rows.itertuples())


def _ahead(row: Any) -> str:
    """`the GRU 0.22 [0.06, 0.34] ahead of the LSTM`, from the NLL of one less that of the other."""
    first, second = (unit if unit == cell_name("tanh") else f"the {unit}" for unit in row.compared.split(" − "))
    if row.mean < 0:
        return f"{first} {interval(-row.mean, -row.high, -row.low)} ahead of {second}"
    return f"{second} {_ends(row)} ahead of {first}"


def _ends(row: Any, *written: Callable[[float], str]) -> str:
    unknown = "an unknown share" if share in written else "an unknown number of"
    return interval(row.mean, row.low, row.high, *written) or unknown


def _counted(rows: pd.DataFrame) -> str:
    """`(n=3; 5 candidates beside 10)`."""
    return f"(n={listed(rows['repeats'], 'or')})"


def _beside(repeats: pd.Series) -> str:
    """`n=3 or 5 beside 3 or 11`: a unit's repeats, where one number stands for both, and those of what it is beside."""
    ends = [[int(n) for n in re.findall(r"\d+", re.sub(r" \(.*?\)", "", told))] for told in repeats]
    one, other = (sorted({n[end] for n in ends}) for end in (0, -1))
    told = f"n={listed(map(str, one), 'or')}"
    return told if one == other else f"{told} beside {listed(map(str, other), 'or')}"
