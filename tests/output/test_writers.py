"""What every writer keeps, and what each of them writes."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest

from hevner import output
from hevner.emotion import GEMS, MOOD_TAGS, Scale
from hevner.files import display_name
from hevner.output.records import COLUMNS
from hevner.output.summary import chord_name, main_chords, present_tags
from hevner.result import Analysis, ChordSpan, Estimate, Failure, TempoCandidate
from tests.fakes import PRESENT, sample, silence

FAILURE = Failure("bad [red].wav", "decode", 'the "file", is\nempty', "Copy it again")
RECORDS = [sample(), silence(), FAILURE, sample("Dvořák – 月.mp3", familiarity=0.01)]  # noqa: RUF001
TEXTS = [form for form in output.FORMATS if form != "parquet"]


def written(form: str, *records: Analysis | Failure, **options: object) -> str:
    text = io.StringIO()
    writer = output.create(form, text, output.Options(**options))  # type: ignore[arg-type]
    for record in records:
        writer.write(record)
    writer.finish()
    return text.getvalue()


@pytest.mark.parametrize("form", TEXTS)
def test_every_result_appears_in_order(form: str) -> None:
    text = written(form, *RECORDS)
    for what in ("song.wav", "silent", "bad [red].wav", "Copy it again", "Dvořák – 月.mp3"):  # noqa: RUF001
        assert what in text
    assert text.index("song.wav") < text.index("Dvořák")
    assert text.endswith("\n")


@pytest.mark.parametrize("form", TEXTS)
def test_no_results_are_no_error(form: str) -> None:
    assert "song.wav" not in written(form)


@pytest.mark.parametrize("form", TEXTS)
def test_names_that_are_not_unicode_can_be_encoded(form: str) -> None:
    text = written(form, sample(display_name("b\udcff.wav")))
    text.encode("utf-8")
    assert "b\\xff.wav" in text or "b\\\\xff.wav" in text


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_lines_are_written_as_soon_as_they_are_known(form: str) -> None:
    text = io.StringIO()
    writer = output.create(form, text)
    before = text.getvalue()
    writer.write(sample())
    assert text.getvalue().removeprefix(before).count("\n") == 1


ON_REQUEST = ("beats", "downbeats", "explanation")


def without_extras(record: Analysis | Failure) -> dict[str, object]:
    fields = record.to_dict()
    return {name: fields[name] for name in fields if name not in ON_REQUEST}


def test_json_lines_are_one_object_each() -> None:
    lines = written("jsonl", *RECORDS).splitlines()
    assert [json.loads(line) for line in lines] == [without_extras(one) for one in RECORDS]
    why = {"explanation": RECORDS[0].to_dict()["explanation"]}
    assert Analysis.from_dict(json.loads(lines[0]) | why) == RECORDS[0]


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_beats_are_written_on_request(form: str) -> None:
    record = sample(beats=(0.5, 1.0), downbeats=(0.5,))
    text = io.StringIO()
    writer = output.create(form, text, output.Options(beats=True, explain=True))
    writer.write(record)
    writer.finish()
    (read,) = json.loads(text.getvalue()) if form == "json" else [json.loads(text.getvalue())]
    assert (read["beats"], read["downbeats"]) == ([0.5, 1.0], [0.5])
    assert Analysis.from_dict(read) == record
    assert "beats" not in written(form, record)


def test_json_is_one_array() -> None:
    assert json.loads(written("json", *RECORDS)) == [without_extras(one) for one in RECORDS]
    assert json.loads(written("json")) == []
    assert json.loads(written("json", FAILURE)) == [FAILURE.to_dict()]


def test_json_has_no_numbers_that_are_none() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        written("jsonl", sample(tempo=float("nan")))


def test_csv_has_the_same_columns_in_every_row() -> None:
    rows = list(csv.reader(io.StringIO(written("csv", *RECORDS))))
    assert tuple(rows[0]) == COLUMNS
    assert {len(row) for row in rows} == {len(COLUMNS)}


def test_csv_is_flat() -> None:
    full, silent, failed, _ = csv.DictReader(io.StringIO(written("csv", *RECORDS)))
    assert (full["valence"], full["valence_low"], full["valence_high"]) == (
        "-0.25",
        "-0.5",
        "0.125",
    )
    assert (full["tension"], full["tension_low"], full["tension_high"]) == ("0.25", "0.0", "0.5")
    assert (full["emotion_fear"], full["emotion_fear_low"], full["emotion_fear_high"]) == (
        "0.5",
        "0.375",
        "0.625",
    )
    assert (full["sounds_like"], full["sounds_like_film_score"]) == ("film score", "0.75")
    assert (silent["sounds_like"], silent["emotion_fear"]) == ("", "")
    assert full["key_candidates"] == "A minor=0.75; C major=0.20"
    assert full["probability_Q2"] == "0.5"
    assert full["mood_joyful_activation"] == str(sample().moods["joyful activation"])
    assert full["chords"] == "A:min=0.25 F:maj=0.25 C:maj=0.25 G:7=0.25"
    assert full["warnings"].startswith("the file ends early")
    assert full["tags"].split() == list(PRESENT)
    assert (full["tag_sad"], full["tag_happy"], silent["tag_sad"]) == ("0.2", "0.01", "")
    assert full["contradictions"].startswith("slow but also fast")
    assert (silent["status"], silent["valence"], silent["key"]) == ("silent", "", "")
    assert (failed["status"], failed["cause"]) == ("failed", 'the "file", is\nempty')
    assert failed["remedy"] == "Copy it again"


def test_csv_names_other_tempi() -> None:
    tempi = (TempoCandidate(120.0, 0.7), TempoCandidate(60.5, 0.2))
    records = sample(tempo_candidates=tempi), silence()
    full, silent = csv.DictReader(io.StringIO(written("csv", *records)))
    assert (full["tempo_candidates"], silent["tempo_candidates"]) == ("120=0.70; 60.5=0.20", "")


def test_csv_has_a_column_for_every_mood() -> None:
    assert sum(column.startswith("mood_") for column in COLUMNS) == len(GEMS)


def test_csv_has_a_column_for_every_tag() -> None:
    assert tuple(c.removeprefix("tag_") for c in COLUMNS if c.startswith("tag_")) == MOOD_TAGS


def test_table_says_it_in_words() -> None:
    text = written("table", sample().on(Scale(1, 9)))
    (line,) = (line for line in text.splitlines() if "song.wav" in line and "Note" not in line)
    for cell in ("4.00 (3.00…5.50)", "7.00 (6.00…8.00)", "6.00 (5.00…7.00)", "tense, angry",
                 "fear 0.50, anger 0.38", "amazement 90%", "A minor", "120", "Am F C G7", "0.50",
                 "film score 75%"):  # fmt: skip
        assert cell in line
    assert "on 1..9" in text
    assert "Note: song.wav: the file ends early" in text
    assert "!" not in line


@pytest.mark.parametrize("width", [150, 160, 179, 180])
def test_no_column_is_cut_off(width: int) -> None:
    text = written("table", sample("a/long/way/to/a/song.wav", familiarity=0.01), width=width)
    (heading,) = (line for line in text.splitlines() if "Valence " in line and "Moods" in line)
    assert heading.endswith("like")
    for part in ("melancholic,", "(-0.50…0.12)", "! 0.01", "(0.00…0.50)", "0.38", "75%"):
        assert part in text


def test_table_tells_emotions_first_and_no_use() -> None:
    text = written("table", sample())
    assert "sad, melancholic, dark; slow; nature " in text
    assert "film" not in text.replace("film score", "")
    assert "Note: song.wav: slow but also fast" in text


@pytest.mark.parametrize("width", [None, 60])
def test_table_tells_all_tags_if_asked_with_those_of_use_apart(width: int | None) -> None:
    text = " ".join(written("table", sample(), width=width, all_tags=True).split())
    for part in ("sad, melancholic, dark, energetic;", "slow, soft;", "nature;"):
        assert part in text
    assert "use: film, corporate" in text


@pytest.mark.parametrize("width", [None, 60])
def test_table_has_no_place_for_what_the_model_lacks(width: int | None) -> None:
    timeline = tuple(dataclasses.replace(one, tension=None) for one in sample().timeline)
    lacking = sample(tension=None, emotions=None, sounds_like=None, timeline=timeline)
    text = written("table", lacking, width=width).lower()
    for name in ("tension", "emotions", "sounds like"):
        assert name not in text
    assert "sounds like" in written("table", lacking, sample(), width=width).lower()


@pytest.mark.parametrize("width", [None, 60])
def test_table_has_no_place_for_tags_if_there_are_none(width: int | None) -> None:
    text = written("table", sample(tags=(), contradictions=()), width=width)
    assert "tags" not in text.lower()
    assert "amazement" in text
    assert "Tags" in written("table", sample(tags=()), sample())


def test_present_tags_are_those_present_by_group() -> None:
    assert present_tags(sample(), everything=False) == {
        "emotion": ["sad", "melancholic", "dark"],
        "character": ["slow"],
        "theme": ["nature"],
    }
    assert present_tags(sample(), everything=True)["use"] == ["film", "corporate"]
    assert present_tags(silence(), everything=True) == {}


def test_table_marks_what_is_unfamiliar() -> None:
    text = written("table", sample(familiarity=0.01))
    assert "! 0.01" in text
    assert "Unlike the music the model has learned from" in text


def test_table_puts_failures_below_with_cause_and_remedy() -> None:
    text = written("table", FAILURE, sample())
    assert text.index("song.wav") < text.index("bad [red].wav")
    (line,) = (line for line in text.splitlines() if "bad" in line)
    for cell in ("decode", r'the "file", is\nempty', "Copy it again"):
        assert cell in line


@pytest.mark.parametrize("width", [40, 60, 80, 149, 150, 160, 200])
def test_table_keeps_within_the_terminal_and_loses_nothing(width: int) -> None:
    long = sample("a very long name of a song that does not end.flac")
    text = written("table", long, FAILURE, width=width)
    assert max(map(len, text.splitlines())) <= width
    for part in ("-0.25", "(-0.50…0.12)", "(0.25…0.75)", "tense,", "amazement", "solemnity",
                 "melancholic", "nature", "minor", "120", "Am", "G7", "0.50",
                 "fear", "0.38", "75%", "decode"):  # fmt: skip
        assert part in text


def test_table_of_silence_tells_no_emotion() -> None:
    text = written("table", silence())
    assert "silent" in text
    (line,) = (line for line in text.splitlines() if "silent.wav" in line)
    assert "0." not in line


def test_main_chords_are_those_that_last() -> None:
    spans = (("N", 0, 6), ("C:maj", 6, 7), ("A:min", 7, 9), ("C:maj", 9, 10.5), ("G:7", 10.5, 12))
    analysis = sample(chords=tuple(ChordSpan(*span) for span in spans))
    assert main_chords(analysis, 2) == [
        ("C:maj", pytest.approx(2.5 / 12)),
        ("A:min", pytest.approx(2 / 12)),
    ]
    assert main_chords(sample(chords=()), 3) == []


@pytest.mark.parametrize(
    ("label", "name"),
    [("C:maj", "C"), ("F#:min7", "F#m7"), ("G:7", "G7"), ("Bb:dim", "Bbdim"), ("D:sus4", "Dsus"),
     ("A", "A")],
)  # fmt: skip
def test_chords_are_named_as_musicians_do(label: str, name: str) -> None:
    assert chord_name(label) == name


def test_unknown_form_is_refused() -> None:
    with pytest.raises(KeyError):
        output.create("xml", io.StringIO())


def test_estimates_at_the_edge_are_told_with_two_digits() -> None:
    text = written("table", sample(valence=Estimate(-1, -1, 1)))
    assert "-1.00 (-1.00…1.00)" in text
