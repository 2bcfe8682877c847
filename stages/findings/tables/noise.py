"""Test scores with the weight noise left on."""

from stages.findings.declare import table, triples
from stages.findings.inference.resampling import mean_over_repeats
from stages.findings.study import Study
from stages.findings.tables.scores import paper_nll
from stages.presentation.wording import number, set_of, span_of, unit_of


@table(
    f"dataset:word cell:word repeats:count {triples('clean noisy')} paper_nll",
    {
        "set": set_of,
        "unit": unit_of,
        "n": "repeats",
        "test NLL, clean": span_of("clean"),
        "with the noise left on": span_of("noisy"),
        "the paper's": lambda row: number(row.paper_nll),
    },
)
def left_on(study: Study) -> list[list]:
    """Test NLL of the nets of `paper` on clean weights and with the weight noise left on, as the authors' code scores.

    Means over repeats with their intervals, nats per step; a unit without a result has no row.
    """
    rows = []
    for (dataset, cell), run in study.runs.items():
        if run.noisy_nll.empty:
            continue
        clean, noisy = (
            mean_over_repeats(values, study.resampling, "left_on", dataset, cell, name)
            for name, values in (("clean", run.results["test_nll"]), ("noisy", run.noisy_nll))
        )
        rows.append([dataset, cell, len(run.noisy_nll), *clean, *noisy, paper_nll(study, dataset, cell, "test")])
    return rows
