"""Take published feature files into a store, under the ids of the datasets.

Usage: python import_features.py FEATURES DATA STORE

FEATURES holds ``choi_convnet_emomusic.npz`` (arrays song_id, embedding, mfcc), ``choi_convnet_gtzan
.npz`` (name, embedding) and ``deam_tonality.csv``. DATA holds musemo, emomusic and deam.

convnet
    The 160 numbers of Choi et al. (2017); ``convnet1`` to ``convnet5`` are those of one layer.
mfcc
    Statistics of 120 cepstral numbers, EmoMusic only.
sound, tonality
    Level, spectrum and the mean cepstral number; mean chroma, key, mode and their strengths. Of
    all DEAM songs; those up to 1000 are EmoMusic's, which get them too.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.store import FeatureStore
from hevner.store.imports import Source, import_features

LAYERS = 5
SOUND = ("rms", "spectral", "rolloff", "MFCC")
TONALITY = ("Chromatic scale", "key_correlation", "scale_correlation")


def main(features: Path, data: Path, store: FeatureStore) -> None:
    """Import everything."""
    with np.load(features / "choi_convnet_emomusic.npz") as found:
        songs = [str(one) for one in found["song_id"]]
        keep(store, "emomusic", "mfcc", songs, found["mfcc"])
        convnet(store, "emomusic", songs, found["embedding"])
    with np.load(features / "choi_convnet_gtzan.npz") as found:
        row = {f"gtzan/{name}": k for k, name in enumerate(found["name"])}
        tracks = datasets.load("musemo", data / "musemo").tracks
        rows = [row[track.recording] for track in tracks]
        convnet(store, "musemo", [track.id for track in tracks], found["embedding"][rows])
    tonality(store, features / "deam_tonality.csv", data)


def convnet(store: FeatureStore, dataset: str, ids: list[str], vectors: np.ndarray) -> None:
    """The embedding as a whole and layer by layer."""
    keep(store, dataset, "convnet", ids, vectors)
    for number, layer in enumerate(np.split(vectors, LAYERS, axis=1), 1):
        keep(store, dataset, f"convnet{number}", ids, layer)


def tonality(store: FeatureStore, path: Path, data: Path) -> None:
    """Simple features; names of keys and modes become one number each, 0 or 1."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["track_id"]: row for row in csv.DictReader(file)}
    names = {column: sorted({row[column] for row in rows.values()}) for column in ("key", "mode")}
    sound = {one: [float(row[name]) for name in SOUND] for one, row in rows.items()}
    tonal = {
        one: [float(row[name]) for name in TONALITY]
        + [float(row[column] == value) for column in names for value in names[column]]
        for one, row in rows.items()
    }
    for dataset in ("deam", "emomusic"):
        ids = [track.id for track in datasets.load(dataset, data / dataset)]
        keep(store, dataset, "sound", ids, np.array([sound[one] for one in ids]))
        keep(store, dataset, "tonality", ids, np.array([tonal[one] for one in ids]))


def keep(
    store: FeatureStore, dataset: str, encoder: str, ids: list[str], vectors: np.ndarray
) -> None:
    """Import a matrix with a row for each id."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "features.npz"
        np.savez(path, ids=np.array(ids), vectors=np.asarray(vectors, np.float32))
        file = import_features(Source(path, "vectors", "ids"), store, dataset, encoder, "1")
    sys.stderr.write(f"{dataset} {encoder}: {len(file.ids())} tracks\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), FeatureStore(sys.argv[3]))
