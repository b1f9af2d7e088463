"""Maps of a representation in two dimensions: similar tracks lie close together.

Conventions
-----------
A map is made from the principal components of `hevner.lab.gap.features.Standardised`, shape
``(n, 2)``; its axes have no meaning and no unit. The same seed gives the same map.
"""

from __future__ import annotations

import numpy as np

from hevner import extras
from hevner.arrays import Doubles
from hevner.errors import DataError

METHODS = ("t-SNE", "UMAP")

PERPLEXITY = 30.0
NEIGHBOURS = 15
FEWEST = 10
"""Least number of rows of a map."""


def require() -> None:
    """Check that the packages of the analysis are installed.

    Raises
    ------
    MissingDependencyError
        If one is not.
    """
    extras.require("lab", "the gap analysis", "sklearn", "umap")


def draw_map(method: str, components: Doubles, seed: int = 0) -> Doubles:
    """Coordinates by one of `METHODS`.

    Raises
    ------
    DataError
        If there are fewer than ten rows or no such method.
    MissingDependencyError
        If a package is not installed.
    """
    if method not in METHODS:
        raise DataError(
            f"no map '{method}'", remedy=f"Choose from {', '.join(METHODS)}", code="unknown_name"
        )
    if len(components) < FEWEST:
        raise DataError(
            f"{len(components)} tracks are too few for a map",
            remedy=f"Take at least {FEWEST}",
            code="too_few_tracks",
        )
    require()
    return _tsne(components, seed) if method == "t-SNE" else _umap(components, seed)


def _tsne(components: Doubles, seed: int) -> Doubles:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(components) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    return np.asarray(model.fit_transform(components), np.float64)


def _umap(components: Doubles, seed: int) -> Doubles:
    from umap import UMAP

    # One thread: with several, the same seed gives different maps. The spectral start is
    # undefined for very few rows.
    model = UMAP(
        n_neighbors=min(NEIGHBOURS, len(components) - 1),
        init="spectral" if len(components) > 50 else "random",
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(model.fit_transform(components), np.float64)
