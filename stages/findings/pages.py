"""The report's pages, rendered from the tables: formatting, order and words, and no number of their own.

One template holds the content as Markdown (reports/README.md, for forges and editors); the same Markdown, through
markdown-it, becomes reports/index.html with figures and style inlined, so that one file opens anywhere, offline.
"""

import base64
import re
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from stages.findings import (
    against_paper_pages,
    batch_size_pages,
    claim_pages,
    difference_pages,
    distance_pages,
    memory_pages,
    optimisation_pages,
    progress_pages,
    robustness_pages,
    sample_pages,
    single_run_pages,
    speed_pages,
    standings_pages,
    tuning_pages,
)
from stages.findings.answer import sentences, speech_without_noise
from stages.findings.catalogue import FIGURES, Figure, source
from stages.findings.text_tables import Rows, interval, signed_interval, table, text
from stages.findings.wording import cell_name, number, signed

Tables = dict[str, pd.DataFrame]

TEMPLATES = Path(__file__).parent / "templates"
DATA = {"same": "the same data", "reprocessed": "the same music, another edition", "stand_in": "a stand-in", "": ""}


def markdown(tables: Tables, confidence: float, halving_loss: float) -> str:
    """reports/README.md; `halving_loss` is what successive halving may lose."""
    environment = _environment()
    page = environment.get_template("README.md.j2").render(**content(tables, confidence, halving_loss))
    return re.sub(r"\n{3,}", "\n\n", page).rstrip("\n") + "\n"


def html(page: str, figures: Path) -> str:
    """reports/index.html from the Markdown page, with the figures of a folder inlined as data."""
    body = MarkdownIt("commonmark").enable("table").render(page)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    body = re.sub(r"<p>(<img [^>]*>)</p>", r'<div class="wide">\1</div>', body)
    for figure in FIGURES:
        address = f'src="figures/{figure.file}"'
        if address in body:
            encoded = base64.b64encode((figures / figure.file).read_bytes()).decode("ascii")
            body = body.replace(address, f'src="data:image/svg+xml;base64,{encoded}"')
    body = sample_pages.with_players(body, figures.parent)
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
            title=page.splitlines()[0].removeprefix("# "),
            style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
            body=Markup(body),
            script=Markup(sample_pages.script() if "data-notes" in body else ""),
        )
    )


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=lambda name: bool(name) and name.startswith("index.html"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def content(tables: Tables, confidence: float, halving_loss: float) -> dict[str, Any]:
    """What the template shows, formatted."""
    design, summary = tables["design"], tables["summary"]
    small = [
        f"{row.dataset} ({row.candidates} of {row.paper_candidates} candidates, "
        f"{row.max_epochs} of {row.paper_max_epochs} epochs)"
        for row in design[design["budget"] == "preliminary"].itertuples()
    ]
    tested = _test(summary)
    single = list(dict.fromkeys(tested.loc[tested["repeats"] == 1, "dataset"]))
    ends = tables["learning_rates"].groupby(["dataset", "cell"], sort=False)["status"]
    diverged = [
        f"{dataset} {cell_name(cell)} ({(status == 'diverged').sum()} of {len(status)} trials)"
        for (dataset, cell), status in ends
        if (status == "diverged").any()
    ]
    return {
        "answer": sentences(tables),
        "in_words": in_words(tables),
        "compared": len(tables["gaps"]) > 0,
        "against_paper": against_paper_pages.content(tables),
        "deviations_table": table(*_deviations(tables["deviations"])),
        "preliminary": ", ".join(small),
        "single": ", ".join(single),
        "diverged": ", ".join(diverged),
        "confidence": f"{confidence:.0%}",
        "result_table": table(*result_table(tables)),
        "summary_table": table(*_summary(summary, tables["design"])),
        "distances": distance_pages.content(tables["distances"]),
        "differences": difference_pages.content(tables["differences"]),
        "single_runs": single_run_pages.content(tables["single_runs"], tables["claims"]),
        "claims": claim_pages.content(tables),
        "progress_table": table(*_progress(tables["progress"])),
        "milestones": progress_pages.content(tables["milestones"]),
        "parameters_table": table(*_parameters(tables["parameters"])),
        "standings": standings_pages.content(tables["standings"], tables["baselines"]),
        "tuning": tuning_pages.content(tables["tuning"], tables["best_of"]),
        "design_table": table(*_design(design)),
        "protocol_table": table(*_protocol(tables["protocol"])),
        "speech": (design["data"] == "stand_in").any(),
        "speech_without_noise": bool(speech_without_noise(tables)),
        "halving": halving(tables["halving"], halving_loss),
        "elsewhere": robustness_pages.content(tables),
        "batch_sizes": batch_size_pages.content(tables["batch_sizes"], design),
        "memory": memory_pages.content(tables),
        "optimisation": optimisation_pages.content(tables["optimisation"]),
        "speed_measured": speed_pages.content(tables),
        "listen": sample_pages.content(tables),
        "figures": {figure.name: _figure(figure) for figure in FIGURES},
    }


def in_words(tables: Tables) -> list[str]:
    """A sentence a dataset: its best unit, and the others' distance from it."""
    tested, found, sentences = _test(tables["summary"]), tables["differences"], []
    budgets = tables["design"].set_index("dataset")["budget"]
    for dataset in dict.fromkeys(tested["dataset"]):
        rows = tested[(tested["dataset"] == dataset)].dropna(subset=["nll_mean"]).sort_values("nll_mean")
        if rows.empty:
            sentences.append(f"{dataset}: every repeat of every unit diverged.")
            continue
        best = rows.iloc[0]
        sample = f"n={best['repeats']}" + (", preliminary" if budgets[dataset] == "preliminary" else "")
        words = f"{dataset} ({sample}): {cell_name(best['cell'])} has the lowest test NLL, {number(best['nll_mean'])}"
        if len(rows) == 1:
            sentences.append(f"{words}; no other unit to compare.")
            continue
        gaps = [_gap(found, dataset, best["cell"], other) for other in rows["cell"].iloc[1:]]
        sentences.append(f"{words}; {'; '.join(gap for gap in gaps if gap)}.")
    return sentences


def _gap(found: pd.DataFrame, dataset: str, best: str, other: str) -> str:
    """One difference in words, turned so that the better unit comes first."""
    rows = found[(found["dataset"] == dataset) & (found["averaging"] == "pooled")]
    for row in rows.itertuples():
        ends = (row.difference_mean, row.difference_low, row.difference_high)
        if (row.first, row.second) == (other, best):
            ends = (-ends[0], -ends[2], -ends[1])
        elif (row.first, row.second) != (best, other):
            continue
        mean, low, high = ends
        words = f"against {cell_name(other)} {signed(mean)}"
        if pd.isna(low):
            return f"{words}, without an interval"
        side = "below zero" if high < 0 else "above zero" if low > 0 else "on both sides of zero"
        over = " over pieces alone" if row.repeats == 1 else ""
        return f"{words} [{signed(low)}, {signed(high)}]{over}, {side}"
    return ""


def halving(found: pd.DataFrame, limit: float) -> dict[str, Any] | None:
    """The study of successive halving: its table, and a sentence a dataset that sets it against the limit."""
    if found.empty:
        return None
    whole = found[found["cell"] == "all"].itertuples()
    return {
        "table": table(*_halving(found)),
        "limit": f"{limit:g}",
        "verdicts": [_verdict(row, limit) for row in whole],
    }


def _verdict(row: Any, limit: float) -> str:
    """Whether halving loses less than the limit on a dataset; the rule is about the mean, and its interval is told."""
    if pd.isna(row.test_loss_mean):
        return f"On {row.dataset} every repeat diverged: not decided."
    words = f"On {row.dataset} it loses {_loss(row.test_loss_mean, row.test_loss_low, row.test_loss_high)} nats"
    inside = row.test_loss_low <= limit <= row.test_loss_high
    beside = ", though its interval holds the limit" if inside else ""
    return f"{words} (n={row.repeats}, all units together): {'' if row.test_loss_mean < limit else 'not '}met{beside}."


def result_table(tables: Tables) -> tuple[list[str], Rows]:
    """The small table: test NLL, pooled, mean and interval, a row per dataset, a column per cell, and the paper's."""
    tested, design = _test(tables["summary"]), tables["design"].set_index("dataset")
    cells = list(dict.fromkeys(tested["cell"]))
    header = ["dataset", "n", *map(cell_name, cells), f"paper ({' / '.join(map(cell_name, cells))})", "budget"]
    rows = []
    for dataset in design.index:
        found = tested[tested["dataset"] == dataset].set_index("cell").loc[cells]
        counts = sorted(set(found["repeats"]) - {0}, reverse=True) or [0]  # of a unit without any the cell says so
        values = [interval(row.nll_mean, row.nll_low, row.nll_high) or "diverged" for row in found.itertuples()]
        stated = [number(value) or "–" for value in found["paper_nll"]]
        paper = " / ".join(stated) if set(stated) != {"–"} else "–"
        if design.loc[dataset, "data"] in ("stand_in", "reprocessed") and paper != "–":
            paper += f" on {design.loc[dataset, 'paper_dataset']}"
        budget = "preliminary" if design.loc[dataset, "budget"] == "preliminary" else "the paper's"
        rows.append([dataset, " or ".join(map(str, counts)), *values, paper, budget])
    return header, rows


def summary_page(tables: Tables, confidence: float) -> str:
    """reports/summary.md: the small table with what must be known to read it, and the first figure, for the README."""
    header, rows = result_table(tables)
    words = (
        f"Test NLL, nats per step, pooled over steps: mean over n repeats with its {confidence:.0%} interval (none "
        "with one repeat), beside the paper's single runs."
    )
    if any(row[-1] == "preliminary" for row in rows):
        words += " Preliminary: trained on less than the paper's budget."
    words += f" All trainings together took {number(tables['design']['training_hours'].sum(), 1)} hours."
    if told := speech_without_noise(tables):
        words += f" Speech without the paper's weight noise, by validation NLL and n=1: {told}."
    if tables["gaps"].empty:
        return f"{table(header, rows)}\n\n{words}\n"
    figure = next(figure for figure in FIGURES if figure.name == "answer")
    picture = f"[![{figure.alternative}](reports/figures/{figure.file})](reports/README.md)\n\n*{figure.caption}*"
    return f"{table(header, rows)}\n\n{words}\n\n{picture}\n"


def _test(summary: pd.DataFrame) -> pd.DataFrame:
    return summary[(summary["split"] == "test") & (summary["averaging"] == "pooled")]


def _figure(figure: Figure) -> str:
    sources = ", ".join(f"`{source(name)}`" for name in figure.tables)
    return (
        f"![{figure.alternative}](figures/{figure.file})\n\n"
        f"*{figure.caption}* From {sources}, drawn by `{figure.name}` in `stages/findings/{figure.module}.py`."
    )


def _summary(summary: pd.DataFrame, design: pd.DataFrame) -> tuple[list[str], Rows]:
    own = set(design.loc[design["data"] == "same", "dataset"])
    rows = []
    for (dataset, cell, averaging), splits in summary.groupby(["dataset", "cell", "averaging"], sort=False):
        of = splits.set_index("split")
        values = [interval(row.nll_mean, row.nll_low, row.nll_high) or "diverged" for row in of.itertuples()]
        stated = " / ".join(number(of.loc[split, "paper_nll"]) for split in ("train", "test")) if dataset in own else ""
        rows.append(
            [
                dataset,
                cell_name(cell),
                averaging.replace("_", " "),
                str(of["repeats"].max()),
                *values,
                stated.strip(" /"),
            ]
        )
    return ["dataset", "unit", "averaging", "n", *summary["split"].unique(), "paper train / test"], rows


def _progress(progress: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            f"{cell_name(row.first)} over {cell_name(row.second)}",
            row.clock,
            str(row.repeats),
            number(row.level),
            interval(row.ratio_mean, row.ratio_low, row.ratio_high),
        ]
        for row in progress.itertuples()
    ]
    return ["dataset", "units", "counted in", "n", "to validation NLL", "ratio"], rows


def _parameters(parameters: pd.DataFrame) -> tuple[list[str], Rows]:
    columns = "input_size,output_size,units,paper_units,recurrent_parameters,paper_parameters,total_parameters".split(
        ","
    )
    rows = [
        [row["dataset"], cell_name(row["cell"]), row["matching"], *(text(row[column]) for column in columns)]
        for row in parameters.to_dict("records")
    ]
    header = ["dataset", "unit", "matching", "inputs", "outputs", "units", "paper", "recurrent layer", "paper", "total"]
    return header, rows


def _design(design: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            f"{row.paper_dataset}: {DATA[row.data]}" if row.paper_dataset else "none",
            str(row.repeats),
            f"{row.candidates} (paper {row.paper_candidates})",
            f"{row.max_epochs} (paper {row.paper_max_epochs})",
            str(row.batch_size),
            row.search,
            "preliminary" if row.budget == "preliminary" else "the paper's",
            f"{row.trials_stopped} / {row.trials_max_epochs} / {row.trials_halved} / {row.trials_diverged}",
            number(row.training_hours, 1),
            row.device,
        ]
        for row in design.itertuples()
    ]
    header = ["dataset", "in the paper", "repeats", "candidates", "most epochs", "batch", "search", "budget"]
    return [*header, "trials stopped early / at most epochs / halved / diverged", "hours of training", "device"], rows


def _halving(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            "all" if row.cell == "all" else cell_name(row.cell),
            str(row.repeats),
            row.rungs,
            f"{row.keep:.0%}",
            str(row.survived),
            _loss(row.valid_loss_mean, row.valid_loss_low, row.valid_loss_high),
            _loss(row.test_loss_mean, row.test_loss_low, row.test_loss_high),
            "" if pd.isna(row.epochs_share) else f"{row.epochs_share:.0%}",
        ]
        for row in found.itertuples()
    ]
    header = ["dataset", "unit", "n", "after epochs", "kept", "same choice", "validation loss", "test loss", "epochs"]
    return header, rows


def _loss(mean: float, low: float, high: float) -> str:
    """A difference with its interval, four decimals: those of halving are small."""
    return signed_interval(mean, low, high, 4)


def _deviations(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [[row.topic, row.kind, row.paper, row.here, row.reason] for row in found.itertuples()]
    return ["", "in the paper", "what it or its code says", "here", "why"], rows


def _protocol(protocol: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [row.setting.replace("_", " "), _plain(row.value), row.origin, _plain(row.stated)]
        for row in protocol.itertuples()
    ]
    return ["setting", "here", "stated by", "as stated"], rows


def _plain(value: Any) -> str:
    return text(value).replace(",", "")
