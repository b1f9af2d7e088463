"""Tuning, key, mode and chords.

Conventions
-----------
`analyse` takes the frames of `hevner.music.spectrum.HarmonySpectrum` for a whole file and gives
a `Harmony`. Everything is relative to the pitch classes of the sound, so music moved by a semitone
gives the same answer moved by a semitone; level does not matter.
"""

from __future__ import annotations

from hevner.music.harmony import analyse
from hevner.music.records import Chord, Harmony, Key

__all__ = ["Chord", "Harmony", "Key", "analyse"]
