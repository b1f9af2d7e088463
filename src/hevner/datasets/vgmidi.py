"""VGMIDI: piano arrangements of game music, rated continuously (Ferreira and Whitehead, 2019)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import on_scale
from hevner.datasets.track import Curve, Track
from hevner.emotion import AXES, UNIT
from hevner.errors import DataError
from hevner.text_file import read_json

CARD = read_card("vgmidi")

Entry = tuple[Any, str]
"""A piece as the files have it, unchecked, and its place."""


@dataclass(frozen=True)
class _Piece:
    """A piece with one list of values per rater, which may be longer than ``measures``."""

    name: str
    measures: int
    duration: float
    raters: dict[str, list[list[float]]]
    where: str

    @property
    def has_surplus(self) -> bool:
        """Whether a rater has more values than there are measures."""
        return any(len(r) > self.measures for axis in AXES for r in self.raters[axis])


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`."""
    root = folder / "labelled" if (folder / "labelled").is_dir() else folder
    rounds = sorted((root / "annotations").glob("*.json"))
    entries = (
        [entry for path in rounds for entry in _official(path, findings)]
        if rounds
        else _listed(root / "ratings.json")
    )
    media = Media(CARD, root, ("midi",), findings)
    tracks: dict[str, Track] = {}
    surplus = []
    for values, where in entries:
        with findings.skipping():
            piece = _piece(values, where)
            if piece.name in tracks:
                raise _fault(
                    piece.where,
                    "duplicate_id",
                    f"piece '{piece.name}' occurs before",
                    "Keep one of the two entries",
                )
            tracks[piece.name] = _track(piece, media, labels)
            surplus += [piece.name] * piece.has_surplus
    media.report_unlabelled()
    if surplus and labels == "repaired":
        findings.repair("surplus-value", f"left out in {', '.join(surplus)}", len(surplus))
    return list(tracks.values())


def _fault(
    where: str, code: str, cause: str, remedy: str = "Fetch the rating file again"
) -> DataError:
    return DataError(cause, subject=where, remedy=remedy, code=code)


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except OSError as error:
        raise _fault(
            str(path),
            "unreadable_file",
            f"cannot be read ({error.strerror})",
            "Check the dataset's folder",
        ) from error
    except ValueError as error:
        raise _fault(str(path), "not_json", f"not JSON ({error})") from error


def _listed(path: Path) -> list[Entry]:
    """Pieces of a file that lists them with their ratings."""
    pieces = _json(path)
    if not isinstance(pieces, list):
        raise _fault(str(path), "wrong_type", "does not hold a list of pieces")
    return [(piece, f"{path}, piece {number}") for number, piece in enumerate(pieces)]


def _official(path: Path, findings: Findings) -> Iterator[Entry]:
    """Pieces of one round of the authors: pieces and ratings stand in separate tables."""
    content = _json(path)
    try:
        pieces, annotations = content["pieces"], content["annotations"]
        ratings: dict[str, list[Any]] = {}
        for name, rating in annotations.items():
            ratings.setdefault(name.split("_")[0], []).append(rating)
    except (KeyError, TypeError, AttributeError) as error:
        raise _fault(str(path), "wrong_type", "does not hold 'pieces' and 'annotations'") from error
    for name in sorted(ratings.keys() - pieces.keys()):
        findings.note("ratings-without-piece", f"ratings of an unknown {name}", str(path))
    for name, piece in pieces.items():
        where = f"{path}, {name}"
        try:
            values = {
                "id": Path(piece["midi"]).stem,
                "measures": piece["measures"],
                "duration_s": piece["duration"],
                **{axis: [one[axis] for one in ratings.get(name, ())] for axis in AXES},
            }
        except (KeyError, TypeError) as error:
            values = {"id": name}  # reported with the other entries that lack something
            where = f"{where} ({error})"
        yield values, where


def _piece(values: Any, where: str) -> _Piece:
    try:
        piece = _Piece(
            str(values["id"]),
            int(values["measures"]),
            float(values["duration_s"]),
            {axis: [list(rater) for rater in values[axis]] for axis in AXES},
            where,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _fault(
            where, "value_missing", f"an entry is missing or no number ({error})"
        ) from error
    if piece.name.count("_") < 3 or piece.measures < 1 or not 0 < piece.duration < np.inf:
        raise _fault(
            where,
            "unknown_name",
            f"'{piece.name}' with {piece.measures} measures in {piece.duration:g} s is no piece",
            "Expected names such as <series>_<console>_<game>_<piece>",
        )
    return piece


def _track(piece: _Piece, media: Media, labels: str) -> Track:
    series, console, game, title = piece.name.split("_", 3)
    valence, arousal = (_ratings(piece, axis) for axis in AXES)
    if len(valence) != len(arousal):
        raise _fault(
            piece.where, "wrong_count", "valence and arousal have different numbers of raters"
        )
    curve = Curve(
        (np.arange(piece.measures) + 0.5) * piece.duration / piece.measures,
        valence.mean(axis=0),
        arousal.mean(axis=0),
        valence.std(axis=0, ddof=1),
        arousal.std(axis=0, ddof=1),
        valence,
        arousal,
    )
    if labels == "repaired":
        of_rater = {"valence": valence.mean(axis=1), "arousal": arousal.mean(axis=1)}
        mean = {"valence": curve.valence.mean(), "arousal": curve.arousal.mean()}
    else:
        of_rater = {axis: np.array([np.mean(r) for r in piece.raters[axis]]) for axis in AXES}
        mean = {axis: of_rater[axis].mean() for axis in AXES}
    return Track(
        "vgmidi",
        piece.name,
        media.find(piece.name, piece.where),
        group=f"{series}-{console}-{game}",
        recording=f"vgmidi/{piece.name}",
        title=title,
        collection=series,
        valence=float(mean["valence"]),
        arousal=float(mean["arousal"]),
        valence_std=float(of_rater["valence"].std(ddof=1)),
        arousal_std=float(of_rater["arousal"].std(ddof=1)),
        raters=len(valence),
        valence_by_rater=tuple(of_rater["valence"].tolist()),
        arousal_by_rater=tuple(of_rater["arousal"].tolist()),
        curve=curve,
    )


def _ratings(piece: _Piece, axis: str) -> Doubles:
    """Raters by measures; values past the last measure are left out."""
    raters, where = piece.raters[axis], f"{piece.where}, {axis}"
    if len(raters) < 2:
        raise _fault(where, "wrong_count", f"{len(raters)} raters, expected two or more")
    if any(len(rater) < piece.measures for rater in raters):
        raise _fault(where, "wrong_count", f"a rater has fewer than {piece.measures} values")
    try:
        ratings = np.array([rater[: piece.measures] for rater in raters], dtype=float)
    except (TypeError, ValueError):
        ratings = np.array([[np.nan]])
    if not np.isfinite(ratings).all():
        raise _fault(where, "not_a_number", "a rating is not a number", "Remove that rater")
    for extreme in (ratings.min(), ratings.max()):
        on_scale(float(extreme), UNIT, "a rating", where)
    return ratings
