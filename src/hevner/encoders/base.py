"""The interface of encoders, and the card with the facts about one.

Conventions
-----------
An encoder turns windows of mono float32 audio, full scale 1, into one vector per window. Windows
are self-contained: nothing is padded, and the vector of a window does not depend on the other
windows it is passed with.

Large encoders have *states*: state 0 is the input to the first block of their transformer, state k
the output of block k. Which states make up a vector is written behind the name of the encoder:
``mert-v1-95m+8``, ``mert-v1-95m+6+7``, or ``mert-v1-95m+all``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hevner.errors import ModelError

if TYPE_CHECKING:
    from hevner.arrays import Floats


@dataclass(frozen=True)
class EncoderCard:
    """Facts about an encoder.

    Attributes
    ----------
    id
        Name in the registry (`hevner.encoders.create`).
    version
        Changes whenever the same audio would give other numbers.
    sample_rate
        Hertz.
    window_samples, hop_samples
        Length of a window, and the distance between window starts that covers a stream without
        gap or repetition, in samples.
    dimension
        Length of a vector.
    licence
        Licence of code and weights, as an SPDX identifier where there is one.
    commercial_use
        Whether that licence permits commercial use.
    citation
        The work to cite, empty if there is none.
    description
        One line.
    shortest
        Fewest samples of a window. A stream shorter than a window is one window, as long as it is,
        and repeated up to this length if it is shorter still; 0 stands for `window_samples`.
    states
        Width of each state that can be chosen, by number; empty if there is only one output.
    chosen
        The states whose means over the window lie side by side in a vector; empty for an output
        that is no state.
    memory
        Bytes of memory that loading and running it on a CPU take, estimated; 0 if it is small.
    source
        Source of its weights, such as the name of a repository on a hub; empty if they come with
        hevner.
    """

    id: str
    version: str
    sample_rate: int
    window_samples: int
    hop_samples: int
    dimension: int
    licence: str
    commercial_use: bool
    citation: str
    description: str
    shortest: int = 0
    states: tuple[int, ...] = ()
    chosen: tuple[int, ...] = ()
    memory: int = 0
    source: str = ""

    def choose(self, states: str) -> EncoderCard:
        """The same encoder with other states in its vectors.

        Parameters
        ----------
        states
            Numbers joined by ``+``, such as ``"8"`` or ``"6+7"``, or ``"all"``.

        Raises
        ------
        ModelError
            If there are no such states.
        """
        known = range(len(self.states))
        numbers = states.split("+")
        if states == "all" and self.states:
            chosen = tuple(known)
        elif all(one.isdecimal() and int(one) in known for one in numbers):
            chosen = tuple(map(int, numbers))
        else:
            raise ModelError(
                f"the encoder {self.id} has no states {states!r}",
                remedy=f"Choose from 0 to {len(known) - 1}, joined by '+', or 'all'"
                if known
                else "Name it without states: it has one output only",
                code="unknown_states",
            )
        return replace(
            self,
            id=f"{self.id}+{states}",
            chosen=chosen,
            dimension=sum(self.states[one] for one in chosen),
        )


class Encoder(Protocol):
    """Anything with a card that turns windows into vectors."""

    @property
    def card(self) -> EncoderCard:
        """Facts about this encoder."""

    def encode(self, windows: Floats) -> Floats:
        """Return one vector per window.

        Parameters
        ----------
        windows
            Shape ``(n, card.window_samples)``, or shorter windows of one length, not below
            ``card.shortest``; `n` may be 0.

        Returns
        -------
        Floats
            Shape ``(n, card.dimension)``.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite.
        """


class LargeEncoder(ABC):
    """An encoder whose weights a user has added.

    They are read when the first windows are encoded, so objects are cheap; a copy in another
    process reads them again.

    Parameters
    ----------
    card
        Card with the chosen states.
    folder
        Folder that the conversion wrote to.
    device
        Device to run on, as PyTorch names it.
    """

    def __init__(self, card: EncoderCard, folder: Path, device: str) -> None:
        self.card = card
        self.folder = folder
        self.device = device

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.card, self.folder, self.device)

    def encode(self, windows: Floats) -> Floats:
        """Return one vector per window, see `Encoder.encode`.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite, or the weights
            are missing or damaged.
        """
        import numpy as np  # here, so that cards are read without it

        windows = check_windows(windows, self.card.window_samples, self.card.shortest)
        if not len(windows):
            return np.zeros((0, self.card.dimension), np.float32)
        return self._vectors(windows)

    @abstractmethod
    def _vectors(self, windows: Floats) -> Floats:
        """One vector per window, for at least one that has passed the checks."""


def check_windows(windows: Floats, length: int, shortest: int = 0) -> Floats:
    """Check windows and return them as float32.

    Parameters
    ----------
    windows
        Samples, expected to be finite and of shape ``(n, length)``.
    length
        Window length in samples.
    shortest
        Windows may be shorter, down to this number of samples; 0 if they may not.

    Raises
    ------
    ModelError
        If the shape is another one, or a sample is not a finite number.
    """
    import numpy as np

    windows = np.asarray(windows, dtype=np.float32)
    if windows.ndim != 2 or not (shortest or length) <= windows.shape[1] <= length:
        expected = f"{shortest} to {length}" if shortest else str(length)
        raise ModelError(
            f"windows have the shape {windows.shape}, expected (n, {expected})",
            remedy="Cut the audio with hevner.audio.windows.Windower",
            stage="encode",
            code="wrong_shape",
        )
    for row, window in enumerate(windows):
        if not np.isfinite(window).all():
            raise ModelError(
                f"window {row} holds samples that are not finite numbers",
                remedy="Repair the audio or leave this window out",
                stage="encode",
                code="not_finite",
            )
    return windows
