"""Answers to the questions of params.yaml, from whatever runs of their arms there are."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from stages.findings.declare import table
from stages.findings.inference.evidence import Evidence
from stages.findings.inference.questions import (
    OPEN,
    Answer,
    Questions,
    common,
    converged,
    distance_to,
    ratio_of_gaps,
    side,
)
from stages.findings.inference.resampling import NOTHING, Interval, mean_over_repeats
from stages.findings.records.runs import Runs, paired
from stages.findings.study import Study
from stages.findings.tables.scores import paper_nll
from stages.findings.wording import cell_name, interval, number, set_name
from stages.plumbing.parameters import section

GATED, TANH = ("lstm", "gru"), "tanh"
# A unit that lacks a part, and the whole one it is set beside.
WHOLE = {"lstm": "lstm", "gru": "gru", "minimal": "gru", "tanh": "tanh"}


@table(
    "question:word dataset:word compared:word asked:word repeats:word mean low high answer:word",
    {
        "set": lambda row: set_name(row.dataset) if row.dataset else "all",
        "compared": "compared",
        "rule": "asked",
        "n": "repeats",
        "found": lambda row: interval(row.mean, row.low, row.high),
        "answer": "answer",
    },
)
def questions(study: Study) -> list[list]:
    """A row per question, dataset and unit or pair: the quantity, its interval, and what the rule makes of it.

    NLLs in nats per step, pooled. `answer` is open where the rule decides nothing, and not tested without runs.
    """
    rules = section("questions", Questions)
    made = (_speech_noise, _noise_where, _converged, _rescued, _authors, _left_on, _practice, _parts)
    answers = itertools.chain(*(answer(study, rules) for answer in made))
    return [[a.question, a.dataset, a.compared, a.asked, a.repeats, *a.found, a.answer] for a in answers]


def _speech(study: Study) -> list[str]:
    rules = study.evidence.rules
    return [dataset for dataset in (rules.speech_a, rules.speech_b) if dataset in study.design.datasets]


def _has(runs: Runs, dataset: str, *cells: str) -> bool:
    return all((dataset, cell) in runs for cell in cells)


def _decided(evidence: Evidence, dataset: str, first: str, second: str) -> Interval | None:
    """A difference that has enough repeats to speak of other runs, or None."""
    if evidence.obstacle(dataset, first, second) or not evidence.enough(dataset, first, second):
        return None
    return evidence.difference(dataset, first, second)


def _speech_noise(study: Study, rules: Questions) -> Iterator[Answer]:
    rule, noiseless = rules.speech_noise, study.of_arm("noiseless")
    here, there = study.evidence, study.evidence_of(noiseless)
    for dataset, cell in itertools.product(_speech(study), GATED):
        pair = dataset, TANH, cell
        share = f"share of the gap, tanh − {cell_name(cell)}, that goes with the noise"
        put = Answer("speech_noise", dataset, share, f"the noise's above {rule.noise_share:g}, the units' below")
        if not (_has(noiseless, *pair) and _has(study.runs, *pair)):
            yield put
            continue
        put = replace(put, answer=OPEN, repeats=f"{here.counts(*pair)} with noise, {there.counts(*pair)} without")
        left = _decided(there, *pair)
        if not here.tested(dataset, TANH):
            compared = f"gap left without noise, tanh − {cell_name(cell)} (with it every tanh net diverged)"
            put = replace(put, compared=compared, asked=f"the noise's below {number(rule.gap_closed)}")
            trained = there.tested(dataset, TANH) == len(noiseless[dataset, TANH].repeats)
            if not there.obstacle(*pair):
                put = replace(put, found=there.difference(*pair))
            closed = left is not None and trained and left.high < rule.gap_closed
            yield replace(put, answer="the noise's") if closed else put
            continue
        if here.obstacle(*pair) or there.obstacle(*pair):
            yield put
            continue
        gaps = [paired(runs[dataset, TANH], runs[dataset, cell]) for runs in (noiseless, study.runs)]
        key = ("question", "speech_noise", dataset, cell)
        steps = noiseless[dataset, cell].piece_steps
        put = replace(put, found=ratio_of_gaps(gaps, steps, study.resampling, *key, paired=False))
        if left is not None and here.enough(*pair):
            units = "the units'" if left.low > 0 else OPEN
            put = replace(put, answer=side(put.found, rule.noise_share, "the noise's", units))
        yield put


def _noise_where(study: Study, rules: Questions) -> Iterator[Answer]:
    limit, noiseless = rules.speech_noise.gap_closed, study.of_arm("noiseless")
    for dataset, arm in itertools.product(_speech(study), ("half_noise", "input_noise")):
        runs, asked = study.of_arm(arm), f"as without noise below {number(limit)}"
        put = Answer("noise_where", dataset, f"tanh, `{arm}` − `noiseless`", asked)
        if not (_has(runs, dataset, TANH) and _has(noiseless, dataset, TANH)):
            yield put
            continue
        both = study.evidence_of(
            {(dataset, arm): runs[dataset, TANH], (dataset, "noiseless"): noiseless[dataset, TANH]}
        )
        found, counts = _decided(both, dataset, arm, "noiseless"), both.counts(dataset, arm, "noiseless")
        answer = side(found, limit, "fails still", "as without noise") if found else OPEN
        yield Answer(put.question, dataset, put.compared, asked, answer, found or NOTHING, counts)


def _converged(study: Study, rules: Questions) -> Iterator[Answer]:
    asked = f"stopped by itself, or gained less than {number(rules.converged.gain)} nats in its last epochs"
    for arm, dataset in itertools.product(("paper", "noiseless", "rescued"), _speech(study)):
        for (known, cell), run in study.of_arm(arm).items():
            if known != dataset:
                continue
            met, nets = converged(run, rules.converged)
            told = f"{met} of {nets} nets" if nets else "every net diverged"
            answer = OPEN if not nets else "converged" if met == nets else "not converged"
            compared = f"{cell_name(cell)} in `{arm}`: {told}"
            yield Answer("converged", dataset, compared, asked, answer, repeats=str(nets))


def _rescued(study: Study, rules: Questions) -> Iterator[Answer]:
    rule, rescued = rules.rescued, study.of_arm("rescued")
    for dataset in _speech(study):
        fits = Answer("rescued", dataset, "tanh, test − training NLL", f"within ±{number(rule.same)}")
        asked = f"above {number(rule.behind)}"
        behind = {cell: Answer("rescued", dataset, f"tanh − {cell_name(cell)}", asked) for cell in GATED}
        if not _has(rescued, dataset, TANH):
            yield from (fits, *behind.values())
            continue
        results = rescued[dataset, TANH].results.dropna(subset=["test_nll"])
        gap = results["test_nll"] - results["train_nll"]
        found = mean_over_repeats(gap, study.resampling, "question", "rescued", dataset)
        inside = -rule.same < found.low and found.high < rule.same
        answer = "as in the paper" if inside else side(found, rule.same, "not as in the paper", OPEN)
        few = len(results) < study.evidence.rules.minimum_repeats
        yield replace(fits, answer=OPEN if few else answer, found=found, repeats=str(len(results)))
        beside = study.evidence_of({**study.runs, (dataset, TANH): rescued[dataset, TANH]})
        for cell, put in behind.items():
            found = _decided(beside, dataset, TANH, cell)
            answer = side(found, rule.behind, "as in the paper", "not as in the paper") if found else OPEN
            counts = beside.counts(dataset, TANH, cell) if _has(beside.runs, dataset, cell) else ""
            yield replace(put, answer=answer, found=found or put.found, repeats=counts)


def _authors(study: Study, rules: Questions) -> Iterator[Answer]:
    put = Answer("authors", "", "distance to Table 2: `authors` less `paper`", "nearer below 0")
    authors, stated = study.of_arm("authors"), {}
    for key in itertools.product(rules.authors.sets, study.design.cells):
        tested = key in authors and key in study.runs and authors[key].results["test_nll"].notna().any()
        if tested and not pd.isna(nll := paper_nll(study, *key, "test")):
            stated[key] = nll
    if not stated:
        yield put
        return
    theirs, ours = ({key: runs[key].results["test_nll"] for key in stated} for runs in (authors, study.runs))
    key = ("question", "authors")
    found = distance_to(_off(stated, theirs), _off(stated, ours), study.resampling, *key, paired=False)
    told = f"{len(stated)} pairs of set and unit"
    yield replace(put, answer=side(found, 0.0, "farther", "nearer"), found=found, repeats=told)


def _left_on(study: Study, rules: Questions) -> Iterator[Answer]:
    compared, asked = "distance to Table 2: noise left on less clean", "nearer below 0"
    stated = {key: paper_nll(study, *key, "test") for key in study.runs if key[0] in rules.authors.sets}
    stated = {key: nll for key, nll in stated.items() if not pd.isna(nll) and len(study.runs[key].noisy_nll)}
    if not stated:
        yield Answer("left_on", "", compared, asked)
        return
    clean, noisy = {}, {}
    for key in stated:
        clean[key] = study.runs[key].results.set_index("repeat")["test_nll"]
        noisy[key] = study.runs[key].noisy_nll.reindex(clean[key].index)
    off = _off(stated, noisy), _off(stated, clean)
    found = distance_to(*off, study.resampling, "question", "left_on", paired=True)
    told = f"{len(stated)} pairs of set and unit"
    yield Answer("left_on", "", compared, asked, side(found, 0.0, "farther", "nearer"), found, told)


def _off(stated: dict[tuple[str, str], float], nll: dict[tuple[str, str], pd.Series]) -> dict[str, np.ndarray]:
    """By dataset, each repeat's NLL less the stated one, a column a unit."""
    found = defaultdict(list)
    for key, series in nll.items():
        found[key[0]].append(series.to_numpy(float) - stated[key])
    return {dataset: np.column_stack(columns) for dataset, columns in found.items()}


def _practice(study: Study, rules: Questions) -> Iterator[Answer]:
    here, there = study.evidence, study.evidence_of(study.of_arm("practice"))
    pairs = [(first, second) for second, first in itertools.combinations(study.design.cells, 2)]
    for dataset, pair in itertools.product(rules.practice.sets, pairs):
        compared = " − ".join(map(cell_name, pair)) + " in `practice`"
        put = Answer("practice", dataset, compared, "the same sign in both arms")
        if not _has(there.runs, dataset, *pair) or not _has(here.runs, dataset, *pair):
            yield put
            continue
        ours, theirs = (_decided(evidence, dataset, *pair) for evidence in (here, there))
        signs = [side(found, 0.0, "+", "-") if found else OPEN for found in (ours, theirs)]
        answer = OPEN if OPEN in signs else "survives" if signs[0] == signs[1] else "turns"
        yield replace(put, answer=answer, found=theirs or put.found, repeats=there.counts(dataset, *pair))


def _parts(study: Study, rules: Questions) -> Iterator[Answer]:
    parts, asked = study.of_arm("parts"), "worth something above 0"
    if not parts:
        yield Answer("parts", "", "units that lack a part", asked)
        return
    both = study.evidence_of({**study.runs, **parts})
    for dataset, cell in parts:
        whole = WHOLE.get(cell.split("_")[0], cell)
        if not _has(study.runs, dataset, whole):
            continue
        found, counts = _decided(both, dataset, cell, whole), both.counts(dataset, cell, whole)
        answer = side(found, 0.0, "worse without it", "better without it") if found else OPEN
        compared = f"{cell_name(cell)} − {cell_name(whole)}"
        yield Answer("parts", dataset, compared, asked, answer, found or NOTHING, counts)
        if cell == "tanh_leaky" and found and _has(study.runs, dataset, TANH, "gru"):
            tanh, leaky, gru = common(*(both.runs[dataset, c] for c in (TANH, cell, "gru")))
            steps = both.runs[dataset, cell].piece_steps
            # 1 − (leaky − GRU) / (tanh − GRU): what the leak closes of the gap
            key = ("question", "parts", dataset)
            closed = ratio_of_gaps([(leaky, gru), (tanh, gru)], steps, study.resampling, *key, paired=True)
            told = "share of the gap, tanh − GRU, that a leak closes"
            limits = f"shortcuts above {rules.parts.closed:g}, gates below"
            answer = side(closed, rules.parts.closed, "shortcuts", "gates")
            yield Answer("parts", dataset, told, limits, answer, closed, counts)
