"""Cards of models: what is read from them, and what is said of bad ones."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from hevner.defaults import DEFAULT_MODEL
from hevner.errors import ModelError
from hevner.model import predict, registry, stored
from tests.errors import raises
from tests.model.own import own, saved
from tests.model.toy import toy


def make(folder: Path, name: str = "mine", **fields: Any) -> Path:
    """A card with a few bytes of weights beside it."""
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"name": name, "version": "1", **fields}), "utf-8")
    path.with_suffix(".onnx").write_bytes(b"weights")
    return path


def test_default_is_among_the_shipped_models() -> None:
    (entry,) = [entry for entry in registry.shipped() if entry.default]
    assert entry.card == json.loads(DEFAULT_MODEL.with_suffix(".json").read_text("utf-8"))
    assert entry.size == DEFAULT_MODEL.stat().st_size
    assert entry.trained_on["emopia"] == "CC BY-NC-SA 4.0"


def test_what_a_card_lacks_is_not_assumed(tmp_path: Path) -> None:
    facts = registry.read(make(tmp_path)).facts()
    assert facts["commercial_use"] is None
    assert facts["licences"] == {"code": "MIT", "weights": None, "data": {}}
    assert (facts["predicts"], facts["trained_on"], facts["default"]) == ([], [], False)


def test_what_a_card_says_counts(tmp_path: Path) -> None:
    fields = {"heads": ["emotion", {"name": "tags", "outputs": 56}], "commercial_use": True}
    entry = registry.read(make(tmp_path, licence="MIT", data=[{"name": "own"}], **fields))
    assert entry.predicts == ("valence, arousal", "tags")
    assert entry.commercial_use is True
    assert (entry.card["licence"], entry.trained_on) == ("MIT", {"own": None})


@pytest.mark.parametrize("ending", [".json", ".npz", ".onnx"])
def test_model_is_found_by_any_of_its_files(tmp_path: Path, ending: str) -> None:
    path = make(tmp_path, heads=["tags"])
    path.with_suffix(".npz").write_bytes(b"more")
    entry = registry.find(str(path.with_suffix(ending)))
    assert (entry.name, entry.size) == ("mine-1", len(b"weights" + b"more"))


def test_model_is_found_by_name_with_or_without_version() -> None:
    (entry,) = [entry for entry in registry.shipped() if entry.default]
    assert registry.find(entry.name) == registry.find(entry.card["name"]) == entry
    with pytest.raises(ModelError, match=rf"no model 'nobody'.*{entry.name}"):
        registry.find("nobody")


def test_folder_gives_what_can_be_read_and_what_cannot(tmp_path: Path) -> None:
    make(tmp_path, "good")
    make(tmp_path, "good.explanation", version=None)
    (tmp_path / "settings.json").write_text("{}")
    make(tmp_path, "bad").write_text("{")
    entries, problems = registry.in_folder(tmp_path)
    assert [entry.name for entry in entries] == ["good-1"]
    assert [Path(problem.subject).name for problem in problems] == ["bad.json"]


def test_missing_folder_is_said(tmp_path: Path) -> None:
    with raises(ModelError, "folder_missing", subject="nowhere"):
        registry.in_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("name", None, "'name' is not a text"),
        ("version", 2, "'version' is not a text"),
        ("licence", {}, "'licence' is not a text"),
        ("commercial_use", "no", "neither true nor false"),
        ("data", [{"clips": 3}], "'data' is not a list of things with names"),
        ("heads", "emotion", "'heads' is not a list"),
    ],
)
def test_card_with_a_wrong_field_is_refused(
    tmp_path: Path, field: str, value: object, complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint):
        registry.read(make(tmp_path, **{"name": "mine", field: value}))


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"\xff", b'"text"', b"[" * 100_000])
def test_file_that_is_no_card_is_refused(tmp_path: Path, content: bytes) -> None:
    path = make(tmp_path)
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"mine\.json"):
        registry.read(path)


def test_card_alone_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path)
    path.with_suffix(".onnx").unlink()
    with raises(ModelError, "weights_missing", subject="mine.json"):
        registry.read(path)


def test_a_registered_model_is_found_by_name_wherever_it_came_from(tmp_path: Path) -> None:
    graph = saved(tmp_path, "tension")
    graph.with_suffix(".md").write_text("# Mine")
    graph.with_suffix(".music.npz").write_bytes(b"music")
    entry = registry.add(graph)
    assert (entry.name, entry.own, entry.default) == ("own-1", True, False)
    assert entry.graph.parent == registry.folder()
    assert entry.graph.read_bytes() == graph.read_bytes()
    assert entry.path.with_suffix(".md").read_text() == "# Mine"
    assert entry.path.with_suffix(".music.npz").read_bytes() == b"music"
    for path in tmp_path.glob("own.*"):
        path.unlink()
    assert registry.find("own") == registry.find("own-1") == entry
    assert registry.path_of("own") == registry.path_of(entry.path) == entry.graph
    assert predict.load(entry.graph).name == "own-1"
    assert registry.registered() == ([entry], [])
    size = entry.size
    assert registry.remove(entry) == size > 0
    assert list(registry.folder().iterdir()) == []
    with raises(ModelError, "unknown_model"):
        registry.path_of("own")


def test_a_name_belongs_to_one_model(tmp_path: Path) -> None:
    graph = saved(tmp_path)
    entry = registry.add(graph.with_suffix(".json"))
    assert registry.add(graph) == entry  # the same again
    own(licence="MIT").save(graph)
    with raises(ModelError, "name_taken", subject="own.onnx"):
        registry.add(graph)
    assert registry.add(graph, "second").name == "second-1"
    own(version="2").save(graph)
    assert registry.add(graph).name == "own-2"
    assert registry.find("own-1").card["version"] == "1"
    with raises(ModelError, "ambiguous_model"):
        registry.find("own")
    with raises(ModelError, "name_taken"):
        registry.add(graph, "unified")
    for name in ("a/b", "../up", "two words", "-x"):
        with raises(ModelError, "bad_name"):
            registry.add(graph, name)
    assert {one.name for one in registry.registered()[0]} == {"own-1", "own-2", "second-1"}


def test_what_is_no_sound_model_is_not_registered(tmp_path: Path) -> None:
    graph = saved(tmp_path)
    with raises(ModelError, "unreadable", subject="nothing.onnx"):
        registry.add(tmp_path / "nothing.onnx")
    for content in (pickle.dumps({"graph": 1}), graph.read_bytes()[:-1]):
        graph.write_bytes(content)
        with raises(ModelError, "unreadable", subject="own.onnx"):
            registry.add(graph)
    stored.write_card(graph, {"sha256": hashlib.sha256(content).hexdigest(), "features": ""})
    with raises(ModelError, "unreadable", subject="own.onnx"):
        registry.add(graph)  # the card is of these bytes, which are no graph
    toy({"emotion": 2}).save(graph)
    with raises(ModelError, "card_mismatch", subject="own.onnx"):
        registry.add(graph)
    own(data="mine").save(graph)
    with raises(ModelError, "not_a_card", subject="own.json"):
        registry.add(graph)
    assert registry.registered() == ([], [])


def test_a_damaged_registered_model_does_not_hide_the_others(tmp_path: Path) -> None:
    graph = saved(tmp_path)
    first, second = (registry.add(graph, name) for name in ("first", "second"))
    first.path.write_text("{")
    assert registry.find("second") == second
    with raises(ModelError, "unreadable", subject="first-1.json"):
        registry.find("first")
    assert [one.subject for one in registry.registered()[1]] == [str(first.path)]


def test_only_registered_models_are_removed(tmp_path: Path) -> None:
    for name in ("unified", str(saved(tmp_path))):
        with raises(ModelError, "not_registered"):
            registry.remove(registry.find(name))
    assert DEFAULT_MODEL.is_file()
    assert (tmp_path / "own.onnx").is_file()


def test_parts_that_models_share_analyse_nothing() -> None:
    assert registry.path_of("") == registry.path_of(None) == registry.path_of("unified")
    with raises(ModelError, "other_kind"):
        registry.path_of("joint")
