"""The blocks of features, each declared once in `BLOCKS`.

One pass over the audio makes the rows of every block (`hevner.features.extract`); a span of rows is
summarised as one vector (`hevner.features.pool`). The names of features, what a feature store keeps
and the block penalties of recipes follow from `BLOCKS` too. An encoder joins the default model in
three files: its own module in `hevner.encoders`, a line here, its penalties in the recipe.

Conventions
-----------
Times are seconds. *Patches* are MusiCNN's windows of three seconds, *frames* the short windows of
the harmony spectrum, ten a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats, Rows
from hevner.audio import level
from hevner.encoders.base import EncoderCard
from hevner.encoders.handcrafted import CARD as HANDCRAFTED
from hevner.encoders.handcrafted import Handcrafted, band_levels, onset_strength
from hevner.encoders.mel import FRAMES as FRAMES_PER_PATCH
from hevner.encoders.mel import power_spectrum
from hevner.encoders.musicnn import MSD, MTT, MusiCNN
from hevner.music import Harmony, network
from hevner.music.descriptors import NAMES as HARMONY_NAMES
from hevner.music.descriptors import descriptors
from hevner.music.spectrum import HarmonySpectrum

Matrix = NDArray[np.floating]
"""Matrix of a block, in single or half precision."""

Grid = tuple[int, int]
"""Length of windows and distance between their starts, in samples."""

PATCHES: Grid = (MSD.window_samples, MSD.hop_samples)
FRAMES: Grid = (HarmonySpectrum.window_samples, HarmonySpectrum.hop_samples)


class Windows:
    """Windows of audio with the spectra that several blocks share, each computed once.

    Parameters
    ----------
    samples
        Shape ``(n, length of the grid)``, full scale 1.
    """

    def __init__(self, samples: Floats) -> None:
        self.samples = samples

    @cached_property
    def power(self) -> Floats:
        """Power spectra of patches, shape ``(n, 187, 257)``."""
        return power_spectrum(self.samples)

    @cached_property
    def levels(self) -> Floats:
        """Mel band levels of patches in decibels; see `hevner.encoders.handcrafted.band_levels`."""
        return band_levels(self.power)

    def take(self, rows: Rows) -> Windows:
        """Some of the windows, with their power spectra."""
        part = Windows(self.samples[rows])
        part.power = self.power[rows]
        return part


@dataclass(frozen=True)
class Span:
    """A span of a recording that is to be summarised.

    Attributes
    ----------
    patches
        Numbers of the patches to average, at least one.
    harmony
        Harmony of the whole recording.
    start, end
        The span in seconds.
    """

    patches: Rows
    harmony: Harmony
    start: float
    end: float


def _mean(rows: Matrix, span: Span) -> Matrix:
    return np.asarray(rows[span.patches].mean(axis=0))


def _harmony(rows: Matrix, span: Span) -> Matrix:
    return descriptors(span.harmony, span.start, span.end)


@dataclass(frozen=True)
class Block:
    """Numbers about a recording: a row per window, and one vector for any span.

    Attributes
    ----------
    name
        Key in `hevner.features.Features.rows` and in recipes.
    encoder, version
        Name and version of what makes the rows; they change whenever the same audio would give
        other numbers.
    row_width
        Numbers in a row.
    encode
        Turns windows into rows.
    width
        Numbers in the vector of a span; 0 for rows that are kept but are no part of the vector.
    pool
        Summarises rows over a span, ``(width,)``.
    grid
        The windows: `PATCHES` or `FRAMES`.
    dtype
        Type that rows are kept in.
    sparse
        Whether only the first two windows and then every second one are encoded, to save time. The
        row of a window that is left out repeats the one before.
    """

    name: str
    encoder: str
    version: str
    row_width: int
    encode: Callable[[Windows], Floats]
    width: int
    pool: Callable[[Matrix, Span], Matrix] = _mean
    grid: Grid = PATCHES
    dtype: Literal["float32", "float16"] = "float32"
    sparse: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        card: EncoderCard,
        encode: Callable[[Windows], Floats],
        *,
        sparse: bool = False,
    ) -> Block:
        """A block of patches that is averaged over a span."""
        size = card.dimension
        return cls(name, card.id, card.version, size, encode, size, sparse=sparse)

    def encoded(self, first: int, count: int) -> Rows:
        """Which of ``count`` windows, the first of which has the number ``first``, are encoded."""
        number = first + np.arange(count)
        return np.flatnonzero((number < 2) | (number % 2 == 0) | (not self.sparse))


BLOCKS = (
    Block.of("musicnn", MSD, lambda patches: MusiCNN(MSD).encode_power(patches.power)),
    # This network costs six times as much as the other.
    Block.of(
        "musicnn_mtt", MTT, lambda patches: MusiCNN(MTT).encode_power(patches.power), sparse=True
    ),
    Block.of(
        "handcrafted",
        HANDCRAFTED,
        lambda patches: Handcrafted().describe(patches.samples, patches.power, patches.levels),
    ),
    Block(
        "onsets",
        "onsets",
        HANDCRAFTED.version,
        FRAMES_PER_PATCH - 1,
        lambda patches: onset_strength(patches.levels),
        width=0,
        dtype="float16",
    ),
    Block(
        "harmony",
        HarmonySpectrum.id,
        HarmonySpectrum.version,
        HarmonySpectrum.dimension,
        lambda frames: HarmonySpectrum().encode(frames.samples),
        width=len(HARMONY_NAMES),
        pool=_harmony,
        grid=FRAMES,
        dtype="float16",
    ),
)
"""All blocks; those with a width make up the pooled vector, in this order."""

WIDTHS = {block.name: block.width for block in BLOCKS if block.width}
"""Widths of the parts of a pooled vector, in order."""

DIMENSION = sum(WIDTHS.values())
"""Numbers in a pooled vector."""


def vector_id() -> str:
    """Names everything that decides what the numbers of a pooled vector mean."""
    encoders = [f"{block.encoder}-{block.version}" for block in BLOCKS if block.width]
    return f"{' '.join(encoders)} harmony-{network.version()} level-{level.VERSION}"
