"""Speech with the paper's weight noise and without it."""

from stages.findings.declare import table, triples
from stages.findings.inference.resampling import mean_over_repeats
from stages.findings.study import Study
from stages.findings.tables.scores import paper_nll
from stages.findings.wording import number, set_of, span_of, unit_of


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


@table("dataset:word cell:word noisy:flag repeats:count nll_mean nll_low nll_high")
def speech_noise(study: Study) -> list[list]:
    """Test NLL of speech in the arm `paper` and in `noiseless`, of every set that has both.

    A unit all of whose nets diverged has no number.
    """
    rows, scores = [], study.frame("arm_scores")
    for dataset in study.design.datasets:
        of = scores[(scores["dataset"] == dataset) & scores["arm"].isin(["paper", "noiseless"])]
        if study.output(dataset) == "gaussian_mixture" and "noiseless" in set(of["arm"]):
            for row in of.itertuples():
                ends = [row.nll_mean, row.nll_low, row.nll_high]
                rows.append([dataset, row.cell, row.arm == "paper", row.repeats, *ends])
    return rows
