"""Stopping on request: Ctrl-C, SIGTERM and SIGHUP are noted, and the training ends where it can be continued."""

import signal
import threading
from types import FrameType


class Interruption:
    """A context in which the first request only sets `requested`; a second one ends the process at once.

    A request is Ctrl-C, SIGTERM, or the end of the terminal, SIGHUP; one that is ignored (nohup) stays ignored.
    """

    def __init__(self):
        self.requested = False
        self._before: dict[signal.Signals, signal.Handlers] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():  # the only one that may set handlers
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.requested = True
