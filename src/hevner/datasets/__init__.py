"""Labelled music behind one door: ``load(name, folder)`` gives clips."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from hevner.datasets.base import Clip, Curve, data_folder
from hevner.errors import DataError

NAMES = ("musemo", "vgmidi", "emopia", "emotify")

__all__ = ["NAMES", "Clip", "Curve", "data_folder", "load"]


def load(name: str, folder: Path) -> list[Clip]:
    """Clips of the dataset ``name`` under ``folder``.

    Raises
    ------
    DataError
        If there is no such dataset, or its files are missing or damaged.
    """
    if name not in NAMES:
        raise DataError(f"no dataset '{name}'", remedy=f"Choose one of {', '.join(NAMES)}")
    clips: list[Clip] = import_module(f"hevner.datasets.{name}").load(folder)
    return clips
