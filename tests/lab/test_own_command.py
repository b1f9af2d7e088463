"""``hevner train own``: from a folder of labelled audio to a model that analyses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import hevner
from hevner import datasets
from hevner.cli import app
from hevner.datasets.labels import LabelTable
from hevner.defaults import DEFAULT_MODEL
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.own.train import fit, groups_of
from hevner.lab.recipes import read
from hevner.lab.scoring import known
from hevner.lab.scoring.readings import prepare
from hevner.model.predict import load
from hevner.model.registry import path_of
from tests.lab.tracks import track
from tests.sounds import music, write

RECIPE = Path(__file__).parents[2] / "recipes" / "own.toml"
LABELS = """id,artist,valence,arousal,category
{rows}
"""
COUNT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Music with more and more noise, and labels that follow it; the last file is none."""
    folder = tmp_path_factory.mktemp("own")
    rng = np.random.default_rng(1)
    rows = []
    for k in range(COUNT):
        noise = 0.02 * k * rng.normal(size=50_000)
        write(folder / "audio" / f"s{k}.wav", music(50_000 / 16_000) + noise.astype(np.float32))
        rows.append(f"s{k},artist {k},{5 - k / 4},{3 + k / 3:.2f},{'calm' if k < 6 else 'rough'}")
    (folder / "audio" / f"s{COUNT - 1}.wav").write_text("no sound")
    (folder / "annotations.csv").write_text(LABELS.format(rows="\n".join(rows)))
    (folder / "layout.toml").write_text('[scales]\nvalence = "1..9"\narousal = "1..9"\n')
    return folder


def train(folder: Path, *more: object, recipe: str = "own") -> Result:
    words = ["train", recipe, "--data", f"own={folder}", "--jobs", "2", *map(str, more)]
    return CliRunner().invoke(app, words)


def test_from_labels_to_a_model_that_analyses(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad file is named; what was read of the others is kept; the rest is one command."""
    monkeypatch.setenv("HEVNER_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "my model.onnx"
    refused = train(folder, "--out", out)
    assert refused.exit_code == 1
    assert f"s{COUNT - 1}" in refused.output
    assert "s0" not in refused.output
    assert not out.exists()
    write(folder / "audio" / f"s{COUNT - 1}.wav", music(3.1))
    tracks = list(datasets.load("own", folder))
    store = tmp_path / "cache" / "features"
    assert [done.computed for done in prepare(tracks[:-1], store, "", 1)] == [False] * (COUNT - 1)

    done = train(folder, "--out", out)
    assert done.exit_code == 0, done.output
    assert "arousal: r" in done.output
    assert "--model" in done.output
    model = load(out)
    assert model.name == "my-model-1"
    assert model.card["start"]["name"] == load(DEFAULT_MODEL).name
    assert model.card["own"]["emotion"]["valence"] | {"penalties": []} == {
        "labels": COUNT, "groups": COUNT, "penalties": [],
    }  # fmt: skip
    music_of = known.load(out)
    assert music_of is not None
    assert {"own/s0", "own/s11"} <= set(music_of.words)
    analysis = hevner.Analyzer(out).analyze(folder / "audio" / "s9.wav")
    assert analysis.model == "my-model-1"
    assert next(iter(analysis.classes)) == "rough"
    assert analysis.moods  # those of the shipped model


@pytest.mark.parametrize(
    ("more", "text"),
    [(["--out", "mine.npz"], ".onnx"), ([], "--out"), (["--out", "a.onnx", "--row", "x"], "--row")],
)
def test_wrong_usage(more: list[str], text: str, folder: Path) -> None:
    result = train(folder, *more)
    assert result.exit_code == 2
    assert text in result.output


def test_a_dry_run_counts_the_tracks(folder: Path, tmp_path: Path) -> None:
    result = train(folder, "--out", tmp_path / "mine.onnx", "--dry-run")
    assert result.exit_code == 0
    assert f"own: {COUNT} tracks" in result.output
    assert not list(tmp_path.iterdir())


def test_moments_are_less_certain_by_the_factor_of_the_start() -> None:
    start = load(path_of(DEFAULT_MODEL))
    vectors = np.random.default_rng(0).normal(size=(60, start.dimension)).astype(np.float32)
    labels = LabelTable({"valence": np.tanh(vectors[:, 1])}, {}, {}, None)
    group = np.arange(60).astype(str)
    model = fit(start, read(RECIPE, OwnRecipe), labels, vectors, np.full(60, 30.0), group, "mine")
    wider = [
        one.predict(vectors, 30.0, windows=True).halves / one.predict(vectors, 30.0).halves
        for one in (model, start)
    ]
    np.testing.assert_allclose(*wider, rtol=1e-4)
    assert np.abs(wider[1] - 1).max() > 0.01


def test_tracks_that_are_linked_are_one_group() -> None:
    tracks = [track(None, name) for name in "abc"]
    alike = [datasets.Track("songs", n, None, n, n, title=n, artist="X & Y") for n in "de"]
    found = groups_of([*tracks, *alike])
    assert len(set(found)) == 4
    assert found[3] == found[4]
