"""Arrays of samples that people hand over: their shape, type and rate.

Conventions
-----------
Full scale is 1. Integers are scaled by their type, if that has a full scale.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hevner.audio.limits import check_channels, check_rate
from hevner.audio.mixdown import Decoded
from hevner.errors import AudioError

SOURCE = "array"
"""Name of an array in messages."""

CENTRES = {"uint8": 128.0, "int16": 0.0, "int32": 0.0}
"""Types of integers that files hold, and what silence is in them."""


def checked(samples: object, sample_rate: object) -> tuple[NDArray[Any], int]:
    """Samples in time order, as they are, and their rate in hertz.

    Parameters
    ----------
    samples
        An array, or what numpy makes one of, of shape ``(n,)``, ``(n, channels)`` or
        ``(channels, n)``: the longer axis is time.
    sample_rate
        Hertz.

    Returns
    -------
    NDArray
        Shape ``(n,)`` or ``(n, channels)``; `in_full_scale` makes audio of any part of it.
    int
        The rate.

    Raises
    ------
    AudioError
        If shape, type or rate make no sense.
    """
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, Real):
        raise _refused(
            f"the sample rate {sample_rate!r} is no number", "Give hertz, such as 44100",
            "bad_sample_rate",
        )  # fmt: skip
    check_rate(float(sample_rate), SOURCE)
    rate = round(float(sample_rate))
    try:
        array = np.asarray(samples)
    except (ValueError, TypeError) as error:
        raise _refused(
            f"no array can be made of it ({error})", "Give rows of equal length", "wrong_shape"
        ) from error
    if array.dtype.kind != "f" and array.dtype.name not in CENTRES:
        raise _refused(
            f"samples of type {array.dtype} have no full scale",
            "Divide integers by their full scale first, so that they lie between -1 and 1",
            "wrong_type",
        )
    if array.ndim not in (1, 2):
        raise _refused(
            f"expected samples of shape (n,) or (n, channels), not {array.shape}",
            "Give one recording at a time",
            "wrong_shape",
        )
    if array.size == 0:
        raise _refused("it holds no samples", "At least 0.1 s of audio are needed", "too_short")
    if array.ndim == 2 and array.shape[0] < array.shape[1]:
        array = array.T
    check_channels(1 if array.ndim == 1 else array.shape[1], SOURCE)
    return array, rate


def in_full_scale(block: NDArray[Any]) -> Decoded:
    """Samples as floating point numbers with full scale 1."""
    if block.dtype.kind == "f":
        return block
    half = 2.0 ** (8 * block.dtype.itemsize - 1)
    return ((block.astype(np.float64) - CENTRES[block.dtype.name]) / half).astype(np.float32)


def _refused(cause: str, remedy: str, code: str) -> AudioError:
    return AudioError(cause, subject=SOURCE, remedy=remedy, code=code)
