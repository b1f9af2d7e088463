"""Rows of the unified model."""

from __future__ import annotations

from dataclasses import replace

import torch

from hevner.errors import DataError
from tests.errors import raises
from tests.lab.unified.worlds import CLASSES, EMOTION, HEADS, NAN, TAGS, VALUES, concatenate, rows


def test_some_rows_by_number_and_by_mask() -> None:
    table = concatenate(rows(3, 0, EMOTION), rows(2, 4, TAGS))
    by_mask = table.rows(table.dataset == 4)
    by_number = table.rows(torch.tensor([3, 4]))
    assert len(by_mask) == 2
    assert by_mask.dataset.tolist() == [4, 4]
    assert by_mask.digest() == by_number.digest()
    assert torch.equal(by_mask.inputs.vector, table.inputs.vector[3:])
    assert torch.equal(by_mask.labels["tags"], table.labels["tags"][3:])
    assert table.labelled("emotion").tolist() == [True] * 3 + [False] * 2
    assert not table.labelled("quadrants").any()


def test_one_axis_is_enough_to_be_labelled() -> None:
    table = rows(2, 0, EMOTION)
    table.labels["emotion"][0] = torch.tensor([0.3, NAN])
    table.labels["emotion"][1] = NAN
    assert table.labelled("emotion").tolist() == [True, False]


def test_labels_must_be_what_the_heads_learn() -> None:
    table = rows(3, 0, *HEADS)
    table.check(HEADS)
    spoilt = [
        replace(table, labels={"tags": torch.full((3, 5), 1.5)}),
        replace(table, labels={"quadrants": torch.full((3, 4), 0.5)}),
        replace(table, teachers={"tags": torch.full((3, 5), -2.0)}),
    ]
    for bad in spoilt:
        with raises(DataError, "out_of_range"):
            bad.check(HEADS)
    spoilt[2].check(HEADS, logits=True)
    replace(table, labels={"quadrants": torch.full((3, 4), NAN)}).check([CLASSES])
    replace(table, labels={"values": torch.full((3, 2), 7.0)}).check([VALUES])


def test_digest_sees_labels_teachers_and_inputs() -> None:
    table = rows(3, 0, EMOTION)
    assert table.digest() == rows(3, 0, EMOTION).digest()
    others = [
        replace(table, labels={"emotion": table.labels["emotion"] + 0.1}),
        replace(table, teachers={"emotion": table.labels["emotion"]}),
        replace(table, inputs=replace(table.inputs, minor=1 - table.inputs.minor)),
        replace(table, dataset=table.dataset + 1),
    ]
    assert len({table.digest(), *(other.digest() for other in others)}) == 5
