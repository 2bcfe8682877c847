"""What a long training shows: a bar on a terminal, a line now and then otherwise, and how its trials ended."""

import sys
import time
from collections import Counter
from collections.abc import Iterable

from tqdm import tqdm

TENTHS = 10  # without a terminal a line for each so-many-th of the epochs,
APART = 20.0  # but none within so many seconds of the one before,
SILENT = 300.0  # and one at the next epoch's end where nothing was said for so long
RECENT = 0.9  # how much of an epoch's weight is left one epoch later in the pace by which the time left is told

_ENDS = {"stopped": "stopped by patience", "max_epochs": "at the last epoch", "halved": "ended by halving"}


class Progress:
    """Epoch, best validation NLL, trials running, time left; `epoch` and `updates` are where a training begins."""

    def __init__(self, title: str, max_epochs: int, updates_per_epoch: int, trials: int, epoch: int, updates: int):
        self.title, self.max_epochs, self.trials = title, max_epochs, trials
        self._start = self._said = self._epoch_began = time.monotonic()
        self._pace = self._tenth = 0.0
        done = (epoch - 1) * updates_per_epoch + updates
        if done:
            print(f"{title}: going on from a checkpoint, epoch {epoch}, update {updates}", flush=True)
        self._bar = None
        if sys.stderr.isatty():
            total = max_epochs * updates_per_epoch
            self._bar = tqdm(total=total, initial=done, desc=title, unit="update", dynamic_ncols=True)
        elif not done:
            print(f"{title}: {_count(trials, 'trial')}, at most {_count(max_epochs, 'epoch')}", flush=True)

    def update(self, count: int) -> None:
        """More updates of the population."""
        if self._bar is not None:
            self._bar.update(count)

    def epoch(self, epoch: int, best: float, alive: int) -> None:
        """The end of an epoch; `best` is the lowest validation NLL so far, in nats per step."""
        now = time.monotonic()
        took, self._epoch_began = now - self._epoch_began, now
        self._pace = RECENT * self._pace + (1 - RECENT) * took if self._pace else took
        state = f"best validation NLL {best:.4f}, {alive} of {self.trials} trials running"
        if self._bar is not None:
            self._bar.set_description(f"{self.title} epoch {epoch}/{self.max_epochs}", refresh=False)
            self._bar.set_postfix_str(state)
            return
        tenth = TENTHS * epoch // self.max_epochs
        silent = now - self._said
        if alive and (silent >= SILENT or (silent >= APART and tenth > self._tenth)):
            self._said, self._tenth = now, tenth
            left = clock(self._pace * (self.max_epochs - epoch))
            print(f"{self.title}: epoch {epoch} of {self.max_epochs}, {state}, at most {left} left", flush=True)

    def end(self, statuses: Iterable[str], best: float, epoch: int) -> None:
        """All trials have ended: how, by their statuses, and the lowest validation NLL with its epoch; NaN: none."""
        self.close()
        counts = Counter(statuses)
        told = [f"{counts[status]} {words}" for status, words in (_ENDS | _others(counts)).items() if counts[status]]
        found = (
            "no validation NLL" if best != best else f"best validation NLL {best:.2f} (epoch {epoch})".replace("-", "−")
        )
        took = clock(time.monotonic() - self._start)
        print(f"{self.title}: {_count(self.trials, 'trial')}: {', '.join(told)}; {found}, {took}", flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def clock(seconds: float) -> str:
    """Minutes and seconds, 1:05; with hours 2:01:05."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _others(counts: Counter) -> dict[str, str]:
    """Statuses told by their own names, `diverged` among them."""
    return {status: status for status in counts if status not in _ENDS}


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
