"""What the model predicts for a number of pieces or windows, and the arithmetic of its heads.

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

from hevner.arrays import Floats, Mask, Rows

Selection = Mask | Rows | list[int] | slice


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

    outputs: dict[str, Floats]
    half_widths: dict[str, Floats]
    familiarity: Floats

    @property
    def values(self) -> Floats:
        """Valence and arousal, shape ``(n, 2)``."""
        return self.outputs["emotion"]

    @property
    def halves(self) -> Floats:
        """Half-widths of the intervals of valence and arousal, shape ``(n, 2)``."""
        return self.half_widths["emotion"]

    def arrays(self) -> dict[str, Floats]:
        """All arrays by a name of their own; the reverse of `from_arrays`."""
        widths = {f"{name}.half": array for name, array in self.half_widths.items()}
        return {**self.outputs, **widths, "familiarity": self.familiarity}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Floats]) -> Self:
        """The prediction of which these are the `arrays`."""
        widths = {n.removesuffix(".half"): a for n, a in arrays.items() if n.endswith(".half")}
        outputs = {n: a for n, a in arrays.items() if n != "familiarity" and "." not in n}
        return cls(outputs, widths, arrays["familiarity"])

    def where(self, rows: Selection) -> Self:
        """Some of the rows."""
        return self.from_arrays({name: array[rows] for name, array in self.arrays().items()})

    @classmethod
    def merged(cls, count: int, parts: Iterable[tuple[Selection, Self]], blank: float = 0) -> Self:
        """One prediction of ``count`` rows: each part fills its rows, ``blank`` the others."""
        whole: dict[str, Floats] = {}
        for rows, part in parts:
            for name, array in part.arrays().items():
                if name not in whole:
                    whole[name] = np.full((count, *array.shape[1:]), blank, np.float32)
                whole[name][rows] = array
        return cls.from_arrays(whole)


def sigmoid(odds: Floats) -> Floats:
    """Probabilities from log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def softmax(scores: Floats) -> Floats:
    """Positive rows that add up to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)
