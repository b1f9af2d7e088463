"""The music that a model was trained on, kept beside it, and what of a test set it knows already.

``NAME.music.npz`` beside the graph ``NAME.onnx`` holds the names, groups, artists and titles of all
training tracks, and fingerprints of the recordings among them (`hevner.encoders.fingerprint`). No
sound can be made from either. Tracks rendered from MIDI have no fingerprint: a recording of the
same piece is another recording.

Conventions
-----------
A test track is *seen* if it is a training track by id, recording, song or sound, *related* if it
shares no more than an artist or group with one, and *unseen* if nothing was found. Of a model
without that file it is *not compared*, unless its whole dataset was trained on: then it is seen.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from hevner.arrays import Names
from hevner.datasets import leaks
from hevner.datasets.track import Track
from hevner.encoders.fingerprint import CARD, HOP_SAMPLES, MINIMUM_S, Words
from hevner.errors import ModelError
from hevner.files import display_name, write_file

SEEN: tuple[str, ...] = ("id", "recording", "song", "file", "sound")
"""Kinds of leak (`hevner.datasets.leaks`) that make a track seen; the others make it related."""

FIELDS = ("dataset", "id", "group", "recording", "title", "artist", "album")
"""Fields of a training track that are kept."""

KEPT_S = 15.5
"""Seconds from the middle of a recording whose fingerprint is kept: just more than
`hevner.encoders.fingerprint.SHORT_S`, which allows more differences."""

TEST = "test"
"""Dataset of test tracks whose own says nothing."""

Status = Literal["seen", "related", "unseen", "not compared"]


@dataclass(frozen=True, eq=False)
class Known:
    """Training music: tracks without media, and fingerprints of recordings by full name."""

    tracks: tuple[Track, ...]
    words: Mapping[str, Words]


@dataclass(frozen=True)
class Verdict:
    """What is known of each track of a test set, and in one line for tables (``label``).

    ``example`` names a seen track and the one in training that it is; empty if none is seen.
    """

    status: tuple[Status, ...]
    label: str
    example: str

    @property
    def names(self) -> Names:
        """``status`` as an array."""
        return np.array(self.status, np.str_)


def place(model: Path) -> Path:
    """Where the training music of a model lies."""
    return model.with_name(f"{model.stem}.music.npz")


def write(
    model: Path, tracks: Iterable[Track], words: Mapping[str, Words], base: Known | None = None
) -> None:
    """Keep the training music of a model beside its graph.

    ``words`` are fingerprints by full name (`hevner.lab.data.representations.fingerprints`); the
    middle of each is kept. ``base`` is the training music of a model that this one was made from,
    which it knows too.
    """
    music = kept(tracks, words, base)
    facts = [{field: getattr(track, field) for field in FIELDS} for track in music.tracks]
    blank = np.zeros(0, np.uint32)
    rows = [music.words.get(leaks.name(track), blank) for track in music.tracks]
    file = io.BytesIO()
    np.savez(
        file,
        version=np.array(CARD.version),
        tracks=np.frombuffer(json.dumps(facts).encode("utf-8"), np.uint8),
        lengths=np.array([len(row) for row in rows], np.int64),
        words=np.concatenate([blank, *rows]),
    )
    write_file(place(model), file.getvalue())


def kept(tracks: Iterable[Track], words: Mapping[str, Words], base: Known | None = None) -> Known:
    """What is kept of training music; arguments as for `write`."""
    found = {leaks.name(track): track for track in (*(base.tracks if base else ()), *tracks)}
    middles = {name: _middle(one) for name, one in words.items() if name in found}
    return Known(tuple(found.values()), {**(base.words if base else {}), **middles})


def load(model: Path) -> Known | None:
    """The training music of a model; None if it is not kept.

    Raises `ModelError` if the file is damaged, or its fingerprints are of another version.
    """
    path = place(model)
    if not path.is_file():
        return None
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            facts = json.loads(file["tracks"].tobytes())
            ends = np.cumsum(file["lengths"])[:-1]
            rows = np.split(file["words"], ends)
            version = str(file["version"])
        tracks = tuple(Track(media=None, **one) for one in facts)
        words = {leaks.name(t): row for t, row in zip(tracks, rows, strict=True) if len(row)}
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"its training music cannot be read ({error})",
            subject=display_name(path),
            remedy="Train the model again, or take the file away: then nothing is compared",
            code="unreadable",
        ) from error
    if version != CARD.version:
        raise ModelError(
            f"fingerprints of version {version}, these are of {CARD.version}",
            subject=display_name(path),
            remedy="Train the model again",
            code="other_features",
        )
    return Known(tracks, words)


def compare(
    known: Known | None,
    trained_on: Iterable[str],
    tracks: Sequence[Track],
    words: Mapping[str, Words],
) -> Verdict:
    """Compare tracks of one dataset with the music that a model was trained on.

    ``known`` is None if that music is not kept; ``trained_on`` names the datasets on the model's
    card; ``words`` are the fingerprints of the tracks by full name.
    """
    if known is None:
        whole = tracks[0].dataset != "own" and tracks[0].dataset in set(trained_on)
        status: Status = "seen" if whole else "not compared"
        label = "its dataset was trained on" if whole else "training music not kept, not compared"
        return Verdict((status,) * len(tracks), label, tracks[0].dataset if whole else "")
    test = [_apart(track, words.get(leaks.name(track))) for track in tracks]
    both = zip(test, tracks, strict=True)
    own = {leaks.name(t): words[leaks.name(o)] for t, o in both if leaks.name(o) in words}
    sounds = {name: one.tolist() for name, one in (*known.words.items(), *own.items())}
    found = leaks.find(known.tracks, test, sounds)
    kinds: dict[str, set[str]] = {}
    for kind, pairs in found.pairs.items():
        for one, _ in pairs:
            kinds.setdefault(one, set()).add(kind)
    statuses = tuple(_status(kinds.get(leaks.name(track), set())) for track in test)
    pair = next((found.pairs[kind][0] for kind in SEEN if kind in found.pairs), None)
    counts = Counter(statuses)
    lacking = sum(leaks.name(track) not in words for track in tracks)
    label = ", ".join(
        f"{counts[one]} {one}" for one in ("seen", "related", "unseen") if counts[one]
    )
    label += f" by {', '.join(found.pairs)}" if found.pairs else ""
    label += f"; sound of {lacking} not compared" if lacking else ""
    return Verdict(statuses, label, " is ".join(pair) if pair else "")


def _status(kinds: set[str]) -> Status:
    if kinds & set(SEEN):
        return "seen"
    return "related" if kinds else "unseen"


def _apart(track: Track, words: Words | None) -> Track:
    """A test track without its file, and without an id that says nothing.

    Two datasets of one's own may both have a track 001: where the sound decides, their ids do not.
    """
    decides = words is not None and len(words) * HOP_SAMPLES >= MINIMUM_S * CARD.sample_rate
    if track.dataset == "own" and decides:
        return replace(track, media=None, dataset=TEST, recording="")
    return replace(track, media=None)


def _middle(words: Words) -> Words:
    """The middle of a fingerprint, `KEPT_S` long."""
    length = round(KEPT_S * CARD.sample_rate / HOP_SAMPLES)
    start = max(len(words) - length, 0) // 2
    return np.asarray(words[start : start + length], np.uint32)
