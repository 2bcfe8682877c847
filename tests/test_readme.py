"""The README says what the committed report says, and its links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def edges(graph: str) -> set[tuple[str, str]]:
    names = dict(re.findall(r'(node\d+)\["(\w+)"\]', graph))
    return {(names[start], names[end]) for start, end in re.findall(r"(node\d+)-->(node\d+)", graph)}


def test_the_graph_is_dvcs():
    """Without the arms beyond `paper`: their stages hang in it as `train` and `evaluate` do."""
    command = [sys.executable, "-m", "dvc", "dag", "--md", "--collapse-foreach-matrix"]
    whole = edges(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    drawn = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    of_an_arm = re.compile("(train|evaluate)_")
    assert edges(drawn[1]) == {pair for pair in whole if not any(map(of_an_arm.match, pair))}


def test_every_make_target_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`", (ROOT / "README.md").read_text()))))
    assert named and named <= targets
