"""Labels of different datasets brought together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hevner.emotion import GEMS, Quadrant
from hevner.errors import DataError
from hevner.lab.data.labels import GEMS_LOADINGS, QUADRANT_SIGNS, LabelScale, gems_axes, labels_of
from tests.errors import raises
from tests.sampled import samples


def felt(*names: str) -> np.ndarray:
    return np.array([[float(name in names) for name in GEMS]])


def test_gems_point_where_their_factors_do() -> None:
    def axes(*names: str) -> tuple[float, float]:
        valence, arousal = gems_axes(felt(*names))[0]
        return valence, arousal

    assert min(axes("joyful activation")) > 0
    assert axes("power") == (0, 1)
    assert axes("tension")[0] < 0 < axes("tension")[1]
    assert max(axes("sadness")) < 0
    for sublime in ("calmness", "tenderness"):
        assert axes(sublime)[0] > 0 > axes(sublime)[1]
    assert axes("amazement") == axes("solemnity") == (0, 0)
    assert all(set(loadings) <= set(GEMS) for loadings in GEMS_LOADINGS.values())


@given(arrays(float, (3, 9), elements=st.floats(0, 1)), st.floats(0, 2))
def test_gems_proxies_are_linear(gems: np.ndarray, gain: float) -> None:
    np.testing.assert_allclose(gems_axes(gain * gems), gain * gems_axes(gems), atol=1e-12)
    np.testing.assert_allclose(
        gems_axes(gems[:1] + gems[1:2]), gems_axes(gems[:1]) + gems_axes(gems[1:2]), atol=1e-12
    )
    assert np.isnan(gems_axes(np.full((1, 9), np.nan))).all()


def test_signs_are_those_of_the_quadrants() -> None:
    for signs, quadrant in zip(QUADRANT_SIGNS, Quadrant, strict=True):
        assert Quadrant.of(*signs) is quadrant


def test_ratings_come_before_quadrants_before_gems() -> None:
    several = samples(
        emotion={"rated": [[0.1, 0.2], [np.nan, np.nan]]},
        quadrant={"rated": [2, 2], "quarters": [1, -1]},
        gems={"felt": felt("tension"), "quarters": np.repeat(felt("sadness"), 2, axis=0)},
    )
    expected = [[0.1, 0.2], [np.nan] * 2, [-0.5, 0.5], [np.nan] * 2, [np.nan] * 2]
    np.testing.assert_array_equal(labels_of(several), expected)
    expected[4] = [-1.0, 0.7]
    np.testing.assert_array_equal(labels_of(several, gems=True), expected)
    assert np.isnan(several.emotion[2:]).all()


def test_every_dataset_has_standard_units(rng: np.random.Generator) -> None:
    dataset = np.repeat(["a", "b", "c"], 50)
    labels = rng.normal(size=(150, 2)) * np.repeat([1, 5, 0.1], 50)[:, None] + 3
    labels[:10, 0], labels[100:, 1] = np.nan, np.nan
    scale = LabelScale.fit(labels, dataset)
    aligned = scale.align(labels, dataset)
    for name, axes in (("a", 2), ("b", 2), ("c", 1)):
        mine = aligned[dataset == name][:, :axes]
        np.testing.assert_allclose(np.nanmean(mine, axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(np.nanstd(mine, axis=0), 1)
    np.testing.assert_allclose(scale.back(aligned, dataset), labels)
    np.testing.assert_array_equal(np.isnan(aligned), np.isnan(labels))


def test_alignment_undoes_any_line(rng: np.random.Generator) -> None:
    labels, dataset = rng.normal(size=(40, 2)), np.repeat(["a", "b"], 20)
    other = np.where(dataset[:, None] == "a", 0.1 * labels - 7, labels)
    one = LabelScale.fit(labels, dataset).align(labels, dataset)
    two = LabelScale.fit(other, dataset).align(other, dataset)
    np.testing.assert_allclose(one, two, atol=1e-9)


def test_unknown_datasets_have_mean_units_if_asked_for() -> None:
    labels = np.array([[0, 0], [2, 4], [10, 0], [14, 12]], float)
    scale = LabelScale.fit(labels, np.array(["a", "a", "b", "b"]))
    known = scale.with_default(["a", "b"])
    np.testing.assert_allclose(known.back(np.zeros((1, 2)), np.array(["new"])), [[6.5, 4]])
    np.testing.assert_allclose(known.back(np.ones((1, 2)), np.array(["new"])), [[8, 8]])
    np.testing.assert_allclose(known.back(np.ones((1, 2)), np.array(["a"])), [[2, 4]])


def test_labels_that_are_all_the_same_are_refused() -> None:
    with raises(DataError, "constant_labels", subject="flat"):
        LabelScale.fit(np.array([[0.5, 0.1], [0.5, 0.2]]), np.array(["flat", "flat"]))
