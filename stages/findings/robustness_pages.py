"""The report's section on whether the results hold elsewhere: other pieces, another edition, another budget."""

import pandas as pd

from stages.findings.text_tables import Rows, interval, table, text
from stages.findings.wording import cell_name, signed

Tables = dict[str, pd.DataFrame]

DIFFERENCE = "difference_mean"
ORDERS = {"holds": "hold", "turns": "turn", "undecided": "undecided"}  # a table's word, and that of a count

# How a condition is told: in a table's row, `{}` being the other edition's name, and at the head of a sentence.
CONDITIONS = {
    "edition": ("another edition, {}", "In another edition of the same music"),
    "untouched": ("pieces not heard in training", "On the pieces not heard in training"),
    "touched": ("pieces heard in training", "On the pieces heard in training"),
    "arm": ("second arm", "With the output layer's weights counted"),
}


def content(tables: Tables) -> dict[str, object] | None:
    """What the template shows, formatted; None where there is nothing but the study itself."""
    found, leakage, arms = tables["robustness"], tables["leakage"], tables["arms"]
    if found.empty and leakage.empty:
        return None
    return {
        "verdicts": [verdict(rows) for name in CONDITIONS if len(rows := found[found["condition"] == name])],
        "orders_table": table(*_orders(found, tables["design"])) if len(found) else "",
        "table": table(*_differences(found)) if len(found) else "",
        "heard": heard(leakage),
        "leakage_table": table(*_leakage(leakage)) if len(leakage) else "",
        "arms_table": table(*_arms(arms)) if len(arms) else "",
        "without_arm": ", ".join(without_arm(arms, tables["design"])),
    }


def verdict(rows: pd.DataFrame) -> str:
    """Whether the units' order survives a condition, in a sentence that holds whatever the rows say."""
    of_datasets = [of for _, of in rows.groupby(["dataset", "elsewhere"], sort=False)]
    changed = [of["dataset"].iloc[0] for of in of_datasets if order_of(of, "main_mean") != order_of(of, DIFFERENCE)]
    where = f"changes on {', '.join(changed)}" if changed else "stays the same"
    counts = rows["order"].value_counts()
    told = ", ".join(f"{counts.get(order, 0)} {word}" for order, word in ORDERS.items())
    return (
        f"{CONDITIONS[rows['condition'].iloc[0]][1]} ({', '.join(of['dataset'].iloc[0] for of in of_datasets)}) the "
        f"order of the units by their means {where}. Of {_pairs(len(rows))}: {told}; {_agreeing(rows)} of {len(rows)} "
        "have means of the same sign."
    )


def order_of(rows: pd.DataFrame, column: str) -> str:
    """The units from the lowest mean test NLL to the highest, from the differences of their pairs."""
    above = dict.fromkeys([*rows["second"], *rows["first"]], 0)
    for row in rows.to_dict("records"):  # a unit's rank is the number of units that it is above
        above[row["first"] if row[column] > 0 else row["second"]] += 1
    return ", ".join(cell_name(cell) for cell in sorted(above, key=above.__getitem__))


def _agreeing(rows: pd.DataFrame) -> int:
    return int((rows["main_mean"] * rows[DIFFERENCE] > 0).sum())


def _pairs(count: int) -> str:
    return "1 pair of units" if count == 1 else f"{count} pairs of units"


def heard(leakage: pd.DataFrame) -> str:
    """The rule, and how much of each test split training has heard."""
    if leakage.empty:
        return ""
    rule = leakage.iloc[0]
    every = leakage[leakage["part"] == "all"].drop_duplicates("dataset")
    touched = leakage[leakage["part"] == "touched"].drop_duplicates("dataset").set_index("dataset")["pieces"]
    shares = "; ".join(
        f"{row.dataset} {touched.get(row.dataset, 0)} of {row.pieces} pieces, {row.leaked_share:.1%} of the frames"
        for row in every.itertuples()
    )
    return (
        f"A test piece is *touched*, or heard in training, if {rule['window']} consecutive frames of its top voice, "
        f"without a rest and with at least {rule['pitches']} pitches, occur in a training piece in any transposition: "
        f"{shares}."
    )


def without_arm(arms: pd.DataFrame, design: pd.DataFrame) -> list[str]:
    """The datasets that the second arm leaves out, of those with the same kind of output as the ones it has."""
    kinds = design.loc[design["dataset"].isin(arms["dataset"]), "output"]
    like = design.loc[design["output"].isin(kinds), "dataset"]
    return [dataset for dataset in like if dataset not in set(arms["dataset"])]


def _orders(found: pd.DataFrame, design: pd.DataFrame) -> tuple[list[str], Rows]:
    small = set(design.loc[design["budget"] == "preliminary", "dataset"])
    rows = []
    for (dataset, condition, elsewhere), of in found.groupby(["dataset", "condition", "elsewhere"], sort=False):
        counts = of["order"].value_counts()
        early = small & {dataset, elsewhere}
        rows.append(
            [
                dataset,
                CONDITIONS[condition][0].format(elsewhere),
                " / ".join(str(of[column].min()) for column in ("main_repeats", "repeats")),
                " / ".join(str(of[column].min()) for column in ("main_pieces", "pieces")),
                order_of(of, "main_mean"),
                order_of(of, DIFFERENCE),
                " / ".join(str(counts.get(order, 0)) for order in ORDERS),
                f"{_agreeing(of)} of {len(of)}",
                "preliminary" if early else "the paper's",
            ]
        )
    header = ["dataset", "elsewhere", "n", "pieces", "order in the study", "order elsewhere", " / ".join(ORDERS)]
    return [*header, "same sign", "budget"], rows


def _differences(found: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            CONDITIONS[row.condition][0].format(row.elsewhere),
            f"{cell_name(row.first)} − {cell_name(row.second)}",
            _sample(row.main_repeats, row.main_pieces),
            _signed(row.main_mean, row.main_low, row.main_high),
            _sample(row.repeats, row.pieces),
            _signed(row.difference_mean, row.difference_low, row.difference_high),
            row.order,
        ]
        for row in found.itertuples()
    ]
    return ["dataset", "elsewhere", "units", "n, pieces", "in the study", "n, pieces", "elsewhere", "order"], rows


def _sample(repeats: int, pieces: int) -> str:
    return f"{repeats}, {pieces}"


def _signed(mean: float, low: float, high: float) -> str:
    return signed(mean) if pd.isna(low) else f"{signed(mean)} [{signed(low)},\u00a0{signed(high)}]"


def _leakage(leakage: pd.DataFrame) -> tuple[list[str], Rows]:
    cells = list(dict.fromkeys(leakage["cell"]))
    rows = []
    for (dataset, part), of_part in leakage.groupby(["dataset", "part"], sort=False):
        of = of_part.set_index("cell")
        first = of_part.iloc[0]
        values = [
            interval(of.loc[cell, "nll_mean"], of.loc[cell, "nll_low"], of.loc[cell, "nll_high"])
            if cell in of.index
            else "diverged"
            for cell in cells
        ]
        counts = " or ".join(map(str, sorted(set(of_part["repeats"]), reverse=True)))
        rows.append([dataset, part, str(first["pieces"]), f"{first['leaked_share']:.1%}", counts, *values])
    return ["dataset", "pieces", "number", "frames heard", "n", *map(cell_name, cells)], rows


def _arms(arms: pd.DataFrame) -> tuple[list[str], Rows]:
    rows = [
        [
            row.dataset,
            row.matching,
            cell_name(row.cell),
            text(row.units),
            text(row.recurrent_parameters),
            text(row.total_parameters),
            str(row.repeats),
            interval(row.nll_mean, row.nll_low, row.nll_high) or "diverged",
        ]
        for row in arms.itertuples()
    ]
    return ["dataset", "matching", "unit", "units", "recurrent layer", "total", "n", "test NLL"], rows
