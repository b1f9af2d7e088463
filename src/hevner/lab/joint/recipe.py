"""Studies of the joint space as a TOML file: spaces that differ in little, searched both ways.

Entries
-------
``name``
    Of the study.
``seeds``, ``folds``
    Runs of everything random; parts of a cross-validation.
``leaks``
    ``refuse`` stops at a leak, ``label`` says so in the table.
``soundfont``
    The rendering that is taken of MIDI files.
``encoder``
    What the word stands for below, `hevner.lab.data.recipe_encoder`; may be left out.
``[datasets.NAME]``
    A world of its own, in which music and emotions are matched; the attributes of `Source`.
``[base]``
    What all spaces have, unless they say otherwise; the attributes of `Space`. Entries of
    ``network`` are taken over one by one.
``[[spaces]]``
    ``name``, and what is other than in the base.
``[[claims]]``
    ``claim``, a sentence; ``first`` and ``second``, spaces that are compared in pairs;
    ``scorers``, one for each, where it is not the corrected one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from hevner.datasets import NAMES, Labels
from hevner.datasets.leaks import LINKS
from hevner.errors import DataError, HevnerError
from hevner.lab.data.recipe_encoder import parse
from hevner.lab.joint.settings import Settings

Kind = Literal["curve", "profile", "point"]
Method = Literal["random", "regressor", "cca", "network"]
Division = Literal["folds", "random"]
Scorer = Literal["corrected", "reference"]
Moments = Literal["all", "first", "resampled"]
Scale = Literal["unit", "0..1"]

LENGTH = 60
"""Moments of a curve: those of 30 s at 2 Hz."""


@dataclass(frozen=True)
class Source:
    """How a dataset takes part.

    Attributes
    ----------
    emotion
        What emotions are: a ``curve`` of valence and arousal with the raters' spread, a GEMS
        ``profile``, or a ``point``.
    blocks
        Music vectors, names of `hevner.lab.data.representations`.
    windows
        A block in the store that is heard window by window instead; empty for none.
    moments
        Of a curve: ``all`` as rated, the ``first`` 60, or 60 ``resampled`` at equal steps.
    scale
        Of valence and arousal as networks as published hear them.
    least_end
        Least time of the last rating, in seconds; shorter curves are left out.
    repeat_fault
        Repeats defect D4: curves that have not 60 moments get arousal in place of valence.
    labels
        ``repaired`` or ``as_published``.
    shared
        Links that the two sides of a fold may share, of `hevner.datasets.leaks.LINKS`.
    """

    emotion: Kind
    blocks: tuple[str, ...] = ()
    windows: str = ""
    moments: Moments = "first"
    scale: Scale = "unit"
    least_end: float = 0.0
    repeat_fault: bool = False
    labels: Labels = "repaired"
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Space:
    """A way to match music and emotions.

    Attributes
    ----------
    name
        Unique.
    method
        ``random``; ``regressor``, a ridge regression of what emotions are from music; ``cca``,
        linear and regularised; ``network``.
    whole
        The regressor tells all of the emotion, not its place alone.
    calibrated
        Its distances are log likelihood ratios: an emotion that is told of much music counts less.
    divisions
        ``folds``, grouped; ``random``, one split of 80 to 20 per seed, as in the paper.
    scorers
        ``corrected``, and ``reference``, that of the authors' code (D1).
    orientation
        Of the corrected scorer: ``fixed`` or ``query``, see `hevner.lab.joint.scoring`.
    network
        Settings of a network.
    """

    name: str
    method: Method
    whole: bool = False
    calibrated: bool = False
    divisions: tuple[Division, ...] = ("folds",)
    scorers: tuple[Scorer, ...] = ("corrected",)
    orientation: Literal["fixed", "query"] = "fixed"
    network: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Claim:
    """A sentence, and the spaces compared to test it."""

    claim: str
    first: str
    second: str
    scorers: tuple[Scorer, Scorer] = ("corrected", "corrected")


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; ``digest`` names its text."""

    name: str
    seeds: int
    folds: int
    leaks: Literal["refuse", "label"]
    soundfont: str
    datasets: Mapping[str, Source]
    spaces: tuple[Space, ...]
    claims: tuple[Claim, ...]
    digest: str


def read(path: Path, encoder: str = "") -> Recipe:
    """Read a recipe, with another encoder in place of its own where one is given.

    Raises
    ------
    DataError
        If the file is missing, no TOML, lacks an entry or holds one that is not known.
    """
    try:
        return _recipe(*parse(path.read_text("utf-8"), encoder))
    except OSError as error:
        raise DataError("no such recipe", subject=str(path), remedy="Check the path") from error
    except HevnerError as error:
        raise DataError(error.cause, subject=str(path), remedy=error.remedy) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the recipe is not complete ({error!r})",
            subject=str(path),
            remedy="Compare it with papers/composite_loss/at_hand.toml",
        ) from error


def _recipe(table: dict[str, Any], text: str) -> Recipe:
    _known(table, ("name", "seeds", "folds", "leaks", "soundfont", "datasets", "base", "spaces",
                   "claims"), "the recipe")  # fmt: skip
    _known(table["datasets"], NAMES, "[datasets]")
    _known([table["leaks"]], ("refuse", "label"), "leaks")
    spaces = tuple(_space(entry, table.get("base", {})) for entry in table["spaces"])
    names = [space.name for space in spaces]
    if len(set(names)) < len(names):
        raise DataError("two spaces have the same name", remedy="Give each its own")
    return Recipe(
        name=table["name"],
        seeds=table["seeds"],
        folds=table["folds"],
        leaks=table["leaks"],
        soundfont=table["soundfont"],
        datasets={name: _source(name, entry) for name, entry in table["datasets"].items()},
        spaces=spaces,
        claims=tuple(_claim(entry, spaces) for entry in table.get("claims", ())),
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _known(entries: Collection[str], known: Collection[str], where: str) -> None:
    strange = sorted(set(entries) - set(known))
    if strange:
        raise DataError(
            f"'{strange[0]}' in {where} is not known",
            remedy=f"Choose from {', '.join(sorted(known))}",
        )


def _names(cls: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(cls))


def _source(name: str, entry: dict[str, Any]) -> Source:
    where = f"dataset {name}"
    _known(entry, _names(Source), where)
    source = Source(**{**entry, **{key: tuple(entry.get(key, ())) for key in ("blocks", "shared")}})
    for key, choices in (("emotion", Kind), ("moments", Moments), ("scale", Scale),
                         ("labels", Labels)):  # fmt: skip
        _known([getattr(source, key)], get_args(choices), f"{key} of {where}")
    _known(source.shared, LINKS, f"shared of {where}")
    if bool(source.blocks) == bool(source.windows):
        raise DataError(f"{where} needs blocks or windows", remedy="Give one of the two")
    return source


def _space(entry: dict[str, Any], base: dict[str, Any]) -> Space:
    merged: dict[str, Any] = {**base, **entry}
    where = f"space {entry.get('name', '')}"
    _known(merged, _names(Space), where)
    own = {**base.get("network", {}), **entry.get("network", {})}
    _known(own, _names(Settings), f"network of {where}")
    merged["network"] = Settings(**own)
    for key in ("divisions", "scorers"):
        if key in merged:
            merged[key] = tuple(merged[key])
    space = Space(**merged)
    _known([space.method], get_args(Method), f"method of {where}")
    _known(space.divisions, get_args(Division), f"divisions of {where}")
    _known(space.scorers, get_args(Scorer), f"scorers of {where}")
    _known([space.orientation], ("fixed", "query"), f"orientation of {where}")
    return space


def _claim(entry: dict[str, Any], spaces: Collection[Space]) -> Claim:
    where = f"claim '{entry.get('claim', '')}'"
    _known(entry, _names(Claim), where)
    _known([entry["first"], entry["second"]], [space.name for space in spaces], where)
    claim = Claim(**{**entry, "scorers": tuple(entry.get("scorers", ("corrected",) * 2))})
    for name, scorer in zip((claim.first, claim.second), claim.scorers, strict=True):
        space = next(one for one in spaces if one.name == name)
        _known([scorer], space.scorers, f"scorers of {where}")
    return claim
