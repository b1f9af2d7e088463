"""What kind of sound a window of audio is: music, speech, noise and so on.

One linear classifier on the pooled vector of a window (`hevner.features.pool`), so asking costs
next to nothing beside the emotion model. `benchmarks/sound_kind.py` trains and measures it.

Conventions
-----------
Numpy only. Descriptors of level take no part, so that quiet music stays music.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Floats
from hevner.blocks import vector_id
from hevner.defaults import SOUND_KIND
from hevner.errors import ModelError
from hevner.model import stored
from hevner.model.prediction import softmax

KINDS = {
    "music": "music",
    "speech": "speech",
    "noise": "noise or single sounds",
    "crowd": "applause or a crowd",
    "tones": "a hum or test tones",
}
"""The kinds, and how they are called in a sentence."""

NO_MUSIC = 0.2
"""Share of music below which a recording has no emotion."""

DOUBTFUL = 0.5
"""Share of music below which a warning says so."""

CLEAR = 0.6
"""Share of one kind among those that are no music from which it is named."""

LIMIT = 4.0
"""Standardised features are limited to this many standard deviations."""


@dataclass(frozen=True)
class SoundKind:
    """A classifier of windows.

    Attributes
    ----------
    card
        Facts for people: data, licences, scores; plain JSON values.
    mean, spread
        Standardisation of the vector, shape ``(dim,)``; a spread of 0 leaves a number out.
    weights, bias
        Shapes ``(dim, kinds)`` and ``(kinds,)``, in the order of `KINDS`.
    """

    card: dict[str, Any]
    mean: Floats
    spread: Floats
    weights: Floats
    bias: Floats

    def shares(self, vectors: Floats) -> dict[str, float]:
        """Mean probability of each kind over windows, shape ``(n, dim)``."""
        used = self.spread > 0
        x = np.clip((vectors - self.mean) / np.where(used, self.spread, 1), -LIMIT, LIMIT) * used
        means = softmax(x.astype(np.float32) @ self.weights + self.bias).mean(axis=0)
        return dict(zip(KINDS, map(float, means), strict=True))

    def save(self, path: Path) -> None:
        """Write arrays as ``.npz`` and the card as ``.json`` beside it."""
        stored.write(path, {name: getattr(self, name) for name in _ARRAYS}, self.card)


_ARRAYS = ("mean", "spread", "weights", "bias")


@lru_cache(maxsize=2)
def load(path: Path = SOUND_KIND) -> SoundKind:
    """Read a classifier; raises `ModelError` if it is damaged or was trained on other features."""
    with stored.damage_is_refused(path, "the classifier of sounds"):
        arrays, card = stored.read(path)
        found = SoundKind(card, *(arrays[name] for name in _ARRAYS))
    if card["features"] != vector_id():
        raise ModelError(
            f"it was trained on features '{card['features']}', these are '{vector_id()}'",
            subject=str(path),
            remedy="Train it again, or use the version of hevner it came with",
            code="other_features",
        )
    return found


def kind_of(shares: dict[str, float]) -> str:
    """The kind of a recording that is hardly music; empty if that is not clear."""
    others = {kind: share for kind, share in shares.items() if kind != "music"}
    kind = max(others, key=lambda one: others[one])
    return kind if others[kind] >= CLEAR * sum(others.values()) else ""


def doubt(shares: dict[str, float]) -> str:
    """Say that a recording is no music, or may be none, and what it is; empty for music."""
    if shares["music"] >= DOUBTFUL:
        return ""
    kind = kind_of(shares)
    is_none = shares["music"] < NO_MUSIC
    start = "this does not sound like music" if is_none else "parts of this may be no music"
    return f"{start}: {KINDS[kind]}" if kind else start
