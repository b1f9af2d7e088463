"""Singular value decomposition with gradients that stay finite. Needs torch.

The gradient of singular vectors divides by differences of squared singular values, and that of
PyTorch is NaN where two are equal, as the zeros of a small batch always are. Which vectors belong
to equal values is arbitrary, so no useful loss depends on it, and that part of the gradient is left
out here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_CLOSE = 1e-6
"""Differences and values well below this count as 0."""


def singular(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U, s and V of ``matrix = U diag(s) V^T``, with ``k = min(matrix.shape)`` columns each.

    Returns
    -------
    tuple of Tensor
        Shapes ``(n1, k)``, ``(k,)`` falling, and ``(n2, k)``.
    """
    U, s, V = _Singular.apply(matrix)  # type: ignore[no-untyped-call]
    return U, s, V


class _Singular(torch.autograd.Function):
    """Forward by LAPACK, backward by the formula of Townsend (2016) with safe quotients."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        U, s, Vh = torch.linalg.svd(matrix, full_matrices=False)
        V = Vh.T.contiguous()
        ctx.save_for_backward(U, s, V)
        return U, s, V

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        saved: tuple[Tensor, Tensor, Tensor] = ctx.saved_tensors
        U, s, V = saved
        gU, gs, gV = gradients
        quotients = _inverse(s.square() - s.square()[:, None])
        left, right = U.T @ gU, V.T @ gV
        inner = (left - left.T) * quotients * s + s[:, None] * (right - right.T) * quotients
        inner = inner + torch.diag(gs)
        # Change of the space that the vectors span; zero for a square matrix.
        inverse = _inverse(s)
        turned = (gU - U @ left) * inverse @ V.T + U @ (inverse[:, None] * (gV - V @ right).T)
        return U @ inner @ V.T + turned


def _inverse(values: Tensor) -> Tensor:
    """1 / values; about 0 where they are."""
    return values / (values.square() + _CLOSE**2)
