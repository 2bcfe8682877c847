"""dvc.yaml declares what a stage reads: the folders of code that its script imports, and its parameters.

DVC knows nothing of imports. A folder missing from a list is a stale result; one too many is a training for nothing.
stages/cluster, stages/console and stages/plumbing can change no number and are never listed.
"""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
FREE = [ROOT / "stages/cluster", ROOT / "stages/console", ROOT / "stages/plumbing"]
DATASET, SOURCE = "jsb_chorales", "bach_chorales"


def declared() -> dict[str, dict]:
    """Every stage of dvc.yaml, for one dataset and one source; of the arms `paper` and the others."""
    text = (ROOT / "dvc.yaml").read_text()
    for template, value in {"item.dataset": DATASET, "key": DATASET, "item.source": SOURCE}.items():
        text = text.replace(f"${{{template}}}", value)
    stages = {name: stage.get("do", stage) for name, stage in YAML(typ="safe").load(text)["stages"].items()}
    return {name: _of_arm(stage, stage.get("vars", [{}])[0].get("arm", "")) for name, stage in stages.items()}


def _of_arm(entry, arm: str):
    if isinstance(entry, dict):
        return {_of_arm(key, arm): _of_arm(value, arm) for key, value in entry.items()}
    if isinstance(entry, list):
        return [_of_arm(value, arm) for value in entry]
    return entry.replace("${arm}", arm) if isinstance(entry, str) else entry


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


def read_by(file: Path) -> set[Path]:
    """The project's files that `file` imports anywhere in it, and the settings.yaml that it names.

    What loads modules by name (`import_module`) may load any of its own folder.
    """
    found = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = ".".join([*_package(file, node.level), *filter(None, [node.module])])
            modules = [module, *(f"{module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and re.fullmatch(r"stages/\S+\.yaml", str(node.value)):
            found.add(ROOT / node.value)
            continue
        elif isinstance(node, ast.Name | ast.Attribute) and "import_module" in (
            getattr(node, "id", ""),
            getattr(node, "attr", ""),
        ):
            found |= set(file.parent.glob("[!_]*.py"))
            continue
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "stages":
                found.update(files_of(module))
    return found


def _package(file: Path, level: int) -> tuple[str, ...]:
    """The package that a relative import of so many dots starts from; none without dots."""
    return file.relative_to(ROOT).parts[:-level] if level else ()


def closure(stage: dict) -> set[Path]:
    """All files of the project that a stage's command runs or reads its settings from."""
    module = re.search(r"-m (\S+)", stage["cmd"])[1]
    seen, todo = set(), set(files_of(module))
    while todo:
        file = todo.pop()
        seen.add(file)
        todo |= (read_by(file) if file.suffix == ".py" else set()) - seen
    return seen


def within(file: Path, places: Iterable[Path]) -> bool:
    return any(place in (file, *file.parents) for place in places)


def parameters(files: set[Path], arm: str) -> set[str]:
    """The keys of params.yaml that calls of `read`, `mapping` and `section` name.

    F-strings are filled with the dataset or arm. A further argument names another file than params.yaml.
    """
    keys = set()
    for file in files:
        imports = [node for node in ast.walk(tree(file)) if isinstance(node, ast.ImportFrom)]
        imported = {
            alias.name for node in imports if node.module == "stages.plumbing.parameters" for alias in node.names
        }
        arguments = {name: count for name, count in {"read": 1, "mapping": 1, "section": 2}.items() if name in imported}
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and len(node.args) == arguments.get(getattr(node.func, "id", "")):
                key = node.args[0]
                assert isinstance(key, ast.Constant | ast.JoinedStr), f"{file}:{node.lineno}: key not in the code"
                parts = key.values if isinstance(key, ast.JoinedStr) else [key]
                filled = arm if ast.unparse(key).strip("f'\"").startswith("arms.") else DATASET
                keys.add("".join(part.value if isinstance(part, ast.Constant) else filled for part in parts))
    return keys


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_code_is_declared(name):
    listed = {ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("stages/")}
    needed = {file for file in closure(STAGES[name]) if not within(file, FREE)}
    assert names(dep for dep in listed if not dep.exists()) == [], "not there"
    assert names(file for file in needed if not within(file, listed)) == [], "missing from deps"
    assert names(dep for dep in listed if not any(within(file, [dep]) for file in needed)) == [], "superfluous"
    assert names(dep for dep in listed if within(dep, FREE)) == [], "cannot change a number"


@pytest.mark.parametrize("name", STAGES)
def test_a_stages_parameters_are_declared(name):
    """The whole file may be a dependency, too."""
    stage = STAGES[name]
    arm = re.search(r"--arm (\S+)", stage["cmd"])
    files = {file for file in closure(stage) if file.suffix == ".py"}
    found = parameters(files, arm[1] if arm else "paper")
    listed = {key for key in stage.get("params", []) if isinstance(key, str)}
    if "params.yaml" in stage["deps"]:
        assert found and not listed
        return
    assert {key for key in found if not any(f"{key}.".startswith(f"{parent}.") for parent in listed)} == set()
    assert listed - found == set(), "superfluous"


def test_only_evaluation_sees_the_test_split():
    """`sample` takes one test piece to start from, and scores nothing."""
    parts = {f"data/prepared/{DATASET}", f"data/prepared/{DATASET}/test.npz"}
    readers = {name for name, stage in STAGES.items() if parts & set(stage["deps"])}
    assert {name for name in readers if not name.startswith("evaluate")} == {"sample"}
    assert all("stages.evaluate" in STAGES[name]["cmd"] for name in readers - {"sample"})


def test_training_and_what_trains_stand_apart():
    """What reads trained nets does not depend on how they were trained; `clock` times training itself."""
    deps = {name: set(stage["deps"]) for name, stage in STAGES.items()}
    training = {name for name in deps if "train" in name} | {"clock"}
    assert {name for name in deps if "stages/population" in deps[name]} == training


def test_every_arm_of_the_parameters_has_its_stages():
    """One training stage a dataset, for all cells that the arm states."""
    arms = YAML(typ="safe").load(ROOT / "params.yaml")["arms"]
    assert {name.removeprefix("train_") for name in STAGES if name.startswith("train_")} == set(arms) - {"paper"}
    for arm in set(arms) - {"paper"}:
        for stage in (STAGES[f"train_{arm}"], STAGES[f"evaluate_{arm}"]):
            assert stage["matrix"] == {"dataset": f"${{arms.{arm}.datasets}}"}
        assert f"models/{arm}/{DATASET}" in STAGES[f"train_{arm}"]["outs"][0]
