"""How ratings of music at large spread: means over the large rated sets, which are not trained on.

python -m hevner.lab.default.spread --data DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.emotion import AXES

SETS = ("emomusic", "deam", "pmemo")


def ratings(data: Path) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation by axis, averaged over the sets; each recording counts once.

    Parameters
    ----------
    data
        Folder with one folder per dataset.
    """
    seen: set[str] = set()
    means, spreads = [], []
    for name in SETS:
        tracks = [t for t in datasets.load(name, data / name) if t.recording not in seen]
        seen |= {track.recording for track in tracks}
        rated = np.array([[t.valence, t.arousal] for t in tracks], float)
        means.append(rated.mean(axis=0))
        spreads.append(rated.std(axis=0))
    mean, spread = np.mean(means, axis=0), np.mean(spreads, axis=0)
    return {name: (float(mean[k]), float(spread[k])) for k, name in enumerate(AXES)}


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Print how ratings at large spread.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the datasets")
    for axis, (mean, std) in ratings(parser.parse_args().data).items():
        print(f"{axis} = {{ mean = {mean:.2f}, std = {std:.2f} }}")  # noqa: T201


if __name__ == "__main__":
    main()
