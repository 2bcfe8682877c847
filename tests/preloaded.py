"""What a training's process has imported before it starts: forked from one that has this, it starts in no time."""

from stages import evaluate, train  # noqa: F401
from stages.population.kernels import loading

loading.load()
