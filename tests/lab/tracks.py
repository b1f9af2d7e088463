"""Tracks and tiny datasets with sound, made for tests."""

from __future__ import annotations

from pathlib import Path

from hevner.datasets.track import Track
from tests.sounds import music, write


def track(path: Path | None, name: str = "a", dataset: str = "songs") -> Track:
    """A track of its own group."""
    return Track(dataset, name, path, group=name, recording=name)


def musemo(folder: Path, count: int) -> Path:
    """A tiny MusEmo."""
    names = [f"out_blues.000{n:02}" for n in range(count)]
    lines = ["Name,Arousal,Valence,EmoCat"]
    for number, name in enumerate(names):
        write(folder / "audio" / f"{name}.ogg", music(2.0 + number / 100))
        lines.append(f"{name}.wav,5,5,e1")
    (folder / "annotations.csv").write_text("\n".join(lines) + "\n")
    return folder
