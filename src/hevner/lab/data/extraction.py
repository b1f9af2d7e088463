"""Run encoders over one stream of audio and return entries for a feature store.

Conventions
-----------
`DEFAULT` names all features of the default model, computed in one pass
(`hevner.features.extract`). Any other name is that of a single encoder, `HARMONY` for the spectrum
of the harmony analysis, or `FINGERPRINT`; several of them share the audio. The default pass and
its encoders, called singly, read the sounding part at one loudness (`hevner.audio.level`), all
others the audio as it is. The MagnaTagATune network of the default pass encodes every second window
only, so its vectors are not those of the single encoder. Large encoders have sample rates of their
own, so the audio is read once for each rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hevner import encoders
from hevner.arrays import Floats
from hevner.audio import level
from hevner.audio.decode import SAMPLE_RATE, Audio
from hevner.audio.windows import Windower
from hevner.blocks import BLOCKS, PATCHES
from hevner.encoders.base import Encoder, EncoderCard
from hevner.encoders.fingerprint import CARD as WORDS
from hevner.encoders.fingerprint import Fingerprint
from hevner.errors import DataError
from hevner.features import Features, extract
from hevner.music.spectrum import HarmonySpectrum
from hevner.store import Entry, FeatureFile, FeatureStore, Kind

TOGETHER = 8
"""Number of windows that a large encoder encodes at once."""

DEFAULT = "default"
HARMONY = "harmony"
FINGERPRINT = "fingerprint"


def _kind(card: EncoderCard, dtype: str = "float32") -> Kind:
    parameters = LEVELLED if card.id in _OF_PASS else {}
    return Kind(card.id, card.version, card.dimension, dtype, parameters)


SPARSE = {"hears": "the first two windows, then every second one"}
"""Parameter in a store of the kinds whose blocks encode only some of the windows."""

_OF_PASS = {block.encoder for block in BLOCKS}

LEVELLED = {"level": level.VERSION}
"""Parameter in a store of the kinds that read the sounding part at one loudness."""

PASS: dict[str, Kind] = {
    block.name: Kind(
        block.encoder,
        block.version,
        block.row_width,
        block.dtype,
        LEVELLED | (SPARSE if block.sparse else {}),
    )
    for block in BLOCKS
}
"""Kinds of entries of the default pass, by name of the block (`hevner.blocks`)."""

_WITH_STARTS = {block.name for block in BLOCKS if block.grid == PATCHES}
"""Blocks whose rows are kept with the start of each; frames follow each other at a fixed rate."""


def kinds(names: Sequence[str]) -> list[Kind]:
    """Kinds of entries of encoders.

    Raises `DataError` if a name is unknown, or `DEFAULT` is not the only one.
    """
    if list(names) == [DEFAULT]:
        return list(PASS.values())
    choices = (*encoders.available(), HARMONY, FINGERPRINT)
    for name in names:
        if name.partition("+")[0] not in choices:
            raise DataError(
                f"'{name}' cannot be extracted" + (" with others" if name == DEFAULT else ""),
                remedy=f"Choose '{DEFAULT}' alone, or any of {', '.join(choices)}",
                code="unknown_name",
            )
    return [_single(name) for name in dict.fromkeys(names)]


def run(open_at: Callable[[int], Audio], names: Sequence[str], content: str) -> dict[str, Entry]:
    """Encode one stream of audio; return entries by the name of their kind.

    ``open_at`` opens the audio at a sample rate in hertz; it is read to its end. ``names`` are
    those of `kinds`, ``content`` is the digest under which the entries are stored. Raises
    `AudioError` if the audio proves damaged or too short while it is read; `ModelError` if the
    weights of an encoder are missing or cannot be loaded.
    """
    if list(names) == [DEFAULT]:
        features = extract(open_at(SAMPLE_RATE))
        return {kind.name: _entry(features, name, content) for name, kind in PASS.items()}
    lanes = [_Lane(name) for name in dict.fromkeys(names)]
    entries: dict[str, Entry] = {}
    for rate, levelled in dict.fromkeys((lane.sample_rate, lane.levelled) for lane in lanes):
        there = [lane for lane in lanes if (lane.sample_rate, lane.levelled) == (rate, levelled)]
        total = 0
        audio = open_at(rate)
        for block in _levelled(audio) if levelled else audio.blocks:
            total += len(block)
            for lane in there:
                lane.push(block)
        entries |= {lane.kind.name: lane.entry(content, total / rate) for lane in there}
    return entries


def _levelled(audio: Audio) -> Iterator[Floats]:
    """The sounding part of a recording at the reference loudness."""
    with level.Recording(audio.blocks, audio.sample_rate, audio.source) as recording:
        yield from recording.blocks()


@lru_cache(maxsize=64)
def files(
    folder: Path, dataset: str, names: tuple[str, ...] = (DEFAULT,)
) -> dict[str, FeatureFile]:
    """Files of encoders in the folder of a store, by the name of their kind."""
    store = FeatureStore(folder)
    return {kind.name: store.open(dataset, kind) for kind in kinds(names)}


def read_features(folder: Path, dataset: str, track: str, variant: str) -> tuple[str, Features]:
    """Digest of a sound, and what the default pass has stored of it.

    Raises `DataError` if something is missing, or the parts come from different sounds.
    """
    found = files(folder, dataset)
    entries = {block: found[kind.name].get(track, variant) for block, kind in PASS.items()}
    first = entries["musicnn"]
    contents = {entry.content for entry in entries.values()}
    if len(contents) > 1 or first.duration is None or first.starts is None:
        raise DataError(
            "the stored features are not those of one pass",
            subject=f"{dataset}, track {track}, variant {variant}",
            remedy="Extract the features of this track again",
            code="mixed_features",
        )
    rows = {block: entry.rows for block, entry in entries.items()}
    begin = float(first.starts[0])
    return first.content, Features(first.duration, first.starts - begin, rows, begin)


def _single(name: str) -> Kind:
    if name == HARMONY:
        return PASS["harmony"]
    if name == FINGERPRINT:
        return _kind(WORDS, "uint32")
    return _kind(_create(name).card)


@lru_cache(maxsize=2)
def _create(name: str) -> Encoder:
    """Create an encoder, or return the last ones: large ones take long to load."""
    return encoders.create(name)


def _encoder(name: str) -> Encoder | HarmonySpectrum | Fingerprint:
    if name == HARMONY:
        return HarmonySpectrum()
    return Fingerprint() if name == FINGERPRINT else _create(name)


def _entry(features: Features, block: str, content: str) -> Entry:
    # Kept on the clock of the recording: the first patch begins with the first sound.
    starts = features.begin + features.starts if block in _WITH_STARTS else None
    return Entry(content, features.rows[block], starts, features.duration)


class _Lane:
    """One encoder with its windows and its rows."""

    def __init__(self, name: str) -> None:
        self.kind = _single(name)
        encoder = _encoder(name)
        self._encode = encoder.encode
        if isinstance(encoder, HarmonySpectrum):  # its frames follow each other at a fixed rate
            self.sample_rate, self._together = SAMPLE_RATE, 1
            self._windower = Windower(encoder.window_samples, encoder.hop_samples)
        else:
            card = encoder.card
            self.sample_rate = card.sample_rate
            self._windower = Windower(card.window_samples, card.hop_samples, card.shortest)
            self._together = TOGETHER if card.memory else 1
        self.levelled = self.kind.encoder in _OF_PASS
        self._has_starts = name != HARMONY
        self._waiting: list[Floats] = []
        self._rows: list[NDArray[np.generic]] = []

    def push(self, block: Floats) -> None:
        """Encode a block of samples."""
        self._take(self._windower.push(block))

    def entry(self, content: str, duration: float) -> Entry:
        """Finish, after ``duration`` seconds of audio, and return the entry."""
        self._take(self._windower.finish())
        self._encode_waiting()
        starts = np.array(self._windower.starts) / self.sample_rate if self._has_starts else None
        return Entry(content, np.concatenate(self._rows), starts, duration)

    def _take(self, windows: Floats) -> None:
        self._waiting += list(windows)
        if len(self._waiting) >= self._together:
            self._encode_waiting()

    def _encode_waiting(self) -> None:
        if self._waiting:
            vectors = self._encode(np.stack(self._waiting))
            self._rows.append(vectors.astype(self.kind.dtype))
            self._waiting = []
