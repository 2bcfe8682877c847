"""What a training's process has imported before it starts: forked from one that has this, it starts in no time."""

from stages import cells, evaluate, train  # noqa: F401
from stages.population.kernels import loading
from stages.recurrent import derive

loading.load(derive.compiled(cells.load("gru"), 8, 6))
