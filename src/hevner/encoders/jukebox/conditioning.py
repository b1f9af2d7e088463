"""Inputs of the prior besides the tokens: artist, genre and position in the piece.

Conventions
-----------
As in the published probes (Castellon et al., ISMIR 2021): artist and genre are unknown, which is
number 0 of both lists, and every window is taken for the beginning of a piece of 62 s. Lyrics, for
the models that know them, are empty: only symbol 0, with which the original code fills up lyrics
that are too short.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hevner.encoders.jukebox.architecture import SAMPLE_RATE, Architecture

PIECE_SECONDS = 62
LONGEST_SECONDS = 600

UNKNOWN = 0
"""Number of the unknown artist and the unknown genre."""

FILLING = 0
"""Symbol that empty lyrics are made of."""


def start(read: Callable[[str], Tensor]) -> Tensor:
    """State before the first token, shape ``(1, width)``."""
    artist, genre = read("start.artist"), read("start.genre")
    return (artist[UNKNOWN] + genre[UNKNOWN])[None]


def places(architecture: Architecture, read: Callable[[str], Tensor]) -> Tensor:
    """What is added to the states of the tokens of a window, shape ``(tokens, width)``."""
    hop, tokens, bins = architecture.codec.hop, architecture.tokens, architecture.bins
    total = float(PIECE_SECONDS * SAMPLE_RATE // hop * hop)
    end = float(tokens * hop)
    longest = float(LONGEST_SECONDS * SAMPLE_RATE)
    shortest = architecture.shortest_song * SAMPLE_RATE
    # The order of operations and float32 are those of the original: they decide between bins.
    share = torch.arange(tokens, dtype=torch.float32) / tokens
    relative = torch.tensor(end) / torch.tensor(total)
    whole = _bins(torch.tensor([total]), shortest, longest, bins)
    absolute = _bins(end * share, 0.0, longest, bins)
    within = _bins(relative * share, 0.0, 1.0, bins)
    return (
        read("time.total")[whole] + read("time.absolute")[absolute] + read("time.relative")[within]
    )


def _bins(position: Tensor, first: float, last: float, count: int) -> Tensor:
    return (count * ((position - first) / (last - first))).floor().long()
