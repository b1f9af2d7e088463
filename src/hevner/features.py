"""The rows of a recording and their summary: one row per short window, one vector for any span.

The audio is measured (`hevner.audio.level`), and one pass over its sounding part, at a reference
loudness, makes the rows of every block in `hevner.blocks`. The rows are small (about 3 MB per
hour), so a recording of any length fits in memory, and any span of it can be summarised afterwards.

Conventions
-----------
Times are seconds from the first sound on: silence around a piece is no part of it. *Patches* and
*frames* are the windows of `hevner.blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats, Mask, Rows
from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.level import RANGE_DB, REFERENCE_DB, Recording
from hevner.audio.windows import Windower
from hevner.blocks import BLOCKS, PATCHES, Grid, Matrix, Span, Windows
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED_NAMES
from hevner.music import Harmony
from hevner.result import Analysis

PATCH_S = PATCHES[0] / SAMPLE_RATE

SILENCE_DB = REFERENCE_DB - RANGE_DB
"""Patches below this level count as silent; decibels on the scale of the reference loudness."""

LEVEL = HANDCRAFTED_NAMES.index("level_db")


@dataclass(frozen=True)
class Features:
    """Rows of one recording.

    Attributes
    ----------
    duration
        Length of the sounding part.
    starts
        Start of every patch in seconds, shape ``(n_patches,)``.
    rows
        By name of the block, shape ``(n, row width)`` with a row per window of its grid.
    begin
        Seconds of silence before it.
    recording
        Length of the whole recording, with the silence around; as long as the sounding part if 0.
    """

    duration: float
    starts: Doubles
    rows: dict[str, Matrix]
    begin: float = 0.0
    recording: float = 0.0

    @property
    def onsets(self) -> NDArray[np.float16]:
        """Rises in bands within every patch, ``(n_patches, 186 * 8)``; `hevner.music.onsets`."""
        return self.rows["onsets"].astype(np.float16, copy=False)

    @property
    def spectrum(self) -> NDArray[np.float16]:
        """Harmony spectrum, shape ``(n_frames, 252)``."""
        return self.rows["harmony"].astype(np.float16, copy=False)

    @property
    def centres(self) -> Doubles:
        """Middle of every patch in seconds, within the recording."""
        last = max(self.duration - PATCH_S / 2, self.duration / 2)
        return np.minimum(self.starts + PATCH_S / 2, last)

    @property
    def sounding(self) -> Mask:
        """Which patches are not silent."""
        return np.asarray(self.rows["handcrafted"][:, LEVEL] > SILENCE_DB)

    def patches(self, start: float, end: float) -> Rows:
        """Sounding patches whose middle lies in a span, else the sounding one nearest to it."""
        rows = np.flatnonzero(self.sounding)
        inside = rows[(self.centres[rows] >= start) & (self.centres[rows] <= end)]
        if inside.size or not rows.size:
            return inside
        nearest = np.abs(self.centres[rows] - (start + end) / 2).argmin()
        return rows[nearest : nearest + 1]


@dataclass(frozen=True, eq=False)
class Pooled:
    """All that is known of a piece of music before an emotion model reads it.

    Attributes
    ----------
    facts
        The analysis as far as no emotion model has a part in it: key, tempo, chords, warnings, on
        the clock of the sounding part.
    duration, begin, recording, starts, sounding
        As those of `Features`.
    vector
        The whole piece summarised by `pool`, ``(hevner.blocks.DIMENSION,)``.
    vectors
        A window around each patch, by `around`.
    """

    facts: Analysis
    duration: float
    begin: float
    recording: float
    starts: Doubles
    sounding: Mask
    vector: Floats
    vectors: Floats


def extract(audio: Audio) -> Features:
    """Make the rows of every block of a recording.

    Raises
    ------
    AudioError
        If the audio proves damaged or too short while it is read.
    """
    windowers = {block.grid: Windower(*block.grid) for block in BLOCKS}
    parts: dict[str, list[Matrix]] = {block.name: [] for block in BLOCKS}

    def encode(grid: Grid, samples: Floats) -> None:
        if not len(samples):
            return
        windows = Windows(samples)
        first = len(windowers[grid].starts) - len(samples)
        for block in BLOCKS:
            if block.grid == grid:
                chosen = block.encoded(first, len(samples))
                part = windows.take(chosen) if block.sparse else windows
                parts[block.name].append(block.encode(part).astype(block.dtype, copy=False))

    with Recording(audio.blocks, SAMPLE_RATE, audio.source) as recording:
        level, done = recording.level, 0
        for samples in recording.blocks():
            for grid, windower in windowers.items():
                encode(grid, windower.push(samples))
            done += len(samples)
            audio.progress(done / (level.last - level.first))
    for grid, windower in windowers.items():
        encode(grid, windower.finish())
    rows = {block.name: np.concatenate(parts[block.name]) for block in BLOCKS}
    patches = windowers[PATCHES].starts
    for block in (block for block in BLOCKS if block.sparse):
        # Each row is repeated until the next window that was encoded.
        encoded = block.encoded(0, len(patches))
        latest = np.searchsorted(encoded, np.arange(len(patches)), side="right") - 1
        rows[block.name] = rows[block.name][latest]
    return Features(
        (level.last - level.first) / SAMPLE_RATE,
        np.array(patches) / SAMPLE_RATE,
        rows,
        level.first / SAMPLE_RATE,
        level.total / SAMPLE_RATE,
    )


def pool(features: Features, harmony: Harmony, start: float, end: float) -> Floats:
    """Summarise a span as one vector.

    Means over patches, and the harmony of the span: a longer span gives a steadier vector of the
    same kind, so one model serves whole pieces and short windows.

    Parameters
    ----------
    features, harmony
        Rows and harmony of the same recording; at least one patch must sound.
    start, end
        The span in seconds.

    Returns
    -------
    NDArray
        Shape ``(hevner.blocks.DIMENSION,)``, the blocks one after the other.
    """
    span = Span(features.patches(start, end), harmony, start, end)
    parts = [block.pool(features.rows[block.name], span) for block in BLOCKS if block.width]
    return np.concatenate(parts).astype(np.float32)


def around(features: Features, harmony: Harmony, window: float) -> Floats:
    """Summarise a window around the middle of every patch.

    Parameters
    ----------
    features, harmony
        As for `pool`.
    window
        Seconds; at the ends of the recording a window is moved, not shortened, to lie within.

    Returns
    -------
    NDArray
        Shape ``(n_patches, hevner.blocks.DIMENSION)``.
    """
    last = max(features.duration - window, 0.0)
    starts = np.clip(features.centres - window / 2, 0.0, last)
    ends = np.minimum(starts + window, features.duration)
    return np.stack([pool(features, harmony, *span) for span in zip(starts, ends, strict=True)])
