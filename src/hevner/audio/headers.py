"""What FFmpeg does not read from a file: promised lengths, and where files were joined.

FFmpeg corrects lengths by the size of the file, and reads joined Ogg files only if they are alike.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import Protocol

UNKNOWN = 0x7FFFF000
"""Bytes. Streams of unknown length promise about the largest size that can be written."""

MOST_LINKS = 1_000
"""Files joined to one. Of more, only what FFmpeg takes for one stream is read."""

CHUNK = 2**22
"""Bytes searched at a time."""

_XING = re.compile(
    rb"(\xff[\xe2-\xff]..)(?:.{9}|.{11}|.{17}|.{19}|.{32}|.{34})(?:Xing|Info)\0\0\0(.)(....)",
    re.DOTALL,
)
"""Header of a frame, its side information, and flags and number of frames of the Xing header."""

_BEGINS = {"ogg": re.compile(rb"OggS\0\x02"), "flac": re.compile(rb"fLaC[\0\x80]\0\0\x22")}
"""How a stream begins: the first page of a stream in Ogg, or mark and first block of FLAC."""


class Readable(Protocol):
    """A binary file that can seek."""

    def read(self, size: int, /) -> bytes: ...  # noqa: D102
    def seek(self, place: int, whence: int = 0, /) -> int: ...  # noqa: D102
    def tell(self) -> int: ...  # noqa: D102


class Part:
    """The bytes of a file from ``start`` to ``end``, as a file."""

    def __init__(self, file: Readable, start: int, end: int) -> None:
        self._file, self._start, self._end = file, start, end
        self._at = 0

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer at the end."""
        self._file.seek(self._start + self._at)
        got = self._file.read(max(0, min(size, self._end - self._start - self._at)))
        self._at += len(got)
        return got

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, counted as in any file; -1 if there is none such."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end - self._start}
        if base[whence] + place < 0:
            return -1
        self._at = base[whence] + place
        return self._at

    def tell(self) -> int:
        """The place where is read next."""
        return self._at


def links(file: Readable, kind: str) -> list[Part]:
    """The files that were joined to this one; empty if it is a single one.

    Parameters
    ----------
    file
        The file.
    kind
        What FFmpeg takes it for. Only files of Ogg and FLAC are parted: frames of other kinds need
        no header before them.
    """
    if kind not in _BEGINS:
        return []
    starts = _starts(file, _BEGINS[kind])
    if kind == "ogg":
        # The streams of a file with several begin with one page each, next to each other.
        ends = {_end_of_page(file, start) for start in starts}
        starts = [start for start in starts if start not in ends]
    if not 1 < len(starts) <= MOST_LINKS:
        return []
    # Tags may lie in front of the first.
    edges = [0, *starts[1:], file.seek(0, os.SEEK_END)]
    return [Part(file, start, end) for start, end in pairwise(edges)]


def _starts(file: Readable, mark: re.Pattern[bytes]) -> list[int]:
    found: list[int] = []
    end = file.seek(0, os.SEEK_END)
    # Chunks overlap, since a mark of eight bytes may lie across an edge.
    for place in range(0, end, CHUNK):
        file.seek(place)
        data = file.read(CHUNK + 7)
        found += [place + one.start() for one in mark.finditer(data) if one.start() < CHUNK]
    return found


def _end_of_page(file: Readable, start: int) -> int:
    file.seek(start)
    page = file.read(27 + 255)
    count = page[26] if len(page) > 26 else 0
    return start + 27 + count + sum(page[27 : 27 + count])


def seconds_of_mp3(file: Readable) -> float:
    """Length in seconds by the Xing header in the first frame of an MP3; 0 if it has none."""
    file.seek(0)
    head = file.read(10)
    # The size of ID3 tags has seven bits a byte.
    tags = sum(byte << 7 * (3 - at) for at, byte in enumerate(head[6:10])) + 10
    file.seek(tags if head[:3] == b"ID3" else 0)
    found = _XING.search(file.read(4096))
    if found is None or not found[2][0] & 1:
        return 0.0
    version, rate = (found[1][1] >> 3) & 3, (found[1][2] >> 2) & 3
    if version == 1 or rate == 3:
        return 0.0
    samples = 1152 if version == 3 else 576
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return int.from_bytes(found[3], "big") * samples / hertz


def share_of_wav(file: Readable) -> float:
    """How many times as long as what is there the samples of a WAV file should be; at least 1."""
    end = file.seek(0, os.SEEK_END)
    place = 12
    while place + 8 < end:
        file.seek(place)
        chunk = file.read(8)
        size = int.from_bytes(chunk[4:], "little")
        if chunk[:4] == b"data":
            return max(1.0, size / (end - place - 8)) if size < UNKNOWN else 1.0
        place += 8 + size + size % 2
    return 1.0
