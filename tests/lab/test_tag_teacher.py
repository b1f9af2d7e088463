"""The teacher of tags learns from artists' tags, and from the training part alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from scipy.special import expit
from typer.testing import CliRunner

from hevner.cli import app
from hevner.datasets.mtg_jamendo import PREFIX
from hevner.emotion import MOOD_TAGS
from hevner.errors import DataError
from hevner.lab.metrics.tags import pr_auc_macro, roc_auc_macro
from hevner.lab.teachers import tags
from hevner.lab.teachers.recipe import TagTeacherRecipe
from tests.errors import raises
from tests.lab.jamendo import PARTS, VECTORS, jamendo

pytest.importorskip("torch")

from hevner.lab.teachers import train_tags

RECIPE = TagTeacherRecipe(hidden=16, batch=16, epochs=12, learning_rate=0.01, patience=4)


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    return jamendo(tmp_path / "mtg_jamendo", rng)


@pytest.fixture
def tagged(folder: Path) -> train_tags.Tagged:
    return train_tags.read(folder, folder / VECTORS)


def scores(tagged: train_tags.Tagged, reader: tags.TagReader, part: str = "test") -> list[float]:
    rows = tagged.part == part
    odds = reader.log_odds(tagged.components[rows])
    return [metric(tagged.tags[rows], odds) for metric in (roc_auc_macro, pr_auc_macro)]


def test_tracks_are_joined_by_the_name_of_their_file(folder: Path) -> None:
    with np.load(folder / VECTORS) as stored:
        arrays = dict(stored)
    arrays["name"] = np.array([f"other/{name.split('/')[1]}" for name in arrays["name"]])
    arrays["name"][arrays["name"] == "other/7"] = "other/none"
    np.savez(folder / VECTORS, **arrays)
    tagged = train_tags.read(folder, folder / VECTORS)
    rows = [row for row in range(sum(PARTS.values())) if row != 7]
    assert tagged.id.tolist() == [f"track_{row:07}" for row in rows]
    np.testing.assert_array_equal(tagged.components, arrays["components"][::-1][rows])
    assert tagged.artist[:5].tolist() == ["artist_0"] * 4 + ["artist_1"]
    counts = {part: int((tagged.part == part).sum()) for part in PARTS}
    assert counts == {**PARTS, "train": PARTS["train"] - 1}
    line = (folder / "split-0" / "autotagging_moodtheme-train.tsv").read_text().splitlines()[1]
    assert {MOOD_TAGS[k] for k in np.flatnonzero(tagged.tags[0])} == {
        tag.removeprefix(PREFIX) for tag in line.split("\t")[5:]
    }


def test_it_learns_what_decides_the_tags(tagged: train_tags.Tagged) -> None:
    roc, pr = scores(tagged, train_tags.fit(tagged, RECIPE, 1))
    assert roc > 0.9  # .96; .5 by chance
    assert pr > 0.7  # .87; .2 by chance


def test_a_seed_gives_one_network_and_another_another(tagged: train_tags.Tagged) -> None:
    short = structs.replace(RECIPE, epochs=2)
    first, again, other = (train_tags.fit(tagged, short, seed).first for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.01


def test_the_test_part_is_not_learned_from(tagged: train_tags.Tagged) -> None:
    short, test = structs.replace(RECIPE, epochs=2), tagged.part == "test"
    first = train_tags.fit(tagged, short, 1)
    tagged.tags[test] = ~tagged.tags[test]
    tagged.components[test] = 9
    second = train_tags.fit(tagged, short, 1)
    np.testing.assert_array_equal(first.second, second.second)


def test_the_best_epoch_on_the_validation_part_is_kept(tagged: train_tags.Tagged) -> None:
    held = tagged.part == "validation"
    tagged.tags[held] = ~tagged.tags[held]  # the more is learned, the worse
    one = train_tags.fit(tagged, structs.replace(RECIPE, epochs=1), 1)
    many = train_tags.fit(tagged, structs.replace(RECIPE, epochs=9, patience=9), 1)
    np.testing.assert_array_equal(one.second, many.second)


def test_weights_of_tracks_go_by_their_artist(tagged: train_tags.Tagged) -> None:
    tagged.artist[0] = "alone"
    weights = train_tags.weights(tagged, 0.5)
    np.testing.assert_allclose(weights[:5], [1, *[3**-0.5] * 3, 0.5])
    assert set(train_tags.weights(tagged, 0)) == {1.0}
    short = structs.replace(RECIPE, epochs=1)
    first = train_tags.fit(tagged, short, 1)
    second = train_tags.fit(tagged, structs.replace(short, artist_power=0), 1)
    assert np.abs(first.second - second.second).max() > 1e-5


def test_embeddings_become_components(tagged: train_tags.Tagged, rng: np.random.Generator) -> None:
    recipe = structs.replace(RECIPE, epochs=1)
    networks = [train_tags.fit(tagged, recipe, seed) for seed in (1, 2)]
    reader = train_tags.together(networks)
    embeddings = rng.uniform(0, 2, (3, 1024)).astype(np.float32)
    part = tagged.projection
    components = (np.log1p(embeddings) - part["mean"]) / part["spread"] @ part["axes"]
    odds = np.mean([one.log_odds(components) for one in networks], axis=0)
    np.testing.assert_allclose(reader.probabilities(embeddings), expit(odds), rtol=1e-3, atol=1e-6)


def test_standardising_is_part_of_the_layers(tagged: train_tags.Tagged) -> None:
    moved = structs.replace(RECIPE, epochs=2)
    first = train_tags.fit(tagged, moved, 1).log_odds(tagged.components)
    shifted = train_tags.Tagged(**{**vars(tagged), "components": 10 + 30 * tagged.components})
    second = train_tags.fit(shifted, moved, 1).log_odds(shifted.components)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_files_that_do_not_fit_are_named(folder: Path) -> None:
    path = folder / VECTORS
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **{**arrays, "name": np.array([f"a/{name}x" for name in arrays["name"]])})
    with raises(DataError, "no_tracks", subject=str(path)):
        train_tags.read(folder, path)
    np.savez(path, name=arrays["name"], components=arrays["components"])
    with raises(DataError, "unreadable", subject=str(path)):
        train_tags.read(folder, path)
    for content in (b"", b"no arrays"):
        path.write_bytes(content)
        with raises(DataError, "unreadable", subject=str(path)):
            train_tags.read(folder, path)


def test_the_command_writes_the_mean_of_the_networks(folder: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.toml", tmp_path / "weights" / tags.FILE
    recipe.write_text(
        f'vectors = "{VECTORS}"\nartist_power = 0.5\nnetworks = 2\nhidden = 8\nepochs = 2\n'
    )
    words = ["train", recipe, "--data", folder.parent, "--store", folder, "--out", out]
    dry = CliRunner().invoke(app, [*map(str, words), "--dry-run"])
    assert dry.stdout == "mtg_jamendo: 400 tracks\n"
    out.parent.mkdir()
    done = CliRunner().invoke(app, [*map(str, words)])
    assert done.exit_code == 0, done.output
    reader, _ = tags.load(out)
    tagged = train_tags.read(folder, folder / VECTORS)
    plan = TagTeacherRecipe(hidden=8, epochs=2)
    networks = [train_tags.fit(tagged, plan, 1000 + number) for number in range(2)]
    expected = np.mean([one.log_odds(tagged.components) for one in networks], axis=0)
    np.testing.assert_allclose(reader.log_odds(tagged.components), expected, atol=1e-4)


@pytest.mark.data
def test_the_shipped_recipe_reaches_its_scores(data: Path) -> None:
    path = data / "features" / "yamnet_mean_mtg_jamendo.npz"
    if not path.is_file():
        pytest.skip("no embeddings of MTG-Jamendo")
    tagged = train_tags.read(data / "mtg_jamendo", path)
    counts = [int((tagged.part == part).sum()) for part in PARTS]
    assert counts == [9801, 3751, 4152]
    roc, pr = scores(tagged, train_tags.fit(tagged, TagTeacherRecipe(), 1))
    assert roc > 0.76  # .77; the baseline of the dataset has .73 and .11
    assert pr > 0.13
