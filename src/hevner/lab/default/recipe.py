"""A recipe: everything that decides a trained model, as a TOML file."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.blocks import WIDTHS
from hevner.emotion import AXES, MOOD_TAGS
from hevner.errors import DataError
from hevner.lab.data.corpus import Variant

HEADS = (*AXES, "quadrants", "gems")
"""What has penalties of its own."""


@dataclass(frozen=True)
class SetRecipe:
    """How a dataset takes part.

    Attributes
    ----------
    domain
        The kind of sound it belongs to.
    weight
        Of the whole set in fitting every head but the transfer head, in clips.
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
class Spread:
    """Mean and standard deviation of the ratings of music at large, on the unit scale."""

    mean: float
    std: float


@dataclass(frozen=True)
class StudentRecipe:
    """How the network is trained; see `hevner.lab.default.students`.

    Attributes
    ----------
    width, hidden, dropout
        Of the network.
    windows
        Every so many of the windows are learned from; neighbours say much the same.
    settings
        Of the training loop, `hevner.lab.unified.settings.Settings`.
    """

    width: int
    hidden: int
    dropout: float
    windows: int
    settings: dict[str, Any]


@dataclass(frozen=True)
class TagRecipe:
    """What the tags are learned from, and how often they are said.

    Attributes
    ----------
    teacher
        Name in the store of the network whose probabilities are learned.
    weight
        Of what listeners say of a word, against the teacher, both in standard units.
    listeners
        Which way valence and arousal speak for a tag; tags that say nothing of feeling are
        missing.
    base_rates
        Share of music that carries a tag.
    slope
        Log odds of a tag for one standard unit.
    flagged
        A tag is said of this many times its base rate of music.
    """

    teacher: str
    weight: float
    listeners: dict[str, tuple[float, float]]
    base_rates: dict[str, float]
    slope: float
    flagged: float

    def directions(self) -> NDArray[np.float64]:
        """Unit vectors in the plane of valence and arousal, or zero, shape ``(56, 2)``."""
        arrows = np.array([self.listeners.get(tag, (0.0, 0.0)) for tag in MOOD_TAGS], float)
        length = np.linalg.norm(arrows, axis=1, keepdims=True)
        return np.asarray(np.divide(arrows, length, where=length > 0, out=np.zeros_like(arrows)))


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; ``digest`` names its text.

    Attributes
    ----------
    penalties
        By head.
    factors
        Multiply the penalties of a domain's own part; one is chosen in training.
    transfer
        Penalties of the part that speaks for music from elsewhere, by axis, shape ``(dim,)``.
    transfer_weights
        Of the sets in fitting that part, in clips.
    ratings
        How ratings at large spread, by axis.
    widths
        Of the blocks of a vector, in order.
    students
        How the network is trained; None for a model without one.
    tags
        What the network learns of tags; None for a network without them.
    """

    name: str
    version: str
    seed: int
    sets: dict[str, SetRecipe]
    penalties: dict[str, Penalty]
    factors: tuple[float, ...]
    transfer: dict[str, NDArray[np.float64]]
    transfer_weights: dict[str, float]
    ratings: dict[str, Spread]
    widths: tuple[int, ...]
    digest: str
    students: StudentRecipe | None = None
    tags: TagRecipe | None = None

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
            transfer={axis: _spread_over(table["transfer"][axis]) for axis in AXES},
            transfer_weights={name: table["transfer"]["weights"][name] for name in table["sets"]},
            ratings={axis: Spread(**table["ratings"][axis]) for axis in AXES},
            widths=tuple(WIDTHS.values()),
            students=_students(table["students"]) if "students" in table else None,
            tags=_tags(table["tags"]) if "tags" in table else None,
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
            remedy="Compare it with recipes/unified.toml",
        ) from error


def _set(entry: dict[str, Any]) -> SetRecipe:
    variants = tuple(Variant.parse(name) for name in entry["variants"])
    return SetRecipe(entry["domain"], entry["weight"], variants, entry.get("window_s"))


def _students(entry: dict[str, Any]) -> StudentRecipe:
    return StudentRecipe(**entry)


def _tags(entry: dict[str, Any]) -> TagRecipe:
    wrong = set(entry["base_rates"]) ^ set(MOOD_TAGS) | set(entry["listeners"]) - set(MOOD_TAGS)
    if wrong:
        raise DataError(
            f"tags: {', '.join(sorted(wrong))} without base rate, or not a tag",
            remedy="Give a base rate for each of hevner.emotion.MOOD_TAGS and no other word",
        )
    listeners = {tag: (float(v), float(a)) for tag, (v, a) in entry["listeners"].items()}
    return TagRecipe(**entry | {"listeners": listeners})


def _penalty(entry: dict[str, dict[str, float]]) -> Penalty:
    return Penalty(_spread_over(entry["shared"]), _spread_over(entry["own"]))


def _spread_over(blocks: dict[str, float]) -> NDArray[np.float64]:
    """The value of a block for each of its dimensions."""
    return np.concatenate([np.full(width, blocks[name]) for name, width in WIDTHS.items()])
