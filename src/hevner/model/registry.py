"""Emotion models on disk and their cards: those that come with hevner, and those in a folder.

Conventions
-----------
The standard library only: models are looked over without loading one. A model is a card,
``NAME.json``, with its weights beside it, ``NAME.npz`` or ``NAME.onnx``. Fields of a card that are
read here; all but the first two may be missing, and then nothing is assumed:

``name``, ``version``
    Text.
``heads``
    What the model predicts: names such as ``emotion`` and ``tags``, or objects with a ``name``.
``data``
    Training data: objects with ``name`` and ``licence``.
``licence``
    Terms of the weights.
``commercial_use``
    Whether they permit commercial use.
``scores``
    See `hevner.model.scores`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.defaults import DEFAULT_MODEL
from hevner.errors import ModelError
from hevner.files import display_name
from hevner.heads import BY_NAME
from hevner.text_file import read_json

WEIGHTS = (".npz", ".onnx")
"""Endings of files with weights."""


@dataclass(frozen=True)
class Entry:
    """A model, as its card describes it.

    Attributes
    ----------
    path
        The card.
    card
        Its content; `read` has checked the fields that are used here.
    weights
        The files beside it.
    """

    path: Path
    card: dict[str, Any]
    weights: tuple[Path, ...]

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card['name']}-{self.card['version']}"

    @property
    def default(self) -> bool:
        """Whether it is the model that `hevner.analyze` uses."""
        return DEFAULT_MODEL in self.weights

    @property
    def size(self) -> int:
        """Bytes of weights."""
        return sum(path.stat().st_size for path in self.weights)

    @property
    def predicts(self) -> tuple[str, ...]:
        """What it predicts; empty if that is not stated."""
        names = map(_name, self.card.get("heads", []))
        return tuple(BY_NAME[name].label if name in BY_NAME else name for name in names)

    @property
    def trained_on(self) -> dict[str, str | None]:
        """Licence of each dataset by name, None where it is not stated."""
        return {one["name"]: one.get("licence") for one in self.card.get("data", [])}

    @property
    def commercial_use(self) -> bool | None:
        """Whether commercial use is permitted, None if that is not stated."""
        return self.card.get("commercial_use")

    def facts(self) -> dict[str, Any]:
        """Its entry in a list of models, as JSON values."""
        return {
            "name": self.name,
            "default": self.default,
            "predicts": list(self.predicts),
            "trained_on": list(self.trained_on),
            "licences": {
                # Every model runs on hevner's own code.
                "code": "MIT",
                "weights": self.card.get("licence"),
                "data": self.trained_on,
            },
            "commercial_use": self.commercial_use,
            "bytes": self.size,
            "path": display_name(self.path),
        }


def shipped() -> list[Entry]:
    """The models that come with hevner; a ModelError if one is damaged."""
    return [read(path) for path in _cards(DEFAULT_MODEL.parent)]


def in_folder(folder: Path) -> tuple[list[Entry], list[ModelError]]:
    """The models in a folder, without its sub-folders, and the errors of cards that are damaged.

    Raises
    ------
    ModelError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise ModelError(
            "there is no such folder", subject=display_name(folder), code="folder_missing"
        )
    entries: list[Entry] = []
    problems: list[ModelError] = []
    for path in _cards(folder):
        try:
            entries.append(read(path))
        except ModelError as error:
            problems.append(error)
    return entries, problems


def find(name: str) -> Entry:
    """Read a model by its name or path.

    Parameters
    ----------
    name
        A shipped model's name, with or without version, or the path of a card or its weights.

    Raises
    ------
    ModelError
        If there is none, or it is damaged.
    """
    path = Path(name)
    if path.suffix in (".json", *WEIGHTS):
        return read(path.with_suffix(".json"))
    known = shipped()
    for entry in known:
        if name in (entry.name, entry.card["name"]):
            return entry
    raise ModelError(
        f"there is no model {name!r}",
        remedy=f"Choose one of {', '.join(entry.name for entry in known)}, or give the path of a "
        "card, which ends in .json",
        code="unknown_model",
    )


def read(path: Path) -> Entry:
    """Read a card.

    Raises
    ------
    ModelError
        If it is missing, damaged or alone, or not the card of an emotion model.
    """
    try:
        card = read_json(path)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"the card cannot be read ({error})", subject=display_name(path), code="unreadable"
        ) from error
    if problem := _problem(card):
        raise ModelError(
            f"this is no card of an emotion model: {problem}",
            subject=display_name(path),
            code="not_a_card",
        )
    weights = _weights(path)
    if not weights:
        raise ModelError(
            "there are no weights beside the card",
            subject=display_name(path),
            remedy=f"Put {' or '.join(path.stem + ending for ending in WEIGHTS)} beside it",
            code="weights_missing",
        )
    return Entry(path, card, weights)


def _cards(folder: Path) -> list[Path]:
    """Cards of models in a folder; the explanation of a model is none."""
    found = (path for path in sorted(folder.glob("*.json")) if _weights(path))
    return [path for path in found if not path.stem.endswith(".explanation")]


def _weights(card: Path) -> tuple[Path, ...]:
    beside = (card.with_suffix(ending) for ending in WEIGHTS)
    return tuple(path for path in beside if path.is_file())


def _problem(card: object) -> str:
    """The first fault in the fields of a card; empty if there is none."""
    if not isinstance(card, dict):
        return "it is not an object"
    for field in ("name", "version"):
        if not isinstance(card.get(field), str):
            return f"'{field}' is not a text"
    if not isinstance(card.get("licence", ""), str):
        return "'licence' is not a text"
    if not isinstance(card.get("commercial_use", False), bool):
        return "'commercial_use' is neither true nor false"
    for field in ("data", "heads"):
        listed = card.get(field, [])
        if not isinstance(listed, list) or not all(isinstance(_name(one), str) for one in listed):
            return f"'{field}' is not a list of things with names"
    return ""


def _name(one: Any) -> Any:
    return one.get("name") if isinstance(one, dict) else one
