"""Losses of the joint space: correlation, divergence, and the two together. Need torch.

Source: Takashima et al., "Embedding-based Music Emotion Recognition Using Composite Loss" (2023).
Sections and defects are those of the specification that numbers them.

Conventions
-----------
Row i of both sides is the same piece; all other rows are other pieces. ``first`` is music and
``second`` emotions wherever that matters. Every loss falls as pairs get closer, and is finite in
value and gradient for any finite input. Losses that factorise a matrix or divide by a variance
compute in float64 for any input.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from hevner.errors import ModelError
from hevner.lab.joint.networks import Encoded
from hevner.lab.joint.recipe import Reduction

Centring = Literal["reference", "batch"]

RIDGE = 1e-4
"""Added to the variances of every direction (r1 and r2 of section 5.1)."""
_PULL = 1e-3
_LEAST_VARIANCE = 1e-6
_HIGHEST_LOG_VARIANCE = 40.0
"""Far beyond any use; exponentials stay finite."""
_TINY = 1e-12
_CLOSE = 1e-6
"""Differences and values well below this count as 0."""


def cca_loss(
    first: Tensor, second: Tensor, W1: Tensor, W2: Tensor, mode: Centring = "batch"
) -> Tensor:
    """CCA as a penalty on trainable projections of size ``(D, D)`` (section 5.1).

    The penalty adds what both sides violate before it takes absolute values, so violations of
    opposite sign cancel and the loss has no lower bound where embeddings correlate well;
    `dcca_loss` has the correlations themselves.

    The mode "reference" takes from every row its own mean over dimensions, as the authors' code
    does, so the covariances are not centred (defect D2); "batch" takes from every dimension its
    mean over rows. Fewer than two rows raise `ModelError`.
    """
    axis = 1 if mode == "reference" else 0
    S11, S22, S12 = _covariances(first, second, axis, RIDGE)
    correlation = W1.T @ S12 @ W2
    # The square root of the whole product C C^T has no gradient where an entry off the diagonal is
    # negative, so the diagonal is taken first (defect D12).
    total = torch.sqrt(correlation.square().sum(dim=1) + _TINY).sum()
    twice = 2 * torch.eye(len(S11)).to(S11)
    violation: Tensor = twice - W1.T @ S11 @ W1 - W2.T @ S22 @ W2
    return 0.5 * violation.abs().sum() - total


def dcca_loss(first: Tensor, second: Tensor, ridge: float = RIDGE) -> Tensor:
    """Minus the sum of canonical correlations of a batch (Andrew et al., 2013).

    Unchanged by invertible linear maps of either side, but for the ridge, which is added to both
    variances. Fewer than two rows raise `ModelError`.
    """
    whitened, _, _ = _whitened(first, second, ridge)
    correlations: Tensor = torch.linalg.svdvals(whitened)
    return -correlations.sum()


def cca_layer(
    first: Tensor, second: Tensor, components: int | None = None, ridge: float = RIDGE
) -> tuple[Tensor, Tensor]:
    """Canonical variates of a batch, through which gradients flow (Dorfer et al., 2018).

    Both sides are float64, shape ``(m, components)``, most correlated first: column k of one
    correlates with column k of the other alone. Without ``components``, ``min(D1, D2)`` are kept;
    those beyond the rank of the batch, at most ``m - 1``, are arbitrary. Fewer than two rows raise
    `ModelError`.
    """
    whitened, L1, L2 = _whitened(first, second, ridge)
    U, _, V = singular(whitened)
    variates = []
    for rows, L, vectors in ((first, L1, U), (second, L2, V)):
        centred = (rows - rows.mean(dim=0)).double()
        projection = torch.linalg.solve_triangular(L.T, vectors[:, :components], upper=True)
        variates.append(centred @ projection)
    return variates[0], variates[1]


def cosine_rank_loss(
    first: Tensor, second: Tensor, margin: float = 0.5, negatives: Tensor | None = None
) -> Tensor:
    """Max-margin ranking of pairs by the cosine, both ways; the mean over all negatives.

    On top of `cca_layer` this is the loss of Dorfer et al. (2018). The cosine of a pair is to
    exceed that of a negative (see `rank_loss`) by the margin.
    """
    cosines = _cosines(first, second)
    mask = _mask(negatives, cosines)
    total = _hinges(-cosines, margin, mask) + _hinges(-cosines.T, margin, mask)
    return total / mask.sum().clamp(min=1)


def divergences(a: Encoded, b: Encoded) -> Tensor:
    """KL divergences between Gaussians: entry (i, j) is KL(a_i || b_j), in nats, at least 0.

    Variances are ``exp(log_variance) + 1e-6``, as published. Float64, shape ``(len(a), len(b))``.
    """
    a_mean, b_mean = a.mean.double(), b.mean.double()
    a_variance, b_variance = _variance(a), _variance(b)
    precision = 1 / b_variance
    ratio = a_variance @ precision.T
    distance = (
        a_mean.square() @ precision.T
        - 2 * a_mean @ (b_mean * precision).T
        + (b_mean.square() * precision).sum(dim=1)
    )
    logarithm = b_variance.log().sum(dim=1) - a_variance.log().sum(dim=1)[:, None]
    # Rounding leaves equal Gaussians a hair on either side of 0.
    return (0.5 * (ratio + distance - a.mean.shape[1] + logarithm)).clamp(min=0)


def rank_loss(
    music: Encoded,
    emotion: Encoded,
    margin: float = 1.0,
    reduction: Reduction = "sum",
    pull: float = _PULL,
    negatives: Tensor | None = None,
) -> Tensor:
    """Bidirectional max-margin ranking by KL divergence (section 5.2).

    For an emotion i, KL(music_i || emotion_i) should be below KL(music_j || emotion_i) by the
    margin, in nats; for a music i, KL(emotion_i || music_i) below KL(emotion_j || music_i).
    ``pull`` is the weight of the divergences of pairs themselves.

    The reduction "sum" is the published one: hinges are summed, and the pull counts ``m`` times
    because the authors' code broadcasts it over the matrix of hinges. "mean" adds the mean hinges
    of both directions and the mean pull, so that no part depends on ``m``. The mask ``(m, m)``,
    such as from `negatives`, has the rows j that are negatives of row i; None takes all others
    (defect D16), and the diagonal is never one.
    """
    by_emotion = divergences(music, emotion).T
    by_music = divergences(emotion, music).T
    mask = _mask(negatives, by_music)
    own = by_emotion.diagonal() + by_music.diagonal()
    hinges = _hinges(by_emotion, margin, mask) + _hinges(by_music, margin, mask)
    if reduction == "mean":
        return hinges / mask.sum().clamp(min=1) + pull * own.mean()
    return hinges + pull * len(own) * own.sum()


def negatives(emotions: Tensor, nearest: float) -> Tensor:
    """Mask of pieces whose emotions ``(m, k)`` are far enough apart to be negatives of each other.

    Bool, shape ``(m, m)``, symmetric, False on the diagonal. A piece with NaN is nobody's negative
    and has none; ``nearest`` is the least Euclidean distance.
    """
    far = _distances(emotions) >= nearest
    return far & ~torch.eye(len(far), dtype=torch.bool)


def emosim(first: Tensor, second: Tensor, emotions: Tensor) -> Tensor:
    """EmoSim: squared difference of cosines and similarities of emotions (Doh et al., 2023).

    The mean over all pairs (i, j) of ``(cos(first_i, second_j) - 1 + d_ij)**2`` (section 13), where
    ``d_ij`` is the distance between the emotions of i and j on a scale from 0 to 1, half that on
    the unit scale. Emotions have shape ``(m, 2)``; pairs with NaN do not count.
    """
    wanted = 1 - 0.5 * _distances(emotions)
    known = torch.isfinite(wanted)
    cosines = _cosines(first, second)
    error = torch.where(known, cosines - torch.nan_to_num(wanted), 0).square()
    return error.sum() / known.sum().clamp(min=1)


def sizes(cca: Tensor, kl: Tensor) -> tuple[float, float]:
    """Sizes of both terms, as divisors that balance them: absolute values, at least 1e-6.

    They are taken from the first batch before the first step, and kept for the whole run.
    """
    return max(abs(cca.item()), 1e-6), max(abs(kl.item()), 1e-6)


def composite(
    cca: Tensor | None, kl: Tensor | None, weight: float, scales: tuple[float, float] = (1.0, 1.0)
) -> Tensor:
    """The composite loss ``weight * cca + (1 - weight) * kl`` (section 5.3).

    The term without weight may be None. The terms are divided by the scales: ones are as published,
    where the terms differ by orders of magnitude; `sizes` of the first batch balances them.
    """
    parts = [
        share * term / scale
        for share, term, scale in zip((weight, 1 - weight), (cca, kl), scales, strict=True)
        if share and term is not None
    ]
    return torch.stack(parts).sum()


def _covariances(
    first: Tensor, second: Tensor, axis: int, ridge: float
) -> tuple[Tensor, Tensor, Tensor]:
    """S11, S22 and S12 of section 5.1, of rows centred along an axis."""
    if len(first) < 2:
        raise ModelError(
            "one row has no correlation", remedy="Use batches of two or more", code="too_few_rows"
        )
    first = first - first.mean(dim=axis, keepdim=True)
    second = second - second.mean(dim=axis, keepdim=True)
    degrees = len(first) - 1
    S11, S22 = (
        rows.T @ rows / degrees + ridge * torch.eye(rows.shape[1]).to(rows)
        for rows in (first, second)
    )
    return S11, S22, first.T @ second / degrees


def _whitened(first: Tensor, second: Tensor, ridge: float) -> tuple[Tensor, Tensor, Tensor]:
    """``L1^-1 S12 L2^-T`` with the Cholesky factors L of both variances.

    It differs from ``S11^-1/2 S12 S22^-1/2`` by rotations of both sides, so its singular values
    are the same; its gradient, unlike that of a matrix root, is finite for equal eigenvalues.
    """
    S11, S22, S12 = _covariances(first.double(), second.double(), 0, ridge)
    L1, L2 = torch.linalg.cholesky(S11), torch.linalg.cholesky(S22)
    half = torch.linalg.solve_triangular(L1, S12, upper=False)
    return torch.linalg.solve_triangular(L2, half.T, upper=False).T, L1, L2


def _variance(encoded: Encoded) -> Tensor:
    logarithm = encoded.log_variance.double().clamp(max=_HIGHEST_LOG_VARIANCE)
    return logarithm.exp() + _LEAST_VARIANCE


def _mask(wanted: Tensor | None, matrix: Tensor) -> Tensor:
    """Negatives: all others, or those of them that are wanted."""
    others = ~torch.eye(len(matrix), dtype=torch.bool)
    return others if wanted is None else others & wanted


def _hinges(matrix: Tensor, margin: float, mask: Tensor) -> Tensor:
    """Sum over negatives j of anchors i; entry (i, j) is how far j is from i."""
    own = matrix.diagonal()[:, None]
    return torch.where(mask, (margin + own - matrix).clamp(min=0), 0).sum()


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    """Between all rows, shape ``(m, n)``; 0 for a row of zeros."""
    first, second = (
        rows / (rows.square().sum(dim=1, keepdim=True) + _TINY).sqrt() for rows in (first, second)
    )
    return first @ second.T


def _distances(emotions: Tensor) -> Tensor:
    """Euclidean, between all rows."""
    return (emotions[:, None] - emotions).square().sum(dim=-1).sqrt()


def singular(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """U ``(n1, k)``, falling s ``(k,)`` and V ``(n2, k)`` of ``matrix = U diag(s) V^T``.

    The gradient of singular vectors divides by differences of squared singular values, and that of
    PyTorch is NaN where two are equal, as the zeros of a small batch always are. Which vectors
    belong to equal values is arbitrary, so no useful loss depends on it, and that part of the
    gradient is left out here.
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
