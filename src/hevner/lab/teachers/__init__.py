"""Networks of other authors as teachers: their predictions are stored as soft labels.

Weights are read from a folder of the user's. None are shipped, and none of these networks is needed
to analyse music.

===========  =====  ==============================================================  =======
yamnet        1545  521 scores of sound classes, then a 1024-d embedding, for 3 s   float16
yamnet-tags     56  probabilities of `hevner.emotion.MOOD_TAGS`, for the whole      float32
                    piece: a small network on YAMNet's mean embedding that learned
                    the tags of MTG-Jamendo (`hevner train tags`)
===========  =====  ==============================================================  =======

``hevner extract --teacher`` runs them on datasets. Their predictions lie in a feature store under
the name of the teacher, so that `hevner.lab.data.representations.gather` finds them as a block of
that name. Sounds and the names they are stored under are those of `hevner.lab.data.corpus`, so an
entry belongs to the same sound as the features of the same track and variant.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import soxr

from hevner.arrays import Floats
from hevner.audio.decode import SAMPLE_RATE
from hevner.audio.windows import Windower
from hevner.datasets.track import Track
from hevner.emotion import MOOD_TAGS
from hevner.errors import ModelError
from hevner.lab.data import corpus
from hevner.lab.data.corpus import Done, Variant
from hevner.lab.teachers import tags, yamnet
from hevner.lab.teachers.tags import TagReader
from hevner.lab.teachers.yamnet import YamNet
from hevner.store import Entry, FeatureStore, Kind, digest

NAMES = ("yamnet", "yamnet-tags")
"""Every teacher."""


@dataclass(frozen=True)
class Teacher:
    """A network and what is read from its rows.

    Attributes
    ----------
    kind
        Of the stored predictions; its version names the files of weights.
    network
        Gives a row for each window.
    reader
        Of tags, from the mean of the rows; None if the rows themselves are stored.
    """

    kind: Kind
    network: YamNet
    reader: TagReader | None = None

    def entry(self, samples: Floats, content: str) -> Entry:
        """Predictions for samples ``(n,)`` at `SAMPLE_RATE` with a digest."""
        card = self.network.card
        resampled = soxr.resample(samples, SAMPLE_RATE, card.sample_rate)
        windower = Windower(card.window_samples, card.hop_samples)
        windows = np.concatenate([windower.push(resampled), windower.finish()])
        rows, starts = self.network.encode(windows), np.array(windower.starts) / card.sample_rate
        if self.reader is not None:
            mean = rows[:, yamnet.EMBEDDING].mean(axis=0, keepdims=True)
            rows, starts = self.reader.probabilities(mean), np.zeros(1)
        return Entry(content, rows.astype(self.kind.dtype), starts, len(samples) / SAMPLE_RATE)


def load(name: str, weights: Path) -> Teacher:
    """Read a teacher, one of `NAMES`, from the folder that holds its files.

    Raises `ModelError` if there is no such teacher, or a file is missing or another one.
    """
    if name not in NAMES:
        raise ModelError(
            f"no teacher '{name}'", remedy=f"Choose one of {', '.join(NAMES)}", code="unknown_name"
        )
    network = YamNet(weights)
    version = network.card.version
    if name == "yamnet":
        return Teacher(Kind(name, version, yamnet.DIMENSION, "float16"), network)
    reader, own = tags.load(weights / tags.FILE)
    return Teacher(Kind(name, digest(version, own)[:12], len(MOOD_TAGS)), network, reader)


def compute_all(
    work: Sequence[tuple[Track, Variant]],
    store: Path,
    jobs: int,
    teachers: Sequence[str],
    weights: Path,
) -> Generator[Done]:
    """Run the teachers on many tracks; see `hevner.lab.data.corpus.each`."""
    return corpus.each(partial(keep, folder=store, teachers=teachers, weights=weights), work, jobs)


def keep(
    track: Track, variant: Variant, folder: Path, teachers: Sequence[str], weights: Path
) -> bool:
    """Compute the predictions that are not stored yet; return whether any were missing.

    Raises `AudioError`, `DataError` or `MissingDependencyError` if the sound cannot be read or
    made; `ModelError` if the weights of a teacher cannot be read; `OutputError` if the store cannot
    be written.
    """
    store = FeatureStore(folder)
    content = corpus.content_of(track, variant, store)
    missing = []
    for teacher in (_teacher(name, weights) for name in teachers):
        file = store.open(track.dataset, teacher.kind)
        if not file.link(content, track.id, variant.name):
            missing.append((teacher, file))
    if not missing:
        return False
    samples = np.concatenate(list(corpus.sound(track, variant, folder).blocks))
    for teacher, file in missing:
        file.add(teacher.entry(samples, content), track.id, variant.name)
    return True


@lru_cache(maxsize=8)
def _teacher(name: str, weights: Path) -> Teacher:
    """Read once per process."""
    return load(name, weights)
