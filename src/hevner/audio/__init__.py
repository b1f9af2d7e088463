"""Audio: decoding, windows over a stream, and fingerprints."""

from __future__ import annotations


def __getattr__(name: str) -> object:
    if name != "open_audio":
        raise AttributeError(f"module 'hevner.audio' has no attribute '{name}'")
    from hevner.audio.decode import open_audio
    from hevner.moved import warn

    warn("hevner.audio.open_audio", "hevner.audio.decode.open_audio")
    return open_audio
