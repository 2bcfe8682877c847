"""Lets trained nets go on by themselves from the beginning of a test piece, to be heard and seen beside the piece.

    python -m stages.sample --dataset jsb_chorales       → reports/samples/jsb_chorales/{real,tanh,lstm,gru}/

MIDI and notes of music, sound and a spectrogram of speech, of each cell's best net of the arm `paper`; of the piece
itself (`real`) what is seen, neither MIDI nor sound. Nothing is scored: the one test piece is a place to start.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from stages.listening import excerpts, files
from stages.listening.generation import continue_music, continue_speech
from stages.listening.nets import TrainedNet, best_net
from stages.listening.settings import SETTINGS, Sampling
from stages.plumbing import places
from stages.plumbing.errors import InputError, run
from stages.plumbing.parameters import section
from stages.plumbing.places import PAPER, run_folder
from stages.recurrent.recorded import recorded_cells


def show(dataset: str, excerpt: excerpts.Excerpt, sampling: Sampling) -> None:
    """Writes how the excerpt goes on in truth, or why there is nothing to hear."""
    facts = files.Facts.of(dataset, files.REAL, excerpt)
    if facts.reason:
        files.write_facts(facts)
    elif excerpt.windows:
        files.write_speech(facts, excerpt.values, excerpt.windows, sampling.speech.spectrum)
    else:
        files.write_music(facts, excerpt.values)


def sample(dataset: str, cell: str, excerpt: excerpts.Excerpt, sampling: Sampling) -> None:
    """Writes what the cell's best net makes of the dataset's excerpt, or why there is nothing to hear."""
    folder = run_folder(PAPER, dataset, cell)
    trained = best_net(folder)
    facts = files.Facts.of(dataset, cell, excerpt)
    if trained is None:
        facts = facts.but(reason="every repeat diverged")
    if trained is None or facts.reason:
        files.write_facts(facts)
        return
    _require_fit(dataset, folder, excerpt, trained)
    draws = {"temperature": sampling.temperature, "seed": sampling.seed}
    origin = {name: getattr(trained, name) for name in ("repeat", "candidate", "of_repeats", "valid_nll")}
    facts = facts.but(**draws, **origin)

    generator = np.random.default_rng(sampling.seed)
    seed, missing = excerpt.values[: excerpt.given], excerpt.length - excerpt.given
    if excerpt.windows is None:
        frames = continue_music(trained.net, trained.weights, seed, missing, sampling.temperature, generator)
        files.write_music(facts, np.concatenate([seed, frames]))
        return
    windows = excerpt.windows
    scale = (-1 - windows.mean) / windows.deviation, (1 - windows.mean) / windows.deviation
    drawn = continue_speech(
        trained.net, trained.weights, seed, missing, windows, scale, sampling.temperature, generator
    )
    facts = facts.but(beyond_scale=float(np.isin(drawn, scale).mean()) if len(drawn) else 0.0)
    files.write_speech(facts, np.concatenate([seed, drawn]), windows, sampling.speech.spectrum)


def _require_fit(dataset: str, folder: Path, excerpt: excerpts.Excerpt, trained: TrainedNet) -> None:
    found = (excerpt.windows.window, excerpt.windows.horizon) if excerpt.windows else (excerpt.values.shape[1],) * 2
    if found != (trained.net.inputs, trained.net.targets):
        raise InputError(
            f"data/prepared/{dataset}: expected {trained.net.inputs} inputs and {trained.net.targets} targets a step, "
            f"as {folder} was trained on, found {found[0]} and {found[1]}; run `dvc repro`"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    dataset = parser.parse_args().dataset
    torch.set_num_threads(1)  # a step is too small to be shared
    sampling = section("sample", Sampling, SETTINGS)
    excerpt = excerpts.load(dataset, sampling)
    show(dataset, excerpt, sampling)
    for cell in recorded_cells(places.trainings(PAPER, dataset)):
        sample(dataset, cell, excerpt, sampling)


if __name__ == "__main__":
    run(main)
