"""The figures of reports/figures/, a file a subject; each is declared where it is drawn, from tables alone."""

from importlib import import_module
from pathlib import Path

from stages.findings.declare import Plot, declared


def every() -> dict[str, Plot]:
    """Every figure by its name, in the order of the subjects."""
    return declared(Plot, lambda name: import_module(f"{__name__}.{name}"), Path(__file__).parent)
