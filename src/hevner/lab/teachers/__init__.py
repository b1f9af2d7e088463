"""Networks of other authors as teachers: their predictions are stored as soft labels.

A teacher is an `hevner.encoders.base.Encoder` whose weights are read from a folder of the user's.
No weights are shipped, and none of these networks is needed to analyse music.

===============  =====  ============================================================  =======
moodtheme-cnn       56  probabilities of `hevner.emotion.MOOD_TAGS`, for 29 s          float32
yamnet            1545  521 scores of sound classes, then a 1024-d embedding, for 3 s  float16
===============  =====  ============================================================  =======

``hevner extract --teacher`` runs them on datasets. Their predictions lie in a feature
store under the name of the teacher, a row per window, so that
`hevner.lab.data.representations.gather` finds it as a block of that name.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from hevner import extras
from hevner.encoders.base import Encoder
from hevner.errors import ModelError
from hevner.store import Kind

_CLASSES = {
    "moodtheme-cnn": ("moodtheme", "MoodTheme", "float32"),
    "yamnet": ("yamnet", "YamNet", "float16"),
}

NAMES = tuple(_CLASSES)
"""Every teacher."""


def load(name: str, weights: Path) -> Encoder:
    """Read a teacher.

    Parameters
    ----------
    name
        One of `NAMES`.
    weights
        Folder that holds its file.

    Raises
    ------
    ModelError
        If there is no such teacher, or its file is missing or another one.
    MissingDependencyError
        If a package for training is not installed.
    """
    if name not in _CLASSES:
        raise ModelError(
            f"no teacher '{name}'", remedy=f"Choose one of {', '.join(NAMES)}", code="unknown_name"
        )
    module, cls, _ = _CLASSES[name]
    with extras.required(f"the teacher '{name}'", "lab"):
        teacher: Encoder = getattr(import_module(f"{__name__}.{module}"), cls)(weights)
    return teacher


def kind(teacher: Encoder) -> Kind:
    """Kind of the stored predictions; its version names the file of weights."""
    card = teacher.card
    return Kind(card.id, card.version, card.dimension, _CLASSES[card.id][2])
