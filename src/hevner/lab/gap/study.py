"""The whole analysis of the gap between datasets: every number of the report.

Conventions
-----------
`Gap.tables` holds rows of one dataclass each, under the name of the CSV file they become. A table
is empty where the datasets do not allow it: genre needs genres, maps need features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hevner.errors import DataError
from hevner.lab.data.samples import Samples
from hevner.lab.gap import bias, features, labels, maps
from hevner.lab.gap.bias import GenreReliance, GenreShare, Probe
from hevner.lab.gap.dominance import Dominance, dominance
from hevner.lab.gap.labels import LabelSummary, names
from hevner.lab.gap.null import Array, Distance, Within

MOST = 2000
"""Tracks of a dataset whose features are looked at; of more, a random choice."""


@dataclass(frozen=True, eq=False)
class Gap:
    """The analysis.

    Attributes
    ----------
    rated
        Labels of all tracks, without features.
    heard
        The tracks whose features were looked at; None if there are none.
    summaries, distances, halves, probes, shares, reliance, dominance
        Tables; see the modules they come from.
    maps
        Coordinates of the rows of ``heard`` by representation and method.
    """

    rated: Samples
    heard: Samples | None
    summaries: list[LabelSummary] = field(default_factory=list)
    distances: list[Distance] = field(default_factory=list)
    halves: list[Within] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    shares: list[GenreShare] = field(default_factory=list)
    reliance: list[GenreReliance] = field(default_factory=list)
    dominance: list[Dominance] = field(default_factory=list)
    maps: dict[tuple[str, str], Array] = field(default_factory=dict)

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
        return [] if self.heard is None else list(self.heard.blocks)


def analyse(
    rated: Samples,
    heard: Samples | None = None,
    *,
    seed: int = 0,
    report: Callable[[str], None] = lambda _step: None,
) -> Gap:
    """Measure the gap between datasets.

    Parameters
    ----------
    rated
        Labels of all tracks of all datasets; features are not used.
    heard
        Tracks with features, of all or some of the datasets.
    seed
        Of everything random.
    report
        Called with what is about to be done.

    Raises
    ------
    DataError
        If there are fewer than two datasets.
    MissingDependencyError
        If a package is not installed.
    """
    if len(names(rated.dataset)) < 2:
        raise DataError("a gap needs two sides", remedy="Name at least two datasets")
    maps.require()
    gap = Gap(rated, None if heard is None else _some(heard, seed))
    report("ratings")
    gap.summaries.extend(labels.summarise(rated))
    apart, inside = labels.distances(rated, seed)
    gap.distances.extend(apart)
    gap.halves.extend(inside)
    gap.shares.extend(bias.genre_shares(rated, seed))
    for representation in gap.representations:
        _hear(gap, representation, seed, report)
    return gap


def _hear(gap: Gap, representation: str, seed: int, report: Callable[[str], None]) -> None:
    """Everything about one representation."""
    assert gap.heard is not None
    samples = gap.heard.only(representation)
    report(f"{representation}: distances")
    common = features.space(samples.blocks[representation], samples.dataset, seed)
    apart, inside = features.distances(representation, common, samples.dataset, samples.group, seed)
    gap.distances.extend(apart)
    gap.halves.extend(inside)
    report(f"{representation}: what it gives away of dataset and genre")
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
