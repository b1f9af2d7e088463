"""Agreement of raters against published values and known cases."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.datasets.raters import agreement
from hevner.lab.data import reliability

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


def test_kappa_is_that_of_fleiss() -> None:
    votes = [[k for k, number in enumerate(row) for _ in range(number)] for row in FLEISS]
    assert reliability.kappa(votes) == pytest.approx(0.210, abs=0.0005)
    assert reliability.kappa([["a", "a"], ["b", "b"], ["a", "a"]]) == 1
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
        assert np.isnan(reliability.split_half(few))


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
