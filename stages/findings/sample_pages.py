"""The report's section on samples: links in the Markdown page, players in their places in the page for browsers."""

import base64
import json
import re
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from stages.findings.samples import FACTS, REAL, SHOWN
from stages.findings.text_tables import Rows, table, text
from stages.findings.wording import cell_name, number

TEMPLATES = Path(__file__).parent / "templates"
HEARD = {"music": ("sample.mid", "MIDI"), "speech": ("sample.wav", "WAV")}  # what is linked, and the link's word


def content(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What the template's section shows; None where nothing was sampled."""
    facts = tables.get("samples/facts")
    if facts is None:
        return None
    return {
        "settings": _settings(facts),
        "table": table(*_links(facts)),
        "nets_table": table(*_nets(facts)),
        "music": "samples/notes" in tables,
        "speech": "samples/spectrograms" in tables,
        "given_music": " ".join(_given(facts[facts["kind"] == "music"])),
        "given_speech": " ".join(_given(facts[facts["kind"] == "speech"])),
    }


def _settings(facts: pd.DataFrame) -> str:
    nets = facts.dropna(subset=["temperature"])
    if nets.empty:
        return "None could here: the table says why."
    return f"Temperature {text(nets['temperature'].iloc[0])}, random seed {nets['seed'].iloc[0]:.0f}."


def _links(facts: pd.DataFrame) -> tuple[list[str], Rows]:
    """A row per dataset, a column per cell: a link to what is heard, or why there is none."""
    cells = list(dict.fromkeys(cell for cell in facts["cell"] if cell != REAL))
    rows = []
    for dataset, of_dataset in facts.groupby("dataset", sort=False):
        by_cell = of_dataset.set_index("cell")
        found = [_link(dataset, cell, by_cell.loc[cell]) if cell in by_cell.index else "" for cell in cells]
        rows.append([dataset, *found, by_cell["piece"].iloc[0]])
    return ["dataset", *map(cell_name, cells), "begins as"], rows


def _link(dataset: str, cell: str, facts: pd.Series) -> str:
    file, word = HEARD[facts["kind"]]
    return facts["reason"] or f"[{word}](samples/{dataset}/{cell}/{file})"


def _nets(facts: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            cell_name(row.cell),
            text(row.repeat),
            text(row.candidate),
            text(row.of_repeats),
            number(row.valid_nll),
            "" if pd.isna(row.beyond_scale) else f"{row.beyond_scale:.2%}",
        ]
        for row in facts[facts["cell"] != REAL].itertuples()
    ]
    return ["dataset", "unit", "repeat", "candidate", "best of", "validation NLL", "beyond full scale"], rows


def _given(facts: pd.DataFrame) -> list[str]:
    """A sentence a dataset, or for all that have the same: how much nets are given and add, and where pieces end."""
    sentences: dict[str, list[str]] = {}
    for dataset, of_dataset in facts.groupby("dataset", sort=False):
        if (of_dataset.loc[of_dataset["cell"] != REAL, "reason"] != "").all():
            continue
        real, net = of_dataset[of_dataset["cell"] == REAL].iloc[0], of_dataset[of_dataset["cell"] != REAL].iloc[0]
        given, added, there = (
            f"{steps} frames" if net["kind"] == "music" else f"{steps * net['step_seconds']:.3g} s"
            for steps in (net["given"], net["length"] - net["given"], real["length"])
        )
        short = "" if real["length"] == net["length"] else f", although the longest test sequence has only {there}"
        sentences.setdefault(f"{given} are given and {added} follow{short}.", []).append(dataset)
    return [f"{', '.join(datasets)}: {sentence}" for sentence, datasets in sentences.items()]


def with_players(body: str, reports: Path) -> str:
    """The page's HTML with players in the places of its links to samples; they hold their sound, to play offline.

    A recording becomes an audio element. A MIDI file stays a link, to itself as data, and carries its notes as numbers
    (start, end, pitch, and so on) for player.js, which puts a button before it.
    """

    def player(link: re.Match[str]) -> str:
        path, dataset, cell, suffix, word = link.groups()
        sample = reports / path
        name = escape(f"{dataset}, {cell_name(cell)}")
        data = base64.b64encode(sample.read_bytes()).decode("ascii")
        if suffix == "wav":
            return f'<audio controls preload="metadata" aria-label="{name}" src="data:audio/wav;base64,{data}"></audio>'
        notes = pd.read_csv(sample.with_name(SHOWN["samples/notes"]))[["start", "end", "pitch"]]
        numbers = " ".join(map(str, notes.to_numpy().ravel()))
        frame = json.loads(sample.with_name(FACTS).read_text(encoding="utf-8"))["step_seconds"]
        return (
            f'<a href="data:audio/midi;base64,{data}" download="{dataset}-{cell}.mid" data-name="{name}" '
            f'data-frame="{frame:g}" data-notes="{numbers}">{word}</a>'
        )

    return re.sub(r'<a href="(samples/([^/"]+)/([^/"]+)/sample\.(mid|wav))">([^<]*)</a>', player, body)


def script() -> str:
    """The player of notes, to stand in the page itself."""
    return (TEMPLATES / "player.js").read_text(encoding="utf-8")
