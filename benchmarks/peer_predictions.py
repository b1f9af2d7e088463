"""What Essentia and VibeNet say of clips; run with a Python of its own that has both packages.

    python -m venv PEERS
    PEERS/bin/pip install --pre essentia-tensorflow==2.1b6.dev1389 vibenet==0.1.0
    PEERS/bin/python benchmarks/peer_predictions.py CLIPS.csv OUT.csv --models DIR

``CLIPS.csv`` (dataset, id, path) is written by ``peers.py clips``. ``OUT.csv`` has a row for every
clip and system: dataset, id, system, valence and arousal on [-1, 1], and what else VibeNet says.
Run again, it goes on where it stopped. Nothing of hevner is imported here, and hevner imports
neither package: VibeNet is under the GPL 3, the networks for Essentia under CC BY-NC-SA 4.0.

Systems, each as its documentation uses it:

``essentia-emomusic``, ``essentia-deam``
    Essentia's two heads for valence and arousal on its MusiCNN, which was trained on the Million
    Song Dataset, averaged over patches of 3 s, half overlapping. The network runs in ONNX Runtime:
    in half the time, and with the values of TensorflowPredictMusiCNN to 1e-5 (four clips). ``DIR``
    holds, from https://essentia.upf.edu/models.html:

    ==============================  ================================================================
    msd-musicnn-1.onnx              e9347e05e34e203ee09684cd2cc7b077e84042766fcd908a46abc73bc62a8d97
    emomusic-musicnn-msd-1.pb       d85a1a0e4a5c0977d791d2eb36bf72ca2a152d15671eaa6f5b9cb26f545a9eb2
    deam-musicnn-msd-1.pb           ea282454d60e29c7165365d5d79646da5084d55f84a11249aeb5f8d192e57534
    ==============================  ================================================================

    Other weights are refused. The wheel (cp311, manylinux2014) has the SHA-256
    72d2d8d748e916df931fa561f284d9a47ad0f557351acfbdc952d4b4118c01b8.

``vibenet``
    Valence, and energy for arousal, of the network that the package brings; its wheel has the
    SHA-256 3474fd65a9723f0f58f511e77d1641ea937f11b8d75e906bcda2da9cad3094f5.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

RATE = 16_000
PATCH, HOP = 187, 93  # frames of the network's input
HEADS = ("emomusic", "deam")
FURTHER = ("acousticness", "danceability", "instrumentalness", "liveness", "speechiness")
COLUMNS = ("dataset", "id", "system", "valence", "arousal", *FURTHER)
SYSTEMS = ("vibenet", "essentia")

Values = dict[str, float]
System = Callable[[str], dict[str, Values]]
"""From the path of a clip to what each system says of it."""


def essentia(models: Path) -> System:
    """Both heads of Essentia; a clip must have at least the 3 s of a patch."""
    import essentia as package
    import essentia.standard as algorithms
    import numpy as np
    import onnxruntime

    package.log.infoActive = package.log.warningActive = False
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = onnxruntime.InferenceSession(checked(models / "msd-musicnn-1.onnx"), options)
    bands = algorithms.TensorflowInputMusiCNN()
    heads = {
        name: algorithms.TensorflowPredict2D(
            graphFilename=checked(models / f"{name}-musicnn-msd-1.pb"),
            input="flatten_in_input",
            output="dense_out",
        )
        for name in HEADS
    }

    def predict(path: str) -> dict[str, Values]:
        sound = algorithms.MonoLoader(filename=path, sampleRate=RATE, resampleQuality=4)()
        frames = algorithms.FrameGenerator(sound, frameSize=512, hopSize=256)
        mel = np.array([bands(frame) for frame in frames])
        patches = np.stack([mel[k : k + PATCH] for k in range(0, len(mel) - PATCH + 1, HOP)])
        embedding = network.run(None, {"model/Placeholder:0": patches})[0]
        found = {}
        for name, head in heads.items():
            valence, arousal = (head(embedding).mean(axis=0) - 5) / 4  # from 1..9
            found[f"essentia-{name}"] = {"valence": float(valence), "arousal": float(arousal)}
        return found

    return predict


def vibenet(_: Path) -> System:
    """All attributes of VibeNet; valence and energy come in [0, 1]."""
    from vibenet import load_model

    model = load_model()

    def predict(path: str) -> dict[str, Values]:
        found: Any = model.predict(path)[0]
        values = {"valence": 2 * found.valence - 1, "arousal": 2 * found.energy - 1}
        return {"vibenet": values | {name: getattr(found, name) for name in FURTHER}}

    return predict


def checked(path: Path) -> str:
    """The path of weights that are those named above."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    known = dict(re.findall(r"(\S+\.(?:pb|onnx)) +([0-9a-f]{64})", __doc__ or ""))
    if known[path.name] != digest:
        raise SystemExit(f"{path}: other weights than those measured; take {known[path.name]}")
    return str(path)


def run(clips: list[dict[str, str]], out: Path, systems: dict[str, System]) -> None:
    """Add what is missing to the table of predictions, row by row."""
    done = set()
    if out.exists():
        with out.open(newline="", encoding="utf-8") as file:
            done = {
                (row["dataset"], row["id"], row["system"].partition("-")[0])
                for row in csv.DictReader(file)
            }
    with out.open("a", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            table.writeheader()
        for name, system in systems.items():
            for clip in clips:
                key = {"dataset": clip["dataset"], "id": clip["id"]}
                if (*key.values(), name) in done:
                    continue
                for part, values in system(clip["path"]).items():
                    numbers = {column: f"{value:.5f}" for column, value in values.items()}
                    table.writerow(key | {"system": part} | numbers)
                file.flush()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="What Essentia and VibeNet say of clips.")
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=Path, required=True, help="folder of Essentia's networks")
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    options = parser.parse_args()
    with options.clips.open(newline="", encoding="utf-8") as file:
        clips = list(csv.DictReader(file))
    make = {"essentia": essentia, "vibenet": vibenet}
    run(clips, options.out, {name: make[name](options.models) for name in options.systems})


if __name__ == "__main__":
    main()
