"""The model at run time: outputs of a graph by name, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hevner.blocks import DIMENSION
from hevner.defaults import DEFAULT_MODEL
from hevner.emotion import MOOD_TAGS
from hevner.errors import ModelError
from hevner.heads import BY_NAME, HEADS
from hevner.model import predict
from tests.errors import raises
from tests.model.toy import toy

OUTPUTS = {"emotion": 2, "emotion.half": 2, "emotion.moment": 2, "quadrants": 4, "course": 2}
VECTORS = np.random.default_rng(1).normal(size=(3, DIMENSION))
"""Double precision, as pooled vectors are for some callers."""


@pytest.mark.parametrize(("windows", "added"), [(False, 1), (True, 2)])
def test_each_head_gets_its_output_and_its_interval(windows: bool, added: int) -> None:
    found = toy(OUTPUTS).predict(VECTORS, windows=windows)
    first = VECTORS[:, :4].astype(np.float32)
    np.testing.assert_array_equal(found.values, first[:, :2])
    np.testing.assert_allclose(found.halves, first[:, :2] + added, rtol=1e-6)
    np.testing.assert_allclose(found.outputs["quadrants"], first + 3, rtol=1e-6)
    assert set(found.outputs) == {head.name for head in HEADS}
    assert set(found.half_widths) == {"emotion", "tension", "emotions"}
    for lacking in (found.outputs["tags"], found.outputs["tension"], found.half_widths["tension"]):
        assert lacking.shape == (3, 0)


def test_the_length_of_each_piece_is_given_to_the_graph() -> None:
    model = toy(OUTPUTS)
    each = model.predict(VECTORS, np.array([4.0, 8.0, 60.0]))
    np.testing.assert_array_equal(each.familiarity, [4, 8, 60])
    np.testing.assert_array_equal(model.predict(VECTORS, 9.0).familiarity, [9] * 3)
    # A piece of which the length is not known is no short cut.
    assert model.predict(VECTORS).familiarity.min() > 3600


def test_the_course_is_an_output_that_a_model_may_lack() -> None:
    scores = toy(OUTPUTS).course(VECTORS)
    np.testing.assert_allclose(scores, VECTORS[:, :2] + 4, rtol=1e-6)
    assert toy({"emotion": 2}).course(VECTORS) is None


def test_no_rows_give_no_rows() -> None:
    found = toy(OUTPUTS).predict(np.zeros((0, DIMENSION), np.float32), np.zeros(0))
    assert {len(array) for array in found.arrays().values()} == {0}


def test_a_model_is_stored_and_read_again(tmp_path: Path) -> None:
    model = toy(OUTPUTS, data=["made up"])
    model.save(tmp_path / "toy.onnx")
    again = predict.load(tmp_path / "toy.onnx")
    assert again.graph == model.graph
    assert again.card.items() >= model.card.items()
    assert again.name == "toy-1"
    assert (again.dimension, again.outputs) == (DIMENSION, OUTPUTS | {"familiarity": 1})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.json", "toy.onnx"]


def test_other_features_and_other_widths_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    for model in (toy(OUTPUTS, features="mfcc-1"), toy(OUTPUTS, DIMENSION + 1)):
        model.save(path)
        with raises(ModelError, "other_features", subject="toy.onnx"):
            predict.load(path)


def test_a_card_of_another_graph_is_refused(tmp_path: Path) -> None:
    path, count = tmp_path / "toy.onnx", len(MOOD_TAGS)
    rates = {name: [0.1] * count for name in ("base_rates", "thresholds")}
    toy(OUTPUTS | {"tags": count, "classes": 2}, tags=rates, classes=["loud", "soft"]).save(path)
    found = predict.load(path)
    assert (found.outputs["tags"], found.outputs["classes"]) == (count, 2)
    assert BY_NAME["classes"].names(found.card) == ("loud", "soft")
    assert BY_NAME["emotion"].names(found.card) == ("valence", "arousal")
    wrong: list[tuple[dict[str, int], dict[str, object]]] = [
        ({"tags": 2}, {"tags": rates}),
        ({"tags": count}, {}),
        ({"tags": count}, {"tags": rates | {"thresholds": [0.2]}}),
        ({}, {"tags": rates}),
        ({"classes": 2}, {}),
        ({"classes": 2}, {"classes": ["loud", "soft", "slow"]}),
        ({"classes": 2}, {"classes": ["loud", "loud"]}),
        ({"classes": 2}, {"classes": [1, 2]}),
        ({}, {"classes": ["loud", "soft"]}),
        ({"gems": 8}, {}),
        ({"tension": 1, "tension.half": 1}, {}),
        ({}, {"course_half_width": [0.1]}),
    ]
    for outputs, card in wrong:
        toy(OUTPUTS | outputs, **card).save(path)
        with raises(ModelError, "card_mismatch", subject="toy.onnx"):
            predict.load(path)
    for name in ("emotion", "emotion.half", "emotion.moment"):
        toy({other: width for other, width in OUTPUTS.items() if other != name}).save(path)
        with raises(ModelError, "card_mismatch", subject="toy.onnx"):
            predict.load(path)


def test_a_single_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(OUTPUTS).save(path)
    graph = bytearray(path.read_bytes())
    graph[len(graph) // 2] ^= 1
    path.write_bytes(bytes(graph))
    with raises(ModelError, "unreadable", subject="toy.onnx"):
        predict.load(path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(OUTPUTS).save(path)
    graph, card = path.read_bytes(), path.with_suffix(".json").read_text("utf-8")
    unknown = graph.replace(b"vector", b"sector", 1)  # a node without its input
    other = graph.replace(b"Slice", b"Slime")
    for damaged in (b"", b"nothing", graph[: len(graph) // 2], graph[:-40], unknown, other):
        path.write_bytes(damaged)
        with raises(ModelError, "unreadable", subject="toy.onnx"):
            predict.load(path)
    path.write_bytes(graph)
    for damaged_card in ("", "{", "[]", json.dumps({"name": "toy"})):
        path.with_suffix(".json").write_text(damaged_card)
        with raises(ModelError, "unreadable", subject="toy.onnx"):
            predict.load(path)
    path.with_suffix(".json").write_text(card)
    path.unlink()
    with raises(ModelError, "unreadable", subject="toy.onnx"):
        predict.load(path)


def test_the_model_that_ships_keeps_its_scales() -> None:
    """Whatever comes in: wild vectors, very short and very long pieces."""
    model = predict.load(DEFAULT_MODEL)
    rng = np.random.default_rng(2)
    vectors = (rng.normal(size=(40, DIMENSION)) * np.logspace(-2, 6, 40)[:, None]).astype(
        np.float32
    )
    seconds = np.logspace(-1, 5, 40)
    whole, part = (model.predict(vectors, seconds, windows=w) for w in (False, True))
    for head in map(BY_NAME.__getitem__, model.card["heads"]):
        values, alone = whole.outputs[head.name], model.predict(vectors[:1], seconds[:1])
        assert values.shape == (40, len(head.outputs))
        low = head.low if head.has_intervals else 0
        assert low <= values.min() <= values.max() <= 1 + 1e-6, head.name
        # Not a matter of what else is asked.
        np.testing.assert_allclose(alone.outputs[head.name], values[:1], atol=1e-5)
        if head.kind == "probabilities":
            np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-5)
        if head.has_intervals:
            assert (whole.half_widths[head.name] > 0.02).all(), head.name
            assert (part.half_widths[head.name] >= whole.half_widths[head.name] - 1e-6).all()
    assert 0 <= whole.familiarity.min() <= whole.familiarity.max() <= 1
