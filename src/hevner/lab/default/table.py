"""Labelled vectors, ready to fit: one row per clip, variant and span."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.arrays import Doubles, Floats, Integers, Mask, Names
from hevner.datasets import leaks
from hevner.datasets.folds import linked_groups
from hevner.datasets.track import Track
from hevner.emotion import BASIC, MOOD_TAGS, Quadrant
from hevner.features import Features, pool
from hevner.lab.data.corpus import Variant, features_of
from hevner.lab.data.representations import find
from hevner.lab.default.recipe import DefaultRecipe
from hevner.music import Harmony, analyse
from hevner.store import FeatureStore


@dataclass(frozen=True)
class Table:
    """Rows of labelled vectors; a missing label is NaN (numbers) or -1 (classes).

    Attributes
    ----------
    vectors
        Shape ``(n, DIMENSION)``.
    emotion
        Valence and arousal on the unit scale, shape ``(n, 2)``.
    quadrant
        Index into `Quadrant`, shape ``(n,)``.
    tension
        On the unit scale, shape ``(n,)``.
    emotions
        Each of `hevner.emotion.BASIC` on the unit scale, shape ``(n, 5)``.
    cluster
        Number of the MIREX cluster from 0, shape ``(n,)``.
    gems
        Shape ``(n, 9)``.
    tags
        Probabilities by a tagging network, ``(n, 56)``; NaN for windows.
    dataset, clip, group, kind
        Names, shape ``(n,)``; ``clip`` and ``group`` begin with the dataset's name, ``kind`` is
        the clip's genre, series or the like.
    clean
        Whether the row is a whole clip in the variant that is evaluated.
    start, end
        The span in seconds; whole clips begin at 0.
    seconds
        How long the clip sounds, shape ``(n,)``.
    """

    vectors: Floats
    emotion: Doubles
    tension: Doubles
    emotions: Doubles
    quadrant: Integers
    cluster: Integers
    gems: Doubles
    tags: Doubles
    dataset: Names
    clip: Names
    group: Names
    kind: Names
    clean: Mask
    window: Mask
    start: Doubles
    end: Doubles
    seconds: Doubles

    def __len__(self) -> int:
        return len(self.vectors)

    def where(self, mask: Mask) -> Table:
        """The rows that a mask selects."""
        return Table(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})

    def others(self, dataset: str) -> Mask:
        """Rows of other datasets, less those of groups that the dataset shares."""
        return ~np.isin(self.group, self.group[self.dataset == dataset])


def build(
    recipe: DefaultRecipe, folders: Mapping[str, Path], store: Path, jobs: int | None = None
) -> Table:
    """Pool the stored features of every set and variant of a recipe, in parallel.

    Groups are those of the sets, joined where two share a recording, a song or an artist. If
    outputs of the recipe's tagging network for a clip in the first variant of its set are not
    stored, `DataError` is raised.
    """
    teacher = recipe.tags.teacher if recipe.tags else None
    calls = [
        (clip, variant, entry.variants[0], store, entry.window_s, teacher)
        for name, entry in recipe.sets.items()
        for variant in entry.variants
        for clip in datasets.load(name, folders[name])
    ]
    with ProcessPoolExecutor(jobs) as pool:
        rows = list(pool.map(_rows, *zip(*calls, strict=True), chunksize=16))
    table = from_rows([row for some in rows for row in some])
    tracks = list({leaks.name(clip): clip for clip, *_ in calls}.values())
    group = {
        leaks.name(tracks[k]): f"{tracks[linked[0]].dataset}/{tracks[linked[0]].group}"
        for linked in linked_groups(tracks, leaks.LINKS)
        for k in linked
    }
    return replace(table, group=np.array([group[name] for name in table.clip]))


def load_tracks(recipe: DefaultRecipe, folders: Mapping[str, Path]) -> dict[str, Track]:
    """Tracks of all sets of a recipe, by full name."""
    names = recipe.sets
    return {leaks.name(t): t for name in names for t in datasets.load(name, folders[name])}


def from_rows(rows: list[dict[str, object]]) -> Table:
    """Stack rows into a table."""
    return Table(
        **{field.name: np.array([row[field.name] for row in rows]) for field in fields(Table)}
    )


def _rows(
    clip: Track,
    variant: Variant,
    first: Variant,
    cache: Path,
    window_s: float | None,
    teacher: str | None,
) -> list[dict[str, object]]:
    """The rows of one clip in one variant: the whole clip first, then its windows."""
    features = features_of(clip, variant, cache)
    if not features.sounding.any():
        return []
    harmony = analyse(features.spectrum.astype(np.float32), features.duration)
    tags = np.full(len(MOOD_TAGS), np.nan)
    if teacher is not None:
        # What the network says of a clip holds for it disturbed, and played by other samples.
        tags = find(FeatureStore(cache), clip.dataset, teacher).pooled([clip.id], first.name)[0]
    clean = variant == first
    whole = _row(clip, features, harmony, (0.0, features.duration), clean=clean, window=False)
    spans = [] if window_s is None else windows(features.duration, window_s)
    return [whole | {"tags": tags}] + [
        _row(clip, features, harmony, span, clean=clean, window=True) for span in spans
    ]


def windows(duration: float, length: float) -> list[tuple[float, float]]:
    """Spans of a length, half overlapping, spread evenly from beginning to end."""
    count = max(1, int(np.ceil((duration - length) / (length / 2))) + 1)
    starts = np.linspace(0.0, max(duration - length, 0.0), count)
    return [(float(start), float(min(start + length, duration))) for start in starts]


def _row(
    clip: Track,
    features: Features,
    harmony: Harmony,
    span: tuple[float, float],
    *,
    clean: bool,
    window: bool,
) -> dict[str, object]:
    begin = features.begin
    emotion = _emotion(clip, (begin + span[0], begin + span[1]) if window else None)
    return {
        "vectors": pool(features, harmony, *span),
        "emotion": emotion,
        "tension": np.nan if clip.tension is None else clip.tension,
        "emotions": np.array(clip.emotions or [np.nan] * len(BASIC), float),
        "quadrant": -1 if clip.quadrant is None else list(Quadrant).index(clip.quadrant),
        "cluster": -1 if clip.cluster is None else clip.cluster - 1,
        "gems": np.full(9, np.nan) if clip.gems is None else np.array(clip.gems),
        "tags": np.full(len(MOOD_TAGS), np.nan),
        "dataset": clip.dataset,
        "clip": f"{clip.dataset}/{clip.id}",
        "group": f"{clip.dataset}/{clip.group}",
        "kind": clip.genre or clip.collection,
        "clean": clean and not window,
        "window": window,
        "start": span[0],
        "end": span[1],
        "seconds": features.duration,
    }


def _emotion(clip: Track, span: tuple[float, float] | None) -> Doubles:
    """Ratings of a clip, or the mean of its curves over a span."""
    if span is not None and clip.curve is not None:
        curve = clip.curve
        rows = (curve.times >= span[0]) & (curve.times <= span[1])
        if not rows.any():
            rows = np.abs(curve.times - sum(span) / 2) == np.abs(curve.times - sum(span) / 2).min()
        return np.array([curve.valence[rows].mean(), curve.arousal[rows].mean()])
    nan = float("nan")
    return np.array([nan if v is None else v for v in (clip.valence, clip.arousal)])
