"""Leaks: tracks of a test set that share something with the tracks trained on.

Kinds of leak
-------------
id
    The same track of the same dataset.
recording
    The same recording by the field ``recording``, which names it across datasets.
song
    The same title by the same artist.
credit
    The artist fields read the same but for case and spaces; compilations count. This is what
    published counts of shared artists go by.
artist
    An artist in common: names without case, spaces and punctuation, featured artists by
    themselves, whether the artist field or the title names them. Unknown artists and compilations
    have nobody in common.
group
    The same group of the same dataset.
file
    Media files with the same bytes.
sound
    The same recording by fingerprint (`hevner.encoders.fingerprint`).

A count is the number of test tracks with at least one such partner in training.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hevner.datasets.track import Track
from hevner.errors import DataError

LINKS = ("id", "recording", "song", "credit", "artist", "group")
"""Kinds that are found in the fields of a track."""

KINDS = (*LINKS, "file", "sound")

NOBODY = frozenset(
    {"", "unknown", "unknownartist", "unbekannt", "na", "none", "nan", "various", "variousartists"}
    | {"va", "traditional", "群星", "韩国群星"}
)
"""Names, as `plain` writes them, that stand for no one; the Chinese ones say various artists."""

FEATURED = re.compile(
    r"[\s(\[]*\b(?:feat|ft|featuring)\b\.?\s*(?P<names>[^()\[\]]*?)(?:[)\]]|\s-\s|$)", re.IGNORECASE
)
BETWEEN_NAMES = re.compile(r"\s*(?:,|&|\band\b)\s*", re.IGNORECASE)

Pair = tuple[str, str]


def name(track: Track) -> str:
    """Name of a track across datasets, such as ``deam/115``."""
    return f"{track.dataset}/{track.id}"


def plain(text: str) -> str:
    """The letters and digits of a text, of any script, without case."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def artists(track: Track) -> set[str]:
    """All artists that the artist field and the title name, as `plain` writes them."""
    names = {plain(FEATURED.sub(" ", track.artist))}
    for text in (track.artist, track.title):
        for featured in FEATURED.finditer(text):
            names.update(plain(part) for part in BETWEEN_NAMES.split(featured["names"]))
    return names - NOBODY


def links(track: Track) -> dict[str, set[str]]:
    """Links of a track by kind of leak; tracks with a link in common belong together."""
    people = artists(track)
    title = plain(FEATURED.sub(" ", track.title))
    credit = " ".join(track.artist.casefold().split())
    return {
        "id": {name(track)},
        "recording": {track.recording} if track.recording else set(),
        "song": {f"{title}/{person}" for person in people} if title else set(),
        "credit": {credit} if credit not in ("", "unknown") else set(),
        "artist": people,
        "group": {f"{track.dataset}/{track.group}"} if track.group else set(),
    }


@dataclass(frozen=True)
class Leaks:
    """Leaks of a test set.

    Attributes
    ----------
    pairs
        By kind, for each test track that leaks, its name and that of one partner in training.
        Kinds without a leak are not there.
    tested
        Tracks in the test set.
    not_compared
        Tracks on either side whose sound was not compared; None if there were no fingerprints.
    """

    pairs: Mapping[str, tuple[Pair, ...]]
    tested: int
    not_compared: int | None

    @property
    def counts(self) -> dict[str, int]:
        """Test tracks that leak, for every kind."""
        return {kind: len(self.pairs.get(kind, ())) for kind in KINDS}

    @property
    def label(self) -> str:
        """One line for a report, such as ``leaks: artist 59 of 125; sound not compared``."""
        found = [f"{kind} {len(pairs)} of {self.tested}" for kind, pairs in self.pairs.items()]
        text = f"leaks: {', '.join(found) or 'none'}"
        if self.not_compared is None:
            return f"{text}; sound not compared"
        return (
            f"{text}; sound of {self.not_compared} tracks not compared"
            if self.not_compared
            else text
        )

    def __str__(self) -> str:
        lines = [self.label]
        for kind, pairs in self.pairs.items():
            examples = ", ".join(f"{test} = {train}" for test, train in pairs[:3])
            lines.append(f"  {kind}: {examples}{', ...' if len(pairs) > 3 else ''}")
        return "\n".join(lines)


def find(
    train: Sequence[Track],
    test: Sequence[Track],
    fingerprints: Mapping[str, Sequence[int]] | None = None,
) -> Leaks:
    """Compare a test set with the tracks trained on.

    Parameters
    ----------
    train, test
        Tracks of any datasets.
    fingerprints
        Words by `name` of the track, as `hevner.encoders.fingerprint.fingerprint` makes them.

    Raises
    ------
    DataError
        If a media file cannot be read.
    """
    pairs = _linked(train, test)
    pairs["file"] = _same_files(train, test)
    not_compared = None
    if fingerprints is not None:
        both = {name(track) for track in (*train, *test)}
        not_compared = len(both - fingerprints.keys())
        pairs["sound"] = _same_sound(train, test, fingerprints)
    return Leaks(
        {kind: tuple(found) for kind, found in pairs.items() if found}, len(test), not_compared
    )


def refuse(found: Leaks, allowed: Collection[str] = ()) -> str:
    """Stop if there are leaks that were not allowed.

    Parameters
    ----------
    found
        Leaks that `find` returned.
    allowed
        Kinds of leak to accept.

    Returns
    -------
    str
        A label that every report of the results must carry.

    Raises
    ------
    DataError
        If there is a leak of another kind, or no such kind.
    """
    unknown = sorted(set(allowed) - set(KINDS))
    if unknown:
        raise DataError(
            f"no kind of leak '{unknown[0]}'",
            remedy=f"Choose among {', '.join(KINDS)}",
            code="unknown_choice",
        )
    refused = [kind for kind in found.pairs if kind not in allowed]
    if refused:
        shared = "; ".join(
            f"same {kind} for {len(found.pairs[kind])} of {found.tested} ({{}} as {{}})".format(
                *found.pairs[kind][0]
            )
            for kind in refused
        )
        raise DataError(
            f"test tracks are known from training: {shared}",
            remedy="Use a fold of hevner.datasets.folds, which keeps them on one side, or allow "
            f"{', '.join(refused)} by name, and the report will say so",
            code="leak",
        )
    return found.label


def _linked(train: Iterable[Track], test: Iterable[Track]) -> dict[str, list[Pair]]:
    known: dict[str, dict[str, str]] = {kind: {} for kind in LINKS}
    for track in train:
        for kind, keys in links(track).items():
            for key in keys:
                known[kind].setdefault(key, name(track))
    pairs: dict[str, list[Pair]] = {kind: [] for kind in LINKS}
    for track in test:
        for kind, keys in links(track).items():
            shared = sorted(keys & known[kind].keys())
            if shared:
                pairs[kind].append((name(track), known[kind][shared[0]]))
    return pairs


def _same_files(train: Iterable[Track], test: Iterable[Track]) -> list[Pair]:
    """Tracks with the same bytes; only files of the same size are read."""
    digests: dict[Path, bytes] = {}

    def content(path: Path) -> bytes:
        if path not in digests:
            with path.open("rb") as file:
                digests[path] = hashlib.file_digest(file, "sha256").digest()
        return digests[path]

    sizes: dict[int, list[Track]] = defaultdict(list)
    pairs = []
    try:
        for track in train:
            if track.media is not None:
                sizes[track.media.stat().st_size].append(track)
        for track in test:
            for other in [] if track.media is None else sizes[track.media.stat().st_size]:
                if content(track.path) == content(other.path):
                    pairs.append((name(track), name(other)))
                    break
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror or error})",
            subject=str(error.filename),
            remedy="Check the dataset's folder",
            code="unreadable_file",
        ) from error
    return pairs


def _same_sound(
    train: Iterable[Track], test: Iterable[Track], fingerprints: Mapping[str, Sequence[int]]
) -> list[Pair]:
    import numpy as np

    from hevner.encoders.fingerprint import matches

    learned, tested = ({name(track) for track in side} for side in (train, test))
    words = {
        track: np.asarray(fingerprints[track], np.uint32)
        for track in sorted(learned | tested)
        if track in fingerprints
    }
    partners: dict[str, str] = {}
    for match in matches(words):
        for one, other in ((match.first, match.second), (match.second, match.first)):
            if one in tested and other in learned:
                partners.setdefault(one, other)
    return list(partners.items())
