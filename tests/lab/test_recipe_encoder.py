"""A recipe names its encoder once and runs on any other; what is missing is told with a command."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import encoders
from hevner.cli import app
from hevner.encoders import weights
from hevner.errors import DataError
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.data.recipe_encoder import substitute
from hevner.lab.joint.recipe import JointRecipe
from hevner.lab.recipes import read
from hevner.lab.unified.recipe import UnifiedRecipe
from hevner.store import FeatureStore, Kind
from hevner.store.entry import Entry, digest
from tests.errors import raises

PAPERS = Path(__file__).parents[2] / "papers"
LARGE = ["jukebox-5b", "mert-v1-95m", "mert-v1-330m", "clap-music"]

HEAD = """
name = "toy"
seeds = 1
folds = 4
leaks = "refuse"
soundfont = ""
encoder = "vggish"
"""
GAP = """
[datasets.own]
[representations]
encoder = ["encoder"]
"encoder+chroma" = ["encoder"]
[models.ridge]
[[protocols]]
name = "in-domain"
representations = ["encoder+chroma"]
[[claims]]
claim = "The encoder helps"
first = { representation = "encoder+chroma" }
second = { representation = "encoder" }
"""
LADDER = """
[datasets.own]
[heads.emotion]
kind = "gaussian"
source = "emotion"
datasets = ["own"]
[base]
variant = "repaired"
blocks = ["encoder"]
datasets = ["own"]
heads = ["emotion"]
protocols = ["folds"]
chords = false
key = false
[[rows]]
name = "one"
"""
SPACES = """
[datasets.own]
emotion = "point"
blocks = ["encoder"]
[[spaces]]
name = "linear"
method = "cca"
"""
STUDIES = {"gap": GAP, "ladder": LADDER, "spaces": SPACES}
COUNT = 12


@pytest.fixture(autouse=True)
def _no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a dataset of one's own."""
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    rows = [f"{k},{k % 7 + 1},{k % 5 + 1},g{k // 2}" for k in range(COUNT)]
    (own / "annotations.csv").write_text("\n".join(["id,valence,arousal,group", *rows]) + "\n")
    (own / "layout.toml").write_text('[scales]\nvalence = "1..9"\narousal = "1..9"\n')
    return tmp_path


def keep(place: Path, encoder: str, rng: np.random.Generator) -> None:
    """Vectors as wide as the encoder makes them, under its name."""
    width = encoders.card(encoder).dimension
    file = FeatureStore(place / "store").open("own", Kind(encoder, "1-0123456789ab", width))
    for track in range(COUNT):
        rows = rng.normal(size=(1, width)).astype(np.float32)
        file.add(Entry(digest(rows.tobytes()), rows), str(track), "")


def dry_run(place: Path, study: str, *more: str):
    (place / "recipe.toml").write_text(HEAD + STUDIES[study])
    where = ["--data", str(place / "data"), "--store", str(place / "store"), "--jobs", "1"]
    out = ["--out", str(place / "out.csv"), "--dry-run"]
    return CliRunner().invoke(app, ["evaluate", str(place / "recipe.toml"), *where, *out, *more])


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("encoder", LARGE)
def test_every_study_runs_on_every_large_encoder(
    place: Path, study: str, encoder: str, rng: np.random.Generator
) -> None:
    keep(place, encoder, rng)
    result = dry_run(place, study, "--encoder", encoder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert f"own: {COUNT} tracks" in result.stdout
    # The recipe's own encoder is not stored.
    assert dry_run(place, study).exit_code == 1


@pytest.mark.parametrize("study", STUDIES)
def test_missing_vectors_are_told_with_the_commands_that_make_them(place: Path, study: str) -> None:
    result = dry_run(place, study, "--encoder", "mert-v1-95m+8")
    assert result.exit_code == 1
    make = (
        f"hevner extract --dataset own --data {place / 'data' / 'own'} --store {place / 'store'} "
        "--encoder mert-v1-95m+8'"
    )
    assert "Missing: own, features mert-v1-95m+8: " in result.stderr
    assert make in result.stderr
    assert "add the weights of mert-v1-95m first, with 'hevner models add mert-v1-95m" in (
        result.stderr
    )
    assert not (place / "store").exists()


def test_weights_that_are_there_need_not_be_added(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SimpleNamespace(digest="0" * 64)
    monkeypatch.setattr(weights, "find", lambda _name: found)
    result = dry_run(place, "gap", "--encoder", "jukebox-5b")
    assert "--encoder jukebox-5b' (its weights are there)" in result.stderr
    assert "models add" not in result.stderr


def test_vectors_of_other_encoders_are_imported(place: Path) -> None:
    result = dry_run(place, "gap")
    store = place / "store"
    command = f"'hevner features import {store} --dataset own --encoder vggish --version VERSION"
    assert f"import them with {command}" in result.stderr


@pytest.mark.data
def test_midi_needs_a_soundfont(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(
        (HEAD + GAP).replace("datasets.own", "datasets.vgmidi").replace('font = ""', 'font = "F"')
    )
    where = ["--data", str(data), "--store", str(tmp_path), "--out", str(tmp_path / "out.csv")]
    call = ["evaluate", str(path), *where, "--dry-run", "--encoder", "clap-music"]
    assert "--soundfont F --encoder clap-music'" in CliRunner().invoke(app, call).stderr


@pytest.mark.parametrize("name", ["jukbox-5b", "mert-v1-95m+13", "mert-v2"])
def test_an_unknown_encoder_is_an_error(place: Path, name: str) -> None:
    result = dry_run(place, "ladder", "--encoder", name)
    assert result.exit_code == 2
    assert "$.encoder " in result.stderr
    with raises(DataError, "unknown_name", subject="recipe.toml"):
        read(place / "recipe.toml", UnifiedRecipe, name)


def test_a_recipe_without_the_entry_keeps_its_blocks(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text((HEAD + GAP).replace('encoder = "vggish"\n', ""))
    with raises(DataError, "missing_key", subject=str(path)):
        read(path, CrossDatasetRecipe, "clap-music")
    assert read(path, CrossDatasetRecipe).representations["encoder"] == ("encoder",)


def test_the_word_is_replaced_where_it_is_a_name() -> None:
    table, text = substitute(tomllib.loads(HEAD + GAP), HEAD + GAP, "mert-v1-95m+6+7")
    assert table["representations"] == {
        "mert-v1-95m+6+7": ["mert-v1-95m+6+7"],
        "mert-v1-95m+6+7+chroma": ["mert-v1-95m+6+7"],
    }
    assert table["claims"][0]["claim"] == "The encoder helps"
    assert table["claims"][0]["first"] == {"representation": "mert-v1-95m+6+7+chroma"}
    assert table["encoder"] == "mert-v1-95m+6+7"
    assert substitute(tomllib.loads(text), text) == (table, text)


def test_another_encoder_is_another_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(HEAD + GAP)
    digests = {read(path, CrossDatasetRecipe, name).digest for name in ("", "vggish", "clap-music")}
    assert len(digests) == 2


@pytest.mark.parametrize("encoder", LARGE)
def test_recipes_of_the_papers_take_any_encoder(encoder: str) -> None:
    for name in ("five_sets", "five_sets_overlapping"):
        study = read(PAPERS / "distribution_gap" / f"{name}.toml", CrossDatasetRecipe, encoder)
        assert study.representations[f"{encoder}+chroma"] == (encoder, "chroma72")
        assert study.blocks == (encoder, "chroma72")
    for name in ("as_published", "repaired"):
        ladder = read(PAPERS / "unified" / f"{name}.toml", UnifiedRecipe, encoder)
        assert ladder.blocks == (encoder,)
        assert f'encoder = "{encoder}"' in ladder.text
    deam = read(PAPERS / "composite_loss" / "deam.toml", JointRecipe, encoder)
    assert deam.datasets["deam"].blocks == (encoder,)
    pmemo = read(PAPERS / "composite_loss" / "pmemo.toml", JointRecipe, encoder)
    assert pmemo.datasets["pmemo"].windows == encoder


def test_recipes_of_the_papers_name_the_encoders_of_the_papers() -> None:
    assert (
        "jukebox-5b"
        in read(PAPERS / "distribution_gap" / "five_sets.toml", CrossDatasetRecipe).blocks
    )
    assert read(PAPERS / "unified" / "repaired.toml", UnifiedRecipe).blocks == ("mert-v1-95m",)
    assert encoders.card("jukebox-5b").dimension == 4800
    assert encoders.card("mert-v1-95m").dimension == 1536
