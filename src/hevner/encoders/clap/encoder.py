"""The two towers of one checkpoint behind the contract of all encoders."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from hevner.arrays import Floats
from hevner.encoders.base import LargeEncoder

if TYPE_CHECKING:
    from hevner.encoders.clap.audio import AudioTower
    from hevner.encoders.clap.text import TextTower


class Clap(LargeEncoder):
    """The encoder; the package explains its numbers. Vectors without states have unit length."""

    def _vectors(self, windows: Floats) -> Floats:
        return self._audio.embed(windows)

    def text(self, sentences: Sequence[str]) -> Floats:
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
