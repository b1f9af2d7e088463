"""Emotion models on disk and their cards: shipped, registered by the user, and in a folder.

Conventions
-----------
The standard library only: models are looked over without loading one. A model is a card,
``NAME.json``, with its weights beside it, ``NAME.npz`` or ``NAME.onnx``. Fields of a card that are
read here; all but the first two may be missing, and then nothing is assumed:

``name``, ``version``
    Text.
``classes``
    Names of the classes of the head of that name.
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

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.defaults import DEFAULT_MODEL, explanation_of
from hevner.encoders.weights.record import home
from hevner.errors import ModelError
from hevner.files import cannot_write, display_name, expanded, replace_file
from hevner.heads import BY_NAME
from hevner.text_file import read_json

WEIGHTS = (".npz", ".onnx")
"""Endings of files with weights."""

NAME = re.compile(r"\w[\w.-]{0,99}")
"""Names under which a model can be registered, version included."""


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
    def graph(self) -> Path:
        """The file that `hevner.Analyzer` takes, which models of other kinds lack."""
        return self.path.with_suffix(".onnx")

    @property
    def default(self) -> bool:
        """Whether it is the model that `hevner.analyze` uses."""
        return DEFAULT_MODEL in self.weights

    @property
    def own(self) -> bool:
        """Whether the user has registered it."""
        return self.path.parent != DEFAULT_MODEL.parent and self in registered()[0]

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
            "own": self.own,
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


def folder() -> Path:
    """Where registered models lie, which may not exist; a ModelError if there is no home."""
    return home() / "models"


def registered() -> tuple[list[Entry], list[ModelError]]:
    """The models that the user has registered, and the errors of cards that are damaged."""
    try:
        return in_folder(folder())
    except ModelError:  # there is no such folder yet, or no home
        return [], []


def is_file(name: str | Path) -> bool:
    """Whether a model is named by one of its files."""
    return isinstance(name, Path) or Path(name).suffix in (".json", *WEIGHTS)


def find(name: str | Path) -> Entry:
    """Read a model by its name or path.

    Parameters
    ----------
    name
        Name of a model that is shipped or registered, with or without version, or the path of a
        card or its weights.

    Raises
    ------
    ModelError
        If there is none, it is damaged, or several versions have that name.
    """
    if is_file(name):
        return read(expanded(name).with_suffix(".json"))
    own, problems = registered()
    known = [*shipped(), *own]
    for entry in known:
        if name == entry.name:
            return entry
    found = [entry for entry in known if name == entry.card["name"]]
    if len(found) == 1:
        return found[0]
    if problems and not found:
        raise problems[0]
    names = ", ".join(entry.name for entry in found or known)
    cause = f"there are several models {name!r}" if found else f"there is no model {name!r}"
    raise ModelError(
        cause,
        remedy=f"Choose one of {names}, or give the path of a card, which ends in .json",
        code="ambiguous_model" if found else "unknown_model",
    )


def path_of(model: str | Path | None) -> Path:
    """The graph of a model that analyses music.

    Parameters
    ----------
    model
        A name or path as for `find`; the default model if None or empty.

    Raises
    ------
    ModelError
        If no model has that name, it is one of another kind, or its card cannot be read. What the
        graph holds is not looked at.
    """
    if not model:
        return DEFAULT_MODEL
    if is_file(model) and not (graph := expanded(model).with_suffix(".onnx")).is_file():
        raise ModelError(
            "there is no such model",
            subject=display_name(graph),
            remedy="Give the path of its graph, or a name that 'hevner models list' has",
            code="unreadable",
        )
    entry = find(model)
    if entry.graph not in entry.weights:
        raise ModelError(
            f"{entry.name} is no model that analyses music: it has no graph, {entry.graph.name}",
            remedy="'hevner models list' has those that predict valence and arousal",
            code="other_kind",
        )
    return entry.graph


def add(source: Path, name: str = "") -> Entry:
    """Register a model: copy graph, card, text and explanation into the user's folder.

    Parameters
    ----------
    source
        Its graph, or its card beside that.
    name
        Name to register it under; that of the card if empty.

    Raises
    ------
    ModelError
        If it is damaged, no model that analyses music, of other features, or another model of that
        name and version is known.
    OutputError
        If it cannot be written.
    """
    from hevner.model import predict

    graph = expanded(source).with_suffix(".onnx")
    card = predict.load(graph).card | ({"name": name} if name else {})
    entry = Entry(graph.with_suffix(".json"), card, (graph,))
    if problem := _problem(card):
        raise _not_a_card(entry.path, problem)
    if not NAME.fullmatch(entry.name):
        raise ModelError(
            f"{entry.name!r} cannot be the name of a model",
            remedy="Choose another with --name, of letters, digits, '-', '_' and '.'",
            code="bad_name",
        )
    taken = [known.name for known in shipped() if known.card["name"] == card["name"]]
    remedy = "Choose another with --name"
    for known in registered()[0]:
        if known.name == entry.name and known.card != card:
            taken.append(known.name)
            remedy += f", or run 'hevner models remove {known.name}' first"
    if taken:
        raise ModelError(
            f"the name is that of another model, {taken[0]}",
            subject=display_name(graph),
            remedy=remedy,
            code="name_taken",
        )
    target = folder() / f"{entry.name}.onnx"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for one, other in zip(_more_files(graph), _more_files(target), strict=True):
            if one.is_file():
                replace_file(other, one.read_bytes())
        replace_file(target, graph.read_bytes())
        replace_file(target.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())
    except OSError as error:
        raise cannot_write(target, error) from error
    return read(target.with_suffix(".json"))


def remove(entry: Entry) -> int:
    """Remove a registered model; return the bytes of its weights.

    Raises
    ------
    ModelError
        If it is not one that the user has registered.
    OutputError
        If it cannot be removed.
    """
    if not entry.own:
        raise ModelError(
            f"{entry.name} was not added by 'hevner models add'",
            subject=display_name(entry.path),
            remedy="'hevner models list' marks those that were",
            code="not_registered",
        )
    size = entry.size
    try:
        for path in (entry.path, entry.graph, *_more_files(entry.graph)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(entry.path, error) from error
    return size


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
        raise _not_a_card(path, problem)
    weights = _weights(path)
    if not weights:
        raise ModelError(
            "there are no weights beside the card",
            subject=display_name(path),
            remedy=f"Put {' or '.join(path.stem + ending for ending in WEIGHTS)} beside it",
            code="weights_missing",
        )
    return Entry(path, card, weights)


def _more_files(graph: Path) -> tuple[Path, ...]:
    """What may lie beside a graph and its card: a text, an explanation, its training music."""
    explanation, music = explanation_of(graph), graph.with_name(f"{graph.stem}.music.npz")
    return graph.with_suffix(".md"), explanation, explanation.with_suffix(".json"), music


def _not_a_card(path: Path, problem: str) -> ModelError:
    return ModelError(
        f"this is no card of an emotion model: {problem}",
        subject=display_name(path),
        code="not_a_card",
    )


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
