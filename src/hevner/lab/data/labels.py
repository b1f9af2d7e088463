"""Labels of different datasets made comparable: quadrants, GEMS ratings, units.

Conventions
-----------
Labels are valence and arousal, shape ``(n, 2)``, NaN where there is none. ``dataset`` names the
dataset of each row, shape ``(n,)``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Doubles, Integers, Names
from hevner.emotion import AXES, GEMS, Quadrant
from hevner.errors import DataError
from hevner.lab.data.samples import Samples

QUADRANT_SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)
QUADRANT_LEVEL = 0.5
"""Valence and arousal, in size, of a clip of which only the quadrant is known: its middle."""

GEMS_LOADINGS: dict[str, dict[str, float]] = {
    "valence": {
        "joyful activation": 1.0, "calmness": 0.5, "tenderness": 0.5, "tension": -1.0,
        "sadness": -1.0,
    },
    "arousal": {
        "joyful activation": 1.0, "power": 1.0, "tension": 0.7, "calmness": -1.0,
        "tenderness": -0.6, "nostalgia": -0.4, "sadness": -0.3,
    },
}  # fmt: skip
"""Weights of the nine GEMS emotions in valence and arousal; 0 for those not named.

The signs follow the second-order factors of Zentner, Grandjean and Scherer ("Emotions evoked by
the sound of music", Emotion 8, 2008): vitality (joyful activation, power) is active, and joy
pleasant; unease (tension, sadness) is unpleasant; of sublimity, the calm and tender emotions are
pleasant and inactive. Within unease, tension is active and sadness is not, as in Russell's
circumplex (1980). The sizes were set by hand, not fitted, and felt emotion stands in for
perceived: the result is a proxy.
"""


def quadrants_of(points: NDArray[np.floating]) -> Integers:
    """Index into `hevner.emotion.Quadrant` of each point, shape ``(n,)``."""
    order = list(Quadrant)
    return np.array([order.index(Quadrant.of(*point)) for point in points], np.int64)


def gems_axes(gems: Doubles) -> Doubles:
    """Proxies of valence and arousal, ``(n, 2)``, from shares of listeners, ``(n, 9)``.

    Weighted sums by `GEMS_LOADINGS`, on a scale of their own: bring them to units of a dataset
    with `LabelScale`. NaN stays NaN.
    """
    loadings = [[GEMS_LOADINGS[axis].get(name, 0.0) for axis in AXES] for name in GEMS]
    return np.asarray(gems @ np.array(loadings))


def labels_of(samples: Samples, *, gems: bool = False) -> Doubles:
    """Valence and arousal as far as known, shape ``(n, 2)``, in the units of each dataset.

    Ratings where a dataset has any; else the middles of quadrants; else `gems_axes`, if ``gems``.
    """
    labels = samples.emotion.copy()
    for dataset in np.unique(samples.dataset):
        mine = samples.dataset == dataset
        if np.isfinite(labels[mine]).any():
            continue
        quadrant = samples.quadrant[mine]
        if (quadrant >= 0).any():
            middles = QUADRANT_LEVEL * QUADRANT_SIGNS[quadrant]
            labels[mine] = np.where(quadrant[:, None] >= 0, middles, np.nan)
        elif gems:
            labels[mine] = gems_axes(samples.gems[mine])
    return labels


@dataclass(frozen=True)
class LabelScale:
    """Mean and spread of the labels of every dataset, shape ``(2,)`` each; NaN without labels."""

    units: Mapping[str, tuple[Doubles, Doubles]]

    @classmethod
    def fit(cls, labels: Doubles, dataset: Names) -> LabelScale:
        """Compute the units from training rows.

        Raises `DataError` if the labels of a dataset are all the same.
        """
        units = {}
        for name in np.unique(dataset):
            mine = labels[dataset == name]
            some = [axis[np.isfinite(axis)] for axis in mine.T]
            mean = np.array([axis.mean() if axis.size else np.nan for axis in some])
            spread = np.array([axis.std() if axis.size else np.nan for axis in some])
            if (spread == 0).any():
                raise DataError(
                    "all labels are the same",
                    subject=str(name),
                    remedy="Leave the dataset out",
                    code="constant_labels",
                )
            units[str(name)] = (mean, spread)
        return cls(units)

    def align(self, labels: Doubles, dataset: Names) -> Doubles:
        """Labels in standard units of their dataset."""
        mean, spread = self._of(dataset)
        return (labels - mean) / spread

    def back(self, values: Doubles, dataset: Names) -> Doubles:
        """Reverse `align`."""
        mean, spread = self._of(dataset)
        return values * spread + mean

    def with_default(self, datasets: Collection[str]) -> LabelScale:
        """The same units, and the mean units of some datasets for unknown ones."""
        mean, spread = np.mean([self.units[name] for name in datasets], axis=0)
        return LabelScale({**self.units, "": (mean, spread)})

    def _of(self, dataset: Names) -> tuple[Doubles, Doubles]:
        found = [self.units.get(str(name)) or self.units[""] for name in dataset]
        units = np.array(found, float).reshape(-1, 2, len(AXES))
        return units[:, 0], units[:, 1]
