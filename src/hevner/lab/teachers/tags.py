"""Mood and theme tags from YAMNet's embedding of a whole piece.

The mean embedding over a piece, ``(1024,)``, is compressed by ``log1p``, standardised and reduced
to principal components, from which a few small networks give log odds of
`hevner.emotion.MOOD_TAGS`. The prediction is their mean; the networks differ in the seed of their
training (`hevner.lab.teachers.train_tags`).
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from scipy.special import expit

from hevner.arrays import Doubles, Floats
from hevner.lab.study import kept
from hevner.lab.teachers.weights import read_file, wrong_file

FILE = "yamnet-tags.npz"
ORIGIN = "the teacher of tags, made by 'hevner train tags'"


@dataclass(frozen=True)
class TagReader:
    """A trained teacher of tags.

    Attributes
    ----------
    mean, spread
        Of compressed embeddings, shape ``(1024,)``.
    axes
        Principal components, shape ``(1024, n)``.
    first, first_bias, second, second_bias
        Layers of every network: shapes ``(networks, n, hidden)``, ``(networks, 1, hidden)``,
        ``(networks, hidden, 56)`` and ``(networks, 1, 56)``.
    """

    mean: Floats
    spread: Floats
    axes: Floats
    first: Floats
    first_bias: Floats
    second: Floats
    second_bias: Floats

    def probabilities(self, embeddings: Floats) -> Floats:
        """Probabilities ``(m, 56)`` for mean embeddings of pieces, ``(m, 1024)``."""
        compressed = np.log1p(embeddings.astype(np.float64))
        components = (compressed - self.mean) / self.spread @ self.axes
        return np.asarray(expit(self.log_odds(components)), np.float32)

    def log_odds(self, components: Doubles) -> Doubles:
        """Log odds of tags, ``(m, 56)``, for components ``(m, n)``."""
        hidden = np.maximum(components @ self.first + self.first_bias, 0)
        return np.asarray((hidden @ self.second + self.second_bias).mean(axis=0))

    def save(self, path: Path) -> None:
        """Write the teacher; raises `OutputError` if the file cannot be written."""
        kept.write(path, vars(self))


def load(path: Path) -> tuple[TagReader, str]:
    """Read a teacher and its version; raises `ModelError` if the file is missing or another one."""
    content, version = read_file(path, ORIGIN)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {field.name: stored[field.name] for field in fields(TagReader)}
    except (OSError, EOFError, ValueError, TypeError, KeyError, BadZipFile) as error:
        raise wrong_file(path, ORIGIN, type(error).__name__) from error
    return TagReader(**arrays), version
