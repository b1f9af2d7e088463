"""Audio fingerprints: whether two files hold the same recording.

A fingerprint is a row of 32-bit words, one per 32 ms. A bit says whether the difference in energy
between two neighbouring bands rose or fell within 128 ms, after Haitsma and Kalker (2002) but with
a longer lag. Level and slow filters cancel; what remains survives coding, resampling and mild
noise. Another performance, tempo or pitch of the same music has another fingerprint.

Conventions
-----------
Words are uint32 on the 16 kHz mono stream; a word of 0 marks silence and is never compared. Two
recordings match if they can be laid over each other so that at least `MINIMUM_S` of sound overlap
and no more than `ERROR_RATE` of the bits there differ, or `SHORT_ERROR_RATE` if less than `SHORT_S`
overlap. Of unrelated recordings about half differ. ``benchmarks/fingerprint.py`` measures all this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Integers
from hevner.audio.decode import SAMPLE_RATE, Audio, open_audio
from hevner.audio.windows import Windower
from hevner.encoders.base import EncoderCard, check_windows

Words = NDArray[np.uint32]

FRAME_SAMPLES = 4096
LAG_SAMPLES = 2048
HOP_SAMPLES = 512
BITS = 32
BAND_LOW, BAND_HIGH = 300.0, 3000.0
"""Hertz: what every codec keeps."""

SILENCE_DB = -90.0
"""Relative to a full-scale sine; quieter frames get no word."""

ERROR_RATE = 0.35
"""Largest share of differing bits in a match."""

SHORT_ERROR_RATE = 0.19
"""The same for a short overlap: notes of one sampled piano that ring for seconds can share .20."""

SHORT_S = 15.0
MINIMUM_S = 5.0
"""Shortest overlap that counts, in seconds."""

KEYS = tuple(0xFFFFFFFF ^ (0xFF << shift) for shift in (0, 8, 16, 24))
"""Parts of a word that are looked up: all but one byte, so that errors in one byte do no harm."""

COMMON = 64
"""A key found more often than this carries no information and is not followed."""

VOTES = 4
"""Keys that must agree on an offset before it is looked at."""

CARD = EncoderCard(
    id="fingerprint",
    version="1",
    sample_rate=SAMPLE_RATE,
    window_samples=FRAME_SAMPLES + LAG_SAMPLES,
    hop_samples=HOP_SAMPLES,
    dimension=1,
    licence="MIT",
    commercial_use=True,
    citation="Haitsma and Kalker, A highly robust audio fingerprinting system, ISMIR 2002",
    description="Signs of band-energy changes, to find the same recording again",
)


class Fingerprint:
    """The encoder: windows to words."""

    card = CARD

    def __init__(self) -> None:
        self._taper = np.hanning(FRAME_SAMPLES).astype(np.float32)
        frequencies = np.fft.rfftfreq(FRAME_SAMPLES, 1 / SAMPLE_RATE)
        edges = np.geomspace(BAND_LOW, BAND_HIGH, BITS + 2)
        self._edges = np.searchsorted(frequencies, edges)
        sine = self._taper.sum() ** 2 / 4
        self._floor = np.float32(sine * 10 ** (SILENCE_DB / 10))

    def encode(self, windows: Floats) -> Words:
        """Return the words ``(n, 1)`` of windows ``(n, CARD.window_samples)``; n may be 0.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite.
        """
        windows = check_windows(windows, CARD.window_samples)
        early = self._energies(windows[:, :FRAME_SAMPLES])
        late = self._energies(windows[:, LAG_SAMPLES:])
        rose = np.diff(late, axis=1) < np.diff(early, axis=1)
        words = np.packbits(rose, axis=1, bitorder="little").view("<u4").astype(np.uint32)
        silent = np.maximum(early.sum(axis=1), late.sum(axis=1)) < self._floor
        words[silent] = 0
        return words

    def _energies(self, frames: Floats) -> Floats:
        """Energy per band, shape ``(n, BITS + 1)``."""
        from scipy.fft import rfft

        spectrum = rfft(frames * self._taper, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        sums = np.add.reduceat(power[:, : self._edges[-1]], self._edges[:-1], axis=1)
        return np.asarray(sums, dtype=np.float32)


def fingerprint(audio: Audio | str | Path) -> Words:
    """The words of a recording (a file or an open stream), shape ``(n,)``, 31.25 per second.

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    stream = audio if isinstance(audio, Audio) else open_audio(audio)
    encoder = Fingerprint()
    windower = Windower(CARD.window_samples, CARD.hop_samples)
    words = [encoder.encode(windower.push(block)) for block in stream.blocks]
    words.append(encoder.encode(windower.finish()))
    return np.concatenate(words)[:, 0]


@dataclass(frozen=True)
class Match:
    """Two recordings that sound alike.

    Attributes
    ----------
    first, second
        Their names.
    error_rate
        Share of differing bits where they overlap, 0 to `ERROR_RATE`.
    offset_s
        Where in the first the second begins, in seconds; negative if it begins before.
    overlap_s
        Seconds of sound that were compared.
    """

    first: str
    second: str
    error_rate: float
    offset_s: float
    overlap_s: float


def matches(fingerprints: Mapping[str, Words]) -> list[Match]:
    """All pairs of names that hold the same recording, the best first."""
    names = list(fingerprints)
    rows = [np.asarray(fingerprints[name], dtype=np.uint32).ravel() for name in names]
    best: dict[tuple[int, int], Match] = {}
    for first, second, offset in _candidates(rows):
        rate, overlap = compare(rows[first], rows[second], offset)
        if overlap < MINIMUM_S or rate > (SHORT_ERROR_RATE if overlap < SHORT_S else ERROR_RATE):
            continue
        if (first, second) not in best or rate < best[first, second].error_rate:
            begin = offset * HOP_SAMPLES / SAMPLE_RATE
            best[first, second] = Match(names[first], names[second], rate, begin, overlap)
    return sorted(best.values(), key=lambda match: match.error_rate)


def compare(first: Words, second: Words, offset: int) -> tuple[float, float]:
    """How two fingerprints differ when one is laid over the other.

    Parameters
    ----------
    first, second
        Words.
    offset
        Where in the first the second begins, in words.

    Returns
    -------
    float
        Share of differing bits; 1 if nothing overlaps.
    float
        Seconds of sound compared: where it sounds in both.
    """
    a, b = first[max(0, offset) :], second[max(0, -offset) :]
    length = min(len(a), len(b))
    a, b = a[:length], b[:length]
    sounding = (a != 0) & (b != 0)
    different = np.unpackbits(np.ascontiguousarray(a[sounding] ^ b[sounding]).view(np.uint8))
    if not len(different):
        return 1.0, 0.0
    seconds = (sounding.sum() * HOP_SAMPLES + CARD.window_samples - HOP_SAMPLES) / SAMPLE_RATE
    return float(different.mean()), float(seconds)


def _candidates(rows: list[Words]) -> Iterator[tuple[int, int, int]]:
    """Pairs of rows, and the offsets at which they share enough keys."""
    longest = max((len(row) for row in rows), default=0)
    words = np.concatenate([np.zeros(0, np.uint32), *rows])
    row = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    place = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(one)) for one in rows)])
    sounding = np.flatnonzero(words)
    span = 2 * longest + 1
    agreed = []
    for mask in KEYS:
        left, right = _equal_pairs(words[sounding] & np.uint32(mask), row[sounding])
        left, right = sounding[left], sounding[right]
        offset = place[left] - place[right] + longest
        agreed.append((row[left] * len(rows) + row[right]) * span + offset)
    codes, votes = np.unique(np.concatenate(agreed), return_counts=True)
    for code in codes[votes >= VOTES].tolist():
        pair, offset = divmod(code, span)
        yield *divmod(pair, len(rows)), offset - longest


def _equal_pairs(keys: Words, row: Integers) -> tuple[Integers, Integers]:
    """Places with equal keys in different rows, the earlier row first; common keys left out."""
    order = np.argsort(keys, kind="stable")
    _, run, size = np.unique(keys[order], return_inverse=True, return_counts=True)
    order = order[size[run] <= COMMON]
    ordered = keys[order]
    left, right = [order[:0]], [order[:0]]
    for step in range(1, COMMON):
        same = ordered[:-step] == ordered[step:]
        if not same.any():
            break
        one, other = order[:-step][same], order[step:][same]
        apart = row[one] != row[other]
        left.append(one[apart])
        right.append(other[apart])
    return np.concatenate(left), np.concatenate(right)
