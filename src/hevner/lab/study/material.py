"""What is at hand of a study: tracks, features, labels, fingerprints; and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hevner import datasets
from hevner.datasets.leaks import name as full_name
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import Words, matches
from hevner.errors import DataError
from hevner.lab.data.corpus import Variant
from hevner.lab.data.extraction import FINGERPRINT
from hevner.lab.data.labels import labels_of
from hevner.lab.data.recipe_encoder import missing as lacking
from hevner.lab.data.representations import gather
from hevner.lab.data.samples import Samples, stack
from hevner.lab.study.recipe import Source, Study
from hevner.store import FeatureFile, FeatureStore

Kind = Literal["ratings", "quadrants", "proxies"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Material:
    """Tracks with features and labels; rows of everything are in one order.

    Attributes
    ----------
    tracks, samples
        One row each.
    truth
        Valence and arousal, shape ``(n, 2)``: ratings; the middles of quadrants; or proxies from
        GEMS ratings, in units of their own.
    kinds
        What the truth of each dataset is.
    alike
        For each track whose sound is known, the others that sound the same, all by full name.
    """

    tracks: tuple[Track, ...]
    samples: Samples
    truth: Array
    kinds: Mapping[str, Kind]
    alike: Mapping[str, frozenset[str]]

    @classmethod
    def of(
        cls, tracks: Sequence[Track], samples: Samples, words: Mapping[str, Words] | None = None
    ) -> Material:
        """Bring together what was read; ``words`` are fingerprints by full name of the track."""
        kinds: dict[str, Kind] = {}
        for name in dict.fromkeys(samples.dataset.tolist()):
            mine = samples.of(name)
            rated = bool(np.isfinite(samples.emotion[mine]).any())
            quadrants = bool((samples.quadrant[mine] >= 0).any())
            kinds[name] = "ratings" if rated else "quadrants" if quadrants else "proxies"
        truth = labels_of(samples, gems=True)
        return cls(tuple(tracks), samples, truth, kinds, _alike(words or {}))

    def rows(self, *names: str) -> NDArray[np.intp]:
        """Rows of some datasets that have a label."""
        return np.flatnonzero(self.samples.of(*names) & np.isfinite(self.truth).any(axis=1))


def survey(study: Study, data: Path, store: FeatureStore) -> tuple[Material | None, list[str]]:
    """Gather what is at hand.

    Parameters
    ----------
    study
        The recipe.
    data
        Holds each dataset in a folder of its name.
    store
        Holds the features.

    Returns
    -------
    Material or None
        The datasets that are complete; None if there is none.
    list of str
        What is missing, a line each; a dataset of which anything is missing is left out.
    """
    missing: list[str] = []
    tracks: list[Track] = []
    parts: list[Samples] = []
    words: dict[str, Words] = {}
    for name, source in study.datasets.items():
        found, problems = _dataset(name, source, data / name)
        samples: list[Samples] = []
        for block in study.blocks if found else ():
            try:
                samples.append(gather(store, found, [block], soundfont=study.soundfont))
            except DataError as error:
                line = lacking(error, block, name, data / name, store.folder, study.soundfont)
                problems.append(line)
        if not found and not problems:
            problems.append(f"{name}: no track with a label")
        missing += problems
        if problems:
            continue
        tracks += found
        blocks = {block: part.blocks[block] for part in samples for block in part.blocks}
        parts.append(Samples(**{**vars(samples[0]), "blocks": blocks}))
        words |= _fingerprints(store, name, found, study.soundfont)
    return (Material.of(tracks, stack(parts), words) if parts else None), missing


def _dataset(name: str, source: Source, folder: Path) -> tuple[list[Track], list[str]]:
    """Labelled tracks, and why there are none."""
    if not folder.is_dir():
        known = datasets.card(name)
        return [], [f"{name}, data: no folder {folder}; get {known.title} from {known.source}"]
    try:
        loaded = datasets.load(name, folder)
    except DataError as error:
        return [], [f"{name}, data: {error}"]
    first, last = source.ids or (None, None)
    return [
        track
        for track in loaded
        if (track.valence is not None or track.quadrant is not None or track.gems is not None)
        and (first is None or last is None or first <= int(track.id) <= last)
    ], []


def _fingerprints(
    store: FeatureStore, name: str, tracks: Sequence[Track], soundfont: str
) -> dict[str, Words]:
    """Fingerprints of a dataset's tracks as far as they are stored."""
    found: dict[str, Words] = {}
    wanted = {track.id: full_name(track) for track in tracks}
    variants = (Variant().name, Variant(soundfont).name)
    for path in store.paths(name, f"{FINGERPRINT}-*"):
        file = FeatureFile(path)
        for track, variant in file.ids():
            if track in wanted and variant in variants:
                words = np.array(file.get(track, variant).rows, np.uint32)
                found[wanted[track]] = words.ravel()
    return found


def _alike(words: Mapping[str, Words]) -> dict[str, frozenset[str]]:
    """Which recordings match, found once for all comparisons."""
    found: dict[str, set[str]] = {name: set() for name in words}
    for match in matches(words):
        found[match.first].add(match.second)
        found[match.second].add(match.first)
    return {name: frozenset(others) for name, others in found.items()}
