"""The digest of the coded sound in a file, which no change of its tags changes.

Conventions
-----------
It is of the packets of the stream, as FFmpeg takes the file apart, and not of the samples: nothing
is decoded, so it costs little more than reading the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import av

from hevner.audio.ffmpeg import TAGS, open_stream
from hevner.audio.headers import Readable, links
from hevner.errors import AudioError


def packet_digest(file: Readable, source: str) -> str:
    """The digest of the audio stream of a file, 32 hexadecimal digits.

    Parameters
    ----------
    file
        A binary file that can seek.
    source
        Name of the source, for messages.

    Raises
    ------
    AudioError
        If it is not audio, or holds no packet.
    OSError
        If it cannot be read.
    """
    digest, count = hashlib.blake2b(digest_size=16), 0
    first = open_stream(file, source)
    kind = first.codec_context
    digest.update(f"{kind.name} {kind.sample_rate} {kind.channels}".encode())
    parts: Sequence[Readable] = links(file, first.container.format.name) or [file]
    for part in parts:
        stream = open_stream(part, source)
        with stream.container as container:
            try:
                for packet in container.demux(stream):
                    data = bytes(packet)
                    if data and not data.startswith(TAGS):
                        digest.update(data)
                        count += 1
            except av.FFmpegError:  # the file ends in the middle of a packet
                continue
    if not count:
        raise AudioError("it holds no audio", subject=source, code="not_audio")
    return digest.hexdigest()
