"""The samples that `sample` left, gathered into tables for figures and pages.

Three tables, as figures name them; a cell `real` is the test piece itself:
    samples/facts           a row per dataset and cell: what sample.json says
    samples/notes           dataset, cell, part, start, end (frames), pitch (MIDI)
    samples/spectrograms    dataset, cell, frequency (Hz), time (s), decibels (under a full-scale sine)
The last two are left out where there is no such sample.
"""

import json
from pathlib import Path

import pandas as pd

from stages.plumbing.errors import InputError

FACTS = "sample.json"
SHOWN = {"samples/notes": "notes.csv", "samples/spectrograms": "spectrogram.csv"}
REAL = "real"


def read(reports: Path) -> dict[str, pd.DataFrame]:
    """The tables that there are, datasets and cells in the order of the study; none where nothing was sampled.

    Raises:
        InputError: samples of the study are missing; the message lists them.
    """
    root, compared = reports / "samples", reports / "tables/summary.csv"
    if not (root.is_dir() and compared.is_file()):
        return {}
    pairs = pd.read_csv(compared)[["dataset", "cell"]].drop_duplicates()
    by_dataset = pairs.groupby("dataset", sort=False)["cell"]
    folders = [root / dataset / cell for dataset, cells in by_dataset for cell in (REAL, *cells)]
    if lacking := [str(folder) for folder in folders if not (folder / FACTS).is_file()]:
        raise InputError(f"missing samples: {', '.join(lacking)}; run `dvc repro sample`")
    facts = [json.loads((folder / FACTS).read_text(encoding="utf-8")) for folder in folders]
    numbers = {"valid_nll": float, "temperature": float, "beyond_scale": float}  # where no net is heard, without any
    tables = {"samples/facts": pd.DataFrame(facts).astype(numbers)} if facts else {}
    for table, file in SHOWN.items():
        parts = [
            _shown(table, folder / file).assign(dataset=folder.parent.name, cell=folder.name)
            for folder in folders
            if (folder / file).is_file()
        ]
        if parts:
            tables[table] = pd.concat(parts, ignore_index=True)
    return tables


def _shown(table: str, path: Path) -> pd.DataFrame:
    """A file of notes, or a spectrogram with a row for each of its pixels."""
    content = pd.read_csv(path)
    if table == "samples/notes":
        return content
    return content.melt("frequency", var_name="time", value_name="decibels").astype({"time": float})
