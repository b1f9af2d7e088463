"""Render MIDI files to audio with FluidSynth, once, into a cache folder.

The rendered file is mono FLAC. Its name holds the piece, its folder the *voice*: the soundfont
and, if the piano part is to be played by another instrument, the General MIDI program. Rendering
is deterministic, so a file that exists is never rendered again; writing is atomic.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile

from hevner.errors import DataError, MissingDependencyError

RENDER_RATE = 24_000
"""Sample rate of rendered files in hertz, that of the recorded sets at hand."""

GAIN = 0.6
"""FluidSynth's master gain: loud without clipping on dense piano pieces."""

DYNAMIC_LOADING = ("-o", "synth.dynamic-sample-loading=1")
"""Read only the samples a piece needs: starting takes half as long with a large soundfont."""

SOUNDFONT_FOLDERS = (Path("/usr/share/sounds/sf2"), Path("/usr/share/soundfonts"))

ENSEMBLE_PROGRAMS = (4, 6, 11, 12, 19, 21, 24, 26, 46, 48, 52, 61, 68, 73, 80, 89)
"""General MIDI programs (0-based) for re-instrumented renders, one of each family:
electric piano, harpsichord, vibraphone, marimba, organ, accordion, guitars, harp, strings, choir,
brass, oboe, flute, square lead, pad."""


@dataclass(frozen=True)
class Voice:
    """How a MIDI file is played.

    Attributes
    ----------
    soundfont
        File name without suffix, e.g. ``FluidR3_GM``.
    ensemble
        Whether every piano program is replaced by another instrument, chosen from
        `ENSEMBLE_PROGRAMS` by the piece's name.
    """

    soundfont: str
    ensemble: bool = False

    @property
    def name(self) -> str:
        """Folder name of the renders made with this voice."""
        return f"{self.soundfont}-ensemble" if self.ensemble else self.soundfont


def find_soundfont(name: str) -> Path:
    """Path of an installed soundfont.

    Raises
    ------
    MissingDependencyError
        If no folder holds it; `HEVNER_SOUNDFONTS` names a further folder.
    """
    extra = os.environ.get("HEVNER_SOUNDFONTS")
    folders = ((Path(extra),) if extra else ()) + SOUNDFONT_FOLDERS
    for folder in folders:
        path = folder / f"{name}.sf2"
        if path.is_file():
            return path
    raise MissingDependencyError(
        f"soundfont '{name}.sf2' not found in {', '.join(map(str, folders))}",
        remedy="Install it (Debian: fluid-soundfont-gm, timgm6mb-soundfont, "
        "musescore-general-soundfont-lossless) or set HEVNER_SOUNDFONTS to its folder",
    )


def render(midi: Path, voice: Voice, folder: Path) -> Path:
    """Render one MIDI file, unless that was done before.

    Parameters
    ----------
    midi
        The MIDI file.
    voice
        How to play it.
    folder
        Cache folder; the result is ``folder/<voice>/<stem>.flac``.

    Returns
    -------
    Path
        The rendered file: mono, `RENDER_RATE` hertz, 16 bit.

    Raises
    ------
    MissingDependencyError
        If FluidSynth or the soundfont is not installed.
    DataError
        If FluidSynth cannot play the file.
    """
    target = folder / voice.name / f"{midi.stem}.flac"
    if target.exists():
        return target
    fluidsynth = shutil.which("fluidsynth")
    if fluidsynth is None:
        raise MissingDependencyError(
            "the program 'fluidsynth' is not installed",
            remedy="Install it, e.g. with 'apt-get install fluidsynth' or 'brew install fluidsynth'",
        )
    soundfont = find_soundfont(voice.soundfont)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        source = Path(work) / "piece.mid"
        if voice.ensemble:
            _reinstrument(midi, source)
        else:
            shutil.copyfile(midi, source)
        raw = Path(work) / "piece.wav"
        command = [fluidsynth, "-ni", "-q", *DYNAMIC_LOADING]
        command += ["-g", str(GAIN), "-r", str(RENDER_RATE)]
        command += ["-O", "float", "-F", str(raw), str(soundfont), str(source)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0 or not raw.exists():
            raise DataError(
                f"FluidSynth cannot play it ({result.stderr.strip()[-200:] or 'no message'})",
                subject=str(midi),
                remedy="Check that it is a standard MIDI file",
            )
        stereo, rate = soundfile.read(raw, dtype="float32")
        mono = _trim_silence(stereo.mean(axis=1) if stereo.ndim == 2 else stereo)
        peak = float(np.abs(mono).max(initial=0.0))
        partial = Path(work) / "piece.flac"
        soundfile.write(partial, mono / max(1.0, peak / 0.99), rate, subtype="PCM_16")
        os.replace(partial, target)
    return target


def _trim_silence(mono: np.ndarray) -> np.ndarray:
    """Cut the synthesiser's silent tail, keeping half a second of decay."""
    loud = np.flatnonzero(np.abs(mono) > 1e-4)
    if not loud.size:
        return mono
    return mono[: loud[-1] + RENDER_RATE // 2]


def _reinstrument(midi: Path, target: Path) -> None:
    """Write a copy in which one other instrument plays everything but the drums."""
    digest = sum(ord(letter) * (place + 1) for place, letter in enumerate(midi.stem))
    program = ENSEMBLE_PROGRAMS[digest % len(ENSEMBLE_PROGRAMS)]
    song = mido.MidiFile(str(midi))
    for track in song.tracks:
        track[:] = [message for message in track if message.type != "program_change"]
    changes = [
        mido.Message("program_change", channel=channel, program=program, time=0)
        for channel in range(16)
        if channel != 9
    ]
    song.tracks[0][0:0] = changes
    song.save(str(target))
