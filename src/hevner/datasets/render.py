"""Render MIDI files to audio with FluidSynth, once, into a cache folder.

The rendered file is mono FLAC. Its name holds the piece, its folder the soundfont. Rendering is
deterministic, so a file that exists is never rendered again; writing is atomic. Beside the files
`RECORD` names the soundfont by its digest, so that a folder never mixes two of the same name. A
folder without it, from before there was one, is taken to be of the soundfont installed now.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from hevner.datasets.track import Track
from hevner.errors import DataError, HevnerError, MissingDependencyError
from hevner.files import expanded, replace_file
from hevner.text_file import read_json

RENDER_RATE = 24_000
"""Sample rate of rendered files in hertz, that of the recorded sets."""

GAIN = 0.6
"""FluidSynth's master gain: loud without clipping on dense piano pieces."""

DYNAMIC_LOADING = ("-o", "synth.dynamic-sample-loading=1")
"""Read only the samples a piece needs: starting takes half as long with a large soundfont."""

RECORD = "soundfont.json"
"""Names the sha256 of the soundfont, the gain and the rate of a folder of renders."""

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
    folders = ((expanded(extra),) if extra else ()) + SOUNDFONT_FOLDERS
    for folder in folders:
        path = folder / f"{name}.sf2"
        if path.is_file():
            return path
    raise MissingDependencyError(
        f"soundfont '{name}.sf2' not found in {', '.join(map(str, folders))}",
        remedy="Install it (Debian: fluid-soundfont-gm, timgm6mb-soundfont, "
        "musescore-general-soundfont-lossless) or set HEVNER_SOUNDFONTS to its folder",
    )


def render_all(
    tracks: Iterable[Track], soundfont: str, folder: Path, jobs: int = 1
) -> Iterator[tuple[Track, Path | HevnerError]]:
    """Render tracks whose media are MIDI files, several at a time; a bad file does not stop it.

    Parameters
    ----------
    tracks
        Their ids name the results.
    soundfont, folder
        As for `render`.
    jobs
        Number of renderings at the same time.

    Yields
    ------
    tuple
        A track, and its rendered file or its error, in the order in which they finish.

    Raises
    ------
    MissingDependencyError, DataError
        If FluidSynth or the soundfont is not installed, or the folder is another soundfont's.
    """

    def render_track(track: Track) -> Path:
        return render(track.path, soundfont, folder, track.id)

    tracks = list(tracks)
    if not all(_target(folder, soundfont, track.id).exists() for track in tracks):
        _prepare(soundfont, folder)
    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(render_track, track): track for track in tracks}
        try:
            for future in as_completed(futures):
                result: Path | HevnerError
                try:
                    result = future.result()
                except HevnerError as error:
                    result = error
                yield futures[future], result
        finally:
            pool.shutdown(cancel_futures=True)


def render(midi: Path, soundfont: str, folder: Path, name: str = "") -> Path:
    """Render one MIDI file, unless that was done before.

    Parameters
    ----------
    midi
        The MIDI file.
    soundfont
        File name without suffix, e.g. ``FluidR3_GM``.
    folder
        Cache folder; the result is ``folder/<soundfont>/<name>.flac``.
    name
        That of the MIDI file if empty.

    Returns
    -------
    Path
        The rendered file: mono, `RENDER_RATE` hertz, 16 bit.

    Raises
    ------
    MissingDependencyError
        If FluidSynth or the soundfont is not installed.
    DataError
        If FluidSynth cannot play the file, or the folder holds renders of another soundfont of that
        name.
    """
    target = _target(folder, soundfont, name or midi.stem)
    if target.exists():
        return target
    fluidsynth, bank = _prepare(soundfont, folder)
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


def _target(folder: Path, soundfont: str, name: str) -> Path:
    return folder / soundfont / f"{name}.flac"


def _prepare(soundfont: str, folder: Path) -> tuple[str, Path]:
    """FluidSynth and the soundfont, after making sure that the cache folder is theirs."""
    fluidsynth = shutil.which("fluidsynth")
    if fluidsynth is None:
        raise MissingDependencyError(
            "the program 'fluidsynth' is not installed",
            remedy="Install it, such as with 'apt install fluidsynth' or 'brew install fluidsynth'",
        )
    bank = find_soundfont(soundfont)
    made = {"sha256": _sha256(bank, bank.stat().st_mtime_ns), "gain": GAIN, "rate": RENDER_RATE}
    record = folder / soundfont / RECORD
    record.parent.mkdir(parents=True, exist_ok=True)
    if not record.is_file():
        replace_file(record, (json.dumps(made, indent=2) + "\n").encode())
        return fluidsynth, bank
    try:
        recorded = read_json(record)
    except ValueError as error:
        raise DataError(
            f"not JSON ({error})",
            subject=str(record),
            remedy="Delete its folder and render again",
            code="not_json",
        ) from error
    if recorded != made:
        raise DataError(
            f"its files were rendered with another soundfont {soundfont}.sf2, gain or rate than "
            f"{bank}",
            subject=str(record.parent),
            remedy="Render into another folder, or delete this one",
            code="other_soundfont",
        )
    return fluidsynth, bank


@cache
def _sha256(path: Path, changed: int) -> str:
    """Hash of a file, read once for each time it changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _trim_silence(mono: np.ndarray) -> np.ndarray:
    """Cut the synthesiser's silent tail, keeping half a second of decay."""
    loud = np.flatnonzero(np.abs(mono) > 1e-4)
    return mono[: loud[-1] + RENDER_RATE // 2] if loud.size else mono


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
            code="render_failed",
        ) from error
    if result.returncode != 0 or not raw.exists():
        raise DataError(
            f"FluidSynth cannot play it ({result.stderr.strip()[-200:] or 'no message'})",
            subject=str(midi),
            remedy="Check that it is a standard MIDI file",
            code="render_failed",
        )
