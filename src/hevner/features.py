"""What is kept of a recording once its samples have gone by: one row per short window.

One pass over the audio feeds every encoder. The rows are small (about 3 MB per hour), so a
recording of any length fits in memory, and any span of it can be pooled afterwards.

Conventions
-----------
Times are seconds. *Patches* are MusiCNN's windows of three seconds (`PATCH_S`), one after the
other; *frames* are those of the harmony spectrum, ten a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.audio import SAMPLE_RATE, Audio
from hevner.encoders.handcrafted import CARD as HANDCRAFTED
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED_NAMES
from hevner.encoders.handcrafted import Handcrafted
from hevner.encoders.musicnn import CARD as MUSICNN
from hevner.encoders.musicnn import MusiCNN
from hevner.encoders.mel import power_spectrum
from hevner.harmony import Harmony
from hevner.harmony.descriptors import descriptors
from hevner.harmony.spectrum import HarmonySpectrum
from hevner.windows import Windower

PATCH_S = MUSICNN.window_samples / SAMPLE_RATE

SILENCE_DB = -70.0
"""Patches below this level, in decibels relative to full scale, count as silent. Recorded silence
lies well below, the quietest passages of a mastered orchestra above."""

LEVEL = HANDCRAFTED_NAMES.index("level_db")


@dataclass(frozen=True)
class Features:
    """Rows of one recording.

    Attributes
    ----------
    duration
        Seconds.
    starts
        Start of every patch, shape ``(n_patches,)``.
    musicnn, handcrafted
        One row per patch; columns as the encoders say.
    onsets
        Onset strength within every patch, half precision, shape ``(n_patches, frames - 1)``.
    spectrum
        Harmony spectrum, half precision, shape ``(n_frames, bins)``.
    """

    duration: float
    starts: NDArray[np.float64]
    musicnn: NDArray[np.float32]
    handcrafted: NDArray[np.float32]
    onsets: NDArray[np.float16]
    spectrum: NDArray[np.float16]

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of every patch, within the recording."""
        return np.minimum(self.starts + PATCH_S / 2, max(self.duration - PATCH_S / 2, 0.0))

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Which patches are not silent."""
        return self.handcrafted[:, LEVEL] > SILENCE_DB

    def patches(self, start: float, end: float) -> NDArray[np.intp]:
        """Sounding patches whose middle lies in a span, else the sounding one nearest to it."""
        rows = np.flatnonzero(self.sounding)
        inside = rows[(self.centres[rows] >= start) & (self.centres[rows] <= end)]
        if inside.size or not rows.size:
            return inside
        nearest = np.abs(self.centres[rows] - (start + end) / 2).argmin()
        return rows[nearest : nearest + 1]


def extract(audio: Audio) -> Features:
    """Run every encoder over a recording, block by block.

    Raises
    ------
    AudioError
        If the audio proves damaged or too short while it is read.
    """
    musicnn, handcrafted, harmony = MusiCNN(), Handcrafted(), HarmonySpectrum()
    patches = Windower(MUSICNN.window_samples, MUSICNN.hop_samples)
    frames = Windower(harmony.window_samples, harmony.hop_samples)
    rows: tuple[list[NDArray[np.float32]], ...] = ([], [])
    spectrum: list[NDArray[np.float16]] = []

    def encode(windows: NDArray[np.float32], short: NDArray[np.float32]) -> None:
        if len(windows):
            power = power_spectrum(windows)
            rows[0].append(musicnn.encode_power(power))
            rows[1].append(handcrafted.describe(windows, power))
        if len(short):
            spectrum.append(harmony.encode(short).astype(np.float16))

    total = 0
    for block in audio.blocks:
        total += len(block)
        encode(patches.push(block), frames.push(block))
    encode(patches.finish(), frames.finish())
    return Features(
        duration=total / SAMPLE_RATE,
        starts=np.array(patches.starts) / SAMPLE_RATE,
        musicnn=_stack(rows[0], MUSICNN.dimension),
        handcrafted=_stack(rows[1], HANDCRAFTED.dimension),
        spectrum=np.concatenate(spectrum),
    )


def _stack(rows: Sequence[NDArray[np.float32]], width: int) -> NDArray[np.float32]:
    return np.concatenate([np.zeros((0, width), np.float32), *rows])


def pool(
    features: Features, harmony: Harmony, start: float, end: float
) -> dict[str, NDArray[np.float32]]:
    """Summarise a span, one vector per block.

    Parameters
    ----------
    features, harmony
        Of the same recording; at least one patch must sound.
    start, end
        The span in seconds.

    Returns
    -------
    dict
        ``musicnn`` and ``handcrafted``: mean over patches, then standard deviation over patches
        (zero for a single patch); ``harmony``: see `hevner.harmony.descriptors`.
    """
    rows = features.patches(start, end)
    return {
        "musicnn": _mean_and_spread(features.musicnn[rows]),
        "handcrafted": _mean_and_spread(features.handcrafted[rows]),
        "harmony": descriptors(harmony, start, end),
    }


def _mean_and_spread(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([rows.mean(axis=0), rows.std(axis=0)]).astype(np.float32)
