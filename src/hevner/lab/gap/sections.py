"""The sections of the gap report: for each figure, what it shows, what it means, how sure it is.

Written for people who know music and not statistics. Every sentence with a number is made from the
tables; what is said in general holds for any data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
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


INTERVALS = (
    "An interval such as 0.60 to 0.72 is a 95 % interval: had the study drawn other songs of the "
    "same kind, the number would mostly have come out inside it. Clips of one song, game or artist "
    "count as one draw."
)

EXCHANGED = (
    f"Each distance was compared with {EXCHANGES} random exchanges of songs between the two sets. "
    "A small circle (°) after a number marks a distance that chance alone could give (p above "
    "0.05). With many pairs, one in twenty such comparisons goes wrong by chance. Numbers in "
    "italics on the diagonal are distances between random halves of one dataset: read every other "
    "number against them. Halves are smaller than whole sets, so the diagonal is rather too large."
)


def sections(gap: Gap) -> list[Section]:
    """All sections for which there are results."""
    makers: Sequence[Callable[[Gap], Section | None]] = (
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
    return [section for make in makers if (section := make(gap)) is not None]


def _ratings(gap: Gap) -> Section | None:
    if not any(np.isfinite(row.q1) for row in gap.summaries):
        return None
    known = [row for row in gap.summaries if np.isfinite(row.correlation)]
    see = (
        "Each square is the plane of valence (left unpleasant, right pleasant) and arousal (below "
        "calm, above excited) for one dataset. A dot is a track, the cross their mean. The number "
        "in each quarter is its share of tracks; a deeper blue means more. A dataset where only "
        "the quarter was rated has no dots."
    )
    if known:
        least, most = (pick(known, key=lambda row: row.correlation) for pick in (min, max))
        see += (
            f" Valence and arousal go together least in {_b(least.dataset)} "
            f"(r = {number(least.correlation)}) and most in {_b(most.dataset)} "
            f"(r = {number(most.correlation)})."
        )
    return Section(
        "ratings",
        "Where the ratings lie",
        figure(
            figures.label_planes(gap.rated, gap.summaries),
            "Planes of valence and arousal, one for each dataset, with the share of tracks in each "
            "quarter. The table below has the numbers.",
        ),
        see,
        "Datasets differ in what music they hold and in how listeners were asked. Where the two "
        "axes go together, a model can guess valence from arousal; it will do so, and fail on "
        "music where excited does not mean pleasant. An empty quarter is an emotion that a model "
        "trained there never met.",
        INTERVALS,
        table(
            "Ratings on the scale from -1 to 1",
            ("dataset", "tracks", "rated", "valence mean", "sd", "arousal mean", "sd", "r",
             "interval", "Q1 happy", "Q2 tense", "Q3 sad", "Q4 calm"),
            [(r.dataset, r.tracks, r.rated, r.valence_mean, r.valence_sd, r.arousal_mean,
              r.arousal_sd, r.correlation, interval(r.low, r.high), r.q1, r.q2, r.q3, r.q4)
             for r in gap.summaries],
        ),
    )  # fmt: skip


def _rating_distances(gap: Gap) -> Section | None:
    rows = [row for row in gap.distances if row.space in AXES]
    if not rows:
        return None
    findings = "".join(_extremes(rows, axis, "wasserstein") for axis in AXES)
    return Section(
        "rating-distances",
        "How far the ratings lie apart",
        figure(
            figures.distance_tables(
                rows,
                gap.halves,
                [(axis, measure) for axis in AXES for measure in ("wasserstein", "jensen_shannon")],
            ),
            "Tables of distances between the ratings of every two datasets, for valence and "
            "arousal. The table below has the numbers.",
        ),
        "Wasserstein-1 says how far, on average, the ratings of one dataset must be moved to "
        "become those of the other, on a scale two units long. Jensen-Shannon compares how often "
        f"each level occurs, from 0 (equally often) to 1 (no level in common). {findings}",
        "A model trained on one dataset brings its levels along. Even one that orders songs "
        "perfectly misses the ratings of the other dataset by about this distance. Whether the "
        "music differs or only the use of the scale, ratings alone do not tell.",
        EXCHANGED,
        _distance_table(rows),
    )


def _feature_distances(gap: Gap) -> Section | None:
    rows = [row for row in gap.distances if row.space not in AXES]
    if not rows:
        return None
    findings = "".join(_extremes(rows, name, "sliced") for name in gap.representations)
    pictures = [
        figure(
            figures.distance_tables(rows, gap.halves, [(name, measure) for measure in MEASURES]),
            f"Tables of five distances between every two datasets as {name} hears them. The table "
            "below has the numbers.",
        )
        for name in gap.representations
    ]
    return Section(
        "feature-distances",
        "How far the music lies apart",
        "\n".join(pictures),
        "A representation turns a track into numbers. Here five distances compare these numbers "
        "between datasets. The two Wasserstein distances are in standard deviations: 1 means that "
        "the sets are shifted against each other by as much as tracks usually differ. MMD and "
        "Jensen-Shannon run from 0 (no difference) towards 1.41 and 1. The Fréchet distance "
        f"compares means and spreads along the ten main directions. {findings}",
        "A model has learned only where its training music lies. The farther a dataset lies from "
        "it, the more the model must guess. Distances of different representations are not "
        "comparable with each other, only pairs within one row of squares are. A distance may come "
        "from the music, from instruments, or from recording and rendering.",
        EXCHANGED,
        _distance_table(rows),
    )


def _dataset_probes(gap: Gap) -> Section | None:
    rows = [row for row in gap.probes if row.target == "dataset"]
    if not rows:
        return None
    findings = " ".join(
        f"{_b(row.representation)} tells {row.classes} datasets apart in {row.accuracy:.0%} of "
        f"cases ({row.low:.0%} to {row.high:.0%}; guessing gives {row.chance:.0%})."
        for row in _first_of_each(rows)
    )
    return Section(
        "dataset-identity",
        "Can one hear which dataset a track is from?",
        _probe_figure(rows, "which dataset a track comes from"),
        f"A simple classifier names the dataset of songs that it was not trained on. {findings}",
        "A dataset that is recognised without fail leaves a fingerprint in the representation. A "
        "model can then learn habits of one dataset, its level of ratings for instance, in place "
        "of what makes music sad or joyful. Recorded music and piano are told apart for good "
        "reasons; two collections of the same kind of music should not be.",
        f"{INTERVALS} A more powerful classifier might recognise more, never less: these are lower "
        "bounds on what is given away.",
        _probe_table(rows),
    )


def _genre_probes(gap: Gap) -> Section | None:
    rows = [row for row in gap.probes if row.target == "genre"]
    if not rows:
        return None
    findings = " ".join(
        f"In {_b(name)}, "
        + ", ".join(f"{r.representation} reaches {r.accuracy:.0%}" for r in part)
        + f" (guessing: {part[0].chance:.0%})."
        for name, part in _grouped(rows, "within")
    )
    return Section(
        "genre-identity",
        "Can one hear the genre?",
        _probe_figure(rows, "the genre of a track"),
        f"The same, with genres, or game series where there are none. {findings}",
        "The clearer the genre, the easier it is for a model to say what people usually feel with "
        "that genre in place of listening to the piece. That genre can be heard is no fault; the "
        "sections below measure whether it is used in place of the emotion.",
        f"{INTERVALS} Genres with fewer than five songs or artists are left out.",
        _probe_table(rows),
    )


def _genre_shares(gap: Gap) -> Section | None:
    rows = gap.shares
    if not rows:
        return None
    most = max(rows, key=lambda row: row.r2)
    return Section(
        "genre-shares",
        "How much of the emotion is genre?",
        figure(
            figures.genre_shares(rows),
            "Bars and dots: share of the variance of ratings that genre explains, for each dataset "
            "and axis. The table below has the numbers.",
        ),
        "The bar is the share of differences between ratings that lies between genres in these "
        "very tracks (eta squared); with many genres and few tracks some of it is chance. The dot "
        "is what remains when each new song is given the mean of its genre (R²): 1 would be "
        "perfect, 0 no better than one value for all, below 0 worse. Most is explained for "
        f"{_b(most.axis)} in {_b(most.dataset)}: R² {number(most.r2)} "
        f"({interval(most.low, most.high)}).",
        "This is how far one comes without listening at all, by the label on the shelf. A model "
        "must be better than this before it can be said to hear emotion.",
        INTERVALS,
        table(
            "Variance of ratings that genre explains",
            ("dataset", "axis", "genres", "tracks", "groups", "eta²", "R², new songs", "interval"),
            [(r.dataset, r.axis, r.genres, r.tracks, r.groups, r.eta_squared, r.r2,
              interval(r.low, r.high)) for r in rows],
        ),
    )  # fmt: skip


def _reliance(gap: Gap) -> Section | None:
    rows = gap.reliance
    if not rows:
        return None
    lean = [row for row in rows if row.excess_low > 0]
    finding = (
        "Predictions hang on genre more than ratings do, with the whole interval above 0, in "
        f"{len(lean)} of {len(rows)} cases."
    )
    return Section(
        "genre-reliance",
        "Does a model lean on genre more than listeners do?",
        figure(
            figures.reliance(rows),
            "For each dataset, axis and representation: share of genre in ratings and in "
            "predictions. The table below has the numbers.",
        ),
        "A plain linear model predicts songs that it was not trained on. The circle is the share "
        "of genre in the ratings, the diamond its share in the predictions. A diamond far to the "
        f"right says that the model mostly predicts the genre. {finding}",
        "Some excess is to be expected: whatever a model cannot hear in a single piece falls back "
        "on the average of similar ones. The column r within genre is the test that counts, for it "
        "asks whether the model orders pieces of the same genre.",
        INTERVALS,
        table(
            "Ratings and predictions, within and between genres",
            ("dataset", "axis", "representation", "r", "r within genre", "interval",
             "genre in ratings", "in predictions", "excess", "interval"),
            [(r.dataset, r.axis, r.representation, r.r, r.r_within, interval(r.low, r.high),
              r.rated_share, r.predicted_share, r.excess, interval(r.excess_low, r.excess_high))
             for r in rows],
        ),
    )  # fmt: skip


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
            f"{_b(most.genre)} ({escape(most.representation)}, by {number(most.others, 3)}). Whole "
            f"interval above 0, for one representation at least: {_or_none(helpful)}; below 0: "
            f"{_or_none(harmful)}."
        )
    return Section(
        "genre-dominance",
        "Which genre drives a model?",
        figure(
            figures.dominance(rows),
            "Change of the error for all other genres when one genre is left out of training. The "
            "table below has the numbers.",
        ),
        "Each genre in turn is left out of training. The mark says how much the error for all "
        "other genres then grows, in units of the scale from -1 to 1; the stroke says how much it "
        "grows when as much music is left out at random. "
        + " ".join(findings),
        "A genre to the right of the stroke teaches the model more about other genres than an "
        "average piece does: it drives the model. A genre to the left of zero misleads it. The "
        "table also says what the genre itself loses by never being heard (own): that is the "
        "price of judging an unknown style.",
        f"{INTERVALS} Changes are small and intervals wide with a few hundred songs; the more "
        "genres are compared, the more a largest one owes to chance.",
        table(
            "Rise of the error without a genre",
            ("dataset", "axis", "representation", "genre", "tracks", "others", "interval",
             "random loss", "own", "interval"),
            [(r.dataset, r.axis, r.representation, r.genre, r.tracks, r.others,
              interval(r.low, r.high, 3), r.others_random, r.own,
              interval(r.own_low, r.own_high, 3)) for r in rows],
            digits=3,
        ),
    )  # fmt: skip


def _maps(gap: Gap) -> Section | None:
    if gap.heard is None:
        return None
    pictures = [
        f"<h3>{escape(name)}, {method}</h3>"
        + figure(
            figures.embedding_map(place, gap.heard),
            f"{method} map of {name}: one dot per track, coloured by dataset, genre, valence and "
            "arousal.",
        )
        for (name, method), place in gap.maps.items()
    ]
    return Section(
        "maps",
        "Maps of the music",
        "\n".join(pictures),
        "Each dot is a track. Tracks that sound alike to the representation lie close together. "
        "The same map is shown four times, coloured by dataset, by genre, by valence and by "
        "arousal (orange high, purple low). Where only the quarter of the plane was rated, high is "
        "drawn as 0.5 and low as -0.5; tracks without either are grey.",
        "If the colours of datasets or genres make islands and those of valence and arousal do "
        "not, the representation speaks of where music comes from rather than of its emotion. A "
        "smooth turn of colour from one side to the other is what a model of emotion can use.",
        "Maps are pictures, not measurements: they flatten many dimensions into two, and make "
        "islands even where there is a continuum. Distances between islands, their sizes and the "
        "axes have no meaning. What holds is in the sections above.",
        "",
    )


def _extremes(rows: Sequence[Distance], space: str, measure: str) -> str:
    """A sentence on the nearest and the farthest pair."""
    own = [row for row in rows if (row.space, row.measure) == (space, measure)]
    near, far = (pick(own, key=lambda row: row.value) for pick in (min, max))
    farthest = (
        f"{_b(space)}: farthest apart are {escape(far.first)} and {escape(far.second)} "
        f"({number(far.value)}; chance gives up to {number(far.chance_95)})"
    )
    if len(own) == 1:
        return f"{farthest}. "
    return (
        f"{farthest}, nearest {escape(near.first)} and {escape(near.second)} "
        f"({number(near.value)}; {number(near.chance_95)}). "
    )


def _distance_table(rows: Sequence[Distance]) -> str:
    return table(
        "Distances, and what chance gives",
        ("space", "distance", "first", "second", "value", "chance, 95 %", "p"),
        [(r.space, MEASURES[r.measure], r.first, r.second, r.value, r.chance_95, r.p)
         for r in rows],
        digits=3,
    )  # fmt: skip


def _probe_figure(rows: Sequence[Any], what: str) -> str:
    return figure(
        figures.probes(rows),
        f"How well each representation gives away {what}, with intervals and the level of chance. "
        "The table below has the numbers.",
    )


def _probe_table(rows: Sequence[Any]) -> str:
    return table(
        "Share recognised, mean over classes",
        ("among", "representation", "classes", "tracks", "groups", "recognised", "interval",
         "chance"),
        [(r.within, r.representation, r.classes, r.tracks, r.groups, r.accuracy,
          interval(r.low, r.high), r.chance) for r in rows],
    )  # fmt: skip


def _first_of_each(rows: Sequence[Any]) -> list[Any]:
    """The first row of each representation: all datasets at once."""
    return [part[0] for _, part in _grouped(rows, "representation")]


def _grouped(rows: Sequence[Any], *keys: str) -> Iterator[tuple[Any, list[Any]]]:
    def key(row: Any) -> Any:
        values = tuple(getattr(row, one) for one in keys)
        return values if len(values) > 1 else values[0]

    for value, part in groupby(sorted(rows, key=key), key=key):
        yield value, list(part)


def _or_none(texts: Sequence[str]) -> str:
    return escape(", ".join(texts)) or "none"


def _b(text: str) -> str:
    return f"<strong>{escape(text)}</strong>"
