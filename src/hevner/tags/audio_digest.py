"""A digest of the audio in a file that does not depend on its tags."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from hevner.audio.ffmpeg import FORMATS
from hevner.errors import AudioError
from hevner.files import display_name


def audio_digest(path: Path) -> str:
    """The digest of the coded audio of a file: each packet as it is, its time and its length.

    Raises
    ------
    AudioError
        If it holds no audio that FFmpeg finds.
    """
    import av

    digest = hashlib.blake2b(digest_size=20)
    # FFmpeg gets bytes and no name, as in `hevner.audio.ffmpeg`.
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "none"}
    try:
        with path.open("rb") as file:
            container: Any = av.open(file, metadata_errors="ignore", options=options)
            streams = container.streams.audio
            if not streams:
                raise ValueError
            for stream in streams:
                digest.update(f"{stream.codec_context.name} {stream.rate}".encode())
            try:
                for packet in container.demux(*streams):
                    _add(digest, packet)
            except av.FFmpegError as error:  # damage, at the same place in a sound copy
                digest.update(type(error).__name__.encode())
    except (av.FFmpegError, ValueError) as error:
        raise AudioError(
            "it holds no audio that can be compared before and after",
            subject=display_name(path),
            remedy="Convert it to another format",
            code="not_audio",
        ) from error
    return digest.hexdigest()


def _add(digest: Any, packet: Any) -> None:
    digest.update(f"{packet.stream.index} {packet.pts} {packet.duration} {packet.size}".encode())
    digest.update(bytes(packet))
