"""Scores in cards: which figures are compared, and which are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hevner.errors import ModelError
from hevner.model import registry
from hevner.model.scores import compare, scores
from tests.errors import raises
from tests.model.test_registry import make


def row(value: float = 0.7, half: float | None = 0.1, **changes: Any) -> dict[str, Any]:
    edges = (None, None) if half is None else (value - half, value + half)
    return {
        "protocol": "cross-validation",
        "dataset": "musemo",
        "metric": "valence r",
        "value": value,
        "low": edges[0],
        "high": edges[1],
        "n": 258,
        "groups": 74,
        "seeds": 5,
    } | changes


def model(folder: Path, name: str, *rows: dict[str, Any], **fields: Any) -> registry.Entry:
    measured = {"run": f"run of {name}", "rows": list(rows)}
    return registry.read(make(folder, name, **{"scores": measured} | fields))


@pytest.mark.parametrize(
    ("value", "half", "apart"),
    [
        (0.71, 0.1, False),
        (0.85, 0.1, False),
        (0.95, 0.1, True),
        (0.4, 0.1, True),
        (0.9, None, None),
    ],
)
def test_difference_is_outside_the_intervals_if_they_do_not_meet(
    tmp_path: Path, value: float, half: float | None, apart: bool | None
) -> None:
    first, second = model(tmp_path, "a", row()), model(tmp_path, "b", row(value, half))
    comparison = compare(first, second)
    (pair,) = comparison.pairs
    assert pair.difference == pytest.approx(value - 0.7)
    assert pair.apart is apart
    assert comparison.runs == ("run of a", "run of b")
    assert (comparison.refused, comparison.alone) == ((), (0, 0))


def test_figures_of_other_protocols_or_pieces_are_refused(tmp_path: Path) -> None:
    shared = row(metric="arousal r")
    first = model(tmp_path, "a", shared, row(), row(dataset="vgmidi"), row(dataset="deam"))
    others = row(dataset="vgmidi", n=150), row(dataset="deam", groups=70)
    second = model(tmp_path, "b", shared, row(protocol="leave-one-dataset-out"), *others)
    comparison = compare(first, second)
    assert [pair.first.metric for pair in comparison.pairs] == ["arousal r"]
    assert comparison.refused == (
        "vgmidi valence r, cross-validation: 258 pieces in 74 groups for a-1, "
        "150 pieces in 74 groups for b-1",
        "deam valence r, cross-validation: 258 pieces in 74 groups for a-1, "
        "258 pieces in 70 groups for b-1",
        "musemo valence r: cross-validation for a-1, leave-one-dataset-out for b-1",
    )
    assert comparison.alone == (0, 0)


def test_other_seeds_are_no_other_protocol(tmp_path: Path) -> None:
    comparison = compare(model(tmp_path, "a", row()), model(tmp_path, "b", row(seeds=1)))
    assert [pair.second.seeds for pair in comparison.pairs] == [1]


def test_scores_of_one_model_alone_are_counted(tmp_path: Path) -> None:
    more = row(protocol="leave-one-dataset-out"), row(dataset="deam")
    comparison = compare(model(tmp_path, "a", row(), *more), model(tmp_path, "b", row()))
    assert comparison.alone == (2, 0)


def test_nothing_to_compare_is_an_error_that_says_why(tmp_path: Path) -> None:
    first = model(tmp_path, "a", row())
    with pytest.raises(ModelError, match="cross-validation for a-1, curves for b-1"):
        compare(first, model(tmp_path, "b", row(protocol="curves")))
    with raises(ModelError, "nothing_in_common"):
        compare(first, model(tmp_path, "c", row(dataset="deam")))


def test_card_without_scores_is_named(tmp_path: Path) -> None:
    bare = registry.read(make(tmp_path, "bare"))
    assert scores(bare) is None
    with raises(ModelError, "no_scores", subject="bare.json"):
        compare(model(tmp_path, "a", row()), bare)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {},
        {"rows": None},
        {"rows": [{}]},
        {"rows": [row() | {"value": "0.7"}]},
        {"rows": [row(low=float("nan"))]},
        {"rows": [row(n=2.5)]},
        {"rows": [row(seeds=True)]},
        {"rows": [row(protocol=1)]},
        {"rows": [row(), row()]},
    ],
    ids=repr,
)
def test_scores_that_are_not_as_they_should_be_are_refused(tmp_path: Path, wrong: object) -> None:
    entry = model(tmp_path, "a", scores=wrong)
    with raises(ModelError, "bad_scores", subject="a.json"):
        scores(entry)
