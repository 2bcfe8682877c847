"""How fast the training is, from what `make bench` measured."""

import math

import pandas as pd

from stages.findings.declare import Frames, markdown
from stages.presentation.wording import cell_name, interval, measured, set_name, share, text

# The ways of training whose speed is compared, the one the others are measured against first.
ARMS = {
    "library": "torch.nn, one trial after another",
    "library_2_processes": "torch.nn in two processes, a core each",
    "one_sequence": "torch.nn, one sequence an update",
    "jax": "JAX, a scan compiled, one trial after another",
    "plain": "the population in plain torch",
    "compiled": "the population, compiled",
}


def words(frames: Frames) -> dict[str, str] | None:
    if "benchmarks/speed" not in frames:
        return None
    facts, targets = frames["benchmarks/machine"], frames["benchmarks/targets"]
    told = [f"{row.fact.replace('_', ' ')} {row.value}" for row in facts.itertuples()]
    rows = [
        [row.target, text(row.asked), measured(row.measured), "met" if row.met else "not met", text(row.reason)]
        for row in targets.itertuples()
    ]
    header = ["target", "asked", "measured", "", "why not"]
    speed = _times(frames["benchmarks/speed"])
    return {"machine": f"Measured on: {', '.join(told)}.", "times": speed, "targets": markdown(header, rows)}


def _times(speed: pd.DataFrame) -> str:
    """Every way of training; columns that an earlier `make bench` did not measure are empty."""
    speed = speed.assign(**{name: math.nan for name in ("share_of_peak", "compile_seconds") if name not in speed})
    rows = [
        [set_name(row.dataset), cell_name(row.cell), ARMS.get(row.arm, row.arm), str(row.trials), str(row.batch_size)]
        + [interval(row.ms_per_trial_epoch, row.ms_low, row.ms_high, measured), measured(row.updates_per_second)]
        + [measured(row.gflops), share(row.share_of_peak), measured(row.memory_mib)]
        + [measured(row.compile_seconds), interval(row.ratio, row.ratio_low, row.ratio_high, measured)]
        for row in speed.itertuples()
    ]
    header = ["set", "unit", "way", "trials", "batch", "ms a trial and epoch", "updates/s", "GFLOP/s", "of the peak"]
    return markdown([*header, "MiB", "compiling, s", "times faster"], rows)
