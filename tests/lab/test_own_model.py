"""A model of one's own: what it learns from labels, what it keeps, and its graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest

from hevner.datasets.labels import Classes, LabelTable, Tags
from hevner.emotion import BASIC, GEMS
from hevner.errors import DataError, ModelError
from hevner.lab import recipes
from hevner.lab.default.fit import fit as fit_default
from hevner.lab.own import heads, ridge
from hevner.lab.own.graph import build, start_from
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.own.train import OWN, fit, summary
from hevner.model.predict import Model, load
from hevner.model.registry import read as read_card
from hevner.model.scores import scores as read_scores
from tests.errors import raises
from tests.worlds import RECIPE as TOY
from tests.worlds import WIDTH, read_toy, stack, world

RECIPE = Path(__file__).parents[2] / "recipes" / "own.toml"
GROUPS = np.array([f"artist {k // 2}" for k in range(60)])


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def start(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of songs, piano pieces and short cuts that knows neither tension nor tags."""
    rng = np.random.default_rng(0)
    # Three kinds of sound, as `hevner.emotion.SOUNDS_LIKE` has.
    text = TOY.replace('[sets.moods]\nkind = "song"', '[sets.moods]\nkind = "film"')
    recipe = read_toy(tmp_path_factory.mktemp("toy"), patch, text)
    table = stack(*(world(rng, name, 60) for name in ("songs", "moods", "pieces", "cuts")))
    return fit_default(table, recipe, {"data": [{"name": "songs"}], "licence": "x"})


@pytest.fixture(scope="module")
def recipe() -> OwnRecipe:
    return recipes.read(RECIPE, OwnRecipe)


@pytest.fixture
def vectors(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(160, WIDTH)).astype(np.float32)


SECONDS = np.full(160, 30.0)
FEW = slice(60)
REST = slice(60, None)


def labels(**ratings: np.ndarray) -> LabelTable:
    return LabelTable(ratings, {}, {}, None)


def heard(model: Model, vectors: np.ndarray, head: str = "emotion") -> np.ndarray:
    return model.predict(vectors, SECONDS[: len(vectors)]).outputs[head].astype(float)


def own(start: Model, recipe: OwnRecipe, vectors: np.ndarray, table: LabelTable) -> Model:
    return fit(start, recipe, table, vectors[FEW], SECONDS[FEW], GROUPS, "mine")


# --- what is learned, and what stays ---


def test_ratings_correct_a_reading_by_a_line_and_the_sound(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    before = heard(start, vectors)
    truth = 0.2 + 0.6 * before[:, 0] + 0.15 * vectors[:, 20] + 0.05 * rng.normal(size=160)
    model = own(start, recipe, vectors, labels(valence=truth[FEW]))
    found = heard(model, vectors)
    error, old = (np.mean((one[REST, 0] - truth[REST]) ** 2) for one in (found, before))
    assert error < 0.3 * old
    assert error < 0.5 * truth[REST].var()
    np.testing.assert_array_equal(found[:, 1], before[:, 1])  # nobody rated arousal


def test_labels_like_the_shipped_readings_change_little(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    before = heard(start, vectors)[:, 1]
    truth = before + 0.2 * rng.normal(size=160)
    model = own(start, recipe, vectors, labels(arousal=truth[FEW]))
    assert np.abs(heard(model, vectors)[REST, 1] - before[REST]).mean() < 0.08


def test_intervals_hold_nine_of_ten_new_ratings(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    many = rng.normal(size=(3000, WIDTH)).astype(np.float32)
    truth = heard(start, vectors)[:, 0] + 0.1 * vectors[:, 9] + 0.1 * rng.normal(size=160)
    model = own(start, recipe, vectors, labels(valence=truth[FEW]))
    said = model.predict(many, 30.0)
    new = start.predict(many, 30.0).values[:, 0] + 0.1 * many[:, 9] + 0.1 * rng.normal(size=3000)
    inside = np.abs(new - said.values[:, 0]) <= said.halves[:, 0]
    assert 0.84 < inside.mean() < 0.98
    shipped = start.predict(many, 30.0)
    np.testing.assert_allclose(said.halves[:, 1], shipped.halves[:, 1], rtol=1e-6)
    wide = model.predict(many, 30.0, windows=True).halves / said.halves
    known = start.predict(many, 30.0, windows=True).halves / shipped.halves
    np.testing.assert_allclose(wide, known, rtol=1e-4)


def test_heads_without_labels_and_the_course_are_those_of_the_start(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    model = own(start, recipe, vectors, labels(tension=vectors[FEW, 0] / 5))
    assert model.card["start"]["heads"] == start.card["heads"]
    first, second = start.predict(vectors, SECONDS), model.predict(vectors, SECONDS)
    for name in start.card["heads"]:
        np.testing.assert_array_equal(second.outputs[name], first.outputs[name])
    np.testing.assert_array_equal(second.familiarity, first.familiarity)
    assert ("course" in model.outputs) == ("course" in start.outputs)
    assert np.corrcoef(second.outputs["tension"][REST, 0], vectors[REST, 0])[0, 1] > 0.8


def test_names_that_gems_and_emotions_share_are_not_mixed_up(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    rated = {name: vectors[FEW, k] / 4 for k, name in enumerate(BASIC)}
    shares = dict.fromkeys(GEMS, 0.5 + vectors[FEW, 20] / 10)
    model = own(start, recipe, vectors, LabelTable(rated, {}, shares, None))
    found = model.predict(vectors, SECONDS).outputs
    place, k = GEMS.index("sadness"), BASIC.index("sadness")
    assert np.corrcoef(found["gems"][REST, place], vectors[REST, 20])[0, 1] > 0.6
    assert np.corrcoef(found["emotions"][REST, k], vectors[REST, k])[0, 1] > 0.6
    level = found["emotions"][REST, k].mean()
    assert abs(level - 0.5) < 0.1  # reported from 0 to 1


def test_classes_and_tags_of_ones_own_are_new_heads(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    kind = vectors[:, 5:8].argmax(axis=1)
    kind[5] = -1
    has = (vectors[:, :3] > [0.5, 0.5, 9]).astype(float)
    has[7] = np.nan
    classes = {
        "cluster": Classes(tuple("12345"), 0 * kind[FEW]),
        "category": Classes(("low", "mid", "high"), kind[FEW]),
    }
    table = LabelTable({}, classes, {}, Tags(("bright", "wide", "never"), has[FEW]))
    model = own(start, recipe, vectors, table)
    assert model.card["classes"] == ["low", "mid", "high"]
    assert model.card["own_tags"] == ["bright", "wide", "never"]
    scored = [row["metric"] for row in model.card["scores"]["rows"] if "own_tags" in row["metric"]]
    assert scored == ["own_tags bright auc", "own_tags wide auc"]
    assert model.card["own"]["classes"]["classes"]["labels"] == 59
    assert {"classes", "own_tags"} <= set(model.card["heads"])
    found = model.predict(vectors, SECONDS).outputs
    np.testing.assert_allclose(found["classes"].sum(axis=1), 1, rtol=1e-5)
    right = found["classes"].argmax(axis=1) == kind
    assert right[REST].mean() > 0.6
    high = has[REST, 0] == 1
    assert found["own_tags"][REST, 0][high].mean() > found["own_tags"][REST, 0][~high].mean() + 0.2
    assert abs(found["own_tags"][REST, 0].mean() - high.mean()) < 0.15
    assert (found["own_tags"][:, 2] < 0.05).all()


def test_probabilities_of_labels_without_a_reason_are_their_shares(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray, rng: np.random.Generator
) -> None:
    number = rng.permutation(np.repeat([0, 0, 0, 1], 15))
    table = LabelTable({}, {"quadrant": Classes(("Q1", "Q2"), number)}, {}, None)
    found = heard(own(start, recipe, vectors, table), vectors, "classes")
    assert abs(found[REST, 0].mean() - 0.75) < 0.1
    assert found[REST, 0].std() < 0.15


@pytest.mark.parametrize("kind", ["tags", "classes"])
def test_labels_on_which_nothing_bears_have_the_odds_of_half_a_label_more(
    recipe: OwnRecipe, kind: Literal["tags", "classes"]
) -> None:
    has = np.repeat([1.0, 0.0], [15, 45])
    truth = np.stack([has, 1 - has], axis=1)
    nothing = heads.Start({}, np.zeros((60, 4)), {}, 2)
    found = heads._odds(kind, ("a", "b"), truth, nothing, GROUPS, recipe).offset
    difference = found[0] if kind == "tags" else found[0] - found[1]
    assert difference == pytest.approx(np.log(15.5 / 45.5))


# --- honesty ---


def test_a_group_is_never_predicted_from_itself(recipe: OwnRecipe) -> None:
    """Labels that only the name of the group explains cannot be predicted."""
    rng = np.random.default_rng(5)
    group = np.repeat([f"album {k}" for k in range(20)], 6)
    sound = np.repeat(rng.normal(size=(20, 30)), 6, axis=0) + 0.01 * rng.normal(size=(120, 30))
    label = np.repeat(rng.normal(size=20), 6)[:, None]
    found = ridge.fit(np.hstack([np.zeros((120, 1)), sound]), 1, label, group, recipe)
    assert np.corrcoef(found.unseen[:, 0], label[:, 0])[0, 1] < 0.4
    fold = ridge.folds(group, 5, 1)
    assert all(len(set(fold[group == one])) == 1 for one in set(group))
    assert sorted(np.unique(fold, return_counts=True)[1]) == [24] * 5
    assert np.array_equal(ridge.folds(group, 5, 1), fold)
    assert not np.array_equal(ridge.folds(group, 5, 2), fold)


def test_the_function_is_the_mean_over_penalties_that_were_weighed(recipe: OwnRecipe) -> None:
    rng = np.random.default_rng(5)
    columns = rng.normal(size=(40, 12))
    values = columns[:, :2] + 0.5 * rng.normal(size=(40, 2))
    group = np.arange(40).astype(str)
    found = ridge.fit(columns, 4, values, group, recipe, line=2)
    assert found.weights.shape == (12, 2)
    assert found.penalties in {(r, f) for r in recipe.readings for f in recipe.features}
    guess = columns @ found.weights + found.offset
    np.testing.assert_allclose(guess.mean(axis=0), values.mean(axis=0), atol=1e-9)
    assert np.corrcoef(guess[:, 0], found.unseen[:, 0])[0, 1] > 0.9


def test_penalties_count_by_their_likelihood() -> None:
    """Errors 10 % larger weigh 1.1 ** -10 as much in 20 groups; far larger ones do not count."""
    pairs = [(1.0, 1.0), (1.0, 9.0), (9.0, 9.0)]
    found = ridge._trust(dict(zip(pairs, (0.5, 0.55, 0.9), strict=True)), 20)
    odds = 1.1**-10
    assert found == pytest.approx({pairs[0]: 1 / (1 + odds), pairs[1]: odds / (1 + odds)})
    assert ridge._trust(dict.fromkeys(pairs, 0.0), 20) == pytest.approx(dict.fromkeys(pairs, 1 / 3))


def test_the_graph_adds_what_was_fitted(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    table = labels(valence=0.3 * vectors[FEW, 1], tension=0.3 * vectors[FEW, 2])
    first = start_from(start, vectors[FEW], SECONDS[FEW])
    assert first.columns.shape == (60, first.readings + WIDTH)
    fitted = heads.fit_heads(table, first, GROUPS, recipe)
    model = Model(start.card, build(start, fitted))
    later = start_from(start, vectors[REST], SECONDS[REST])
    found = model.predict(vectors[REST], SECONDS[REST])
    for head in fitted:
        linear = later.columns @ head.weights + head.offset
        base = later.outputs[head.name] if later.outputs[head.name].size else 0.0
        np.testing.assert_allclose(
            found.outputs[head.name], np.clip(base + linear, -1, 1), atol=1e-4
        )


def test_numbers_stay_on_their_scale(start: Model, recipe: OwnRecipe, vectors: np.ndarray) -> None:
    table = labels(valence=vectors[FEW, 1], **dict.fromkeys(BASIC, vectors[FEW, 2]))
    first = start_from(start, vectors[FEW], SECONDS[FEW])
    fitted = heads.fit_heads(table, first, GROUPS, recipe)
    low = [dataclasses.replace(head, offset=head.offset - 9) for head in fitted]
    found = Model(start.card, build(start, low)).predict(vectors, SECONDS).outputs
    assert found["emotion"][:, 0].max() == -1
    assert found["emotions"].max() == 0


# --- the model as a file ---


def test_it_is_a_model_like_the_shipped_one_and_can_be_started_from(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray, tmp_path: Path
) -> None:
    path = tmp_path / "mine.onnx"
    own(start, recipe, vectors, labels(valence=0.3 * vectors[FEW, 1])).save(path)
    model = load(path)
    assert model.name == "mine-1"
    assert model.card["start"]["name"] == start.name
    assert [one["name"] for one in model.card["data"]] == ["songs", "own"]
    assert model.card["licence"] == "x"
    rows = read_scores(read_card(path.with_suffix(".json")))
    assert rows is not None
    assert {protocol for protocol, _, _ in rows.rows} == {OWN, start.name}
    assert rows.rows[OWN, "own", "valence r"].groups == 30
    assert any("valence: r" in line and f"by {start.name}" in line for line in summary(model.card))
    again = own(model, recipe, vectors, labels(arousal=0.3 * vectors[FEW, 2]))
    one, two = heard(model, vectors), heard(again, vectors)
    np.testing.assert_array_equal(one[:, 0], two[:, 0])
    assert np.corrcoef(two[REST, 1], vectors[REST, 2])[0, 1] > 0.8


# --- what is refused ---


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (labels(), "no_labels"),
        (labels(valence=np.where(np.arange(60) < 9, 0.1, np.nan)), "too_few_labels"),
        (LabelTable({}, {"category": Classes(("a", "b"), np.zeros(60, int))}, {}, None),
         "no_difference"),
        (labels(anger=np.linspace(-1, 1, 60)), "head_incomplete"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_learned_are_refused(
    table: LabelTable, code: str, start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    with raises(DataError, code):
        own(start, recipe, vectors, table)


def test_tracks_of_one_group_are_refused(recipe: OwnRecipe) -> None:
    with raises(DataError, "too_few_labels"):
        ridge.folds(np.full(40, "an album"), 5, 1)


def test_a_graph_of_another_kind_cannot_be_started_from(
    start: Model, recipe: OwnRecipe, vectors: np.ndarray
) -> None:
    proto = onnx.load_from_string(start.graph)
    proto.opset_import[0].version = 17
    other = Model(start.card, proto.SerializeToString())
    with raises(ModelError, "other_graph"):
        own(other, recipe, vectors, labels(valence=vectors[FEW, 1]))
