"""Audio made up for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile


def music(seconds: float = 2.0, rate: int = 16_000, channels: int = 1) -> np.ndarray:
    """A chord progression with a beat, float32, shape ``(n,)`` or ``(n, channels)``."""
    time = np.arange(round(seconds * rate)) / rate
    chords = np.array([[220.0, 261.6, 329.6], [174.6, 220.0, 261.6]])
    pitches = chords[(time // 2).astype(int) % 2]
    tone = np.sin(2 * np.pi * pitches * time[:, None]).mean(axis=1)
    mono = (0.5 * tone * np.exp(-4 * (time % 0.5))).astype(np.float32)
    return mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)


def write(path: Path, samples: np.ndarray | None = None, rate: int = 16_000, **how: str) -> Path:
    """Write samples (some music if None) and return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, music() if samples is None else samples, rate, **how)
    return path
