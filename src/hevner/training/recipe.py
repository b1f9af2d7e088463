"""A recipe: everything that decides a trained model, as a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.errors import DataError
from hevner.features import BLOCKS
from hevner.training.corpus import Variant

HEADS = ("valence", "arousal", "quadrants", "gems")
"""What has penalties of its own."""


@dataclass(frozen=True)
class SetRecipe:
    """How a dataset takes part.

    Attributes
    ----------
    domain
        The kind of sound it belongs to.
    weight
        Of the whole set in every loss, in clips.
    variants
        Ways its clips are made to sound; the first is the one that is evaluated.
    window_s
        If set, windows of this length with their own ratings are trained on too.
    """

    domain: str
    weight: float
    variants: tuple[Variant, ...]
    window_s: float | None = None


@dataclass(frozen=True)
class Penalty:
    """Ridge penalty of every dimension of the pooled vector, shape ``(dim,)`` each."""

    shared: NDArray[np.float64]
    own: NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; ``digest`` names its text."""

    name: str
    version: str
    seed: int
    sets: dict[str, SetRecipe]
    penalties: dict[str, Penalty]
    factors: tuple[float, ...]
    digest: str

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of the domains, sorted."""
        return tuple(sorted({one.domain for one in self.sets.values()}))


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    DataError
        If the file is missing, no TOML, or lacks an entry.
    """
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
        return Recipe(
            name=table["name"],
            version=table["version"],
            seed=table["seed"],
            sets={name: _set(entry) for name, entry in table["sets"].items()},
            penalties={name: _penalty(table["penalties"][name]) for name in HEADS},
            factors=tuple(table["choices"]["factors"]),
            digest=hashlib.sha256(text.encode()).hexdigest()[:16],
        )
    except OSError as error:
        raise DataError("no such recipe", subject=str(path), remedy="Check the path") from error
    except DataError as error:
        raise DataError(error.cause, subject=str(path), remedy=error.remedy) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the recipe is not complete ({error})",
            subject=str(path),
            remedy="Compare it with recipes/spine.toml",
        ) from error


def _set(entry: dict[str, Any]) -> SetRecipe:
    variants = tuple(Variant.parse(name) for name in entry["variants"])
    return SetRecipe(entry["domain"], entry["weight"], variants, entry.get("window_s"))


def _penalty(entry: dict[str, dict[str, float]]) -> Penalty:
    def spread(blocks: dict[str, float]) -> NDArray[np.float64]:
        return np.concatenate([np.full(width, blocks[name]) for name, width in BLOCKS.items()])

    return Penalty(spread(entry["shared"]), spread(entry["own"]))
