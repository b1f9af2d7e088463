"""The two towers of one checkpoint behind the contract of all encoders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.encoders.base import Array, EncoderCard, check_windows

if TYPE_CHECKING:
    from hevner.encoders.clap.audio import AudioTower
    from hevner.encoders.clap.text import TextTower


class Clap:
    """The encoder; the package explains its numbers.

    Parameters
    ----------
    card
        Card with the chosen states.
    folder
        Folder filled by `hevner.encoders.clap.convert`.
    device
        Device on which the encoder runs, as PyTorch names it.

    Notes
    -----
    A copy in another process loads the weights again.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        self.card = card
        self.folder = folder
        self.device = device

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.card, self.folder, self.device)

    def encode(self, windows: Array) -> Array:
        """Return the vector of each window.

        Parameters
        ----------
        windows
            Shape ``(n, m)`` with m up to ``card.window_samples``, full scale 1.

        Returns
        -------
        Array
            Shape ``(n, card.dimension)``; of unit length if no states were chosen.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite, or the weights
            are missing or damaged.
        """
        windows = check_windows(windows, self.card.window_samples, self.card.shortest)
        return self._audio.embed(windows)

    def text(self, sentences: Sequence[str]) -> Array:
        """Return the vector of each sentence in the joint space; see `TextTower.text`."""
        return self._text.text(sentences)

    @property
    def logit_scale(self) -> float:
        """Factor by which the model multiplies cosines of audio and text."""
        return self._text.logit_scale

    @cached_property
    def _audio(self) -> AudioTower:
        from hevner.encoders.clap.audio import AudioTower

        return AudioTower(self.card, self.folder, self.device)

    @cached_property
    def _text(self) -> TextTower:
        from hevner.encoders.clap.text import TextTower

        return TextTower(self.card, self.folder, self.device)
