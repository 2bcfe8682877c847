"""The figures and pages: complete, the same from the same tables, offline, and honest about what they rest on."""

import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from findings_study import (
    PAPER_BUDGET,
    SMALL_BUDGET,
    SPEECH_BUDGET,
    Planted,
    halving_study,
    write_batch_sizes,
    write_benchmarks,
    write_optimisation,
    write_samples,
    write_study,
)

from stages import compare, figures, report
from stages.findings.catalogue import FIGURES, source
from stages.findings.style import log_ticks
from stages.plumbing.errors import InputError


class Page(HTMLParser):
    """Collects what a browser would load or show: every start tag with its attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def make(root, monkeypatch, datasets, measured=False, stages=(compare, figures, report)):
    """Writes a study, with what is measured by hand, and samples, if `measured`, and runs the stages on it."""
    monkeypatch.chdir(write_study(root, datasets))
    if measured:
        write_benchmarks(root)
        write_batch_sizes(root)
        write_optimisation(root)
        write_samples(datasets)
    monkeypatch.setattr("sys.argv", ["stage"])
    for stage in stages:
        stage.main()
    return root / "reports"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A study with repeats, a small budget, a stand-in, a negative NLL, a diverged cell, benchmarks and samples."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        datasets = {
            "jsb_chorales": Planted(
                {"tanh": [9.0, None], "lstm": [8.7, 8.6], "gru": [8.5, 8.4]}, epochs=300, touched=6
            ),
            "musedata": Planted({"tanh": [6.2], "lstm": [6.1], "gru": [6.0]}, budget=SMALL_BUDGET),
            "speech_short": Planted(
                {"tanh": [None], "lstm": [-2.0], "gru": [-1.0]}, budget=SPEECH_BUDGET, output="gaussian_mixture"
            ),
        }
        yield make(tmp_path_factory.mktemp("full"), monkeypatch, datasets, measured=True)


def test_every_figure_of_the_catalogue_is_drawn_and_small(full):
    assert sorted(path.name for path in (full / "figures").iterdir()) == sorted(figure.file for figure in FIGURES)
    for figure in FIGURES:
        text = (full / "figures" / figure.file).read_text()
        assert "<path" in text and len(text) < 300_000
        assert not re.search(r"\d{4}-\d\d-\d\dT", text), "a date would change the file from day to day"


def test_same_tables_same_bytes(full, monkeypatch):
    monkeypatch.chdir(full.parent)
    monkeypatch.setattr("sys.argv", ["stage"])
    before = {path: path.read_bytes() for path in full.rglob("*.*") if path.is_file()}
    figures.main()
    report.main()
    assert before == {path: path.read_bytes() for path in full.rglob("*.*") if path.is_file()}


def test_html_loads_nothing_from_elsewhere(full):
    text = (full / "index.html").read_text()
    page = Page(text)
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        assert "srcset" not in attributes
        assert (attributes.get("src") or "data:").startswith("data:")
        assert tag == "a" or "href" not in attributes
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text)


def test_every_image_is_inlined_and_has_words(full):
    images = [attributes for tag, attributes in Page((full / "index.html").read_text()).tags if tag == "img"]
    assert len(images) == len(FIGURES)
    for image in images:
        assert image["src"].startswith("data:image/svg+xml;base64,")
        assert len(image["alt"]) > 20


def test_html_fits_phones_and_dark_pages(full):
    text = (full / "index.html").read_text()
    assert "width=device-width" in text and "prefers-color-scheme: dark" in text
    assert text.count('<div class="wide">') == text.count("<table>") + text.count("<img ")


def test_readme_links_exist_and_captions_name_their_makers(full):
    text = (full / "README.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    local = [link for link in links if not link.startswith("https://")]
    heard = [link for link in local if link.startswith("samples/")]
    assert len(heard) == 8 and len(local) == len(FIGURES) + len(heard)
    assert all((full / link).is_file() for link in local)
    for figure in FIGURES:
        sources = ", ".join(f"`{source(name)}`" for name in figure.tables)
        assert f"From {sources}, drawn by `{figure.name}` in `stages/findings/{figure.module}.py`" in text
        assert all(any(full.glob(source(name))) for name in figure.tables)


def test_numbers_of_the_page_are_those_of_the_tables(full):
    text = (full / "README.md").read_text()
    assert (
        "| jsb_chorales | 2 or 1 | 9.00 | 8.65 [8.19,\u00a09.11] | 8.45 [7.99,\u00a08.91] | 9.10 / 8.67 / 8.54 |"
        in text
    )
    assert "| speech_short | 1 | diverged | −2.00 | −1.00 | 6.44 / 2.70 / 3.59 on Ubisoft A |" in text
    for row in pd.read_csv(full / "tables/claims.csv").itertuples():
        assert f"**{row.claim}. {row.statement}** ({row.source}) {row.verdict.capitalize()}. {row.evidence}" in text
    folded = text.split("<summary>Every comparison of claim 4</summary>")[1].split("</details>")[0]
    assert (
        "| speech_short | test NLL, LSTM − GRU | below 0 | 1 | " in folded and "| too few repeats to decide |" in folded
    )


def test_small_budgets_are_called_preliminary_and_named(full):
    for name in ("README.md", "index.html", "summary.md"):
        assert "preliminary" in (full / name).read_text().lower()
    assert "**Preliminary:** musedata (3 of 10 candidates, 30 of 500 epochs)." in (full / "README.md").read_text()


def test_the_papers_budget_is_not_called_preliminary(tmp_path, monkeypatch):
    sets = {"jsb_chorales": Planted({"lstm": [8.7, 8.6], "gru": [8.5, 8.4]}, budget=PAPER_BUDGET)}
    reports = make(tmp_path, monkeypatch, sets)
    for name in ("README.md", "index.html", "summary.md"):
        assert "preliminary" not in (reports / name).read_text().lower()
    assert "n=1:" not in (reports / "README.md").read_text()


def test_one_dataset_one_cell_one_repeat(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"bach_chorales": Planted({"gru": [8.5]})})
    text = (reports / "README.md").read_text()
    assert "n=1: bach_chorales. With one repeat there is no interval here" in text
    assert "bach_chorales (n=1): GRU has the lowest test NLL, 8.50; no other unit to compare." in text
    assert "Published results: none, no dataset of this design is the paper's own." in text
    assert "### How far from the paper" not in text and "### What single runs would have said" not in text
    assert "| exact factorised | GRU (this study) | 24,612 | 1 | 8.50 |" in text


def test_everything_diverged_is_a_result(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"jsb_chorales": Planted({"tanh": [None, None], "gru": [None, None]})})
    assert "jsb_chorales: every repeat of every unit diverged." in (reports / "README.md").read_text()


def test_another_cell_and_another_dataset_need_no_edit(tmp_path, monkeypatch):
    sets = {"own_songs": Planted({"gru": [5.0, 5.1], "gru_reset_after": [5.2, 5.3]})}
    text = (make(tmp_path, monkeypatch, sets) / "README.md").read_text()
    assert "| own_songs | gru_reset_after − GRU | 2 | 20 | +0.20 [" in text


def test_pages_say_how_far_from_the_paper_how_sure_and_how_fast(full):
    text = (full / "README.md").read_text()
    assert "| jsb_chorales | LSTM | 2 | 8.67 | 8.65 [8.19,\u00a09.11] | 0.071 | −0.02 (−0.3 SD) |" in text
    assert "| musedata | GRU | 1 | 5.99 | 6.00 |  | +0.01 |" in text
    assert "Of the paper's 2 test NLLs beside which there is more than one repeat, 2 lie within 2 standard" in text
    assert "narrower than ±0.03 nats: met on jsb_chorales (±0.000, n=2); not known with one repeat on musedata" in text
    assert "Left out of it, since every repeat diverged: tanh on speech_short." in text
    assert "| jsb_chorales | 9.20 (all) | tanh | 1 of 2 | 102 | 2,958 | 5.92 |" in text


def test_pages_say_which_unit_is_easiest_to_tune_and_where_the_range_ends(tmp_path, monkeypatch):
    """The planted NLL falls with the learning rate, so that each repeat chooses its highest candidate."""
    levels = {"lstm": [8.7, 8.6], "gru": [8.5, 8.4]}
    text = (make(tmp_path, monkeypatch, {"jsb_chorales": Planted(levels)}) / "README.md").read_text()
    section = text.split("## Learning rates\n")[1]
    assert (
        "upper edge on jsb_chorales (LSTM 2 of 2, GRU 2 of 2). Validation chooses a rate at the lower edge nowhere."
        in section
    )
    assert re.search(r"- jsb_chorales \(n=2\): .* has the most|no unit has the most", section)


def test_the_study_of_halving_is_set_against_its_rule(tmp_path, monkeypatch):
    text = (make(tmp_path, monkeypatch, halving_study()) / "README.md").read_text()
    section = text.split("## Successive halving of the candidates\n")[1]
    assert "| jsb_chorales | GRU | 2 | 10, 20 | 50% | 1 | +0.0100 [−0.0817,\u00a0+0.1017] | +0.0050 [" in section
    assert "if it loses less than 0.01 nats of test NLL on average. On jsb_chorales it loses +0.0125 [" in section
    assert "nats (n=4, all units together): not met, though its interval holds the limit." in section


def test_halvings_verdict_is_about_the_mean(tmp_path, monkeypatch):
    sets = halving_study()
    sets["jsb_chorales"].halved = {}
    text = (make(tmp_path, monkeypatch, sets) / "README.md").read_text()
    assert "it loses +0.0000 [+0.0000,\u00a0+0.0000] nats (n=4, all units together): met.\n" in text
    sets["jsb_chorales"].levels = dict.fromkeys(["lstm", "gru"], [None, None])
    text = (make(tmp_path / "diverged", monkeypatch, sets) / "README.md").read_text()
    assert "On jsb_chorales every repeat diverged: not decided." in text


def test_no_section_without_something_to_show(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"jsb_chorales": Planted({"lstm": [8.7], "gru": [8.5]})})
    text = (reports / "README.md").read_text()
    for section in (
        "Successive halving of",
        "How fast the training is",
        "## Batch size",
        "## What may hold",
        "(figures/elsewhere.svg)",
    ):
        assert section not in text
    assert text.endswith("`total` counts the output layer too.\n")
    absent = ("speed_plots", "robustness_plots", "sample_plots", "optimisation_plots")
    drawn = {figure.file for figure in FIGURES if figure.module not in absent}
    assert {path.name for path in (reports / "figures").iterdir()} == drawn
    (reports / "benchmarks").mkdir()  # as it is in a checkout that holds no measurement
    figures.main()
    report.main()
    assert (reports / "README.md").read_text() == text


def test_speed_is_told_with_its_machine_its_ranges_and_its_reasons(full):
    section = (full / "README.md").read_text().split("## How fast the training is\n")[1]
    assert "Measured on: Some CPU, 1 core, 2 threads, 8 GiB of memory, " in section
    assert "Numba 0.60, multiply-adds in its registers at 110 GFLOP/s, on 2026-01-02. " in section
    ways = (
        "| jsb_chorales | GRU | the population, compiled | 30 | 8 | 400 [392,\u00a0417] | 72.5 | 51.3 | 47% | 1,234 |"
    )
    assert f"{ways}  | 12.0 [11.4,\u00a013.2] |" in section
    assert "| speech_short | tanh | torch.nn, one trial after another | 30 | 8 | 4,800 [" in section
    assert "| music: times faster | 10 | 12.0 | met |  |\n" in section
    assert "| speech: share | 0.5 | 0.466 | not met | the rest of an update |\n" in section
    assert "| GPU: times faster | 50 |  | not met | not measured |\n" in section


def test_what_is_elsewhere_and_the_batch_sizes_have_their_sections(full):
    text = (full / "README.md").read_text()
    elsewhere = text.split("## Does it hold elsewhere?\n")[1].split("\n## ")[0]
    assert "\n- On the pieces not heard in training (jsb_chorales) the order of the units" in elsewhere
    assert "(figures/elsewhere.svg)" in elsewhere and "Another parameter budget" not in elsewhere
    sizes = text.split("\n## Batch size\n")[1].split("\n## ")[0]
    assert "On jsb_chorales the rule takes 2, 0.010 nats behind the best, 1; the study trains with another, 8." in sizes


def test_benchmarks_are_read_all_or_none(full, tmp_path, monkeypatch):
    shutil.copytree(full, tmp_path / "reports")
    (tmp_path / "reports/benchmarks/scaling.csv").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    for stage in (figures, report):
        with pytest.raises(InputError, match="missing.*: reports/benchmarks/scaling.csv; .* `make bench`"):
            stage.main()


def test_the_answer_turns_differences_so_that_the_best_comes_first(full):
    text = (full / "README.md").read_text()
    assert re.search(r"jsb_chorales \(n=2\): GRU has the lowest test NLL, 8\.45; against LSTM −0\.20 \[", text)
    assert re.search(
        r"speech_short \(n=1\): LSTM has .* against GRU −1\.00 \[.*\] over pieces alone, below zero\.", text
    )


def test_print_shows_the_table_and_writes_nothing(full, monkeypatch, capsys):
    monkeypatch.chdir(full.parent)
    monkeypatch.setattr("sys.argv", ["report", "--print"])
    before = (full / "README.md").stat().st_mtime_ns
    report.main()
    out = capsys.readouterr().out
    assert out.splitlines()[0].split()[:5] == ["dataset", "n", "tanh", "LSTM", "GRU"]
    assert "8.45 [7.99,\u00a08.91]" in out and "reports/index.html" in out and "|" not in out
    assert (full / "README.md").stat().st_mtime_ns == before


def test_missing_tables_and_figures_are_listed(full, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(
        InputError,
        match="missing tables: reports/tables/gaps.csv, reports/tables/summary.csv, reports/tables/results.csv",
    ):
        figures.main()
    with pytest.raises(InputError, match="missing: reports/tables/design.csv, .*reports/figures/test_nll.svg"):
        report.main()


@pytest.mark.parametrize(("low", "high"), [(8.1, 9.4), (2.8, 12.0), (0.3, 7.6), (0.02, 60.0), (8.90, 8.95)])
def test_log_axes_have_a_few_round_ticks_within_their_ends(low, high):
    ticks = log_ticks(low, high)
    assert 3 <= len(ticks) <= 8
    assert all(low <= tick <= high for tick in ticks)
    assert all(len(f"{tick:g}") <= 5 for tick in ticks)
