"""The encoder of a recipe, named once, and the commands that make its vectors.

Conventions
-----------
A recipe may have the entry ``encoder``, the name of an encoder (`hevner.encoders.available`, with
states or without) or of `IMPORTED`. Everywhere else in the recipe the word *encoder* stands for it,
as a name or as a part of one: ``blocks = ["encoder", "chroma72"]``, ``"encoder+chroma"``. So a
recipe runs on any encoder.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from hevner import datasets, encoders
from hevner.encoders import weights
from hevner.errors import DataError, ModelError
from hevner.lab.data.extraction import DEFAULT
from hevner.lab.data.representations import PLACES
from hevner.lab.recipe_types import RecipeError, check_names

WORD = "encoder"

IMPORTED = ("vggish",)
"""Encoders of papers that hevner does not run; their vectors are imported."""


def substitute(table: dict[str, Any], text: str, encoder: str = "") -> tuple[dict[str, Any], str]:
    """Write the name of the encoder wherever a recipe has the word *encoder*.

    Takes and returns the recipe as entries and as TOML; ``encoder`` replaces the one that it names.
    Raises `RecipeError` if there is no such encoder, or one is given for a recipe without the
    entry.
    """
    if encoder:
        if WORD not in table:
            raise RecipeError(
                "missing_key", (WORD,), "is missing, so there is no encoder to replace",
                'Give the recipe one, such as encoder = "mert-v1-95m", and write "encoder" in its '
                "lists of blocks",
            )  # fmt: skip
        entry = f'{WORD} = "{encoder}"'
        text = re.sub(rf"(?m)^{WORD}\s*=.*$", lambda _: entry, text, count=1)
    name = encoder or table.get(WORD)
    rest = {key: value for key, value in table.items() if key != WORD}
    if not isinstance(name, str) or not name:
        return table, text  # a wrong type is refused with all others
    _check(name)
    return {WORD: name, **_replace(rest, name)}, text


def missing(
    error: DataError, block: str, dataset: str, data: Path, store: Path, soundfont: str
) -> str:
    """What is said of vectors that are not stored: why, and the command that makes them.

    ``error`` is that of the store; ``data`` and ``store`` are the folders of the dataset and the
    store.
    """
    subject = f" ({error.subject})" if error.subject else ""
    remedy = _remedy(block, dataset, data, store, soundfont)
    return f"{error.cause}{subject}; {remedy}"


def _check(name: str) -> None:
    plain = name.partition("+")[0]
    if plain not in encoders.available():
        check_names((WORD,), (name,), {*encoders.available(), *PLACES, *IMPORTED})
        return
    try:
        encoders.card(name)
    except ModelError as error:
        raise RecipeError(
            "unknown_name", (WORD,), f"is {name!r}: {error.cause}", error.remedy
        ) from error


def _replace(value: Any, name: str) -> Any:
    """Put the encoder's name in place of the word, in keys too."""
    if isinstance(value, str):
        return "+".join(name if part == WORD else part for part in value.split("+"))
    if isinstance(value, list):
        return [_replace(one, name) for one in value]
    if isinstance(value, dict):
        return {_replace(key, name): _replace(one, name) for key, one in value.items()}
    return value


def _remedy(block: str, dataset: str, data: Path, store: Path, soundfont: str) -> str:
    plain = block.partition("+")[0]
    where = ["--dataset", dataset, "--data", str(data), "--store", str(store)]
    if block not in PLACES and plain not in encoders.available():
        where = [str(store), "--dataset", dataset, "--encoder", block, "--version", "VERSION",
                 "--file", "FILE"]  # fmt: skip
        return f"import them with '{shlex.join(['hevner', 'features', 'import', *where])}'"
    if datasets.card(dataset).media == "MIDI":
        where += ["--soundfont", soundfont]
    where += ["--encoder", DEFAULT if block in PLACES else block]
    command = f"make them with '{shlex.join(['hevner', 'extract', *where])}'"
    if not encoders.is_large(plain):
        return command
    try:
        weights.find(plain)
    except ModelError:
        add = weights.command(encoders.card(plain))
        return f"add the weights of {plain} first, with '{add}', and then {command}"
    return f"{command} (its weights are there)"
