"""Sections of the gap report: figures, text and a table each.

The text is in ``sections.toml``; sentences with numbers are made here, from the tables.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from hevner.lab.gap import figures
from hevner.lab.gap.figures import MEASURES
from hevner.lab.gap.labels import AXES
from hevner.lab.gap.null import EXCHANGES, Distance
from hevner.lab.gap.page import figure, interval, number, table
from hevner.lab.gap.study import Gap


@dataclass(frozen=True)
class Section:
    """One section, as HTML except for the heading."""

    key: str
    heading: str
    figures: str
    see: str
    meaning: str
    sure: str
    tables: str


def sections(gap: Gap) -> list[Section]:
    """All sections for which there are results."""
    return [section for make in _MAKERS if (section := make(gap)) is not None]


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    path = Path(__file__).with_name("sections.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _fill(text: str, **values: object) -> str:
    """Text in one line with its values; ``intervals`` and ``exchanged`` are always known."""
    shared = {
        name: Template(_texts()[name].strip()).substitute(exchanges=EXCHANGES)
        for name in ("intervals", "exchanged")
    }
    return " ".join(Template(text).substitute(shared, **values).split())


def _section(key: str, pictures: str, tables: str = "", finding: str = "") -> Section:
    text = _texts()[key]
    see, meaning, sure = (_fill(text[part], finding=finding) for part in ("see", "meaning", "sure"))
    return Section(key, text["heading"], pictures, see, meaning, sure, tables)


def _figure(key: str, picture: bytes, **values: str) -> str:
    """A picture with the text of its section for readers who do not see it."""
    return figure(picture, _fill(_texts()[key]["alt"], **values))


def _ratings(gap: Gap) -> Section | None:
    if not any(np.isfinite(row.q1) for row in gap.summaries):
        return None
    finding = ""
    if known := [row for row in gap.summaries if np.isfinite(row.correlation)]:
        least, most = (pick(known, key=lambda row: row.correlation) for pick in (min, max))
        finding = (
            f"Valence and arousal go together least in {_bold(least.dataset)} "
            f"(r = {number(least.correlation)}) and most in {_bold(most.dataset)} "
            f"(r = {number(most.correlation)})."
        )
    rows = table(
        "Ratings on the scale from -1 to 1",
        ("dataset", "tracks", "rated", "valence mean", "sd", "arousal mean", "sd", "r",
         "interval", "Q1 happy", "Q2 tense", "Q3 sad", "Q4 calm"),
        [(r.dataset, r.tracks, r.rated, r.valence_mean, r.valence_sd, r.arousal_mean,
          r.arousal_sd, r.correlation, interval(r.low, r.high), r.q1, r.q2, r.q3, r.q4)
         for r in gap.summaries],
    )  # fmt: skip
    picture = _figure("ratings", figures.label_planes(gap.rated, gap.summaries))
    return _section("ratings", picture, rows, finding)


def _rating_distances(gap: Gap) -> Section | None:
    rows = [row for row in gap.distances if row.space in AXES]
    if not rows:
        return None
    shown = [(axis, measure) for axis in AXES for measure in ("wasserstein", "jensen_shannon")]
    key = "rating-distances"
    picture = _figure(key, figures.distance_tables(rows, gap.halves, shown))
    finding = " ".join(_extremes(rows, axis, "wasserstein") for axis in AXES)
    return _section(key, picture, _distance_table(rows), finding)


def _feature_distances(gap: Gap) -> Section | None:
    rows = [row for row in gap.distances if row.space not in AXES]
    if not rows:
        return None
    key = "feature-distances"
    pictures = []
    for name in gap.representations:
        shown = [(name, measure) for measure in MEASURES]
        picture = figures.distance_tables(rows, gap.halves, shown)
        pictures.append(_figure(key, picture, name=name))
    finding = " ".join(_extremes(rows, name, "sliced") for name in gap.representations)
    return _section(key, "\n".join(pictures), _distance_table(rows), finding)


def _dataset_probes(gap: Gap) -> Section | None:
    rows = [row for row in gap.probes if row.target == "dataset"]
    # The first row of each representation is for all datasets at once.
    finding = " ".join(
        f"With {_bold(row.representation)}, {row.classes} datasets are recognised in "
        f"{row.accuracy:.0%} of cases ({row.low:.0%} to {row.high:.0%}; guessing gives "
        f"{row.chance:.0%})."
        for row in (part[0] for _, part in _grouped(rows, "representation"))
    )
    return _probes("dataset-identity", rows, finding)


def _genre_probes(gap: Gap) -> Section | None:
    rows = [row for row in gap.probes if row.target == "genre"]
    finding = " ".join(
        f"In {_bold(name)}, "
        + ", ".join(f"{r.representation} reaches {r.accuracy:.0%}" for r in part)
        + f" (guessing: {part[0].chance:.0%})."
        for (name,), part in _grouped(rows, "within")
    )
    return _probes("genre-identity", rows, finding)


def _probes(key: str, rows: Sequence[Any], finding: str) -> Section | None:
    if not rows:
        return None
    tables = table(
        "Share recognised, mean over classes",
        ("among", "representation", "classes", "tracks", "groups", "recognised", "interval",
         "chance"),
        [(r.within, r.representation, r.classes, r.tracks, r.groups, r.accuracy,
          interval(r.low, r.high), r.chance) for r in rows],
    )  # fmt: skip
    return _section(key, _figure(key, figures.probes(rows)), tables, finding)


def _genre_shares(gap: Gap) -> Section | None:
    rows = gap.shares
    if not rows:
        return None
    most = max(rows, key=lambda row: row.r2)
    finding = (
        f"Most is explained for {_bold(most.axis)} in {_bold(most.dataset)}: "
        f"R² {number(most.r2)} ({interval(most.low, most.high)})."
    )
    tables = table(
        "Variance of ratings that genre explains",
        ("dataset", "axis", "genres", "tracks", "groups", "eta²", "R², new songs", "interval"),
        [(r.dataset, r.axis, r.genres, r.tracks, r.groups, r.eta_squared, r.r2,
          interval(r.low, r.high)) for r in rows],
    )  # fmt: skip
    picture = _figure("genre-shares", figures.genre_shares(rows))
    return _section("genre-shares", picture, tables, finding)


def _reliance(gap: Gap) -> Section | None:
    rows = gap.reliance
    if not rows:
        return None
    relying = sum(row.excess_low > 0 for row in rows)
    finding = (
        "Predictions depend on genre more than ratings do, with the whole interval above 0, in "
        f"{relying} of {len(rows)} cases."
    )
    tables = table(
        "Ratings and predictions, within and between genres",
        ("dataset", "axis", "representation", "r", "r within genre", "interval",
         "genre in ratings", "in predictions", "excess", "interval"),
        [(r.dataset, r.axis, r.representation, r.r, r.r_within, interval(r.low, r.high),
          r.rated_share, r.predicted_share, r.excess, interval(r.excess_low, r.excess_high))
         for r in rows],
    )  # fmt: skip
    picture = _figure("genre-reliance", figures.reliance(rows))
    return _section("genre-reliance", picture, tables, finding)


def _dominance(gap: Gap) -> Section | None:
    rows = gap.dominance
    if not rows:
        return None
    findings = []
    for (dataset, axis), part in _grouped(rows, "dataset", "axis"):
        helpful = sorted({row.genre for row in part if row.low > 0})
        harmful = sorted({row.genre for row in part if row.high < 0})
        most = max(part, key=lambda row: row.others)
        findings.append(
            f"{escape(dataset)}, {axis}: the error for all others rises most without "
            f"{_bold(most.genre)} ({escape(most.representation)}, by {number(most.others, 3)}). "
            f"Whole interval above 0, for one representation at least: {_or_none(helpful)}; "
            f"below 0: {_or_none(harmful)}."
        )
    tables = table(
        "Rise of the error without a genre",
        ("dataset", "axis", "representation", "genre", "tracks", "others", "interval",
         "random loss", "own", "interval"),
        [(r.dataset, r.axis, r.representation, r.genre, r.tracks, r.others,
          interval(r.low, r.high, 3), r.others_random, r.own,
          interval(r.own_low, r.own_high, 3)) for r in rows],
        digits=3,
    )  # fmt: skip
    picture = _figure("genre-dominance", figures.dominance(rows))
    return _section("genre-dominance", picture, tables, " ".join(findings))


def _maps(gap: Gap) -> Section | None:
    if gap.encoded is None:
        return None
    pictures = [
        f"<h3>{escape(name)}, {method}</h3>"
        + _figure("maps", figures.embedding_map(place, gap.encoded), name=name, method=method)
        for (name, method), place in gap.maps.items()
    ]
    return _section("maps", "\n".join(pictures))


_MAKERS: tuple[Callable[[Gap], Section | None], ...] = (
    _ratings,
    _rating_distances,
    _feature_distances,
    _dataset_probes,
    _genre_probes,
    _genre_shares,
    _reliance,
    _dominance,
    _maps,
)


def _extremes(rows: Sequence[Distance], space: str, measure: str) -> str:
    """A sentence on the nearest and the farthest pair."""
    own = [row for row in rows if (row.space, row.measure) == (space, measure)]
    near, far = (pick(own, key=lambda row: row.value) for pick in (min, max))
    farthest = (
        f"{_bold(space)}: farthest apart are {escape(far.first)} and {escape(far.second)} "
        f"({number(far.value)}; chance gives up to {number(far.chance_95)})"
    )
    if len(own) == 1:
        return f"{farthest}."
    return (
        f"{farthest}, nearest {escape(near.first)} and {escape(near.second)} "
        f"({number(near.value)}; {number(near.chance_95)})."
    )


def _distance_table(rows: Sequence[Distance]) -> str:
    return table(
        "Distances, and what chance gives",
        ("space", "distance", "first", "second", "value", "chance, 95 %", "p"),
        [(r.space, MEASURES[r.measure], r.first, r.second, r.value, r.chance_95, r.p)
         for r in rows],
        digits=3,
    )  # fmt: skip


def _grouped(rows: Sequence[Any], *keys: str) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Rows by the values of some columns, in the order of the values."""

    def key(row: Any) -> tuple[str, ...]:
        return tuple(getattr(row, one) for one in keys)

    for value, part in groupby(sorted(rows, key=key), key=key):
        yield value, list(part)


def _or_none(texts: Sequence[str]) -> str:
    return escape(", ".join(texts)) or "none"


def _bold(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"
