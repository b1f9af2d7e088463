"""What an encoder is, and the record that says everything about one.

Conventions
-----------
An encoder turns windows of mono float32 audio, full scale 1, into one vector per window. Windows
are self-contained: nothing is padded, and the vector of a window does not depend on the other
windows it is passed with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hevner.errors import ModelError

Array = NDArray[np.float32]


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
        Of code and weights, as an SPDX identifier where there is one.
    commercial_use
        Whether that licence permits commercial use.
    citation
        The work to cite, empty if there is none.
    description
        One line.
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


class Encoder(Protocol):
    """Anything with a card that turns windows into vectors."""

    @property
    def card(self) -> EncoderCard:
        """Facts about this encoder."""

    def encode(self, windows: Array) -> Array:
        """Return one vector per window.

        Parameters
        ----------
        windows
            Shape ``(n, card.window_samples)``; `n` may be 0.

        Returns
        -------
        Array
            Shape ``(n, card.dimension)``.

        Raises
        ------
        ModelError
            If the windows have another shape or hold values that are not finite.
        """


def check_windows(windows: Array, length: int) -> Array:
    """Return the windows as float32, or say what is wrong with them.

    Parameters
    ----------
    windows
        Any array; to pass, of shape ``(n, length)`` and finite.
    length
        Window length in samples.

    Raises
    ------
    ModelError
        If the shape is another one, or a sample is not a finite number.
    """
    windows = np.asarray(windows, dtype=np.float32)
    if windows.ndim != 2 or windows.shape[1] != length:
        raise ModelError(
            f"windows have the shape {windows.shape}, expected (n, {length})",
            remedy="cut the audio with hevner.windows.Windower",
            stage="encode",
        )
    for row, window in enumerate(windows):
        if not np.isfinite(window).all():
            raise ModelError(
                f"window {row} holds samples that are not finite numbers",
                remedy="repair the audio or leave this window out",
                stage="encode",
            )
    return windows
