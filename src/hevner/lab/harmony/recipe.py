"""The recipe of the harmony network: everything that decides its weights and their measurement."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from hevner.errors import DataError


@dataclass(frozen=True)
class Recipe:
    """What decides the weights.

    Attributes
    ----------
    name
        Name of the network.
    seed
        Fixes the examples and the order of training.
    examples, plain_examples
        Number of rendered pieces, with other instruments and disturbances or as plain piano.
    steps, batch, crop_frames
        Training steps, examples per step, frames of each example.
    learning_rate, weight_decay, label_smoothing
        Settings of the optimiser and of the losses.
    features, channels, key_features, key_hidden
        Sizes of the layers.
    key_weight, tone_weight
        Weights of the losses for keys and for chord tones; that for chords has weight 1.
    songs
        Number of songs that the evaluation renders.
    """

    name: str = "harmony"
    seed: int = 1
    examples: int = 900
    plain_examples: int = 100
    steps: int = 2500
    batch: int = 10
    crop_frames: int = 220
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    features: int = 8
    channels: int = 28
    key_features: int = 10
    key_hidden: int = 32
    label_smoothing: float = 0.03
    key_weight: float = 0.6
    tone_weight: float = 0.5
    songs: int = 32


def read(path: Path) -> Recipe:
    """Read a recipe.

    Raises
    ------
    DataError
        If the file cannot be read (codes ``file_missing``, ``not_toml``), or an entry is unknown
        or of another type (codes ``unknown_key``, ``wrong_type``).
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise DataError(
            f"the recipe cannot be read ({error.strerror})",
            subject=str(path),
            remedy="Check the path",
            code="file_missing",
        ) from error
    except ValueError as error:
        raise DataError(
            f"the recipe is no TOML ({error})", subject=str(path), code="not_toml"
        ) from error
    known = {field.name: type(field.default) for field in fields(Recipe)}
    for key, value in table.items():
        if key not in known:
            raise DataError(
                f"unknown key '{key}'",
                subject=str(path),
                remedy=f"Choose from {', '.join(known)}",
                code="unknown_key",
            )
        if type(value) is not known[key]:
            raise DataError(
                f"{key} is {value!r}",
                subject=str(path),
                remedy=f"Give a value of type {known[key].__name__}",
                code="wrong_type",
            )
    return Recipe(**table)
