"""Folders from Python: results one by one, a catalogue, and tables of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import hevner
from hevner import extras
from hevner.errors import HevnerError, MissingDependencyError, ModelError
from hevner.explanation import Explanation
from hevner.hits import Hit
from hevner.output.records import COLUMNS, NUMBERS
from hevner.result import Analysis, Failure
from tests.errors import raises
from tests.fakes import FakeAnalyzer, install, sample, silence
from tests.sounds import music, write

FAILURE = Failure("bad.wav", "decode", "it is empty", "Copy it again", code="empty")


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        write(tmp_path / "songs" / f"{name}.wav", music(1.0))
    (tmp_path / "songs" / "c.wav").write_text("no audio")
    return tmp_path / "songs"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAnalyzer:
    monkeypatch.setitem(sys.modules, "hevner.analysis", None)
    analyzer = FakeAnalyzer()
    install(analyzer)
    return analyzer


def test_files_fail_one_at_a_time_and_come_in_order(songs: Path, fake: FakeAnalyzer) -> None:
    first, second, broken, missing = hevner.analyze_many([songs, songs / "none.wav"], scale="1..9")
    assert isinstance(first, Analysis)
    assert isinstance(second, Analysis)
    assert (first.path, second.path) == (str(songs / "a.wav"), str(songs / "b.wav"))
    assert first.scale == "1..9"
    assert first.valence is not None
    assert first.valence.value == pytest.approx(4.0)
    assert isinstance(broken, Failure)
    assert isinstance(missing, Failure)
    assert missing.code == "file_missing"


def test_a_path_alone_is_one_file_or_folder(songs: Path, fake: FakeAnalyzer) -> None:
    assert len(list(hevner.analyze_many(songs))) == 3
    assert len(list(hevner.analyze_many(str(songs / "a.wav")))) == 1


def test_files_are_analysed_as_they_are_taken(songs: Path, fake: FakeAnalyzer) -> None:
    for number in range(20):
        write(songs / f"more{number:02d}.wav", music(1.0))
    results = hevner.analyze_many(songs, jobs=1, cache=False)
    assert not fake.asked
    next(results)
    assert len(fake.asked) < 20
    results.close()


def test_results_are_kept_unless_told(songs: Path, fake: FakeAnalyzer) -> None:
    list(hevner.analyze_many(songs / "a.wav", cache=False))
    list(hevner.analyze_many(songs / "a.wav"))
    assert fake.asked == ["a.wav"] * 2
    list(hevner.analyze_many(songs / "a.wav"))
    assert fake.asked == ["a.wav"] * 2


def test_what_makes_no_sense_is_refused_before_the_first_file(songs: Path) -> None:
    with raises(HevnerError, "bad_scale"):
        hevner.analyze_many(songs, scale="loud")
    with raises(ModelError, "unknown_model"):
        hevner.analyze_many(songs, model="no such model")
    with raises(HevnerError, "window_too_short"):
        hevner.analyze_many(songs, window=0.1)


def test_a_catalogue_is_built_and_brought_up_to_date(songs: Path, tmp_path: Path) -> None:
    done: dict[str, str] = {}

    def report(path: Path, failure: Failure | None) -> None:
        done[path.name] = failure.code if failure else "fine"

    into = tmp_path / "catalogue"
    catalog = hevner.build_catalog(songs, into, report=report)
    assert set(done) == {"a.wav", "b.wav", "c.wav"}
    assert done["a.wav"] == "fine" != done["c.wav"]
    assert repr(catalog) == f"SearchableCatalog({str(into)!r}, 2 pieces)"
    assert len(catalog.search(mood="happy")) == 1  # both have the same content
    (songs / "b.wav").unlink()
    assert hevner.build_catalog([songs], str(into), prune=True).count("pieces") == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    with raises(HevnerError, "no_audio"):
        hevner.build_catalog(empty, into)


def test_a_row_is_flat_and_the_same_for_all() -> None:
    for record in (sample(), silence(), FAILURE):
        row = record.to_row()
        assert tuple(row) == COLUMNS
        for name, value in row.items():
            kinds = (int, float) if name in NUMBERS else (str,)
            assert value is None or isinstance(value, kinds), name
            assert value != ""
    full = sample().to_row()
    assert (full["valence"], full["valence_low"], full["tag_sad"]) == (-0.25, -0.5, 0.2)
    assert (full["key"], full["tempo"], full["tags"]) == (
        "A minor",
        120.0,
        sample().to_row()["tags"],
    )
    assert silence().to_row()["valence"] is None
    assert FAILURE.to_row()["cause"] == "it is empty"


def test_tables_keep_numbers_and_what_is_missing() -> None:
    records = [sample(), silence(), FAILURE]
    table = hevner.to_arrow(iter(records))
    assert table.column_names == list(COLUMNS)
    assert table["valence"].to_pylist() == [-0.25, None, None]
    assert table["path"].to_pylist() == ["song.wav", "silent.wav", "bad.wav"]
    assert hevner.to_arrow(sample()).num_rows == 1
    assert hevner.to_arrow([]).schema == table.schema
    frame = hevner.to_frame(records)
    assert frame.valence.isna().tolist() == [False, True, True]
    assert {str(frame[name].dtype) for name in NUMBERS} == {"float64"}
    assert frame.status.tolist() == ["ok", "silent", "failed"]


@pytest.mark.parametrize("package", ["pandas", "pyarrow"])
def test_without_the_extra_a_table_says_what_to_install(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if package == "pandas":
        monkeypatch.setattr(extras.importlib.util, "find_spec", lambda _name: None)
    with raises(MissingDependencyError, "missing_extra") as caught:
        hevner.to_frame(sample())
    assert str(caught.value).endswith("pip install 'hevner[frames]'")


def test_objects_say_in_a_line_what_they_are() -> None:
    hit = Hit("/x/a.wav", "a.wav", 60.0, 0.5, -0.25, None, 1.0, 0.75, 65.0, 80.0)
    explanation = sample().explanation
    assert isinstance(explanation, Explanation)
    assert [repr(one) for one in (sample(), silence(), FAILURE, hit, explanation)] == [
        "Analysis('song.wav', 0:12, 'tense, angry', valence=-0.25, arousal=0.50, tension=0.25, "
        "key='A minor')",
        "Analysis('silent.wav', 0:03, 'nothing sounds, so there is no emotion')",
        "Failure('bad.wav', 'it is empty', code='empty')",
        "Hit('a.wav', 1:05-1:20, fit=0.75, valence=0.50, arousal=-0.25)",
        "Explanation(valence: mode -0.20)",
    ]
    assert repr(hevner.Analyzer(window=15.0)).endswith("window=15)")
