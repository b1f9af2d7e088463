"""Predictions of any heads."""

from __future__ import annotations

import numpy as np
import pytest

from hevner.heads import ESTIMATE_COLUMNS, ESTIMATES, HEADS, Head
from hevner.model.prediction import Prediction
from hevner.result import Analysis, Moment


def made_up(count: int, first: float = 0) -> Prediction:
    values = (np.arange(count, dtype=np.float32) + first)[:, None]
    return Prediction(
        {"emotion": values, "tags": values[:, :0]}, {"emotion": -values}, values[:, 0]
    )


def test_rows_are_chosen_and_put_together_again() -> None:
    whole = made_up(5)
    odd, even = np.array([1, 3]), np.array([0, 2, 4])
    parts = [(rows, whole.where(rows)) for rows in (odd, even)]
    again = Prediction.merged(5, parts)
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array, err_msg=name)
    lacking = Prediction.merged(5, parts[:1], blank=np.nan)
    assert np.isnan(lacking.values[even]).all()
    assert lacking.outputs["tags"].shape == (5, 0)


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_every_head_has_its_fields_in_an_analysis(head: Head) -> None:
    fields = {head.field} if head.field else set(head.outputs)
    assert fields <= Analysis.__annotations__.keys()


def test_every_axis_is_one_over_time_too() -> None:
    assert set(ESTIMATES) <= Moment.__annotations__.keys()


def test_columns_of_valence_and_arousal_come_first() -> None:
    assert ESTIMATE_COLUMNS[:6] == (
        "valence", "valence_low", "valence_high", "arousal", "arousal_low", "arousal_high",
    )  # fmt: skip
