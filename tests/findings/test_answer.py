"""The answer's sentences, on made-up outcomes: short, plain, and true of the tables whatever these say."""

import pandas as pd
import pytest

from stages.findings.pages.sections.claims import counts
from stages.findings.pages.sections.scores import answer

CELLS = ("tanh", "lstm", "gru")
MUSIC = dict.fromkeys(["jsb_chorales", "musedata", "bach_chorales"], "bernoulli")
SPEECH = {"speech_short": "gaussian_mixture"}
DATA = {"jsb_chorales": "same", "musedata": "same", "bach_chorales": "reprocessed", "speech_short": "stand_in"}


def frames(nll: dict[str, tuple[float, ...]], half: float, claims: tuple[int, int, int], noise="not tested", gaps=None):
    """Tables with planted means and, for every difference, an interval of so wide a half; `gaps`: tanh behind GRU."""
    kinds = MUSIC | SPEECH
    summary = [
        (d, cell, "test", "pooled", mean) for d, means in nll.items() for cell, mean in zip(CELLS, means, strict=True)
    ]
    pairs = [
        (d, CELLS[j], CELLS[i], "pooled", 3, means[j] - means[i] - half, means[j] - means[i] + half)
        for d, means in nll.items()
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    verdicts = [v for v, n in zip(("supported", "contradicted", "undecided"), claims, strict=True) for _ in range(n)]
    speech = (
        [
            (arm, "speech_short", c, 1, (gap if c == "tanh" else 0.0))
            for c in CELLS
            for arm, gap in zip(("paper", "noiseless"), gaps, strict=True)
        ]
        if gaps
        else []
    )
    difference = ["dataset", "first", "second", "averaging", "repeats", "difference_low", "difference_high"]
    return {
        "summary": pd.DataFrame(summary, columns=["dataset", "cell", "split", "averaging", "nll_mean"]),
        "design": pd.DataFrame({"dataset": [*nll], "output": [kinds[d] for d in nll], "data": [DATA[d] for d in nll]}),
        "differences": pd.DataFrame(pairs, columns=difference),
        "claims": pd.DataFrame({"verdict": verdicts}),
        "questions": pd.DataFrame({"question": "speech_noise", "dataset": ["speech_short"], "answer": [noise]}),
        "robustness": pd.DataFrame(columns=["condition", "dataset", "first", "second", "order"]),
        "arm_scores": pd.DataFrame(speech, columns=["arm", "dataset", "cell", "repeats", "nll_mean"]),
    }


GRU_WINS = {"jsb_chorales": (9.0, 8.7, 8.5), "musedata": (7.15, 7.3, 7.0)}
SPLIT = {"jsb_chorales": (9.0, 8.7, 8.5), "musedata": (7.2, 7.0, 7.3)}


@pytest.mark.parametrize(
    ("nll", "half", "told"),
    [
        (
            GRU_WINS,
            0.1,
            "On music the GRU has the lowest error on both sets, clearly so on all.",
        ),
        (
            GRU_WINS,
            0.25,
            "On music the GRU has the lowest error on both sets, but the repeats leave every lead open.",
        ),
        (
            GRU_WINS,
            0.17,
            "On music the GRU has the lowest error on both sets, clearly so on one.",
        ),
        (SPLIT, 0.1, "On music no unit leads: best are GRU on JSB Chorales and LSTM on MuseData."),
    ],
)
def test_music(nll, half, told):
    assert answer(frames(nll, half, (0, 2, 8)))[0] in (
        told,
        told.replace("GRU on JSB Chorales and LSTM on MuseData", "LSTM on MuseData and GRU on JSB Chorales"),
    )


@pytest.mark.parametrize(
    ("orders", "told"),
    [
        (("undecided", "holds", "undecided", "turns"), "clearly so on all, with Adam on none of these."),
        (("holds", "holds", "holds", "undecided"), "clearly so on all, with Adam on one of these."),
        (("holds", "holds", "holds", "holds"), "clearly so on all, with Adam on all of these."),
        (("holds", "holds"), "clearly so on all."),  # the other lead is not trained so
    ],
)
def test_clear_leads_are_told_beside_what_todays_training_leaves_of_them(orders, told):
    found = frames({"jsb_chorales": (9.0, 8.7, 8.5), "musedata": (7.3, 7.3, 7.0)}, 0.1, (0, 2, 8))
    pairs = [(d, "gru", other) for d in ("jsb_chorales", "musedata") for other in ("tanh", "lstm")]
    rows = [("practice_bias", *pair, order) for pair, order in zip(pairs, orders, strict=False)]
    rows.append(("practice_bias", "jsb_chorales", "lstm", "tanh", "turns"))
    found["robustness"] = pd.DataFrame(rows, columns=found["robustness"].columns)
    (music, *_) = answer(found)
    assert music == f"On music the GRU has the lowest error on both sets, {told}"


def test_another_edition_of_the_papers_music_is_no_further_set():
    """The LSTM is best on it, and it does not count."""
    told = answer(frames(GRU_WINS | {"bach_chorales": (9.0, 8.5, 8.7)}, 0.1, (0, 2, 8)))[0]
    assert told == "On music the GRU has the lowest error on both of the paper's sets, clearly so on all."


OPEN = "On speech in short pieces whether tanh's gap is the weight noise's is open."


@pytest.mark.parametrize(
    ("noise", "gaps", "told"),
    [
        (
            "the noise's",
            (10.0, 0.5),
            "On speech in short pieces most of tanh's gap is the weight noise's.",
        ),
        (
            "the units'",
            (10.0, 9.5),
            "On speech in short pieces tanh is behind with the weight noise and without.",
        ),
        ("open", (float("nan"), 0.5), "On speech in short pieces tanh diverges with the weight noise."),
        ("open", (10.0, 0.5), OPEN),
        ("open", (-1.0, 0.5), OPEN),
        ("not tested", None, "Of the paper's ten claims none holds, two fail and eight are open."),
    ],
)
def test_speech(noise, gaps, told):
    assert answer(frames(GRU_WINS | {"speech_short": (3.0, 1.0, 1.0)}, 0.1, (0, 2, 8), noise, gaps))[1] == told


def test_who_leads_on_speech_is_said_where_intervals_decide():
    asked = "the noise's", (10.0, 0.5)
    (_, told, _) = answer(frames(GRU_WINS | {"speech_short": (3.0, 1.0, 1.5)}, 0.1, (0, 2, 8), *asked))
    assert told == "On speech in short pieces the LSTM leads and most of tanh's gap is the weight noise's."
    (_, told, _) = answer(frames(GRU_WINS | {"speech_short": (3.0, 1.0, 1.5)}, 0.6, (0, 2, 8), *asked))
    assert told == "On speech in short pieces most of tanh's gap is the weight noise's."


def test_two_sets_of_speech_are_one_sentence():
    found = frames(GRU_WINS | {"speech_short": (3.0, 1.0, 1.0)}, 0.1, (0, 2, 8), "the noise's", (10.0, 0.5))
    longer = found["arm_scores"].assign(dataset="speech_long")
    longer.loc[(longer["cell"] == "tanh") & (longer["arm"] == "paper"), "nll_mean"] = None
    asked = pd.DataFrame({"question": "speech_noise", "dataset": ["speech_long"], "answer": ["open"]})
    found["design"] = pd.concat(
        [found["design"], pd.DataFrame({"dataset": ["speech_long"], "output": ["gaussian_mixture"]})]
    )
    told = answer(
        found | {name: pd.concat([found[name], more]) for name, more in (("arm_scores", longer), ("questions", asked))}
    )
    assert told[1] == (
        "On speech in short pieces most of tanh's gap is the weight noise's; in long pieces tanh diverges with it."
    )


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ((0, 2, 8), "Of the paper's ten claims none holds, two fail and eight are open."),
        ((10, 0, 0), "Of the paper's ten claims ten hold, none fails and none is open."),
        ((1, 1, 1), "Of the paper's three claims one holds, one fails and one is open."),
    ],
)
def test_claims(claims, told):
    assert answer(frames(GRU_WINS, 0.1, claims))[-1] == told


def test_every_sentence_is_short():
    for noise, gaps in (("the noise's", (10.0, 0.5)), ("open", (10.0, 0.5)), ("the units'", (10.0, 9.5))):
        for nll, gru in ((GRU_WINS, 1.0), (SPLIT, 0.5)):
            sentences = answer(frames(nll | {"speech_short": (3.0, 1.0, gru)}, 0.1, (0, 2, 8), noise, gaps))
            assert len(sentences) == 3 and all(len(sentence.split()) <= 25 for sentence in sentences)


def test_speech_where_an_arm_lacks_tanh_is_passed_over():
    found = frames(GRU_WINS | {"speech_short": (3.0, 1.0, 1.0)}, 0.1, (0, 2, 8), "not tested", (10.0, 0.5))
    lacking = found["arm_scores"].query("arm == 'paper' or cell != 'tanh'")
    assert len(answer(found | {"arm_scores": lacking})) == 2


def rows(*verdicts: str, made: bool = True) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "dataset": "musedata",
            "counted": True,
            "verdict": verdicts,
            "quantity": "test NLL, GRU − LSTM",
            "mean": 0.1 if made else float("nan"),
            "note": "",
        }
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (rows(*["supported"] * 5, "undecided"), "5 of 6 comparisons support it, 1 open."),
        (
            rows("contradicted", "supported"),
            "1 of 2 comparisons supports it, 1 contradicts it (test NLL, GRU − LSTM on MuseData).",
        ),
        (
            rows("undecided", "undecided", made=False),
            "0 of 2 comparisons support it, 2 cannot be made.",
        ),
    ],
)
def test_a_claim_prints_its_counts(found, told):
    assert counts(found, pd.DataFrame({"dataset": ["musedata"]}), False) == told
    assert counts(found, pd.DataFrame({"dataset": ["own"]}), False) == "Not tested: its sets are not in this design."


def test_where_either_answer_counts_it_is_told_who_is_ahead():
    found = rows("supported", "contradicted", "undecided")
    told = counts(found, pd.DataFrame({"dataset": ["musedata"]}), True)
    assert told == "The GRU is ahead on 1 of 3 sets, the LSTM on 1 (MuseData), 1 open."
