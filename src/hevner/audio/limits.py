"""What audio can be at all: rates, channels, lengths and samples that nothing can have meant."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from hevner.audio.mixdown import Piece
from hevner.errors import AudioError

SAMPLE_RATES = (1_000, 1_000_000)
"""Hertz. A header outside this range is damaged, and would blow a few bytes up to hours."""

CHANNELS = 64
"""Most channels that are read; the largest loudspeaker layouts have 24, microphone arrays 64."""

LONGEST_S = 12 * 3600.0
"""Seconds after which no more of a file is read; few bytes can pretend to be very long."""

OVER = 8.0
"""Times full scale. Mixes in floating point may exceed full scale, but hardly by so much."""

SENSELESS = 1e6
"""Times full scale. Beyond this not even samples in the range of 16-bit integers can lie."""


def check_rate(sample_rate: float, source: str) -> None:
    """Refuse a sample rate in hertz that makes no sense (code ``bad_sample_rate``)."""
    low, high = SAMPLE_RATES
    if not low <= sample_rate <= high:
        raise AudioError(
            f"a sample rate of {sample_rate:g} Hz makes no sense",
            subject=source,
            remedy=f"It should lie between {low} and {high} Hz",
            code="bad_sample_rate",
        )


def check_channels(channels: int, source: str) -> None:
    """Refuse more channels than `CHANNELS` (code ``too_many_channels``)."""
    if channels > CHANNELS:
        raise AudioError(
            f"it has {channels} channels",
            subject=source,
            remedy=f"Mix it down to at most {CHANNELS}",
            code="too_many_channels",
        )


def sane(pieces: Iterator[Piece], source: str, warnings: list[str]) -> Iterator[Piece]:
    """Pass pieces on; warn of samples far above full scale, refuse those that are senseless.

    Parameters
    ----------
    pieces
        The audio.
    source
        Name of the source, for messages.
    warnings
        List to which a sentence is added at the end if samples exceed `OVER`.

    Raises
    ------
    AudioError
        If a sample exceeds `SENSELESS` (code ``samples_out_of_range``) or is not finite (code
        ``not_finite``).
    """
    highest = seconds = 0.0
    for rate, piece in pieces:
        peak = max(float(piece.max()), -float(piece.min())) if piece.size else 0.0
        if not math.isfinite(peak):
            frames = np.isfinite(piece).reshape(len(piece), -1).all(axis=1)
            raise AudioError(
                "samples are not finite (NaN or infinite) near "
                f"{seconds + int(np.argmin(frames)) / rate:.1f} s",
                subject=source,
                remedy="Export the audio again, as integer PCM",
                code="not_finite",
            )
        highest, seconds = max(highest, peak), seconds + len(piece) / rate
        if highest > SENSELESS:
            raise AudioError(
                f"samples reach {highest:.2g} times full scale",
                subject=source,
                remedy="Divide them by their full scale, or export the audio as integer PCM",
                code="samples_out_of_range",
            )
        yield rate, piece
    if highest > OVER:
        warnings.append(
            f"samples reach {highest:.5g} times full scale, as if they were integers in a file of "
            "floating point numbers"
        )
