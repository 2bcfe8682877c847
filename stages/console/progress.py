"""What a long training shows: a bar on a terminal, one line per epoch otherwise."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Epoch, best validation NLL, trials alive, time left; `epoch` and `updates` are where a training begins."""

    def __init__(self, title: str, max_epochs: int, updates_per_epoch: int, trials: int, epoch: int, updates: int):
        self.title, self.max_epochs, self.trials = title, max_epochs, trials
        self._start, self._first = time.monotonic(), epoch
        done = (epoch - 1) * updates_per_epoch + updates
        if done:
            print(f"{title}: going on from a checkpoint, epoch {epoch}, update {updates}", flush=True)
        self._bar = (
            tqdm(total=max_epochs * updates_per_epoch, initial=done, desc=title, unit="update", dynamic_ncols=True)
            if sys.stderr.isatty()
            else None
        )

    def update(self, count: int) -> None:
        """More updates of the population."""
        if self._bar is not None:
            self._bar.update(count)

    def epoch(self, epoch: int, best: float, alive: int) -> None:
        """The end of an epoch; `best` is the lowest validation NLL so far, in nats per step."""
        state = f"best validation NLL {best:.4f}, {alive} of {self.trials} trials alive"
        if self._bar is not None:
            self._bar.set_description(f"{self.title} epoch {epoch}/{self.max_epochs}", refresh=False)
            self._bar.set_postfix_str(state)
            return
        elapsed = time.monotonic() - self._start
        left = elapsed / (epoch - self._first + 1) * (self.max_epochs - epoch)
        clock = f"{_clock(elapsed)} so far, {_clock(left)} left at most"
        print(f"{self.title} epoch {epoch}/{self.max_epochs}: {state}, {clock}", flush=True)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
