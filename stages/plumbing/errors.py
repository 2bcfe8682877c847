"""Runs a stage's main function as a command: a user's error is one line and a non-zero exit, never a traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line that says which file or key, what was expected, what was found, and what to do. What it
    quotes of a damaged file may hold anything: control characters are written as escapes.
    """

    def __init__(self, message: str):
        super().__init__("".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message))


class Interrupted(Exception):
    """The user, or the system, asked to stop, and the work has been put away; the message says where."""


def run(main: Callable[[], None]) -> None:
    """Calls `main`.

    An `InputError` ends the process with its message on standard error and exit status 1, an interruption with
    status 130; lack of memory is told too.
    """
    try:
        main()
    except InputError as error:
        sys.exit(f"error: {error}")
    except MemoryError as error:
        reason = str(error) or "a small one"
        sys.exit(f"error: out of memory ({reason}); nothing was half written; close other programs or lower the size")
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):  # torch has no exception of its own for it
            raise
        sys.exit("error: out of memory; nothing was half written; close other programs or lower the size")
    except Interrupted as place:
        print(f"interrupted: {place}", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt:
        print("interrupted: nothing was written; the same command starts this stage again", file=sys.stderr)
        sys.exit(130)
