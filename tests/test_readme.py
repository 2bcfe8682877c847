"""The README says what the committed report and params.yaml say, its links lead somewhere, its code runs."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

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
    if path and not (anchor and path.endswith(".md")):
        return (folder / path).exists()
    text = (folder / path).read_text() if path else text
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return anchor in anchors or f'id="{anchor}"' in text


def edges(graph: str) -> set[tuple[str, str]]:
    names = dict(re.findall(r'(node\d+)\["(\w+)"\]', graph))
    return {(names[start], names[end]) for start, end in re.findall(r"(node\d+)-->(node\d+)", graph)}


def test_the_graph_is_dvcs():
    """Without the arms beyond `paper`: their stages hang in it as `train`, `evaluate` and `probe` do."""
    command = [sys.executable, "-m", "dvc", "dag", "--md", "--collapse-foreach-matrix"]
    whole = edges(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    drawn = re.search(r"```mermaid\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    of_an_arm = re.compile("(train|evaluate|probe)_")
    assert edges(drawn[1]) == {pair for pair in whole if not any(map(of_an_arm.match, pair))}


def test_every_make_target_the_readme_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(re.findall(r"`[^`]+`", (ROOT / "README.md").read_text()))))
    assert named and named <= targets


def block(language: str, word: str) -> str:
    """The README's code block of a language that holds a word."""
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    (found,) = [code for code in blocks if word in code]
    return found


def test_the_arms_are_those_of_the_parameters():
    table = (ROOT / "README.md").read_text().partition("| arm |")[2].partition("\n\n")[0]
    arms = list(YAML(typ="safe").load(ROOT / "params.yaml")["arms"])
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [arm for arm in arms if arm != "paper"]


def test_variants_change_numbers_that_there_are():
    params = YAML(typ="safe").load(ROOT / "params.yaml")
    keys = re.findall(r"-S ([\w.]+)=", block("", "dvc exp run"))
    for key in keys:
        value = params
        for part in key.split("."):
            value = value[part]
        assert isinstance(value, int | float), key
    assert len(keys) == 5


def test_a_trained_net_is_loaded_in_five_lines(monkeypatch):
    code = block("python", "best_net")
    monkeypatch.chdir(ROOT)
    exec(code, scope := {})
    trials = pd.read_csv("models/paper/jsb_chorales/gru/trials.csv")
    assert len([*filter(None, code.splitlines())]) == 5
    assert scope["trained"].valid_nll == trials.loc[trials["chosen"], "valid_nll"].min()
    assert scope["logits"].shape == (scope["trained"].net.targets,)


def test_citation_names_the_version_of_the_package():
    cited = YAML(typ="safe").load(ROOT / "CITATION.cff")
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (cited["version"], cited["license"]) == (package["version"], package["license"])
