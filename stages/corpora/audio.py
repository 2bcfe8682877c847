"""Recordings as one channel of samples at one rate, each with the step of the scale that it was measured on."""

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from scipy.signal import resample_poly

from stages.corpora import audio_length
from stages.corpora.folders import opened
from stages.plumbing.errors import InputError

SUFFIXES = (".wav", ".flac", ".aiff", ".aif", ".aifc", ".au", ".snd", ".ogg", ".oga", ".opus", ".mp3")
FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "AIFF", "AU", "OGG", "MP3")  # whose lengths `audio_length` knows
RATES = (1_000, 768_000)  # Hz; other rates are a damaged header's
MAX_CHANNELS = 64
MAX_NUMBERS = 2**27  # samples of all channels, before and after resampling: 1 GiB of them
MAX_BYTES = 2**30  # of a file that is corrected in memory
BLOCK = 2**16  # frames read at a time where nobody says how many there are
NO_LENGTH = 2**63 - 1  # libsndfile's number of frames of a FLAC that was streamed
LOUDEST = 2.0**16  # full scale is 1; a file of floats may go beyond, but not by far

# The step of the scale by how samples are stored, full scale being −1 to 1. µ-law and A-law have steps that grow with
# the sample, see `_companded`; floats have those of their mantissa, but none finer than converters are. What codecs
# give (Vorbis, Opus, MP3) is computed in floats; ADPCM, GSM and the like give numbers of 16 bits.
STEPS = {"PCM_S8": 2.0**-7, "PCM_U8": 2.0**-7, "PCM_16": 2.0**-15, "PCM_24": 2.0**-23, "PCM_32": 2.0**-31}
STEPS |= {"ALAC_16": 2.0**-15, "ALAC_20": 2.0**-19, "ALAC_24": 2.0**-23, "ALAC_32": 2.0**-31}
STEPS |= {"DPCM_8": 2.0**-7, "DWVW_12": 2.0**-11, "DWVW_24": 2.0**-23}
COMPANDED, FLOATS = ("ULAW", "ALAW"), ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III", "MPEG_LAYER_II")
SIXTEEN_BITS = 2.0**-15
FINEST = 2.0**-24


class Recording(NamedTuple):
    """A recording, and how finely it was measured.

    Attributes:
        samples: [n] float64, full scale being −1 to 1.
        steps: the distance of each sample to the scale's next number, [n], or one for all.
        odd: what was odd in its file, in words, with how often it was.
    """

    samples: np.ndarray
    steps: np.ndarray | float
    odd: dict[str, int]


def read_recording(path: Path, sample_rate: int) -> Recording:
    """A file that libsndfile reads, at `sample_rate` Hz: channels averaged, then resampled if need be.

    Raises:
        InputError: not a readable file, one cut short, no samples, a header beyond the bounds above, or samples that
            are NaN, infinite or far beyond full scale.
    """
    try:
        with opened(path) as raw, _silent():
            length = audio_length.said(raw)
            raw.seek(0)
            if length.correction:
                place, taken, put = length.correction
                corrected = bytearray(raw.read(MAX_BYTES + 1))
                if len(corrected) > MAX_BYTES:
                    raise InputError(f"{path}: expected at most {MAX_BYTES} bytes, found more; cut it into files")
                corrected[place : place + taken] = put
            with soundfile.SoundFile(io.BytesIO(corrected) if length.correction else raw) as file:
                if length.wrong:
                    raise InputError(f"{path}: {length.wrong}")
                promised = length.samples or file.frames
                _require_bounds(path, file, promised, sample_rate)
                channels, rate, subtype = _read(path, file), file.samplerate, file.subtype
    except (soundfile.SoundFileError, OSError, ValueError, RuntimeError, OverflowError) as error:
        said = " ".join(str(error).split()) or "its sound cannot be read to its end"
        raise InputError(f"{path}: not a readable recording ({said})") from None
    if len(channels) < promised != NO_LENGTH:
        raise InputError(f"{path}: {audio_length.CUT}expected {promised} samples, found {len(channels)}")
    if len(channels) > promised:
        raise InputError(f"{path}: its header promises {promised} samples, it holds {len(channels)}")
    if len(channels) == 0:
        raise InputError(f"{path}: expected samples, found a recording of length zero")
    if not np.isfinite(channels).all():
        raise InputError(f"{path}: expected finite samples, found NaN or infinity")
    if np.abs(channels).max() > LOUDEST:
        raise InputError(f"{path}: expected samples up to 1, found {np.abs(channels).max():.3g}")
    steps = _steps(channels, subtype)
    samples, steps = channels.mean(axis=1), steps if isinstance(steps, float) else steps.max(axis=1)
    if rate != sample_rate:
        common = math.gcd(rate, sample_rate)
        samples = resample_poly(samples, sample_rate // common, rate // common)
        if not isinstance(steps, float):  # of the sample nearest in time
            steps = steps[np.minimum(np.arange(len(samples)) * rate // sample_rate, len(steps) - 1)]
    return Recording(samples, steps, {length.odd: 1} if length.odd else {})


def dequantise(samples: np.ndarray, steps: np.ndarray | float, generator: np.random.Generator) -> np.ndarray:
    """Adds uniform noise of one step of the scale, or a density could grow without bound at the steps themselves."""
    return samples + steps * generator.uniform(0, 1, samples.shape)


@contextmanager
def _silent() -> Iterator[None]:
    """libmpg123, which libsndfile reads MP3 with, writes what it finds odd to the process's standard error."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _require_bounds(path: Path, file: soundfile.SoundFile, promised: int, sample_rate: int) -> None:
    """What the header says, before memory or time is spent on it."""
    if file.format not in FORMATS:
        raise InputError(f"{path}: expected one of {', '.join(FORMATS)}; found {file.format}, whatever its name says")
    if not RATES[0] <= file.samplerate <= RATES[1]:
        raise InputError(f"{path}: expected {RATES[0]} to {RATES[1]} samples a second, found {file.samplerate}")
    if file.channels > MAX_CHANNELS:
        raise InputError(f"{path}: expected at most {MAX_CHANNELS} channels, found {file.channels}")
    most = promised * max(file.channels, sample_rate / file.samplerate)
    if most > MAX_NUMBERS and promised != NO_LENGTH:
        raise InputError(f"{path}: expected at most {MAX_NUMBERS} samples, found {round(most)}; cut it into files")


def _read(path: Path, file: soundfile.SoundFile) -> np.ndarray:
    """[frames, channels] float64."""
    if file.frames != NO_LENGTH:
        return file.read(dtype="float64", always_2d=True)
    # soundfile 0.13 seeks after every read, which libsndfile 1.2.2 refuses in such a file.
    file.seekable = lambda: False
    blocks, left = [np.empty((0, file.channels))], MAX_NUMBERS // file.channels
    while len(block := file.read(BLOCK, dtype="float64", always_2d=True)):
        blocks.append(block)
        left -= len(block)
        if left < 0:
            raise InputError(f"{path}: expected at most {MAX_NUMBERS} samples, found more; cut it into files")
    return np.concatenate(blocks)


def _steps(samples: np.ndarray, subtype: str) -> np.ndarray | float:
    if subtype in COMPANDED:
        scale = _companded(subtype)
        at = np.searchsorted(scale, samples, side="right") - 1
        return np.diff(scale, append=2 * scale[-1] - scale[-2])[at]
    if subtype in FLOATS:
        return np.maximum(np.spacing(np.abs(samples).astype(np.float32)).astype(np.float64), FINEST)
    return STEPS.get(subtype, SIXTEEN_BITS)


@cache
def _companded(subtype: str) -> np.ndarray:
    """The numbers of a scale with 256 codes, from the least to the greatest, as libsndfile decodes them."""
    codes = io.BytesIO(bytes(range(256)))
    decoded, _ = soundfile.read(codes, format="RAW", subtype=subtype, samplerate=8000, channels=1)
    return np.unique(decoded)
