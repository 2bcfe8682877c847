"""Recordings as one channel of samples at one rate, with the steps of their quantisation filled in by noise."""

import math
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from stages.plumbing.errors import InputError

SUFFIXES = (".wav", ".flac")
STEP = 2.0**-15  # one step of the 16-bit scale, full scale being −1 to 1


def read_samples(path: Path, sample_rate: int) -> np.ndarray:
    """A WAV or FLAC file as [n] float64 in −1 to 1 at `sample_rate` Hz: channels averaged, then resampled if need be.

    Raises:
        InputError: not a readable file, no samples, or samples that are NaN or infinite.
    """
    try:
        channels, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable WAV or FLAC file ({error})") from None
    if len(channels) == 0:
        raise InputError(f"{path}: expected samples, found a recording of length zero")
    if not np.isfinite(channels).all():
        raise InputError(f"{path}: expected finite samples, found NaN or infinity")
    samples = channels.mean(axis=1)
    if rate != sample_rate:
        common = math.gcd(rate, sample_rate)
        samples = resample_poly(samples, sample_rate // common, rate // common)
    return samples


def dequantise(samples: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Adds uniform noise of one 16-bit step, or a density could grow without bound at the steps themselves."""
    return samples + generator.uniform(0, STEP, samples.shape)
