"""The whole analysis of the gap between datasets: every number of the report.

Conventions
-----------
`Gap.tables` holds rows of one dataclass each, by the name of their CSV file. A table is empty where
the datasets do not allow it: genre needs genres, maps need features.

A *map* shows a representation in two dimensions, shape ``(n, 2)``: similar tracks lie close
together; its axes have no meaning and no unit. It is made from the principal components of
`hevner.lab.gap.distances.Standardised`; the same seed gives the same map.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hevner import extras
from hevner.arrays import Doubles
from hevner.errors import DataError
from hevner.lab.data.samples import Samples, names
from hevner.lab.gap import bias, distances, labels

MOST = 2000
"""Tracks of a dataset whose features are used; of more, a random choice."""

PERPLEXITY = 30.0
NEIGHBOURS = 15
FEWEST = 10
"""Least number of rows of a map."""


@dataclass(frozen=True, eq=False)
class Gap:
    """The analysis: labels of all tracks, and tracks whose features were used, None without any.

    ``tables`` are rows by the name of their table, ``maps`` coordinates of the rows of ``encoded``
    by representation and method.
    """

    rated: Samples
    encoded: Samples | None
    tables: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    maps: dict[tuple[str, str], Doubles] = field(default_factory=dict)

    @property
    def representations(self) -> list[str]:
        """Names of the representations."""
        return [] if self.encoded is None else list(self.encoded.blocks)


def analyse(
    rated: Samples,
    encoded: Samples | None = None,
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda _step: None,
) -> Gap:
    """Measure the gap between datasets.

    ``rated`` has the labels of all tracks, ``encoded`` the tracks with features, of all or some of
    the datasets. ``report`` is called with the name of each step before it begins. Raises
    `DataError` if there are fewer than two datasets, or too few tracks for a map;
    `MissingDependencyError` if a package is not installed.
    """
    if len(names(rated.dataset)) < 2:
        raise DataError(
            "a gap needs two datasets", remedy="Name at least two", code="too_few_datasets"
        )
    extras.require("lab", "the gap analysis", "sklearn", "umap")
    gap = Gap(rated, None if encoded is None else _some(encoded, seed))
    report("ratings")
    gap.tables["labels"] += labels.summarise(rated)
    apart, inside = labels.distances(rated, seed)
    gap.tables["distances"] += apart
    gap.tables["distances_within"] += inside
    gap.tables["genre_shares"] += bias.genre_shares(rated, seed)
    if gap.encoded is not None:
        for representation in gap.representations:
            _measure(gap, gap.encoded.only(representation), representation, seed, report)
    return gap


def _measure(
    gap: Gap, samples: Samples, representation: str, seed: int, report: Callable[[str], None]
) -> None:
    """Measure everything about one representation."""
    if len(samples) < FEWEST:
        raise DataError(
            f"{len(samples)} tracks are too few for a map",
            remedy=f"Take at least {FEWEST}",
            code="too_few_tracks",
        )
    report(f"{representation}: distances")
    common = distances.standardise(samples.blocks[representation], samples.dataset, seed)
    apart, inside = distances.compare_datasets(
        representation, common.measures, samples.dataset, samples.group, seed
    )
    gap.tables["distances"] += apart
    gap.tables["distances_within"] += inside
    report(f"{representation}: recognition of dataset and genre")
    gap.tables["probes"] += bias.dataset_probes(representation, samples, seed)
    gap.tables["probes"] += bias.genre_probes(representation, samples, seed)
    gap.tables["genre_reliance"] += bias.genre_reliance(representation, samples, seed)
    report(f"{representation}: leaving out genres")
    gap.tables["genre_dominance"] += bias.dominance(representation, samples, seed)
    for method, draw_map in (("t-SNE", tsne), ("UMAP", umap)):
        report(f"{representation}: {method} map")
        gap.maps[representation, method] = draw_map(common.components, seed)


def tsne(components: Doubles, seed: int) -> Doubles:
    """Map of components ``(n, p)`` by t-SNE."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(model.fit_transform(components), np.float64)


def umap(components: Doubles, seed: int) -> Doubles:
    """Map of components ``(n, p)`` by UMAP."""
    from umap import UMAP

    # One thread: with several, the same seed gives different maps. The spectral start is
    # undefined for very few rows.
    model = UMAP(
        n_neighbors=min(NEIGHBOURS, len(components) - 1),
        init="spectral" if len(components) > 50 else "random",
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(model.fit_transform(components), np.float64)


def _some(samples: Samples, seed: int) -> Samples:
    """At most `MOST` tracks of each dataset, in their order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for name in names(samples.dataset):
        rows = np.flatnonzero(samples.of(name))
        chosen.append(np.sort(rng.choice(rows, min(MOST, len(rows)), replace=False)))
    return samples.where(np.concatenate(chosen))
