"""Title, artist, album and the like of an audio file, from its tags and from its path.

Conventions
-----------
Tags are read by mutagen, the extra ``tags``; without it, and for what the tags leave out, names are
guessed from a path such as ``Artist/Album/01 Title.flac``. Nothing here fails: tags come from
strangers, and a file whose tags are damaged has a sound all the same. Text is valid Unicode in one
line; several values are joined by ``; ``. None stands for what is not known.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path, PurePath
from typing import Any

from hevner.files import display_name

LONGEST = 300
"""Most characters of a text."""

MOST_COVER = 2**21
"""Most bytes of a cover; larger ones count as missing, as they are no small pictures."""

KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
"""Media types of covers by how they begin."""

TEXTS = ("title", "artist", "album", "album_artist", "genre")
NUMBERS = ("track", "year")
IDS = ("musicbrainz_recording", "musicbrainz_release", "musicbrainz_artist")

KEYS = {
    "title": ("tit2", "title", "\xa9nam"),
    "artist": ("tpe1", "artist", "\xa9art", "author"),
    "album": ("talb", "album", "\xa9alb", "wm/albumtitle"),
    "album_artist": ("tpe2", "albumartist", "album artist", "aart", "wm/albumartist"),
    "track": ("trck", "tracknumber", "trkn", "track", "wm/tracknumber"),
    "year": ("tdrc", "date", "year", "\xa9day", "wm/year", "tdor", "originaldate"),
    "genre": ("tcon", "genre", "\xa9gen", "wm/genre"),
    "musicbrainz_recording": (
        "ufid:http://musicbrainz.org", "musicbrainz_trackid",
        "----:com.apple.itunes:musicbrainz track id", "musicbrainz/track id",
    ),
    "musicbrainz_release": (
        "txxx:musicbrainz album id", "musicbrainz_albumid",
        "----:com.apple.itunes:musicbrainz album id", "musicbrainz/album id",
    ),
    "musicbrainz_artist": (
        "txxx:musicbrainz artist id", "musicbrainz_artistid",
        "----:com.apple.itunes:musicbrainz artist id", "musicbrainz/artist id",
    ),
}  # fmt: skip
"""Names of each field in ID3, Vorbis comments, APE, MP4 and ASF, in small letters; the first that
is there counts."""

PICTURES = ("apic", "covr", "wm/picture", "cover art (front)", "metadata_block_picture")
"""Beginnings of the names of pictures."""

_TRACK = re.compile(r"(?P<track>\d{1,3})(?:\s*[._-]\s*|\s+)(?=\S)")
_DISC = re.compile(r"(?:cd|dis[ck])\s*\d+", re.IGNORECASE)
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Metadata:
    """What a file says about its music.

    Attributes
    ----------
    title, artist, album, album_artist, genre
        As the tags have them.
    track
        Number in its album.
    year
        Year of the recording, else of the release.
    cover
        Media type of the embedded picture, ``image/jpeg`` or ``image/png``, if it is small enough
        (`cover` reads it).
    musicbrainz_recording, musicbrainz_release, musicbrainz_artist
        Ids of MusicBrainz; of several artists, the first.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    album_artist: str | None = None
    track: int | None = None
    year: int | None = None
    genre: str | None = None
    cover: str | None = None
    musicbrainz_recording: str | None = None
    musicbrainz_release: str | None = None
    musicbrainz_artist: str | None = None


FIELDS = tuple(field.name for field in fields(Metadata))

SHOWN = tuple(name for name in FIELDS if name not in IDS)
"""Fields that results of searches have."""


def read(path: Path, name: str = "") -> Metadata:
    """The metadata of a file; what its tags leave out is guessed from its path.

    Parameters
    ----------
    path
        The file.
    name
        Its path below the folder of the music; the bare file name if empty.
    """
    found = Metadata(**_from_tags(path)) if can_read_tags() else Metadata()
    guess = asdict(from_path(name or path.name))
    missing = {key: value for key, value in guess.items() if getattr(found, key) is None}
    return replace(found, **missing)


@cache
def can_read_tags() -> bool:
    """Whether the package that reads tags is installed."""
    return find_spec("mutagen") is not None


def from_path(name: str) -> Metadata:
    """What a path such as ``Artist/Album/01 Title.flac`` or ``Artist - Title.mp3`` plainly says."""
    *folders, file = PurePath(name).parts or ("",)
    stem = _line(PurePath(file).stem)
    number = _TRACK.match(stem)
    rest = stem[number.end() :] if number else stem
    artist, dash, title = rest.partition(" - ")
    above = [folder for folder in folders if not _DISC.fullmatch(folder) and folder != "/"]
    guess: dict[str, Any] = {"title": title if dash else rest, "artist": artist if dash else None}
    if len(above) >= 2:
        guess = {"title": rest, "artist": _line(above[-2]), "album": _line(above[-1])}
    if number:
        guess["track"] = int(number["track"])
    return Metadata(**{key: value or None for key, value in guess.items()})


def cover(path: Path) -> tuple[str, bytes] | None:
    """The embedded picture of a file and its media type; None if there is none of `MOST_COVER`."""
    return _cover(_opened(path)) if can_read_tags() else None


def source() -> str:
    """Where metadata is looked for, ``tags`` or ``path``."""
    return "tags" if can_read_tags() else "path"


def _opened(path: Path) -> Any:
    """The file as mutagen sees it; None if it sees nothing."""
    import mutagen

    try:
        return mutagen.File(path)
    # Tags come from strangers, and their reader raises all kinds of errors on damaged ones.
    except Exception:  # noqa: BLE001
        return None


def _from_tags(path: Path) -> dict[str, Any]:
    file = _opened(path)
    try:
        tags = {
            str(key).lower(): value for key, value in (getattr(file, "tags", None) or {}).items()
        }
        values = {field: _values(tags, keys) for field, keys in KEYS.items()}
        found: dict[str, Any] = {
            field: "; ".join(dict.fromkeys(values[field]))[:LONGEST] or None for field in TEXTS
        }
        found |= {field: _number(field, values[field]) for field in NUMBERS}
        found |= {field: next(_ids(values[field]), None) for field in IDS}
        picture = _cover(file)
        return found | {"cover": picture and picture[0]}
    except Exception:  # noqa: BLE001 - as above
        return {}


def _values(tags: dict[str, Any], keys: Iterable[str]) -> list[str]:
    """The values of the first key that has any, as lines of text."""
    for key in keys:
        if key in tags and (lines := [line for line in map(_line, _texts(tags[key])) if line]):
            return lines
    return []


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value of any kind of tag."""
    if isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, tuple):  # number and count
        yield str(value[0])
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif not isinstance(value, str) and (inner := _inner(value)) is not None:
        yield from _texts(inner)
    else:
        yield from str(value).split("\0")


def _inner(value: Any) -> Any:
    """What a frame or an attribute holds; a genre by its name where it has a number."""
    for name in ("genres", "text", "data", "value"):
        if (inner := getattr(value, name, None)) is not None:
            return inner
    return None


def _line(text: str) -> str:
    return " ".join(display_name(text).split())


def _number(field: str, values: Iterable[str]) -> int | None:
    """The first number in a text; a year has four digits."""
    pattern = r"(?<!\d)[12]\d{3}(?!\d)" if field == "year" else r"\d{1,4}(?!\d)"
    found = re.search(pattern, next(iter(values), ""))
    return int(found[0]) or None if found else None


def _ids(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        yield from _ID.findall(value.lower())


def _cover(file: Any) -> tuple[str, bytes] | None:
    for data in _pictures(file):
        for begin, kind in KINDS.items():
            if data.startswith(begin) and len(data) <= MOST_COVER:
                return kind, data
    return None


def _pictures(file: Any) -> Iterator[bytes]:
    """The pictures of a file, front covers first."""
    tags = getattr(file, "tags", None) or {}
    held = [*getattr(file, "pictures", ())]
    for key, value in tags.items():
        if str(key).lower().startswith(PICTURES):
            held += value if isinstance(value, list) else [value]
    found = [_picture(one) for one in held]
    yield from (data for front in (True, False) for is_front, data in found if is_front == front)


def _picture(value: Any) -> tuple[bool, bytes]:
    """Whether a picture is the front cover, and its bytes."""
    from mutagen.flac import Picture

    if isinstance(value, str):  # as Vorbis comments write it
        try:
            value = Picture(base64.b64decode(value))  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - as above
            return False, b""
    data = getattr(value, "data", None)
    if data is None:
        data = bytes(getattr(value, "value", value))
    if not isinstance(value, bytes) and hasattr(value, "value"):
        # ASF and APE have other values before the picture.
        begins = [at for begin in KINDS if (at := data.find(begin)) >= 0]
        data = data[min(begins) :] if begins else b""
    return getattr(value, "type", 3) == 3, bytes(data)
