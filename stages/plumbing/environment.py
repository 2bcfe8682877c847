"""Numbers that the environment gives: where and how often, never what is computed."""

import math
import os

from stages.plumbing.errors import InputError
from stages.plumbing.parameters import shortened


def seconds(name: str, default: float, least: float) -> float:
    """What a variable of the environment says, or the default where it is not set or empty.

    Raises:
        InputError: it is no finite number of at least so many seconds.
    """
    told = os.environ.get(name)
    if not told:
        return default
    try:
        value = float(told)
    except ValueError:
        value = math.nan
    if not least <= value < math.inf:
        raise InputError(f"{name}: expected a number of seconds, {least:g} or more, found '{shortened(told)}'")
    return value
