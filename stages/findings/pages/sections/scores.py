"""The answer, and how well each unit does on each set."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames, markdown
from stages.findings.plots.noise import NOISELESS, PAPER, on_speech
from stages.findings.tables.robustness import CONDITIONS, HOLDS, TURNS
from stages.presentation.wording import (
    CONTRADICTED,
    SUPPORTED,
    UNDECIDED,
    cell_name,
    interval,
    listed,
    number,
    set_name,
    set_names,
)

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NOISE = "the paper's weight noise"
BECOMES = {
    "the noise's": f"most of tanh's gap goes with {NOISE}",
    "the units'": f"tanh is behind the gated units with {NOISE} and without",
    "only without": f"tanh diverges with {NOISE}",
    "": f"it is open how much of tanh's gap goes with {NOISE}",
}


def words(frames: Frames) -> dict[str, Any]:
    design = frames["design"]
    return {
        "answer": answer(frames),
        "small_table": small_table(frames),
        "small": (design["budget"] == "preliminary").any(),
        "hours": number(design["training_hours"].sum(), 1),
        "leads": leads(frames),
        "orders": orders(frames),
    }


def in_words(value: int) -> str:
    return NUMBERS[value] if 0 <= value < len(NUMBERS) else str(value)


def tested(frames: Frames, output: str = "") -> pd.DataFrame:
    """Mean test NLL, pooled: rows are datasets in the design's order, columns cells; of one kind of output if asked."""
    rows = frames["summary"].query("split == 'test' and averaging == 'pooled'")
    design = frames["design"]
    datasets = design.loc[(design["output"] == output) | (not output), "dataset"]
    wide = rows.pivot(index="dataset", columns="cell", values="nll_mean")[[*dict.fromkeys(rows["cell"])]]
    return wide.reindex(datasets).dropna(how="all")


def sure(frames: Frames, dataset: str, best: str) -> bool:
    """Whether intervals over repeats and pieces put a unit ahead of every other on a dataset."""
    rows = frames["differences"].query("dataset == @dataset and averaging == 'pooled' and repeats > 1")
    ahead = sum(
        (row.first == best and row.difference_high < 0) or (row.second == best and row.difference_low > 0)
        for row in rows.itertuples()
    )
    return ahead > 0 and ahead == frames["summary"]["cell"].nunique() - 1


def answer(frames: Frames) -> list[str]:
    """Who wins on music, what is to be made of speech, what is left of the claims: three short sentences at most."""
    return [sentence for sentence in (_music(frames), _speech(frames), _claims(frames)) if sentence]


def _music(frames: Frames) -> str:
    best, design = tested(frames, "bernoulli").idxmin(axis=1), frames["design"]
    own, all_sets = best[best.index.isin(design.loc[design["data"] == "same", "dataset"])], len(best)
    best = best if own.empty else own  # another edition of the same music is no further set
    if best.empty or frames["summary"]["cell"].nunique() < 2:
        return ""
    sets, counts = len(best), best.value_counts()
    cell, wins = counts.index[0], int(counts.iloc[0])
    if len(counts) > 1 and counts.iloc[1] == wins:
        told = listed(f"{cell_name(other)} on {set_names(best.index[best == other])}" for other in counts.index)
        return f"On music no unit leads: best are {told}."
    certain = sum(sure(frames, dataset, cell) for dataset in best.index[best == cell])
    whose = "the paper's " * (sets < all_sets)
    of = f"{in_words(wins)} of {whose}{in_words(sets)} sets"
    if wins == sets:
        every = "both" if sets == 2 else f"all {in_words(sets)}"
        of = set_name(best.index[0]) if sets == 1 else f"{every} {f'of {whose}' * bool(whose)}sets"
    if not certain:
        return f"On music the {cell_name(cell)} has the lowest error on {of}, but the repeats leave every lead open."
    clear = "" if certain == wins == 1 else f" on {in_words(certain) if certain < wins else 'all'} of them"
    return f"On music the {cell_name(cell)} has the lowest error on {of}, clearly so{clear}."


def _speech(frames: Frames) -> str:
    """What tanh's gap to the gated units comes to without the weight noise, set by set, by the rule."""
    asked, told = frames["questions"].query("question == 'speech_noise'"), {}
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        tanh = rows[rows["cell"] == "tanh"].set_index("arm")["nll_mean"]
        if {PAPER, NOISELESS} <= {*tanh.index}:
            (answer, *others) = dict.fromkeys(asked.loc[asked["dataset"] == dataset, "answer"])
            only = "only without" if tanh[[PAPER, NOISELESS]].isna().tolist() == [True, False] else ""
            became = BECOMES.get("" if others else answer, BECOMES[only])
            told.setdefault(became, []).append(set_name(dataset).removeprefix("speech "))
    if not told:
        return ""
    first, *rest = (f"{listed(sets)} {became}" for became, sets in told.items())
    return "; ".join([f"On speech {first}", *(text.replace(NOISE, "it") for text in rest)]) + "."


def _claims(frames: Frames) -> str:
    counts, claims = frames["claims"]["verdict"].value_counts(), len(frames["claims"])
    held, failed, rest = (int(counts.get(verdict, 0)) for verdict in (SUPPORTED, CONTRADICTED, UNDECIDED))
    verbs = ("hold" if held > 1 else "holds", "fail" if failed > 1 else "fails", "are" if rest > 1 else "is")
    names = [in_words(n) if n else "none" for n in (held, failed, rest)]
    told = f"{names[0]} {verbs[0]}, {names[1]} {verbs[1]} and {names[2]} {verbs[2]} still open"
    return f"Of the paper's {in_words(claims)} claims {told}."


def leads(frames: Frames) -> str:
    """Which leads are sure, and which sets are open."""
    best = tested(frames).idxmin(axis=1)
    if frames["summary"]["cell"].nunique() < 2:
        return "There is one unit, and none to compare it with."
    certain = [dataset for dataset in best.index if sure(frames, dataset, best[dataset])]
    told = [
        f"{cell_name(cell)} on {set_names(d for d in certain if best[d] == cell)}"
        for cell in dict.fromkeys(best[certain])
    ]
    if not told:
        return "On no set do intervals that exclude zero put one unit ahead of all others."
    rest = " Elsewhere pairs stay open." if len(certain) < len(best) else ""
    return f"Intervals that exclude zero put ahead of all others: {'; '.join(told)}.{rest}"


def orders(frames: Frames) -> str:
    """How many of the orders of two units that intervals decide on music hold where the nets are trained otherwise."""
    design, found, told = frames["design"], frames["robustness"], []
    music = design.loc[design["output"] == "bernoulli", "dataset"]
    found = found[found["dataset"].isin(music) & ((found["main_low"] > 0) | (found["main_high"] < 0))]
    for condition in ("noiseless", "authors", "practice_bias"):
        if len(rows := found[found["condition"] == condition]):
            holds, turns = (int((rows["order"] == order).sum()) for order in (HOLDS, TURNS))
            turned = f" and {turns} turn{'s' * (turns == 1)}" * bool(turns)
            told.append(
                f"{CONDITIONS[condition]} {holds or 'none'} of {len(rows)} hold{turned} ({set_names(rows['dataset'])})"
            )
    return f"Of the orders that intervals decide, {'; '.join(told)}." if told else ""


def small_table(frames: Frames) -> str:
    """A row per set: the units, the best in bold, the paper's number beneath."""
    summary = frames["summary"].query("split == 'test' and averaging == 'pooled'")
    cells = [cell for cell in ("gru", "lstm", "tanh") if cell in set(summary["cell"])]
    cells += [cell for cell in dict.fromkeys(summary["cell"]) if cell not in cells]
    rows = []
    for row in frames["design"].itertuples():
        of = summary[summary["dataset"] == row.dataset].set_index("cell")
        counts = " or ".join(map(str, sorted(set(of["repeats"]) - {0}, reverse=True))) or "0"
        asterisk = "\\*" if row.budget == "preliminary" else ""
        name = f"{set_name(row.dataset)}{asterisk} <sub>n={counts}</sub>"
        rows.append([name, *(_score(of.loc[cell], row, of["nll_mean"].min()) for cell in cells)])
    return markdown(["set", *map(cell_name, cells)], rows, raw=True)


def _score(of: pd.Series, row: Any, best: float) -> str:
    mean = number(of["nll_mean"]) or "diverged"
    mean = f"**{mean}**" if of["nll_mean"] == best else mean
    span = interval(of["nll_mean"], of["nll_low"], of["nll_high"]).partition(" ")[2]
    stated = number(of["paper_nll"])
    paper = f"<br><sub>paper {stated if row.data == 'same' else f'({stated})'}</sub>" if stated else ""
    return f"{mean} {span}".strip() + paper
