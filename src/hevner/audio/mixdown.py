"""From decoded audio of any number of channels and any rate to one mono stream at one rate.

Conventions
-----------
Samples are float32 with full scale at 1.0, shape ``(n,)`` for mono and ``(n, channels)`` otherwise.

Channels that cancel
--------------------
One inverted channel, or effects that work by inversion, cancel in a plain mean. A channel that runs
against the sum of those before it (a correlation below `OPPOSED`) is therefore subtracted, so that
inverting a channel changes nothing. It is decided anew every `SEGMENT_S` by all that was decoded
so far, wherever the blocks of a decoder end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import soxr
from numpy.typing import NDArray

from hevner.errors import AudioError

MINIMUM_S = 0.1
"""Shortest audio that is analysed, in seconds."""

SEGMENT_S = 10.0
"""Seconds mixed by one decision on which channels to invert."""

MOST_HELD = 2**25
"""Samples of all channels that are held to decide on; more channels make shorter segments."""

OPPOSED = -0.1
"""Correlation below which a channel runs against the others. Unrelated channels are just added."""

CANCELLED = 0.5
"""A plain mean with less than this share of the energy of the mix is worth a warning."""

Samples = NDArray[np.float32]

Decoded = NDArray[np.floating]
"""Samples as decoded, of any number of channels."""

Piece = tuple[int, Decoded]
"""Consecutive samples and their rate in hertz; rate and channels may change inside a file."""


def mono_stream(
    pieces: Iterator[Piece], wanted_rate: int, source: str, warnings: list[str] | None = None
) -> Iterator[Samples]:
    """Mix pieces down and resample them to one rate.

    Parameters
    ----------
    pieces
        The audio, in order; finite, as `hevner.audio.limits.sane` hands it on.
    wanted_rate
        Hertz of the samples that are handed back.
    source
        Name of the source, for messages.
    warnings
        Takes a sentence if channels cancel; complete when the stream is exhausted.

    Yields
    ------
    NDArray
        Mono samples, never empty.

    Raises
    ------
    AudioError
        If all pieces together are shorter than `MINIMUM_S`.
    """
    mixed = _mixed(pieces, [] if warnings is None else warnings)
    return _checked(_resampled(mixed, wanted_rate), source, wanted_rate)


def _resampled(pieces: Iterator[tuple[int, Samples]], wanted_rate: int) -> Iterator[Samples]:
    """Resample a mono stream, anew wherever its rate changes."""
    resampler, current = None, wanted_rate
    for rate, mono in pieces:
        if rate != current:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            current, resampler = rate, None
            if rate != wanted_rate:
                resampler = soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32", quality="HQ")
        yield mono if resampler is None else resampler.resample_chunk(mono)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _mixed(pieces: Iterator[Piece], warnings: list[str]) -> Iterator[tuple[int, Samples]]:
    """Mix each piece down, and warn where a plain mean would have cancelled."""
    mixer, rate, energy, plain = _Mixer(1), 0, 0.0, 0.0
    for own_rate, piece in pieces:
        channels = 1 if piece.ndim == 1 else piece.shape[1]
        if (own_rate, channels) != (rate, mixer.channels):
            yield from ((rate, mono) for mono in mixer.finish())
            energy, plain = energy + mixer.energy, plain + mixer.plain_energy
            rate, mixer = own_rate, _Mixer(channels, own_rate)
        yield from ((rate, mono) for mono in mixer.push(piece.reshape(-1, channels)))
    yield from ((rate, mono) for mono in mixer.finish())
    if plain + mixer.plain_energy < CANCELLED * (energy + mixer.energy):
        warnings.append(
            "the channels cancel each other, as when one is inverted: they were mixed by their "
            "difference"
        )


class _Mixer:
    """Mixes audio of one number of channels, shape ``(n, channels)``, segment by segment.

    Attributes
    ----------
    energy, plain_energy
        Of all that was mixed, and of what the mean over channels would have been, up to a factor.
    """

    def __init__(self, channels: int, rate: int = 1) -> None:
        self.channels = channels
        self.energy = self.plain_energy = 0.0
        self._size = max(1, min(int(SEGMENT_S * rate), MOST_HELD // channels))
        self._held: list[Decoded] = []
        self._count = 0
        self._agreement = np.zeros((channels, 3))

    def push(self, piece: Decoded) -> Iterator[Samples]:
        """Add samples; hand back what can be mixed."""
        if self.channels == 1:
            yield np.ascontiguousarray(piece[:, 0], np.float32)
            return
        while len(piece):
            part = piece[: self._size - self._count]
            piece = piece[len(part) :]
            self._held.append(part)
            self._count += len(part)
            if self._count == self._size:
                yield from self.finish()

    def finish(self) -> Iterator[Samples]:
        """Mix what is left."""
        held, count, self._held, self._count = self._held, self._count, [], 0
        if not count:
            return
        totals = [_channel(part, 0) for part in held]
        plain = None
        for number in range(1, self.channels):
            added = [_channel(part, number) for part in held]
            pairs = (totals, added), (totals, totals), (added, added)
            self._agreement[number] += [_covariance(*pair, count) for pair in pairs]
            together, power, own_power = self._agreement[number]
            inverted = together < OPPOSED * np.sqrt(power * own_power)
            if inverted and plain is None:
                plain = [total.copy() for total in totals]
            for k, channel in enumerate(added):
                totals[k] += -channel if inverted else channel
                if plain is not None:
                    plain[k] += channel
        energy = _covariance(totals, totals, count)
        self.energy += energy
        self.plain_energy += energy if plain is None else _covariance(plain, plain, count)
        for total in totals:
            total /= np.float32(self.channels)
            yield total


def _channel(part: Decoded, number: int) -> Samples:
    return part[:, number].astype(np.float32)


def _covariance(ones: list[Samples], others: list[Samples], count: int) -> float:
    """Sum of products around the means: an offset is no sound."""
    products = sum(float(np.dot(one, other)) for one, other in zip(ones, others, strict=True))
    means = [sum(float(part.sum()) for part in parts) for parts in (ones, others)]
    return products - means[0] * means[1] / count


def _checked(blocks: Iterator[Samples], source: str, rate: int) -> Iterator[Samples]:
    """Pass blocks on; refuse what is too short altogether."""
    total = 0
    for block in blocks:
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
