"""Encoders: from windows of audio to vectors.

`available` lists them, `create` makes one; each lives in a module of its own, imported when it is
first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from hevner.errors import ModelError

if TYPE_CHECKING:
    from hevner.encoders.base import Encoder

__all__ = ["available", "create"]

_MAKERS = {
    "handcrafted": ("hevner.encoders.handcrafted", "Handcrafted"),
    "musicnn": ("hevner.encoders.musicnn", "MusiCNN"),
    "musicnn-mtt": ("hevner.encoders.musicnn", "magnatagatune"),
}


def available() -> list[str]:
    """Return the names that `create` accepts."""
    return sorted(_MAKERS)


def create(name: str) -> Encoder:
    """Return a new encoder.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    if name not in _MAKERS:
        raise ModelError(
            f"there is no encoder {name!r}", remedy=f"choose one of {', '.join(available())}"
        )
    module, attribute = _MAKERS[name]
    return cast("Encoder", getattr(import_module(module), attribute)())
