"""The bundled pieces: MIDI and annotations are what the script writes, the audio fits them."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ANNOTATIONS: dict[str, dict[str, Any]] = json.loads(
    (EXAMPLES / "annotations.json").read_text(encoding="utf-8")
)
SOUNDFONT_FOLDERS = [Path("/usr/share/sounds/sf2"), Path("/usr/share/soundfonts")]

each_piece = pytest.mark.parametrize("name", ANNOTATIONS)


def example_module(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module(name)


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return example_module("compose", monkeypatch)


@pytest.fixture
def notation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return example_module("notation", monkeypatch)


def read_audio(name: str) -> tuple[np.ndarray, int]:
    audio, sample_rate = soundfile.read(EXAMPLES / ANNOTATIONS[name]["audio"], dtype="float32")
    return audio, sample_rate


def rms_dbfs(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio.astype(np.float64) ** 2) + 1e-20))


def sounding_notes(path: Path) -> list[tuple[float, float, int]]:
    """Start, end (seconds) and pitch of every note that is not a drum."""
    import mido

    now = 0.0
    pending: dict[tuple[int, int], float] = {}
    notes = []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.channel != 9:
            pending[message.channel, message.note] = now
        elif message.type == "note_off" and message.channel != 9:
            notes.append((pending.pop((message.channel, message.note)), now, message.note))
    assert not pending, "every note ends"
    return notes


def test_committed_files_are_what_the_script_writes(compose: ModuleType, tmp_path: Path) -> None:
    compose.compose(tmp_path)
    written = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file()}
    committed = {p.relative_to(EXAMPLES) for p in EXAMPLES.glob("midi/*")}
    assert written == committed | {Path("annotations.json")}
    for path in committed:
        assert (tmp_path / path).read_bytes() == (EXAMPLES / path).read_bytes(), path
    assert json.loads((tmp_path / "annotations.json").read_text(encoding="utf-8")) == ANNOTATIONS


@each_piece
def test_audio_decodes_with_the_annotated_duration(name: str) -> None:
    audio, sample_rate = read_audio(name)
    assert sample_rate == 44_100
    assert audio.ndim == 2
    assert audio.shape[1] == 2
    assert len(audio) / sample_rate == pytest.approx(ANNOTATIONS[name]["duration_s"], abs=0.01)


@each_piece
def test_audio_is_audible_unclipped_and_without_gaps(name: str) -> None:
    audio, sample_rate = read_audio(name)
    assert np.abs(audio).max() < 0.99
    assert -24.5 < rms_dbfs(audio) < -12
    half_seconds = np.array_split(audio, 2 * len(audio) // sample_rate)
    ending = 4  # the last two seconds ring out
    assert min(rms_dbfs(part) for part in half_seconds[:-ending]) > -45


def test_audio_is_small() -> None:
    sizes = {
        name: (EXAMPLES / piece["audio"]).stat().st_size for name, piece in ANNOTATIONS.items()
    }
    assert max(sizes.values()) < 400_000, sizes
    assert sum(sizes.values()) < 1_500_000, sizes
    assert {p.name for p in EXAMPLES.glob("audio/*")} == {f"{name}.ogg" for name in ANNOTATIONS}


def test_active_pieces_are_louder_than_quiet_ones() -> None:
    level = {name: rms_dbfs(read_audio(name)[0]) for name in ANNOTATIONS}
    quadrant = {name: piece["sections"][0]["quadrant"] for name, piece in ANNOTATIONS.items()}
    single = [name for name, piece in ANNOTATIONS.items() if len(piece["sections"]) == 1]
    active = [level[name] for name in single if quadrant[name] in (1, 2)]
    quiet = [level[name] for name in single if quadrant[name] in (3, 4)]
    assert min(active) > max(quiet) + 1


def test_the_journey_grows_and_the_pieces_cover_the_plane() -> None:
    audio, sample_rate = read_audio("journey")
    sections = ANNOTATIONS["journey"]["sections"]
    assert [section["quadrant"] for section in sections] == [4, 2, 1]
    levels = [
        rms_dbfs(audio[int(s["start_s"] * sample_rate) : int(s["end_s"] * sample_rate)])
        for s in sections
    ]
    assert levels == sorted(levels)
    quadrants = {s["quadrant"] for piece in ANNOTATIONS.values() for s in piece["sections"]}
    assert quadrants == {1, 2, 3, 4}


@each_piece
@pytest.mark.parametrize("what", ["sections", "chords"])
def test_annotated_intervals_tile_the_piece(name: str, what: str) -> None:
    rows = ANNOTATIONS[name][what]
    spans = [(r["start_s"], r["end_s"]) if what == "sections" else (r[0], r[1]) for r in rows]
    assert spans[0][0] == 0
    assert spans[-1][1] == ANNOTATIONS[name]["duration_s"]
    assert all(start < end for start, end in spans)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))


@each_piece
def test_annotated_chords_are_what_sounds(name: str) -> None:
    """Most of what sounds within each chord belongs to it, and nearly all over the piece."""
    import mir_eval.chord

    notes = sounding_notes(EXAMPLES / ANNOTATIONS[name]["midi"])
    inside = total = 0.0
    for start, end, label in ANNOTATIONS[name]["chords"]:
        root, tones, _ = mir_eval.chord.encode(label)
        chord = {(root + step) % 12 for step in np.flatnonzero(tones)}
        weight: Counter[int] = Counter()
        for note_start, note_end, pitch in notes:
            weight[pitch % 12] += max(0.0, min(end, note_end) - max(start, note_start))
        sounding, of_chord = sum(weight.values()), sum(weight[tone] for tone in chord)
        assert of_chord > 0.6 * sounding, (start, label)
        assert all(weight[tone] > 0 for tone in chord), (start, label)
        inside, total = inside + of_chord, total + sounding
    assert inside > 0.85 * total


def test_a_wrong_bar_is_refused(notation: ModuleType) -> None:
    with pytest.raises(ValueError, match="bars have 4 units"):
        notation.parse("C4:2 D4:1 | E4:4", notation.midi_pitch, 4)
    with pytest.raises(ValueError, match="bar 2"):
        notation.parse_harmony("C | G*3", 4)


def test_notation_reads_durations_ties_accents_and_chord_tones(notation: ModuleType) -> None:
    notes = notation.parse(">C4+E4:1 r F#4:.5 Bb3 | ~:3", notation.midi_pitch, 3)
    assert [(n.start, n.duration, n.pitch) for n in notes] == [
        (0, 1, 60),
        (0, 1, 64),
        (2, 0.5, 66),
        (2.5, 3.5, 58),
    ]
    assert notes[0].velocity > notes[2].velocity
    (chord,) = notation.parse_harmony("D:min7/b7", 4)
    assert [chord.tone(s, 48) for s in ("b", "0", "1", "2", "3", "4")] == [48, 48, 50, 53, 57, 60]


def test_rendering_sounds_and_lasts_as_annotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render one piece anew where FluidSynth and a soundfont are installed."""
    fonts = [font for folder in SOUNDFONT_FOLDERS for font in folder.glob("*.sf2")]
    if "SOUNDFONT" in os.environ:
        fonts = [Path(os.environ["SOUNDFONT"])]
    if shutil.which("fluidsynth") is None or not fonts:
        pytest.skip("FluidSynth or a soundfont is not installed")
    render = example_module("render", monkeypatch)
    piece = ANNOTATIONS["bright_dance"]
    smallest = min(fonts, key=lambda font: font.stat().st_size)
    audio = render.synthesise(EXAMPLES / piece["midi"], smallest, piece["duration_s"])
    assert audio.shape == (round(piece["duration_s"] * render.SAMPLE_RATE), 2)
    assert rms_dbfs(audio[: -render.SAMPLE_RATE]) > -50
    limited = render.limit(audio / np.abs(audio).max())
    assert np.abs(limited).max() <= 10 ** (render.PEAK_DBFS / 20) + 1e-4
