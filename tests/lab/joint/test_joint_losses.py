"""Losses of the joint space; numbers in names are those of the paper's acceptance checks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.cross_decomposition import CCA
from torch import Tensor
from torch.autograd import gradcheck

from hevner.errors import ModelError
from hevner.lab.joint.losses import (
    cca_layer,
    cca_loss,
    composite,
    cosine_rank_loss,
    dcca_loss,
    divergences,
    emosim,
    negatives,
    rank_loss,
    singular,
    sizes,
)
from hevner.lab.joint.networks import Encoded, JointNetwork, Projections, VectorBranch
from tests.errors import raises

SMALL = {"max_examples": 40, "deadline": None, "derandomize": True}


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def normal(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def gaussians(draw: torch.Generator, m: int, D: int) -> Encoded:
    return Encoded(normal(draw, m, D), normal(draw, m, D), normal(draw, m, D))


def related(draw: torch.Generator, m: int = 80) -> tuple[Tensor, Tensor]:
    """Two sides of five and four numbers that share three."""
    shared = normal(draw, m, 3)
    first = torch.cat([shared + 0.3 * normal(draw, m, 3), normal(draw, m, 2)], dim=1)
    second = torch.cat([shared @ normal(draw, 3, 3), normal(draw, m, 1)], dim=1)
    return first, second


def correlations(first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """Canonical correlations in closed form: cosines between the spaces the columns span."""
    bases = [np.linalg.qr(x - x.mean(axis=0))[0] for x in (first.numpy(), second.numpy())]
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)


# --- CCA with trainable projections


@pytest.mark.parametrize("mode", ["reference", "batch"])
def test_cca_loss_is_that_of_the_formula(draw: torch.Generator, mode: str) -> None:
    first, second, W1, W2 = (normal(draw, *shape) for shape in [(9, 4), (9, 4), (4, 4), (4, 4)])
    F1, F2, A, B = (x.numpy() for x in (first, second, W1, W2))
    axis = 0 if mode == "batch" else 1
    F1, F2 = (F - F.mean(axis=axis, keepdims=True) for F in (F1, F2))
    S11, S22 = (F.T @ F / 8 + 1e-4 * np.eye(4) for F in (F1, F2))
    C = A.T @ (F1.T @ F2 / 8) @ B
    violated = (np.eye(4) - A.T @ S11 @ A) + (np.eye(4) - B.T @ S22 @ B)
    wanted = 0.5 * np.abs(violated).sum() - np.linalg.norm(C, axis=1).sum()
    assert cca_loss(first, second, W1, W2, mode).item() == pytest.approx(wanted, abs=1e-5)  # type: ignore[arg-type]


def test_check_4_only_batch_centring_ignores_a_constant(draw: torch.Generator) -> None:
    first, second, W1, W2 = (normal(draw, *shape) for shape in [(9, 4), (9, 4), (4, 4), (4, 4)])
    moved = first + normal(draw, 4)
    assert cca_loss(moved, second, W1, W2).item() == pytest.approx(
        cca_loss(first, second, W1, W2).item(), abs=1e-9
    )
    apart = cca_loss(moved, second, W1, W2, "reference") - cca_loss(
        first, second, W1, W2, "reference"
    )
    assert abs(apart.item()) > 0.1


@pytest.mark.parametrize("mode", ["reference", "batch"])
def test_check_4_and_d12_cca_gradients_are_finite_at_a_random_start(
    draw: torch.Generator, mode: str
) -> None:
    torch.manual_seed(0)
    first = torch.randn(12, 32, generator=draw, requires_grad=True)
    second = torch.randn(12, 32, generator=draw, requires_grad=True)
    projections = Projections(32)
    product = projections.music.T @ first.T @ second @ projections.emotion
    assert (product @ product.T < 0).any(), "the trap needs negative entries off the diagonal"
    cca_loss(first, second, projections.music, projections.emotion, mode).backward()  # type: ignore[arg-type, no-untyped-call]
    for tensor in (first, second, projections.music, projections.emotion):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
        assert tensor.grad.abs().max() > 0


def test_cca_gradient_is_finite_where_nothing_correlates() -> None:
    first, second = torch.zeros(6, 3, requires_grad=True), torch.zeros(6, 3, requires_grad=True)
    cca_loss(first, second, torch.eye(3), torch.eye(3)).backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


def test_violations_of_both_sides_cancel_so_that_the_cca_loss_has_no_bound(
    draw: torch.Generator,
) -> None:
    rows = normal(draw, 40, 2)
    rows = torch.linalg.qr(rows - rows.mean(dim=0))[0] * math.sqrt(39)
    u, v = torch.tensor([[1.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, -1.0], [0.0, 0.0]])
    losses = [cca_loss(rows, rows, a * u.double(), a * v.double()).item() for a in (1, 10, 100)]
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] < -1000


@pytest.mark.parametrize("loss", ["batch", "reference", "dcca", "layer"])
def test_the_order_of_rows_does_not_matter(draw: torch.Generator, loss: str) -> None:
    first, second = related(draw)
    first = first[:, :4]
    W1, W2 = normal(draw, 4, 4), normal(draw, 4, 4)
    functions: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "batch": lambda a, b: cca_loss(a, b, W1, W2),
        "reference": lambda a, b: cca_loss(a, b, W1, W2, "reference"),
        "dcca": dcca_loss,
        "layer": lambda a, b: cosine_rank_loss(*cca_layer(a, b)),
    }
    order = torch.randperm(len(first), generator=draw)
    assert functions[loss](first[order], second[order]).item() == pytest.approx(
        functions[loss](first, second).item(), rel=1e-9
    )
    # Other pairs are another matter.
    other = functions[loss](first[order], second).item()
    assert other != pytest.approx(functions[loss](first, second).item(), rel=1e-3)


# --- Deep and analytic CCA


def test_dcca_is_minus_the_sum_of_canonical_correlations(draw: torch.Generator) -> None:
    first, second = related(draw)
    assert -dcca_loss(first, second, 0.0).item() == pytest.approx(
        correlations(first, second).sum(), abs=1e-9
    )


def test_layer_has_the_correlations_of_the_closed_form_and_of_scikit_learn(
    draw: torch.Generator,
) -> None:
    first, second = related(draw)
    variates = [x.numpy() for x in cca_layer(first, second, ridge=0.0)]
    found = [np.corrcoef(a, b)[0, 1] for a, b in zip(*(x.T for x in variates), strict=True)]
    np.testing.assert_allclose(found, correlations(first, second), atol=1e-9)
    sides = CCA(4, max_iter=5000, tol=1e-12).fit_transform(first.numpy(), second.numpy())
    theirs = [np.corrcoef(a, b)[0, 1] for a, b in zip(*(x.T for x in sides), strict=True)]
    np.testing.assert_allclose(found, theirs, atol=1e-4)


def test_variates_have_unit_variance_and_correlate_one_by_one(draw: torch.Generator) -> None:
    first, second = related(draw)
    a, b = cca_layer(first, second, ridge=0.0)
    degrees = len(a) - 1
    torch.testing.assert_close(a.T @ a / degrees, torch.eye(4).double())
    torch.testing.assert_close(b.T @ b / degrees, torch.eye(4).double())
    cross = torch.from_numpy(np.diag(correlations(first, second)))
    torch.testing.assert_close(a.T @ b / degrees, cross)
    fewer = cca_layer(first, second, 2, ridge=0.0)
    torch.testing.assert_close(fewer[0], a[:, :2])
    torch.testing.assert_close(fewer[1], b[:, :2])


@given(seed=st.integers(0, 2**31))
@settings(**SMALL)
def test_dcca_and_layer_are_unchanged_by_invertible_maps_of_either_side(seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    first, second = related(draw)
    maps = []
    for size in (5, 4):
        left, right = (torch.linalg.qr(normal(draw, size, size))[0] for _ in range(2))
        stretch = torch.exp(torch.rand(size, generator=draw, dtype=torch.float64) - 0.5)
        maps.append(left * stretch @ right)
    moved = first @ maps[0] + normal(draw, 5), second @ maps[1] + normal(draw, 4)
    assert dcca_loss(*moved, 0.0).item() == pytest.approx(
        dcca_loss(first, second, 0.0).item(), abs=1e-9
    )
    ranked = [cosine_rank_loss(*cca_layer(*x, ridge=0.0)).item() for x in (moved, (first, second))]
    assert ranked[0] == pytest.approx(ranked[1], abs=1e-7)


@pytest.mark.parametrize("case", ["few rows", "same", "constant"])
def test_correlation_gradients_are_finite_for_degenerate_batches(
    draw: torch.Generator, case: str
) -> None:
    first = torch.randn(6 if case == "few rows" else 30, 8, generator=draw)
    second = first.clone() if case == "same" else torch.randn(len(first), 8, generator=draw)
    if case == "constant":
        first = torch.ones_like(first)
    first.requires_grad_()
    second.requires_grad_()
    for loss in (dcca_loss(first, second), _projected(first, second)):
        first.grad = second.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(loss)
        assert first.grad is not None
        assert torch.isfinite(first.grad).all()
        assert second.grad is not None
        assert torch.isfinite(second.grad).all()


def _projected(first: Tensor, second: Tensor) -> Tensor:
    return cosine_rank_loss(*cca_layer(first, second), margin=1.5)


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_singular_has_the_gradient_of_a_function_of_all_its_parts(
    draw: torch.Generator, shape: tuple[int, int]
) -> None:
    matrix = normal(draw, *shape).requires_grad_()
    weight = normal(draw, shape[0], shape[1])

    def function(values: Tensor) -> Tensor:
        U, s, V = singular(values)
        # Signs of vectors are arbitrary; their products are not.
        return ((U * s**2) @ V.T * weight).sum() + ((U[:, :1] @ V[:, :1].T) * weight).sum()

    assert gradcheck(function, (matrix,))


# --- KL


def test_check_2_kl_of_a_known_pair() -> None:
    zero, one = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    narrow, wide = Encoded(zero, zero, zero), Encoded(zero, one, math.log(2.0) * one)
    assert divergences(narrow, wide).item() == pytest.approx(0.3466, abs=1e-4)
    assert divergences(narrow, narrow).item() == pytest.approx(0.0, abs=1e-12)


def test_check_2_kl_is_that_of_torch_in_the_stated_orientation(draw: torch.Generator) -> None:
    a, b = gaussians(draw, 4, 7), gaussians(draw, 3, 7)
    found = divergences(a, b)
    assert found.shape == (4, 3)
    distributions = [
        torch.distributions.Normal(x.mean, (x.log_variance.exp() + 1e-6).sqrt()) for x in (a, b)
    ]
    p, q = (
        torch.distributions.Normal(d.loc[index], d.scale[index])
        for d, index in zip(
            distributions, [(slice(None), None), (None, slice(None))], strict=True
        )
    )  # fmt: skip
    wanted = torch.distributions.kl_divergence(p, q).sum(dim=-1)
    torch.testing.assert_close(found, wanted)
    assert not torch.allclose(found[:3], found[:3].T)


NUMBERS = arrays(np.float64, (2, 3, 4), elements=st.floats(-8, 8))


@given(values=NUMBERS)
@settings(**SMALL)
def test_kl_is_not_negative_and_zero_for_equal_gaussians_alone(
    values: NDArray[np.float64],
) -> None:
    mean, log_variance = torch.from_numpy(values)
    a = Encoded(mean, mean, log_variance)
    found = divergences(a, a)
    assert (found >= 0).all()
    assert found.diagonal().max() < 1e-6
    for i in range(3):
        for j in range(3):
            apart = max(
                ((mean[i] - mean[j]) ** 2 * torch.exp(-log_variance[j])).max().item(),
                (log_variance[i] - log_variance[j]).abs().max().item(),
            )
            if apart > 0.01:
                assert found[i, j] > 1e-6


def test_kl_is_finite_for_absurd_variances() -> None:
    mean = torch.tensor([[0.0], [3.0], [-50.0]])
    log_variance = torch.tensor([[-1e4], [1e4], [0.0]], requires_grad=True)
    music = Encoded(mean, mean.requires_grad_(), log_variance)
    emotion = Encoded(mean, mean.flip(0), log_variance.flip(0))
    loss = rank_loss(music, emotion)
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(loss)
    for tensor in (mean, log_variance):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


# --- Ranking


def kl(p: Encoded, i: int, q: Encoded, j: int) -> float:
    """KL(p_i || q_j), one dimension after the other."""
    total = 0.0
    for d in range(p.mean.shape[1]):
        s0, s1 = (math.exp(x.log_variance[k, d].item()) + 1e-6 for x, k in ((p, i), (q, j)))
        gap = (q.mean[j, d] - p.mean[i, d]).item()
        total += 0.5 * (s0 / s1 + gap**2 / s1 - 1 + math.log(s1) - math.log(s0))
    return total


def looped(
    music: Encoded, emotion: Encoded, margin: float, allowed: Tensor
) -> tuple[float, float, int]:
    """Sum of hinges, sum of divergences of pairs, and number of negatives, by section 5.2."""
    m = len(music)
    hinges, own = 0.0, 0.0
    for i in range(m):
        own += kl(music, i, emotion, i) + kl(emotion, i, music, i)
        for j in range(m):
            if j == i or not allowed[i, j]:
                continue
            hinges += max(0.0, margin + kl(music, i, emotion, i) - kl(music, j, emotion, i))
            hinges += max(0.0, margin + kl(emotion, i, music, i) - kl(emotion, j, music, i))
    return hinges, own, int(allowed.sum() - allowed.diagonal().sum())


@pytest.mark.parametrize("masked", [False, True])
def test_check_3_rank_loss_is_that_of_a_double_loop(draw: torch.Generator, masked: bool) -> None:
    music, emotion = gaussians(draw, 5, 3), gaussians(draw, 5, 3)
    mask = torch.rand(5, 5, generator=draw) < 0.6 if masked else None
    allowed = torch.ones(5, 5, dtype=torch.bool) if mask is None else mask
    hinges, own, count = looped(music, emotion, 1.0, allowed)
    found = rank_loss(music, emotion, negatives=mask)
    assert found.item() == pytest.approx(hinges + 1e-3 * 5 * own)
    mean = rank_loss(music, emotion, 1.0, "mean", 0.1, mask)
    assert mean.item() == pytest.approx(hinges / count + 0.1 * own / 5)
    wider = rank_loss(music, emotion, 3.0, pull=0.0, negatives=mask)
    assert wider.item() == pytest.approx(looped(music, emotion, 3.0, allowed)[0])


def test_without_negatives_only_the_pull_is_left(draw: torch.Generator) -> None:
    music, emotion = gaussians(draw, 4, 2), gaussians(draw, 4, 2)
    nobody = torch.zeros(4, 4, dtype=torch.bool)
    found = rank_loss(music, emotion, reduction="mean", pull=1.0, negatives=nobody)
    own = divergences(music, emotion).trace() + divergences(emotion, music).trace()
    assert found.item() == pytest.approx(own.item() / 4)
    assert cosine_rank_loss(music.mean, emotion.mean, negatives=nobody).item() == 0


def test_cosine_ranking_is_that_of_a_double_loop(draw: torch.Generator) -> None:
    first, second = normal(draw, 5, 3), normal(draw, 5, 3)
    cosine = torch.nn.functional.cosine_similarity(first[:, None], second[None], dim=-1)
    total = 0.0
    for i in range(5):
        for j in set(range(5)) - {i}:
            total += max(0.0, (0.3 - cosine[i, i] + cosine[i, j]).item())
            total += max(0.0, (0.3 - cosine[i, i] + cosine[j, i]).item())
    assert cosine_rank_loss(first, second, 0.3).item() == pytest.approx(total / 20)


def test_pieces_of_like_emotion_are_no_negatives() -> None:
    nan = math.nan
    emotions = torch.tensor([[0.0, 0.0], [0.1, 0.0], [0.0, 0.3], [nan, 0.0]])
    assert negatives(emotions, 0.2).tolist() == [
        [False, False, True, False],
        [False, False, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]


def test_emosim_is_the_squared_error_of_cosines() -> None:
    first = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    second = torch.tensor([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    emotions = torch.tensor([[0.0, 0.0], [0.6, 0.8], [math.nan, 0.0]])
    half = math.sqrt(0.5)
    # The first two emotions are 1 apart of the 2 the scale is wide.
    wanted = ((1 - 1) ** 2 + (half - 0.5) ** 2 + (0 - 0.5) ** 2 + (half - 1) ** 2) / 4
    assert emosim(first, second, emotions).item() == pytest.approx(wanted, abs=1e-6)


def test_cosine_losses_have_finite_gradients_at_zero() -> None:
    first, second = torch.zeros(3, 2, requires_grad=True), torch.ones(3, 2, requires_grad=True)
    loss = emosim(first, second, torch.rand(3, 2)) + cosine_rank_loss(first, second)
    loss.backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


# --- Both together


def test_composite_weighs_its_terms_and_skips_one_without_weight() -> None:
    cca, divergence = torch.tensor(-4.0), torch.tensor(10.0, dtype=torch.float64)
    assert composite(cca, divergence, 0.25).item() == pytest.approx(6.5)
    assert composite(cca, None, 1.0).item() == -4
    assert composite(None, divergence, 0.0).item() == 10
    # A term that is given but has no weight does not spoil the sum.
    assert composite(torch.tensor(math.nan), divergence, 0.0).item() == 10


def test_balanced_terms_are_one_at_the_start_and_keep_their_sign() -> None:
    cca, divergence = torch.tensor(-4.0), torch.tensor(1000.0)
    scales = sizes(cca, divergence)
    assert scales == (4.0, 1000.0)
    assert composite(cca, divergence, 0.5, scales).item() == pytest.approx(0.0)
    assert composite(2 * cca, divergence, 0.5, scales).item() == pytest.approx(-0.5)
    assert min(sizes(torch.tensor(0.0), torch.tensor(0.0))) > 0


def test_a_single_row_has_no_correlation() -> None:
    row = torch.ones(1, 3)
    for loss in (
        lambda: cca_loss(row, row, torch.eye(3), torch.eye(3)),
        lambda: dcca_loss(row, row),
        lambda: cca_layer(row, row),
    ):
        with raises(ModelError, "too_few_rows"):
            loss()


def test_gradcheck_of_every_loss(draw: torch.Generator) -> None:
    first, second, W1, W2, means, others = (
        normal(draw, *shape).requires_grad_()
        for shape in [(7, 3), (7, 3), (3, 3), (3, 3), (7, 3), (7, 3)]
    )
    points = torch.rand(7, 2, generator=draw, dtype=torch.float64)
    mask = negatives(points, 0.2)

    def ranked(*parts: Tensor) -> Tensor:
        music, emotion = (Encoded(parts[k], parts[k], parts[k + 2]) for k in (0, 1))
        return rank_loss(music, emotion, 2.0, "sum", 1.0, mask)

    assert gradcheck(cca_loss, (first, second, W1, W2))
    assert gradcheck(lambda *x: cca_loss(*x, "reference"), (first, second, W1, W2))  # type: ignore[call-arg]
    assert gradcheck(dcca_loss, (first, second))
    assert gradcheck(lambda *x: cosine_rank_loss(*cca_layer(*x, 2)), (first, second))  # type: ignore[call-arg]
    assert gradcheck(lambda *x: cosine_rank_loss(*x, 0.5, mask), (first, second))  # type: ignore[call-arg]
    assert gradcheck(ranked, (first, second, means, others))
    assert gradcheck(lambda *x: emosim(*x, points), (first, second))  # type: ignore[call-arg]


LOSSES = ("cca reference", "cca batch", "dcca", "layer", "kl sum", "kl mean", "emosim", "composite")


@pytest.mark.parametrize("name", LOSSES)
def test_a_short_training_reduces_the_loss_and_brings_pairs_together(name: str) -> None:
    torch.manual_seed(2)
    emotions = torch.rand(48, 2) * 2 - 1
    music = emotions @ torch.randn(2, 10) + 0.1 * torch.randn(48, 10)
    network = JointNetwork(
        VectorBranch(10, 4, hidden=8, dropout=0.0), VectorBranch(2, 4, hidden=8, dropout=0.0),
        Projections(4),
    )  # fmt: skip
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    history = []
    before = _closeness(name, network, music, emotions)
    for _ in range(60):
        loss = _loss(name, network, music, emotions)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        history.append(loss.item())
    assert all(math.isfinite(value) for value in history)
    assert history[-1] < history[0] - 0.05 * abs(history[0])
    assert _closeness(name, network, music, emotions) > before


def _loss(name: str, network: JointNetwork, music: Tensor, emotions: Tensor) -> Tensor:
    a, b = network.music(music), network.emotion(emotions)
    assert network.projections is not None
    W1, W2 = network.projections.music, network.projections.emotion
    match name:
        case "cca reference":
            return cca_loss(a.embedding, b.embedding, W1, W2, "reference")
        case "cca batch":
            return cca_loss(a.embedding, b.embedding, W1, W2)
        case "dcca":
            return dcca_loss(a.embedding, b.embedding)
        case "layer":
            return cosine_rank_loss(*cca_layer(a.embedding, b.embedding, 2))
        case "kl sum":
            return rank_loss(a, b, negatives=negatives(emotions, 0.1))
        case "kl mean":
            return rank_loss(a, b, reduction="mean", pull=0.1)
        case "emosim":
            return emosim(a.embedding, b.embedding, emotions)
    return composite(dcca_loss(a.embedding, b.embedding), rank_loss(a, b), 0.5, (4.0, 1e4))


def _closeness(name: str, network: JointNetwork, music: Tensor, emotions: Tensor) -> float:
    """How much closer pairs are than others, by what the loss is about."""
    with torch.no_grad():
        a, b = network.music(music), network.emotion(emotions)
        if name.startswith("cca"):
            assert network.projections is not None
            variates = [
                (x.embedding - x.embedding.mean(dim=0 if "batch" in name else 1, keepdim=True)) @ W
                for x, W in ((a, network.projections.music), (b, network.projections.emotion))
            ]
            return (variates[0].T @ variates[1]).norm(dim=1).sum().item()
        if name == "dcca":
            return float(correlations(a.embedding, b.embedding).sum())
        if name in ("layer", "emosim"):
            sides = (a.embedding, b.embedding)
            if name == "layer":
                sides = cca_layer(*sides, 2)
            cosine = torch.nn.functional.cosine_similarity(sides[0][:, None], sides[1], dim=-1)
            return (cosine.diagonal().mean() - cosine.mean()).item()
        rank = divergences(a, b)
        return (rank > rank.diagonal()).double().mean().item()
