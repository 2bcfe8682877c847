"""A throw-away study: the project's pipeline on a dataset of a few tiny tunes, two cells and two epochs."""

import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mido
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
IDENTITY = {f"GIT_{role}_{part}": "tests@example.org" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
PIECES = {"train": 4, "valid": 2, "test": 2}


@dataclass(frozen=True)
class Study:
    """A copy of the pipeline in a folder of its own, with its own git repository."""

    folder: Path

    def call(self, *command: str) -> str:
        """Runs a command in the folder, `python` and `dvc` being this interpreter's; returns what it printed."""
        done = subprocess.run(command, cwd=self.folder, env=self.environment(), capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """What a command finds in the environment."""
        environment = os.environ | IDENTITY | {"STUDY_ENGINE": "torch"}  # Numba takes longer to load than these train
        environment["PATH"] = str(Path(sys.executable).parent) + os.pathsep + environment["PATH"]
        environment.pop("PYTHONPATH", None)
        return environment

    def repro(self, *options: str) -> list[str]:
        """The stages that `dvc repro` runs (with --dry: would run on their own account), in order."""
        return re.findall(r"^Running stage '(.+)':", self.call("dvc", "repro", *options), re.MULTILINE)

    def commit(self) -> None:
        self.call("git", "add", ".")
        self.call("git", "commit", "--quiet", "--message", "study")

    def copy(self, folder: Path) -> "Study":
        """The same study elsewhere, results, cache and history included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Study(folder)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces a text that the file holds."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{name} holds no {old!r}"
        path.write_text(text.replace(old, new))

    def edit_yaml(self, name: str, change) -> None:
        """Applies `change` to the mapping in a YAML file."""
        yaml = YAML()
        content = yaml.load(self.folder / name)
        change(content)
        yaml.dump(content, self.folder / name)


def write_tune(path: Path, random_state: random.Random) -> None:
    """A MIDI file of twelve quarter notes over a held bass."""
    tune = mido.MidiFile(ticks_per_beat=96)
    track = mido.MidiTrack()
    tune.tracks.append(track)
    track.append(mido.Message("note_on", note=48, velocity=64))
    for _ in range(12):
        note = random_state.choice([60, 62, 64, 65, 67])
        track.append(mido.Message("note_on", note=note, velocity=64))
        track.append(mido.Message("note_off", note=note, time=96))
    track.append(mido.Message("note_off", note=48))
    path.parent.mkdir(parents=True, exist_ok=True)
    tune.save(path)


def entry(name: str) -> dict:
    """A tiny dataset for params.yaml."""
    return {
        "source": name,
        "sequences": {"reader": "midi", "frames_per_beat": 2},
        "training": {"repeats": 2, "candidates": 1, "max_epochs": 2, "batch_size": 2},
    }


def lay_out(folder: Path) -> Study:
    """The project's own code and dvc.yaml in an empty git repository, with parameters and sources of tiny datasets.

    Of the datasets `airs` and `jigs` params.yaml has the first.
    """
    study = Study(folder)
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data").mkdir()
    for name in ("dvc.yaml", "params.yaml", ".gitignore", ".dvcignore", "data/published_results.csv"):
        shutil.copy(ROOT / name, folder / name)
    for measured in ("reports/benchmarks", "reports/studies"):
        shutil.copytree(ROOT / measured, folder / measured)

    random_state = random.Random(1)
    datasets = ["airs", "jigs"]
    for name in datasets:
        for split, pieces in PIECES.items():
            for piece in range(pieces):
                write_tune(folder / "tunes" / name / split / f"{piece}.mid", random_state)

    def shrink(params):
        params["cells"] = ["tanh", "gru"]
        params["datasets"] = {"airs": entry("airs")}
        for arm in params["arms"].values():
            arm.update({"cells": ["gru"], "datasets": {}} if arm else {})
        params["claims"]["single_runs"] = 100

    study.edit_yaml("params.yaml", shrink)
    study.edit("stages/findings/settings.yaml", "resamples: 9999", "resamples: 99")
    with (folder / "data/sources.yaml").open("w") as file:
        YAML().dump({"sources": {name: {"kind": "path", "path": f"tunes/{name}"} for name in datasets}}, file)
    study.call("git", "init", "--quiet", "--initial-branch", "main")
    study.call("dvc", "init", "--quiet")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    return study
