"""Keys and chords, or beats, by Essentia, as JSON by file: for `harmony`, `key` and `tempo`.

    python benchmarks/music_essentia.py [--beats] FILE...

It imports nothing of hevner, because Essentia is never installed beside it. Chords follow
Essentia's own example: harmonic pitch-class profiles of spectral peaks, then ``ChordsDetection``,
with several window lengths; keys are ``KeyExtractor`` with several profiles; tempo and beats are
``RhythmExtractor2013`` with its usual settings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

RATE = 44_100
FRAME, HOP = 8_192, 2_048
CHORD_WINDOWS_S = (0.5, 1.0, 2.0)
PROFILES = ("bgate", "temperley", "krumhansl", "edma", "edmm", "shaath")


def profiles(sound: np.ndarray) -> np.ndarray:
    """Harmonic pitch-class profiles, 36 bins, one per hop."""
    window = es.Windowing(type="blackmanharris62")
    spectrum = es.Spectrum()
    peaks = es.SpectralPeaks(
        orderBy="magnitude", magnitudeThreshold=1e-5, minFrequency=20, maxFrequency=3500,
        maxPeaks=60, sampleRate=RATE,
    )  # fmt: skip
    fold = es.HPCP(size=36, sampleRate=RATE)
    frames = es.FrameGenerator(sound, frameSize=FRAME, hopSize=HOP, startFromZero=False)
    return np.asarray(essentia.array([fold(*peaks(spectrum(window(frame)))) for frame in frames]))


def chords(pitches: np.ndarray, window_s: float) -> list[tuple[float, float, str]]:
    """Chords as ``(start, end, label)``, equal neighbours joined."""
    names, _ = es.ChordsDetection(hopSize=HOP, windowSize=window_s, sampleRate=RATE)(pitches)
    rows: list[tuple[float, float, str]] = []
    for k, name in enumerate(names):
        label = f"{name[:-1]}:min" if name.endswith("m") else f"{name}:maj"
        start, end = (max(k - 0.5, 0) * HOP / RATE, (k + 0.5) * HOP / RATE)
        if rows and rows[-1][2] == label:
            rows[-1] = (rows[-1][0], end, label)
        else:
            rows.append((start, end, label))
    return rows


def harmony(path: str) -> dict[str, object]:
    """Chords by the length of the window in seconds, keys by profile."""
    sound = es.MonoLoader(filename=path, sampleRate=RATE)()
    pitches = profiles(sound)
    return {
        "chords": {str(length): chords(pitches, length) for length in CHORD_WINDOWS_S},
        "keys": {name: " ".join(es.KeyExtractor(profileType=name)(sound)[:2]) for name in PROFILES},
    }


def beats(path: str) -> dict[str, object]:
    """Tempo in beats per minute and times of beats in seconds."""
    sound = es.MonoLoader(filename=path, sampleRate=RATE)()
    tempo, times, *_ = es.RhythmExtractor2013(method="multifeature")(sound)
    return {"tempo": float(tempo), "beats": [float(time) for time in times]}


def ask(python: Path | str, paths: Iterable[Path], *options: str) -> dict[str, Any]:
    """What this script says of files, run by a Python that has Essentia."""
    command = [str(python), __file__, *options, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Keys and chords, or beats, by Essentia.")
    parser.add_argument("--beats", action="store_true", help="tempo and beats instead")
    parser.add_argument("files", nargs="+")
    OPTIONS = parser.parse_args()  # answers --help where Essentia is not installed
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = essentia.log.warningActive = False
    hear = beats if OPTIONS.beats else harmony
    print(json.dumps({path: hear(path) for path in OPTIONS.files}))
