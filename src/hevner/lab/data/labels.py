"""Labels of different datasets brought together: quadrants, GEMS ratings, units.

Conventions
-----------
Labels are valence and arousal, shape ``(n, 2)``, NaN where there is none. ``dataset`` names where
a row comes from, shape ``(n,)``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hevner.emotion import AXES, GEMS
from hevner.errors import DataError
from hevner.lab.data.samples import Samples

Array = NDArray[np.float64]
Names = NDArray[np.str_]

QUADRANT_SIGNS = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], float)
QUADRANT_LEVEL = 0.5
"""Where a clip of which only the quadrant is known lies on the unit scale: in its middle."""

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
"""What the nine GEMS emotions say of valence and arousal; those not named say nothing.

The signs follow the second-order factors of Zentner, Grandjean and Scherer ("Emotions evoked by
the sound of music", Emotion 8, 2008): vitality (joyful activation, power) is active, and joy
pleasant; unease (tension, sadness) is unpleasant; of sublimity, the calm and tender emotions are
pleasant and inactive. Within unease, tension is active and sadness is not, as in Russell's
circumplex (1980). The sizes were set by hand, not fitted, and felt emotion stands in for
perceived: the result is a proxy.
"""


def gems_axes(gems: Array) -> Array:
    """Proxies of valence and arousal from shares of listeners, shape ``(n, 2)``.

    Weighted sums by `GEMS_LOADINGS`, on a scale of their own: bring them to units of a dataset
    with `LabelScale`. NaN stays NaN.

    Parameters
    ----------
    gems
        Shares in the order of `hevner.emotion.GEMS`, shape ``(n, 9)``.
    """
    loadings = [[GEMS_LOADINGS[axis].get(name, 0.0) for axis in AXES] for name in GEMS]
    return np.asarray(gems @ np.array(loadings))


def labels_of(samples: Samples, *, gems: bool = False) -> Array:
    """What is known of valence and arousal, shape ``(n, 2)``, in the units of each dataset.

    Ratings where a dataset has any; else the middles of quadrants; else, if asked for, `gems_axes`.
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

    units: Mapping[str, tuple[Array, Array]]

    @classmethod
    def fit(cls, labels: Array, dataset: Names) -> LabelScale:
        """Take the units of training rows.

        Raises
        ------
        DataError
            If the labels of a dataset are all the same.
        """
        units = {}
        for name in np.unique(dataset):
            mine = labels[dataset == name]
            some = [axis[np.isfinite(axis)] for axis in mine.T]
            mean = np.array([axis.mean() if axis.size else np.nan for axis in some])
            spread = np.array([axis.std() if axis.size else np.nan for axis in some])
            if (spread == 0).any():
                raise DataError(
                    "all labels are the same", subject=str(name), remedy="Leave the dataset out"
                )
            units[str(name)] = (mean, spread)
        return cls(units)

    def align(self, labels: Array, dataset: Names) -> Array:
        """Labels in standard units of their dataset."""
        mean, spread = self._of(dataset)
        return (labels - mean) / spread

    def back(self, values: Array, dataset: Names) -> Array:
        """The reverse of `align`."""
        mean, spread = self._of(dataset)
        return values * spread + mean

    def with_default(self, datasets: Collection[str]) -> LabelScale:
        """The same, with the mean units of some datasets for any that is not known."""
        mean, spread = np.mean([self.units[name] for name in datasets], axis=0)
        return LabelScale({**self.units, "": (mean, spread)})

    def _of(self, dataset: Names) -> tuple[Array, Array]:
        found = [self.units.get(str(name)) or self.units.get("") for name in dataset]
        if None in found:
            name = dataset[found.index(None)]
            raise DataError(
                "units of its labels are not known", subject=str(name), remedy="Use with_default"
            )
        units = np.array(found, float).reshape(-1, 2, len(AXES))
        return units[:, 0], units[:, 1]
