"""Losses of the unified model: against labels and against teachers, one per kind of head.

Conventions
-----------
Every loss takes the raw outputs of a head and gives one number per row, without NaN, and a mask
of the rows that have one. NaN in a label or teacher means that there is none; the loss of a row is
the mean over the entries it has, so a row rated on one axis counts like one rated on both. The
published losses are those of Kang and Herremans (2025), sections 5 and 9.4 of the specification
that numbers them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from hevner.errors import ModelError
from hevner.lab.unified.networks import Head
from hevner.lab.unified.recipe import TrainingSettings
from hevner.lab.unified.rows import Rows

_LABELS_ALONE = TrainingSettings()

_SURE = 1e-6
"""A teacher's probability is kept this far from 0 and 1, where its log odds are infinite."""


class RowLoss(NamedTuple):
    """Losses of ``n`` rows, 0 where there is none, and which rows have one, bool."""

    value: Tensor
    known: Tensor


class Losses(NamedTuple):
    """Means over the rows of a batch, ``(heads, datasets)``, 0 for none, and where there is one."""

    value: Tensor
    known: Tensor

    @property
    def total(self) -> Tensor:
        """Plain sum over the heads and datasets that are present (section 5)."""
        return self.value.sum()


def published_tag_weights(frequency: Tensor) -> tuple[Tensor, Tensor]:
    """Weights of a present and of an absent tag in the published loss, from their share of rows.

    The paper's ``weight = 2 / (1 + 1/p)`` times ``pos_weight = 1/p`` for present tags, written so
    that a tag without examples has finite weights: ``2 / (1 + p)`` and ``2 p / (1 + p)``. At the
    optimum a tag of true probability ``p`` scores ``1 / (2 - p)``; adding ``log p`` to the log odds
    undoes that (sections 5 and 9.4).
    """
    return 2 / (1 + frequency), 2 * frequency / (1 + frequency)


def supervised(
    head: Head, outputs: Tensor, labels: Tensor, tag_weights: tuple[Tensor, Tensor] | None = None
) -> RowLoss:
    """Loss against labels ``(n, k)``, NaN for no label.

    Squared error for "values", Gaussian negative log-likelihood for "gaussian", whose raw outputs
    are ``(n, 2 k)``, binary cross-entropy for "tags" and "shares" (labels in [0, 1], hard or soft),
    cross-entropy for "classes" (rows add up to 1). The weights of present and absent tags
    (`published_tag_weights`) are used for "tags" alone.
    """
    known = torch.isfinite(labels)
    wanted = torch.nan_to_num(labels)
    match head.kind:
        case "values":
            return _over_entries((outputs - wanted) ** 2, known)
        case "gaussian":
            mean, log_variance = outputs.chunk(2, dim=1)
            error = (mean - wanted) ** 2 * torch.exp(-log_variance)
            loss = 0.5 * (error + log_variance + math.log(2 * math.pi))
            return _over_entries(loss, known)
        case "tags" | "shares":
            # softplus(-x) is -log sigmoid(x): what a present tag costs.
            present, absent = functional.softplus(-outputs), functional.softplus(outputs)
            if tag_weights is not None and head.kind == "tags":
                present, absent = present * tag_weights[0], absent * tag_weights[1]
            return _over_entries(wanted * present + (1 - wanted) * absent, known)
        case "classes":
            loss = -(wanted * functional.log_softmax(outputs, dim=1)).sum(dim=1)
            return _over_rows(loss, known)


def distilled_as_published(
    head: Head, outputs: Tensor, teachers: Tensor, temperature: float
) -> RowLoss:
    """Published distillation: KL between softmax(teacher / T) and softmax(student / T).

    The softmax goes across the outputs of the head, although tags do not exclude each other and
    valence and arousal are no classes; so the level of valence and arousal is lost (defects 5 and 6
    of section 9.3). Student and teacher are logits, or values, ``(n, k)``, NaN for no teacher. A
    head that the paper does not have, of another kind than "tags" and "values", raises
    `ModelError`.
    """
    if head.kind not in ("tags", "values"):
        raise ModelError(
            f"published distillation knows no head of kind {head.kind} ({head.name})",
            remedy='Choose distillation "repaired"',
            code="wrong_head",
        )
    known = torch.isfinite(teachers)
    teacher = torch.log_softmax(torch.nan_to_num(teachers) / temperature, dim=1)
    student = torch.log_softmax(outputs / temperature, dim=1)
    return _over_rows((teacher.exp() * (teacher - student)).sum(dim=1), known)


def distilled(head: Head, outputs: Tensor, teachers: Tensor, temperature: float) -> RowLoss:
    """Repaired distillation: every output learns from the teacher's output (section 9.3).

    "values" take the squared error to the teacher. "gaussian" takes the KL between two Gaussians
    of the student's own variance, held fixed: a teacher is smoother than people are, so the
    variance is learned from labels alone. "tags" and "shares" take the KL between Bernoulli
    distributions of each output, "classes" that between distributions over the classes; both are
    softened by the temperature T and multiplied by T squared, which keeps the size of gradients
    (Hinton et al., 2015). Teachers are values or probabilities, ``(n, k)``, NaN for no teacher.
    """
    known = torch.isfinite(teachers)
    wanted = torch.nan_to_num(teachers)
    match head.kind:
        case "values":
            return _over_entries((outputs - wanted) ** 2, known)
        case "gaussian":
            mean, log_variance = outputs.chunk(2, dim=1)
            precision = torch.exp(-log_variance.detach())
            return _over_entries(0.5 * (mean - wanted) ** 2 * precision, known)
        case "tags" | "shares":
            odds = torch.logit(wanted.clamp(_SURE, 1 - _SURE)) / temperature
            loss = _bernoulli_divergence(odds, outputs / temperature)
            return _over_entries(temperature**2 * loss, known)
        case "classes":
            teacher = torch.log_softmax(wanted.clamp(min=_SURE).log() / temperature, dim=1)
            student = torch.log_softmax(outputs / temperature, dim=1)
            loss = (teacher.exp() * (teacher - student)).sum(dim=1)
            return _over_rows(temperature**2 * loss, known)


def losses(
    heads: Sequence[Head],
    outputs: Mapping[str, Tensor],
    rows: Rows,
    datasets: int,
    settings: TrainingSettings = _LABELS_ALONE,
    tag_weights: Mapping[str, tuple[Tensor, Tensor]] | None = None,
) -> Losses:
    """Mean losses of a batch, by head and dataset.

    A row with label and teacher counts ``w * distillation + (1 - w) * supervised``, a row with one
    of them counts that one alone. Datasets that are not in the batch, and heads without a label in
    a dataset, add nothing (section 5). Takes raw outputs by name of the head, the number of
    datasets, kind, weight w and temperature T of the distillation, and weights of tags by name of
    the head (`published_tag_weights`).
    """
    member = functional.one_hot(rows.dataset, datasets).T.float()
    values, known = [], []
    for head in heads:
        loss = RowLoss(torch.zeros_like(member[0]), torch.zeros_like(member[0]).bool())
        if head.name in rows.labels:
            weights = (tag_weights or {}).get(head.name)
            loss = supervised(head, outputs[head.name], rows.labels[head.name], weights)
        if settings.distillation != "none" and head.name in rows.teachers:
            published = settings.distillation == "as_published"
            teach = distilled_as_published if published else distilled
            teachers = rows.teachers[head.name]
            taught = teach(head, outputs[head.name], teachers, settings.temperature)
            loss = _mixed(taught, loss, settings.distillation_weight)
        count = member @ loss.known.float()
        some = count > 0
        values.append(member @ loss.value / torch.where(some, count, 1))
        known.append(some)
    return Losses(torch.stack(values), torch.stack(known))


def _mixed(taught: RowLoss, labelled: RowLoss, weight: float) -> RowLoss:
    both = weight * taught.value + (1 - weight) * labelled.value
    # The value of a row without loss is 0, so the sum is that of the only one.
    single = taught.value + labelled.value
    value = torch.where(taught.known & labelled.known, both, single)
    return RowLoss(value, taught.known | labelled.known)


def _bernoulli_divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """KL of Bernoulli distributions given by their log odds, one by one."""
    present = functional.logsigmoid(teacher) - functional.logsigmoid(student)
    absent = functional.logsigmoid(-teacher) - functional.logsigmoid(-student)
    return torch.sigmoid(teacher) * present + torch.sigmoid(-teacher) * absent


def _over_entries(loss: Tensor, known: Tensor) -> RowLoss:
    """Mean over the known entries of each row."""
    count = known.sum(dim=1)
    return RowLoss(torch.where(known, loss, 0).sum(dim=1) / count.clamp(min=1), count > 0)


def _over_rows(loss: Tensor, known: Tensor) -> RowLoss:
    """Loss of the rows whose entries are all known."""
    whole = known.all(dim=1)
    return RowLoss(torch.where(whole, loss, 0), whole)
