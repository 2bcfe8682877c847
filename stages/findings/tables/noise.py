"""Speech with the paper's weight noise and without it."""

from stages.findings.declare import table
from stages.findings.study import Study


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
