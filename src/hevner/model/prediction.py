"""What the model predicts for a number of pieces or windows.

Conventions
-----------
Valence and arousal are on the unit scale. Half-widths are those of intervals of coverage
`hevner.result.COVERAGE`. Arrays have one row per vector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Selection = NDArray[np.bool_] | NDArray[np.intp] | list[int] | slice


@dataclass(frozen=True, eq=False)
class Prediction:
    """Numbers of every head for ``n`` vectors.

    Attributes
    ----------
    outputs
        By name of the head (`hevner.heads.HEADS`), shape ``(n, outputs)``; ``(n, 0)`` where the
        model lacks the head.
    half_widths
        Half-widths of the intervals of the heads that have them, of the same shapes.
    familiarity
        In [0, 1], shape ``(n,)``.
    """

    outputs: dict[str, Array]
    half_widths: dict[str, Array]
    familiarity: Array

    @property
    def values(self) -> Array:
        """Valence and arousal, shape ``(n, 2)``."""
        return self.outputs["emotion"]

    @property
    def halves(self) -> Array:
        """Half-widths of the intervals of valence and arousal, shape ``(n, 2)``."""
        return self.half_widths["emotion"]

    @property
    def quadrants(self) -> Array:
        """Probabilities of the quadrants, shape ``(n, 4)``."""
        return self.outputs["quadrants"]

    @property
    def gems(self) -> Array:
        """Expected shares of listeners by GEMS emotion, shape ``(n, 9)``."""
        return self.outputs["gems"]

    @property
    def tags(self) -> Array:
        """Probabilities of `hevner.emotion.MOOD_TAGS`, shape ``(n, 56)`` or ``(n, 0)``."""
        return self.outputs["tags"]

    def arrays(self) -> dict[str, Array]:
        """All arrays by a name of their own; the reverse of `from_arrays`."""
        widths = {f"{name}.half": array for name, array in self.half_widths.items()}
        return {**self.outputs, **widths, "familiarity": self.familiarity}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> Self:
        """The prediction of which these are the `arrays`."""
        widths = {n.removesuffix(".half"): a for n, a in arrays.items() if n.endswith(".half")}
        outputs = {n: a for n, a in arrays.items() if n != "familiarity" and "." not in n}
        return cls(outputs, widths, arrays["familiarity"])

    def where(self, rows: Selection) -> Self:
        """Some of the rows."""
        return self.from_arrays({name: array[rows] for name, array in self.arrays().items()})

    @classmethod
    def merged(cls, count: int, parts: Iterable[tuple[Selection, Self]], blank: float = 0) -> Self:
        """Predictions for different rows as one.

        Parameters
        ----------
        count
            Number of rows of the result.
        parts
            Rows of the result, and the prediction for these; at least one.
        blank
            Stands in the rows that no part fills.
        """
        whole: dict[str, Array] = {}
        for rows, part in parts:
            for name, array in part.arrays().items():
                if name not in whole:
                    whole[name] = np.full((count, *array.shape[1:]), blank, np.float32)
                whole[name][rows] = array
        return cls.from_arrays(whole)


def mixed(linear: Array, network: Array | None, weight: float) -> Array:
    """Mean of linear heads and the network, of that weight; None where the network has no head."""
    if network is None:
        return linear
    return np.asarray((1 - weight) * linear + weight * network, np.float32)


def sigmoid(odds: Array) -> Array:
    """Probabilities from log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def softmax(scores: Array) -> Array:
    """Positive rows that add up to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
