"""Rendering MIDI files: once, whole files only, one soundfont to a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hevner.datasets import Track, render
from hevner.errors import DataError, HevnerError, MissingDependencyError
from tests.datasets.tables import touch
from tests.errors import raises

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "midi" / "calm_evening.mid"


def track(name: str, midi: Path | None) -> Track:
    return Track("vgmidi", name, midi, group=name, recording=name)


@pytest.fixture
def font() -> str:
    """The smallest installed soundfont."""
    fonts = [font for folder in render.SOUNDFONT_FOLDERS for font in folder.glob("*.sf2")]
    if shutil.which("fluidsynth") is None or not fonts:
        pytest.skip("FluidSynth or a soundfont is not installed")
    return min(fonts, key=lambda font: font.stat().st_size).stem


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A soundfont and a FluidSynth that plays a tone, or fails for files that say so."""

    def play(command: list[str], midi: Path, raw: Path) -> None:
        if midi.read_bytes() == b"broken":
            raise DataError("FluidSynth cannot play it", subject=str(midi), remedy="Check it")
        soundfile.write(raw, np.full((240, 2), 0.5, np.float32), render.RENDER_RATE)

    bank = tmp_path / "fonts" / "Font.sf2"
    bank.parent.mkdir()
    bank.write_bytes(b"a soundfont")
    monkeypatch.setenv("HEVNER_SOUNDFONTS", str(bank.parent))
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/fluidsynth")
    monkeypatch.setattr(render, "_play", play)
    return bank


def midis(folder: Path, *names: str) -> list[Track]:
    """Files of the same name in folders of their own; the ids differ."""
    tracks = []
    for name in names:
        midi = folder / name / "1.mid"
        midi.parent.mkdir(parents=True)
        midi.write_bytes(b"broken" if name == "broken" else b"MThd")
        tracks.append(track(name, midi))
    return tracks


def test_a_render_that_exists_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    there = tmp_path / "Font" / "piece.flac"
    touch(there.parent, [there.name])
    assert render.render(Path("piece.mid"), "Font", tmp_path) == there
    with pytest.raises(MissingDependencyError, match="fluidsynth"):
        render.render(Path("other.mid"), "Font", tmp_path)


def test_soundfonts_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, ["Small.sf2"])
    monkeypatch.setenv("HEVNER_SOUNDFONTS", str(tmp_path))
    assert render.find_soundfont("Small") == tmp_path / "Small.sf2"
    with pytest.raises(MissingDependencyError, match=r"Large\.sf2.*HEVNER_SOUNDFONTS"):
        render.find_soundfont("Large")


def test_rendering_a_piece(tmp_path: Path, font: str) -> None:
    path = render.render(EXAMPLE, font, tmp_path)
    samples, rate = soundfile.read(path)
    assert rate == render.RENDER_RATE
    assert samples.ndim == 1
    assert 0.01 < np.abs(samples).max() <= 1
    assert {entry.name for entry in path.parent.iterdir()} == {"calm_evening.flac", render.RECORD}
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"not music")
    with raises(DataError, "render_failed", subject="broken.mid"):
        render.render(broken, font, tmp_path)
    assert not (tmp_path / font / "broken.flac").exists()


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, fake: Path, jobs: int) -> None:
    tracks = [*midis(tmp_path / "midi", "a", "broken", "b"), track("lost", None)]
    out = tmp_path / "out"
    results = {one.id: result for one, result in render.render_all(tracks, "Font", out, jobs)}
    assert results["a"] == out / "Font" / "a.flac"
    assert results["b"] == out / "Font" / "b.flac"
    assert results["a"].is_file()
    assert isinstance(results["broken"], HevnerError)
    assert "cannot play" in results["broken"].cause
    assert isinstance(results["lost"], HevnerError)
    assert results["lost"].code == "media_missing"


def test_a_second_run_renders_what_is_missing(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = midis(tmp_path / "midi", "a", "b")
    out = tmp_path / "out"
    assert len(list(render.render_all(tracks[:1], "Font", out))) == 1
    before = (out / "Font" / "a.flac").stat().st_mtime_ns
    assert len(list(render.render_all(tracks, "Font", out))) == 2
    assert (out / "Font" / "a.flac").stat().st_mtime_ns == before
    # All is there: neither program nor soundfont is needed.
    monkeypatch.setattr(shutil, "which", lambda _: None)
    fake.unlink()
    assert len(list(render.render_all(tracks, "Font", out))) == 2


def test_missing_programs_are_reported_once(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks = midis(tmp_path / "midi", "a", "b")
    with pytest.raises(MissingDependencyError, match=r"soundfont 'Other\.sf2' not found"):
        list(render.render_all(tracks, "Other", tmp_path / "out"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(MissingDependencyError, match="'fluidsynth' is not installed"):
        list(render.render_all(tracks, "Font", tmp_path / "out"))


def test_soundfonts_of_one_name_are_not_mixed(tmp_path: Path, fake: Path) -> None:
    tracks = midis(tmp_path / "midi", "a", "b")
    out = tmp_path / "out"
    list(render.render_all(tracks[:1], "Font", out))
    made = json.loads((out / "Font" / render.RECORD).read_text())
    assert (made["gain"], made["rate"], len(made["sha256"])) == (0.6, 24_000, 64)
    fake.write_bytes(b"another soundfont of that name")
    with raises(DataError, "other_soundfont", subject="Font"):
        list(render.render_all(tracks, "Font", out))
    with raises(DataError, "other_soundfont", subject="Font"):
        render.render(tracks[1].path, "Font", out, "b")
    assert render.render(tracks[0].path, "Font", out, "a").is_file()
    assert len(list(render.render_all(tracks, "Font", tmp_path / "new"))) == 2


def test_older_renders_are_taken_over(tmp_path: Path, fake: Path) -> None:
    tracks = midis(tmp_path / "midi", "a", "b")
    out = tmp_path / "out"
    touch(out / "Font", ["a.flac"])
    assert dict(render.render_all(tracks, "Font", out))[tracks[0]].stat().st_size == 0
    assert (out / "Font" / render.RECORD).is_file()


def test_a_damaged_record_is_named(tmp_path: Path, fake: Path) -> None:
    touch(tmp_path / "Font", [render.RECORD])
    with raises(DataError, "not_json", subject="soundfont.json"):
        list(render.render_all(midis(tmp_path / "midi", "a"), "Font", tmp_path))
