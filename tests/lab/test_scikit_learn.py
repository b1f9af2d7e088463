"""The estimators for scikit-learn: its own checks, what they are made of, and the notebook."""

from __future__ import annotations

import ast
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import SkipTestWarning
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import hevner
from hevner.analysis import Analyzer
from hevner.blocks import WIDTHS
from hevner.errors import AudioError, DataError
from hevner.lab.regression.fusion import FusionRegressor
from hevner.lab.scikit_learn import EmotionRegressor, FeatureExtractor
from tests.errors import raises
from tests.sounds import music, write

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDS = "check_sample_weight_equivalence_on_dense_data"


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("songs") / "a.wav"
    write(path, music(4.0))
    return path


# --- what scikit-learn asks of estimators ---


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_the_regressor_passes_the_checks() -> None:
    why = "the penalty is chosen by folds, and a repeated row may be on both sides of one"
    found = estimator_checks.check_estimator(
        EmotionRegressor(), expected_failed_checks={FOLDS: why}, on_fail=None
    )
    status = {one["check_name"]: one["status"] for one in found}
    assert len(status) > 40
    assert [name for name in status if status[name] == "failed"] == []
    assert [name for name in status if status[name] == "xfail"] == [FOLDS]
    # One for the interface of arrays, the others for pandas where it is not installed.
    assert sum(one == "skipped" for one in status.values()) <= 3


@pytest.mark.parametrize(
    "check",
    [
        "check_estimator_cloneable", "check_estimator_repr", "check_no_attributes_set_in_init",
        "check_parameters_default_constructible", "check_get_params_invariance",
        "check_set_params", "check_valid_tag_types",
    ],
)  # fmt: skip
def test_the_extractor_passes_the_checks_that_give_it_no_numbers(check: str) -> None:
    getattr(estimator_checks, check)("FeatureExtractor", FeatureExtractor())
    with pytest.warns(SkipTestWarning, match="Can't test"):
        estimator_checks.check_estimator(FeatureExtractor())


def test_neither_needs_torch() -> None:
    code = "import sys, hevner.lab.scikit_learn\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- features ---


def test_vectors_are_those_that_the_default_model_reads(song: Path) -> None:
    (vector,) = FeatureExtractor().fit_transform([song])
    analysis = hevner.analyze(song)
    model = Analyzer().model
    assert analysis.valence is not None
    (predicted,) = model.predict(vector[None], analysis.duration).values
    assert predicted[0] == pytest.approx(analysis.valence.value, abs=1e-4)


def test_blocks_are_chosen_and_named(song: Path) -> None:
    every = FeatureExtractor()
    some = clone(every).set_params(blocks=("harmony", "musicnn"))
    names = [*every.get_feature_names_out()]
    assert len({*names}) == len(names) == sum(WIDTHS.values())
    assert names[0] == "musicnn__0"
    assert "handcrafted__level_db" in names
    assert some.widths == {"musicnn": WIDTHS["musicnn"], "harmony": WIDTHS["harmony"]}
    kept = [name in [*some.get_feature_names_out()] for name in names]
    assert sum(kept) == sum(some.widths.values())
    rows = every.transform(np.array([[str(song)]], dtype=object))
    np.testing.assert_array_equal(some.transform([song]), rows[:, kept])
    assert some.transform([]).shape == (0, sum(kept))
    for wrong in (["chords"], []):
        with raises(DataError, "unknown_name"):
            FeatureExtractor(blocks=wrong).fit([song])


def test_a_file_that_fails_is_an_error_or_a_row_of_nan(song: Path, tmp_path: Path) -> None:
    silent, missing = tmp_path / "silent.wav", tmp_path / "missing.wav"
    write(silent, np.zeros(32_000, np.float32))
    with raises(AudioError, "silent", subject=str(silent)):
        FeatureExtractor().transform([song, silent])
    with pytest.raises(AudioError):
        FeatureExtractor().transform([missing])
    rows = FeatureExtractor(on_error="nan", n_jobs=1).transform([silent, song, missing])
    assert np.isnan(rows).all(axis=1).tolist() == [True, False, True]
    assert np.isfinite(rows[1]).all()
    with raises(DataError, "unknown_name"):
        FeatureExtractor(on_error="skip").fit([song])
    for wrong in (str(song), [[song, song]]):
        with raises(DataError, "wrong_shape"):
            FeatureExtractor().transform(wrong)


# --- regression ---


def world(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of 60 rows in 12 groups follow three of 23 numbers."""
    x = rng.normal(size=(60, 23))
    y = x[:, :3] @ [[1.0, 0.0], [0.5, -1.0], [0.0, 0.7]] + 0.1 * rng.normal(size=(60, 2))
    return x, y, np.arange(60) // 5


def test_it_is_the_regression_of_the_studies(rng: np.random.Generator) -> None:
    x, y, groups = world(rng)
    y[3, 0] = np.nan
    weights = rng.uniform(0.5, 2, 60)
    blocks = {"few": 3, "many": 20}
    model = EmotionRegressor(blocks, search=(0.1, 10.0), folds=3, random_state=2)
    guess = model.fit(x, y, groups=groups, sample_weight=weights).predict(x)
    parts = {"few": x[:, :3], "many": x[:, 3:]}
    same = FusionRegressor(search=(0.1, 10.0), folds=3, seed=2)
    same.fit(parts, y, groups=groups, sample_weight=weights)
    np.testing.assert_array_equal(guess, same.predict(parts))
    assert model.chosen_ == same.describe()["axes"]
    assert model.chosen_["valence"]["clips"] == 59
    assert pickle.loads(pickle.dumps(model)).predict(x).tolist() == guess.tolist()


def test_one_target_or_three(rng: np.random.Generator) -> None:
    x, y, _ = world(rng)
    both = EmotionRegressor().fit(x, y).predict(x)
    for axis in (0, 1):
        one = EmotionRegressor().fit(x, y[:, axis]).predict(x)
        assert one.shape == (60,)
        np.testing.assert_allclose(one, both[:, axis])
    three = EmotionRegressor().fit(x, np.column_stack([y, y[:, 0]])).predict(x)
    np.testing.assert_allclose(three[:, 2], three[:, 0])


def test_rows_of_weight_zero_are_left_out(rng: np.random.Generator) -> None:
    x, y, groups = world(rng)
    weights = (groups < 9).astype(float)
    y[groups >= 9] = 1e3
    weighted = EmotionRegressor().fit(x, y, groups=groups, sample_weight=weights)
    without = EmotionRegressor().fit(x[:45], y[:45], groups=groups[:45])
    np.testing.assert_array_equal(weighted.predict(x), without.predict(x))


def test_what_does_not_fit_is_refused(rng: np.random.Generator) -> None:
    x, y, groups = world(rng)
    for wrong in (
        {"y": np.full(60, np.nan)}, {"y": np.ones(60)}, {"groups": np.zeros(60)},
        {"groups": groups[:5]}, {"sample_weight": np.zeros(60)}, {"sample_weight": -np.ones(60)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"\w"):
            EmotionRegressor().fit(**{"X": x, "y": y, **wrong})
    with pytest.raises(ValueError, match="blocks are 22 wide, features 23"):
        EmotionRegressor({"a": 20, "b": 2}).fit(x, y)


def test_it_stands_in_cross_validations_and_pipelines(rng: np.random.Generator, song: Path) -> None:
    x, y, groups = world(rng)
    guess = cross_val_predict(
        EmotionRegressor(), x, y, groups=groups, cv=GroupKFold(3), params={"groups": groups}
    )
    assert np.corrcoef(guess[:, 0], y[:, 0])[0, 1] > 0.9
    other = song.with_name("b.wav")
    write(other, 0.3 * rng.normal(size=64_000).astype(np.float32))
    pipeline = make_pipeline(FeatureExtractor(), EmotionRegressor(FeatureExtractor().widths))
    assert pipeline.fit([song, other], [0.5, -0.5]).predict([song]).shape == (1,)


# --- the notebook ---


def test_the_notebook_shows_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    names: dict[str, Any] = {}
    cells = json.loads((EXAMPLES / "scikit_learn.ipynb").read_text("utf-8"))["cells"]
    shown = 0
    for cell in (one for one in cells if one["cell_type"] == "code"):
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if cell["outputs"] else None
        exec(compile(tree, "notebook", "exec"), names)
        if isinstance(last, ast.Expr):
            (output,) = cell["outputs"]
            value = eval(compile(ast.Expression(last.value), "notebook", "eval"), names)
            assert "".join(output["data"]["text/plain"]) == repr(value)
            shown += 1
    assert shown > 3
    # What the pieces were composed for can be found, if not well.
    assert (names["errors"] < 0.5).all()
