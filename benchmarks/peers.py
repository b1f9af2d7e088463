"""Score Essentia's two valence/arousal heads on the clips that hevner is judged on.

    python benchmarks/peers.py recipes/unified.toml --data DIR --store DIR --peers DIR --out CSV

The heads (emoMusic and DEAM, on the MSD-MusiCNN embedding) are affine maps, so they are applied to
the mean embedding of a clip, which hevner computes to within 2e-5 of Essentia's network. The folder
of ``--peers`` holds ``emomusic-musicnn-msd-1.pb`` and ``deam-musicnn-msd-1.pb`` from the Essentia
models page (CC BY-NC-SA 4.0; for measurement only). Their output order is [valence, arousal] on
1..9.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for build_hook, which is not installed

from build_hook.bundle import read_record
from hevner.blocks import WIDTHS
from hevner.emotion import Scale
from hevner.lab.default.evaluate import value_scores
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import build
from hevner.lab.metrics.report import Report, write
from hevner.lab.recipes import read

HEADS = ("emomusic-musicnn-msd-1", "deam-musicnn-msd-1")
SCALE = Scale(1, 9)
BATCH_NORM_EPSILON = 1e-3


def read_constants(content: bytes) -> dict[str, NDArray[np.float64]]:
    """Float constants of a TensorFlow GraphDef by name.

    Its nodes are field 1: name (1) and attributes (5), pairs of a key (1) and a value (2); the
    attribute "value" holds a tensor (8) of type (1), shape (2) and content (4).
    """
    constants = {}
    for number, node in read_record(content):
        if number != 1 or not isinstance(node, bytes):
            continue
        pairs = [dict(read_record(p)) for part, p in read_record(node) if part == 5]  # type: ignore[arg-type]
        values = [dict(read_record(pair[2])) for pair in pairs if pair[1] == b"value"]  # type: ignore[arg-type]
        tensor = dict(read_record(values[0].get(8, b""))) if values else {}  # type: ignore[arg-type]
        if tensor.get(1) == 1 and 4 in tensor:
            name = bytes(dict(read_record(node))[1]).decode()
            constants[name] = np.frombuffer(bytes(tensor[4]), "<f4").astype(np.float64)
    return constants


def apply_head(path: Path, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Valence and arousal on the unit scale, shape ``(n, 2)``, of embeddings ``(n, 200)``."""
    found = read_constants(path.read_bytes())
    spread = np.sqrt(found["var"] + BATCH_NORM_EPSILON)
    normal = (embedding - found["mean"]) / spread * found["scale"] + found["bias"]
    kernel = next(v for k, v in found.items() if k.startswith("dense_out/kernel"))
    bias = next(v for k, v in found.items() if k.startswith("dense_out/bias"))
    output = normal @ kernel.reshape(embedding.shape[1], 2) + bias
    return np.asarray(SCALE.to_unit(output), np.float32)  # type: ignore[arg-type]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Score Essentia's heads on hevner's clips.")
    parser.add_argument("recipe", type=Path)
    for name in ("data", "store", "peers", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    options = parser.parse_args()
    recipe = read(options.recipe, DefaultRecipe)
    table = build(recipe, {name: options.data / name for name in recipe.sets}, options.store)
    report = Report()
    for name in HEADS:
        for dataset in ("musemo", "vgmidi", "emopia"):
            rows = table.where(table.clean & (table.dataset == dataset))
            values = apply_head(options.peers / f"{name}.pb", rows.vectors[:, : WIDTHS["musicnn"]])
            for metric, score in value_scores(rows, [values]).items():
                report.add(f"essentia {name}", rows, metric, score, 1)
    write(report.rows, options.out)


if __name__ == "__main__":
    main()
