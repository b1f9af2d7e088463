"""What a network knows that has learned nothing: vectors of a small MERT with random weights.

    python benchmarks/probe_random.py DATA FEATURES.npz

DATA holds the dataset musemo. The vectors are imported and probed with

    hevner features import STORE --dataset musemo --encoder mert-small-random --version seed-11 \
        --file FEATURES.npz --array vectors --ids ids
    hevner probe --encoder mert-small-random --states 7 --dataset musemo --data DATA --store STORE
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from hevner import datasets
from hevner.audio.decode import open_audio
from hevner.encoders.large import LARGE
from hevner.encoders.mert import architecture, conversion
from hevner.encoders.mert.network import Network
from hevner.lab.rehearsal.mert_weights import mert

NAME = "small"
SIZE = architecture.Size(192, 6, 4, 768, stable=False, channels=64)


def encode(data: Path, out: Path) -> None:
    """Encode every clip of MusEmo and write the means of all states, side by side."""
    architecture.SIZES[NAME] = SIZE
    found = {}
    with TemporaryDirectory() as place:
        mert(NAME, Path(place))
        card = replace(LARGE["mert-v1-95m"].card, id=NAME)
        conversion.convert(card, Path(place), Path(place), lambda *_: None)
        weights = Path(place) / architecture.WEIGHTS
        network = Network(SIZE, weights, SIZE.blocks, torch.device("cpu"), torch.float32)
        for track in datasets.load("musemo", data / "musemo").tracks:
            blocks = open_audio(track.path, architecture.SAMPLE_RATE).blocks
            window = np.concatenate(list(blocks))[None]
            found[track.id] = network.means(window, range(SIZE.blocks + 1))[0]
    np.savez(out, ids=np.array(list(found)), vectors=np.stack(list(found.values())))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Encode MusEmo with random weights.")
    parser.add_argument("data", type=Path, help="folder of the datasets")
    parser.add_argument("out", type=Path, help="NPZ file for the vectors")
    options = parser.parse_args()
    encode(options.data, options.out)


if __name__ == "__main__":
    main()
