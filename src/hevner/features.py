"""What is kept of a recording once its samples have gone by: one row per short window.

One pass over the audio feeds every encoder. The rows are small (about 3 MB per hour), so a
recording of any length fits in memory, and any span of it can be pooled afterwards.

Conventions
-----------
Times are seconds. *Patches* are MusiCNN's windows of three seconds (`PATCH_S`), one after the
other; *frames* are those of the harmony spectrum, ten a second.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.windows import Windower
from hevner.encoders.handcrafted import CARD as HANDCRAFTED
from hevner.encoders.handcrafted import NAMES as HANDCRAFTED_NAMES
from hevner.encoders.handcrafted import Handcrafted, band_levels, onset_strength
from hevner.encoders.mel import power_spectrum
from hevner.encoders.musicnn import MSD, MTT, MusiCNN
from hevner.music import Harmony, network
from hevner.music.descriptors import NAMES as HARMONY_NAMES
from hevner.music.descriptors import descriptors
from hevner.music.spectrum import HarmonySpectrum

PATCH_S = MSD.window_samples / SAMPLE_RATE

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
    musicnn, musicnn_mtt, handcrafted
        One row per patch; columns as the encoders say. The MagnaTagATune network, which costs
        six times as much as the other, hears the first two patches and then every second one;
        the row of a patch that it did not hear repeats the one before.
    onsets
        Onset strength within every patch, half precision, shape ``(n_patches, frames - 1)``.
    spectrum
        Harmony spectrum, half precision, shape ``(n_frames, bins)``.
    """

    duration: float
    starts: NDArray[np.float64]
    musicnn: NDArray[np.float32]
    musicnn_mtt: NDArray[np.float32]
    handcrafted: NDArray[np.float32]
    onsets: NDArray[np.float16]
    spectrum: NDArray[np.float16]

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of every patch, within the recording."""
        last = max(self.duration - PATCH_S / 2, self.duration / 2)
        return np.minimum(self.starts + PATCH_S / 2, last)

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """Which patches are not silent."""
        return np.asarray(self.handcrafted[:, LEVEL] > SILENCE_DB)

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
    musicnn, magnatagatune = MusiCNN(MSD), MusiCNN(MTT)
    handcrafted, harmony = Handcrafted(), HarmonySpectrum()
    patches = Windower(MSD.window_samples, MSD.hop_samples)
    frames = Windower(harmony.window_samples, harmony.hop_samples)
    names = ("musicnn", "musicnn_mtt", "handcrafted")
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    onsets: list[NDArray[np.float16]] = []
    spectrum: list[NDArray[np.float16]] = []

    def encode(windows: NDArray[np.float32], short: NDArray[np.float32]) -> None:
        if len(windows):
            count = len(patches.starts) - len(windows)
            power = power_spectrum(windows)
            rows["musicnn"].append(musicnn.encode_power(power))
            heard = [row for row in range(len(power)) if _is_heard(count + row)]
            rows["musicnn_mtt"].append(magnatagatune.encode_power(power[heard]))
            mel_db = band_levels(power)
            rows["handcrafted"].append(handcrafted.describe(windows, power, mel_db))
            onsets.append(onset_strength(mel_db).astype(np.float16))
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
        musicnn=np.concatenate(rows["musicnn"]),
        musicnn_mtt=_hold(np.concatenate(rows["musicnn_mtt"]), len(patches.starts)),
        handcrafted=np.concatenate(rows["handcrafted"]),
        onsets=np.concatenate(onsets),
        spectrum=np.concatenate(spectrum),
    )


def _is_heard(patch: int) -> bool:
    """Whether the MagnaTagATune network hears a patch, by its number."""
    return patch < 2 or patch % 2 == 0


def _hold(heard: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Rows of all patches from those heard, each repeated until the next."""
    latest = np.cumsum([_is_heard(patch) for patch in range(count)]) - 1
    return np.asarray(heard[latest])


BLOCKS: dict[str, int] = {
    "musicnn": MSD.dimension,
    "musicnn_mtt": MTT.dimension,
    "handcrafted": HANDCRAFTED.dimension,
    "harmony": len(HARMONY_NAMES),
}
"""The blocks of a pooled vector, in order, with their widths."""

DIMENSION = sum(BLOCKS.values())


def pool(features: Features, harmony: Harmony, start: float, end: float) -> NDArray[np.float32]:
    """Summarise a span as one vector.

    Means over patches, and the harmony of the span: a longer span gives a steadier vector of the
    same kind, so one model serves whole pieces and short windows.

    Parameters
    ----------
    features, harmony
        Of the same recording; at least one patch must sound.
    start, end
        The span in seconds.

    Returns
    -------
    NDArray
        Shape ``(DIMENSION,)``, the `BLOCKS` one after the other.
    """
    rows = features.patches(start, end)
    return np.concatenate(
        [
            features.musicnn[rows].mean(axis=0),
            features.musicnn_mtt[rows].mean(axis=0),
            features.handcrafted[rows].mean(axis=0),
            descriptors(harmony, start, end),
        ]
    ).astype(np.float32)


def feature_id() -> str:
    """Names everything that decides what the numbers in `Features` mean."""
    harmony = HarmonySpectrum()
    cards = " ".join(f"{card.id}-{card.version}" for card in (MSD, MTT, HANDCRAFTED))
    return f"{cards} {harmony.id}-{harmony.version}"


def vector_id() -> str:
    """Names everything that decides what the numbers of a pooled vector mean."""
    return f"{feature_id()} harmony-{network.version()}"
