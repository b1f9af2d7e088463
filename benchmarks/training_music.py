"""Keep the music that a model was trained on, so that scores on it are labelled.

    python benchmarks/training_music.py --model unified --data DIR --store DIR

Reads the datasets on the model's card, makes the fingerprints of their recordings, which are kept
in the store, and writes names and fingerprints beside the model (`hevner.lab.scoring.known`), or
where ``--out`` says. 'hevner evaluate --model' then finds what of a test set was trained on. Prints
tracks, fingerprints and bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from hevner import datasets
from hevner.datasets.track import Track
from hevner.lab.data.corpus import Variant, compute_all
from hevner.lab.data.extraction import FINGERPRINT
from hevner.lab.data.representations import fingerprints
from hevner.lab.scoring import known
from hevner.model import registry
from hevner.store import FeatureStore


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Keep the training music of a model.")
    parser.add_argument("--model", default="unified", help="name or file")
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--store", type=Path, required=True, help="keeps the fingerprints")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, help="path of a model to write it beside")
    options = parser.parse_args()
    entry = registry.find(options.model)
    graph = options.out or entry.path.with_suffix(".onnx")
    tracks: list[Track] = []
    for name in entry.trained_on:
        tracks += datasets.load(name, options.data / name, partial=True)
    sounds = [t for t in tracks if t.path.suffix.lower() not in (".mid", ".midi")]
    work = [(track, Variant()) for track in sounds]
    for done in compute_all(work, options.store, options.jobs, (FINGERPRINT,)):
        if done.error is not None:
            print(f"{done.track.dataset}/{done.track.id}: {done.error}")
    words = fingerprints(FeatureStore(options.store), sounds)
    known.write(graph, tracks, words)
    size = known.place(graph).stat().st_size
    print(f"{len(tracks)} tracks, {len(words)} fingerprints, {size:,} bytes")


if __name__ == "__main__":
    main()
