"""Fields of tags in each kind of file, read and written with mutagen.

Conventions
-----------
A kind of tags is one of `KINDS`: its names for fields are in `NAMES`, other spellings that programs
use are in `OTHERS`; a field that has a value under any of them counts as there. A tag of ID3 stays
of its version, as its frames are not translated; tags of version 2.2, which nobody writes, become
2.3, and new ones are 2.4. All else in the tags is written back as it was read.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from hevner.errors import AudioError
from hevner.files import display_name
from hevner.tags.values import FIELDS, KEY, MOOD, TEMPO, WORDS, Values

KINDS = {
    "MP3": "id3",
    "WAVE": "id3",
    "AIFF": "id3",
    "FLAC": "vorbis",
    "OggVorbis": "vorbis",
    "OggOpus": "vorbis",
    "OggFLAC": "vorbis",
    "MP4": "mp4",
    "ASF": "asf",
    "WavPack": "ape",
    "MonkeysAudio": "ape",
}
"""Kinds of tags by mutagen's class of a file."""

FREE = "----:com.apple.iTunes:"
TXXX = "TXXX:"

OWN = {name: name.upper() for name in FIELDS} | {WORDS: "EMOTION"}
"""Names of fields that have no convention; everywhere the same."""

NAMES: dict[str, dict[str, str]] = {
    "id3": {name: TXXX + own for name, own in OWN.items()}
    | {MOOD: "TMOO", TEMPO: "TBPM", KEY: "TKEY"},
    "vorbis": OWN | {TEMPO: "BPM", KEY: "INITIALKEY"},
    "mp4": {name: FREE + own for name, own in OWN.items()}
    | {TEMPO: "tmpo", KEY: f"{FREE}initialkey"},
    "asf": OWN | {MOOD: "WM/Mood", TEMPO: "WM/BeatsPerMinute", KEY: "WM/InitialKey"},
    "ape": OWN | {MOOD: "Mood", TEMPO: "BPM", KEY: "INITIALKEY"},
}
"""Name of each field by kind of tags."""

OTHERS: dict[str, dict[str, tuple[str, ...]]] = {
    "id3": {MOOD: ("TXXX:MOOD",), TEMPO: ("TXXX:BPM",), KEY: ("TXXX:INITIALKEY", "TXXX:KEY")},
    "vorbis": {TEMPO: ("TEMPO",), KEY: ("KEY",)},
    "mp4": {TEMPO: (f"{FREE}BPM",), KEY: (f"{FREE}KEY",)},
    "asf": {MOOD: ("MOOD",), TEMPO: ("BPM",), KEY: ("INITIALKEY",)},
    "ape": {TEMPO: ("TEMPO",), KEY: ("KEY",)},
}
"""Other names under which a field may be there."""


class TaggedFile:
    """The tags of a file.

    Parameters
    ----------
    path
        The file.
    like
        Another copy of it, whose kind it has; without one, name and content decide.

    Raises
    ------
    AudioError
        If its tags cannot be read, or nothing is known of such files.
    """

    def __init__(self, path: Path, like: TaggedFile | None = None) -> None:
        import mutagen

        self.file: Any = None
        try:
            kind: Any = type(like.file if like is not None else mutagen.File(path))
            self.kind = KINDS.get(kind.__name__, "")
            if self.kind:
                self.file = kind(path, **({"translate": False} if self.kind == "id3" else {}))
        except mutagen.MutagenError as error:
            raise AudioError(
                f"its tags cannot be read ({error})",
                subject=display_name(path),
                remedy="Mend the file with a program that writes tags, or convert it",
                code="tags_unreadable",
            ) from error
        if not self.kind:
            raise AudioError(
                "no tags can be written into such a file",
                subject=display_name(path),
                remedy="These can: MP3, WAV, AIFF, FLAC, Ogg, Opus, M4A, WMA, WavPack, APE",
                code="unsupported_tags",
            )
        self._old_id3 = self.kind == "id3" and bool(self.file.tags) and self.version < (2, 4, 0)

    @property
    def version(self) -> tuple[int, ...]:
        """Version of tags of ID3 that are there; (1, 1) for those at the end of a file."""
        version: tuple[int, ...] = self.file.tags.version
        return version

    def name(self, field: str) -> str:
        """The name of a field in this file; ID3 has a frame for moods since version 2.4."""
        old = self.kind == "id3" and field == MOOD and self._written_as() == 3
        return "TXXX:MOOD" if old else NAMES[self.kind][field]

    def _names(self, field: str) -> tuple[str, ...]:
        """All names of a field in files of this kind, its own first."""
        return (NAMES[self.kind][field], *OTHERS[self.kind].get(field, ()))

    def values(self, field: str) -> tuple[str, ...]:
        """The values of a field, under any of its names; none if it is not there."""
        return next((found for name in self._names(field) if (found := self._read(name))), ())

    def put(self, values: Values) -> None:
        """Write fields to the file, in place of what they held.

        Raises
        ------
        MutagenError, OSError
            If that is not possible.
        """
        if self.file.tags is None:
            self.file.add_tags()
        for field, texts in values.items():
            for name in self._names(field):
                for key in self._keys(name):
                    del self.file.tags[key]
            self._set(self.name(field), texts)
        if self.kind != "id3":
            self.file.save()
            return
        ending = _id3v1(Path(self.file.filename))
        self.file.save(v2_version=self._written_as(), v23_sep=None)
        if ending:  # which mutagen writes anew from the other frames
            with Path(self.file.filename).open("r+b") as file:
                file.seek(-len(ending), 2)
                file.write(ending)

    def rest(self, without: Collection[str]) -> dict[str, Any]:
        """All that is in the tags, for comparing, but some fields."""
        ours = {key for field in without for name in self._names(field) for key in self._keys(name)}
        tags = self.file.tags
        found = {key: tags[key] for key in (tags or {}).keys() if key not in ours}  # noqa: SIM118
        if self.kind == "vorbis":  # keys with their case, which look-ups ignore
            found = {"": [pair for pair in tags or () if pair[0].lower() not in ours]}
        pictures = [picture.write() for picture in getattr(self.file, "pictures", ())]
        return found | {"pictures": pictures, "unknown": getattr(tags, "unknown_frames", [])}

    def _written_as(self) -> int:
        """Minor version in which ID3 is written: 3 or 4."""
        return 3 if self._old_id3 and self.version[0] == 2 else 4

    def _keys(self, name: str) -> list[str]:
        """The keys that are a name but for their case, with the numbers of equal frames of ID3."""
        wanted = name.upper()
        keys = [] if self.file.tags is None else list(dict.fromkeys(self.file.tags.keys()))
        return [key for key in keys if key.upper() == wanted]

    def _read(self, name: str) -> tuple[str, ...]:
        found: list[str] = []
        for key in self._keys(name):
            value = self.file.tags[key]
            if self.kind == "id3":
                value = value.text
            elif self.kind == "mp4":
                value = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one or ""
                         for one in value]  # fmt: skip
            found += [str(one) for one in (value if not isinstance(value, str) else [value])]
        return tuple(text for text in found if text)

    def _set(self, name: str, texts: tuple[str, ...]) -> None:
        tags = self.file.tags
        match self.kind:
            case "id3":
                from mutagen import id3

                # Names of frames are ASCII, as all texts of hevner are; names of one's own are not.
                how: dict[str, Any] = {"encoding": 0 if "".join(texts).isascii() else 1}
                how["text"] = ["; ".join(texts)] if self._written_as() == 3 else list(texts)
                if name.startswith(TXXX):
                    how["desc"] = name.removeprefix(TXXX)
                tags.add(getattr(id3, name[:4])(**how))
            case "mp4" if name == "tmpo":
                tags[name] = [min(int(texts[0]), 2**16 - 1)]
            case "mp4":
                tags[name] = [text.encode() for text in texts]
            case _:
                tags[name] = list(texts)


def _id3v1(path: Path) -> bytes:
    """The tag at the end of a file as ID3 had it first; empty if there is none."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 128))
        ending = file.read()
    return ending if len(ending) == 128 and ending.startswith(b"TAG") else b""
