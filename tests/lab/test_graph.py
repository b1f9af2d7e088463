"""The graph of a model computes what its parts do, and a fitted model is one graph and a card."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from hevner.emotion import MOOD_TAGS
from hevner.errors import ModelError
from hevner.lab.default import recipe
from hevner.lab.default.basis import NEIGHBOURS, Basis
from hevner.lab.default.fit import fit
from hevner.lab.default.graph import Lines, build
from hevner.lab.default.kernel import Kernel
from hevner.lab.default.parts import Parts
from hevner.lab.default.scales import Scales
from hevner.lab.default.table import Table
from hevner.model import predict
from hevner.model.predict import Model, load
from hevner.model.prediction import sigmoid, softmax
from hevner.result import COVERAGE
from tests.errors import raises
from tests.worlds import RECIPE, TAGS, WIDTH, read_toy, stack, world

WIDTHS = {"emotion": 2, "tension": 1, "emotions": 5, "quadrants": 4, "gems": 9, "tags": 56}
SHORT_S = 10.0
PIECES = 12


def short(values: np.ndarray) -> np.ndarray:
    """Values as 16 bits hold them."""
    return values.astype(np.float16).astype(np.float32)


# --- the graph, of random parts ---


@dataclasses.dataclass(frozen=True)
class Random:
    """Parts of a model of three kinds, the last of them short cuts; all numbers are random."""

    basis: Basis
    parts: Parts
    columns: dict[str, slice]
    scales: Scales
    lines: Lines
    familiar: dict[str, np.ndarray]
    course: np.ndarray

    @property
    def model(self) -> Model:
        found = [getattr(self, one.name) for one in dataclasses.fields(self)]
        return Model({"name": "random", "version": "0"}, build(*found))


@pytest.fixture
def made(rng: np.random.Generator) -> Random:
    def some(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    ends = np.cumsum([0, *WIDTHS.values()]).tolist()
    columns = {name: slice(*ends[k : k + 2]) for k, name in enumerate(WIDTHS)}
    width, high = ends[-1], WIDTH + PIECES + 1
    kernel = Kernel(short(some(PIECES, WIDTH)), 0.4, some(PIECES, PIECES))
    return Random(
        Basis(some(WIDTH), 1 + abs(some(WIDTH)), (some(WIDTH, 2), some(2)), kernel, SHORT_S),
        Parts(short(0.1 * some(high, width)), short(0.1 * some(3, high, width))),
        columns,
        Scales(some(3, 2, 2), some(3, 2), abs(some(3, 2)), abs(some(3, 2)), some(6, 3)),
        Lines(1.7, some(2, 56)),
        {"axes": 0.3 * some(WIDTH, 6), "known": some(40, 6), "distances": np.linspace(0, 3, 21)},
        some(WIDTH, 2),
    )


def by_numpy(made: Random, vectors: np.ndarray, seconds: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs, computed without a graph."""
    x = made.basis.x(vectors)
    shares = made.basis.shares(x, seconds)
    scores, scales = made.parts(made.basis.rows(x), shares), made.scales
    head = {name: scores[:, columns] for name, columns in made.columns.items()}
    by_kind = np.einsum("kij,nj->nki", scales.matrix, head["emotion"]) + scales.offset
    lines = [
        np.clip(head[name] * line[:, 0] + line[:, 1], low, 1)
        for name, line, low in (
            ("tension", scales.line[:1], -1), ("emotions", scales.line[1:], 0),
        )
    ]  # fmt: skip
    points = x @ made.familiar["axes"]
    distance = np.linalg.norm(points[:, None] - made.familiar["known"], axis=2)
    nearest = np.sort(distance, axis=1)[:, :NEIGHBOURS].mean(axis=1)
    ones = np.ones((len(x), 1))
    found = {
        "emotion": np.clip(np.einsum("nk,nki->ni", shares, by_kind), -1, 1),
        "emotion.half": shares @ scales.half,
        "emotion.moment": shares @ scales.moment,
        "tension": lines[0],
        "emotions": lines[1],
        "quadrants": softmax(made.lines.sharpness * head["quadrants"]),
        "gems": np.clip(head["gems"], 0, 1),
        "sounds_like": made.basis.shares(x, np.full(len(x), 1e6))[:, :2],
        "familiarity": (made.familiar["distances"] > nearest[:, None]).mean(axis=1),
        "course": x @ made.course,
    }
    for end in ("half", "moment"):
        found[f"tension.{end}"] = ones * scales.line[:1, 2]
        found[f"emotions.{end}"] = ones * scales.line[1:, 2]
    if made.lines.tags is not None:
        found["tags"] = sigmoid(head["tags"] * made.lines.tags[0] + made.lines.tags[1])
    return found


def test_the_graph_computes_what_its_parts_do(made: Random, rng: np.random.Generator) -> None:
    vectors = (2 * rng.normal(size=(50, WIDTH))).astype(np.float32)
    vectors[:3] *= 50
    seconds = np.where(np.arange(50) % 3, 30.0, SHORT_S)
    model = made.model
    expected = by_numpy(made, vectors, seconds)
    assert set(model.outputs) == set(expected)
    ways = {"half": False, "moment": True}
    for end, windows in ways.items():
        found = model.predict(vectors, seconds, windows=windows)
        given = {name: array for name, array in found.outputs.items() if array.size}
        assert set(given) == {*WIDTHS, "sounds_like"}
        for name, array in given.items():
            np.testing.assert_allclose(array, expected[name], atol=1e-5, err_msg=name)
        for name, array in found.half_widths.items():
            np.testing.assert_allclose(array, expected[f"{name}.{end}"], atol=1e-5, err_msg=name)
        np.testing.assert_allclose(found.familiarity, expected["familiarity"], atol=1e-5)
    np.testing.assert_allclose(model.course(vectors), expected["course"], atol=1e-4)
    assert model.outputs["familiarity"] == 1
    assert {name: model.outputs[name] for name in WIDTHS} == WIDTHS
    # Music of unknown length is long, and rows do not depend on each other.
    alone = model.predict(vectors[7:8])
    np.testing.assert_allclose(alone.values, model.predict(vectors, 30.0).values[7:8], atol=1e-6)


def test_without_short_cuts_length_does_not_matter(made: Random, rng: np.random.Generator) -> None:
    kinds = rng.normal(size=(WIDTH, 3)).astype(np.float32), np.zeros(3, np.float32)
    plain = dataclasses.replace(
        made, basis=dataclasses.replace(made.basis, kinds=kinds, short_s=0.0)
    )
    vectors = rng.normal(size=(9, WIDTH)).astype(np.float32)
    short, long = (plain.model.predict(vectors, seconds) for seconds in (2.0, 200.0))
    for name, array in long.arrays().items():
        np.testing.assert_array_equal(short.arrays()[name], array, err_msg=name)
    assert long.outputs["sounds_like"].shape == (9, 3)


def test_what_was_never_rated_is_left_out(made: Random, rng: np.random.Generator) -> None:
    line = np.full((6, 3), np.nan)
    line[0] = 0.3, 0.0, 0.5
    scales = dataclasses.replace(made.scales, line=line)
    lines = Lines(1.0, None)
    model = dataclasses.replace(made, scales=scales, lines=lines).model
    found = model.predict(rng.normal(size=(4, WIDTH)).astype(np.float32))
    assert found.outputs["tension"].shape == found.half_widths["tension"].shape == (4, 1)
    assert found.outputs["emotions"].shape == found.half_widths["emotions"].shape == (4, 0)
    assert found.outputs["tags"].shape == (4, 0)


# --- a fitted model, of a made-up world ---


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[recipe.DefaultRecipe]:
    with pytest.MonkeyPatch.context() as patch:
        yield read_toy(tmp_path_factory.mktemp("recipe"), patch, RECIPE + TAGS)


@pytest.fixture(scope="module")
def known() -> Table:
    """Four sets with tags by a network; each tag follows one of the features."""
    rng = np.random.default_rng(0)
    table = stack(*(world(rng, name, 120) for name in ("songs", "moods", "pieces", "cuts")))
    odds = table.vectors[:, np.arange(len(MOOD_TAGS)) % 5].astype(float) - 3
    return dataclasses.replace(table, tags=1 / (1 + np.exp(-odds)))


@pytest.fixture(scope="module")
def model(toy: recipe.DefaultRecipe, known: Table) -> Model:
    return fit(known, toy, {"data": ["made up"]})


def test_a_linear_relation_is_found(model: Model, rng: np.random.Generator) -> None:
    for dataset in ("songs", "pieces", "cuts"):
        fresh = world(rng, dataset, 200)
        guess = model.predict(fresh.vectors, fresh.seconds)
        for axis in range(2):
            r = np.corrcoef(guess.values[:, axis], fresh.emotion[:, axis])[0, 1]
            assert r > 0.95, (dataset, axis)
        assert np.abs(guess.values - fresh.emotion).mean() < 0.1
        right = (guess.outputs["quadrants"].argmax(1) == fresh.quadrant).mean()
        assert right > 0.6
        assert guess.outputs["quadrants"].max(1).mean() == pytest.approx(right, abs=0.12)
    moods = world(rng, "moods", 200)
    gems = model.predict(moods.vectors).outputs["gems"]
    assert np.mean([np.corrcoef(gems[:, k], moods.gems[:, k])[0, 1] for k in range(9)]) > 0.9


def test_a_short_cut_is_valued_as_its_raters_do(
    toy: recipe.DefaultRecipe, known: Table, rng: np.random.Generator
) -> None:
    cuts = known.dataset == "cuts"
    shifted = np.where(cuts[:, None], known.emotion - 0.4, known.emotion)
    model = fit(dataclasses.replace(known, emotion=shifted), toy)
    vectors = world(rng, "cuts", 200).vectors
    difference = model.predict(vectors, 30.0).values - model.predict(vectors, 8.0).values
    np.testing.assert_allclose(difference.mean(axis=0), 0.4, atol=0.05)


def test_predictions_are_in_their_ranges(model: Model, known: Table) -> None:
    guess = model.predict(known.vectors * 20)
    assert np.abs(guess.values).max() <= 1
    assert (guess.halves > 0).all()
    np.testing.assert_allclose(guess.outputs["quadrants"].sum(axis=1), 1, atol=1e-5)
    for name in ("gems", "quadrants", "tags"):
        assert ((guess.outputs[name] >= 0) & (guess.outputs[name] <= 1)).all()
    assert all(array.dtype == np.float32 for array in guess.arrays().values())


def test_odd_vectors_are_unfamiliar(model: Model, known: Table) -> None:
    strange = known.vectors + np.float32(5)
    assert np.median(model.predict(known.vectors).familiarity) > 0.4
    assert np.median(model.predict(strange).familiarity) < 0.02


def test_unseen_music_of_the_training_sets_is_as_familiar_as_not(
    model: Model, rng: np.random.Generator
) -> None:
    fresh = stack(*(world(rng, name, 100) for name in ("songs", "moods", "pieces", "cuts")))
    assert model.predict(fresh.vectors).familiarity.mean() == pytest.approx(0.5, abs=0.1)


def test_intervals_hold_nine_of_ten(toy: recipe.DefaultRecipe, rng: np.random.Generator) -> None:
    plain = structs.replace(toy, tags=None)
    model = fit(stack(world(rng, "songs", 300, 0.2), world(rng, "pieces", 300, 0.2)), plain)
    fresh = world(rng, "songs", 600, 0.2)
    guess = model.predict(fresh.vectors, fresh.seconds)
    inside = np.abs(guess.values - fresh.emotion) <= guess.halves
    assert inside.mean() == pytest.approx(COVERAGE, abs=0.05)


def test_tags_are_learned_at_their_base_rates(model: Model, rng: np.random.Generator) -> None:
    fresh = stack(*(world(rng, name, 100) for name in ("songs", "moods", "pieces", "cuts")))
    tags = model.predict(fresh.vectors, fresh.seconds).outputs["tags"]
    rising = [np.corrcoef(fresh.vectors[:, k % 5], np.log(tags[:, k]))[0, 1] for k in range(56)]
    assert np.mean(rising) > 0.8
    np.testing.assert_allclose(tags.mean(axis=0), 0.05, atol=0.015)
    card = model.card["tags"]
    assert card["base_rates"] == [0.05] * 56
    assert (tags >= np.array(card["thresholds"])).mean() == pytest.approx(0.1, abs=0.03)
    assert min(card["thresholds"]) >= 0.05


def test_films_bring_tension_and_basic_emotions(
    toy: recipe.DefaultRecipe, known: Table, model: Model
) -> None:
    films = (known.dataset == "songs") & (np.arange(len(known)) % 2 == 0)
    tension = np.where(films, -known.emotion[:, 0], np.nan)
    emotions = np.where(films[:, None], np.tanh(known.vectors[:, 5:10]), np.nan)
    table = dataclasses.replace(known, tension=tension, emotions=emotions)
    more = fit(table, toy)
    # Its kinds have names of their own, so there is no head for them.
    assert set(more.card["heads"]) == set(WIDTHS)
    found = more.predict(known.vectors[films]).outputs
    assert np.corrcoef(found["tension"][:, 0], tension[films])[0, 1] > 0.9
    for column in range(5):
        truth = (emotions[films, column] + 1) / 2
        assert np.corrcoef(found["emotions"][:, column], truth)[0, 1] > 0.8
        assert np.abs(found["emotions"][:, column] - truth).mean() < 0.2
    assert set(model.card["heads"]) == set(more.card["heads"]) - {"tension", "emotions"}
    plain = fit(known, structs.replace(toy, tags=None))
    assert set(plain.card["heads"]) == set(model.card["heads"]) - {"tags"}
    assert "tags" not in plain.card


def test_labels_of_one_head_do_not_move_another(
    toy: recipe.DefaultRecipe, known: Table, model: Model
) -> None:
    rated = np.isfinite(known.emotion[:, 0])
    for change, moved, kept in (
        ({"quadrant": np.where(rated, (known.quadrant + 1) % 4, -1)}, "quadrants", "emotion"),
        ({"emotion": -known.emotion}, "emotion", "gems"),
    ):
        other = fit(dataclasses.replace(known, **change), structs.replace(toy, tags=None))
        before, after = (one.predict(known.vectors).outputs for one in (model, other))
        np.testing.assert_allclose(after[kept], before[kept], atol=1e-5)
        assert np.abs(after[moved] - before[moved]).mean() > 0.1


def test_the_same_table_gives_the_same_bytes(
    toy: recipe.DefaultRecipe, known: Table, model: Model
) -> None:
    again = fit(known, toy, {"data": ["made up"]})
    assert again.graph == model.graph
    assert again.card | model.card == again.card
    assert model.card["recipe"] == toy.digest
    assert model.card["kinds"] == ["song", "piano", "short cut"]


# --- files ---


@pytest.fixture
def stored(tmp_path: Path, model: Model) -> Path:
    model.save(tmp_path / "toy.onnx")
    return tmp_path / "toy.onnx"


def test_a_stored_model_predicts_the_same(stored: Path, model: Model, known: Table) -> None:
    again = load(stored)
    assert again.name == "toy-7"
    assert again.card.items() >= json.loads(json.dumps(model.card)).items()
    for windows in (False, True):
        first, second = (
            one.predict(known.vectors, known.seconds, windows=windows).arrays()
            for one in (model, again)
        )
        for name, array in first.items():
            np.testing.assert_array_equal(second[name], array, err_msg=name)
    assert sorted(entry.name for entry in stored.parent.glob("*")) == ["toy.json", "toy.onnx"]


def test_a_model_of_other_features_is_refused(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(predict, "DIMENSION", WIDTH + 1)
        with raises(ModelError, "other_features", subject="toy.onnx"):
            load(stored)
    card = stored.with_suffix(".json")
    card.write_text(json.dumps({**json.loads(card.read_text()), "features": "mfcc-1"}))
    with raises(ModelError, "other_features", subject="toy.onnx"):
        load(stored)


def test_a_card_without_the_tags_of_its_graph_is_refused(stored: Path, model: Model) -> None:
    card = {name: value for name, value in model.card.items() if name != "tags"}
    dataclasses.replace(model, card=card).save(stored)
    with raises(ModelError, "card_mismatch", subject="toy.onnx"):
        load(stored)


def test_damaged_models_are_refused(stored: Path) -> None:
    intact = stored.read_bytes()
    for damaged in (b"", b"nothing", intact[: len(intact) // 2]):
        stored.write_bytes(damaged)
        with raises(ModelError, "unreadable", subject="toy"):
            load(stored)
    stored.unlink()
    with raises(ModelError, "unreadable", subject="toy.onnx"):
        load(stored)


@pytest.mark.parametrize("card", ["", "{", "[]", '{"name": "toy"}'])
def test_damaged_cards_are_refused(stored: Path, card: str) -> None:
    stored.with_suffix(".json").write_text(card)
    with raises(ModelError, "unreadable", subject="toy.onnx"):
        load(stored)
