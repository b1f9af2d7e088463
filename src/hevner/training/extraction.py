"""Run encoders over one stream of audio and hand back what a feature store keeps.

Conventions
-----------
`DEFAULT` names everything that the default model hears, made in one pass
(`hevner.features.extract`). Any other name is that of a single encoder, `HARMONY` for the spectrum
that harmony is heard from, or `FINGERPRINT`; several of them share the audio. The MagnaTagATune
network of the default pass hears every second window only, so its vectors are not those of the
single encoder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hevner import encoders
from hevner.audio import SAMPLE_RATE, Audio
from hevner.encoders.base import Encoder, EncoderCard
from hevner.encoders.handcrafted import CARD as HANDCRAFTED
from hevner.encoders.mel import FRAMES
from hevner.encoders.musicnn import MSD, MTT
from hevner.errors import DataError
from hevner.features import Features, extract
from hevner.fingerprint import CARD as WORDS
from hevner.fingerprint import Fingerprint
from hevner.harmony.spectrum import HarmonySpectrum
from hevner.store import Entry, Kind
from hevner.windows import Windower

DEFAULT = "default"
HARMONY = "harmony"
FINGERPRINT = "fingerprint"


def _kind(card: EncoderCard, dtype: str = "float32", **parameters: str) -> Kind:
    return Kind(card.id, card.version, card.dimension, dtype, parameters)


_SPECTRUM = Kind(
    HarmonySpectrum.id, HarmonySpectrum.version, HarmonySpectrum.dimension, dtype="float16"
)

PASS: dict[str, Kind] = {
    "musicnn": _kind(MSD),
    "musicnn_mtt": _kind(MTT, hears="the first two windows, then every second one"),
    "handcrafted": _kind(HANDCRAFTED),
    "onsets": Kind("onsets", HANDCRAFTED.version, FRAMES - 1, dtype="float16"),
    "spectrum": _SPECTRUM,
}
"""What the default pass keeps, by field of `hevner.features.Features`."""


def kinds(names: Sequence[str]) -> list[Kind]:
    """What is kept of the encoders of those names.

    Raises
    ------
    DataError
        If a name is unknown, or `DEFAULT` is not the only one.
    """
    if list(names) == [DEFAULT]:
        return list(PASS.values())
    choices = (*encoders.available(), HARMONY, FINGERPRINT)
    for name in names:
        if name not in choices:
            raise DataError(
                f"'{name}' cannot be extracted" + (" with others" if name == DEFAULT else ""),
                remedy=f"Choose '{DEFAULT}' alone, or any of {', '.join(choices)}",
            )
    return [_single(name) for name in dict.fromkeys(names)]


def run(audio: Audio, names: Sequence[str], content: str) -> dict[str, Entry]:
    """Entries by the name of their kind.

    Parameters
    ----------
    audio
        Read to its end.
    names
        As for `kinds`.
    content
        What the audio is stored under.

    Raises
    ------
    AudioError
        If the audio proves damaged or too short while it is read.
    """
    if list(names) == [DEFAULT]:
        features = extract(audio)
        return {kind.name: _entry(features, field, content) for field, kind in PASS.items()}
    lanes = [_Lane(name) for name in dict.fromkeys(names)]
    total = 0
    for block in audio.blocks:
        total += len(block)
        for lane in lanes:
            lane.take(lane.windower.push(block))
    for lane in lanes:
        lane.take(lane.windower.finish())
    return {lane.kind.name: lane.entry(content, total / SAMPLE_RATE) for lane in lanes}


def _single(name: str) -> Kind:
    if name == HARMONY:
        return _SPECTRUM
    if name == FINGERPRINT:
        return _kind(WORDS, "uint32")
    return _kind(encoders.create(name).card)


def _encoder(name: str) -> Encoder | HarmonySpectrum | Fingerprint:
    if name == HARMONY:
        return HarmonySpectrum()
    return Fingerprint() if name == FINGERPRINT else encoders.create(name)


def _entry(features: Features, field: str, content: str) -> Entry:
    starts = None if field == "spectrum" else features.starts
    return Entry(content, getattr(features, field), starts, features.duration)


class _Lane:
    """One encoder, its windows and its rows."""

    def __init__(self, name: str) -> None:
        self.kind = _single(name)
        encoder = _encoder(name)
        shape = encoder if isinstance(encoder, HarmonySpectrum) else encoder.card
        self.windower = Windower(shape.window_samples, shape.hop_samples)
        self._has_starts = name != HARMONY  # its frames follow each other at a fixed rate
        self._encode = encoder.encode
        self._rows: list[NDArray[np.generic]] = []

    def take(self, windows: NDArray[np.float32]) -> None:
        if len(windows):
            self._rows.append(self._encode(windows).astype(self.kind.dtype))

    def entry(self, content: str, duration: float) -> Entry:
        starts = np.array(self.windower.starts) / SAMPLE_RATE if self._has_starts else None
        return Entry(content, np.concatenate(self._rows), starts, duration)
