"""Tags of files: what is written, what stays, and how all of it comes back."""

from __future__ import annotations

import dataclasses
import json
import os
from datetime import datetime
from pathlib import Path

import mutagen
import numpy as np
import pytest
from mutagen import id3

from hevner.emotion import UNIT
from hevner.errors import AudioError, DataError, OutputError
from hevner.result import TempoCandidate
from hevner.tags import containers, journal, values, writing
from hevner.tags.containers import TaggedFile
from hevner.tags.difference import difference, patched
from tests.errors import raises
from tests.fakes import contents, sample, silence
from tests.sounds import write as write_sound
from tests.tags.tagged_music import CONTAINERS, MINE, OLD, STATES, make, sound

SAD: values.Values = {
    "mood": ("sad", "gloomy"),
    "tempo": ("60",),
    "key": ("Dm",),
    "valence": ("37",),
    "words": ("perhaps sad, gloomy",),
}
UNIT_FIELDS = ("valence", "arousal", "tension")

# --- what an analysis says ---


def certain(**changes: object) -> values.Values:
    facts: dict[str, object] = {
        "quadrant_probabilities": {"Q1": 0.05, "Q2": 0.9, "Q3": 0.04, "Q4": 0.01},
        "key_confidence": 0.9,
        "tempo_candidates": (TempoCandidate(120.0, 0.9),),
    }
    return values.values_of(sample(**(facts | changes)), values.FIELDS)  # type: ignore[arg-type]


def test_what_is_sure_is_written() -> None:
    assert certain() == {
        "mood": ("tense", "angry", "sad", "melancholic", "dark"),
        "tempo": ("120",),
        "key": ("Am",),
        "valence": ("38",),
        "arousal": ("75",),
        "tension": ("62",),
        "words": ("tense, angry",),
    }


def test_what_is_not_sure_is_left_out() -> None:
    assert certain(quadrant_probabilities={"Q2": 0.84})["mood"] == ("sad", "melancholic", "dark")
    assert "key" not in certain(key_confidence=0.84)
    assert "tempo" not in certain(tempo_candidates=(TempoCandidate(120.0, 0.84),))
    assert "tempo" not in certain(tempo_candidates=())
    assert "key" not in certain(key=None)
    assert "tempo" not in certain(tempo=None)
    assert "tension" not in certain(tension=None)
    assert "mood" not in certain(quadrant_probabilities={}, tags=())
    unsure = values.values_of(sample(), sure=0.5)
    assert unsure["mood"][:2] == ("tense", "angry")
    assert unsure["key"] == ("Am",)


def test_music_without_emotion_has_no_values() -> None:
    assert values.values_of(silence(), values.FIELDS) == {}
    assert values.values_of(sample(status="no_music"), values.FIELDS) == {}


@pytest.mark.parametrize(
    ("key", "tag"), [("A minor", "Am"), ("Eb major", "Eb"), ("F# minor", "F#m"), ("C major", "C")]
)
def test_keys_are_written_as_players_read_them(key: str, tag: str) -> None:
    assert certain(key=key)["key"] == (tag,)


def test_values_are_on_the_scale_that_is_asked_for() -> None:
    on_unit = values.values_of(sample(), UNIT_FIELDS, UNIT)
    assert on_unit == {"valence": ("-0.25",), "arousal": ("0.50",), "tension": ("0.25",)}
    assert values.values_of(sample(valence=dataclasses.replace(sample().valence, value=-1e-9)),
                            ("valence",), UNIT) == {"valence": ("0.00",)}  # fmt: skip


# --- one file ---


def tagged(path: Path, wanted: values.Values = SAD, *, overwrite: bool = False) -> journal.Entry:
    """Write tags, and return what the journal holds about them."""
    log = journal.Journal(path.parent / "journal.jsonl")
    writing.write(path, writing.changes(path, wanted, overwrite), log)
    return journal.entries(log.path)[-1]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ending", CONTAINERS)
def test_tags_are_written_and_all_else_stays(ending: str, state: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"Ночь 🎻.{ending}", state)
    old, heard = path.read_bytes(), sound(path)
    rest = TaggedFile(path).rest(list(SAD))
    there = {field: TaggedFile(path).values(field) for field in SAD}
    entry = tagged(path)
    found = TaggedFile(path)
    for field, texts in SAD.items():
        assert "; ".join(found.values(field)) == "; ".join(there[field] or texts)
    assert found.rest(list(SAD)) == rest
    assert sound(path) == heard
    assert len(json.dumps(dataclasses.asdict(entry))) < 2500  # not the music, nor the picture
    assert writing.undo(entry)
    assert path.read_bytes() == old
    assert not writing.undo(entry)
    assert contents(tmp_path) == sorted([path.name, "journal.jsonl"])


CONVENTIONS = {
    "mp3": ("TMOO", "TBPM", "TKEY", "TXXX:VALENCE"),
    "wav": ("TMOO", "TBPM", "TKEY", "TXXX:VALENCE"),
    "aiff": ("TMOO", "TBPM", "TKEY", "TXXX:VALENCE"),
    "flac": ("MOOD", "BPM", "INITIALKEY", "VALENCE"),
    "ogg": ("MOOD", "BPM", "INITIALKEY", "VALENCE"),
    "opus": ("MOOD", "BPM", "INITIALKEY", "VALENCE"),
    "m4a": (
        "----:com.apple.iTunes:MOOD",
        "tmpo",
        "----:com.apple.iTunes:initialkey",
        "----:com.apple.iTunes:VALENCE",
    ),
    "wma": ("WM/Mood", "WM/BeatsPerMinute", "WM/InitialKey", "VALENCE"),
    "wv": ("Mood", "BPM", "INITIALKEY", "VALENCE"),
}


@pytest.mark.parametrize("ending", CONTAINERS)
def test_fields_have_the_names_that_players_know(ending: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{ending}")
    tagged(path)
    tags = mutagen.File(path).tags

    def texts(name: str) -> list[str]:
        found = tags[name]
        found = found.text if hasattr(found, "text") else found
        return [one.decode() if isinstance(one, bytes) else str(one) for one in found]

    mood, tempo, key, valence = CONVENTIONS[ending]
    assert texts(mood) == ["sad", "gloomy"]
    assert [*texts(tempo), *texts(key), *texts(valence)] == ["60", "Dm", "37"]


@pytest.mark.parametrize("ending", CONTAINERS)
def test_what_is_there_stays_unless_it_may_be_overwritten(ending: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{ending}", "there")
    assert [one.field for one in writing.changes(path, SAD)] == ["key", "valence"]
    tagged(path)
    assert TaggedFile(path).values("mood") == MINE
    (mood, tempo, *_) = writing.changes(path, SAD, overwrite=True)
    assert mood.lines == [f"  - {mood.name}: my own 😀", f"  + {mood.name}: sad; gloomy"]
    assert (tempo.old, tempo.new) == (("77",), ("60",))
    entry = tagged(path, overwrite=True)
    assert TaggedFile(path).values("mood") == SAD["mood"]
    assert writing.changes(path, SAD, overwrite=True) == []
    assert entry.changes[mood.name] == [[*MINE], ["sad", "gloomy"]]


@pytest.mark.parametrize(
    ("ending", "field", "name"),
    [
        ("mp3", "mood", "TXXX:Mood"),
        ("mp3", "key", "TXXX:KEY"),
        ("flac", "tempo", "Tempo"),
        ("ogg", "key", "KEY"),
        ("m4a", "key", "----:com.apple.iTunes:KEY"),
        ("m4a", "mood", "----:com.apple.iTunes:mood"),
        ("wv", "key", "key"),
        ("wma", "tempo", "BPM"),
    ],
)
def test_other_spellings_count_as_there(ending: str, field: str, name: str, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{ending}")
    file = TaggedFile(path)
    if file.file.tags is None:
        file.file.add_tags()
    file._set(name, ("12",))
    file.file.save()
    assert field not in [one.field for one in writing.changes(path, SAD)]
    tagged(path, overwrite=True)
    keys = [key.upper() for key in TaggedFile(path).file.tags.keys()]  # noqa: SIM118
    names = (containers.NAMES[containers.TaggedFile(path).kind][field].upper(), name.upper())
    assert sum(keys.count(one) for one in {*names}) == 1


def test_id3_stays_of_its_version(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3", "old")
    tagged(path)
    frames = id3.ID3(path, translate=False)
    assert frames.version == (2, 3, 0)
    assert frames["TXXX:MOOD"].text == ["sad; gloomy"]
    assert not {"TMOO", "TDRC"} & set(frames)  # which came with version 2.4
    assert (frames["TYER"].text, frames["TPE1"].text) == (["1999"], ["A", "B 夜"])
    assert path.read_bytes().endswith(OLD)


def test_the_second_version_of_id3_becomes_the_third(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3", "none")
    title = b"TT2\x00\x00\x05\x00song"
    path.write_bytes(b"ID3\x02\x00\x00\x00\x00\x00\x0b" + title + path.read_bytes())
    tagged(path)
    frames = id3.ID3(path, translate=False)
    assert frames.version == (2, 3, 0)
    assert (frames["TIT2"].text, frames["TBPM"].text) == (["song"], ["60"])


def test_a_file_that_has_only_the_oldest_tags_shows_them_in_the_new_ones(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3", "none")
    path.write_bytes(path.read_bytes() + OLD)
    tagged(path)
    assert id3.ID3(path)["TIT2"].text == ["café ÿ"]
    assert path.read_bytes().endswith(OLD)


# --- what can go wrong ---


def test_what_must_not_be_replaced_is_left_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3")
    old = path.read_bytes()
    os.link(path, tmp_path / "other.mp3")
    with raises(OutputError, "hard_links", subject="a.mp3"):
        tagged(path)
    (tmp_path / "other.mp3").unlink()
    path.chmod(0o444)
    with raises(OutputError, "no_permission", subject="a.mp3"):
        tagged(path)
    assert path.read_bytes() == old
    assert contents(tmp_path) == ["a.mp3"]


def test_a_link_stays_a_link_and_its_file_keeps_what_the_system_knows(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3")
    path.chmod(0o640)
    os.utime(path, ns=(5, 1_000_000_007))
    link = tmp_path / "link.mp3"
    link.symlink_to(path)
    log = journal.Journal(tmp_path / "journal.jsonl")
    writing.write(link, writing.changes(link, SAD), log, keep_times=True)
    assert link.is_symlink()
    assert TaggedFile(path).values("key") == ("Dm",)
    status = path.stat()
    assert (status.st_mode & 0o777, status.st_mtime_ns) == (0o640, 1_000_000_007)
    tagged(path, {"tempo": ("61",)}, overwrite=True)
    assert path.stat().st_mtime_ns > 1_000_000_007
    for entry in reversed(journal.entries(log.path)):
        writing.undo(entry)
    assert path.stat().st_mtime_ns == 1_000_000_007


def test_a_file_that_has_changed_since_is_not_restored(tmp_path: Path) -> None:
    path = make(tmp_path / "a.ogg")
    entry = tagged(path)
    TaggedFile(path).put({"tension": ("50",)})
    edited = path.read_bytes()
    with raises(OutputError, "changed_since", subject="a.ogg"):
        writing.undo(entry)
    assert path.read_bytes() == edited
    path.unlink()
    with raises(AudioError, "unreadable", subject="a.ogg"):
        writing.undo(entry)


def test_a_copy_that_would_sound_otherwise_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.wav")
    old, put = path.read_bytes(), TaggedFile.put

    def damaging(self: TaggedFile, wanted: values.Values) -> None:
        put(self, wanted)
        part = Path(self.file.filename)
        content = bytearray(part.read_bytes())
        content[20_000] ^= 1
        part.write_bytes(content)

    monkeypatch.setattr(TaggedFile, "put", damaging)
    with raises(OutputError, "audio_changes", subject="a.wav"):
        tagged(path)
    assert path.read_bytes() == old
    assert contents(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("what", ["title", "mood"])
def test_a_copy_whose_tags_are_not_as_they_should_be_is_dropped(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.flac", "old")
    old, put = path.read_bytes(), TaggedFile.put

    def forgetting(self: TaggedFile, wanted: values.Values) -> None:
        put(self, wanted)
        del self.file[what]
        self.file.save()

    monkeypatch.setattr(TaggedFile, "put", forgetting)
    with raises(OutputError, "other_tags" if what == "title" else "not_verified"):
        tagged(path)
    assert path.read_bytes() == old


def test_journal_and_copy_are_on_the_disk_before_the_copy_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log = make(tmp_path / "a.mp3"), tmp_path / "journal.jsonl"
    synced, replace, replaced = set(), os.replace, []

    def fsync(file: int) -> None:
        synced.add(os.fstat(file).st_ino)

    def moved(source: Path, target: Path) -> None:
        replaced.append({source.stat().st_ino, log.stat().st_ino} <= synced)
        replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", moved)
    tagged(path)
    assert replaced == [True]
    assert tmp_path.stat().st_ino in synced


def test_a_file_that_changes_meanwhile_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "a.mp3")
    put = TaggedFile.put

    def meanwhile(self: TaggedFile, wanted: values.Values) -> None:
        put(self, wanted)
        TaggedFile(path).file.save(v2_version=3)

    monkeypatch.setattr(TaggedFile, "put", meanwhile)
    with raises(OutputError, "file_changing"):
        tagged(path)
    assert TaggedFile(path).values("key") == ()
    assert contents(tmp_path) == ["a.mp3", "journal.jsonl"]


def test_files_that_have_no_tags_say_so(tmp_path: Path) -> None:
    sound_file = write_sound(tmp_path / "a.au")
    with raises(AudioError, "unsupported_tags", subject="a.au"):
        writing.changes(sound_file, SAD)
    broken = tmp_path / "a.mp3"
    broken.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(300))
    with raises(AudioError, "tags_unreadable", subject="a.mp3"):
        writing.changes(broken, SAD)


# --- the journal and the difference ---


def test_a_wave_file_without_its_size_is_left_alone(tmp_path: Path) -> None:
    file = make(tmp_path / "a.wav", "none")
    content = bytearray(file.read_bytes())
    content[4:8] = b"\xff" * 4
    file.write_bytes(content)
    with raises(OutputError, "bad_tags", subject="a.wav"):
        tagged(file)
    assert file.read_bytes() == content


def test_a_journal_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{name}.mp3") for name in "ab"]
    first = tagged(paths[0])
    log = tmp_path / "journal.jsonl"
    with log.open("ab") as file:
        file.write(b'{"path": "cut off')
    second = tagged(paths[1])
    assert journal.entries(log) == [first, second]


def test_the_newest_journal_is_of_the_last_run_though_the_clock_was_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tagged(make(tmp_path / "a.mp3"))
    for hour in (3, 2, 2, 1, 4):

        class Clock:
            @staticmethod
            def now(hour: int = hour) -> datetime:
                return datetime(2026, 10, 25, hour, 30)

        monkeypatch.setattr(journal, "datetime", Clock)
        log = journal.Journal()
        log.add(dataclasses.replace(entry, path=str(hour)))
        assert journal.newest() == log.path
        assert [one.path for one in journal.entries(log.path)] == [str(hour)]


def test_without_a_journal_nothing_is_written(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3")
    old = path.read_bytes()
    (tmp_path / "file").write_text("")
    log = journal.Journal(tmp_path / "file" / "journal.jsonl")
    with raises(OutputError, "cannot_write", subject="journal.jsonl"):
        writing.write(path, writing.changes(path, SAD), log)
    assert path.read_bytes() == old
    with raises(DataError, "journal_missing"):
        journal.newest()
    with raises(DataError, "journal_missing"):
        journal.entries(tmp_path / "none")


def test_a_damaged_journal_restores_nothing_wrong(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp3")
    entry = tagged(path)
    new = path.read_bytes()
    wrong = dataclasses.replace(entry, pieces=entry.pieces[1:])
    with raises(OutputError, "journal_damaged"):
        writing.undo(wrong)
    assert path.read_bytes() == new


def test_a_difference_finds_what_was_moved(tmp_path: Path) -> None:
    music = np.random.default_rng(1).bytes(300_000)
    picture = np.random.default_rng(2).bytes(50_000)
    old = tmp_path / "old"
    old.write_bytes(b"head" + bytes(100) + picture + b"gone" * 20 + music + b"tail")
    new = tmp_path / "new"
    numbered = bytearray(music)
    for page in range(0, len(numbered), 4500):
        numbered[page : page + 8] = page.to_bytes(8, "big")
    new.write_bytes(b"head" + b"new" * 1000 + picture + bytes(numbered) + b"tail")
    pieces, kept = difference(old, new)
    with new.open("rb") as file:
        assert b"".join(patched(file, pieces, kept)) == old.read_bytes()
    assert len(kept) < 4500
