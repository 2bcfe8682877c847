"""Outcomes that training can have and this study has not: every figure is drawn, and every page says what is so."""

import re

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from findings_study import SPEECH_BUDGET, Planted, write_study

from stages.compare import compare
from stages.findings import plots
from stages.findings.pages.render import Pages
from stages.findings.plots.progress import fastest
from stages.findings.plots.scores import _answer_title


def three(level: float) -> list[float]:
    return [level - 0.01, level, level + 0.01]


LOST = [None] * 3
MUSIC = {"tanh": three(9.0), "lstm": three(8.7), "gru": three(8.5)}
ONE = {cell: levels[1:2] for cell, levels in MUSIC.items()}
SPOKEN = {"tanh": three(6.7), "lstm": three(2.7), "gru": three(2.6)}
NO_TANH, NONE = {"tanh": LOST}, dict.fromkeys(MUSIC, LOST)


def speech(levels: dict, **arms: dict) -> Planted:
    return Planted(levels, budget=SPEECH_BUDGET, output="gaussian_mixture", arms=arms, epochs=60)


OUTCOMES = {
    "a unit diverged on music": {
        "jsb_chorales": Planted(MUSIC | NO_TANH, arms={"practice": MUSIC, "authors": MUSIC}),
    },
    "one repeat each": {
        "jsb_chorales": Planted(ONE, arms={"practice": ONE, "authors": ONE, "parts": {"tanh_leaky": [8.9]}}),
        "speech_short": speech(
            {cell: levels[:1] for cell, levels in SPOKEN.items()},
            noiseless={"tanh": [3.0], "lstm": [2.7], "gru": [2.6]},
            half_noise={"tanh": [5.0]},
        ),
    },
    "arms diverged throughout": {
        "jsb_chorales": Planted(MUSIC, arm={"tanh": LOST, "lstm": LOST}, arms={"practice": NONE, "authors": NONE}),
        "speech_long": speech(SPOKEN | NO_TANH, noiseless=NONE, rescued=NO_TANH),
    },
}


@pytest.mark.parametrize("planted", OUTCOMES.values(), ids=OUTCOMES)
def test_every_figure_is_drawn_and_no_sentence_lacks_its_number(planted, tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, planted, resamples=99))
    frames = compare()
    for plot in plots.every().values():
        if plot.there(frames):
            plt.close(plot.draw(frames, False))
    for part in ("page", "appendix"):
        text = Pages(frames).page(part)
        assert not re.search(r"\bnan\b|(is|by|on|of|to|behind)  \w| \[,", text)
        assert "its test NLL less its training NLL is  " not in text


def test_nets_that_have_no_noise_to_leave_on_are_drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": Planted(MUSIC, arms={"authors": MUSIC})}, resamples=99))
    for path in tmp_path.glob("measured/*/*/scores/noisy.csv"):
        pd.read_csv(path).iloc[:0].to_csv(path, index=False)
    frames = compare()
    assert frames["left_on"].empty and plots.every()["protocols"].draw(frames, False).axes


def test_fewer_cells_have_fewer_arms(tmp_path, monkeypatch):
    planted = Planted(MUSIC, arm={"tanh": three(9.1), "lstm": three(8.8)})
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": planted}, resamples=99))
    params = tmp_path / "params.yaml"
    text = params.read_text()
    for cells in (["gru", "tanh"], ["tanh", "lstm"]):
        params.write_text(re.sub(r"^cells:(\n- .*)+", f"cells: [{', '.join(cells)}]", text, flags=re.MULTILINE))
        assert set(compare("arm_scores")["arm_scores"].query("arm == 'paper'")["cell"]) == set(cells)


def test_one_run_a_unit_puts_none_ahead_in_the_title(tmp_path, monkeypatch):
    monkeypatch.chdir(write_study(tmp_path, {"jsb_chorales": Planted(ONE, cell_noise=0.001)}, resamples=99))
    assert (
        _answer_title(compare())
        == "On the paper's music the GRU is ahead in 0 of 2 comparisons, behind in none; 2 open"
    )


def test_the_fastest_unit_is_ahead_of_all_others_there_are():
    pairs = [
        ("a", "lstm", "tanh", 0.5),
        ("a", "gru", "tanh", 0.3),
        ("a", "gru", "lstm", 0.6),
        ("b", "gru", "lstm", 0.6),
    ]
    found = pd.DataFrame(pairs, columns=["dataset", "first", "second", "ratio_mean"]).assign(clock="updates")
    assert fastest(found).to_dict() == {"a": "gru"}
