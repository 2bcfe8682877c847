"""The figures and pages: complete, the same from the same tables, offline, within their measure, and honest."""

import re
import shutil
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from findings_study import (
    SMALL_BUDGET,
    SPEECH_BUDGET,
    Planted,
    write_benchmarks,
    write_samples,
    write_study,
)

from stages import compare, figures, report
from stages.findings.plots import every
from stages.plumbing.errors import InputError
from stages.presentation import page as html
from stages.presentation import style

PAGES = ("index.html", "appendix.html")


class Page(HTMLParser):
    """Collects what a browser would load or show: every start tag with its attributes."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def make(root, monkeypatch, datasets, measured=False):
    """Writes a study, with what is measured by hand, and samples, if `measured`, and runs the stages on it."""
    monkeypatch.chdir(write_study(root, datasets, resamples=99))
    if measured:
        write_benchmarks(root)
        write_samples(datasets)
    monkeypatch.setattr("sys.argv", ["stage"])
    for stage in (compare, figures, report):
        stage.main()
    return root / "reports"


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A study with repeats, a small budget, a stand-in, a negative NLL, a diverged cell, benchmarks and samples."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        music = {"tanh": [9.0, None], "lstm": [8.7, 8.6], "gru": [8.5, 8.4]}
        speech = {"tanh": [None], "lstm": [-2.0], "gru": [-1.0]}
        datasets = {
            "jsb_chorales": Planted(
                music, epochs=300, touched=6, arms={"practice": music, "parts": {"gru_no_reset": [8.6, 8.7]}}
            ),
            "musedata": Planted({"tanh": [6.2], "lstm": [6.1], "gru": [6.0]}, budget=SMALL_BUDGET),
            "speech_short": Planted(
                speech, budget=SPEECH_BUDGET, output="gaussian_mixture", arms={"noiseless": {**speech, "tanh": [-0.5]}}
            ),
        }
        yield make(tmp_path_factory.mktemp("full"), monkeypatch, datasets, measured=True)


def test_every_figure_is_drawn_twice_with_its_finding_and_its_text_as_text(full):
    expected = sorted(file for plot in every().values() for file in plot.files)
    assert sorted(path.name for path in (full / "figures").iterdir()) == expected
    for plot in every().values():
        for file in plot.files:
            text = (full / "figures" / file).read_text()
            root = ElementTree.fromstring(text)
            title, description = (root.find(f"{{http://www.w3.org/2000/svg}}{tag}").text for tag in ("title", "desc"))
            assert len(title) > 20 and description == plot.alternative
            assert "<text" in text and len(text) < 300_000
            assert not re.search(r"\d{4}-\d\d-\d\dT", text), "a date would change the file from day to day"


def test_units_alone_have_the_units_colours(full):
    colours = re.compile(r"#(?:00795c|0173b2|d55e00)")
    assert not colours.search((full / "figures/claims.svg").read_text())
    assert len(set(colours.findall((full / "figures/tuning.svg").read_text()))) == 3


def test_every_colour_of_a_figure_follows_the_pages_ground(full):
    found = {c for path in (full / "figures").glob("*.svg") for c in re.findall(r"#([0-9a-f]{6})\b", path.read_text())}
    dark = set(re.findall(r"--([0-9a-f]{6}): #", (Path(html.__file__).parent / "style.css").read_text()))
    units = {colour.removeprefix("#") for colour, _ in [*style.FIXED.values(), *style.OTHERS]}
    assert {"262626", "ffffff"} <= found | units <= dark
    assert "var(--262626)" in (full / "index.html").read_text()


def test_same_tables_same_bytes(full, monkeypatch):
    monkeypatch.chdir(full.parent)
    monkeypatch.setattr("sys.argv", ["stage"])
    before = {path: path.read_bytes() for path in full.rglob("*.*") if path.is_file()}
    figures.main()
    report.main()
    assert before == {path: path.read_bytes() for path in full.rglob("*.*") if path.is_file()}


@pytest.mark.parametrize("name", PAGES)
def test_html_loads_nothing_from_elsewhere(full, name):
    text = (full / name).read_text()
    page = Page(text)
    assert not {"link", "iframe", "object", "embed", "img"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert "srcset" not in attributes and (attributes.get("src") or "data:").startswith("data:")
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|import\(|WebSocket|sendBeacon|eval\(", text)


@pytest.mark.parametrize("name", PAGES)
def test_headings_have_ids_that_the_contents_lead_to(full, name):
    page = Page((full / name).read_text())
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {link["href"][1:] for link in page.all("a") if (link.get("href") or "").startswith("#")}
    assert targets <= set(ids) and {heading["id"] for heading in page.all("h2")} <= targets
    other = {"index.html": full / "appendix.html", "appendix.html": full / "index.html"}[name]
    there = {attributes.get("id") for _, attributes in Page(other.read_text()).tags}
    crossing = [link["href"].partition("#")[2] for link in page.all("a") if link.get("href", "").startswith(other.name)]
    assert crossing and {anchor for anchor in crossing if anchor} <= there


def test_every_drawing_has_a_name_and_every_table_scrolls_by_keyboard(full):
    page = Page((full / "index.html").read_text())
    ids = {attributes.get("id") for _, attributes in page.tags}
    for drawing in page.all("svg"):
        assert drawing["role"] == "img" and {drawing["aria-labelledby"], drawing["aria-describedby"]} <= ids
    regions = [div for div in page.all("div") if div.get("class") == "scroll"]
    assert len(regions) == len(page.all("table")) > 0
    assert all(region["tabindex"] == "0" for region in regions)
    assert len({region["aria-label"] for region in regions}) == len(regions)


@pytest.mark.parametrize("page", ["made", "committed"])
def test_the_main_page_keeps_its_measure(full, page):
    reports = full if page == "made" else Path(__file__).parents[2] / "reports"
    text = (reports / "README.md").read_text()
    words = re.sub(r"<[^>]+>|\]\([^)]*\)|[|#*]|---", " ", text).split()  # what is read: no mark-up, no links' places
    assert len(words) < 2500 and text.count("<picture>") <= 8
    assert (reports / "index.html").stat().st_size < 1_500_000


def test_markdown_links_exist_and_figures_name_their_tables(full):
    for name in ("README.md", "appendix.md"):
        text = (full / name).read_text()
        links = [*re.findall(r"\]\(([^)#]+)", text), *re.findall(r'(?:src|srcset)="([^"]+)"', text)]
        local = [link for link in links if not link.startswith("https://")]
        assert local and all((full / link).is_file() for link in local)
    both = (full / "README.md").read_text() + (full / "appendix.md").read_text()
    for plot in every().values():
        assert plot.caption in both and f"figures/{plot.name}-narrow.svg" in both


def test_numbers_of_the_page_are_those_of_the_tables(full):
    text = (full / "README.md").read_text()
    row = next(line for line in text.splitlines() if line.startswith("| JSB Chorales <sub>n=2 or 1</sub>"))
    assert "**8.45** [" in row and "<sub>paper 8.54</sub>" in row and "| 9.00<br>" in row
    speech = next(line for line in text.splitlines() if line.startswith("| speech in short pieces <sub>n=1"))
    assert "**−2.00**<br><sub>paper (2.70)</sub>" in speech and "diverged<br>" in speech
    assert (full / "summary.md").read_text().count(row) == 1
    appendix = (full / "appendix.md").read_text()
    for claim in pd.read_csv(full / "tables/claims.csv").itertuples():
        verdict = {"supported": "Holds", "contradicted": "Fails", "undecided": "Open"}[claim.verdict]
        assert f"**{claim.statement}** *{verdict}.*" in text and claim.statement in appendix


def test_small_budgets_are_named(full):
    text = (full / "README.md").read_text()
    assert "MuseData, 30 of 500 epochs and 3 of 10 candidates" in text and "| MuseData\\* <sub>n=1</sub>" in text


def test_one_dataset_one_cell_one_repeat(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"bach_chorales": Planted({"gru": [8.5]})})
    text = (reports / "README.md").read_text()
    assert "| Bach chorales (music21) <sub>n=1</sub> | **8.50**<br>" in text
    assert "There is one unit, and none to compare it with." in text and "preliminary" not in text.lower()


def test_everything_diverged_is_a_result(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"jsb_chorales": Planted({"tanh": [None, None], "gru": [None, None]})})
    assert "| JSB Chorales <sub>n=0</sub> | diverged<br>" in (reports / "README.md").read_text()


def test_another_cell_and_another_dataset_need_no_edit(tmp_path, monkeypatch):
    sets = {"own_songs": Planted({"gru": [5.0, 5.1], "gru_reset_after": [5.2, 5.3]})}
    reports = make(tmp_path, monkeypatch, sets)
    assert (
        "| own songs | GRU with reset after product − GRU | pooled | 2 | 20 | +0.20 ["
        in (reports / "appendix.md").read_text()
    )


def test_no_section_without_something_to_show(tmp_path, monkeypatch):
    reports = make(tmp_path, monkeypatch, {"jsb_chorales": Planted({"lstm": [8.7], "gru": [8.5]})})
    text = (reports / "README.md").read_text() + (reports / "appendix.md").read_text()
    for section in ("How fast", "## Listen", "## Speech"):
        assert section not in text
    assert {path.stem for path in (reports / "figures").glob("*.svg")}.isdisjoint({"piano_rolls", "noise"})


def test_benchmarks_are_read_all_or_none(full, tmp_path, monkeypatch):
    shutil.copytree(full, tmp_path / "reports")
    (tmp_path / "reports/benchmarks/targets.csv").unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    for stage in (figures, report):
        with pytest.raises(InputError, match="missing.*: reports/benchmarks/targets.csv; .* `make bench`"):
            stage.main()


def test_a_table_of_another_kind_is_refused(full, tmp_path, monkeypatch):
    shutil.copytree(full, tmp_path / "reports")
    path = tmp_path / "reports/tables/gaps.csv"
    path.write_text(path.read_text().replace("gap_mean", "gap"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(InputError, match="gaps.csv: expected the columns dataset, .*gap_mean.*`dvc repro compare`"):
        figures.main()
