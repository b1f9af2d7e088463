"""Render MIDI files to audio with FluidSynth, once, into a cache folder.

The rendered file is mono FLAC. Its name holds the piece, its folder the soundfont. Rendering is
deterministic, so a file that exists is never rendered again; writing is atomic.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

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

LONGEST_S = 600.0
"""Seconds FluidSynth may take; a file with a note that never ends would keep it going for ever."""


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


def render(midi: Path, soundfont: str, folder: Path) -> Path:
    """Render one MIDI file, unless that was done before.

    Parameters
    ----------
    midi
        The MIDI file.
    soundfont
        File name without suffix, e.g. ``FluidR3_GM``.
    folder
        Cache folder; the result is ``folder/<soundfont>/<stem>.flac``.

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
    target = folder / soundfont / f"{midi.stem}.flac"
    if target.exists():
        return target
    fluidsynth = shutil.which("fluidsynth")
    if fluidsynth is None:
        raise MissingDependencyError(
            "the program 'fluidsynth' is not installed",
            remedy="Install it, such as with 'apt install fluidsynth' or 'brew install fluidsynth'",
        )
    bank = find_soundfont(soundfont)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as work:
        raw = Path(work) / "piece.wav"
        command = [fluidsynth, "-ni", "-q", *DYNAMIC_LOADING]
        command += ["-g", str(GAIN), "-r", str(RENDER_RATE)]
        command += ["-O", "float", "-F", str(raw), str(bank), str(midi)]
        _play(command, midi, raw)
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


def _play(command: list[str], midi: Path, raw: Path) -> None:
    """Run FluidSynth."""
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(
            f"FluidSynth did not finish within {LONGEST_S:g} s",
            subject=str(midi),
            remedy="Check the file for notes that never end",
        ) from error
    if result.returncode != 0 or not raw.exists():
        raise DataError(
            f"FluidSynth cannot play it ({result.stderr.strip()[-200:] or 'no message'})",
            subject=str(midi),
            remedy="Check that it is a standard MIDI file",
        )
