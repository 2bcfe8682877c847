"""Speech, and what the weight noise does to it; beside it what a decaying rate does on music."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.wording import number, set_name

PAGE = """{% if sentences %}
## Speech and the weight noise

The paper's speech sets were never public; ours are Free Spoken Digit recordings cut to the same shape, so orders \
can be compared and numbers cannot. {{ sentences | join(" ") }}

{{ figure("noise") }}

Why noise can matter so much: noise of deviation s on an orthogonal H × H matrix raises its spectral radius to about \
√(1 + s²H), 1.8 for the 400 tanh units. The gradient then grows at every step back, and over the 798 steps of a long \
piece it can leave the range of 32-bit numbers. The gated units' does not (`tests/test_explosion.py`).
{% endif %}"""

APPENDIX = """{% if frames["optimisation"] | length %}
## Noise, and a decaying learning rate

One net was trained at each of a few rates; the best by validation counts; n=1, so there is no interval, and a few \
hundredths of a nat mean little (`reports/studies/optimisation.csv`).

{{ table("optimisation", "best") }}
{% endif %}{% if frames["left_on"] | length %}
## Test scores with the weight noise left on

The paper does not say whether its test scores are of clean weights. The authors' code leaves the weight noise on when \
it evaluates. Both, for the nets of the paper's protocol:

{{ table("left_on") }}
{% endif %}"""


def words(frames: Frames) -> dict[str, Any] | None:
    return {"sentences": sentences(frames["speech_noise"])}


def sentences(found: pd.DataFrame) -> list[str]:
    """Per speech set, how far tanh is behind the best unit with the noise and without it."""
    told = []
    for dataset, rows in found.groupby("dataset", sort=False):
        parts = []
        for condition, words in ((True, "with the noise"), (False, "without it")):
            of = rows[rows["noisy"] == condition].set_index("cell")["nll_mean"]
            if "tanh" not in of.index or of.dropna().empty:
                continue
            if pd.isna(of["tanh"]):
                parts.append(f"{words} every tanh net diverges")
            elif of["tanh"] == of.min():
                parts.append(f"{words} tanh is the best")
            else:
                parts.append(f"{words} tanh is {number(of['tanh'] - of.min())} nats behind the best unit")
        if parts:
            split, n = rows["split"].iloc[0], rows["repeats"].min()
            told.append(f"On {set_name(dataset)} {' and '.join(parts)} ({split} NLL, n={n}).")
    return told
