"""Our units among predictors without a net and published results."""

from stages.findings.declare import Frames
from stages.findings.wording import set_name

APPENDIX = """## Baselines and published results

Best first within a family. Families are kept apart because their numbers cannot be ranked together: a joint output \
is a richer model of a frame than independent notes, and a bound is not an NLL. Ours are pooled over steps and \
count all parameters; others' conventions are in their notes. Published note-1-gram numbers include the first frame \
of each piece; ours leave it out.
{% for name, title in sets.items() %}

{{ fold(title, table("standings", "dataset == '" ~ name ~ "'")) }}
{% endfor %}

{{ fold("Predictors without a net, every split and averaging", table("baselines")) }}"""


def words(frames: Frames) -> dict[str, dict[str, str]]:
    return {"sets": {dataset: set_name(dataset) for dataset in dict.fromkeys(frames["standings"]["dataset"])}}
