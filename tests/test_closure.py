"""dvc.yaml declares what a stage reads: the files its script imports, one by one, and its parameters; no less, no more.

DVC knows nothing of imports. A file missing from a list is a stale result; one too many is a training run for nothing.
"""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
CELLS = {file.stem for file in (ROOT / "stages/recurrent/cells").glob("[!_]*.py")}
CELL, DATASET, SOURCE = "gru", "jsb_chorales", "bach_chorales"


def declared() -> dict[str, dict]:
    """Every stage of dvc.yaml, for one cell, one dataset and one source."""
    text = (ROOT / "dvc.yaml").read_text()
    for template, value in {"item.cell": CELL, "item.dataset": DATASET, "key": DATASET, "item.source": SOURCE}.items():
        text = text.replace(f"${{{template}}}", value)
    stages = YAML(typ="safe", pure=True).load(text)["stages"]
    return {name: stage.get("do", stage) for name, stage in stages.items()}


STAGES = declared()


def names(files: Iterable[Path]) -> list[str]:
    return sorted(str(file.relative_to(ROOT)) for file in files)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def holds_code(file: Path) -> bool:
    return any(not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in tree(file).body)


def files_of(module: str) -> list[Path]:
    """The files that importing `module` runs: its own and its packages' `__init__.py` where they hold code."""
    parts = module.split(".")
    packages = [ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    files = [file for file in packages if file.exists() and holds_code(file)]
    file = ROOT.joinpath(*parts).with_suffix(".py")
    return [*files, file] if file.exists() else files


def imported_by(file: Path, cell: str | None) -> set[Path]:
    """The project's files that `file` imports anywhere in it.

    A package that loads its modules by name (`import_module`) may load any of them; of the modules named as cells,
    only the stage's own cell.
    """
    found = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: relative import"
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Name | ast.Attribute) and "import_module" in (
            getattr(node, "id", ""),
            getattr(node, "attr", ""),
        ):
            assert file.name == "__init__.py", f"{file}: modules are loaded by name in a package's __init__.py only"
            found |= {other for other in file.parent.glob("[!_]*.py") if other.stem not in CELLS - {cell}}
            continue
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "stages":
                found.update(files_of(module))
    return found


def closure(stage: dict) -> set[Path]:
    """All files of the project that run when a stage's command does."""
    module = re.search(r"-m (\S+)", stage["cmd"])[1]
    cell = CELL if f"--cell {CELL}" in stage["cmd"] else None
    seen, todo = set(), set(files_of(module))
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= imported_by(file, cell) - seen
    return seen


def parameters(files: set[Path]) -> set[str]:
    """The keys of params.yaml that calls of `read` and `section` name; what an f-string fills in is the dataset.

    A further argument names another file than params.yaml.
    """
    keys = set()
    for file in files:
        imports = [node for node in ast.walk(tree(file)) if isinstance(node, ast.ImportFrom)]
        imported = {
            alias.name for node in imports if node.module == "stages.plumbing.parameters" for alias in node.names
        }
        arguments = {name: count for name, count in {"read": 1, "section": 2}.items() if name in imported}
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and len(node.args) == arguments.get(getattr(node.func, "id", "")):
                key = node.args[0]
                assert isinstance(key, ast.Constant | ast.JoinedStr), f"{file}:{node.lineno}: key not in the code"
                parts = key.values if isinstance(key, ast.JoinedStr) else [key]
                keys.add("".join(part.value if isinstance(part, ast.Constant) else DATASET for part in parts))
    return keys


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_code_is_declared(name):
    """File by file, but for the kernels: a cell may have none, and DVC cannot depend on a file that may be missing."""
    listed = {ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("stages/") and "/templates/" not in dep}
    needed = closure(STAGES[name])
    assert names(file for file in needed if not {file, *file.parents} & listed) == [], "missing from deps"
    assert names(dep for dep in listed if not any(dep in (file, *file.parents) for file in needed)) == [], "superfluous"
    folders = names(dep for dep in listed if dep.is_dir())
    assert folders in ([], ["stages/population/kernels"], ["stages/population/kernels/autograd"]), (
        "list files, not folders"
    )


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_parameters_are_declared(name):
    listed = {key for key in STAGES[name].get("params", []) if isinstance(key, str)}
    read = parameters(closure(STAGES[name]))
    assert {key for key in read if not any(f"{key}.".startswith(f"{parent}.") for parent in listed)} == set()
    assert listed - read == set(), "superfluous"


def test_templates_of_the_report_are_declared():
    templates = {str(file.relative_to(ROOT)) for file in (ROOT / "stages/findings/templates").iterdir()}
    assert templates and templates == {dep for dep in STAGES["report"]["deps"] if "/templates/" in dep}


def test_training_never_sees_the_test_split():
    """`excerpt` and `sample` take one test piece to start from, and score nothing."""
    readers = {name for name, stage in STAGES.items() if any(dep.endswith("test.npz") for dep in stage["deps"])}
    assert readers == {"evaluate", "evaluate_arm", "baselines", "leakage", "excerpt", "sample"}


def test_a_training_depends_on_its_own_cell_only():
    cells = {Path(dep).stem for dep in STAGES["train"]["deps"] if Path(dep).stem in CELLS}
    assert cells == {CELL}
