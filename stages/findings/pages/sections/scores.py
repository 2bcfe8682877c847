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
    in_words,
    interval,
    listed,
    number,
    set_name,
    set_names,
)

NOISE = "the weight noise"
BECOMES = {
    "the noise's": f"most of tanh's gap is {NOISE}'s",
    "the units'": f"tanh is behind with {NOISE} and without",
    "only without": f"tanh diverges with {NOISE}",
    "": f"whether tanh's gap is {NOISE}'s is open",
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
    first, second = (rows[rows[side] == best] for side in ("first", "second"))
    ahead = (first["difference_high"] < 0).sum() + (second["difference_low"] > 0).sum()
    return 0 < ahead == frames["summary"]["cell"].nunique() - 1


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
    clear = [dataset for dataset in best.index[best == cell] if sure(frames, dataset, cell)]
    whose = "the paper's " * (sets < all_sets)
    of = f"{in_words(wins)} of {whose}{in_words(sets)} sets"
    if wins == sets:
        every = "both" if sets == 2 else f"all {in_words(sets)}"
        of = set_name(best.index[0]) if sets == 1 else f"{every} {f'of {whose}' * bool(whose)}sets"
    told = f"On music the {cell_name(cell)} has the lowest error on {of}"
    if not clear:
        return f"{told}, but the repeats leave every lead open."
    on = "" if len(clear) == wins == 1 else f" on {in_words(len(clear)) if len(clear) < wins else 'all'}"
    return f"{told}, clearly so{on}{_today(frames, cell, clear)}."


def _today(frames: Frames, cell: str, clear: list[str]) -> str:
    """On how many of a unit's clear leads it leads as clearly in `practice_bias`; no word if unknown."""
    rows = frames["robustness"].query("condition == 'practice_bias' and (first == @cell or second == @cell)")
    kept = (rows["order"] == HOLDS).groupby(rows["dataset"]).all().reindex(clear)
    return f", with Adam on {'all' if all(kept) else in_words(sum(kept))} of these" * all(kept.notna())


def _speech(frames: Frames) -> str:
    """What tanh's gap to the gated units comes to without the weight noise, set by set, by the rule."""
    asked, told = frames["questions"].query("question == 'speech_noise'"), {}
    for dataset, rows in on_speech(frames).groupby("dataset", sort=False):
        tanh = rows[rows["cell"] == "tanh"].set_index("arm")["nll_mean"]
        if {PAPER, NOISELESS} <= {*tanh.index}:
            (answer, *others) = dict.fromkeys(asked.loc[asked["dataset"] == dataset, "answer"])
            only = "only without" if tanh[[PAPER, NOISELESS]].isna().tolist() == [True, False] else ""
            best = tested(frames).idxmin(axis=1).get(dataset)
            lead = f"the {cell_name(best)} leads and " * bool(sure(frames, dataset, best))
            told.setdefault(lead + BECOMES.get("" if others else answer, BECOMES[only]), []).append(
                set_name(dataset).removeprefix("speech ")
            )
    if not told:
        return ""
    first, *rest = (f"{listed(sets)} {became}" for became, sets in told.items())
    return "; ".join([f"On speech {first}", *(text.replace(NOISE, "it") for text in rest)]) + "."


def _claims(frames: Frames) -> str:
    counts, claims = frames["claims"]["verdict"].value_counts(), len(frames["claims"])
    held, failed, rest = (int(counts.get(verdict, 0)) for verdict in (SUPPORTED, CONTRADICTED, UNDECIDED))
    verbs = ("hold" if held > 1 else "holds", "fail" if failed > 1 else "fails", "are" if rest > 1 else "is")
    names = [in_words(n) for n in (held, failed, rest)]
    told = f"{names[0]} {verbs[0]}, {names[1]} {verbs[1]} and {names[2]} {verbs[2]} open"
    return f"Of the paper's {in_words(claims)} claims {told}."


def leads(frames: Frames) -> str:
    """Which leads are sure, and which sets are open."""
    best = tested(frames).idxmin(axis=1)
    if frames["summary"]["cell"].nunique() < 2:
        return "There is one unit, and none to compare it with."
    certain = best[[sure(frames, dataset, cell) for dataset, cell in best.items()]]
    told = [f"{cell_name(cell)} on {set_names(of.index)}" for cell, of in certain.groupby(certain, sort=False)]
    if not told:
        return "On no set do intervals that exclude zero put one unit ahead of all others."
    rest = " Elsewhere pairs stay open." if len(certain) < len(best) else ""
    return f"Intervals that exclude zero put ahead of all others: {'; '.join(told)}.{rest}"


def orders(frames: Frames) -> str:
    """How many of the orders on music that intervals decide are decided again if the nets are trained otherwise."""
    music, found = frames["design"].query("output == 'bernoulli'")["dataset"], frames["robustness"]
    found = found[found["dataset"].isin(music) & found["condition"].isin(("noiseless", "authors", "practice_bias"))]
    found = found[(found["main_low"] > 0) | (found["main_high"] < 0)]
    tried = found.groupby("condition", sort=False)["order"]
    told = [f"{CONDITIONS[name]}: {sum(of == HOLDS) or 'none'} of {len(of)}" for name, of in tried]
    turns = in_words((found["order"] == TURNS).sum())
    many = f"Of the orders on music that intervals decide {turns} turn round in another protocol"
    return f"{many}; decided again {'; '.join(told)}." * bool(told)


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
