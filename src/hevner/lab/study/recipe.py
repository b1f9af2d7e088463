"""A study as a TOML file.

Entries
-------
``name``
    Of the study.
``seeds``, ``folds``
    Runs of everything random; parts of a cross-validation.
``leaks``
    ``refuse`` leaves a cell with a leak without scores, ``label`` scores it and says so.
``soundfont``
    The rendering that is taken of MIDI files.
``encoder``
    What the word stands for below, `hevner.lab.data.recipe_encoder`; may be left out.
``[datasets.NAME]``
    ``ids`` may give the first and the last id to take; ``shared`` kinds of link
    (`hevner.datasets.leaks.LINKS`) that do not hold tracks apart, such as the pianists of WTC.
``[representations]``
    Name to a list of blocks (`hevner.lab.data.representations`).
``[models.NAME]``
    Parameters of `hevner.lab.regression.fusion.FusionRegressor` and of
    `hevner.lab.regression.adaptation.Switches`, or ``mean_of``, names of models to be averaged.
``[[protocols]]``
    ``name``, one of `PROTOCOLS`; ``datasets``, ``representations``, ``models`` and ``seeds`` unless
    all are meant. For ``split`` and ``inside-split`` also ``split``, the name of a stored one; for
    ``matrix`` and ``combinations`` also ``unseen``, datasets that are tested only.
``[[claims]]``
    ``claim``, a sentence; ``first`` and ``second``, what is compared (`hevner.lab.study.
    claims`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from hevner.datasets import NAMES
from hevner.datasets.leaks import LINKS
from hevner.errors import DataError, HevnerError
from hevner.lab.data.recipe_encoder import parse
from hevner.lab.regression.adaptation import Switches
from hevner.lab.regression.fusion import FusionRegressor

PROTOCOLS = (
    "in-domain",
    "matrix",
    "leave-one-dataset-out",
    "combinations",
    "leave-one-genre-out",
    "split",
    "inside-split",
)

_SWITCHES = frozenset(one.name for one in fields(Switches))
_PARAMETERS = frozenset(FusionRegressor().get_params()) - {"seed"}


@dataclass(frozen=True)
class Source:
    """How a dataset takes part; see the module."""

    ids: tuple[int, int] | None = None
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """A model of a study; see the module."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    switches: Switches = field(default_factory=Switches)
    mean_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Protocol:
    """One protocol with what it is run for."""

    name: str
    datasets: tuple[str, ...]
    representations: tuple[str, ...]
    models: tuple[str, ...]
    seeds: int
    split: str = ""
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A sentence, and what is compared to test it."""

    claim: str
    first: Mapping[str, Any]
    second: Mapping[str, Any]


@dataclass(frozen=True)
class Study:
    """A parsed recipe; ``digest`` names its text."""

    name: str
    folds: int
    leaks: Literal["refuse", "label"]
    soundfont: str
    datasets: Mapping[str, Source]
    representations: Mapping[str, tuple[str, ...]]
    models: Mapping[str, Model]
    protocols: tuple[Protocol, ...]
    claims: tuple[Claim, ...]
    digest: str

    @property
    def blocks(self) -> tuple[str, ...]:
        """Every block that a representation has."""
        return tuple(dict.fromkeys(b for blocks in self.representations.values() for b in blocks))


def read(path: Path, encoder: str = "") -> Study:
    """Read a recipe, with another encoder in place of its own where one is given.

    Raises
    ------
    DataError
        If the file is missing, no TOML, lacks an entry or holds one that is not known.
    """
    try:
        table, text = parse(path.read_text("utf-8"), encoder)
        return _study(table, hashlib.sha256(text.encode()).hexdigest()[:16])
    except OSError as error:
        raise DataError("no such recipe", subject=str(path), remedy="Check the path") from error
    except HevnerError as error:
        raise DataError(error.cause, subject=str(path), remedy=error.remedy) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the recipe is not complete ({error!r})",
            subject=str(path),
            remedy="Compare it with papers/distribution_gap/at_hand.toml",
        ) from error


def _study(table: dict[str, Any], digest: str) -> Study:
    _known(table, ("name", "seeds", "folds", "leaks", "soundfont", "datasets", "representations",
                   "models", "protocols", "claims"), "the recipe")  # fmt: skip
    _known(table["datasets"], NAMES, "[datasets]")
    models = {name: _model(name, entry) for name, entry in table["models"].items()}
    for name, model in models.items():
        _known(dict.fromkeys(model.mean_of), models, f"mean_of of {name}")
    study = Study(
        name=table["name"],
        folds=table["folds"],
        leaks=table["leaks"],
        soundfont=table["soundfont"],
        datasets={name: _source(name, entry) for name, entry in table["datasets"].items()},
        representations={name: tuple(blocks) for name, blocks in table["representations"].items()},
        models=models,
        protocols=tuple(_protocol(entry, table) for entry in table["protocols"]),
        claims=tuple(Claim(**entry) for entry in table.get("claims", ())),
        digest=digest,
    )
    _known({study.leaks: None}, ("refuse", "label"), "leaks")
    return study


def _known(entries: Mapping[str, Any], known: Any, where: str) -> None:
    strange = sorted(set(entries) - set(known))
    if strange:
        raise DataError(
            f"'{strange[0]}' in {where} is not known",
            remedy=f"Choose from {', '.join(sorted(known))}",
        )


def _source(name: str, entry: dict[str, Any]) -> Source:
    _known(entry, ("ids", "shared"), f"dataset {name}")
    shared = tuple(entry.get("shared", ()))
    _known(dict.fromkeys(shared), LINKS, f"shared of {name}")
    first_last = entry.get("ids")
    return Source(None if first_last is None else (first_last[0], first_last[1]), shared)


def _model(name: str, entry: dict[str, Any]) -> Model:
    _known(entry, _SWITCHES | _PARAMETERS | {"mean_of"}, f"model {name}")
    if "mean_of" in entry:
        _known(entry, ("mean_of",), f"model {name}, which is a mean")
        return Model(mean_of=tuple(entry["mean_of"]))
    parameters = {key: value for key, value in entry.items() if key in _PARAMETERS}
    if "search" in parameters:
        parameters["search"] = tuple(parameters["search"])
    return Model(parameters, Switches(**{k: v for k, v in entry.items() if k in _SWITCHES}))


def _protocol(entry: dict[str, Any], table: dict[str, Any]) -> Protocol:
    names = ("datasets", "representations", "models")
    _known(entry, (*names, "name", "seeds", "split", "unseen"), "[[protocols]]")
    _known({entry["name"]: None}, PROTOCOLS, "[[protocols]]")
    chosen = {}
    for what in names:
        chosen[what] = tuple(entry.get(what, table[what]))
        _known(dict.fromkeys(chosen[what]), table[what], f"{what} of {entry['name']}")
    _known(dict.fromkeys(entry.get("unseen", ())), table["datasets"], f"unseen of {entry['name']}")
    if entry["name"].endswith("split") and (len(chosen["datasets"]) != 1 or "split" not in entry):
        raise DataError(
            f"{entry['name']} needs a split of one dataset", remedy="Give datasets and split"
        )
    return Protocol(
        entry["name"], seeds=entry.get("seeds", table["seeds"]), split=entry.get("split", ""),
        unseen=tuple(entry.get("unseen", ())), **chosen,
    )  # fmt: skip
