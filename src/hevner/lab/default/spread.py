"""How ratings of music at large spread: means over the large rated sets, which are not trained on.

``hevner datasets ratings`` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hevner import datasets
from hevner.emotion import AXES

SETS = ("emomusic", "deam", "pmemo")


def ratings(folders: Mapping[str, Path]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation by axis, averaged over the sets; each recording counts once.

    Parameters
    ----------
    folders
        Folder of each dataset, by name.
    """
    seen: set[str] = set()
    means, spreads = [], []
    for name in SETS:
        tracks = [t for t in datasets.load(name, folders[name]) if t.recording not in seen]
        seen |= {track.recording for track in tracks}
        rated = np.array([[t.valence, t.arousal] for t in tracks], float)
        means.append(rated.mean(axis=0))
        spreads.append(rated.std(axis=0))
    mean, spread = np.mean(means, axis=0), np.mean(spreads, axis=0)
    return {name: (float(mean[k]), float(spread[k])) for k, name in enumerate(AXES)}
