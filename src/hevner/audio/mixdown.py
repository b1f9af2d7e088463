"""From decoded audio of any number of channels and any rate to one mono stream at one rate.

Conventions
-----------
Samples are float32 with full scale at 1.0, shape ``(n,)`` for mono and ``(n, channels)`` otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.errors import AudioError

MINIMUM_S = 0.1
"""Shortest audio that is analysed, in seconds."""

Samples = NDArray[np.float32]

Decoded = NDArray[np.floating]
"""Samples as decoded, of any number of channels."""

Piece = tuple[int, Decoded]
"""Consecutive samples and their rate in hertz; rate and channels may change inside a file."""


def mono_stream(pieces: Iterator[Piece], wanted_rate: int, source: str) -> Iterator[Samples]:
    """Mix pieces down and resample them to one rate.

    Parameters
    ----------
    pieces
        The audio, in order.
    wanted_rate
        Hertz of the samples that are handed back.
    source
        Name of the source, for messages.

    Yields
    ------
    NDArray
        Mono samples, never empty.

    Raises
    ------
    AudioError
        If a sample is not finite, or all pieces together are shorter than `MINIMUM_S`.
    """
    return _checked(_resampled(pieces, wanted_rate), source, wanted_rate)


def _resampled(pieces: Iterator[Piece], wanted_rate: int) -> Iterator[Samples]:
    """Mix each piece down and resample the stream, anew wherever its rate changes."""
    resampler, current = None, wanted_rate
    for rate, piece in pieces:
        if rate != current:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            current, resampler = rate, None
            if rate != wanted_rate:
                resampler = soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32", quality="HQ")
        mono = np.ascontiguousarray(_mean_of_channels(piece), np.float32)
        yield mono if resampler is None else resampler.resample_chunk(mono)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mean_of_channels(piece: Decoded) -> Decoded:
    if piece.ndim == 1:
        return piece
    # Adding whole channels takes a tenth of the time of `mean` over so short an axis.
    total = piece[:, 0].astype(np.float32)
    for channel in range(1, piece.shape[1]):
        total += piece[:, channel].astype(np.float32, copy=False)
    total /= np.float32(piece.shape[1])
    return total


def _checked(blocks: Iterator[Samples], source: str, rate: int) -> Iterator[Samples]:
    """Pass blocks on; refuse what is not finite and what is too short altogether."""
    total = 0
    for block in blocks:
        with np.errstate(over="ignore", invalid="ignore"):
            energy = float(np.dot(block, block))
        if not math.isfinite(energy) and not np.isfinite(block).all():
            at = (total + int(np.argmin(np.isfinite(block)))) / rate
            raise AudioError(
                f"samples are not finite (NaN or infinite) near {at:.1f} s",
                subject=source,
                remedy="Export the audio again, as integer PCM",
                code="not_finite",
            )
        total += len(block)
        if len(block):
            yield block
    if total < MINIMUM_S * rate:
        raise AudioError(
            f"too short to analyse ({1000 * total / rate:.0f} ms)",
            subject=source,
            remedy=f"At least {MINIMUM_S:g} s of audio are needed",
            code="too_short",
        )
