"""Sound files and spectrograms."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from stages.listening.settings import Spectrum
from stages.plumbing.files import whole

FULL_SCALE = 2**15  # of 16-bit samples
QUIETEST = -100.0  # dB: about the noise of 16 bits


def sixteen_bit(samples: np.ndarray) -> np.ndarray:
    """Samples in −1 to 1 as int16; what lies beyond is cut off."""
    return np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def write_wav(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    """Writes [n] int16 as one channel.

    Raises:
        InputError: the file cannot be written.
    """
    with whole(path) as temporary:
        soundfile.write(temporary, samples, sample_rate, subtype="PCM_16", format="WAV")


def spectrogram(samples: np.ndarray, sample_rate: int, spectrum: Spectrum) -> pd.DataFrame:
    """How loud each frequency is from time to time, in whole dB under a full-scale sine.

    Args:
        samples: [n] int16.

    Returns:
        A row per frequency in Hz, a column per time in seconds (the middle of a Hann window).
    """
    width = max(2, round(spectrum.window_seconds * sample_rate))
    window = hann(width, sym=False)
    hop = max(1, round(spectrum.hop_seconds * sample_rate))
    transform = ShortTimeFFT(window, hop, sample_rate, mfft=width)
    columns = (len(samples) - 1) // hop + 1  # from the first sample to the last; the ends meet silence
    signal = np.pad(samples / FULL_SCALE, (0, max(0, width - len(samples))))  # the transform wants a window's length
    amplitude = np.abs(transform.stft(signal, p0=0, p1=columns)) / (window.sum() / 2)
    decibels = np.maximum(20 * np.log10(np.maximum(amplitude, 1e-9)), QUIETEST)
    times = [f"{column * hop / sample_rate:.4g}" for column in range(columns)]
    index = pd.Index([f"{frequency:g}" for frequency in transform.f], name="frequency")
    return pd.DataFrame(np.rint(decibels).astype(int), index=index, columns=times)
