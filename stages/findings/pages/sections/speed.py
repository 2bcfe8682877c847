"""How fast the training is, from what `make bench` measured."""

import math

import pandas as pd

from stages.findings.declare import Frames, markdown
from stages.findings.wording import ARMS, cell_name, measured, set_name, share_interval, text


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
        + [_span(row.ms_per_trial_epoch, row.ms_low, row.ms_high), measured(row.updates_per_second)]
        + [measured(row.gflops), share_interval(row.share_of_peak, math.nan, math.nan), measured(row.memory_mib)]
        + [measured(row.compile_seconds), _span(row.ratio, row.ratio_low, row.ratio_high)]
        for row in speed.itertuples()
    ]
    header = ["set", "unit", "way", "trials", "batch", "ms a trial and epoch", "updates/s", "GFLOP/s", "of the peak"]
    return markdown([*header, "MiB", "compiling, s", "times faster"], rows)


def _span(middle: float, low: float, high: float) -> str:
    return f"{measured(middle)} [{measured(low)},\u00a0{measured(high)}]"
