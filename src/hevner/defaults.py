"""The default model and analysis window, and the identity of an analysis by any model.

A run whose results are all in the cache needs this module and nothing of the analysis itself.

Conventions
-----------
The standard library only. The card of the model (the JSON file beside it) names the features it
was trained on, with the versions of all encoders; loading a model checks that they are those of
the installed code (`hevner.model.predict.load`), so the card stands for the encoders too.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from hevner.errors import HevnerError

DEFAULT_MODEL = Path(__file__).with_name("pretrained") / "unified.onnx"

SOUND_KIND = Path(__file__).with_name("pretrained") / "sound_kind.npz"
"""The classifier that separates music from other sounds."""

MUSIC_WEIGHTS = tuple(
    Path(__file__).with_name("music") / name for name in ("weights.npz", "modes.npz", "rhythm.npz")
)
"""Weights of the networks for harmony, key and rhythm."""

DEFAULT_WINDOW_S = 15.0
"""Seconds of music around each moment of the timeline that its values are computed from: long
enough for a few chords, short enough to follow a change; the model was trained on VGMIDI windows of
this length."""

MINIMUM_WINDOW_S = 3.008
"""The window of MusiCNN, `hevner.features.PATCH_S`: a shorter one holds no patch."""


def explanation_of(model: Path) -> Path:
    """Where the explanation of a model lies, if it has one: beside it."""
    return model.with_name(f"{model.stem}.explanation.npz")


def identity(window: float | None = None, model: Path | None = None) -> str:
    """Name all that decides an analysis besides the audio.

    Parameters
    ----------
    window
        Seconds of music around each moment, as for `checked_window`.
    model
        The graph of a model; the default model if None.
    """
    model = model or DEFAULT_MODEL
    files = model, model.with_suffix(".json"), explanation_of(model), SOUND_KIND, *MUSIC_WEIGHTS
    digest = hashlib.sha256()
    for path in files:
        content = path.read_bytes() if path.exists() else b""
        digest.update(len(content).to_bytes(8, "little") + content)
    return f"model={digest.hexdigest()[:16]} window={checked_window(window):g}"


def checked_window(window: float | None) -> float:
    """Return the seconds of music around each moment, `DEFAULT_WINDOW_S` if None.

    Raises
    ------
    HevnerError
        If it is shorter than `MINIMUM_WINDOW_S`, or not finite.
    """
    seconds = DEFAULT_WINDOW_S if window is None else float(window)
    if not MINIMUM_WINDOW_S <= seconds < float("inf"):
        raise HevnerError(
            f"a window of {seconds:g} s is too short",
            remedy=f"Use at least {MINIMUM_WINDOW_S:.1f} s",
            stage="options",
            code="window_too_short",
        )
    return seconds
