"""Experiments with the unified model as a TOML file: a ladder of rows that differ in little.

Entries
-------
``name``
    Of the experiment.
``seeds``, ``folds``
    Runs of everything random; parts of a cross-validation.
``leaks``
    ``refuse`` stops at a leak, ``label`` says so in the table.
``soundfont``
    The rendering that is taken of MIDI files.
``encoder``
    What the word stands for below, `hevner.lab.data.recipe_encoder`; may be left out.
``[datasets.NAME]``
    ``labels`` (``repaired`` or ``as_published``), ``split`` (name of a stored split; for the
    protocol ``split``), ``ids`` and ``shared`` as in `hevner.lab.study.recipe`.
``[heads.NAME]``
    ``kind`` (`hevner.lab.unified.networks.Head`); ``source``, where labels come from: ``emotion``,
    ``quadrants``, ``gems``, ``tags`` (of MTG-Jamendo), ``axes`` (what is known of valence and
    arousal, `hevner.lab.data.labels.labels_of`), or a block of a teacher's probabilities in the
    store; ``datasets``; ``scale`` of valence and arousal: ``unit``, ``1..9``, or ``standard``,
    units of the training rows of each dataset.
``[base]``
    What all rows have, unless they say otherwise; the attributes of `Row`. Entries of ``network``
    and ``training`` are taken over one by one.
``[[rows]]``
    ``name``, and what is other than in the base.
``[[claims]]``
    ``claim``, a sentence; ``first`` and ``second``, rows that are compared in pairs; ``protocols``
    unless all are meant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

from hevner.datasets import NAMES, Labels
from hevner.datasets.leaks import LINKS
from hevner.errors import DataError, HevnerError
from hevner.lab.data.recipe_encoder import parse
from hevner.lab.unified.settings import Settings

FOLDS, SPLIT, LEFT_OUT = "folds", "split", "leave-one-dataset-out"
PROTOCOLS = (FOLDS, SPLIT, LEFT_OUT)
"""Grouped folds of all datasets together; stored splits; each dataset after training on others."""

LABELLED = ("emotion", "quadrants", "gems", "tags", "axes")
"""Sources of labels that are no teachers."""

Kind = Literal["gaussian", "values", "tags", "shares", "classes"]
Scale = Literal["unit", "standard", "1..9"]
Variant = Literal["as_published", "repaired"]

_KINDS: dict[str, tuple[Kind, ...]] = {
    "emotion": ("gaussian", "values"),
    "axes": ("gaussian", "values"),
    "quadrants": ("classes",),
    "gems": ("shares",),
    "tags": ("tags",),
}


@dataclass(frozen=True)
class Source:
    """How a dataset takes part; see the module."""

    labels: Labels = "repaired"
    split: str = ""
    ids: tuple[int, int] | None = None
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeadRecipe:
    """What a head learns; see the module."""

    name: str
    kind: Kind
    source: str
    datasets: tuple[str, ...]
    scale: Scale = "unit"


@dataclass(frozen=True)
class Shape:
    """Sizes and parts of the repaired network, `networks.UnifiedRepaired`."""

    width: int = 128
    hidden: int = 64
    dropout: float = 0.3
    linear: bool = True


@dataclass(frozen=True)
class Row:
    """One rung of the ladder.

    Attributes
    ----------
    name
        Unique.
    variant
        Network and inputs as published (raw embedding) or repaired (standardised by the training
        rows, every block with the same total variance).
    blocks
        Embeddings, names of `hevner.lab.data.representations`.
    datasets, heads
        Trained on, and told.
    chords, key
        Whether they are heard; the published network hears none in their place.
    chord_limit
        Chords of a piece that are read, from its start.
    apart
        A network for each dataset, with the heads of that dataset, in place of one for all.
    teachers
        Another row, with ``apart``, whose networks teach this one; empty for none.
    values
        Tell valence and arousal without their uncertainty, as the published network does.
    held_out
        Share of the training rows, in whole groups, that training stops by; 0 to stop at the
        number of steps. A split that has a validation part is followed instead.
    steps, patience_steps
        Steps of training at most, and without gain, in whole epochs; 0 leaves that to
        ``training``.
    protocols
        Of `PROTOCOLS`.
    network
        Of the repaired variant.
    training
        Settings but for the seed.
    """

    name: str
    variant: Variant
    blocks: tuple[str, ...]
    datasets: tuple[str, ...]
    heads: tuple[str, ...]
    protocols: tuple[str, ...]
    chords: bool = True
    key: bool = True
    chord_limit: int = 100
    apart: bool = False
    teachers: str = ""
    values: bool = False
    held_out: float = 0.125
    steps: int = 0
    patience_steps: int = 0
    network: Shape = field(default_factory=Shape)
    training: Settings = field(default_factory=Settings)


@dataclass(frozen=True)
class Claim:
    """A sentence, and the rows compared to test it."""

    claim: str
    first: str
    second: str
    protocols: tuple[str, ...] = PROTOCOLS


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe; ``digest`` names its text."""

    name: str
    seeds: int
    folds: int
    leaks: Literal["refuse", "label"]
    soundfont: str
    datasets: Mapping[str, Source]
    heads: Mapping[str, HeadRecipe]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]
    digest: str
    text: str

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block that a row hears."""
        return tuple(dict.fromkeys(block for row in self.rows for block in row.blocks))

    def row(self, name: str) -> Row:
        """The row of a name.

        Raises
        ------
        DataError
            If there is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise DataError(
            f"no row '{name}'", remedy=f"Choose from {', '.join(row.name for row in self.rows)}"
        )


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
            remedy="Compare it with papers/unified/at_hand.toml",
        ) from error


def _recipe(table: dict[str, Any], text: str) -> Recipe:
    _known(table, ("name", "seeds", "folds", "leaks", "soundfont", "datasets", "heads", "base",
                   "rows", "claims"), "the recipe")  # fmt: skip
    _known(table["datasets"], NAMES, "[datasets]")
    _known([table["leaks"]], ("refuse", "label"), "leaks")
    heads = {name: _head(name, entry, table) for name, entry in table["heads"].items()}
    rows = tuple(_row(entry, table, heads) for entry in table["rows"])
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise DataError("two rows have the same name", remedy="Give each its own")
    for row in rows:
        _check_teachers(row, rows)
    claims = tuple(_claim(entry, names) for entry in table.get("claims", ()))
    return Recipe(
        name=table["name"],
        seeds=table["seeds"],
        folds=table["folds"],
        leaks=table["leaks"],
        soundfont=table["soundfont"],
        datasets={name: _source(name, entry) for name, entry in table["datasets"].items()},
        heads=heads,
        rows=rows,
        claims=claims,
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
        text=text,
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
    _known(entry, _names(Source), f"dataset {name}")
    _known(entry.get("shared", ()), LINKS, f"shared of {name}")
    _known([entry.get("labels", "repaired")], get_args(Labels), f"labels of {name}")
    ids = entry.get("ids")
    return Source(
        labels=entry.get("labels", "repaired"),
        split=entry.get("split", ""),
        ids=None if ids is None else (ids[0], ids[1]),
        shared=tuple(entry.get("shared", ())),
    )


def _head(name: str, entry: dict[str, Any], table: dict[str, Any]) -> HeadRecipe:
    where = f"head {name}"
    _known(entry, set(_names(HeadRecipe)) - {"name"}, where)
    _known(entry["datasets"], table["datasets"], f"datasets of {where}")
    _known([entry["kind"]], _KINDS.get(entry["source"], ("tags", "shares")), f"kind of {where}")
    scale = entry.get("scale", "unit")
    _known([scale], get_args(Scale), f"scale of {where}")
    datasets = tuple(entry["datasets"])
    return HeadRecipe(name, entry["kind"], entry["source"], datasets, scale)


def _row(entry: dict[str, Any], table: dict[str, Any], heads: Mapping[str, HeadRecipe]) -> Row:
    merged: dict[str, Any] = {**table["base"], **entry}
    where = f"row {entry.get('name', '')}"
    _known(merged, _names(Row), where)
    for part, cls in (("network", Shape), ("training", Settings)):
        own = {**table["base"].get(part, {}), **entry.get(part, {})}
        _known(own, set(_names(cls)) - {"seed"}, f"{part} of {where}")
        merged[part] = cls(**own)
    for key in ("blocks", "datasets", "heads", "protocols"):
        merged[key] = tuple(merged[key])
    _known(merged["datasets"], table["datasets"], f"datasets of {where}")
    _known(merged["heads"], heads, f"heads of {where}")
    _known(merged["protocols"], PROTOCOLS, f"protocols of {where}")
    _known([merged["variant"]], get_args(Variant), f"variant of {where}")
    if not 0 <= merged.get("held_out", 0.125) <= 0.5:
        raise DataError(f"held_out of {where} is not in [0, 0.5]", remedy="Give such a share")
    return Row(**merged)


def _check_teachers(row: Row, rows: Collection[Row]) -> None:
    """Teachers are networks apart, of the same datasets, and are used if they are named."""
    if bool(row.teachers) != (row.training.distillation != "none"):
        raise DataError(
            f"row {row.name} has teachers without distillation, or the reverse",
            remedy="Give both 'teachers' and 'distillation' in its training, or neither",
        )
    if not row.teachers:
        return
    found = next((one for one in rows if one.name == row.teachers), None)
    if found is None or not found.apart or not set(row.datasets) <= set(found.datasets):
        raise DataError(
            f"the teachers of row {row.name} are no networks apart for its datasets",
            remedy="Name a row with 'apart = true' and the same datasets",
        )
    if found.variant != row.variant or not set(row.protocols) <= set(found.protocols):
        raise DataError(
            f"the teachers of row {row.name} have another variant or fewer protocols",
            remedy="Give both rows the same",
        )


def _claim(entry: dict[str, Any], names: Collection[str]) -> Claim:
    _known(entry, _names(Claim), "[[claims]]")
    _known([entry["first"], entry["second"]], names, f"claim '{entry['claim']}'")
    protocols = tuple(entry.get("protocols", PROTOCOLS))
    _known(protocols, PROTOCOLS, f"protocols of claim '{entry['claim']}'")
    return Claim(entry["claim"], entry["first"], entry["second"], cast(Any, protocols))
