"""What a catalogue notes of a file besides its analysis: metadata, and the digest of its sound."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hevner import metadata
from hevner.audio.packets import packet_digest
from hevner.errors import AudioError


def about(path: Path, name: str = "") -> dict[str, Any]:
    """What a catalogue notes of a file besides its analysis.

    Returns
    -------
    dict
        The fields of `hevner.metadata.Metadata`; ``sound``, the digest of the audio without any
        tags, None if it cannot be read; and ``metadata``, ``tags`` or ``path``, where they were
        looked for.
    """
    return {
        **asdict(metadata.read(path, name)),
        "sound": _sound(path),
        "metadata": metadata.source(),
    }


def of_path(_path: Path, name: str) -> dict[str, Any]:
    """As `about`, for a file that cannot be read safely."""
    return {**asdict(metadata.from_path(name)), "sound": None, "metadata": metadata.source()}


def _sound(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return packet_digest(file, str(path))
    except (AudioError, OSError):
        return None
