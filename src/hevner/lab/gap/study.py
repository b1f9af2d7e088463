"""The whole analysis of the gap between datasets: every number of the report.

Conventions
-----------
`Gap.tables` holds rows of one dataclass each, by the name of their CSV file. A table is empty where
the datasets do not allow it: genre needs genres, maps need features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hevner.arrays import Doubles
from hevner.errors import DataError
from hevner.lab.data.samples import Samples
from hevner.lab.gap import bias, features, labels, maps
from hevner.lab.gap.bias import GenreReliance, GenreShare, Probe
from hevner.lab.gap.dominance import Dominance, dominance
from hevner.lab.gap.labels import LabelSummary, names
from hevner.lab.gap.null import Distance, Within

MOST = 2000
"""Tracks of a dataset whose features are used; of more, a random choice."""


@dataclass(frozen=True, eq=False)
class Gap:
    """The analysis.

    Attributes
    ----------
    rated
        Labels of all tracks, without features.
    encoded
        Tracks whose features were used; None if there are none.
    summaries, distances, halves, probes, shares, reliance, dominance
        Tables; see the modules that make them.
    maps
        Coordinates of the rows of ``encoded`` by representation and method.
    """

    rated: Samples
    encoded: Samples | None
    summaries: list[LabelSummary] = field(default_factory=list)
    distances: list[Distance] = field(default_factory=list)
    halves: list[Within] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    shares: list[GenreShare] = field(default_factory=list)
    reliance: list[GenreReliance] = field(default_factory=list)
    dominance: list[Dominance] = field(default_factory=list)
    maps: dict[tuple[str, str], Doubles] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, list[Any]]:
        """Rows by the name of their table."""
        return {
            "labels": self.summaries,
            "distances": self.distances,
            "distances_within": self.halves,
            "probes": self.probes,
            "genre_shares": self.shares,
            "genre_reliance": self.reliance,
            "genre_dominance": self.dominance,
        }

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

    Parameters
    ----------
    rated
        Labels of all tracks of all datasets; features are not used.
    encoded
        Tracks with features, of all or some of the datasets.
    seed
        Seed of everything random.
    report
        Called with the name of each step before it begins.

    Raises
    ------
    DataError
        If there are fewer than two datasets.
    MissingDependencyError
        If a package is not installed.
    """
    if len(names(rated.dataset)) < 2:
        raise DataError(
            "a gap needs two datasets", remedy="Name at least two", code="too_few_datasets"
        )
    maps.require()
    gap = Gap(rated, None if encoded is None else _some(encoded, seed))
    report("ratings")
    gap.summaries.extend(labels.summarise(rated))
    apart, inside = labels.distances(rated, seed)
    gap.distances.extend(apart)
    gap.halves.extend(inside)
    gap.shares.extend(bias.genre_shares(rated, seed))
    if gap.encoded is not None:
        for representation in gap.representations:
            _measure(gap, gap.encoded.only(representation), representation, seed, report)
    return gap


def _measure(
    gap: Gap, samples: Samples, representation: str, seed: int, report: Callable[[str], None]
) -> None:
    """Measure everything about one representation."""
    report(f"{representation}: distances")
    common = features.standardise(samples.blocks[representation], samples.dataset, seed)
    apart, inside = features.distances(representation, common, samples.dataset, samples.group, seed)
    gap.distances.extend(apart)
    gap.halves.extend(inside)
    report(f"{representation}: recognition of dataset and genre")
    gap.probes.extend(bias.dataset_probes(representation, samples, seed))
    gap.probes.extend(bias.genre_probes(representation, samples, seed))
    gap.reliance.extend(bias.genre_reliance(representation, samples, seed))
    report(f"{representation}: leaving out genres")
    gap.dominance.extend(dominance(representation, samples, seed))
    for method in maps.METHODS:
        report(f"{representation}: {method} map")
        gap.maps[representation, method] = maps.draw_map(method, common.components, seed)


def _some(samples: Samples, seed: int) -> Samples:
    """At most `MOST` tracks of each dataset, in their order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for name in names(samples.dataset):
        rows = np.flatnonzero(samples.of(name))
        chosen.append(np.sort(rng.choice(rows, min(MOST, len(rows)), replace=False)))
    return samples.where(np.concatenate(chosen))
