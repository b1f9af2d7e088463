"""Playlists for players: M3U8, XSPF and JSPF, and what an M3U8 file holds already.

Conventions
-----------
Pieces in the folder of the file, or below it, are named relative to it, so that the folder can be
moved as a whole; others by their full path. Moments carry their times in M3U8, in the way of VLC;
other players start at the beginning. Text is valid Unicode.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit
from xml.sax.saxutils import escape

from hevner.errors import DataError
from hevner.files import display_name, file_named, printable
from hevner.hits import Hit
from hevner.result import clock

FORMATS = ("m3u8", "xspf", "jspf")
"""Forms of playlists; the names are also the endings of files."""

_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Entry:
    """A piece in a playlist; ``place`` is a path or an address."""

    place: str
    label: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Existing:
    """A playlist that is there: its lines, and the folder that relative paths start from."""

    folder: Path
    lines: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> Existing:
        """Read an M3U8 or M3U file; raises `DataError` if it cannot be read or is none."""
        name = display_name(path)
        try:
            text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
        except OSError as error:
            cause = f"the playlist cannot be read ({error.strerror or error})"
            raise DataError(cause, subject=name, code="unreadable") from error
        if "\0" in text or text.lstrip().startswith(("<", "{")):
            remedy = "Give an M3U8 file"
            raise DataError("this is no M3U8 playlist", subject=name, remedy=remedy, code="no_m3u")
        folder = Path(os.path.realpath(path)).parent
        return cls(folder, tuple(line.strip() for line in text.splitlines() if line.strip()))

    @property
    def entries(self) -> list[Entry]:
        """The pieces in their order, with absolute paths."""
        found, label, seconds = [], "", None
        for line in self.lines:
            if info := re.match(r"#EXTINF:\s*(-?[\d.]+)[^,]*,(.*)", line):
                label, seconds = info[2].strip(), max(float(info[1]), 0.0) or None
            elif not line.startswith("#"):
                found.append(Entry(self._absolute(line), label, seconds))
                label, seconds = "", None
        return found

    def lines_for(self, output: Path | None) -> Iterator[str]:
        """The lines for a playlist elsewhere, None for one of no folder; comments as they are."""
        folder = _folder_of(output)
        if self.lines[:1] != ("#EXTM3U",):
            yield "#EXTM3U"
        for line in self.lines:
            shown = display_name(line)
            is_moved = not line.startswith("#") and (folder != self.folder or shown != line)
            yield _place(self._absolute(line), folder) if is_moved else shown

    def _absolute(self, line: str) -> str:
        address = urlsplit(line)
        if address.scheme == "file":
            return unquote(address.path, errors="surrogateescape")
        return line if "://" in line else str(self.folder / line.replace("\\", os.sep))


def playlist_as(
    form: str, hits: Sequence[Hit], output: Path | None = None, before: Existing | None = None
) -> str:
    """A playlist in one of `FORMATS`, after the pieces of another if ``before`` is one.

    Pieces are named relative to ``output``, the file that the text is for.
    """
    if form == "m3u8":
        old = ["#EXTM3U"] if before is None else list(before.lines_for(output))
        return "\n".join([*old, *_m3u(hits, _folder_of(output))]) + "\n"
    tracks = [_old_track(one, output) for one in before.entries] if before is not None else []
    tracks += [_track(hit, output) for hit in hits]
    if form == "jspf":
        for track in tracks:
            track["location"] = [track["location"]]
        text = json.dumps({"playlist": {"track": tracks}}, ensure_ascii=False, indent=1)
        return text + "\n"
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines += ['<playlist version="1" xmlns="http://xspf.org/ns/0/">', " <trackList>"]
    for track in tracks:
        parts = (f"<{name}>{_xml(value)}</{name}>" for name, value in track.items())
        lines.append(f"  <track>{''.join(parts)}</track>")
    return "\n".join([*lines, " </trackList>", "</playlist>"]) + "\n"


def _m3u(hits: Sequence[Hit], folder: Path | None) -> Iterator[str]:
    for hit in hits:
        yield f"#EXTINF:{max(round(_seconds(hit)), 1)},{printable(_label(hit))}"
        if hit.start is not None:
            yield f"#EXTVLCOPT:start-time={hit.start:g}"
            yield f"#EXTVLCOPT:stop-time={hit.end:g}"
        yield _place(hit.path, folder)


def _label(hit: Hit) -> str:
    title = hit.label or Path(hit.name).with_suffix("").as_posix()
    return title if hit.start is None else f"{title} ({clock(hit.start)})"


def _seconds(hit: Hit) -> float:
    return hit.duration if hit.start is None or hit.end is None else hit.end - hit.start


def _track(hit: Hit, output: Path | None) -> dict[str, Any]:
    """A track by the names of XSPF; times are in milliseconds."""
    title = hit.title if hit.label and hit.start is None else _label(hit)
    values = {
        "location": _address(hit.path, _folder_of(output)),
        "title": title,
        "creator": hit.artist,
        "album": hit.album,
        "trackNum": hit.track,
        "duration": round(1000 * _seconds(hit)),
    }
    return {name: display_name(v) if isinstance(v, str) else v for name, v in values.items() if v}


def _old_track(entry: Entry, output: Path | None) -> dict[str, Any]:
    artist, dash, title = entry.label.partition(" - ")
    values = {
        "location": _address(entry.place, _folder_of(output)),
        "title": title if dash else entry.label,
        "creator": artist if dash else "",
        "duration": round(1000 * (entry.seconds or 0)),
    }
    return {name: display_name(v) if isinstance(v, str) else v for name, v in values.items() if v}


def _folder_of(output: Path | None) -> Path | None:
    return None if output is None else Path(os.path.realpath(output)).parent


def _relative(path: str, folder: Path | None) -> tuple[str, bool]:
    """A path, relative to a folder if it is below; and whether it is."""
    file = file_named(path)
    assert isinstance(file, Path)  # objects are addresses
    is_below = folder is not None and file.is_relative_to(folder)
    return (file.relative_to(folder) if folder and is_below else file).as_posix(), is_below


def _address(path: str, folder: Path | None) -> str:
    """A file as an address, relative to a folder that it is below."""
    if "://" in path:
        return path
    place, is_below = _relative(path, folder)
    quoted = quote(place.encode("utf-8", "surrogateescape"))
    return quoted if is_below else f"file://{quoted}"


def _place(path: str, folder: Path | None) -> str:
    """A line that names a file, and that no player takes for a comment or an address."""
    if "://" in path:
        return path
    place, is_below = _relative(path, folder)
    if printable(place) != place or place != place.strip():
        # What cannot stand in a line of text can stand in an address.
        return _address(path, None)
    is_other = place.startswith("#") or (is_below and ":" in place.partition("/")[0])
    return f"./{place}" if is_other else place


def _xml(value: object) -> str:
    """Text for XML, which cannot hold most control characters."""
    return escape(_NO_XML.sub("\ufffd", str(value)))
