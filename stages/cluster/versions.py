"""What a worker must have in common with the driver: the folder, the code, the parameters, the data, the packages."""

from collections.abc import Iterable
from importlib.metadata import requires
from pathlib import Path
from secrets import token_hex

from packaging.requirements import Requirement
from ruamel.yaml import YAML

from stages.cluster.workers import Versions, digest, package
from stages.plumbing.files import whole
from stages.plumbing.parameters import PARAMS
from stages.plumbing.places import PREPARED, SHARDS

MARK = SHARDS / "folder"  # says that a folder is the driver's


def mark() -> None:
    """Raises InputError: the folder cannot be written, or the disk is full."""
    with whole(MARK) as path:
        path.write_text(token_hex(16))


def code() -> list[Path]:
    """The files that dvc.yaml names as the code of trainings."""
    deps = YAML(typ="safe").load(Path("dvc.yaml"))["stages"]["train"]["deps"]
    places = [Path(dep.replace("${item.cell}.py", "")) for dep in deps if dep.startswith("stages/")]
    return sorted({file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))})


def expected(datasets: Iterable[str]) -> dict[str, Versions]:
    """What a worker must have to train on a dataset."""
    shared = {str(file): digest(file) for file in (MARK, PARAMS, *code())}
    named = (Requirement(line) for line in requires("gated-recurrence-study") or [])
    packages = {each.name: package(each.name) for each in named if each.marker is None} | {"Python": package("Python")}
    return {
        dataset: Versions(
            str(MARK),
            shared | {str(file): digest(file) for file in sorted((PREPARED / dataset).glob("*.npz"))},
            packages,
        )
        for dataset in datasets
    }
