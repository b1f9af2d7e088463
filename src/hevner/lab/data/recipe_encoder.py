"""The encoder of a recipe, named once, and what to do where its vectors are missing.

Conventions
-----------
A recipe may have the entry ``encoder``, the name of an encoder (`hevner.encoders.available`, with
states or without) or of `ELSEWHERE`. Elsewhere in the recipe the word *encoder* stands for it, as
a name or as a part of one: ``blocks = ["encoder", "chroma72"]``, ``"encoder+chroma"``. So a
recipe runs on any encoder.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from hevner import datasets, encoders
from hevner.encoders import weights
from hevner.errors import DataError, ModelError
from hevner.lab.data.extraction import DEFAULT
from hevner.lab.data.representations import PLACES

WORD = "encoder"

ELSEWHERE = ("vggish",)
"""Encoders of papers that hevner does not run; their vectors are imported."""


def parse(text: str, encoder: str = "") -> tuple[dict[str, Any], str]:
    """Read the text of a recipe and put its encoder in the place of the word.

    Parameters
    ----------
    text
        TOML.
    encoder
        Taken in place of the recipe's own; empty for that.

    Returns
    -------
    dict
        The recipe, without the entry ``encoder``.
    str
        Its text, with the encoder that was taken.

    Raises
    ------
    DataError
        If there is no such encoder, or another one is wanted of a recipe without the entry.
    ValueError
        If the text is no TOML.
    """
    table = tomllib.loads(text)
    if encoder:
        if WORD not in table:
            raise DataError(
                "the recipe has no entry 'encoder' that could be another one",
                remedy='Give it one, such as encoder = "mert-v1-95m", and write "encoder" in its '
                "lists of blocks",
            )
        entry = f'{WORD} = "{encoder}"'
        text = re.sub(rf"(?m)^{WORD}\s*=.*$", lambda _: entry, text, count=1)
    name = encoder or table.pop(WORD, "")
    table.pop(WORD, None)
    if name:
        _check(name)
        table = _replace(table, name)
    return table, text


def missing(
    error: DataError, block: str, dataset: str, data: Path, store: Path, soundfont: str
) -> str:
    """A line on vectors that are not stored, and on how to get them.

    Parameters
    ----------
    error
        What the store said.
    block
        Name of the vectors.
    dataset, data
        What they are of, and its own folder.
    store
        Where they would be.
    soundfont
        The rendering that is taken of MIDI files.
    """
    subject = f" ({error.subject})" if error.subject else ""
    remedy = _remedy(block, dataset, data, store, soundfont)
    return f"{dataset}, features {block}: {error.cause}{subject}; {remedy}"


def _check(name: str) -> None:
    plain = name.partition("+")[0]
    if plain in encoders.available():
        encoders.card(name)  # has it such states?
    elif name not in PLACES and name not in ELSEWHERE:
        choices = sorted({*encoders.available(), *PLACES, *ELSEWHERE})
        raise DataError(f"there is no encoder '{name}'", remedy=f"Choose from {', '.join(choices)}")


def _replace(value: Any, name: str) -> Any:
    """The same with the encoder's name for the word, in keys too."""
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
    if plain not in encoders.LARGE:
        return command
    try:
        weights.find(plain)
    except ModelError:
        add = weights.command(encoders.card(plain))
        return f"add the weights of {plain} first, with '{add}', and then {command}"
    return f"{command} (its weights are there)"
