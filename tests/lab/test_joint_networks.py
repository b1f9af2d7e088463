"""The joint networks; numbers in names are those of the paper's acceptance checks."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from hevner.errors import ModelError

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from hevner.lab.joint.networks import (
    HIGHEST_LOG_VARIANCE,
    LOWEST_LOG_VARIANCE,
    Branch,
    Encoded,
    JointNetwork,
    Projections,
    PublishedSequence,
    PublishedVector,
    Recurrent,
    SequenceBranch,
    VectorBranch,
    summary,
)
from tests.errors import raises

SIZE = 1024
VGGISH_DIMENSION = 128
SEQUENCES = ("published", "recurrent")


def sequence_branch(kind: str) -> Branch:
    """A branch over steps of two numbers, in use."""
    torch.manual_seed(4)
    branch = {
        "published": lambda: PublishedSequence(2, 6),
        "recurrent": lambda: SequenceBranch(2, 6, width=5),
    }[kind]()
    return branch.eval()


def parameters(module: nn.Module, *, one_bias: bool = False) -> int:
    return sum(
        values.numel()
        for name, values in module.named_parameters()
        if not (one_bias and "bias_hh" in name)
    )


def assert_same(found: Encoded, wanted: Encoded, tolerance: float = 1e-5) -> None:
    for field in fields(Encoded):
        torch.testing.assert_close(
            getattr(found, field.name), getattr(wanted, field.name), atol=tolerance, rtol=0
        )


def rows(encoded: Encoded, index: slice) -> Encoded:
    return Encoded(*(getattr(encoded, field.name)[index] for field in fields(Encoded)))


def test_check_1_published_sizes() -> None:
    assert parameters(PublishedVector(VGGISH_DIMENSION, SIZE)) == 5_150_976
    emotion, music = PublishedSequence(2, SIZE), PublishedSequence(VGGISH_DIMENSION, SIZE)
    assert parameters(emotion, one_bias=True) == 7_355_904
    assert parameters(music, one_bias=True) == 7_742_976
    assert parameters(emotion) == 7_355_904 + 3_072
    assert parameters(music) == 7_742_976 + 3_072
    assert parameters(Projections(SIZE)) == 2_097_152


def test_published_vector_branch_is_softplus_layers_and_linear_heads() -> None:
    branch = PublishedVector(3, 5)
    values = torch.randn(4, 3)
    layers = [layer for layer in branch.trunk if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in layers] == [256, 512, 512, 1024, 5]
    hidden = values
    for layer in layers:
        hidden = torch.log1p(torch.exp(hidden @ layer.weight.T + layer.bias))
    heads = branch.heads
    wanted = Encoded(
        *(
            hidden @ head.weight.T + head.bias
            for head in (heads.embedding, heads.mean, heads.log_variance)
        )
    )
    assert_same(branch(values), wanted)


def test_published_weights_begin_as_in_keras() -> None:
    torch.manual_seed(1)
    branch, projections = PublishedSequence(2, 64), Projections(64)
    gru = branch.recurrent.gru
    states = gru.weight_hh_l0
    torch.testing.assert_close(states.T @ states, torch.eye(512), atol=1e-4, rtol=0)
    assert all(not values.any() for values in branch.parameters() if values.ndim == 1)
    for weights in projections.parameters():
        assert weights.abs().max() <= 0.2
        # A normal of 0.1, cut at two standard deviations.
        assert weights.std().item() == pytest.approx(0.088, abs=0.004)


@pytest.mark.parametrize("branch", [PublishedVector, PublishedSequence])
def test_published_dropout_acts_only_when_it_is_asked_for(
    branch: type[PublishedVector | PublishedSequence],
) -> None:
    values = torch.randn(3, 2) if branch is PublishedVector else torch.randn(3, 7, 2)
    silent = branch(2, 8)
    assert silent.training
    assert_same(silent(values), silent(values), 0.0)
    torch.manual_seed(0)
    repaired = branch(2, 8, dropout=True)
    assert not torch.allclose(repaired(values).embedding, repaired(values).embedding)
    active = [layer.p for layer in repaired.modules() if isinstance(layer, nn.Dropout)]
    assert active == [0.5] * 4
    repaired.eval()
    assert_same(repaired(values), repaired(values), 0.0)


@pytest.mark.parametrize("kind", SEQUENCES)
def test_check_10_a_sequence_has_its_place_alone_and_in_any_batch(kind: str) -> None:
    branch = sequence_branch(kind)
    values = torch.randn(4, 9, 2)
    lengths = (9, 4, 1, 6)
    present = torch.arange(9) < torch.tensor(lengths)[:, None]
    # What stands in padding is never read.
    values[~present] = math.nan
    together = branch(values, present)
    for i, length in enumerate(lengths):
        alone = branch(values[i : i + 1, :length])
        assert_same(rows(together, slice(i, i + 1)), alone)
    assert not torch.allclose(together.embedding[0], together.embedding[1], atol=1e-3)


@pytest.mark.parametrize("kind", SEQUENCES)
def test_a_step_that_is_missing_in_the_middle_is_passed_over(kind: str) -> None:
    branch = sequence_branch(kind)
    values = torch.randn(2, 6, 2)
    present = torch.tensor([[True, True, False, True, True, True], [False, True, True] * 2])
    found = branch(values, present)
    assert_same(rows(found, slice(0, 1)), branch(values[:1, [0, 1, 3, 4, 5]]))
    assert_same(rows(found, slice(1, 2)), branch(values[1:, [1, 2, 4, 5]]))


def test_recurrent_ends_after_the_last_step_and_backwards_after_the_first() -> None:
    recurrent = Recurrent(3, 4)
    values = torch.randn(2, 5, 3)
    states, _ = recurrent.gru(values)
    wanted = torch.cat([states[:, -1, :4], states[:, 0, 4:]], dim=1)
    torch.testing.assert_close(recurrent(values, None), wanted)


@pytest.mark.parametrize("linear", [True, False])
def test_a_vector_has_its_place_alone_and_in_any_batch(linear: bool) -> None:
    branch = VectorBranch(5, 3, hidden=8, linear=linear).eval()
    values = torch.randn(6, 5)
    together = branch(values)
    assert len(together) == 6
    for i in range(6):
        assert_same(rows(together, slice(i, i + 1)), branch(values[i : i + 1]))


@pytest.mark.parametrize("kind", SEQUENCES)
def test_a_sequence_without_steps_is_an_error(kind: str) -> None:
    present = torch.tensor([[True, False], [False, False]])
    with raises(ModelError, "no_steps"):
        sequence_branch(kind)(torch.zeros(2, 2, 2), present)


def test_summary_of_a_straight_line() -> None:
    steps = torch.linspace(0, 1, 11)
    values = torch.stack([2 * steps, 1 - 3 * steps], dim=1)[None]
    mean, spread, slope, curve = summary(values, points=5).split([2, 2, 2, 10], dim=1)
    torch.testing.assert_close(mean, torch.tensor([[1.0, -0.5]]))
    torch.testing.assert_close(spread, values.std(dim=1, correction=0))
    torch.testing.assert_close(slope, torch.tensor([[2.0, -3.0]]))
    wanted = torch.tensor([-1, -0.5, 0, 0.5, 1])[:, None] * torch.tensor([1, -1.5])
    torch.testing.assert_close(curve.reshape(5, 2), wanted)


def test_summary_is_that_of_the_curve_and_not_of_its_sampling() -> None:
    coarse, fine = (
        summary(torch.sin(3 * torch.linspace(0, 1, n))[None, :, None]) for n in (80, 800)
    )
    torch.testing.assert_close(coarse, fine, atol=0.01, rtol=0)


def test_summary_of_a_single_step_is_its_value() -> None:
    found = summary(torch.tensor([[[0.3, -0.7]]]))
    assert found[0, :2].tolist() == pytest.approx([0.3, -0.7])
    assert not found[0, 2:].any()


def test_repaired_log_variances_stay_in_their_range() -> None:
    branch = VectorBranch(2, 3).eval()
    found = branch(1e4 * torch.randn(50, 2)).log_variance
    assert found.min() >= LOWEST_LOG_VARIANCE
    assert found.max() <= HIGHEST_LOG_VARIANCE
    assert found.max() - found.min() > 9


def test_a_vector_branch_can_read_its_hidden_layer_alone() -> None:
    branch = VectorBranch(5, 3, hidden=4, linear=False).eval()
    assert branch.heads.embedding.in_features == 4
    assert branch(torch.randn(2, 5)).embedding.shape == (2, 3)


def test_published_layers_keep_their_proportions_at_another_width() -> None:
    vector, sequence = PublishedVector(6, 8, width=16), PublishedSequence(2, 8, width=16)
    widths = [[one.out_features for one in branch.trunk if isinstance(one, nn.Linear)]
              for branch in (vector, sequence)]  # fmt: skip
    assert widths == [[8, 16, 16, 32, 8], [16, 16, 16, 32, 8]]
    assert sequence.recurrent.gru.hidden_size == 16


@pytest.mark.parametrize(
    "branch",
    [
        VectorBranch(2, 3, dropout=0.0, noise=0.5),
        VectorBranch(2, 3, dropout=0.9),
        SequenceBranch(2, 3, dropout=0.0, noise=0.5),
        SequenceBranch(2, 3, dropout=0.9),
    ],
)
def test_noise_and_dropout_act_in_training_alone(branch: Branch) -> None:
    values = torch.randn(5, 2) if isinstance(branch, VectorBranch) else torch.randn(5, 4, 2)
    assert not torch.allclose(branch(values).embedding, branch(values).embedding)
    branch.eval()
    assert_same(branch(values), branch(values), 0.0)


@pytest.mark.parametrize(
    "network",
    [
        JointNetwork(PublishedVector(6, 8), PublishedSequence(2, 8), Projections(8)),
        JointNetwork(PublishedSequence(6, 8), PublishedSequence(2, 8), Projections(8)),
        JointNetwork(VectorBranch(6, 4), SequenceBranch(2, 4), Projections(4)),
        JointNetwork(SequenceBranch(6, 4), VectorBranch(2, 4), Projections(4)),
    ],
)
def test_both_sides_go_to_one_space_and_every_weight_learns(network: JointNetwork) -> None:
    def inputs(branch: nn.Module, width: int) -> Tensor:
        vector = isinstance(branch, PublishedVector | VectorBranch)
        return torch.randn(3, width) if vector else torch.randn(3, 5, width)

    a = network.music(inputs(network.music, 6))
    b = network.emotion(inputs(network.emotion, 2))
    for field in fields(Encoded):
        assert getattr(a, field.name).shape == getattr(b, field.name).shape
    parts = [getattr(x, field.name).square().sum() for x in (a, b) for field in fields(Encoded)]
    torch.stack(parts).sum().backward()
    for name, weights in network.named_parameters():
        if not name.startswith("projections"):
            assert weights.grad is not None, name
            assert weights.grad.any(), name
