"""A reader's own runs on one page: beside the study's, what is in the data, what the nets sound like."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from stages.findings.declare import markdown
from stages.findings.pages.sections.listen import links
from stages.own_runs import beside
from stages.plumbing.files import whole
from stages.presentation import samples, style
from stages.presentation.page import html
from stages.presentation.wording import cell_name, count, interval, listed, number, set_name, set_names, signed

TEMPLATE = Path(__file__).with_name("report.md.j2")


@dataclass(frozen=True)
class Own:
    """A reader's runs of a dataset, and the study's.

    Attributes:
        tables: the folder of the reader's tables, as `compare` writes them.
        epochs, study_epochs: how many a training had at most.
        units: the study's; none where it has no such dataset.
        costs: unit → how far the study's own best validation NLL lay above its end after so few epochs, nats per step.
        counts: what `prepare` counted, from the file `place`; `told`: what it left out and found odd, a line a reason.
    """

    dataset: str
    tables: Path
    epochs: int
    study_epochs: int
    units: list[beside.Unit]
    costs: dict[str, float]
    place: Path
    counts: dict
    told: list[str]

    def table(self, name: str) -> pd.DataFrame:
        found = beside.read(name, self.tables)
        return found[found["dataset"] == self.dataset]

    @property
    def name(self) -> str:
        return set_name(self.dataset)

    @property
    def runs(self) -> dict[str, list[float]]:
        """Unit → the test NLL of its runs, nats per step; none where every net diverged."""
        cells = dict.fromkeys(self.table("summary")["cell"])
        return {cell: list(nll) for cell in cells if (nll := self._of(cell)) is not None}

    def _of(self, cell: str) -> pd.Series:
        results = self.table("results")
        return results.loc[results["cell"] == cell, "test_nll"].dropna()

    @property
    def terminal(self) -> str:
        """The table and what it means, for a terminal."""
        budgets = [f"yours: 1 run, {self.epochs} epochs", "the study"]
        if self.units:
            most = max(len(unit.runs) for unit in self.units)
            budgets[1] += f": {count(most, 'run')}, {self.study_epochs} epochs"
        lines = [f"{self.dataset}:", beside.side_by_side(self.runs, self.units, budgets)]
        return "\n".join([*lines, beside.meaning(self.units, 1), *filter(None, [self._cost()])])

    @property
    def sentences(self) -> list[str]:
        """Who is first, whether the study has the same order, and how much of it may be chance."""
        told = [self._order(), self._without(), beside.meaning(self.units, 1), self._cost(), self._pieces()]
        return [sentence for sentence in told if sentence]

    def _order(self) -> str:
        means = {cell: float(np.mean(nll)) for cell, nll in self.runs.items() if nll}
        if not means:
            return "**Every net diverged: there is no result.**"
        order = sorted(means, key=means.__getitem__)
        first = f"{cell_name(order[0])} ({number(means[order[0]])})"
        rest = listed(f"{cell_name(cell)} ({number(means[cell])})" for cell in order[1:])
        told = f"**Yours: {first} has the lowest error{f', before {rest}' if rest else ''}.**"
        theirs = [unit.cell for unit in self.units if unit.cell in means]
        if len(theirs) < 2:
            return told
        same = theirs == [cell for cell in order if cell in theirs]
        return (
            f"{told} The study has {'the same order' if same else f'another order: {listed(map(cell_name, theirs))}'}."
        )

    @property
    def plain(self) -> tuple[str, float]:
        """The best predictor without a net, and its test NLL; nameless where there is none."""
        found = self.table("baselines").query("split == 'test' and averaging == 'pooled'")
        best = found.loc[found["nll"].idxmin()] if len(found) else {"baseline": "", "nll": float("nan")}
        return best["baseline"], float(best["nll"])

    def _without(self) -> str:
        name, nll = self.plain
        behind = [cell for cell, own in self.runs.items() if own and np.mean(own) > nll]
        if not behind:
            return ""
        told = "have" if len(behind) > 1 else "has"
        return (
            f"{listed(map(cell_name, behind))} {told} not learned enough to be compared: {name}, a predictor without a "
            f"net, is better ({number(nll)})."
        )

    def _pieces(self) -> str:
        rows = self.table("differences")
        rows = rows[(rows["averaging"] == "pooled") & rows["pieces_low"].notna()]
        told = [
            f"{cell_name(row.first)} − {cell_name(row.second)} "
            + interval(row.difference_mean, row.pieces_low, row.pieces_high, signed)
            for row in rows.itertuples()
        ]
        return f"Over test pieces alone: {'; '.join(told)}. Another run may still turn these." if told else ""

    def _cost(self) -> str:
        if not self.costs:
            return ""
        told = listed(f"{number(cost)} ({cell_name(cell)})" for cell, cost in self.costs.items())
        return (
            f"Fewer epochs cost something besides: after {self.epochs} epochs the study's own runs had a validation "
            f"NLL {told} above their best."
        )

    @property
    def rows(self) -> str:
        """The table of the page: yours, the study's, the gap; and the best predictor without a net."""
        by_cell, limit, rows = {unit.cell: unit for unit in self.units}, beside.threshold(self.units, 1), []
        for cell, nll in self.runs.items():
            mean = float(np.mean(nll)) if nll else float("nan")
            unit = by_cell.get(cell)
            gap = mean - unit.mean if unit else float("nan")
            chance = "" if np.isnan(gap) or np.isnan(limit) else "yes" if abs(gap) < limit else "no"
            cells = [unit.number(), signed(gap), chance] if unit else []
            rows.append(
                [cell_name(cell), number(mean) or "diverged", *cells, *[""] * (3 * bool(self.units) - len(cells))]
            )
        if self.plain[0]:
            rows.append([f"no net: {self.plain[0]}", number(self.plain[1]), *[""] * (3 * bool(self.units))])
        study = ["the study", "difference", "mere chance?"] if self.units else []
        return markdown(["unit", f"yours, {self.epochs} epochs", *study], rows)

    @property
    def data(self) -> str:
        """How much there is in each split."""
        splits = {"train": "training", "valid": "validation", "test": "test"}
        told = listed(f"{self.counts['splits'][split]['sequences']:,} for {name}" for split, name in splits.items())
        rest = f"Left out or odd (names: `{self.place}`):" if self.told else "No file was left out."
        return f"Sequences: {told}. {rest}"

    def draw(self, figures: Path) -> bool:
        """Draws the learning curves, wide and narrow; not where every net diverged."""
        bands = self.table("bands").rename(columns={"valid_median": "valid_nll"}).assign(repeat=0)
        curves = {cell: rows for cell, rows in bands.groupby("cell", sort=False)}
        for narrow in (False, True) if curves else ():
            title = f"{self.name}: your nets" + (" over the study's" if self.units else "")
            drawn = beside.pictured(curves, self.dataset, narrow=narrow)
            style.save(drawn, figures / f"{self.dataset}{'-narrow' * narrow}.svg", title, "Learning curves.")
        return bool(curves)


def write(path: Path, folder: Path, owns: Iterable[Own], took: str) -> None:
    """Writes the page, one HTML file.

    Args:
        folder: what the reader's pipeline ran in.
        took: how long, as people read it.
    """
    reports, owns = folder / "reports", list(owns)
    facts = samples.read(reports).get("samples/facts")
    runs = [
        {
            "dataset": own.dataset,
            "name": own.name,
            "sentences": own.sentences,
            "table": own.rows,
            "picture": own.draw(reports / "figures"),
            "units": own.units,
            "data": own.data,
            "told": own.told,
        }
        for own in owns
    ]
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        names=set_names(own.dataset for own in owns),
        took=took,
        folder=folder,
        runs=runs,
        heard="" if facts is None else links(facts, seen=""),
    )
    with whole(path) as temporary:
        temporary.write_text(html(text, reports), encoding="utf-8")
