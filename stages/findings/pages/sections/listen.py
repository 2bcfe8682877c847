"""What trained nets sound like, beside the real piece."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames, markdown
from stages.presentation.samples import REAL
from stages.presentation.wording import cell_name, number, set_name, text

HEARD = {"music": ("sample.mid", "MIDI"), "speech": ("sample.wav", "WAV")}  # what is linked, and the link's word


def words(frames: Frames) -> dict[str, Any] | None:
    facts = frames.get("samples/facts")
    if facts is None:
        return None
    nets = facts.dropna(subset=["temperature"])
    first = nets.iloc[0] if len(nets) else {"temperature": None, "seed": float("nan")}
    seed = text(first["seed"]).replace(",", "")
    return {"temperature": text(first["temperature"]), "seed": seed, "links": links(facts), "nets": _nets(facts)}


def links(facts: pd.DataFrame, seen: str = "in the appendix") -> str:
    """A row per set, a column for the real piece and per unit: a link to what is heard, or why there is none.

    Args:
        seen: what is said of a real recording, which is seen and not heard.
    """
    cells = [REAL, *dict.fromkeys(cell for cell in facts["cell"] if cell != REAL)]
    rows = []
    for dataset, of in facts.groupby("dataset", sort=False):
        by_cell = of.set_index("cell")
        rows.append([set_name(dataset), *(_link(dataset, cell, by_cell.loc[cell], seen) for cell in cells)])
    return markdown(["set", "the real piece", *map(cell_name, cells[1:])], rows)


def _link(dataset: str, cell: str, facts: pd.Series, seen: str) -> str:
    if cell == REAL:  # the test piece itself is seen, and played from its notes, never handed on as a file of sound
        return f"[notes](samples/{dataset}/{cell}/notes.csv)" if facts["kind"] == "music" else seen
    file, word = HEARD[facts["kind"]]
    return facts["reason"] or f"[{word}](samples/{dataset}/{cell}/{file})"


def _nets(facts: pd.DataFrame) -> str:
    rows = [
        [set_name(row.dataset), cell_name(row.cell), text(row.repeat), text(row.candidate), text(row.of_repeats)]
        + [number(row.valid_nll), "" if pd.isna(row.beyond_scale) else f"{row.beyond_scale:.2%}", row.piece]
        for row in facts[facts["cell"] != REAL].itertuples()
    ]
    header = ["set", "unit", "repeat", "candidate", "best of", "validation NLL", "beyond full scale", "begins as"]
    return markdown(header, rows)
