"""What the nets in optimisation.csv were trained under: with noise or without, at a constant rate or a decaying one."""

import pandas as pd

Conditions = dict[str, tuple[float, float]]  # name → weight noise, share of the learning rate left in the last epoch


def conditions(nets: pd.DataFrame) -> Conditions:
    """What the nets were trained under, by name: the protocol, and with the decay, without noise, or both."""
    noises, finals = (sorted(set(nets[column]), reverse=True) for column in ("weight_noise", "final_rate"))
    named = {(noises[0], finals[0]): "in the protocol"}
    named.setdefault((noises[0], finals[-1]), "with the decay")
    named.setdefault((noises[-1], finals[0]), "without noise")
    named.setdefault((noises[-1], finals[-1]), "with the decay and without noise")
    return {name: key for key, name in named.items()}


def trained(nets: pd.DataFrame, known: Conditions) -> Conditions:
    """Those of the conditions that some of these nets were trained under."""
    keys = set(zip(nets["weight_noise"], nets["final_rate"], strict=True))
    return {name: key for name, key in known.items() if key in keys}


def best_nll(nets: pd.DataFrame) -> pd.Series:
    """Validation NLL of the best net by dataset, cell, weight noise and final rate; NaN where every net diverged."""
    return nets.groupby(["dataset", "cell", "weight_noise", "final_rate"], sort=False)["valid_nll"].min()


def without_noise(nets: pd.DataFrame, datasets: list[str]) -> pd.Series:
    """Validation NLL of the best nets trained without noise at a constant rate, by dataset and cell.

    Args:
        nets: the table, or rows of it.
        datasets: those of interest, in the order wanted.

    Returns:
        NaN where every such net diverged; no entry where none was trained.
    """
    nets = nets[nets["dataset"].isin(datasets) & (nets["weight_noise"] == 0) & (nets["final_rate"] == 1)]
    nets = nets.sort_values("dataset", key=lambda column: column.map(datasets.index), kind="stable")
    return best_nll(nets).droplevel(["weight_noise", "final_rate"])
