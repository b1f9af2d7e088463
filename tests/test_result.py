from __future__ import annotations

import dataclasses
import json
import pickle
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.emotion import BASIC, GEMS, SOUNDS_LIKE, UNIT, Quadrant, Scale
from hevner.errors import AudioError, HevnerError
from hevner.moods import TAGS
from hevner.result import (
    Analysis,
    ChordSpan,
    Estimate,
    Failure,
    KeyCandidate,
    Moment,
    TagEstimate,
    TempoCandidate,
    clock,
)
from tests.fakes import sample, silence, tag_estimates
from tests.golden import regenerate_schema

SCHEMA = json.loads(files("hevner").joinpath("analysis.schema.json").read_text("utf-8"))

finite = st.floats(-1, 1)
shares = st.floats(0, 1)
times = st.floats(0, 1e5)
estimates = st.tuples(finite, finite, finite).map(
    lambda three: Estimate(sorted(three)[1], min(three), max(three))
)
moments = st.builds(Moment, times, times, *[st.none() | estimates] * 3)
quadrants = st.sampled_from(Quadrant)
tags = st.builds(
    lambda tag, *rest: TagEstimate(tag.name, tag.group, *rest),
    st.sampled_from(TAGS),
    shares,
    st.floats(0, 1e8),
    st.booleans(),
)

candidates = st.builds(
    KeyCandidate, st.just("F# minor"), st.none() | st.sampled_from(["dorian", "aeolian"]), shares
)


tempi = st.builds(TempoCandidate, st.floats(20, 400), shares)


@st.composite
def analyses(draw: st.DrawFn) -> Analysis:
    quadrant = draw(quadrants)
    return Analysis(
        path=draw(st.text(max_size=20)),
        status="ok",
        duration=draw(times),
        model="any",
        valence=draw(estimates),
        arousal=draw(estimates),
        tension=draw(st.none() | estimates),
        emotions=draw(st.none() | st.fixed_dictionaries(dict.fromkeys(BASIC, estimates))),
        quadrant=quadrant.name,
        quadrant_words=quadrant.value,
        quadrant_probabilities={q.name: draw(shares) for q in Quadrant},
        moods={mood: draw(shares) for mood in GEMS},
        tags=tuple(draw(st.lists(tags, max_size=3))),
        contradictions=tuple(draw(st.lists(st.text(max_size=9), max_size=2))),
        key=draw(st.none() | st.sampled_from(["C major", "F# minor"])),
        mode=draw(st.none() | st.sampled_from(["ionian", "harmonic minor"])),
        key_confidence=draw(st.none() | shares),
        key_candidates=tuple(draw(st.lists(candidates, max_size=3))),
        tempo=draw(st.none() | st.floats(20, 400)),
        tempo_candidates=tuple(draw(st.lists(tempi, max_size=3))),
        meter=draw(st.none() | st.sampled_from(["4/4", "6/8"])),
        beats=tuple(draw(st.lists(times, max_size=3))),
        downbeats=tuple(draw(st.lists(times, max_size=3))),
        chords=tuple(
            draw(st.lists(st.builds(ChordSpan, st.just("C:maj"), times, times), max_size=3))
        ),
        familiarity=draw(st.none() | shares),
        sounds_like=draw(st.none() | st.fixed_dictionaries(dict.fromkeys(SOUNDS_LIKE, shares))),
        timeline=tuple(draw(st.lists(moments, max_size=3))),
        warnings=tuple(draw(st.lists(st.text(max_size=9), max_size=2))),
    )


@given(analyses())
def test_analysis_survives_json(analysis: Analysis) -> None:
    assert Analysis.from_dict(json.loads(json.dumps(analysis.to_dict()))) == analysis


@pytest.mark.parametrize(
    ("scale", "digits"), [(Scale(1, 9), 4), (Scale(0, 1), 5), (Scale(0, 7), 5)]
)
def test_values_on_a_scale_have_no_noise_at_the_end(scale: Scale, digits: int) -> None:
    for number in range(-10_000, 10_001, 7):
        value = Estimate(number / 10_000, -1, 1).rescaled(UNIT, scale).value
        assert len(repr(value).partition(".")[2]) <= digits


@given(analyses())
def test_analyses_can_be_collected_in_sets(analysis: Analysis) -> None:
    same = Analysis.from_dict(analysis.to_dict())
    assert len({analysis, same}) == 1
    assert len({analysis, dataclasses.replace(analysis, path=f"{analysis.path}!")}) == 2


@given(analyses())
def test_analysis_fits_the_published_schema(analysis: Analysis) -> None:
    jsonschema.validate(json.loads(json.dumps(analysis.to_dict())), SCHEMA)


@given(analyses(), st.sampled_from([Scale(0, 1), Scale(1, 9), Scale(-5, 5)]))
def test_scales_can_be_changed_back_and_forth(analysis: Analysis, scale: Scale) -> None:
    moved = analysis.on(scale)
    back = moved.on(UNIT)
    assert moved.scale == scale.name
    assert moved.emotions == analysis.emotions
    for there, again in zip(_estimates(analysis), _estimates(back), strict=True):
        assert (there is None) == (again is None)
        if there is not None and again is not None:
            assert dataclasses.astuple(again) == pytest.approx(
                dataclasses.astuple(there), abs=1e-12
            )
    for estimate in filter(None, _estimates(moved)):
        assert scale.low <= estimate.low <= estimate.value <= estimate.high <= scale.high


def _estimates(analysis: Analysis) -> list[Estimate | None]:
    records = (analysis, *analysis.timeline)
    return [estimate for one in records for estimate in (one.valence, one.arousal, one.tension)]


@pytest.mark.parametrize(
    "record",
    [sample(), silence(), Failure("x.wav", "decode", "the file is empty", "Copy it again")],
    ids=["analysis", "silence", "failure"],
)
def test_every_kind_of_record_fits_the_schema(record: Analysis | Failure) -> None:
    jsonschema.validate(record.to_dict(), SCHEMA)


def test_the_schema_is_the_one_that_the_types_give() -> None:
    published = files("hevner").joinpath("analysis.schema.json").read_text("utf-8")
    assert published == regenerate_schema.text(), (
        "write it anew: python -m tests.golden.regenerate_schema"
    )


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "fine"},
        {"valence": None},
        {"duration": -1},
        {"quadrant": "Q5"},
        {"moods": {"boredom": 0.5}},
        {"familiarity": 2},
        {"tension": 0.5},
        {"emotions": {"boredom": {"value": 0.5, "low": 0, "high": 1}}},
        {"sounds_like": {"song": 2}},
        {
            "tags": [
                {
                    "name": "boredom",
                    "group": "emotion",
                    "probability": 0.5,
                    "odds_ratio": 2,
                    "present": True,
                }
            ]
        },
        {"contradictions": "happy but also sad"},
        {"chords": [{"label": "C:maj", "start": 0}]},
        {"extra": 1},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_schema_refuses_what_is_wrong(changes: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sample().to_dict() | changes, SCHEMA)


def test_silence_with_an_emotion_does_not_fit_the_schema() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(sample(status="silent").to_dict(), SCHEMA)


@pytest.mark.parametrize("field", ["tension", "emotions", "sounds_like"])
def test_silence_with_any_reading_does_not_fit_the_schema(field: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(silence().to_dict() | {field: sample().to_dict()[field]}, SCHEMA)


def test_silence_with_tags_does_not_fit_the_schema() -> None:
    record = silence().to_dict()
    jsonschema.validate(record, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(record | {"tags": [dataclasses.asdict(tag_estimates()[0])]}, SCHEMA)


def test_record_of_a_time_without_tags_is_refused() -> None:
    record = sample().to_dict()
    del record["tags"]
    with pytest.raises(KeyError):
        Analysis.from_dict(record)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (125, "2:05"), (3599.7, "1:00:00"),
     (7325, "2:02:05")],
)  # fmt: skip
def test_times_read_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample().tempo = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("record", [{}, {"path": "x"}, sample().to_dict() | {"new": 1}])
def test_foreign_records_are_refused(record: dict[str, object]) -> None:
    with pytest.raises((TypeError, KeyError)):
        Analysis.from_dict(record)


def test_failure_repeats_what_the_error_says() -> None:
    error = AudioError("the file is empty", remedy="Copy it again", subject="a.wav")
    assert Failure.of("a.wav", error).to_dict() == {
        "path": "a.wav",
        "status": "failed",
        "stage": "decode",
        "cause": "the file is empty",
        "remedy": "Copy it again",
        "code": "bad_audio",
    }


def test_errors_read_as_sentences_and_travel_between_processes() -> None:
    error = AudioError("the file is empty", remedy="Copy it again", subject="a.wav", stage="read")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a.wav: the file is empty. Copy it again"
    assert (type(again), again.stage, again.subject) == (AudioError, "read", "a.wav")
    assert str(HevnerError("no luck")) == "no luck"
