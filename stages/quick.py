"""The whole pipeline on a dataset or a few, in the folder quick/: minutes on a laptop, the committed study untouched.

    python -m stages.quick                    retrains and reports bach_chorales, which needs no download
    python -m stages.quick jsb_chorales       another dataset of params.yaml, or several

Every run retrains: quick/ gets the project's present code and parameters, less the datasets not asked for. Downloaded
and prepared data of an earlier run are kept while their code and parameters are the same. It ends with one page, where
the reader's numbers stand beside the study's, with what a difference of their size means.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from stages.console.progress import clock
from stages.corpora.sources import SOURCES, Local, find
from stages.findings.inference.evidence import Rules
from stages.findings.records.design import SETTINGS, Comparison, read_designs
from stages.own_runs import beside, report
from stages.plumbing.errors import run
from stages.plumbing.narrowing import call, environment, narrow
from stages.plumbing.parameters import Name, read, section
from stages.plumbing.places import PREPARED, run_folder
from stages.prepare import RAW, told

FOLDER = Path("quick")
FILES = [Path("dvc.yaml"), Path(".dvcignore"), Path("data/published_results.csv")]
STUDIES = Path("reports/studies")  # by hand: `compare` asks for them
LAST = ("compare", "sample")  # the stages that the page is made of
PAGE = FOLDER / "report.html"
MAX_EPOCHS = 100  # with one repeat and without further arms: a taste of the study, and said to be preliminary
RESAMPLES, SINGLE_RUNS = 999, 1000  # intervals over pieces need no more digits here
MADE_AFRESH = ["stages", "models", "measured", "reports", ".checkpoints"]
# Seconds that a stage takes on two cores, by its verb; another one a few. They are scaled by what was needed so far.
SECONDS = {"download": 2, "prepare": 35, "train": 18, "sample": 8}
SOME_SECONDS = 5
# What DVC says of itself between the stages.
_CHATTER = re.compile(
    r"\s*$|> |Generating lock file|Updating lock file|Verifying|To track the changes|\tgit add|Use `dvc push`"
)


def lay_out(datasets: list[str]) -> None:
    """Copies the pipeline into `FOLDER` and narrows its parameters and sources to `datasets`, without any results.

    Raises:
        InputError: params.yaml has no such dataset, data/sources.yaml has no such source, or what is copied is wrong.
    """
    read_designs(), section("compare", Comparison, SETTINGS), section("claims", Rules)
    sources = {name: find(name) for name in (section(f"datasets.{dataset}.source", Name) for dataset in datasets)}
    places = {name: str(source.place()) for name, source in sources.items() if isinstance(source, Local)}
    for name in MADE_AFRESH:
        shutil.rmtree(FOLDER / name, ignore_errors=True)
    shutil.copytree("stages", FOLDER / "stages", ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    if STUDIES.exists():
        shutil.copytree(STUDIES, FOLDER / STUDIES)
    for path in FILES:
        (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, FOLDER / path)

    def fewer_single_runs(params: dict) -> None:
        params["claims"]["single_runs"] = min(params["claims"]["single_runs"], SINGLE_RUNS)

    narrow(FOLDER, datasets, repeats=1, epochs=MAX_EPOCHS, change=fewer_single_runs)
    yaml = YAML()  # keeps comments and layout
    yaml.width = 120
    settings = yaml.load(SETTINGS)
    settings["compare"]["resamples"] = min(settings["compare"]["resamples"], RESAMPLES)
    yaml.dump(settings, FOLDER / SETTINGS)
    catalogue = yaml.load(SOURCES)
    for name, entry in list(catalogue["sources"].items()):
        if name not in sources:
            del catalogue["sources"][name]
        elif name in places:  # a path is relative to the project, not to the copy
            entry["path"] = places[name]
    yaml.dump(catalogue, FOLDER / SOURCES)


class Steps:
    """Reads what `dvc repro` prints: a line a stage with the time left in all, the stages' own lines, nothing else."""

    def __init__(self, names: list[str]):
        self.left = {name: SECONDS.get(name.partition("@")[0], SOME_SECONDS) for name in names}
        self.count, self.done, self.spent, self.start = len(names), 0, 0.0, time.monotonic()

    def said(self, line: str) -> None:
        if found := re.match(r"Stage '(.+)' didn't change", line):
            self.left.pop(found[1], None)
            self.count -= 1
        elif found := re.match(r"Running stage '(.+)':", line):
            # The pace is held near 1 until enough has run to tell.
            pace = (time.monotonic() - self.start + SOME_SECONDS) / (self.spent + SOME_SECONDS)
            left = clock(pace * sum(self.left.values()))
            self.done += 1
            self.spent += self.left.pop(found[1], 0)
            print(f"== {self.done} of {self.count}: {found[1]}, about {left} left in all", flush=True)
        elif not _CHATTER.match(line):
            print(line, end="", flush=True)


def compile_ahead(datasets: list[str]) -> None:
    """Compiles the fast paths that the trainings will ask for, while the data are read.

    What goes wrong here the trainings tell.
    """
    from stages.console import device as devices
    from stages.population import engines
    from stages.protocol import arms
    from stages.recurrent.net import Net
    from stages.train import output_settings

    for name in datasets:
        output = "gaussian_mixture" if read(f"datasets.{name}.sequences.reader") == "speech" else "bernoulli"
        settings = output_settings(output)
        for cell in read("cells"):
            net, protocol = Net.build(cell, output, 88, 40, 88, settings), arms.load("paper", name).protocol
            engines.choose(net, protocol, devices.choose())


def reproduce(datasets: list[str]) -> None:
    """Runs the pipeline in `FOLDER`; the kernels are compiled beside its first stages, which read the data."""
    if not (FOLDER / ".dvc").exists():
        call(FOLDER, "dvc", "init", "--no-scm", "--quiet")
    names: list[str] = []
    call(FOLDER, "dvc", "stage", "list", "--name-only", said=lambda line: names.append(line.strip()))
    names = [name for name in names if name not in ("figures", "report")]
    ahead = None
    if os.environ.get("STUDY_ENGINE", "compiled") == "compiled":
        command = [sys.executable, "-m", "stages.quick", "--compile", *datasets]
        ahead = subprocess.Popen(command, cwd=FOLDER, env=environment(), stderr=subprocess.DEVNULL)
    try:
        call(FOLDER, "dvc", "repro", *LAST, said=Steps(names).said)
    finally:
        if ahead is not None:
            ahead.terminate()
            ahead.wait()


def own_runs(dataset: str) -> report.Own:
    """What the run in `FOLDER` left of a dataset, and what the study has of it."""
    units, study_epochs = beside.committed(dataset), read(f"datasets.{dataset}.training.max_epochs")
    epochs = min(study_epochs, MAX_EPOCHS)
    curves = {unit.cell: study_curves(dataset, unit.cell) for unit in units} if study_epochs > epochs else {}
    costs = {cell: beside.cost(found, epochs) for cell, found in curves.items() if found is not None}
    place = FOLDER / PREPARED / dataset / "counts.json"
    counts = json.loads(place.read_text(encoding="utf-8"))
    lines = list(told(counts, RAW / read(f"datasets.{dataset}.source")))
    return report.Own(dataset, FOLDER / beside.TABLES, epochs, study_epochs, units, costs, place, counts, lines)


def study_curves(dataset: str, cell: str) -> pd.DataFrame | None:
    """The committed curves of all candidates of a unit, None where there are none."""
    path = run_folder("paper", dataset, cell) / "curves.csv.gz"
    return pd.read_csv(path) if path.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="*", default=["bach_chorales"], metavar="dataset", help="of params.yaml")
    parser.add_argument("--compile", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    datasets = options.datasets
    if options.compile:
        compile_ahead(datasets)
        return
    start = time.monotonic()
    print(f"== quick: {', '.join(datasets)} from data to report, in {FOLDER}/", flush=True)
    lay_out(datasets)
    reproduce(datasets)
    runs = [own_runs(dataset) for dataset in datasets]
    print("\n" + "\n\n".join(of.terminal for of in runs))
    took = clock(time.monotonic() - start)
    report.write(PAGE, FOLDER, runs, took)
    print(f"\nYour runs on one page: {PAGE}\n== quick: done in {took}")


if __name__ == "__main__":
    run(main)
