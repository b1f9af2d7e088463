"""Places of musics or emotions in the joint space. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Encoded:
    """Places of ``m`` musics or emotions, in ``D`` dimensions.

    Attributes
    ----------
    embedding
        Vectors that are correlated with those of the other side (CCA), shape ``(m, D)``.
    mean, log_variance
        Mean and log-variance of a Gaussian with independent dimensions (KL), shapes ``(m, D)``.
    """

    embedding: Tensor
    mean: Tensor
    log_variance: Tensor

    def __len__(self) -> int:
        return len(self.embedding)
