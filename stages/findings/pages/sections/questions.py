"""The questions of the arms: a plain sentence each, from whatever runs there are."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.inference.questions import NOT_TESTED, OPEN, VOID
from stages.findings.tables.questions import CLOSED, PRACTICE, UNEXPLODED, guessing
from stages.presentation.wording import cell_name, count, interval, listed, number, set_name, set_names, share


def words(frames: Frames) -> dict[str, Any]:
    found, told, rest = frames["questions"], [], []
    for name, (asked, sentence) in ASKED.items():
        rows = found[found["question"] == name]
        tested = rows[rows["answer"] != NOT_TESTED]
        if not len(tested):
            rest.append(asked)
            continue
        lacking = f"; {count(len(rows) - len(tested), 'comparison')} **{NOT_TESTED}**" * (len(tested) < len(rows))
        text = f"{sentence(tested)}{lacking}.{stuck(frames, name) if name in PRACTICE else ''}"
        told.append(f"*{asked}* {text[0].upper()}{text[1:]}")
    asked = {name: asked for name, (asked, _) in ASKED.items()}
    return {"asked": asked, "sentences": told + [f"Not tested yet: {' '.join(rest)}"] * bool(rest)}


def stuck(frames: Frames, arm: str) -> str:
    """Where an order is void, since a unit has learned little more than note frequencies."""
    told = []
    for dataset, of in guessing(frames["baselines"], frames["arm_scores"], arm).groupby(level="dataset", sort=False):
        found = listed(f"the {cell_name(row.Index[1])} at {number(row.here)}" for row in of.itertuples())
        told.append(f"on {set_name(dataset)} {found}, where note frequencies alone give {number(of['guess'].iloc[0])}")
    last = f"orders of such a unit are **{VOID}**"
    return f" Nets of this arm can fail to use their input (why: `reports/studies`): {'; '.join(told)}: {last}." * bool(
        told
    )


def speech_noise(rows: pd.DataFrame) -> str:
    """How much of tanh's gap to either gated unit goes with the noise, or what is left where it has no number."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        units = of.assign(unit=of["compared"].str.extract(r"tanh − ([^, ]+)", expand=False)).itertuples()
        if of["compared"].str.startswith("share").all():
            gaps = [f"{_ends(row, share)} of that to the {row.unit}" for row in units]
            gaps[0] = gaps[0].replace("of that", "of tanh's gap")
            text = f"on {set_name(dataset)} {listed(gaps)} goes with the noise"
        else:
            gaps = [f"{_ends(row)} nats behind the {row.unit}" for row in units]
            text = f"on {set_name(dataset)} every tanh net diverges with the noise; without it tanh is {listed(gaps)}"
            of = of.assign(repeats=of["repeats"].str.split(", ").str[-1])
        told.append(f"{text} {_judged(of)}")
    return "; ".join(told)


def noise_where(rows: pd.DataFrame) -> str:
    """What either lesser noise costs the tanh nets."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        without = of["compared"].iloc[0].split(" − ")[1]
        found = [f"{row.compared.split(' − ')[0]} by {_ends(row)} nats {_judged(one)}" for row, one in _one(of)]
        told.append(f"on {set_name(dataset)}, behind {without}: {', '.join(found)}")
    return "; ".join(told)


def converged(rows: pd.DataFrame) -> str:
    """How many have, of a unit's nets on one set in one arm that has nets."""
    nets, met = rows[rows["answer"] != OPEN], (rows["answer"] == "converged").sum()
    return f"{met or 'none'} of {count(len(nets), 'case')}, a unit on a set in an arm, has all its nets converged"


def rescued(rows: pd.DataFrame) -> str:
    """How far behind the tanh nets are, and how their test and training NLLs differ."""
    told = []
    for dataset, of in rows.groupby("dataset", sort=False):
        fits, behind = (of[of["compared"].str.contains(", test − ") == fit] for fit in (True, False))
        gaps = listed(f"{_ends(row)} nats behind the {row.compared.split(' − ')[1]}" for row in behind.itertuples())
        trains = "no gradient explodes anyway; tanh" if UNEXPLODED in of["compared"].iloc[0] else "tanh then trains and"
        if behind["repeats"].str.match(r"0\b").all():
            told.append(f"on {set_name(dataset)} every tanh net diverges all the same {_judged(behind)}")
            continue
        told.append(f"on {set_name(dataset)} {trains} is {gaps} {_judged(behind)}")
        fits = fits[~fits["compared"].str.contains(UNEXPLODED, regex=False)]
        told += [f"its test NLL less its training NLL is {_ends(row)} {_judged(one)}" for row, one in _one(fits)]
    return "; ".join(told)


def distance(rows: pd.DataFrame) -> str:
    """How the mean distance to the paper's numbers changes, and on which sets it does so surely."""
    total, sets = rows[rows["dataset"] == ""], rows[rows["dataset"] != ""]
    told = [f"the mean distance changes by {_ends(row, fine)} nats {_judged(of)}" for row, of in _one(total)]
    told += [f"{way} on {set_names(of['dataset'])}" for way, of in sets[sets["answer"] != OPEN].groupby("answer")]
    return "; ".join(told)


def practice(rows: pd.DataFrame) -> str:
    """Which orders of two units stay or turn, by how much and where; how many others are open."""
    told = []
    for answer in ("survives", "turns"):
        of = rows[rows["answer"] == answer].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [f"with {_ahead(row)} on {set_name(row.dataset)}" for row in of.itertuples()]
        told += [f"it **{answer}** {listed(found)} ({listed(map(_repeats, of['repeats']), 'or')})"] * bool(found)
    left = rows[rows["answer"] == OPEN].assign(width=rows["high"] - rows["low"]).sort_values("width").itertuples()
    known = [f", best known {row.compared} {_ends(row)} on {set_name(row.dataset)}" for row in left][: not told]
    return "; ".join([*told, *(text + "".join(known) for text in _undecided(rows, bool(told)))])


def parts(rows: pd.DataFrame) -> str:
    """Which units that lack a part, or have it elsewhere, are worse or better, and what of tanh's gap a leak closes."""
    share_closed = rows["compared"] == CLOSED
    units, told = rows["compared"].str.split(" − ").str[0], []
    for answer in ("worse", "better"):
        of = rows[rows["answer"] == answer].sort_values("mean", key=lambda mean: -mean.abs(), kind="stable")
        found = [
            f"{unit} ({len(each)} of {(units == unit).sum()} sets, up to {_ends(next(each.itertuples()), fine)})"
            for unit, each in of.groupby(units, sort=False)
        ]
        told += [f"**{answer}**: {listed(found)}"] * bool(found)
    for answer, of in rows[share_closed].groupby("answer", sort=False):
        closed = listed(f"{_ends(row, share)} on {set_name(row.dataset)}" for row in of.itertuples())
        told.append(f"a leak, a shortcut without gates, closes {closed} of tanh's gap to the GRU: **{answer}**")
    said = "; ".join([*told, *_undecided(rows[~share_closed], bool(told))])
    return f"beside the whole unit of as many parameters, {said} ({_beside(rows['repeats'])})"


fine = partial(number, decimals=3)

ASKED: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
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


def _one(rows: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
    """Each row, as itself and as a table."""
    return [(row, rows.loc[[row.Index]]) for row in rows.itertuples()]


def _ahead(row: Any) -> str:
    """`the GRU 0.22 [0.06, 0.34] ahead of the LSTM`, from the NLL of one less that of the other."""
    first, second = (unit if unit == cell_name("tanh") else f"the {unit}" for unit in row.compared.split(" − "))
    if row.mean < 0:
        return f"{first} {interval(-row.mean, -row.high, -row.low)} ahead of {second}"
    return f"{second} {_ends(row)} ahead of {first}"


def _undecided(rows: pd.DataFrame, others: bool) -> list[str]:
    """`**open**: 7 others`, where there are any."""
    left = (rows["answer"] == OPEN).sum()
    return [f"**{OPEN}**: {count(left, 'other' if others else 'comparison')}"] * bool(left)


def _ends(row: Any, *written: Callable[[float], str]) -> str:
    unknown = "an unknown share" if share in written else "an unknown number of"
    return interval(row.mean, row.low, row.high, *written) or unknown


def _judged(rows: pd.DataFrame) -> str:
    """`(n=3): **open**`."""
    told = listed(map(_repeats, rows["repeats"]), "or")
    return f"({told}): {listed(f'**{answer}**' for answer in rows['answer'])}"


def _beside(repeats: pd.Series) -> str:
    """`n=3 or 5 beside 3 or 11`: a unit's repeats, where one number stands for both, and those of what it is beside."""
    ends = [[int(n) for n in re.findall(r"\d+", re.sub(r" \(.*?\)", "", told))] for told in repeats]
    one, other = (sorted({n[end] for n in ends}) for end in (0, -1))
    told = f"n={listed(map(str, one), 'or')}"
    return told if one == other else f"{told} beside {listed(map(str, other), 'or')}"


def _repeats(told: str) -> str:
    return f"n={told}" if re.fullmatch(r"\d+( and \d+)?(; .*)?", told) else told
