"""`dvc plots show`: one small page that opens offline, in the report's colours, with the report's figures."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stages.findings.plots.progress import STEEP
from stages.presentation.style import cell_styles

ROOT = Path(__file__).parent.parent
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHOWN = """<iframe src="{page}"></iframe><script>addEventListener("load", async () => {{
  const page = document.querySelector("iframe").contentDocument, wait = (ms) => new Promise((go) => setTimeout(go, ms));
  while (!page.querySelector(".marks")) await wait(50);
  document.title = "drawn " + (page.querySelector("canvas, svg.marks") !== null);
}});</script>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plots")
    command = [sys.executable, "-m", "dvc", "plots", "show", "--quiet", "--out", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder / "index.html"


def test_the_page_is_small_and_asks_no_other_place(page):
    text = page.read_text()
    assert page.stat().st_size < 2_000_000
    assert not re.search(r"""<(script|link)[^>]*(src|href)=""", text)
    assert "</script>" in text and "{plot_divs}" not in text.rpartition("</script>")[2]


def test_it_shows_the_reports_figures(page):
    images = set(re.findall(r'<img src="(static/[^"]+)"', page.read_text()))
    drawn = {path.name for path in (ROOT / "reports/figures").glob("*.svg")}
    assert drawn and {image.rpartition("reports_figures_")[2] for image in images} == drawn
    assert all((page.parent / image).is_file() for image in images)


def test_curves_have_the_reports_colours_and_leave_out_the_steep_start():
    template = json.loads((ROOT / ".dvc/plots/curves.json").read_text())
    scale = template["spec"]["encoding"]["color"]["scale"]
    styles = cell_styles(scale["domain"])
    assert scale["range"] == [styles[cell].colour for cell in scale["domain"]]
    assert {"filter": f"datum.time > {STEEP} * datum.last"} in template["transform"]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
def test_the_curves_are_drawn(page):
    host = page.parent / "host.html"
    host.write_text(SHOWN.format(page=page.name))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
    command = [BROWSER, *options, "--virtual-time-budget=20000", host.as_uri()]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "<title>drawn true</title>" in found.stdout
