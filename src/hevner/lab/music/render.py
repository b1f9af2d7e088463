"""Songs rendered to sound: instruments, drums, a sung voice, room, noise, codec.

Conventions
-----------
Sound is mono float32. `render` plays exactly what it is given; everything random is decided in
`arrange` and `roughen` by the generator passed in, so a seed gives the same sound again.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from hevner.arrays import Doubles, Floats
from hevner.audio.windows import Windower
from hevner.blocks import FRAMES, Grid
from hevner.datasets.render import DYNAMIC_LOADING, find_soundfont
from hevner.errors import DataError
from hevner.lab.data.corpus import encode, equalise
from hevner.lab.music.pieces import TABLES, Notes, Piece, Rng
from hevner.music.spectrum import SAMPLE_RATE, HarmonySpectrum

SOUNDFONTS = ("FluidR3_GM", "MuseScore_General_Full", "TimGM6mb")
RATE = 32_000
"""Sampling rate of rendered music, in Hz."""

_KITS = (0, 0, 8, 16, 24, 25)
_TICKS_PER_SECOND = 1000


@dataclass(frozen=True)
class Instrument:
    """Notes and the program that plays them; ``loudness`` scales velocity.

    ``controls`` are numbers and values of controllers, sent before the notes.
    """

    role: str
    program: int
    notes: Notes
    loudness: float = 1.0
    controls: tuple[tuple[int, int], ...] = ()


def played(
    piece: Piece, soundfonts: Sequence[str], rng: Rng, *, plain: float = 0.0, rate: int
) -> Floats:
    """Arrange and render a piece with any of the soundfonts; ``plain`` is the share of pianos."""
    parts, sung = drawn(piece, rng, plain)
    sound = render(parts, piece.duration, str(rng.choice(soundfonts)), rate=rate)
    return mix(sound, sing(sung, piece.duration, rng, rate=rate), rng)


def drawn(piece: Piece, rng: Rng, plain: float) -> tuple[list[Instrument], Notes]:
    """As `arrange`, but a share ``plain`` is played on a piano."""
    return (piano(piece), np.zeros((0, 4))) if rng.random() < plain else arrange(piece, rng)


def windows(sound: Floats, grid: Grid) -> tuple[Floats, Doubles]:
    """Windows of a sound at 16 kHz, and where they start in seconds."""
    windower = Windower(*grid)
    cut = np.concatenate([windower.push(sound), windower.finish()])
    return cut, np.array(windower.starts) / SAMPLE_RATE


def spectrum(sound: Floats) -> NDArray[np.float16]:
    """Frames ``(n, 252)`` of a sound at 16 kHz."""
    return HarmonySpectrum().encode(windows(sound, FRAMES)[0]).astype(np.float16)


def piano(song: Piece) -> list[Instrument]:
    """Every part on a piano, as POP909 was recorded."""
    return [Instrument(role, 0, notes) for role, notes in song.parts.items() if role != "drums"]


def arrange(song: Piece, rng: Rng) -> tuple[list[Instrument], Notes]:
    """Choose instruments; return the parts and the notes of a sung voice (may be none).

    A piece without a part of drums gets one now and then.
    """
    parts = dict(song.parts)
    if "chords" in parts and "bass" not in parts and rng.random() < 0.6:
        notes = parts["chords"]
        low = notes[:, 2] < 50
        parts |= {"chords": notes[~low], "bass": notes[low]}
    if rng.random() < 0.15:
        parts.pop("melody", None)
    if rng.random() < 0.6:
        parts.pop("pad", None)
    if rng.random() < 0.15:
        program = int(rng.choice([0, 0, 0, 4, 24, 25, 6, 19, 48]))
        return [Instrument(role, program, notes) for role, notes in parts.items()], np.zeros((0, 4))
    sung = np.zeros((0, 4))
    if "melody" in parts and rng.random() < 0.3:
        sung = parts.pop("melody")
    chosen = [
        Instrument(
            role, int(rng.choice(TABLES["programs"][role])), notes, float(rng.uniform(0.6, 1.1))
        )
        for role, notes in parts.items()
        if role in TABLES["programs"] and len(notes)
    ]
    if "drums" in parts or rng.random() < 0.55:
        kit = int(rng.choice(_KITS))
        drums = parts["drums"] if "drums" in parts else _drums(song, rng)
        chosen.append(Instrument("drums", kit, drums))
    return chosen, sung


def _drums(song: Piece, rng: Rng) -> Notes:
    """Draw a pattern of one bar and repeat it on eighths between the beats."""
    beats = song.beats
    if len(beats) < 4:
        beats = np.arange(0, song.duration, 0.5)
    eighths = np.interp(np.arange(2 * len(beats)) / 2, np.arange(len(beats)), beats)
    kick = rng.random(8) < [1, 0.1, 0.3, 0.3, 0.8, 0.2, 0.3, 0.3]
    snare = rng.random(8) < [0, 0.05, 0.9, 0.05, 0.05, 0.1, 0.9, 0.2]
    hats = rng.random(8) < rng.choice([0.5, 1.0])
    cymbal = int(rng.choice([42, 42, 46, 51, 70, 54]))
    loud = rng.uniform(50, 115)
    rows = []
    for k, time in enumerate(eighths):
        hits = [(36, kick[k % 8]), (38, snare[k % 8]), (cymbal, hats[k % 8]), (49, k % 32 == 0)]
        rows += [(time, time + 0.1, pitch, loud) for pitch, hit in hits if hit]
        if rng.random() < 0.05:
            rows.append((time, time + 0.1, int(rng.integers(41, 51)), loud))
    return np.array(rows, np.float64).reshape(-1, 4)


def render(
    parts: list[Instrument], duration: float, soundfont: str, *, rate: int = 32_000
) -> Floats:
    """Play parts with FluidSynth; ``duration`` seconds at ``rate`` hertz.

    Raises `DataError` if FluidSynth fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "song.mid", Path(folder) / "song.wav"
        write_midi(parts, source)
        command = ["fluidsynth", "-ni", "-q", *DYNAMIC_LOADING, "-g", "0.5", "-r", str(rate)]
        command += ["-O", "float", "-F", str(target), str(find_soundfont(soundfont)), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not target.exists():
            raise DataError(
                "FluidSynth cannot play the song", remedy=done.stderr[-200:], code="cannot_render"
            )
        sound, _ = soundfile.read(target, dtype="float32", always_2d=True)
    mono = np.zeros(int(duration * rate), np.float32)
    played = sound.mean(axis=1)[: len(mono)]
    mono[: len(played)] = played
    return mono


def write_midi(parts: list[Instrument], path: Path) -> None:
    """Write parts to a MIDI file."""
    song = mido.MidiFile(ticks_per_beat=_TICKS_PER_SECOND // 2)
    for part in parts:
        channel = TABLES["channels"][part.role]
        track = mido.MidiTrack()
        track.append(mido.Message("program_change", channel=channel, program=part.program))
        for number, value in part.controls:
            track.append(
                mido.Message("control_change", channel=channel, control=number, value=value)
            )
        events = []
        for start, end, pitch, velocity in part.notes:
            if not 0 <= pitch <= 127:
                continue
            loud = int(np.clip(velocity * part.loudness, 1, 127))
            events.append((round(start * _TICKS_PER_SECOND), 1, int(pitch), loud))
            events.append((round(end * _TICKS_PER_SECOND), 0, int(pitch), 0))
        now = 0
        for tick, _, pitch, loud in sorted(events):
            track.append(
                mido.Message("note_on", channel=channel, note=pitch, velocity=loud, time=tick - now)
            )
            now = tick
        song.tracks.append(track)
    song.save(path)


def sing(notes: Notes, duration: float, rng: Rng, *, rate: int = RATE) -> Floats:
    """Sound a voice-like line: glides between notes, vibrato, vowel resonances."""
    n = int(duration * rate)
    voice = np.zeros(n, np.float32)
    if not len(notes):
        return voice
    control = np.arange(0, n, 64)
    pitch, loud = np.zeros(len(control)), np.zeros(len(control))
    pitch[:] = notes[0, 2]
    for start, end, note, _ in notes[np.argsort(notes[:, 0])]:
        first, last = int(start * rate / 64), int(end * rate / 64)
        pitch[first:] = note
        loud[first:last] = 1
    smooth = int(rng.uniform(0.03, 0.08) * rate / 64)
    kernel = np.hanning(smooth + 2)[1:-1] / np.hanning(smooth + 2)[1:-1].sum()
    pitch = np.convolve(np.pad(pitch, smooth, mode="edge"), kernel, "same")[smooth:-smooth]
    loud = np.convolve(loud, kernel, "same")
    time = control / rate
    depth = rng.uniform(0.1, 0.6)
    pitch = pitch + depth * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time) + rng.normal(0, 0.05)
    phase = np.cumsum(np.interp(np.arange(n), control, 440 * 2 ** ((pitch - 69) / 12)) / rate)
    formants = np.array([rng.uniform(300, 900), rng.uniform(900, 2300), rng.uniform(2400, 3200)])
    base = 440 * 2 ** ((np.median(notes[:, 2]) - 69) / 12)
    for harmonic in range(1, 16):
        peaks = np.exp(-(((harmonic * base - formants) / (0.12 * formants + 60)) ** 2)).sum()
        voice += ((0.15 + peaks) / harmonic * np.sin(2 * np.pi * harmonic * phase)).astype("f4")
    return voice * np.interp(np.arange(n), control, loud).astype(np.float32)


def mix(parts: Floats, voice: Floats, rng: Rng) -> Floats:
    """Add a voice at about the level of the rest."""
    if not voice.any():
        return parts
    level = np.std(parts) / (np.std(voice) + 1e-9)
    return (parts + voice * level * rng.uniform(0.3, 1.2)).astype(np.float32)


def detune(sound: Floats, cents: float, rate: int) -> Floats:
    """Raise pitch by ``cents`` by playing faster; the length changes by the same factor."""
    if not cents:
        return sound
    return np.asarray(soxr.resample(sound, rate * 2 ** (cents / 1200), rate), np.float32)


def add_noise(sound: Floats, snr_db: float, rng: Rng, *, pink: bool = False) -> Floats:
    """Add white or pink noise at a signal-to-noise ratio in decibels."""
    noise = rng.standard_normal(len(sound))
    if pink:
        noise = scipy.signal.lfilter([0.05, -0.09, 0.045], [1, -2.35, 1.78, -0.43], noise)
    scale = np.std(sound) / (np.std(noise) + 1e-9) * 10 ** (-snr_db / 20)
    return (sound + noise * scale).astype(np.float32)


def add_reverb(sound: Floats, decay_s: float, wet: float, rate: int, rng: Rng) -> Floats:
    """Add a room: noise that decays by 60 dB in ``decay_s``, ``wet`` as loud as the source."""
    time = np.arange(int(decay_s * rate)) / rate
    room = rng.standard_normal(len(time)) * 10 ** (-3 * time / decay_s)
    tail = scipy.signal.fftconvolve(sound, room)[: len(sound)]
    wetness = wet * np.std(sound) / (np.std(tail) + 1e-9)
    return np.asarray(sound + wetness * tail, np.float32)


def roughen(sound: Floats, rate: int, rng: Rng) -> Floats:
    """Degrade sound as recordings are: saturation, equaliser, room, noise, low-pass, codec."""
    sound = sound / (np.abs(sound).max() + 1e-9)
    if rng.random() < 0.2:
        sound = np.tanh(sound * rng.uniform(1, 6)).astype(np.float32)
    sound = equalise(sound, rate, rng)
    if rng.random() < 0.5:
        sound = add_reverb(sound, rng.uniform(0.2, 2.0), rng.uniform(0.1, 0.8), rate, rng)
    if rng.random() < 0.4:
        sound = add_noise(sound, rng.uniform(8, 40), rng, pink=bool(rng.random() < 0.6))
    if rng.random() < 0.2:
        cut = scipy.signal.butter(4, rng.uniform(2500, 7000), fs=rate, output="sos")
        sound = scipy.signal.sosfilt(cut, sound).astype(np.float32)
    sound = np.asarray(0.7 * sound / (np.abs(sound).max() + 1e-9), np.float32)
    return encode(sound, rate, rng) if rng.random() < 0.15 else sound
