"""How well each unit does on each set: results of repeats, their means, and the gaps to one of the units."""

import itertools
import math

import pandas as pd

from stages.findings.declare import standard, table
from stages.findings.inference.improvement import improvement_over_sets
from stages.findings.inference.resampling import mean_over_repeats
from stages.findings.records import paper
from stages.findings.study import Study
from stages.findings.tables import AVERAGINGS, SPLITS, column
from stages.presentation.wording import cell_name, number, set_names, set_of, share, signed, span_of


@table(
    "dataset:word cell:word repeat:count candidate:count learning_rate epochs:count best_epoch:count updates:count "
    "train_nll valid_nll test_nll train_nll_per_sequence valid_nll_per_sequence test_nll_per_sequence device:word"
)
def results(study: Study) -> pd.DataFrame:
    """A row per repeat: its chosen candidate, or empty fields where all its candidates diverged."""
    frames = [
        run.results.assign(dataset=dataset, cell=cell, device=str(run.info["device"]))
        for (dataset, cell), run in study.runs.items()
    ]
    return pd.concat(frames, ignore_index=True)


@table(
    "dataset:word cell:word repeats:count split:word averaging:word nll_mean nll_low nll_high paper_nll",
    standard("set unit split averaging n")
    | {
        "NLL": span_of("nll", lacking="diverged"),
        "the paper's": lambda row: number(row.paper_nll),
    },
)
def summary(study: Study) -> list[list]:
    """Mean over repeats with its interval over repeats, beside the paper's number.

    The paper does not say how it averaged, so its number stands beside both averagings. `repeats` counts those that
    have a result; with one there is no interval.
    """
    rows = []
    for (dataset, cell), run in study.runs.items():
        for split, averaging in itertools.product(SPLITS, AVERAGINGS):
            values = run.results[column(split, averaging)]
            found = mean_over_repeats(values, study.resampling, "summary", dataset, cell, split, averaging)
            stated = paper_nll(study, dataset, cell, split)
            rows.append([dataset, cell, values.count(), split, averaging, *found, stated])
    return rows


def paper_nll(study: Study, dataset: str, cell: str, split: str) -> float:
    """Table 2 of the paper, for the dataset that ours answers to; NaN where it has no number."""
    counterpart, published = study.settings.counterparts.get(dataset), study.published
    if counterpart is None or cell not in paper.RESULTS:
        return math.nan
    of_set = (published["dataset"] == counterpart.name) & (published["model"] == paper.RESULTS[cell])
    found = published.loc[of_set & (published["split"] == split), "nll"]
    return float(found.iloc[0]) if len(found) else math.nan


@table(
    "dataset:word output:word data:word budget:word cell:word reference:word repeats:count pieces:count "
    "gap_mean gap_low gap_high paper_gap paper_dataset:word",
    {
        "set": set_of,
        "unit": lambda row: f"{cell_name(row.cell)} − {cell_name(row.reference)}",
        "n": "repeats",
        "pieces": "pieces",
        "gap": span_of("gap", lacking="diverged"),
        "the paper's gap": lambda row: signed(row.paper_gap),
    },
)
def gaps(study: Study) -> list[list]:
    """Test NLL of each unit minus the reference's, pooled, nats per step; above zero the unit is worse.

    With the interval over repeats and pieces (see differences.csv) and the gap between the paper's single runs, where
    it has both. A unit or reference all of whose repeats diverged has no gap.
    """
    evidence, cells, rows = study.evidence, study.design.cells, []
    reference = study.settings.reference if study.settings.reference in cells else cells[-1]
    for dataset, cell in itertools.product(study.design.datasets, cells):
        if cell == reference:
            continue
        counterpart = study.settings.counterparts.get(dataset)
        budget = "preliminary" if dataset in study.preliminary else "paper"
        facts = [dataset, study.output(dataset), counterpart.data if counterpart else "", budget, cell, reference]
        stated = paper_nll(study, dataset, cell, "test") - paper_nll(study, dataset, reference, "test")
        found = [0, None, None, None, None]
        if not evidence.obstacle(dataset, cell, reference):
            gap = evidence.difference(dataset, cell, reference)
            repeats = min(evidence.tested(dataset, one) for one in (cell, reference))
            found = [repeats, len(evidence.runs[dataset, cell].piece_steps), *gap]
        rows.append([*facts, *found, stated, counterpart.name if counterpart else ""])
    return rows


@table(
    "arm:word first:word second:word sets:word repeats:word share_mean share_low share_high",
    {
        "arm": "arm",
        "question": lambda row: f"{cell_name(row.first)} better than {cell_name(row.second)}",
        "sets": lambda row: set_names(row.sets.split()) or "not tested",
        "n": "repeats",
        "probability": span_of("share", share, "not tested"),
    },
)
def improvement(study: Study) -> list[list]:
    """How probably a run of one unit has a lower test NLL than a run of another, the mean over music sets.

    `sets` are those of the paper's music that both units have more than one repeat on, `repeats` their numbers.
    """
    rows = []
    for arm, (second, first) in itertools.product(("paper", "practice"), itertools.combinations(study.design.cells, 2)):
        evidence, music = study.evidence_of(study.of_arm(arm)), study.evidence.rules.music
        sets = [d for d in music if not evidence.obstacle(d, first, second) and evidence.enough(d, first, second)]
        runs = [[evidence.runs[d, cell].results["test_nll"].to_numpy(float) for cell in (first, second)] for d in sets]
        found = improvement_over_sets(runs, study.resampling, arm, first, second)
        repeats = " ".join(str(len(first)) for first, _ in runs)
        rows.append([arm, first, second, " ".join(sets), repeats, *found])
    return rows


@table(
    "arm:word dataset:word cell:word repeats:count candidates:count nll_mean nll_low nll_high "
    "valid_mean valid_low valid_high",
    standard("arm set unit n")
    | {
        "candidates": "candidates",
        "test NLL": span_of("nll", lacking="diverged"),
        "validation NLL": span_of("valid"),
    },
)
def arm_scores(study: Study) -> list[list]:
    """Test and validation NLL, pooled, of every arm's runs: means over repeats, drawn as in summary.csv."""
    rows = []
    for arm, runs in study.arms.items():
        for (dataset, cell), run in runs.items():
            key = ("summary", dataset, cell)
            test, valid = (
                mean_over_repeats(run.results[f"{split}_nll"], study.resampling, *key, split, "pooled")
                for split in ("test", "valid")
            )
            counts = run.results["test_nll"].count(), run.trials["candidate"].nunique()
            rows.append([arm, dataset, cell, *counts, *test, *valid])
    return rows
