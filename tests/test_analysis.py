"""The whole path, with the model that ships."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

import hevner
from hevner.analysis import Analyzer, analyze
from hevner.arrays import Floats
from hevner.defaults import DEFAULT_WINDOW_S, MINIMUM_WINDOW_S, identity
from hevner.emotion import GEMS, Scale
from hevner.errors import AudioError, HevnerError, ModelError
from hevner.heads import HEADS
from hevner.model.prediction import Prediction
from hevner.result import Analysis, Estimate
from tests.errors import raises
from tests.full_model import FullModel
from tests.model.own import own, saved
from tests.sounds import music, write

RATE = 16_000
SCHEMA = json.loads(Path(hevner.__file__).with_name("analysis.schema.json").read_text("utf-8"))
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
DANCE = EXAMPLES / "audio" / "bright_dance.ogg"


@lru_cache(maxsize=1)
def dance() -> Analysis:
    return analyze(DANCE)


def estimates(result: Analysis) -> list[Estimate]:
    """Every estimate of an analysis."""
    of_moments = [e for m in result.timeline for e in (m.valence, m.arousal)]
    return [e for e in (result.valence, result.arousal, *of_moments) if e is not None]


def check_shape(result: Analysis) -> None:
    """What holds for every analysis of music."""
    assert result.status == "ok"
    for estimate in estimates(result):
        assert -1 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert estimate.low < estimate.high
    assert sum(result.quadrant_probabilities.values()) == pytest.approx(1, abs=1e-3)
    best = max(result.quadrant_probabilities, key=result.quadrant_probabilities.__getitem__)
    assert result.quadrant == best
    assert set(result.moods) == set(GEMS)
    assert list(result.moods.values()) == sorted(result.moods.values(), reverse=True)
    assert all(0 <= share <= 1 for share in result.moods.values())
    assert result.familiarity is not None
    assert 0 <= result.familiarity <= 1
    check_spans([(m.start, m.end) for m in result.timeline], result.duration)
    check_spans([(c.start, c.end) for c in result.chords], result.duration)


def check_spans(spans: list[tuple[float, float]], duration: float) -> None:
    """Spans follow each other and cover the whole duration."""
    assert spans[0][0] == 0
    assert spans[-1][1] == pytest.approx(duration, abs=2e-3)
    assert all(start < end for start, end in spans)
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]


def test_an_example_piece() -> None:
    result = dance()
    check_shape(result)
    assert result.path == str(DANCE)
    assert result.duration == pytest.approx(34.871, abs=0.01)
    assert result.key == "G major"
    assert result.valence is not None
    assert result.arousal is not None
    assert result.valence.value > 0
    assert result.quadrant == "Q1"
    assert len(result.timeline) == 12
    assert not result.warnings


def test_a_model_with_all_heads_fills_every_field() -> None:
    analyzer = Analyzer()
    analyzer.__dict__["model"] = FullModel()
    unit = analyzer.analyze(DANCE)
    check_shape(unit)
    assert unit.tension == Estimate(0.95, 0.65, 1.0)
    assert unit.emotions is not None
    assert list(unit.emotions) == ["joy", "fear", "tenderness", "sadness", "anger"]
    assert unit.emotions["joy"] == Estimate(0.95, 0.7, 1.0)
    assert unit.emotions["anger"] == Estimate(0.1, 0.0, 0.35)  # from not at all, not below
    assert unit.sounds_like is not None
    assert list(unit.sounds_like.items()) == [
        ("film score", 0.7), ("solo piano", 0.2), ("song", 0.1),
    ]  # fmt: skip
    course = [one.tension for one in unit.timeline]
    assert course[:2] == [Estimate(0.95, 0.65, 1.0), Estimate(0.85, 0.55, 1.0)]
    assert Analysis.from_dict(json.loads(json.dumps(unit.to_dict()))) == unit
    wide = unit.on(Scale(1, 9))
    assert wide.tension == Estimate(8.8, 7.6, 9.0)
    assert wide.timeline[1].tension == Estimate(8.4, 7.2, 9.0)
    assert wide.emotions == unit.emotions
    # The words about the plane are those of valence and arousal, whatever else is predicted.
    assert (unit.headline, unit.quadrant) == (dance().headline, dance().quadrant)


def test_the_model_that_ships_fills_every_field() -> None:
    heads = [head for head in HEADS if head.outputs]  # the others are for models of one's own
    assert Analyzer().model.card["heads"] == [head.name for head in heads]
    for head in heads:
        for field in [head.field] if head.field else head.outputs:
            assert getattr(dance(), field), field


def test_heads_that_a_model_lacks_leave_their_fields_empty(tmp_path: Path) -> None:
    path = saved(tmp_path, "emotion", classes=("loud", "soft"), own_tags=("rainy", "odd"))
    own("tags").save(tmp_path / "tagged.onnx")
    found = analyze(DANCE, model=path)
    whole = dance()
    assert (found.model, whole.model) == ("own-1", Analyzer().model.name)
    assert (found.valence, found.headline) == (whole.valence, whole.headline)
    assert (found.quadrant, found.quadrant_probabilities) == (
        whole.quadrant, whole.quadrant_probabilities,
    )  # fmt: skip
    assert (found.tension, found.emotions, found.sounds_like) == (None, None, None)
    assert (found.moods, found.tags, found.contradictions, found.explanation) == ({}, (), (), None)
    assert {moment.tension for moment in found.timeline} == {None}
    assert [moment.valence for moment in found.timeline] == [one.valence for one in whole.timeline]
    assert set(found.classes) == {"loud", "soft"}
    assert sum(found.classes.values()) == pytest.approx(1, abs=1e-3)
    assert list(found.classes.values()) == sorted(found.classes.values(), reverse=True)
    assert set(found.own_tags) == {"rainy", "odd"}
    assert Analysis.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    jsonschema.validate(json.loads(json.dumps(found.to_dict())), SCHEMA)
    tagged = analyze(DANCE, model=str(tmp_path / "tagged.onnx"))
    assert [tag.name for tag in tagged.tags] == [tag.name for tag in whole.tags]
    assert tagged.moods == {}
    # A file that is written anew is read anew.
    own("gems", version="2").save(path)
    again = analyze(DANCE, model=path)
    assert (again.model, again.moods, again.classes) == ("own-2", whole.moods, {})


def test_the_result_is_ready_for_json() -> None:
    result = dance()
    assert Analysis.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False))) == result


@pytest.mark.parametrize("sound", ["silence", "constant"])
def test_nothing_that_sounds_is_silent(sound: str) -> None:
    samples = np.full(5 * RATE, 0.0 if sound == "silence" else 0.3, np.float32)
    result = analyze(samples, RATE)
    assert result.status == "silent"
    assert result.duration == 5
    assert result.valence is None
    assert result.timeline == ()
    assert any("nothing sounds" in warning for warning in result.warnings)


def test_silence_inside_a_piece_has_no_emotion() -> None:
    sound = np.concatenate([music(9.0), np.zeros(9 * RATE, np.float32), music(9.0)])
    result = analyze(sound, RATE)
    check_shape(result)
    for moment in result.timeline:
        inside_the_rest = moment.start >= 9 and moment.end <= 18
        assert (moment.valence is None) == (moment.arousal is None) == inside_the_rest


def test_samples_and_file_agree(tmp_path: Path) -> None:
    sound = music(8.0, rate=22_050, channels=2)
    path = write(tmp_path / "a.wav", sound, 22_050, subtype="FLOAT")
    by_file, by_samples = analyze(path), analyze(sound, 22_050)
    assert (by_file.path, by_samples.path) == (str(path), "array")
    for first, second in zip(estimates(by_file), estimates(by_samples), strict=True):
        assert first.value == pytest.approx(second.value, abs=2e-3)
    assert by_file.chords == by_samples.chords
    assert by_file.key == by_samples.key


@pytest.mark.parametrize("seconds", [0.1, 0.7, 2.9, 3.1])
def test_short_clips_work(seconds: float) -> None:
    result = analyze(music(seconds), RATE)
    check_shape(result)
    assert result.duration == pytest.approx(seconds, abs=1e-3)
    assert len(result.timeline) == 1


def test_shorter_than_that_is_an_error() -> None:
    with raises(AudioError, "too_short"):
        analyze(music(0.05), RATE)


def test_another_scale_is_a_linear_image() -> None:
    unit, wide = dance(), analyze(DANCE, scale="1..9")
    assert wide.scale == "1..9"
    for first, second in zip(estimates(unit), estimates(wide), strict=True):
        assert second.value == pytest.approx(5 + 4 * first.value)
        assert second.low == pytest.approx(5 + 4 * first.low)
        assert second.high == pytest.approx(5 + 4 * first.high)
    assert wide.moods == unit.moods
    with raises(HevnerError, "bad_scale"):
        analyze(DANCE, scale="loud")


def test_half_the_gain_changes_valence_little() -> None:
    sound, rate = soundfile.read(DANCE, dtype="float32")
    quiet = analyze(0.5 * sound, rate)
    loud = dance()
    assert quiet.valence is not None
    assert loud.valence is not None
    assert quiet.valence.value == pytest.approx(loud.valence.value, abs=0.05)
    assert quiet.key == loud.key
    assert quiet.tempo == loud.tempo


def test_repeating_an_analysis_gives_the_same() -> None:
    assert Analyzer().analyze(DANCE) == dance()


def test_the_window_smooths_the_timeline_and_nothing_else() -> None:
    journey = EXAMPLES / "audio" / "journey.ogg"
    short, long = (Analyzer(window=w).analyze(journey) for w in (MINIMUM_WINDOW_S, 30.0))
    assert short.valence == long.valence
    assert len(short.timeline) == len(long.timeline)

    def movement(result: Analysis) -> float:
        values = [m.arousal.value for m in result.timeline if m.arousal is not None]
        return float(np.abs(np.diff(values)).mean())

    assert movement(short) > 1.5 * movement(long)


def test_moments_lie_around_the_piece() -> None:
    found = dance()
    for axis in ("valence", "arousal", "tension"):
        values = [one.value for m in found.timeline if (one := getattr(m, axis))]
        assert np.mean(values) == pytest.approx(getattr(found, axis).value, abs=1e-3)
        assert np.std(values) > 1e-3


def test_a_cut_of_a_few_seconds_is_rated_as_cuts_are() -> None:
    """A window of a long piece is none; the model knows by the length of the piece."""
    asked: list[float] = []
    analyzer = Analyzer()

    class Noted(FullModel):
        def predict(self, vectors: Floats, seconds: float, **how: bool) -> Prediction:
            asked.append(seconds)
            return super().predict(vectors, seconds, **how)

    analyzer.__dict__["model"] = Noted()
    silence = np.zeros(20 * RATE, np.float32)
    analyzer.analyze(np.concatenate([silence, music(8.0), silence]), RATE)
    assert asked == pytest.approx([8.0, 8.0], abs=0.5)


def test_wrong_options_are_refused() -> None:
    with raises(HevnerError, "window_too_short"):
        Analyzer(window=1.0)
    for window in (float("nan"), float("inf")):
        with raises(HevnerError, "window_too_short"):
            Analyzer(window=window)
    with raises(HevnerError, "sample_rate_missing"):
        analyze(music())
    with raises(AudioError, "file_missing", subject="nothing.wav"):
        analyze("nothing.wav")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with raises(ModelError, "unreadable", subject="none.onnx"):
        Analyzer(tmp_path / "none.onnx").analyze(music(), RATE)


def test_the_identity_names_model_and_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = identity()
    assert plain == identity(DEFAULT_WINDOW_S)
    assert plain != identity(20.0)
    model = tmp_path / "unified.onnx"
    monkeypatch.setattr("hevner.defaults.DEFAULT_MODEL", model)
    seen = {plain, identity()}
    for content, card in ((b"one", "{}"), (b"two", "{}"), (b"two", '{"version": "2"}')):
        model.write_bytes(content)
        model.with_suffix(".json").write_text(card)
        seen.add(identity())
    assert len(seen) == 5
    harmony = tmp_path / "weights.npz"
    monkeypatch.setattr("hevner.defaults.MUSIC_WEIGHTS", (harmony,))
    for content in (b"one", b"two"):
        harmony.write_bytes(content)
        seen.add(identity())
    assert len(seen) == 7


def test_analysing_loads_nothing_that_only_training_needs() -> None:
    code = (
        "import sys, numpy, hevner\n"
        "time = numpy.arange(32000) / 16000\n"
        "chord = sum(numpy.sin(2 * numpy.pi * f * time) for f in (220, 261.6, 329.6))\n"
        "notes = 0.2 * chord * numpy.exp(-4 * (time % 0.5))\n"
        "assert hevner.analyze(notes, 16000).status == 'ok'\n"
        "print(sorted({'torch', 'sklearn', 'librosa', 'mir_eval'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
