"""Packages that large encoders need, and the device and type of numbers they run with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hevner import extras

if TYPE_CHECKING:
    from hevner.encoders.base import EncoderCard


def check_packages(what: str) -> None:
    """Make sure that the packages of large encoders are installed.

    Parameters
    ----------
    what
        Who needs them, for messages.

    Raises
    ------
    MissingDependencyError
        If one is missing; it is named.
    """
    extras.require("encoders", what, "torch", "transformers", "safetensors", "psutil")


def placed(card: EncoderCard, device: str) -> tuple[EncoderCard, str]:
    """An encoder as it is on a device: the type of numbers, if not float32, is in its version.

    Parameters
    ----------
    card
        Card of the encoder.
    device
        See `hevner.encoders.weights.checkpoint.pick_device`.

    Returns
    -------
    EncoderCard
        The card with that version.
    str
        The device that was picked.

    Raises
    ------
    MissingDependencyError
        If a package is not installed.
    ModelError
        If there is no such device.
    """
    check_packages(card.id)
    from hevner.encoders.weights import checkpoint

    picked = checkpoint.pick_device(device)
    dtype = str(checkpoint.dtype_for(picked)).removeprefix("torch.")
    if dtype != "float32":
        card = replace(card, version=f"{card.version}-{dtype}")
    return card, str(picked)
