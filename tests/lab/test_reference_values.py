"""Figures known for the sets of the field, reproduced from loaders, stored features and metrics.

A figure that was measured with a few more tracks must lie inside the interval measured here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from hevner import datasets
from hevner.datasets import splits
from hevner.lab.metrics import regression
from hevner.lab.metrics.statistics import bootstrap

pytestmark = pytest.mark.data

Array = NDArray[np.float64]


def ratings(tracks: datasets.Dataset, axis: str) -> Array:
    return np.array([getattr(track, axis) for track in tracks])


def embeddings(file: Path, key: str, ids: list[str]) -> Array:
    with file.open("rb") as content, np.load(content, allow_pickle=False) as stored:
        known = dict(zip(stored[key].astype(str), stored["embedding"], strict=True))
    return np.array([known[one] for one in ids], float)


@pytest.fixture
def emomusic(data: Path) -> tuple[datasets.Dataset, Array]:
    tracks = datasets.load("emomusic", data / "emomusic")
    file = data / "features" / "choi_convnet_emomusic.npz"
    return tracks, embeddings(file, "song_id", [track.id for track in tracks])


@pytest.fixture
def musemo(data: Path) -> tuple[datasets.Dataset, Array]:
    tracks = datasets.load("musemo", data / "musemo", labels="as_published")
    names = [track.id.removeprefix("out_").split(" ")[0] for track in tracks]
    file = data / "features" / "choi_convnet_gtzan.npz"
    return tracks, embeddings(file, "name", names)


def kernel(target: Array) -> Pipeline:
    """Support vector regression with the usual settings in units of the target."""
    return make_pipeline(StandardScaler(), SVR(C=target.std(), epsilon=0.1 * target.std()))


def assert_holds(metric: str, truth: Array, guess: Array, groups: list[str], known: float) -> None:
    """The known figure lies inside the interval of the one measured here."""
    function = getattr(regression, metric)
    interval = bootstrap(lambda rows: function(truth[rows], guess[rows]), np.array(groups))
    assert interval.low <= known <= interval.high, (metric, interval, known)


@pytest.mark.parametrize(
    ("axis", "r2", "low", "high", "ccc"),
    [("valence", 0.434, 0.27, 0.56, 0.670), ("arousal", 0.638, 0.47, 0.75, 0.793)],
)
def test_support_vectors_on_emomusic(
    emomusic: tuple[datasets.Dataset, Array],
    axis: str,
    r2: float,
    low: float,
    high: float,
    ccc: float,
) -> None:
    tracks, vectors = emomusic
    parts = splits.load("emomusic", "artist_stratified").parts
    test = np.isin([track.id for track in tracks], parts["test"])
    target = ratings(tracks, axis)
    guess = kernel(target[~test]).fit(vectors[~test], target[~test]).predict(vectors[test])
    found = regression.r2(target[test], guess)
    assert low < found < high
    assert found == pytest.approx(r2, abs=0.02)
    assert regression.ccc(target[test], guess) == pytest.approx(ccc, abs=0.03)


@pytest.mark.parametrize(("axis", "known"), [("valence", 0.48), ("arousal", 0.77)])
def test_musemo_within_itself(
    musemo: tuple[datasets.Dataset, Array], axis: str, known: float
) -> None:
    tracks, vectors = musemo
    target = ratings(tracks, axis)
    folds = KFold(10, shuffle=True, random_state=0)
    guess = cross_val_predict(kernel(target), vectors, target, cv=folds)
    assert_holds("r2", target, guess, [track.group for track in tracks], known)


@pytest.mark.parametrize(("axis", "r2", "r"), [("valence", -0.27, 0.19), ("arousal", 0.57, 0.78)])
def test_emomusic_to_musemo(
    emomusic: tuple[datasets.Dataset, Array],
    musemo: tuple[datasets.Dataset, Array],
    axis: str,
    r2: float,
    r: float,
) -> None:
    (source, known), (tracks, vectors) = emomusic, musemo
    model = make_pipeline(StandardScaler(), RidgeCV(np.geomspace(1, 1e4, 9)))
    guess = model.fit(known, ratings(source, axis)).predict(vectors)
    groups = [track.group for track in tracks]
    assert_holds("r2", ratings(tracks, axis), guess, groups, r2)
    assert_holds("pearson", ratings(tracks, axis), guess, groups, r)
