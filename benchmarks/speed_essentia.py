"""Time Essentia on files; called by ``speed.py`` with a Python that has essentia-tensorflow.

    python benchmarks/speed_essentia.py MODELS FILE...

The pieces are Essentia's own, set up as its documentation does: audio at 16 kHz by the quick
resampler for MusiCNN with its default patch hop, the emoMusic head, and audio at 44.1 kHz for
KeyExtractor and for ChordsDetection over HPCP. The
last line printed is JSON: CPU and wall seconds by stage, summed over the files.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

FRAME, HOP = 8192, 2048


def parse() -> argparse.Namespace:
    """What the command line says; answers ``--help`` where Essentia is not installed."""
    parser = argparse.ArgumentParser(description="Time Essentia on files.")
    parser.add_argument("models", type=Path, help="folder of the two networks")
    parser.add_argument("files", nargs="+")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = parse()

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import essentia
import essentia.standard as es


def load(file: str, sample_rate: int) -> Any:
    """Mono samples."""
    return es.MonoLoader(filename=file, sampleRate=sample_rate, resampleQuality=4)()


def chords(audio: Any) -> Any:
    """Chords of audio at 44.1 kHz."""
    window, spectrum = es.Windowing(type="blackmanharris62"), es.Spectrum()
    peaks = es.SpectralPeaks(
        orderBy="magnitude",
        magnitudeThreshold=1e-5,
        minFrequency=20,
        maxFrequency=3500,
        maxPeaks=60,
    )
    profile = es.HPCP(size=36)
    rows = []
    for frame in es.FrameGenerator(audio, frameSize=FRAME, hopSize=HOP, startFromZero=True):
        frequencies, magnitudes = peaks(spectrum(window(frame)))
        rows.append(profile(frequencies, magnitudes))
    return es.ChordsDetection(hopSize=HOP, windowSize=2)(essentia.array(rows))


def main() -> None:
    """Run from the command line."""
    essentia.log.infoActive = essentia.log.warningActive = False
    models, files = OPTIONS.models, OPTIONS.files
    encoder = es.TensorflowPredictMusiCNN(
        graphFilename=f"{models}/msd-musicnn-1.pb", output="model/dense/BiasAdd"
    )
    head = es.TensorflowPredict2D(
        graphFilename=f"{models}/emomusic-musicnn-msd-1.pb",
        input="flatten_in_input",
        output="dense_out",
    )
    times: dict[str, list[float]] = {"total": [0.0, 0.0]}

    def timed(stage: str, work: Callable[[], Any]) -> Any:
        wall, cpu = perf_counter(), process_time()
        result = work()
        spent = (process_time() - cpu, perf_counter() - wall)
        for name in (stage, "total"):
            sums = times.setdefault(name, [0.0, 0.0])
            for kind in range(2):
                sums[kind] += spent[kind]
        return result

    def analyse(file: str) -> None:
        low = timed("decode", lambda: load(file, 16000))
        full = timed("decode", lambda: load(file, 44100))
        embedding = timed("mel and encoder musicnn", lambda: encoder(low))
        timed("head", lambda: head(embedding).mean(axis=0))
        timed("harmony", lambda: es.KeyExtractor()(full))
        timed("harmony", lambda: chords(full))

    analyse(files[0])  # the first run prepares the networks
    times.clear()
    times["total"] = [0.0, 0.0]
    for file in files:
        analyse(file)
    print(json.dumps(times))


if __name__ == "__main__":
    main()
