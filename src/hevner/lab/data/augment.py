"""Disturb audio as recordings are: gain, equalisation, reverberation, noise, lossy codecs.

Emotion is assumed not to change. Everything random is drawn from the generator passed in, so a
seed fixes the result.

Conventions
-----------
Samples are mono float32, full scale 1; the sample rate is in hertz.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve, lfilter

from hevner.arrays import Floats

GAIN_DB = 5.0
"""Standard deviation of the random gain. Recordings are mastered to levels about this far apart."""


def augment(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Apply a random chain: equaliser, then perhaps reverb, noise and codec, always gain.

    The result has as many samples, limited to full scale.
    """
    result = equalise(samples, sample_rate, rng)
    if rng.random() < 0.5:
        result = reverberate(result, sample_rate, rng)
    if rng.random() < 0.3:
        result = add_noise(result, rng)
    if rng.random() < 0.3:
        result = encode(result, sample_rate, rng)
    return change_gain(result, rng)


def change_gain(samples: Floats, rng: np.random.Generator) -> Floats:
    """Scale by a log-normal gain, limited so that nothing clips."""
    peak = float(np.abs(samples).max(initial=1e-6))
    gain = min(10 ** (rng.normal(0.0, GAIN_DB) / 20), 0.99 / peak)
    return (samples * gain).astype(np.float32)


def equalise(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Raise or lower lows, one middle band and highs by up to about 6 dB each."""
    result = samples
    for frequency, kind in (
        (rng.uniform(80, 300), "low"),
        (np.exp(rng.uniform(np.log(300), np.log(4000))), "middle"),
        (rng.uniform(3000, 7000), "high"),
    ):
        numerator, denominator = _biquad(kind, frequency, rng.normal(0, 3), sample_rate)
        result = lfilter(numerator, denominator, result)
    return np.asarray(result, np.float32)


def _biquad(
    kind: str, frequency: float, gain_db: float, sample_rate: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shelving and peaking filters after Bristow-Johnson's audio equaliser formulas."""
    a = 10 ** (gain_db / 40)
    w = 2 * np.pi * frequency / sample_rate
    cos, alpha = np.cos(w), np.sin(w) / (2 * 0.7)
    if kind == "middle":
        numerator = [1 + alpha * a, -2 * cos, 1 - alpha * a]
        denominator = [1 + alpha / a, -2 * cos, 1 - alpha / a]
    else:
        sign = 1.0 if kind == "low" else -1.0
        root = 2 * np.sqrt(a) * alpha
        numerator = [
            a * ((a + 1) - sign * (a - 1) * cos + root),
            sign * 2 * a * ((a - 1) - sign * (a + 1) * cos),
            a * ((a + 1) - sign * (a - 1) * cos - root),
        ]
        denominator = [
            (a + 1) + sign * (a - 1) * cos + root,
            -sign * 2 * ((a - 1) + sign * (a + 1) * cos),
            (a + 1) + sign * (a - 1) * cos - root,
        ]
    return np.array(numerator) / denominator[0], np.array(denominator) / denominator[0]


def reverberate(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Add a decaying-noise room of 0.2 to 1.2 s, 6 to 20 dB below the direct sound."""
    decay = rng.uniform(0.2, 1.2)
    time = np.arange(int(decay * sample_rate)) / sample_rate
    room = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay)
    room = lfilter([0.4], [1, -0.6], room)
    room *= 10 ** (-rng.uniform(6, 20) / 20) / np.sqrt((room**2).sum())
    wet = fftconvolve(samples, room)[: len(samples)]
    return np.asarray(samples + wet, np.float32)


def add_noise(samples: Floats, rng: np.random.Generator) -> Floats:
    """Add pinkish noise 25 to 45 dB below the signal."""
    noise = lfilter([0.1], [1, -0.9], rng.standard_normal(len(samples)))
    level = np.sqrt((samples**2).mean() / (noise**2).mean())
    return np.asarray(samples + noise * level * 10 ** (-rng.uniform(25, 45) / 20), np.float32)


def encode(samples: Floats, sample_rate: int, rng: np.random.Generator) -> Floats:
    """Send the samples through Ogg Vorbis or MP3 at a low to middling quality."""
    container, subtype = (("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))[rng.integers(2)]
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", sample_rate, 1, subtype, format=container,
        compression_level=float(rng.uniform(0.4, 0.95)),
    ) as file:  # fmt: skip
        # libsndfile's Vorbis encoder needs much stack for long writes.
        for start in range(0, len(samples), sample_rate):
            file.write(np.clip(samples[start : start + sample_rate], -1, 1))
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    result = np.zeros_like(samples)
    count = min(len(decoded), len(samples))
    result[:count] = decoded[:count]
    return result
