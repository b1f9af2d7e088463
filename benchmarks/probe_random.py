"""What a network knows that has learned nothing: vectors of a small MERT with random weights.

Usage: python benchmarks/probe_random.py DATA FEATURES.npz, with DATA/musemo. They are imported and
probed with

    hevner features import STORE --dataset musemo --encoder mert-small-random --version seed-11 \
        --file FEATURES.npz --array vectors --ids ids
    hevner probe --encoder mert-small-random --states 7 --dataset musemo --data DATA --store STORE
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from random_weights import mert

from hevner import datasets
from hevner.audio.decode import open_audio
from hevner.encoders.mert import architecture, conversion
from hevner.encoders.mert.network import Network

NAME = "small"
SIZE = architecture.Size(192, 6, 4, 768, stable=False, channels=64)


def main(data: Path, out: Path) -> None:
    """Hear every clip of MusEmo and write the means of all states, side by side."""
    architecture.SIZES[NAME] = SIZE
    found = {}
    with TemporaryDirectory() as place:
        mert(NAME, Path(place))
        conversion.convert(SIZE, Path(place), Path(place), lambda *_: None)
        weights = Path(place) / architecture.WEIGHTS
        network = Network(SIZE, weights, SIZE.blocks, torch.device("cpu"), torch.float32)
        for track in datasets.load("musemo", data / "musemo").tracks:
            blocks = open_audio(track.path, architecture.SAMPLE_RATE).blocks
            window = np.concatenate(list(blocks))[None]
            found[track.id] = network.means(window, range(SIZE.blocks + 1))[0]
    np.savez(out, ids=np.array(list(found)), vectors=np.stack(list(found.values())))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
