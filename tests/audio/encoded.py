"""Recordings as the bytes of a file, in every codec that PyAV or soundfile writes."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import soundfile

CODECS = {
    "mp3": ("libmp3lame", "mp3", "fltp"),
    "opus": ("libopus", "ogg", "flt"),
    "ogg flac": ("flac", "ogg", "s16"),
    "flac": ("flac", "flac", "s16"),
    "aac": ("aac", "adts", "fltp"),
    "m4a": ("aac", "ipod", "fltp"),
    "alac": ("alac", "ipod", "s16p"),
    "wavpack": ("wavpack", "wv", "fltp"),
    "tta": ("tta", "tta", "s16"),
    "ac3": ("ac3", "ac3", "fltp"),
    "mp2": ("mp2", "mp2", "s16"),
    "wma": ("wmav2", "asf", "fltp"),
    "webm": ("libopus", "webm", "flt"),
}
"""Encoder, container and type of samples."""

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


def encoded(
    samples: np.ndarray, rate: int, codec: str, options: dict[str, str] | None = None
) -> bytes:
    """A file of samples, shape ``(n,)`` or ``(n, channels)``; Vorbis and PCM by soundfile."""
    if codec not in CODECS:
        out = BytesIO()
        how = {"format": "OGG", "subtype": "VORBIS"} if codec == "vorbis" else {"format": codec}
        soundfile.write(out, samples, rate, **how)
        return out.getvalue()
    kind = CODECS[codec][2]
    planar = samples.reshape(len(samples), -1).T
    if kind.startswith("s16"):
        planar = np.round(planar * 32767).astype(np.int16)
    # FFmpeg moves the index of MP4 to the begin only of a file that has a name.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        _write(str(path), planar, rate, CODECS[codec], options or {})
        return path.read_bytes()


def _write(
    path: str, planar: np.ndarray, rate: int, how: tuple[str, str, str], options: dict[str, str]
) -> None:
    encoder, container, kind = how
    layout = LAYOUTS[len(planar)]
    with av.open(path, "w", format=container, options=options) as file:
        stream = file.add_stream(encoder, rate=rate, layout=layout, options=options)
        stream.codec_context.format = kind
        if encoder == "wmav2":
            stream.bit_rate = 96_000  # without one it refuses to begin
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 1024
        for start in range(0, planar.shape[1], size):
            piece = planar[:, start : start + size]
            if not kind.endswith("p"):
                piece = piece.T.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(piece), kind, layout)
            frame.sample_rate, frame.pts = rate, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
