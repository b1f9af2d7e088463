"""Agreement of raters against published values and known cases."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.datasets import reliability
from hevner.datasets.raters import agreement
from hevner.datasets.track import Given, Track

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float
)
"""Table 2 of Shrout and Fleiss (1979)."""

FLEISS = [
    (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
]  # fmt: skip
"""Votes of 14 raters for five classes of ten cases: the usual worked example, kappa .210."""


def test_intraclass_correlations_are_those_of_shrout_and_fleiss() -> None:
    assert reliability.one_way(SHROUT_FLEISS) == pytest.approx((0.17, 0.44), abs=0.005)
    assert reliability.two_way(SHROUT_FLEISS) == pytest.approx((0.29, 0.62), abs=0.005)


def test_intraclass_correlation_of_different_numbers_of_raters() -> None:
    """Mean squares 17 between and 1 within; k0 = (9 - (4 + 9 + 4 + 4) / 9) / 3 = 20 / 9."""
    some = np.array([[1, 2, np.nan], [4, 5, 6], [7, 9, np.nan], [3, np.nan, 2]])
    assert reliability.one_way(some) == pytest.approx((16 / (17 + 11 / 9), 16 / 17))
    with_single = np.vstack([some, [[8, np.nan, np.nan]]])  # one rater says nothing of agreement
    assert reliability.one_way(with_single) == reliability.one_way(some)


def test_kappa_is_that_of_fleiss() -> None:
    votes = [[k for k, number in enumerate(row) for _ in range(number)] for row in FLEISS]
    assert reliability.kappa(votes) == pytest.approx(0.210, abs=0.0005)
    assert reliability.kappa([["a", "a"], ["b", "b"], ["a", "a"], ["b"]]) == 1
    assert np.isnan(reliability.kappa([["a", "a"]] * 3))


def ratings(tracks: int, raters: int, noise: float, keep: float = 1.0) -> np.ndarray:
    """Ratings of variance 1 between tracks and ``noise ** 2`` within; some of them missing."""
    rng = np.random.default_rng(1)
    found = rng.normal(size=(tracks, 1)) + noise * rng.normal(size=(tracks, raters))
    found[rng.random(found.shape) > keep] = np.nan
    return found


def test_missing_ratings_change_little() -> None:
    """With noise as large as the truth one rater is reliable by .5, k by k / (k + 1)."""
    some = ratings(2000, 8, 1.0, keep=0.5)
    assert reliability.one_way(some) == pytest.approx((0.5, 0.8), abs=0.03)
    assert reliability.split_half(ratings(2000, 8, 1.0)) == pytest.approx(8 / 9, abs=0.02)
    assert np.isnan(reliability.two_way(some)).all()


def test_too_little_is_not_a_number() -> None:
    for few in (np.empty((0, 0)), ratings(2, 3, 1.0), np.full((5, 2), np.nan), np.ones((5, 3))):
        assert np.isnan(reliability.one_way(few)).all()
        assert np.isnan(reliability.two_way(few)).all()
        assert np.isnan(reliability.split_half(few))
    assert np.isnan(reliability.two_way(ratings(9, 1, 1.0))).all()
    assert np.isnan(reliability.kappa([["a"], ["b"], []]))


def test_a_variance_that_is_only_rounding_is_none() -> None:
    """Raters of opposite opinions, whose means are equal but for the last digits."""
    rows = np.linspace(-0.4, 0.4, 7)[:, None] * [1, -1]
    for shift in (0, 1e-17, 0.1, 1 / 3):
        assert np.isnan(reliability.two_way(rows + shift)).all()
        for value in reliability.one_way(rows + shift):
            assert np.isnan(value) or -1 - 1e-9 <= value <= 1
    # So that no interval has ends of a dozen digits, as here some resamples would give.
    opposite = [
        {"ann": {"joy": k / 4}, "ben": {"joy": (3 - k) / 4 + 0.1 * (k == 0)}} for k in range(4)
    ]
    for row in reliability.table(rated(*opposite)):
        assert row["high"] is None or abs(float(row["high"])) < 100


def test_halves_are_random_and_of_the_same_size() -> None:
    """Of five raters two and two; raters who differ in order are not halves of their own."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(300, 1))
    noisy = truth + np.array([0.1, 0.1, 2, 2, 2]) * rng.normal(size=(300, 5))
    found = reliability.split_half(noisy)
    exact = []
    for one in combinations(range(5), 2):
        for other in combinations(sorted({*range(5)} - {*one}), 2):
            halves = noisy[:, one].mean(axis=1), noisy[:, other].mean(axis=1)
            exact.append(np.corrcoef(*halves)[0, 1])
    mean = np.mean(exact)
    assert found == pytest.approx(2 * mean / (1 + mean), abs=0.03)
    assert reliability.split_half(ratings(2000, 3, 1.0)) == pytest.approx(2 / 3, abs=0.04)


def test_opposite_halves_are_reliable_by_minus_one() -> None:
    assert reliability.split_half(np.array([[0.25, 0.2]] * 4)) == pytest.approx(-1)
    opposite = np.linspace(-1, 1, 9)[:, None] * [1, -1]
    assert reliability.split_half(opposite) == pytest.approx(-1)


def test_a_half_that_does_not_differ_agrees_with_nothing() -> None:
    assert reliability.split_half(np.array([[1.0, 1], [1, 1], [1, 2]])) == 0


def rated(*votes: Mapping[str, Mapping[str, Given]], group: str = "") -> list[Track]:
    return [
        Track("own", str(k), None, group or str(k), str(k), by_rater=one)
        for k, one in enumerate(votes)
    ]


def test_only_tracks_and_raters_with_a_rating_stand_behind_a_figure() -> None:
    both = [{"ann": {"joy": k / 4}, "ben": {"joy": k / 5}} for k in range(4)]
    alone = {"cleo": {"joy": 0.1}, "dan": {"tension": 0.5}}
    found = reliability.table(rated(*both, alone))
    first = next(row for row in found if (row["label"], row["measure"]) == ("joy", "ICC(1)"))
    assert (first["n"], first["raters"], first["groups"]) == (4, 2, 4)
    assert {row["label"] for row in found} == {"joy", "all ratings"}


def test_intervals_are_over_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    votes = [{"ann": {"joy": k / 4}, "ben": {"joy": k / 5}} for k in range(6)]
    one = reliability.table(rated(*votes, group="Bach"))[0]
    assert (one["measure"], one["low"], one["high"], one["groups"]) == ("ICC(1)", None, None, 1)
    drawn = []

    def bootstrap(_: object, groups: np.ndarray, **__: object) -> tuple[float, float]:
        drawn.append(groups.tolist())
        return 0.1, 0.9

    monkeypatch.setattr(reliability, "bootstrap", bootstrap)
    some = rated(*votes[:3], group="Bach") + rated(*votes[3:], group="Liszt")
    found = reliability.table(some)[0]
    assert drawn[0] == ["Bach"] * 3 + ["Liszt"] * 3
    assert (found["low"], found["high"], found["groups"]) == (0.1, 0.9, 2)


def test_agreement_on_tags_is_the_mean_over_tags_and_on_few_tracks_not_given() -> None:
    tags: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
        (("calm", "slow"), ("calm",)), (("calm",), ("calm", "slow")),
        (("slow",), ("slow",)), ((), ()),
    ]  # fmt: skip
    votes = [{"ann": {"tags": one}, "ben": {"tags": other}} for one, other in tags]
    (found,) = reliability.table(rated(*votes))
    each = [
        reliability.kappa([["calm" in one for one in pair] for pair in tags]),
        reliability.kappa([["slow" in one for one in pair] for pair in tags]),
    ]
    assert each[0] == 1 > each[1]
    assert (found["label"], found["measure"], found["n"]) == ("tags", "kappa", 4)
    assert found["value"] == pytest.approx(sum(each) / 2, abs=0.001)
    assert reliability.table(rated(*votes[:2])) == []


def test_a_rater_who_answers_at_random_agrees_with_nobody() -> None:
    some = ratings(300, 4, 0.2)
    some[:, 2] = np.random.default_rng(5).normal(size=300)
    found = agreement(some)
    assert found[[0, 1, 3]].min() > 0.8
    assert abs(found[2]) < 0.15


def test_check_reports_agreement(tmp_path: Path) -> None:
    rows = ["id,rater,valence,category"]
    for k, row in enumerate(SHROUT_FLEISS):
        rows += [f"t{k},r{j},{v:g},{'high' if v > 5 else 'low'}" for j, v in enumerate(row)]
    (tmp_path / "annotations.csv").write_text("\n".join(rows))
    (tmp_path / "layout.toml").write_text('[scales]\nvalence = "0..10"\n')
    found = reliability.table(datasets.load("own", tmp_path).tracks)
    values = {(row["label"], row["measure"]): row for row in found}
    first = values["valence", "ICC(1)"]
    assert (first["value"], first["n"], first["raters"]) == (0.166, 6, 4)
    assert float(first["low"] or 0) < 0.166 < float(first["high"] or 0)
    assert ("category", "kappa") in values
    assert ("all ratings", "agreement of r3") in values
    run = CliRunner().invoke(app, ["datasets", "check", "own", str(tmp_path)])
    assert "valence, ICC(1,k): 0.44" in run.output
    assert run.exit_code == 0, run.output
