"""Short music in nine containers, with tags that were there before, and its samples."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import av
import numpy as np
from mutagen import id3
from mutagen.flac import FLAC, Picture

from hevner.tags.containers import TaggedFile
from tests.audio.encoded import encoded
from tests.sounds import music

CONTAINERS = {
    "mp3": "mp3",
    "wav": "wav",
    "aiff": "aiff",
    "flac": "flac",
    "ogg": "vorbis",
    "opus": "opus",
    "m4a": "m4a",
    "wma": "wma",
    "wv": "wavpack",
}
"""Codec by the ending of a file."""

PLAIN = "plain"
STATES = (PLAIN, "none", "unicode", "there", "picture", "old")
"""Kinds of tags that a file has before: what its encoder wrote, none, a title in many scripts, a
mood of its own, a large picture, and what is particular to the kind of tags."""

TITLE = "Ночная 夜 שיר 🎻🎶 é\u0301"
MINE = ("my own 😀",)

OLD = struct.pack("3s30s30s30s4s30sB", b"TAG", *[b"caf\xe9 \xff"] * 3, b"1999", b"", 7)
"""A tag of ID3 of version 1."""

_ENCODED: dict[tuple[str, float], bytes] = {}


def content(ending: str, seconds: float = 1.5) -> bytes:
    """A file of music without tags of ours."""
    rate = 48_000 if ending == "opus" else 44_100
    key = ending, seconds
    if key not in _ENCODED:
        sound = music(seconds, rate) + np.random.default_rng(3).normal(
            0, 0.01, round(seconds * rate)
        ).astype(np.float32)
        _ENCODED[key] = encoded(sound, rate, CONTAINERS[ending])
    return _ENCODED[key]


def make(path: Path, state: str = PLAIN, seconds: float = 1.5) -> Path:
    """A file of music whose name has one of the endings of `CONTAINERS`."""
    ending = path.suffix[1:]
    path.write_bytes(content(ending, seconds))
    if state == PLAIN:
        return path
    file = TaggedFile(path)
    if state == "none":
        if file.file.tags is not None:
            file.file.delete()
        return path
    if file.file.tags is None:
        file.file.add_tags()
    file.put({"words": (TITLE,)})
    if state == "there":
        TaggedFile(path).put({"mood": MINE, "tempo": ("77",)})
    elif state == "picture":
        _picture(path, file)
    elif state == "old":
        _old(path, file)
    return path


def _picture(path: Path, file: TaggedFile) -> None:
    cover = np.random.default_rng(5).bytes(150_000)
    tags = TaggedFile(path).file
    match file.kind:
        case "id3":
            tags.tags.add(id3.APIC(mime="image/png", type=3, desc="cover", data=cover))
        case "mp4":
            tags["covr"] = [cover]
        case "vorbis" if isinstance(tags, FLAC):
            picture = Picture()
            picture.data, picture.mime, picture.type = cover, "image/png", 3
            tags.add_picture(picture)
        case _:
            tags["COVER"] = [cover.hex()[:30_000]]
    tags.save()


def _old(path: Path, file: TaggedFile) -> None:
    """ID3 of version 2.3 with frames that 2.4 has no more, and of version 1 at the end."""
    tags: Any = TaggedFile(path).file
    if file.kind == "id3":
        tags.tags.add(id3.TYER(encoding=0, text=["1999"]))
        tags.tags.add(id3.TPE1(encoding=1, text=["A", "B 夜"]))
        tags.tags.add(id3.TXXX(encoding=1, desc="x", text=["🎻"]))
        tags.save(v2_version=3, v23_sep=None)
        if path.suffix == ".mp3":
            path.write_bytes(path.read_bytes() + OLD)
        return
    if file.kind == "vorbis":
        tags.tags.append(("title", "one"))
        tags.tags.append(("TITLE", "two"))
    elif file.kind == "mp4":
        tags["trkn"], tags["cpil"] = [(3, 9)], True
    tags.save()


def sound(path: Path) -> str:
    """A digest of the samples that the file decodes to, independent of `hevner.tags`."""
    digest = hashlib.sha256()
    with av.open(str(path), metadata_errors="ignore") as container:
        for frame in container.decode(audio=0):
            digest.update(frame.to_ndarray().tobytes())
    return digest.hexdigest()
