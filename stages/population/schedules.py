"""Schedules: the share of its rate that a trial has at an update.

A schedule is a function of its settings, the number of the epoch (from 1), the share of the epoch's updates that are
done, and the number of all epochs. A further one is a function here and its settings in `protocol/protocol.py`.
"""

import math

import numpy as np

from stages.protocol.protocol import Constant, Falling


def constant(settings: Constant, epoch: int, done: float, epochs: int) -> float:
    """The rate as it is."""
    return 1.0


def linear(settings: Falling, epoch: int, done: float, epochs: int) -> float:
    """As in the authors' code an epoch at a time: the whole rate in the first, its share in the last."""
    return 1 - (1 - settings.share) * (epoch - 1) / max(epochs - 1, 1)


def cosine(settings: Falling, epoch: int, done: float, epochs: int) -> float:
    """Half a cosine over all updates, which reaches the share after the last (Loshchilov & Hutter 2017)."""
    return settings.share + (1 - settings.share) * (1 + math.cos(math.pi * (epoch - 1 + done) / epochs)) / 2


SCHEDULES = {schedule.__name__: schedule for schedule in (constant, linear, cosine)}


def shares(settings: Constant | Falling, epoch: int, epochs: int, updates: int) -> np.ndarray:
    """The share of the rate at each of an epoch's updates, [updates] float64.

    During the warm-up, a share of all epochs, it is multiplied by what rises linearly, update by update, to 1.
    """
    schedule, rising = SCHEDULES[settings.name], settings.warm_up * epochs * updates
    found = np.array([schedule(settings, epoch, update / updates, epochs) for update in range(updates)])
    if rising:
        found *= np.minimum(((epoch - 1) * updates + np.arange(1, updates + 1)) / rising, 1)
    return found
