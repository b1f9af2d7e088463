"""Tables as people have them: one row per rater, classes, moments, JAMS, any spreadsheet's file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hevner import datasets
from hevner.emotion import Quadrant
from hevner.errors import DataError
from tests.datasets.tables import assert_found, touch
from tests.errors import raises

SCALES = '[scales]\nvalence = "1..9"\narousal = "1..9"\nemotions = "1..9"\ntension = "0..1"\n'


def write(folder: Path, table: str, toml: str = SCALES, encoding: str = "utf-8") -> Path:
    (folder / "annotations.csv").write_bytes(table.encode(encoding))
    (folder / "layout.toml").write_text(toml)
    return folder


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_the_files_of_any_spreadsheet(tmp_path: Path, delimiter: str, encoding: str) -> None:
    number = "7.4" if delimiter == "," else "7,4"
    lines = [("id", "valence", "category"), ("süß", number, "calm")]
    text = "\r\n".join(map(delimiter.join, lines))
    (track,) = datasets.load("own", write(tmp_path, text, encoding=encoding))
    assert (track.id, track.category) == ("süß", "calm")
    assert track.valence == pytest.approx(0.6)


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    write(tmp_path, "")
    (tmp_path / "annotations.csv").write_bytes("id,valence\na,5\n".encode("utf-16")[:-1])
    assert_found("own", tmp_path, "not_a_table", "annotations.csv", 0)


def test_some_of_the_basic_emotions(tmp_path: Path) -> None:
    (track,) = datasets.load("own", write(tmp_path, "id,joy,tension\na,9,0.5\n"))
    np.testing.assert_array_equal(track.emotions or (), [np.nan, np.nan, 1, np.nan, np.nan])
    assert track.tension == 0


def test_the_emotions_of_gems_by_rater_are_means_in_0_1(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text('[scales]\nmoods = "1..5"\n')
    rows = ["id,rater,mood_amazement,mood_joyful_activation", "a,ann,1,5", "a,ben,3,4"]
    (tmp_path / "annotations.csv").write_text("\n".join(rows))
    (track,) = datasets.load("own", tmp_path)
    assert track.gems is not None
    assert (track.gems[0], track.gems[6]) == (0.25, 0.875)
    assert np.isfinite(track.gems).sum() == 2
    assert track.by_rater["ann"] == {"mood_amazement": 0.0, "mood_joyful_activation": 1.0}
    assert datasets.labels.label_table([track]).shares.keys() == {"amazement", "joyful activation"}


def test_empty_cells_may_be_missing_labels(tmp_path: Path) -> None:
    table = "id,valence,category,quadrant\na,5,,\nb,,calm,Q4\nc,,,\n"
    with raises(DataError, "value_missing", subject="line 2"):
        datasets.load("own", write(tmp_path, table))
    found = datasets.load("own", write(tmp_path, table, f'empty_cells = "missing"\n{SCALES}'))
    first, second = found
    assert (first.valence, first.category, first.quadrant) == (0, None, None)
    assert (second.valence, second.category, second.quadrant) == (None, "calm", Quadrant.Q4)
    assert [(one.name, one.tracks) for one in found.findings][-1] == ("unlabelled-row", 1)


def test_all_bad_cells_and_rows_are_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, "id,valence,arousal\na,x,12\nb,5,5\nc,5,y\nd,0,5\n")
    with raises(DataError, "not_a_number", subject="line 2") as caught:
        datasets.load("own", tmp_path)
    text = str(caught.value)
    assert "'x' in column valence" in text
    assert "12 in column arousal" in text
    for line in ("line 4: 'y'", "line 5: 0 in", "datasets check own"):
        assert line in text


RATERS = """id,rater,valence,arousal,category,tags,artist
a,ann,1,5,calm,"slow, sad",Bach
a,ben,5,5,calm,slow,Bach
a,cleo,9,8,tense,fast,Bach
b,ann,3,2,calm,,
b,ben,5,4,tense,sad,Liszt
"""


def test_a_row_per_rater_becomes_means_votes_and_shared_tags(tmp_path: Path) -> None:
    found = datasets.load("own", write(tmp_path, RATERS))
    first, second = found
    assert (first.valence, first.arousal) == (0, 0.25)
    assert (first.valence_std, first.raters, first.group) == (1, 3, "Bach")
    assert first.valence_by_rater == (-1, 0, 1)
    assert (first.category, first.tags) == ("calm", ("slow",))
    assert (second.category, second.tags, second.group) == (None, ("sad",), "Liszt")
    assert (first.by_rater or {})["ben"] == {
        "valence": 0.0, "arousal": 0.0, "category": "calm", "tags": ("slow",),
    }  # fmt: skip
    assert [one.name for one in found.findings if one.kind == "note"][-1] == "tied-votes"


def test_raters_who_agree_count_more(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(2, 8, 40)
    rows = ["id,rater,valence"]
    for k, value in enumerate(truth):
        rows += [f"{k},{name},{value + rng.normal(0, 0.1):.3f}" for name in ("ann", "ben")]
        rows += [f"{k},dice,{rng.uniform(1, 9):.3f}"]
    table = "\n".join(rows)
    off = []
    for weights in ("equal", "agreement"):
        tracks = datasets.load(
            "own", write(tmp_path, table, f'rater_weights = "{weights}"\n{SCALES}')
        )
        means = np.array([track.valence for track in tracks], float)
        off.append(np.abs(means - (truth - 5) / 4).mean())
    assert off[1] < off[0] / 3


@pytest.mark.parametrize(
    ("row", "code"),
    [("a,ann,2,2,calm,,Bach", "duplicate_id"), ("a,dan,2,2,calm,,Mozart", "contradiction"),
     ("a,,2,2,calm,,Bach", "value_missing"), ("a,dan,0,2,calm,,Bach", "off_scale")],
)  # fmt: skip
def test_a_bad_row_of_a_rater(tmp_path: Path, row: str, code: str) -> None:
    assert_found("own", write(tmp_path, f"{RATERS}{row}\n"), code, "annotations.csv, line 7", 2)


def test_a_missing_file_is_named_once_for_all_raters(tmp_path: Path) -> None:
    touch(write(tmp_path, RATERS) / "audio", ["b.wav"])
    assert_found("own", tmp_path, "file_missing", "annotations.csv, line 2", 2)


MOMENTS = "id,time,rater,valence,arousal\na,1,ann,1,5\na,0.5,ann,5,5\na,1,ben,5,9\n"


def test_moments_become_curves_and_means(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(SCALES)
    (tmp_path / "moments.csv").write_text(MOMENTS)
    touch(tmp_path / "audio", ["a.wav"])
    found = datasets.load("own", tmp_path)
    (track,) = found
    assert track.curve is not None
    np.testing.assert_allclose(track.curve.times, [0.5, 1])
    np.testing.assert_allclose(track.curve.valence, [0, -0.5])
    np.testing.assert_allclose(track.curve.arousal, [0, 0.5])
    assert track.curve.valence_std is not None
    assert track.curve.valence_by_rater is not None
    np.testing.assert_allclose(track.curve.valence_std, [np.nan, 2**-0.5])
    np.testing.assert_allclose(track.curve.valence_by_rater, np.array([[0, -1], [np.nan, 0]]))
    assert (track.valence, track.arousal, track.path.name) == (-0.25, 0.25, "a.wav")
    assert [one.name for one in found.findings] == ["mean-of-moments"]


def test_ratings_of_the_whole_stay_beside_moments(tmp_path: Path) -> None:
    write(tmp_path, "id,valence\na,9\nb,1\n")
    (tmp_path / "moments.csv").write_text(MOMENTS)
    first, second = datasets.load("own", tmp_path)
    assert (first.valence, first.arousal, second.curve) == (1, None, None)
    assert first.curve is not None


@pytest.mark.parametrize(
    ("row", "code"),
    [("a,1,ann,5,5", "wrong_order"), ("a,-1,ann,5,5", "wrong_order"),
     ("a,86401,ann,5,5", "wrong_time"),
     ("a,2,ann,,5", "not_a_number"), ("a,2,ann,5,0", "off_scale"), ("a,2,,5,5", "value_missing")],
)  # fmt: skip
def test_a_bad_moment(tmp_path: Path, row: str, code: str) -> None:
    (tmp_path / "layout.toml").write_text(SCALES)
    (tmp_path / "moments.csv").write_text(f"{MOMENTS}{row}\n")
    assert_found("own", tmp_path, code, "moments.csv, line 5", 1)


def test_moments_need_scales(tmp_path: Path) -> None:
    (tmp_path / "moments.csv").write_text(MOMENTS)
    assert_found("own", tmp_path, "scale_missing", "moments.csv", 0)


def jams(folder: Path, name: str, *annotations: dict[str, object]) -> None:
    content = {"file_metadata": {"title": "T", "artist": "Bach"}, "annotations": annotations}
    (folder / f"{name}.jams").write_text(json.dumps(content))


def annotation(namespace: str, rater: str, *values: object) -> dict[str, object]:
    data = [{"time": float(k), "duration": 1.0, "value": v} for k, v in enumerate(values)]
    return {
        "namespace": namespace,
        "annotation_metadata": {"annotator": {"name": rater}},
        "data": data,
    }


def test_jams_files(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(SCALES)
    touch(tmp_path / "audio", ["a.wav", "b.wav"])
    jams(
        tmp_path, "a",
        annotation("mood_thayer", "ann", [9, 5]), annotation("mood_thayer", "ben", [5, 1]),
        annotation("tag_open", "ann", "calm", "slow"), annotation("beat", "ben", 1, 2),
    )  # fmt: skip
    jams(tmp_path, "b", annotation("mood_thayer", "", [9, 9], [5, 5]))
    first, second = datasets.load("own", tmp_path)
    assert (first.valence, first.arousal, first.raters) == (0.5, -0.5, 2)
    assert (first.tags, first.artist, first.title) == (("calm", "slow"), "Bach", "T")
    assert second.curve is not None
    assert (second.curve.times.tolist(), second.valence) == ([0.5, 1.5], 0.5)


def test_jams_of_before_0_3_and_tags_alone(tmp_path: Path) -> None:
    old = {"time": [0.0], "duration": [5.0], "value": ["dark"], "confidence": [1.0]}
    jams(tmp_path, "a", {"namespace": "tag_cal500", "data": old})
    (track,) = datasets.load("own", tmp_path)
    assert (track.tags, track.valence) == (("dark",), None)


def test_names_of_raters_in_jams(tmp_path: Path) -> None:
    """By name, id or source, else by number; who rated twice counts as two."""
    (tmp_path / "layout.toml").write_text(SCALES)
    some = [annotation("mood_thayer", "ann", [k, 5]) for k in range(1, 8)]
    for one, facts in zip(
        some,
        (
            {"annotator": {"name": "ann"}}, {"annotator": {"name": "ann"}},
            {"annotator": {"name": "", "id": "x7"}}, {"annotator": {}, "data_source": "web"},
            {"annotator": None}, None, {"annotator": {"name": "ben"}},
        ),
        strict=True,
    ):  # fmt: skip
        one["annotation_metadata"] = facts
    # What is empty is no rating of ben's, who rates once, below.
    jams(tmp_path, "a", *some[:6], annotation("mood_thayer", "ben"), some[6])
    (track,) = datasets.load("own", tmp_path)
    assert (track.by_rater or {}).keys() == {"ann", "ann 2", "x7", "web", "5", "6", "ben"}
    assert (track.valence, track.raters) == (-0.25, 7)


def test_raters_of_moments_in_jams_and_ratings_without_a_span(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text(SCALES)
    some = [annotation("mood_thayer", name, [v, 5], [5, 5]) for name, v in (("ann", 1), ("ben", 9))]
    for one in some[1]["data"]:  # type: ignore[attr-defined]
        del one["duration"]
    touch(tmp_path / "audio", ["a.wav"])
    jams(tmp_path, "a", *some)
    (track,) = datasets.load("own", tmp_path)
    assert track.curve is not None
    assert track.curve.times.tolist() == [0, 0.5, 1, 1.5]
    assert track.curve.valence_by_rater is not None
    assert track.curve.valence_by_rater.shape == (2, 4)


def test_facts_and_tags_of_a_jams_file(tmp_path: Path) -> None:
    (tmp_path / "layout.toml").write_text('tag_separator = "|"\n')
    data = [{"time": 0.0, "duration": 1.0, "value": v} for v in (" slow, sad", "dark", "dark ")]
    facts = {"title": "T", "artist": "Bach", "release": "Works"}
    one = {"namespace": "tag_open", "data": data}
    text = json.dumps({"file_metadata": facts, "annotations": [one]})
    (tmp_path / "a.jams").write_text(text)
    (tmp_path / "b.jams").write_text(json.dumps({"annotations": [one]}))
    first, second = datasets.load("own", tmp_path)
    assert (first.title, first.artist, first.album) == ("T", "Bach", "Works")
    assert second.title == ""
    assert second.tags == ("dark", "slow, sad")
    assert (second.by_rater or {})["1"] == {"tags": ("slow, sad", "dark")}


def test_jams_of_different_labels(tmp_path: Path) -> None:
    """A track that lacks a label of another has none of it, and no mistake."""
    (tmp_path / "layout.toml").write_text(SCALES)
    jams(tmp_path, "a", annotation("mood_thayer", "ann", [9, 5]))
    jams(tmp_path, "b", annotation("tag_open", "ben", "calm"), annotation("tag_x", "ben", "slow"))
    first, second = datasets.load("own", tmp_path)
    assert (first.valence, first.tags, second.valence) == (1, None, None)
    assert second.tags is not None


@pytest.mark.parametrize("text", ["{", "[]", '{"annotations": [{}]}', '{"annotations": 3}'])
def test_a_file_that_is_no_jams(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.jams").write_text(text)
    assert_found("own", tmp_path, "not_a_table", "a.jams", 0)


def test_jams_need_a_scale(tmp_path: Path) -> None:
    jams(tmp_path, "a", annotation("mood_thayer", "ann", [9, 5]))
    assert_found("own", tmp_path, "scale_missing", "a.jams", 0)
    (tmp_path / "layout.toml").write_text(SCALES)
    jams(tmp_path, "b", annotation("mood_thayer", "ann", [90, 5]))
    assert_found("own", tmp_path, "off_scale", "b.jams, rater ann", 1)


@pytest.mark.parametrize("key", ["empty_cells", "rater_weights"])
def test_a_choice_that_is_not_known(tmp_path: Path, key: str) -> None:
    write(tmp_path, "id,valence\na,5\n", f'{key} = "no"\n{SCALES}')
    assert_found("own", tmp_path, "wrong_value", "layout.toml", 0)
