"""Keys and chords by Essentia, as JSON; called by ``harmony.py`` and ``key.py``.

    python benchmarks/harmony_peer.py FILE...

It imports nothing of hevner, because Essentia is never installed beside it. Chords follow
Essentia's own example: harmonic pitch-class profiles of spectral peaks, then ``ChordsDetection``,
with several window lengths; keys are ``KeyExtractor`` with several profiles.
"""

from __future__ import annotations

import argparse
import json

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


def parse() -> argparse.Namespace:
    """What the command line says; answers ``--help`` where Essentia is not installed."""
    parser = argparse.ArgumentParser(description="Keys and chords by Essentia.")
    parser.add_argument("files", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    options = parse()
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = False
    essentia.log.warningActive = False
    found = {}
    for path in options.files:
        sound = es.MonoLoader(filename=path, sampleRate=RATE)()
        pitches = profiles(sound)
        keys = {name: es.KeyExtractor(profileType=name)(sound)[:2] for name in PROFILES}
        found[path] = {
            "chords": {str(length): chords(pitches, length) for length in CHORD_WINDOWS_S},
            "keys": {name: " ".join(key) for name, key in keys.items()},
        }
    print(json.dumps(found))
