"""``hevner tag`` from end to end."""

from __future__ import annotations

import os
import shutil
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hevner.cache import Cache
from hevner.cli import app, tag_run
from hevner.defaults import identity
from hevner.errors import AudioError
from hevner.result import SURE, Analysis, TempoCandidate
from hevner.tags import journal, values
from hevner.tags.containers import TaggedFile
from tests.fakes import contents, sample
from tests.tags.tagged_music import CONTAINERS, MINE, make

EXAMPLES = Path(__file__).parents[2] / "examples" / "audio"


class SureAnalyzer:
    """Says the same of every file, and is sure of it; one that is named bad fails."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def analyze(self, source: Path, /) -> Analysis:
        self.asked.append(source.name)
        if source.name.startswith("bad"):
            raise AudioError("this is noise", remedy="Play music", subject=str(source))
        return sample(
            str(source),
            quadrant_probabilities={"Q1": 0.1, "Q2": 0.9, "Q3": 0.0, "Q4": 0.0},
            tags=(),
            key_confidence=0.9,
            tempo_candidates=(TempoCandidate(120.0, 0.9),),
        )


@pytest.fixture
def analyzer(monkeypatch: pytest.MonkeyPatch) -> SureAnalyzer:
    fake = SureAnalyzer()
    monkeypatch.setattr(tag_run, "LateAnalyzer", lambda *_: fake)
    return fake


def hevner(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_a_dry_run_shows_a_diff_and_changes_nothing(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    path = make(tmp_path / "Ночь 🎻.flac", "there")
    old = path.read_bytes()
    done = hevner("tag", tmp_path, "--dry-run", "--overwrite", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        str(path),
        "  - MOOD: my own 😀",
        "  + MOOD: tense; angry",
        "  - BPM: 77",
        "  + BPM: 120",
        "  + INITIALKEY: Am",
    ]
    assert done.stderr == "1 file: 1 would change, 0 unchanged.\n"
    assert path.read_bytes() == old
    assert contents(tmp_path) == [path.name]


def test_files_are_tagged_and_restored(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{ending}.{ending}") for ending in CONTAINERS]
    old = [path.read_bytes() for path in paths]
    done = hevner("tag", tmp_path, "--write", "mood,key,arousal", "--scale", "0..1")
    assert done.exit_code == 0, done.output
    assert done.stderr == "9 files: 9 tagged, 0 unchanged. 'hevner tag --undo' restores them.\n"
    for path in paths:
        found = TaggedFile(path)
        assert "; ".join(found.values("mood")) == "tense; angry"
        assert (found.values("key"), found.values("arousal")) == (("Am",), ("0.75",))
        assert found.values("tempo") == ()
    again = hevner("tag", tmp_path)
    assert "9 tagged" in again.stderr  # the tempo
    for count in (1, 2):
        undone = hevner("tag", "--undo")
        assert undone.exit_code == 0, undone.output
        assert "9 restored" in undone.stderr
        assert len(list(journal.newest().parent.glob("*.undone")) if count < 2 else "12") == count
    assert [path.read_bytes() for path in paths] == old
    assert hevner("tag", "--undo").exit_code == 1


def test_what_was_written_is_known_to_the_next_analysis(
    analyzer: SureAnalyzer, tmp_path: Path
) -> None:
    path = make(tmp_path / "a.mp3")
    hevner("tag", path)
    hevner("tag", path)
    assert analyzer.asked == ["a.mp3"]
    cache = Cache(identity())
    key = cache.key(path)
    assert key is not None
    assert cache.load(key, "") is not None


def test_files_that_fail_do_not_stop_the_others(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    make(tmp_path / "a.mp3").chmod(0o444)
    make(tmp_path / "bad.mp3", seconds=1.0)  # else its analysis is known from the first
    (tmp_path / "c.mka").write_bytes(b"no tags here")
    make(tmp_path / "d.mp3", "there")
    done = hevner("tag", tmp_path)
    assert done.exit_code == 1
    failed = [line for line in done.stderr.splitlines() if line.startswith("Failed: ")]
    assert len(failed) == 3
    assert "write-protected" in failed[0]
    assert "this is noise" in failed[1]
    assert "4 files: 1 tagged, 0 unchanged, 3 failed." in done.stderr
    assert TaggedFile(tmp_path / "d.mp3").values("mood") == MINE


def test_what_mutagen_does_not_expect_fails_for_one_file(
    analyzer: SureAnalyzer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = TaggedFile.__init__

    def broken(self: TaggedFile, path: Path, like: TaggedFile | None = None) -> None:
        if path.name == "a.mp3":
            raise IndexError("out of range")
        usual(self, path, like)

    monkeypatch.setattr(TaggedFile, "__init__", broken)
    for name in "ab":
        make(tmp_path / f"{name}.mp3")
    done = hevner("tag", tmp_path)
    assert done.exit_code == 1
    assert "a.mp3: its tags cannot be read (IndexError: out of range)" in done.stderr
    assert "1 tagged, 0 unchanged, 1 failed" in done.stderr


def test_without_room_for_the_journal_the_run_ends(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{name}.mp3") for name in "ab"]
    (tmp_path / "file").write_text("")
    done = hevner("tag", *paths, "--journal", tmp_path / "file" / "journal.jsonl")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert "the journal cannot be written" in done.stderr
    assert len(analyzer.asked) <= 2
    assert TaggedFile(paths[0]).values("key") == ()


def test_a_named_journal_is_that_of_its_run(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    log = tmp_path / "my journal.jsonl"
    paths = [make(tmp_path / f"{name}.ogg") for name in "ab"]
    old = paths[0].read_bytes()
    done = hevner("tag", *paths, "--journal", log)
    assert f"--undo --journal {log}" in done.stderr
    TaggedFile(paths[1]).put({"words": ("edited",)})
    edited = paths[1].read_bytes()
    undone = hevner("tag", "--undo", "--journal", log)
    assert undone.exit_code == 1
    assert "b.ogg: the file has changed since, so it is not restored" in undone.stderr
    assert "1 restored, 1 failed" in undone.stderr
    assert [path.read_bytes() for path in paths] == [old, edited]


def test_what_could_not_be_restored_can_be_later(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{name}.ogg") for name in "ab"]
    old = [path.read_bytes() for path in paths]
    hevner("tag", *paths)
    away = paths[1].rename(tmp_path / "away.ogg")
    assert "1 restored, 1 failed" in hevner("tag", "--undo").stderr
    away.rename(paths[1])
    again = hevner("tag", "--undo")
    assert (again.exit_code, "1 restored, 1 as before" in again.stderr) == (0, True)
    assert [path.read_bytes() for path in paths] == old


def test_a_journal_that_was_named_keeps_its_name(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    path, log = make(tmp_path / "a.mp3"), tmp_path / "my journal.jsonl"
    hevner("tag", path, "--journal", log)
    for said in ("1 restored", "1 as before"):
        assert said in hevner("tag", "--undo", "--journal", log).stderr


def test_what_a_killed_run_left_is_swept_away(analyzer: SureAnalyzer, tmp_path: Path) -> None:
    make(tmp_path / "a.mp3")
    for name, age in (("old", 0), ("new", None)):
        part = tmp_path / f".hevner-{name}.part"
        part.write_text("half a song")
        if age is not None:
            os.utime(part, (age, age))
    hevner("tag", tmp_path)
    assert contents(tmp_path) == [".hevner-new.part", "a.mp3"]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (".", "--write", "colour"),
        (".", "--undo", "--dry-run"),
        ("{}", "--undo"),
        (".", "--scale", "high"),
        (".", "--sure", "2"),
        ("{}",),
    ],
)
def test_calls_that_make_no_sense(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = hevner("tag", *(one.format(tmp_path) for one in arguments))
    assert done.exit_code == 2, done.output


def test_the_command_offers_all_fields() -> None:
    verb = import_module("hevner.cli.tag")
    assert values.FIELDS == verb.FIELDS
    assert signature(verb.tag).parameters["sure"].default == SURE
    assert f"{values.SCALE.low:g}..{values.SCALE.high:g}" == "0..100"


def test_a_catalogue_is_tagged_without_analysing_and_stays_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hevner.analysis import Analyzer

    music = tmp_path / "music"
    music.mkdir()
    for name in ("slow_lament.ogg", "calm_evening.ogg"):
        shutil.copy(EXAMPLES / name, music)
    shutil.copy(music / "slow_lament.ogg", music / "copy.ogg")
    catalog = tmp_path / "catalogue"
    assert hevner("index", music, "--into", catalog, "--jobs", 1).exit_code == 0
    old = {path.name: path.read_bytes() for path in music.iterdir()}

    def forbidden(*_: object) -> None:
        raise AssertionError("analysed again")

    monkeypatch.setattr(Analyzer, "read", forbidden)
    done = hevner("tag", catalog, "--write", "key,mood", "--no-cache", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert "3 files: 3 tagged, 0 unchanged." in done.stderr
    assert TaggedFile(music / "slow_lament.ogg").values("key") == ("Dm",)
    assert "3 unchanged" in hevner("index", music, "--into", catalog).stderr
    undone = hevner("tag", catalog, "--undo")
    assert undone.exit_code == 0, undone.output
    assert {path.name: path.read_bytes() for path in music.iterdir()} == old
    assert "3 unchanged" in hevner("index", music, "--into", catalog).stderr
    assert "damaged" not in hevner("index", "--verify", "--into", catalog).stderr.replace(
        "nothing is damaged", ""
    )
    assert hevner("tag", catalog, "--model", "unified-4.1").exit_code == 2
