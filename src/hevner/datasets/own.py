"""Datasets of one's own: a table of labels, a row per track or per rater, or JAMS files, and audio.

Conventions
-----------
The files, columns and scales are those of ``layout.toml`` (`hevner.datasets.layout`); without one
the table is ``annotations.csv`` and the audio lies in ``audio``. If there is no table, all
``.jams`` files of the folder are read (`hevner.datasets.jams`). A row without any label is left out
and noted.

With a column ``rater``, each row is what one rater gave: tracks get means of ratings and standard
deviations (n - 1), the class with the most votes, and the tags of at least half of the raters;
``rater_weights = "agreement"`` weighs raters by how they agree with the others.

``moments.csv`` has ratings over time: ``id``, ``time`` in seconds, ``valence`` and ``arousal``, and
``rater`` where there are several. Tracks without ratings of the whole have the mean of their
moments.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hevner.datasets import raters
from hevner.datasets.card import read_card
from hevner.datasets.findings import Findings
from hevner.datasets.jams import read_jams
from hevner.datasets.labels import CLASSES, FELT, RATINGS
from hevner.datasets.layout import Layout, read_layout
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows
from hevner.datasets.table import check_labels, labelled, read_table, stem, track_of
from hevner.datasets.track import Curve, Given, Track
from hevner.emotion import AXES, BASIC, Quadrant
from hevner.errors import DataError

CARD = read_card("own")

LONGEST_S = 24 * 3600.0
"""Seconds after which no piece goes on: a larger time is in another unit, or of day."""

Find = Callable[[str, str], Path | None]


def read(folder: Path, findings: Findings, labels: str) -> list[Track]:
    """Tracks of a folder; see `hevner.datasets.load`. There is nothing to repair."""
    layout = read_layout(folder, Layout())
    media = Media(CARD, folder, (layout.audio,), findings)
    tables = _tables(folder, layout)
    make = _rated if "rater" in tables.columns else _single
    tracks = make(tables, findings, media.find)
    curves = _curves(tables.moments, layout, findings)
    tracks = _with_curves(tracks, curves, findings, media.find)
    media.report_unlabelled()
    return tracks


@dataclass(frozen=True)
class _Tables:
    """Rows of labels, the columns of their fields, and rows of moments."""

    layout: Layout
    rows: list[Row]
    columns: Mapping[str, str]
    moments: list[Row]


def _tables(folder: Path, layout: Layout) -> _Tables:
    path, timed = folder / layout.annotations, folder / layout.moments
    moments = _moment_rows(timed, layout) if timed.is_file() else []
    files = sorted(folder.rglob("*.jams"))
    if not path.is_file() and files:
        rows, columns, more = read_jams(files, layout)
        checked = columns | ({axis: layout.columns[axis] for axis in AXES} if more else {})
        check_labels(checked, layout, files[0])
        return _Tables(replace(layout, empty_cells="missing"), rows, columns, moments + more)
    if not path.is_file() and moments:
        return _Tables(layout, [], {}, moments)
    return _Tables(layout, *read_table(folder, layout), moments)


def _single(tables: _Tables, findings: Findings, find: Find) -> list[Track]:
    """Tracks of a table with a row for each."""
    columns, empty = tables.columns, 0
    if not tables.rows:
        return []

    def track(row: Row) -> Track | None:
        nonlocal empty
        if not labelled(row, columns, tables.layout):
            find(stem(row.text(columns["id"])), row.where)
            empty += 1
            return None
        return track_of("own", row, columns, tables.layout, find)

    tracks = [one for one in each(tables.rows, columns["id"], findings, track) if one]
    if empty:
        findings.note("unlabelled-row", "rows without any label, left out", tracks=empty)
    return tracks


def _rated(tables: _Tables, findings: Findings, find: Find) -> list[Track]:
    """Tracks of a table with a row for each rater of each."""
    layout, columns = tables.layout, tables.columns
    first: dict[str, Track] = {}
    votes: dict[str, dict[str, dict[str, Given]]] = defaultdict(dict)
    places: dict[tuple[str, str], str] = {}
    for row in (row for row in tables.rows if labelled(row, columns, layout)):
        with findings.skipping():
            rater = row.text(columns["rater"])
            track = track_of("own", row, columns, layout, lambda *_: None)
            if (track.id, rater) in places:
                before = places[track.id, rater]
                cause = f"rater '{rater}' rated '{track.id}' before, in {before}"
                raise row.fault("duplicate_id", cause, "Keep one of the two rows")
            if track.id not in first:
                file = row.text(columns["file"]) if "file" in columns else track.id
                first[track.id] = replace(track, media=find(stem(file), row.where))
            elif track.group != track.id:  # that is, given in this row
                other = first[track.id].group
                if other not in (track.id, track.group):
                    cause = f"'{track.id}' is of group '{track.group}' here, of '{other}' elsewhere"
                    raise row.fault("contradiction", cause, "Give a track one group and artist")
                first[track.id] = replace(first[track.id], group=track.group)
            places[track.id, rater] = row.where
            votes[track.id][rater] = _given(track)
    rated = [replace(track, by_rater=votes[name]) for name, track in first.items()]
    weight = raters.weights(rated) if layout.rater_weights == "agreement" else {}
    weight = weight or dict.fromkeys(raters.rater_names(rated), 1.0)
    tracks = [_together(track, weight) for track in rated]
    ties = [track.id for track in tracks if _tied(track)]
    if ties:
        findings.note("tied-votes", f"no class, as two have as many votes: {', '.join(ties)}")
    return tracks


def _given(track: Track) -> dict[str, Given]:
    """All labels of the row of one rater by field."""
    found: dict[str, Given] = {}
    for name, get in (*RATINGS.items(), *FELT.items(), *CLASSES.items()):
        value: float | str | None = get(track)
        if isinstance(value, str) or (value is not None and np.isfinite(value)):
            found[name] = value
    return found if track.tags is None else {**found, "tags": track.tags}


def _together(track: Track, weight: Mapping[str, float]) -> Track:
    """A track with what all of its raters gave."""
    votes = track.by_rater or {}
    made: dict[str, Any] = {"raters": len(votes), "tags": raters.common_tags(votes, weight)}
    for axis in AXES:
        made[axis], made[f"{axis}_std"] = raters.mean_and_spread(votes, axis, weight)
        made[f"{axis}_by_rater"] = _column(votes, axis)
    made["tension"], _ = raters.mean_and_spread(votes, "tension", weight)
    for field, names in (("emotions", BASIC), ("gems", tuple(FELT))):
        means = [raters.mean_and_spread(votes, name, weight)[0] for name in names]
        if any(value is not None for value in means):
            made[field] = tuple(math.nan if value is None else value for value in means)
    made["category"], quadrant, cluster = (
        raters.most_votes(votes, name, weight) for name in ("category", "quadrant", "cluster")
    )
    made["quadrant"] = Quadrant[quadrant] if quadrant else None
    made["cluster"] = int(cluster) if cluster else None
    return replace(track, **made)


def _column(votes: raters.Votes, name: str) -> tuple[float, ...] | None:
    """Values of all raters of a rating, None without any."""
    return tuple(float(one[name]) for one in votes.values() if name in one) or None  # type: ignore[arg-type]


def _tied(track: Track) -> bool:
    """Whether raters gave classes, and none has the most votes."""
    given = (track.by_rater or {}).values()
    return any(
        get(track) is None and any(name in one for one in given) for name, get in CLASSES.items()
    )


def _moment_rows(path: Path, layout: Layout) -> list[Row]:
    """Rows of ratings over time."""
    for axis in AXES:
        if axis not in layout.scales:
            raise DataError(
                f"the scale of {axis} is not stated",
                subject=str(path),
                remedy=f'State it in layout.toml, below [scales], as {axis} = "1..9"',
                code="scale_missing",
            )
    columns = [layout.columns[name] for name in ("id", "time", *AXES)]
    return read_rows(path, columns, delimiter=layout.delimiter)


def _curves(rows: list[Row], layout: Layout, findings: Findings) -> dict[str, tuple[Curve, str]]:
    """Ratings over time by track, and the place of its first row."""
    column = layout.columns
    found: dict[str, dict[str, dict[float, tuple[float, float]]]] = {}
    places: dict[str, str] = {}
    for row in rows:
        with findings.skipping():
            name, time = stem(row.text(column["id"])), row.number(column["time"])
            rater = row.text(column["rater"]) if column["rater"] in row.values else ""
            mine = found.setdefault(name, {}).setdefault(rater, {})
            if time < 0 or time in mine:
                cause = f"{time:g} s of '{name}' is before the beginning, or rated before"
                raise row.fault("wrong_order", cause, "Correct or remove the row")
            if time > LONGEST_S:
                cause = f"{time:g} s of '{name}' is more than a day after its beginning"
                raise row.fault("wrong_time", cause, "Give seconds from the beginning of the piece")
            values = [row.rating(column[axis], layout.scales[axis]) for axis in AXES]
            mine[time] = (values[0], values[1])
            places.setdefault(name, row.where)
    curves = {name: _curve(list(found[name].values())) for name in places}
    return {name: (curve, places[name]) for name, curve in curves.items()}


def _curve(by_rater: list[dict[float, tuple[float, float]]]) -> Curve:
    """Mean, deviation (n - 1) and single raters at all moments that any of them rated."""
    times = sorted({time for one in by_rater for time in one})
    blank = (math.nan, math.nan)
    table = np.array([[one.get(time, blank) for time in times] for one in by_rater])
    mean, several = np.nanmean(table, axis=0), len(by_rater) > 1
    counts = np.isfinite(table).sum(axis=0)
    squares = np.nansum((table - mean) ** 2, axis=0)
    std = np.sqrt(np.divide(squares, counts - 1, out=np.full(mean.shape, np.nan), where=counts > 1))
    more = (std[:, 0], std[:, 1], table[..., 0], table[..., 1]) if several else ()
    return Curve(np.array(times), mean[:, 0], mean[:, 1], *more)


def _with_curves(
    tracks: list[Track], curves: dict[str, tuple[Curve, str]], findings: Findings, find: Find
) -> list[Track]:
    """Tracks with their ratings over time; tracks that have nothing else are added."""
    known = {track.id: track for track in tracks}
    means = 0
    for name, (curve, where) in curves.items():
        track = known.get(name)
        if track is None:
            file = find(name, where)
            track = Track("own", name, file, group=name, recording=f"own/{name}")
        track = replace(track, curve=curve)
        if track.valence is None and track.arousal is None:
            means += 1
            valence, arousal = float(curve.valence.mean()), float(curve.arousal.mean())
            track = replace(track, valence=valence, arousal=arousal)
        known[name] = track
    if means:
        findings.note("mean-of-moments", "rated only over time: means are taken", tracks=means)
    return list(known.values())
