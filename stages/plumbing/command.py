"""Runs a stage's main function as a command: a user's error is one line and a non-zero exit, never a traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line that says which file or key, what was expected, what was found, and what to do.
    """


def run(main: Callable[[], None]) -> None:
    """Calls `main`; an `InputError` ends the process with its message on standard error and exit status 1."""
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("interrupted: nothing was written; the same command starts this stage again")
