"""The whole pipeline on a dataset or a few, in the folder quick/: minutes on a laptop, the committed study untouched.

    python -m stages.quick                    retrains and reports bach_chorales, which needs no download
    python -m stages.quick jsb_chorales       another dataset of params.yaml, or several

Every run retrains: quick/ gets the project's present code and parameters, less the datasets not asked for. Downloaded
and prepared data of an earlier run are kept while their code and parameters are the same.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import PARAMS, read

FOLDER = Path("quick")
SOURCES = Path("data/sources.yaml")
FILES = [Path("dvc.yaml"), Path(".dvcignore"), Path("data/published_results.csv")]
MEASURED = [Path("reports/benchmarks"), Path("reports/studies")]  # once, by hand: what every report shows
MAX_EPOCHS = 150  # with one repeat and without the second arm: a taste of the study, and said to be preliminary
MADE_AFRESH = ["stages", "models", "reports", ".checkpoints"]


def lay_out(datasets: list[str]) -> None:
    """Copies the pipeline into `FOLDER` and narrows its parameters and sources to `datasets`, without any results.

    Raises:
        InputError: params.yaml has no such dataset, or data/sources.yaml has no such source.
    """
    sources = {read(f"datasets.{name}.source") for name in datasets}
    for name in MADE_AFRESH:
        shutil.rmtree(FOLDER / name, ignore_errors=True)
    shutil.copytree("stages", FOLDER / "stages", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for folder in MEASURED:
        shutil.copytree(folder, FOLDER / folder)
    for path in FILES:
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, FOLDER / path)

    yaml = YAML()  # keeps comments and layout
    yaml.width = 120
    params = yaml.load(PARAMS)
    for name in set(params["datasets"]) - set(datasets):
        del params["datasets"][name]
    for entry in params["datasets"].values():
        budget = entry["training"]
        budget.update(repeats=1, max_epochs=min(budget["max_epochs"], MAX_EPOCHS))
    params["second_arm"]["datasets"] = []
    yaml.dump(params, FOLDER / PARAMS)

    catalogue = yaml.load(SOURCES)
    if unknown := sources - set(catalogue["sources"]):
        raise InputError(f"{SOURCES}: no source {', '.join(sorted(unknown))}; known: {', '.join(catalogue['sources'])}")
    for name, entry in list(catalogue["sources"].items()):
        if name not in sources:
            del catalogue["sources"][name]
        elif "path" in entry:  # a path is relative to the project, not to the copy
            entry["path"] = str(Path(entry["path"]).expanduser().resolve())
    yaml.dump(catalogue, FOLDER / SOURCES)


def call(*command: str, capture: bool = False) -> str:
    """Runs `command` in `FOLDER` with this interpreter's environment first on the path.

    Its output goes through, or is returned if `capture`.

    Raises:
        InputError: the command failed; it has printed why.
    """
    here = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": here + os.pathsep + os.environ["PATH"], "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.PIPE if capture else None, text=True)
    if done.returncode:
        raise InputError(f"{FOLDER}: '{' '.join(command)}' failed, see above; nothing outside {FOLDER}/ was changed")
    return done.stdout or ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="*", default=["bach_chorales"], metavar="dataset", help="of params.yaml")
    datasets = parser.parse_args().datasets
    start = time.monotonic()
    print(f"== quick: {', '.join(datasets)} from data to report, in {FOLDER}/", flush=True)
    lay_out(datasets)
    if not (FOLDER / ".dvc").exists():
        call("dvc", "init", "--no-scm", "--quiet")
    call("dvc", "repro")
    table = call("python", "-m", "stages.report", "--print", capture=True)
    print("\n" + table.replace("reports/", f"{FOLDER}/reports/"))  # as seen from here, not from the folder
    print(f"== quick: done in {(time.monotonic() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    run(main)
