"""`stages.train` as a worker starts it: it ends with its worker, its checkpoint saved.

A machine that the cluster gives up may live on; its worker does not, and a training without one would hold the lease
that its successor waits for.
"""

import os
import signal
import threading

from stages import train
from stages.plumbing.errors import run


def watch() -> None:
    """Ends the training when the worker's end of standard input is closed."""
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    threading.Thread(target=watch, daemon=True).start()
    train.main()


if __name__ == "__main__":
    run(main)
