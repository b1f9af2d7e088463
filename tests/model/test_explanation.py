"""Explanations: contributions add up, on every scale, and belong to one model."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from hevner.analysis import Analyzer
from hevner.blocks import DIMENSION, vector_id
from hevner.defaults import DEFAULT_MODEL, explanation_of
from hevner.emotion import Scale
from hevner.errors import ModelError
from hevner.explanation import OTHER, Contributions, Explanation
from hevner.model.explanation import Explainer, digest, load
from hevner.result import Analysis
from hevner.words.explaining import TERMS, lines
from tests.errors import raises
from tests.fakes import sample

SCALES = ("-1..1", "1..9", "0..1")


def explainer(**changes: object) -> Explainer:
    """One with two terms, of which the second says nothing of arousal."""
    rng = np.random.default_rng(1)
    draw = lambda *shape: rng.normal(size=shape).astype(np.float32)  # noqa: E731
    effects = np.array([[0.2, 0.1], [-0.1, 0.0]], np.float32)
    card = {
        "terms": ["mode", "pace"],
        "readings": ["valence", "arousal"],
        "kinds": ["songs that people call sad", "songs that people call happy"],
    }
    made = Explainer(
        card=card,
        mean=draw(DIMENSION),
        spread=np.ones(DIMENSION, np.float32),
        weights=draw(DIMENSION, 2) / 20,
        effects=effects,
        moment_effects=effects / 2,
        average=np.array([0.03, -0.1], np.float32),
        kind_weights=np.zeros((DIMENSION, 2), np.float32),
        kind_bias=np.array([2.0, 0.0], np.float32),
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def explained(seed: int = 0) -> Analysis:
    analysis, rng = (
        sample(sounds_like={"song": 0.8, "film score": 0.2}),
        np.random.default_rng(seed),
    )
    vectors = rng.normal(size=(len(analysis.timeline) + 1, DIMENSION)).astype(np.float32)
    rows = list(range(len(analysis.timeline)))
    why = explainer().explain(analysis, vectors[0], vectors[1:], rows)
    return dataclasses.replace(analysis, explanation=why)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("seed", range(5))
def test_contributions_add_up_to_the_readings(scale: str, seed: int) -> None:
    analysis = explained(seed).on(Scale.parse(scale))
    why = analysis.explanation
    assert why is not None
    assert set(why.readings) == {"valence", "arousal"}
    for name, one in why.readings.items():
        estimate = getattr(analysis, name)
        assert one.average + sum(one.terms.values()) == pytest.approx(estimate.value, abs=1e-9)
        for moment, parts in zip(analysis.timeline, why.timeline, strict=True):
            inside = getattr(moment, name)
            if inside is None:
                assert name not in parts
            else:
                total = sum(parts[name].values())
                assert total == pytest.approx(inside.value - estimate.value, abs=1e-9)


def test_a_term_without_effect_is_not_named() -> None:
    why = explained().explanation
    assert why is not None
    assert set(why.readings["valence"].terms) == {"mode", "pace", OTHER}
    assert set(why.readings["arousal"].terms) == {"mode", OTHER}


def test_contributions_are_effects_times_terms() -> None:
    analysis, vector = sample(), explainer().mean + 1
    moments = np.repeat(vector[None, :], len(analysis.timeline), axis=0)
    why = explainer().explain(analysis, vector, moments, range(len(moments)))  # type: ignore[arg-type]
    term = float(explainer().weights[:, 0].sum())
    assert why.music["mode"] == pytest.approx(term, abs=0.01)
    assert why.readings["valence"].terms["mode"] == pytest.approx(0.2 * term, abs=1e-4)
    assert why.timeline[0]["valence"]["mode"] == 0  # every moment is as the piece


def test_similar_music_is_named_only_where_it_is_clear() -> None:
    vector = explainer().mean
    assert explainer().similar_to(vector) == "songs that people call sad"
    kinds = [f"kind {k}" for k in range(4)]
    unsure = explainer(
        card={"kinds": kinds},
        kind_weights=np.zeros((DIMENSION, 4), np.float32),
        kind_bias=np.zeros(4, np.float32),
    )
    assert unsure.similar_to(vector) == ""


def test_results_keep_their_explanation() -> None:
    analysis = explained()
    record = json.loads(json.dumps(analysis.to_dict()))
    assert Analysis.from_dict(record) == analysis
    assert isinstance(Analysis.from_dict(record).explanation, Explanation)
    assert Analysis.from_dict({**record, "explanation": None}).explanation is None


def test_an_explanation_of_another_model_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"a model")
    assert load(model) is None
    facts = {"model": "mine-1", "digest": digest(model), "features": vector_id()}
    made = explainer()
    dataclasses.replace(made, card=made.card | facts).save(explanation_of(model))
    found = load(model)
    assert found is not None
    np.testing.assert_array_equal(found.effects, made.effects)
    model.write_bytes(b"another model")
    with raises(ModelError, "other_model", subject=str(explanation_of(model))):
        load(model)
    explanation_of(model).write_bytes(b"damaged")
    with raises(ModelError, "unreadable", subject=str(explanation_of(model))):
        load(model)


def test_the_default_model_is_explained() -> None:
    found = load(DEFAULT_MODEL)
    assert found is not None
    assert set(found.card["terms"]) <= set(TERMS)
    assert found.card["readings"][:2] == ["valence", "arousal"]


def test_a_model_without_an_explanation_says_nothing(tmp_path: Path) -> None:
    for ending in (".onnx", ".json"):
        shutil.copy(DEFAULT_MODEL.with_suffix(ending), tmp_path / f"mine{ending}")
    analysis = Analyzer(tmp_path / "mine.onnx").analyze(progression(4), RATE)
    assert analysis.status == "ok"
    assert analysis.explanation is None
    assert len(lines(analysis)) == 1


def test_lines_name_each_term_and_the_moments_that_differ() -> None:
    text = "\n".join(lines(explained()))
    assert "valence -0.25" in text
    assert "mode: " in text
    assert "timbre and everything else" in text
    assert "0:09-0:12: valence" in text
    assert "songs that people call sad" in text


def test_rated_music_is_named_only_if_sure_and_of_the_kind_that_the_model_finds() -> None:
    vector = np.zeros(DIMENSION, np.float32)
    assert explainer().similar_to(vector, {"song": 1.0}) == "songs that people call sad"
    assert explainer().similar_to(vector, {"film score": 1.0}) == ""
    assert explainer(kind_bias=np.array([0.5, 0.0], np.float32)).similar_to(vector) == ""


def test_lines_leave_out_what_adds_nothing() -> None:
    analysis = explained()
    why = analysis.explanation
    assert why is not None
    readings = {"valence": Contributions(-0.05, {"mode": -0.2, "pace": 0.004, OTHER: -0.004})}
    timeline = ({"valence": {"mode": 0.1, "pace": 0.001, OTHER: 0.0}},) * len(analysis.timeline)
    why = dataclasses.replace(why, readings=readings, timeline=timeline)
    text = "\n".join(lines(dataclasses.replace(analysis, explanation=why)))
    assert "mode +0.10, timbre" in text
    assert "tempo" not in text


RATE = 16_000


def progression(third: int, tempo: float = 100.0, partials: int = 6) -> np.ndarray:
    """Tonic, subdominant, dominant and tonic with a third of so many semitones, 20 s."""
    rng = np.random.default_rng(0)
    beat, sound = 60 / tempo, np.zeros(20 * RATE)
    for number in range(int(20 / beat)):
        root = (0, 5, 7, 0)[number // 4 % 4]
        time = np.arange(int(beat * RATE)) / RATE
        envelope = np.minimum(time / 0.01, 1) * np.exp(-3 * time)
        chord = np.zeros(len(time))
        for tone in (root - 12, root, root + (4 if root == 7 else third), root + 7):
            pitch = 261.63 * 2 ** (tone / 12)
            for k in range(1, partials + 1):
                chord += np.sin(2 * np.pi * (k * pitch * time + rng.random())) / k**1.5
        start = int(number * beat * RATE)
        sound[start : start + len(time)] += (chord * envelope)[: len(sound) - start]
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def test_major_explains_what_turning_minor_to_major_changes() -> None:
    analyzer = Analyzer()
    minor, major = (analyzer.analyze(progression(third), RATE) for third in (3, 4))
    assert minor.explanation is not None
    assert major.explanation is not None
    foretold = [one.explanation.readings["valence"].terms["mode"] for one in (minor, major)]
    moved = major.valence.value - minor.valence.value
    assert foretold[0] < 0 < foretold[1]
    assert moved > 0.05
    assert 0.4 < (foretold[1] - foretold[0]) / moved < 2.5
