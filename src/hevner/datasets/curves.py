"""Ratings over time as archives lay them out: a row per song, or a row per moment.

Conventions
-----------
Times are seconds from the beginning of the clip. An empty cell is a moment without a rating; any
other cell must be a number on the scale of its file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hevner.arrays import Doubles
from hevner.datasets.findings import Findings
from hevner.datasets.rows import Row, read_rows
from hevner.datasets.track import Curve
from hevner.emotion import UNIT, Scale
from hevner.errors import DataError


@dataclass(frozen=True, eq=False)
class Wide:
    """A file with a row per song and a column per moment.

    Attributes
    ----------
    times
        Times of the columns, rising, shape ``(n,)``.
    rows
        Values by song, shape ``(n,)``; NaN where nothing was rated.
    """

    times: Doubles
    rows: dict[str, Doubles]

    def rated(self, song: str) -> Doubles:
        """The times at which a song was rated."""
        return self.times[np.isfinite(self.at(song, self.times))]

    def at(self, song: str, times: Doubles) -> Doubles:
        """Values of a song at other times; NaN where nothing was rated."""
        return align(self.times, self.rows.get(song, np.full(len(self.times), np.nan)), times)


def align(times: Doubles, values: Doubles, wanted: Doubles) -> Doubles:
    """Values of shape ``(..., n)`` at ``n`` times, brought to ``m`` wanted times.

    Returns
    -------
    numpy.ndarray
        Shape ``(..., m)``; NaN at times that have no value.
    """
    found = np.full((*values.shape[:-1], len(wanted)), np.nan)
    _, here, there = np.intersect1d(times, wanted, return_indices=True)
    found[..., there] = values[..., here]
    return found


def read_wide(path: Path, findings: Findings, *, spread: bool = False) -> Wide:
    """Read a file on -1..1 with the columns ``song_id``, ``sample_15000ms``, ...

    Parameters
    ----------
    findings
        Takes rows that are left out.
    spread
        Whether it holds standard deviations instead of ratings.

    Raises
    ------
    DataError
        If the file cannot be read or lacks a column.
    """
    rows = read_rows(path, ("song_id",))
    columns, times = _moments(rows[0], path)
    series: dict[str, Doubles] = {}
    for row in rows:
        with findings.skipping():
            song = row.text("song_id")
            if song in series:
                raise row.fault(
                    "duplicate_id", f"a second row of song {song}", "Keep one of the two"
                )
            series[song] = _series(row, columns, spread)
    return Wide(times, series)


def read_raters(path: Path, times: Doubles) -> Doubles:
    """Read one song's file with a row per rater and a column per moment, on -1..1.

    Returns
    -------
    numpy.ndarray
        Shape ``(raters, n)`` for ``n`` wanted times; NaN where a rater gave nothing.

    Raises
    ------
    DataError
        If the file cannot be read or holds anything but ratings.
    """
    rows = read_rows(path, ())
    columns, own = _moments(rows[0], path)
    ratings = np.array([_series(row, columns) for row in rows])
    return align(own, ratings, times)


def wide_curve(
    song: str,
    valence: Wide,
    arousal: Wide,
    valence_std: Wide | None = None,
    arousal_std: Wide | None = None,
) -> Curve | None:
    """The curve of a song at the moments where both axes are rated; None if there are none."""
    times = np.intersect1d(valence.rated(song), arousal.rated(song))
    if not len(times):
        return None
    return Curve(
        times,
        valence.at(song, times),
        arousal.at(song, times),
        None if valence_std is None else valence_std.at(song, times),
        None if arousal_std is None else arousal_std.at(song, times),
    )


def read_long(
    path: Path, scale: Scale, findings: Findings, deviations: Path | None = None
) -> dict[str, Curve]:
    """Curves by song of a file with columns ``musicId, frameTime, Arousal(mean), Valence(mean)``.

    Parameters
    ----------
    scale
        Scale of the ratings.
    findings
        As for `read_wide`.
    deviations
        A file of the same form with ``Arousal(std)`` and ``Valence(std)``.

    Raises
    ------
    DataError
        If a file cannot be read or lacks a column.
    """
    means = _by_song(path, "mean", scale, findings)
    spreads = {} if deviations is None else _by_song(deviations, "std", scale, findings)
    curves = {}
    for song, (times, valence, arousal) in means.items():
        curves[song] = Curve(times, valence, arousal)
        if song in spreads:
            own, *std = spreads[song]
            curves[song] = Curve(times, valence, arousal, *(align(own, s, times) for s in std))
    return curves


def _by_song(
    path: Path, statistic: str, scale: Scale, findings: Findings
) -> dict[str, tuple[Doubles, Doubles, Doubles]]:
    """Times, valence and arousal of each song."""
    columns = (f"Valence({statistic})", f"Arousal({statistic})")
    value = Row.spread if statistic == "std" else Row.rating
    moments: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for row in read_rows(path, ("musicId", "frameTime", *columns)):
        with findings.skipping():
            song, time = row.text("musicId"), row.number("frameTime")
            if moments[song] and time <= moments[song][-1][0]:
                raise row.fault(
                    "wrong_order",
                    f"{time:g} s of song {song} does not come after the moment before it",
                    "Sort the rows and remove repeated ones",
                )
            moments[song].append((time, *(value(row, column, scale) for column in columns)))
    songs = {song: np.array(rows).T for song, rows in moments.items() if rows}
    return {song: (times, valence, arousal) for song, (times, valence, arousal) in songs.items()}


def _moments(row: Row, path: Path) -> tuple[list[str], Doubles]:
    """Names and times of the columns that hold moments."""
    found = {name: re.fullmatch(r"sample_(\d+)ms", name) for name in row.values}
    times = {name: int(match[1]) / 1000 for name, match in found.items() if match}
    if not times or sorted(times.values()) != list(times.values()):
        raise DataError(
            "has no rising columns of moments",
            subject=str(path),
            remedy="Expected columns such as sample_15000ms, sample_15500ms",
            code="column_missing",
        )
    return list(times), np.array(list(times.values()))


def _series(row: Row, columns: list[str], spread: bool = False) -> Doubles:
    value = row.spread if spread else row.rating
    return np.array([value(name, UNIT) if row.values[name] else np.nan for name in columns])
