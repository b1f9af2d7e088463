"""Take YAMNet's vectors into a store as block ``yamnet-mean``, of MTG-Jamendo and of other sets.

Usage: python import_yamnet.py VECTORS DATA STORE NAME ...

VECTORS is the file that `recipes/tags.toml` names: 256 principal components of the mean embedding
of each track of MTG-Jamendo, with the projection that gives the same of other music. What is
imported are the 1024 compressed and standardised numbers that these components stand for: networks
standardise what they read, and components of one variance each would be mostly noise. DATA holds
mtg_jamendo and the sets that are named, whose rows ``hevner extract --teacher yamnet`` has put into
the store (MIDI files by FluidR3_GM).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.lab.data.representations import DEFAULT_SOUNDFONT, find, variant_of
from hevner.lab.teachers.train_tags import read
from hevner.lab.teachers.yamnet import EMBEDDING
from hevner.store import FeatureStore
from hevner.store.imports import Source, import_features


def main(vectors: Path, data: Path, store: FeatureStore, names: list[str]) -> None:
    """Import everything."""
    tagged = read(data / "mtg_jamendo", vectors)
    own = tagged.projection
    keep(store, "mtg_jamendo", tagged.id.tolist(), tagged.components @ own["axes"].T)
    for name in names:
        tracks = datasets.load(name, data / name).tracks
        file = find(store, name, "yamnet")
        rows = [file.get(one.id, variant_of(one, DEFAULT_SOUNDFONT).name).rows for one in tracks]
        means = np.array([one[:, EMBEDDING].astype(np.float64).mean(axis=0) for one in rows])
        components = (np.log1p(means) - own["mean"]) / own["spread"] @ own["axes"]
        keep(store, name, [one.id for one in tracks], components @ own["axes"].T)


def keep(store: FeatureStore, dataset: str, ids: list[str], vectors: np.ndarray) -> None:
    """Import a matrix with a row for each id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npz"
        np.savez(path, ids=np.array(ids), vectors=np.asarray(vectors, np.float32))
        file = import_features(Source(path, "vectors", "ids"), store, dataset, "yamnet-mean", "1")
    sys.stderr.write(f"{dataset}: {len(file.ids())} tracks\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), FeatureStore(sys.argv[3]), sys.argv[4:])
