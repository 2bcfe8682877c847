"""The README says what the committed report says, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stages.recurrent import cells
from stages.recurrent.matching import units_for
from stages.recurrent.net import Net

ROOT = Path(__file__).parent.parent
PAGES = ["README.md", "reports/README.md"]


def test_the_result_table_is_the_reports():
    readme = (ROOT / "README.md").read_text()
    table = readme.split("<!-- results:begin -->\n")[1].split("<!-- results:end -->")[0]
    assert table == (ROOT / "reports" / "summary.md").read_text(), "run `make readme`"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    text = (ROOT / page).read_text()
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?:src|href)=\"([^\"]+)\"", text)
    broken = [target for target in targets if not leads_somewhere((ROOT / page).parent, text, target)]
    assert targets and not broken


def leads_somewhere(folder: Path, text: str, target: str) -> bool:
    """Whether a link exists in the tree; links to other sites are taken as they are."""
    if "://" in target:
        return True
    path, _, anchor = target.partition("#")
    if path:
        return (folder / path).exists()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return anchor in anchors or f'id="{anchor}"' in text


def test_the_graph_is_dvcs():
    command = [sys.executable, "-m", "dvc", "dag", "--md", "--collapse-foreach-matrix"]
    graph = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert graph.strip().expandtabs(4) in (ROOT / "README.md").read_text()


def test_every_make_target_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`]+`", (ROOT / "README.md").read_text()))))
    assert named and named <= targets


def test_the_readmes_cell_is_a_cell(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "mgu.py").write_text(code)
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    units = units_for("mgu", "bernoulli", 100, 100, {}, budget=20_100, mode="recurrent", tolerance=0.05)
    net = Net.build("mgu", "bernoulli", 100, units, 100, {})
    weights = {name: torch.zeros(parameter.shape) for name, parameter in net.recurrent.items()}
    (h,) = net.cell.step(weights, torch.ones(3, 100), (torch.ones(3, units),))
    assert torch.equal(h, torch.full((3, units), 0.5)), "with zero weights the gate is one half and the candidate 0"
