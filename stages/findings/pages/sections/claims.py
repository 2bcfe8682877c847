"""The paper's claims with their verdicts and counts, and every comparison behind them."""

from typing import Any

import pandas as pd

from stages.findings.declare import Frames
from stages.findings.plots.claims import LACKING, kind
from stages.findings.wording import CONTRADICTED, SUPPORTED, set_names

PAGE = """## The paper's claims

{% for claim in claims %}
{{ loop.index }}. **{{ claim.statement }}** *{{ claim.verdict | capitalize }}.* {{ claim.counts }}
{% endfor %}

{{ figure("claims") }}

A claim holds if all its comparisons support it and fails if one contradicts it; claim 7 asks for most, claim 8 for \
both answers. The rules and their thresholds were written before results were seen (`params.yaml`, \
`stages/findings/inference/claims.py`). Every comparison is in the \
[appendix](appendix.md#every-comparison-behind-the-claims). {{ noise }}"""

APPENDIX = """## Every comparison behind the claims

{{ table("claims") }}

"Single runs" is the share of single-run studies, one repeat per unit as in the paper, whose point estimates would \
have stated the claim. Updates and seconds are those to a validation NLL that every chosen net of both units \
reaches; gradients are those of trained nets; "gradient left" is the logarithm to base 10 of what is left of one at \
the same lag.
{% for claim in claims %}

{{ fold("Claim " ~ claim.claim ~ ": " ~ claim.statement, table("comparisons", "claim == " ~ claim.claim)) }}
{% endfor %}"""


def words(frames: Frames) -> dict[str, Any]:
    claims, comparisons = frames["claims"], frames["comparisons"]
    told = [
        {**claim, "counts": counts(comparisons[comparisons["claim"] == claim["claim"]], frames["design"])}
        for claim in claims.to_dict("records")
    ]
    noise = "Claims 3, 4, 6 and 7 speak of speech under the paper's weight noise: see the next sections."
    return {"claims": told, "noise": noise if (frames["design"]["data"] == "stand_in").any() else ""}


def counts(rows: pd.DataFrame, design: pd.DataFrame) -> str:
    """`5 of 6 comparisons support it, none contradicts, 1 open.` and where it is contradicted."""
    rows = rows[rows["counted"]]
    asked = rows[rows["dataset"].isin(design["dataset"])]
    if asked.empty:
        return "Not tested: its sets are not in this design."
    held, against = (int((asked["verdict"] == verdict).sum()) for verdict in (SUPPORTED, CONTRADICTED))
    lacking = sum(kind(row) == LACKING for row in asked.itertuples())
    open_ = len(asked) - held - against - lacking
    supports = f"{held or 'None'} of {len(asked)} comparisons {'support' if held > 1 else 'supports'} it"
    where = f" ({set_names(asked.loc[asked['verdict'] == CONTRADICTED, 'dataset'])})" if against else ""
    contradicts = f"{against or 'none'} {'contradict' if against > 1 else 'contradicts'}{where}"
    untested = f", {lacking} cannot be made" if lacking else ""
    return f"{supports}, {contradicts}, {open_ or 'none'} open{untested}."
