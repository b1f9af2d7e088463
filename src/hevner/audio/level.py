"""How loud a recording is and where it sounds; its samples at one loudness, without offset.

The emotion of a piece depends neither on the volume of its copy nor on silence around it. So the
whole stream is put aside and measured first, and only then encoded: from the first sound to the
last, at the loudness `REFERENCE_DB`, with a high-pass filter that removes a constant offset and
rumble. What is softer or silent inside a piece stays as it is.

Loudness is that of ITU-R BS.1770-4 of the mono mix: power after K-weighting in blocks of 400 ms
that overlap by three quarters, averaged over those within 10 dB of their mean. Two things differ:
the weighting multiplies the spectrum of cells of 50 ms, where the standard filters the samples, and
the absolute gate lies at `FLOOR_DB` (there: -70), so that a quiet master is music.

Conventions
-----------
Levels are decibels relative to full scale, after weighting (LUFS). Samples are mono float32.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.signal import freqs, lfilter

from hevner.arrays import Doubles, Floats
from hevner.errors import AudioError

VERSION = "1"
"""Changes whenever the same audio would be handed back otherwise."""

REFERENCE_DB = -20.0
"""Loudness that every piece is brought to, about that of the music that models learned from."""

RANGE_DB = 50.0
"""What lies further below the loudness of its piece counts as silence. The quietest passages of a
recorded orchestra lie above."""

FLOOR_DB = -90.0
"""What is softer counts as silence in any piece: the last bit of 16, and dither."""

CELL_S = 0.05
BLOCK_CELLS, HOP_CELLS = 8, 2
RELATIVE_GATE_DB = -10.0
_OFFSET_DB = -0.691  # of the standard: a full-scale sine of 997 Hz has -3.01

HIGH_PASS_HZ = 8.0
"""Corner of the filter against offsets: first order, .25 dB at the lowest note of a piano."""

MEMORY_BYTES = 2**25
"""Samples beyond this size lie in a temporary file: nine minutes at 16 kHz."""

READ_S = 12.0
"""Seconds handed back at a time."""

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Level:
    """What was measured of a recording.

    Attributes
    ----------
    total
        Number of its samples.
    first, last
        The sounding part, in samples; the first `READ_S` at most where nothing sounds.
    loudness
        Gated loudness; None where nothing sounds.
    mean
        Mean of all samples.
    """

    total: int
    first: int
    last: int
    loudness: float | None
    mean: float


class Recording:
    """A stream that was put aside and measured; to be used in a ``with`` statement.

    Parameters
    ----------
    blocks
        Mono samples; read to the end at once.
    rate
        Hertz.
    source
        Name of the source, for messages.

    Raises
    ------
    AudioError
        If there is no room for the temporary file, or the stream raises it.
    """

    def __init__(self, blocks: Iterator[Samples], rate: int, source: str) -> None:
        self._rate = rate
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(MEMORY_BYTES)  # noqa: SIM115
        meter = _Meter(rate)
        try:
            for block in blocks:
                meter.push(block)
                self._spool.write(np.ascontiguousarray(block, np.float32).data)
        except OSError as error:
            self._spool.close()
            raise AudioError(
                f"no room to put its samples aside ({error.strerror})",
                subject=source,
                remedy=f"Free space in {tempfile.gettempdir()}, or set TMPDIR to another folder",
                stage="setup",
                code="no_space",
            ) from error
        except BaseException:
            self._spool.close()
            raise
        self.level = meter.level()

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def blocks(self) -> Iterator[Samples]:
        """Samples of the sounding part, at the reference loudness and without offset."""
        level = self.level
        gain = 1.0 if level.loudness is None else 10 ** ((REFERENCE_DB - level.loudness) / 20)
        pole = np.exp(-2 * np.pi * HIGH_PASS_HZ / self._rate)
        scale = np.float32(gain * (1 + pole) / 2)
        zeros, poles = np.array([scale, -scale], np.float32), np.array([1, -pole], np.float32)
        # As if the offset had been there for ever, so that the filter has nothing to swing in.
        state = np.array([-scale * level.mean], np.float32)
        self._spool.seek(4 * level.first)
        left, size = level.last - level.first, max(1, int(READ_S * self._rate))
        while left > 0:
            block = np.frombuffer(self._spool.read(4 * min(size, left)), np.float32)
            left -= len(block)
            filtered, state = lfilter(zeros, poles, block, zi=state)
            yield filtered.astype(np.float32, copy=False)


class _Meter:
    """Powers of the cells of a stream, after weighting."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._size = round(CELL_S * rate)
        self._rest = np.zeros(0, np.float32)
        self._powers: list[Doubles] = []
        self._total, self._sum = 0, 0.0

    def push(self, block: Samples) -> None:
        self._total += len(block)
        self._sum += float(block.sum(dtype=np.float64))
        joined = np.concatenate([self._rest, block]) if len(self._rest) else block
        whole = len(joined) // self._size * self._size
        self._powers.append(self._weighted(joined[:whole].reshape(-1, self._size)))
        self._rest = joined[whole:].copy()

    def level(self) -> Level:
        powers = np.concatenate(self._powers) if self._powers else np.zeros(0)
        loudness = gated(powers)
        mean = self._sum / max(self._total, 1)
        if loudness is None:
            shown = min(self._total, int(READ_S * self._rate))
            return Level(self._total, 0, shown, None, mean)
        sounding = np.flatnonzero(_decibels(powers) > max(FLOOR_DB, loudness - RANGE_DB))
        first, last = int(sounding[0]) * self._size, (int(sounding[-1]) + 1) * self._size
        if self._total - last < self._size:  # what is left is too short to be measured
            last = self._total
        return Level(self._total, first, last, loudness, mean)

    def _weighted(self, cells: Samples) -> Doubles:
        spectrum = rfft(cells, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        return np.asarray(power @ _weights(self._rate, self._size), np.float64)


def gated(powers: Doubles) -> float | None:
    """Loudness of consecutive cells of these powers; None if no block reaches `FLOOR_DB`."""
    if not len(powers):
        return None
    sums = np.cumsum(np.concatenate([[0.0], powers]))
    length = min(BLOCK_CELLS, len(powers))
    means = (sums[length:] - sums[:-length])[::HOP_CELLS] / length
    loud = means[_decibels(means) > FLOOR_DB]
    if not len(loud):
        return None
    gate = _decibels(loud.mean()) + RELATIVE_GATE_DB
    return float(_decibels(loud[_decibels(loud) > gate].mean()))


def _decibels(power: Doubles | float) -> Doubles:
    return np.asarray(_OFFSET_DB + 10 * np.log10(np.maximum(power, 1e-20)))


@lru_cache(maxsize=4)
def _weights(rate: int, size: int) -> Floats:
    """Factors from the squared spectrum of a cell to its mean power after K-weighting.

    A high shelf of 4 dB above 1.7 kHz and a high-pass filter at 38 Hz, as analogue prototypes of
    the filters that the standard tabulates for 48 kHz (De Man 2014).
    """
    frequency = np.fft.rfftfreq(size, 1 / rate)
    weights = np.full(len(frequency), 2.0 / size**2)
    weights[0] /= 2
    if size % 2 == 0:
        weights[-1] /= 2
    gain = 10 ** (3.99984385397 / 20)
    shelf = (
        [gain, gain**0.4996667741545416 / 0.7071752369554193, 1],
        [1, 1 / 0.7071752369554193, 1],
    )
    high_pass = ([1, 0, 0], [1, 1 / 0.5003270373253953, 1])
    for (zeros, poles), corner in ((shelf, 1681.9744509555319), (high_pass, 38.13547087613982)):
        _, response = freqs(zeros, poles, frequency / corner)
        weights *= np.abs(response) ** 2
    return weights.astype(np.float32)
