"""Encoders: from windows of audio to vectors.

`available` lists them, `card` returns the facts about one, `create` makes one; each has a module of
its own, imported at first use. Large encoders need weights that a user adds
(`hevner.encoders.weights`); the states that make up their vectors are written behind the name, see
`hevner.encoders.base`.
"""

from __future__ import annotations

from dataclasses import replace
from pkgutil import resolve_name
from typing import TYPE_CHECKING, cast

from hevner.errors import ModelError

if TYPE_CHECKING:
    from hevner.encoders.base import Encoder, EncoderCard
    from hevner.encoders.large import Large

__all__ = ["available", "card", "create", "is_large", "large_entry"]

_SMALL = {
    "handcrafted": "hevner.encoders.handcrafted:Handcrafted",
    "musicnn": "hevner.encoders.musicnn:MusiCNN",
    "musicnn-mtt": "hevner.encoders.musicnn:magnatagatune",
}

_REFUSED = {
    "mert-v2": "MERT-v2 runs only with code from its repository, and hevner runs no remote code; "
    "under transformers 5 that code also gives other numbers at every load",
}


def available() -> list[str]:
    """Return the names that `create` accepts, without states."""
    return sorted([*_SMALL, *_large()])


def is_large(name: str) -> bool:
    """Whether an encoder, with or without states, needs weights that a user adds."""
    return name.partition("+")[0] in _large()


def card(name: str) -> EncoderCard:
    """Return the facts about an encoder, as far as they are known without its weights.

    The version is empty where weights are needed that have not been added.

    Raises
    ------
    ModelError
        If there is none of that name, or it has no such states.
    """
    plain, _, states = name.partition("+")
    if plain in _SMALL:
        facts = _create_small(plain).card
    else:
        from hevner.encoders import weights

        facts = large_entry(plain).card
        added = weights.added(plain)
        facts = replace(facts, version=f"{facts.version}-{added.digest[:12]}" if added else "")
    return facts.choose(states) if states else facts


def create(name: str, device: str = "auto") -> Encoder:
    """Return a new encoder.

    Parameters
    ----------
    name
        One of `available`; for a large encoder, states may follow.
    device
        Device of a large encoder: ``"cpu"``, ``"cuda"`` or such, or ``"auto"`` for the best there
        is.

    Raises
    ------
    ModelError
        If there is none of that name, it has no such states, its weights have not been added, or
        there is too little memory for it.
    MissingDependencyError
        If a package that it needs is not installed.
    """
    plain = name.partition("+")[0]
    facts = card(name)
    if plain in _SMALL:
        return _create_small(plain)
    from hevner.encoders import weights

    folder = weights.find(plain).folder
    encoder = large_entry(plain).load(facts, folder, device)
    weights.check_memory(facts, device)
    return encoder


def large_entry(name: str) -> Large:
    """Return the entry of a large encoder in the table of `hevner.encoders.large`.

    Raises
    ------
    ModelError
        If there is none of that name.
    """
    for refused, reason in _REFUSED.items():
        if name.startswith(refused):
            raise ModelError(
                reason,
                subject=name,
                remedy="Take mert-v1-95m or mert-v1-330m",
                code="remote_code",
            )
    if name not in _large():
        raise ModelError(
            f"there is no encoder {name!r}",
            remedy=f"Choose one of {', '.join(available())}",
            code="unknown_encoder",
        )
    return _large()[name]


def _create_small(name: str) -> Encoder:
    return cast("Encoder", resolve_name(_SMALL[name])())


def _large() -> dict[str, Large]:
    from hevner.encoders import large

    return large.LARGE
