"""Answers to the questions of params.yaml, from whatever runs of their arms there are."""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from stages.findings.declare import table
from stages.findings.inference.questions import (
    BEFORE,
    LIKE,
    NOT_TESTED,
    OPEN,
    SINGLE,
    UNLIKE,
    VOID,
    Answer,
    Questions,
    converged,
    distance_to,
    ratio_of_gaps,
    side,
)
from stages.findings.inference.resampling import NOTHING, Interval, mean_over_repeats
from stages.findings.records.runs import Runs, paired
from stages.findings.study import Study
from stages.findings.tables.parts import REACHES
from stages.findings.tables.scores import paper_nll
from stages.plumbing.parameters import section
from stages.presentation.wording import arm_words, cell_name, count, interval, listed, number, set_name

GATED, TANH, LEAKY = ("lstm", "gru"), "tanh", "tanh_leaky"
PRACTICE = ("practice", "practice_bias")
GUESS = "baseline == 'note-1-gram' and averaging == 'pooled'"
UNEXPLODED = "(no gradient explodes)"
CLOSED = "share of the gap, tanh − GRU, that a leak closes"
Scores = dict[tuple[str, str], pd.Series]  # (dataset, cell) → a test NLL a repeat


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
        left = there.decided(*pair)
        if not here.tested(dataset, TANH):
            compared = f"gap left without noise, tanh − {cell_name(cell)} (with it every tanh net diverged)"
            put = replace(put, compared=compared, asked=f"the noise's below {number(rule.gap_closed)}")
            trained = there.tested(dataset, TANH) == len(noiseless[dataset, TANH].repeats)
            if not there.obstacle(*pair):
                put = replace(put, found=there.difference(*pair))
            closed = trained and left.high < rule.gap_closed
            yield replace(put, answer="the noise's") if closed else put
            continue
        if here.obstacle(*pair) or there.obstacle(*pair):
            yield put
            continue
        nll = paired(*(runs[dataset, of] for runs in (noiseless, study.runs) for of in (TANH, cell)))
        key = ("question", "speech_noise", dataset, cell)
        steps = noiseless[dataset, cell].piece_steps
        put = replace(put, found=ratio_of_gaps([nll[:2], nll[2:]], steps, study.resampling, *key))
        if left.known and here.decided(*pair).low > 0:
            units = "the units'" if left.low > 0 else OPEN
            put = replace(put, answer=side(put.found, rule.noise_share, "the noise's", units))
        yield put


def _noise_where(study: Study, rules: Questions) -> Iterator[Answer]:
    limit, asked = rules.speech_noise.gap_closed, f"as without noise below {number(rules.speech_noise.gap_closed)}"
    for dataset, arm in itertools.product(_speech(study), ("half_noise", "input_noise")):
        runs = {(dataset, name): study.of_arm(name).get((dataset, TANH)) for name in (arm, "noiseless")}
        evidence = study.evidence_of({key: run for key, run in runs.items() if run is not None})
        put = Answer("noise_where", dataset, f"tanh {arm_words(arm)} − tanh {arm_words('noiseless')}", asked)
        yield put.judged(evidence, arm, "noiseless", limit, "fails still", "as without noise")


def _converged(study: Study, rules: Questions) -> Iterator[Answer]:
    asked = f"stopped by itself, or gained less than {number(rules.converged.gain)} nats in its last epochs"
    for arm, dataset in itertools.product(("paper", "noiseless", "rescued"), _speech(study)):
        for (known, cell), run in study.of_arm(arm).items():
            if known != dataset:
                continue
            met, nets = converged(run, rules.converged)
            told = f"{met} of {nets} nets" if nets else "every net diverged"
            answer = OPEN if not nets else "converged" if met == nets else "not converged"
            compared = f"{cell_name(cell)} {arm_words(arm)}: {told}"
            yield Answer("converged", dataset, compared, asked, answer, repeats=str(nets))


def _rescued(study: Study, rules: Questions) -> Iterator[Answer]:
    rule, rescued = rules.rescued, study.of_arm("rescued")
    for dataset in _speech(study):
        tanh, trained = study.runs.get((dataset, TANH)), rescued.get((dataset, TANH))
        # where no gradient explodes the rule never acts: its nets are those of `paper`
        same = trained is None and tanh is not None and not (tanh.trials["status"] == "diverged").any()
        trained, who = (tanh, f"tanh {UNEXPLODED}") if same else (trained, "tanh")
        fits = Answer("rescued", dataset, f"{who}, test − training NLL", f"within ±{number(rule.same)}")
        asked = f"above {number(rule.behind)}"
        behind = {cell: Answer("rescued", dataset, f"{who} − {cell_name(cell)}", asked) for cell in GATED}
        if trained is None:
            yield from (fits, *behind.values())
            continue
        results = trained.results.dropna(subset=["test_nll"])
        gap = results["test_nll"] - results["train_nll"]
        found = mean_over_repeats(gap, study.resampling, "question", "rescued", dataset)
        inside = -rule.same < found.low and found.high < rule.same
        outside = found.high < -rule.same or rule.same < found.low
        answer = LIKE if inside else UNLIKE if outside else OPEN
        few = len(results) < study.evidence.rules.minimum_repeats
        beside = study.evidence_of({**study.runs, (dataset, TANH): trained})
        put = [of.judged(beside, TANH, cell, rule.behind, LIKE, UNLIKE) for cell, of in behind.items()]
        put.insert(0, replace(fits, answer=OPEN if few else answer, found=found, repeats=str(len(results))))
        yield from put if len(results) else [replace(answer, answer=UNLIKE) for answer in put]


def _authors(study: Study, rules: Questions) -> Iterator[Answer]:
    theirs, keys = study.of_arm("authors"), itertools.product(rules.authors.sets, study.design.cells)
    there = {key: theirs[key].results["test_nll"] for key in keys if key in theirs}
    here = {key: run.results["test_nll"] for key, run in study.runs.items()}
    yield from _nearer(study, "authors", "the authors' code less the paper's protocol", there, here, paired=False)


def _left_on(study: Study, rules: Questions) -> Iterator[Answer]:
    runs = {key: run for key, run in study.runs.items() if key[0] in rules.authors.sets}
    clean = {key: run.results.set_index("repeat")["test_nll"] for key, run in runs.items()}
    noisy = {key: run.noisy_nll.reindex(clean[key].index) for key, run in runs.items()}
    yield from _nearer(study, "left_on", "noise left on less clean", noisy, clean, paired=True)


def _nearer(study: Study, question: str, sides: str, there: Scores, here: Scores, paired: bool) -> Iterator[Answer]:
    """Whether test NLLs are nearer to the paper's Table 2 there than here: over all sets and units, and set by set."""
    put, stated = Answer(question, "", f"distance to Table 2: {sides}", "nearer below 0"), {}
    for key in there:
        if there[key].notna().any() and key in here and not pd.isna(nll := paper_nll(study, *key, "test")):
            stated[key] = nll
    if not stated:
        yield put
        return
    off = _off(stated, there), _off(stated, here)
    for dataset in ("", *off[0]):
        of = off if not dataset else [{dataset: distances[dataset]} for distances in off]
        told = f"{count(sum(d.shape[1] for d in of[0].values()), 'pair')} of set and unit"
        put = replace(put, dataset=dataset, answer=OPEN, found=NOTHING, repeats=told)
        if min(len(d) for distances in of for d in distances.values()) >= study.evidence.rules.minimum_repeats:
            found = distance_to(*of, study.resampling, "question", question, *[dataset] * bool(dataset), paired=paired)
            put = replace(put, answer=side(found, 0.0, "farther", "nearer"), found=found)
        yield put


def _off(stated: dict[tuple[str, str], float], nll: Scores) -> dict[str, np.ndarray]:
    """By dataset, each repeat's NLL less the stated one, a column a unit; without repeats that a unit has no NLL of."""
    found = defaultdict(list)
    for key, paper in stated.items():
        found[key[0]].append(nll[key].to_numpy(float) - paper)
    tables = {dataset: np.column_stack(columns) for dataset, columns in found.items()}
    return {dataset: table[~np.isnan(table).any(axis=1)] for dataset, table in tables.items()}


def _practice(study: Study, rules: Questions) -> Iterator[Answer]:
    here, pairs = study.evidence, [pair[::-1] for pair in itertools.combinations(study.design.cells, 2)]
    there = {arm: study.evidence_of(study.of_arm(arm)) for arm in PRACTICE}
    for arm, dataset, pair in itertools.product(PRACTICE, rules.practice.sets, pairs):
        put = Answer(arm, dataset, " − ".join(map(cell_name, pair)), "the same sign in both arms")
        if _has(here.runs, dataset, *pair):
            before = side(here.decided(dataset, *pair), 0.0, "+", "-")
            signs = {"+": ("survives", "turns"), "-": ("turns", "survives")}.get(before, (BEFORE, BEFORE))
            put = put.judged(there[arm], *pair, 0.0, *signs)
            put = replace(put, answer=BEFORE) if before == OPEN and put.answer == OPEN else put
        if put.answer != NOT_TESTED:
            lost, told = zip(*(near_a_guess(study, arm, dataset, cell) for cell in pair), strict=True)
            near = f"; {listed(filter(None, told))} candidates near a guess" * bool("".join(told))
            put = replace(put, answer=VOID if any(lost) else put.answer, repeats=put.repeats + near)
        yield put


def near_a_guess(study: Study, arm: str, dataset: str, cell: str) -> tuple[bool, str]:
    """Whether an arm's mean test NLL is nearer to a guess by note frequencies than to what the unit has in `paper`.

    And of how many candidates the validation NLL is: `25 of 30 LSTM`, empty where of none.
    """
    guess = study.frame("baselines").query(f"{GUESS} and dataset == @dataset").set_index("split")["nll"]
    here, paper = study.of_arm(arm)[dataset, cell], study.runs[dataset, cell].results
    nll = {"test": pd.Series(here.results["test_nll"].mean()), "valid": here.trials["valid_nll"]}
    lost, near = (sum(abs(of - guess[part]) < abs(of - paper[f"{part}_nll"].mean())) for part, of in nll.items())
    return bool(lost), f"{near} of {len(nll['valid'])} {cell_name(cell)}" * bool(near)


def _parts(study: Study, rules: Questions) -> Iterator[Answer]:
    asked, found = "worth something above 0", study.frame("parts")
    if found.empty:
        yield Answer("parts", "", "units that lack a part", asked)
    for row in found.itertuples():
        compared = f"{cell_name(row.cell)} − {cell_name(row.whole)}"
        ends = Interval(row.difference_mean, row.difference_low, row.difference_high)
        yield Answer("parts", row.dataset, compared, asked, row.answer, ends, row.repeats)
        told = compared, "log10 of the gradient left is more above 0", row.reach
        further = Interval(row.further_mean, row.further_low, row.further_high)
        yield Answer("parts_reach", row.dataset, *told, further, row.repeats)
        if row.cell == LEAKY and not any(study.with_parts.obstacle(row.dataset, LEAKY, of) for of in (TANH, "gru")):
            runs = [study.with_parts.runs[row.dataset, cell] for cell in (TANH, LEAKY, "gru")]
            tanh, leaky, gru = paired(*runs)
            # 1 − (leaky − GRU) / (tanh − GRU): what the leak closes of the gap
            gaps, key = [(leaky, gru), (tanh, gru)], ("question", "parts", row.dataset)
            closed = ratio_of_gaps(gaps, runs[0].piece_steps, study.resampling, *key)
            limits = f"shortcuts above {rules.parts.closed:g}, gates below, if a leak reaches further than tanh"
            judged = row.reach == REACHES[0] and study.evidence.decided(row.dataset, TANH, "gru").low > 0
            answer = side(closed, rules.parts.closed, "shortcuts", "gates") if judged else OPEN
            answer = SINGLE if row.answer == SINGLE else answer
            yield Answer("shortcuts", row.dataset, CLOSED, limits, answer, closed, row.repeats)
