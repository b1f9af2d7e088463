"""Losses of the unified model; numbers in names are those of the paper's acceptance checks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hevner.errors import ModelError
from hevner.lab.unified.losses import (
    distilled,
    distilled_as_published,
    losses,
    published_tag_weights,
    supervised,
)
from hevner.lab.unified.networks import Head
from hevner.lab.unified.recipe import Distillation, TrainingSettings
from hevner.lab.unified.rows import Rows
from tests.errors import raises
from tests.lab.unified.worlds import (
    CLASSES,
    EMOTION,
    HEADS,
    NAN,
    SHARES,
    TAGS,
    VALUES,
    Small,
    concatenate,
    rows,
)


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_squared_error_averages_both_axes_or_the_one_there_is() -> None:
    outputs = torch.tensor([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]])
    loss = supervised(VALUES, outputs, torch.tensor([[2.0, 4.0], [3.0, NAN], [NAN, NAN]]))
    assert loss.value.tolist() == [2.5, 4.0, 0.0]
    assert loss.known.tolist() == [True, True, False]


def test_gaussian_likelihood_is_that_of_torch(draw: torch.Generator) -> None:
    outputs = torch.randn(6, 4, generator=draw)
    labels = torch.randn(6, 2, generator=draw)
    labels[0, 0] = NAN
    normal = torch.distributions.Normal(outputs[:, :2], (outputs[:, 2:] / 2).exp())
    wanted = -normal.log_prob(torch.nan_to_num(labels))
    loss = supervised(EMOTION, outputs, labels).value
    torch.testing.assert_close(loss[1:], wanted[1:].mean(dim=1))
    torch.testing.assert_close(loss[0], wanted[0, 1])


def test_a_missing_label_has_no_gradient() -> None:
    for head, width in [(EMOTION, 4), (TAGS, 5), (SHARES, 3), (CLASSES, 4), (VALUES, 2)]:
        outputs = torch.ones(2, width, requires_grad=True)
        labels = torch.full((2, head.outputs), NAN)
        labels[1] = 1 / head.outputs
        for loss in (supervised(head, outputs, labels), distilled(head, outputs, labels, 2.0)):
            assert loss.known.tolist() == [False, True]
            (gradient,) = torch.autograd.grad(loss.value.sum(), outputs)
            assert torch.isfinite(gradient).all()
            assert not gradient[0].any()


def test_tags_and_shares_take_soft_labels(draw: torch.Generator) -> None:
    for head in (TAGS, SHARES):
        outputs = torch.randn(4, head.outputs, generator=draw)
        labels = torch.rand(4, head.outputs, generator=draw)
        wanted = functional.binary_cross_entropy_with_logits(outputs, labels, reduction="none")
        torch.testing.assert_close(supervised(head, outputs, labels).value, wanted.mean(dim=1))


def test_classes_take_soft_rows(draw: torch.Generator) -> None:
    outputs = torch.randn(5, 4, generator=draw)
    labels = torch.softmax(torch.randn(5, 4, generator=draw), dim=1)
    wanted = functional.cross_entropy(outputs, labels, reduction="none")
    torch.testing.assert_close(supervised(CLASSES, outputs, labels).value, wanted)


def test_6_published_weights_of_tags(draw: torch.Generator) -> None:
    present, absent = published_tag_weights(torch.tensor([0.05, 0.0]))
    torch.testing.assert_close(present, torch.tensor([2 / 1.05, 2.0]))
    torch.testing.assert_close(absent, torch.tensor([0.1 / 1.05, 0.0]))
    p = torch.rand(5, generator=draw)
    outputs, labels = torch.randn(4, 5, generator=draw), torch.rand(4, 5, generator=draw).round()
    wanted = functional.binary_cross_entropy_with_logits(
        outputs, labels, weight=2 / (1 + 1 / p), pos_weight=1 / p
    )
    loss = supervised(TAGS, outputs, labels, published_tag_weights(p)).value.mean()
    torch.testing.assert_close(loss, wanted)


def test_6_optimum_of_published_weights_is_undone_by_prior_correction() -> None:
    p = torch.tensor([0.5, 0.25, 0.1, 0.05, 0.02], dtype=torch.float64)
    logit = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([logit], max_iter=200, tolerance_grad=1e-12)

    def loss() -> Tensor:
        optimiser.zero_grad()
        # The true rate as a soft label is the expectation over hard ones.
        value = supervised(TAGS, logit, p[None], published_tag_weights(p)).value.sum()
        value.backward()
        return value

    for _ in range(5):
        optimiser.step(loss)
    fitted = logit.detach()
    torch.testing.assert_close(torch.sigmoid(fitted)[0], 1 / (2 - p), atol=1e-4, rtol=0)
    torch.testing.assert_close(torch.sigmoid(fitted + torch.log(p))[0], p, atol=1e-4, rtol=0)


def test_7_published_distillation_is_batch_mean_kl(draw: torch.Generator) -> None:
    student, teacher = torch.randn(2, 6, 5, generator=draw)
    for temperature in (1.0, 3.0):
        wanted = functional.kl_div(
            functional.log_softmax(student / temperature, dim=1),
            functional.softmax(teacher / temperature, dim=1),
            reduction="batchmean",
        )
        loss = distilled_as_published(TAGS, student, teacher, temperature)
        torch.testing.assert_close(loss.value.mean(), wanted)


def test_7_only_repaired_distillation_sees_the_level_of_valence_and_arousal() -> None:
    student, teacher = torch.tensor([[4.0, 6.0]]), torch.tensor([[5.0, 5.5]])
    published = [
        distilled_as_published(VALUES, s, teacher, 1.0).value for s in (student, student + 3)
    ]
    torch.testing.assert_close(published[0], published[1])
    assert published[0] > 0
    assert distilled(VALUES, student, teacher, 1.0).value.tolist() == [0.625]
    assert distilled(VALUES, student + 3, teacher, 1.0).value > 5
    wide = torch.cat([student, torch.zeros(1, 2)], dim=1)
    level = torch.tensor([[3.0, 3.0, 0, 0]])
    assert (
        distilled(EMOTION, wide + level, teacher, 1.0).value
        > distilled(EMOTION, wide, teacher, 1.0).value
    )


def test_published_distillation_has_no_other_heads() -> None:
    with raises(ModelError, "wrong_head"):
        distilled_as_published(CLASSES, torch.zeros(1, 4), torch.zeros(1, 4), 1.0)


@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("head", [TAGS, SHARES, CLASSES], ids=lambda head: head.kind)
def test_repaired_distillation_is_least_at_the_teacher(
    head: Head, temperature: float, draw: torch.Generator
) -> None:
    logits = torch.randn(6, head.outputs, generator=draw)
    squash = torch.sigmoid if head is not CLASSES else lambda x: torch.softmax(x, dim=1)
    teacher = squash(logits)
    same = distilled(head, logits, teacher, temperature).value
    torch.testing.assert_close(same, torch.zeros(6), atol=1e-5, rtol=0)
    other = torch.randn(6, head.outputs, generator=draw)
    assert (distilled(head, other, teacher, temperature).value > 1e-3).all()


def test_tags_are_distilled_one_by_one(draw: torch.Generator) -> None:
    student, teacher = torch.randn(4, 5, generator=draw), torch.rand(4, 5, generator=draw)
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(teacher), torch.distributions.Bernoulli(logits=student)
    )
    loss = distilled(TAGS, student, teacher, 1.0).value
    torch.testing.assert_close(loss, wanted.mean(dim=1), atol=1e-5, rtol=1e-4)
    soft = torch.distributions.kl_divergence(
        torch.distributions.Bernoulli(logits=torch.logit(teacher) / 2),
        torch.distributions.Bernoulli(logits=student / 2),
    )
    warm = distilled(TAGS, student, teacher, 2.0).value
    torch.testing.assert_close(warm, 4 * soft.mean(dim=1), atol=1e-5, rtol=1e-4)
    assert torch.isfinite(distilled(TAGS, student, teacher.round(), 1.0).value).all()


def test_a_teacher_does_not_shrink_the_variance() -> None:
    outputs = torch.tensor([[0.2, 0.1, -1.0, 0.5]], requires_grad=True)
    loss = distilled(EMOTION, outputs, torch.tensor([[0.5, 0.1]]), 1.0).value.sum()
    (gradient,) = torch.autograd.grad(loss, outputs)
    assert gradient[0, 0] < 0
    assert not gradient[0, 1:].any()


def batch_loss(distillation: Distillation, **teachers: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of the emotion head with a dataset of labels: with teachers and by themselves."""
    table = replace(rows(4, 0, EMOTION), teachers=teachers)
    outputs = Small().eval()(table.inputs)
    found = losses(HEADS, outputs, table, 2, TrainingSettings(distillation=distillation))
    return found.value, supervised(EMOTION, outputs["emotion"], table.labels["emotion"]).value


def test_9_weights_of_distillation_and_labels() -> None:
    teacher = torch.full((4, 2), 0.3)
    teacher[3] = NAN
    outputs = Small().eval()(rows(4, 0).inputs)["emotion"]
    taught = distilled(EMOTION, outputs, teacher, 1.0).value
    value, labelled = batch_loss("repaired", emotion=teacher)
    mixed = 0.8 * taught[:3] + 0.2 * labelled[:3]
    torch.testing.assert_close(value[0, 0], torch.cat([mixed, labelled[3:]]).mean())
    alone, labelled = batch_loss("none", emotion=teacher)
    torch.testing.assert_close(alone[0, 0], labelled.mean())


def test_a_teacher_without_labels_counts_in_full() -> None:
    teacher = torch.rand(4, 5, generator=torch.Generator().manual_seed(1))
    value, _ = batch_loss("repaired", tags=teacher)
    outputs = Small().eval()(rows(4, 0).inputs)["tags"]
    torch.testing.assert_close(value[1, 0], distilled(TAGS, outputs, teacher, 1.0).value.mean())


def test_9_total_is_the_plain_sum_over_the_datasets_present() -> None:
    first, second = rows(4, 0, EMOTION, CLASSES), rows(9, 2, EMOTION, TAGS)
    network = Small().eval()

    def found(table: Rows) -> Tensor:
        return losses(HEADS, network(table.inputs), table, 3).total

    both = concatenate(first, second)
    torch.testing.assert_close(found(both), found(first) + found(second))
    parts = losses(HEADS, network(both.inputs), both, 3)
    assert parts.known.tolist() == [[True, False, True], [False, False, True], [True, False, False]]
    assert not parts.value[~parts.known].any()
