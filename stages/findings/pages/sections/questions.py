"""The questions of the arms: the answer of each, then what it rests on, from whatever runs there are."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import BEFORE, LIKE, NOT_TESTED, OPEN, SINGLE, UNLIKE, VOID
from stages.findings.tables.questions import UNEXPLODED
from stages.presentation.wording import capital, cell_name, interval, listed, number, set_name, set_names, share

UNDECIDED = {OPEN: 1, SINGLE: 2, VOID: 3, NOT_TESTED: 4}  # what is told after other answers, in this order


def words(frames: Frames) -> dict[str, Any]:
    found, told, rest = frames["questions"], [], []
    for name, (asked, sentence) in ASKED.items():
        rows = found[found["question"] == name]
        if (tested := rows[rows["answer"] != NOT_TESTED]).empty:
            rest.append(asked)
            continue
        details = " ".join(f"{capital(text)}." for text in sentence(tested))
        told.append(f"**{asked}** *{capital(answer(rows))}.* {details}")
    told += [f"Not tested yet: {' '.join(rest)}"] * bool(rest)
    return {"asked": {name: asked for name, (asked, _) in ASKED.items()}, "sentences": told}


def answer(rows: pd.DataFrame) -> str:
    """`Open`, `The noise's on …; open on …` where each set has one answer, else in how many cases which is the answer.

    A distance's is that over all sets. An order that is open before is no case.
    A set is as in the paper in all that is asked, or is not.
    """
    rows = rows[rows["answer"] != BEFORE]
    if (rows["question"] == "rescued").any():
        worst = rows["answer"].map((UNLIKE, NOT_TESTED, OPEN, LIKE).index).groupby(rows["dataset"]).idxmin()
        rows = rows.loc[sorted(worst)]
    rows = rows[rows["dataset"] == ""] if (rows["dataset"] == "").any() else rows
    said = rows["answer"].value_counts()
    said = said[sorted(said.index, key=lambda word: UNDECIDED.get(word, 0))]
    if len(said) < 2:
        return [*said.index, BEFORE][0]
    if rows.groupby("dataset")["answer"].nunique().max() == 1:
        told = (f"{word} on {set_names(rows.loc[rows['answer'] == word, 'dataset'])}" for word in said.index)
        text = "; ".join(told)
        return text.replace("on speech in", "in") if text.count("on speech in") == len(said) else text
    first, *others = (f"{word} in {n}" for word, n in said.items())
    return ", ".join([f"{first} of {len(rows)} cases", *others])


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
    return ["a case is a unit on a set in an arm; all its chosen nets must have"]


def rescued(rows: pd.DataFrame) -> list[str]:
    """How far behind the tanh nets are, and how their test and training NLLs differ."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        fits, behind = (of[of["compared"].str.contains(", test − ") == fit] for fit in (True, False))
        by = f"{_by_unit(behind, 'nats behind')} {_counted(behind)}"
        text = f"tanh then trains and is {by}: {listed(behind['answer'])}"
        if of["compared"].str.contains(UNEXPLODED, regex=False).all():
            text, fits = "no gradient explodes, so either rule gives the same nets", fits[:0]
        elif behind["repeats"].str.match(r"0\b").all():
            text, fits = f"every tanh net diverges all the same {_counted(behind)}", fits[:0]
        told.append(f"{_speech(dataset)} {text}")
        told += [f"its test NLL less its training NLL is {_ends(row)}: {row.answer}" for row in fits.itertuples()]
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
        told += [f"it {outcome} with {_ahead(of)} {_counted(of)}"] * bool(len(of))
    left = rows[(rows["answer"] == OPEN) & (not told)].assign(width=lambda of: of["high"] - of["low"])
    for of in left.nsmallest(1, "width").itertuples():
        told.append(f"narrowest: {of.compared} {_ends(of)} on {set_name(of.dataset)} (n={of.repeats})")
    void = set_names(rows.loc[rows["answer"] == VOID, "dataset"])
    return told + [f"void on {void}, where nets fail to use their input (why: `reports/studies`)"] * bool(void)


def parts(rows: pd.DataFrame) -> list[str]:
    """Which units that lack a part, or have it elsewhere, are worse or better, by how much and on how many sets."""
    units, told = rows["compared"].str.split(" − ").str[0], []
    for outcome, sign in {"worse": 1, "better": -1}.items():
        of = rows[rows["answer"] == outcome].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [f"{unit} on {len(on)} of {(units == unit).sum()}" for unit, on in of.groupby(units, sort=False)]
        found[:1] = [f"{found[0]} sets (by up to {_ends(row, fine, sign=sign)})" for row in of.head(1).itertuples()]
        told += [f"{outcome}: {listed(found)}"] * bool(found)
    return [*told, f"each beside the whole unit of equal size {_counted(rows)}"]


def parts_reach(rows: pd.DataFrame) -> list[str]:
    """Which unit reaches furthest back beside the whole one."""
    return [
        f"furthest: {row.compared.split(' − ')[0]} on {set_name(row.dataset)}, by {_ends(row)} powers of ten "
        f"(n={row.repeats})"
        for row in rows.dropna(subset="low").nlargest(1, "mean").itertuples()
    ]


def shortcuts(rows: pd.DataFrame) -> list[str]:
    """How much of tanh's gap to the GRU a leak closes, which is a shortcut where it reaches further than tanh."""
    told = (f"{_ends(row, share)} on {set_name(row.dataset)} (n={row.repeats})" for row in rows.itertuples())
    return [f"of tanh's gap to the GRU a leak, a shortcut where it reaches further than tanh, closes {listed(told)}"]


fine = partial(number, decimals=3)

ASKED: dict[str, tuple[str, Callable[[pd.DataFrame], list[str]]]] = {
    "speech_noise": ("Is the gap on speech the units' or the weight noise's?", speech_noise),
    "noise_where": ("Which part of the weight noise makes tanh fail on speech?", noise_where),
    "converged": ("Have the speech nets converged?", converged),
    "rescued": ("Does the authors' rule for exploding gradients give the paper's tanh results?", rescued),
    "authors": ("Is the authors' code, but stopped early, nearer to Table 2 than the paper's protocol?", distance),
    "left_on": ("Is the study nearer to Table 2 if the noise is left on in the test?", distance),
    "practice": ("Does the order of two units survive training by Adam, with warm-up, cosine and dropout?", practice),
    "practice_bias": ("And if their output bias begins at the note frequencies?", practice),
    "parts": ("Is a unit worse without a part, or with one elsewhere?", parts),
    "parts_reach": ("Do gradients reach less far back in such a unit?", parts_reach),
    "shortcuts": ("Is tanh behind the GRU for want of shortcuts or of gates?", shortcuts),
}


def _speech(dataset: str) -> str:
    """`in short pieces`: what is asked of speech alone need not say so set by set."""
    return set_name(dataset).removeprefix("speech ")


def _by_unit(rows: pd.DataFrame, said: str, *written: Callable[[float], str]) -> str:
    """`2.01 [−2.91, 6.53] nats behind the LSTM and 2.06 [−2.68, 6.27] nats behind the GRU`, of tanh."""
    rows = rows.assign(unit=rows["compared"].str.extract(r" − ([^, ]+)", expand=False))
    return listed(f"{_ends(row, *written)} {said} the {row.unit}" for row in rows.itertuples())


def _ahead(rows: pd.DataFrame) -> str:
    """`the GRU ahead of tanh by 0.22 [0.06, 0.34] on …`, from the NLL of one less that of the other."""
    told = {}
    for row in rows.itertuples():
        units = [unit if unit == cell_name("tanh") else f"the {unit}" for unit in row.compared.split(" − ")]
        (first, second), sign = (units, -1) if row.mean < 0 else (units[::-1], 1)
        by = f"{_ends(row, sign=sign)} on {set_name(row.dataset)}"
        told.setdefault(f"{first} ahead of {second} by", []).append(by)
    return listed(f"{who} {listed(of)}" for who, of in told.items())


def _ends(row: Any, *written: Callable[[float], str], sign: int = 1) -> str:
    unknown = "an unknown share" if share in written else "an unknown number of"
    return interval(sign * row.mean, *sorted((sign * row.low, sign * row.high)), *written) or unknown


def _counted(rows: pd.DataFrame) -> str:
    """`(n=3; 5 candidates beside 10)`."""
    return f"(n={listed(rows['repeats'], 'or')})"
