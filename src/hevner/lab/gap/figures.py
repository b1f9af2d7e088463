"""The figures of the gap report, as PNG.

Conventions
-----------
Every function returns the bytes of one PNG file; the same input gives the same bytes. Datasets and
representations have colours of Okabe and Ito's palette, which people with any kind of colour vision
can distinguish; genres differ in shape too. Bars and whiskers are 95 % intervals.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hevner.arrays import Doubles, Names
from hevner.emotion import AXES
from hevner.lab.data.labels import QUADRANT_LEVEL, QUADRANT_SIGNS
from hevner.lab.data.samples import Samples
from hevner.lab.gap.bias import Dominance, GenreReliance, GenreShare, Probe
from hevner.lab.gap.distances import Distance, Within
from hevner.lab.gap.labels import LabelSummary, quadrants, rated

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 110

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#222222", "#B8A900")
SHAPES = ("o", "^", "s", "D", "v", "P")
FAINT = "#b5b5b5"

GENRES = 16
"""Number of genres with a colour in a map, the most frequent ones; the rest is grey."""

MEASURES = {
    "wasserstein": "Wasserstein-1",
    "sliced": "sliced Wasserstein-1",
    "mmd": "MMD",
    "jensen_shannon": "Jensen-Shannon",
    "frechet": "Fréchet",
}
"""Names of the distances in print."""


def label_planes(samples: Samples, summaries: Sequence[LabelSummary]) -> bytes:
    """A plane of valence and arousal for each dataset with ratings or quadrants."""
    shown = [one for one in summaries if np.isfinite(one.q1)]
    columns = min(4, len(shown))
    figure, axes = _grid(len(shown), columns, 2.9, 3.0)
    for plot, one in zip(axes, shown, strict=True):
        part = samples.where(samples.of(one.dataset))
        shares = one.q1, one.q2, one.q3, one.q4
        for (right, up), share in zip(QUADRANT_SIGNS, shares, strict=True):
            corner = (min(0, right), min(0, up))
            plot.add_patch(Rectangle(corner, 1, 1, color="#0072B2", alpha=0.45 * share, lw=0))
            plot.text(
                0.93 * right, 0.93 * up, f"{share:.0%}", size=9, color="#222222",
                ha="right" if right > 0 else "left", va="top" if up > 0 else "bottom",
            )  # fmt: skip
        emotion = part.emotion[rated(part)]
        plot.plot(*emotion.T, ".", ms=3, color="#222222", alpha=0.35, mew=0)
        if len(emotion):
            plot.plot(*emotion.mean(axis=0), "+", ms=13, mew=2.5, color="#D55E00")
        rest = "quadrants only" if not len(emotion) else f"r = {one.correlation:.2f}"
        _title(plot, f"{one.dataset}: {int((quadrants(part) >= 0).sum())} tracks, {rest}")
        plot.set(xlim=(-1, 1), ylim=(-1, 1), xticks=(-1, 0, 1), yticks=(-1, 0, 1), aspect="equal")
        plot.axhline(0, color="white", lw=1, zorder=1)
        plot.axvline(0, color="white", lw=1, zorder=1)
    figure.supxlabel("valence: unpleasant to pleasant", size=9)
    figure.supylabel("arousal: calm to excited", size=9)
    return _png(figure)


def distance_tables(
    distances: Sequence[Distance], halves: Sequence[Within], by: Sequence[tuple[str, str]]
) -> bytes:
    """One square of distances for each (space, measure); the diagonal holds halves of a set."""
    figure, axes = _grid(len(by), min(5, len(by)), 3.1, 3.1)
    for plot, (space, measure) in zip(axes, by, strict=True):
        own = {h.dataset: h.value for h in halves if (h.space, h.measure) == (space, measure)}
        table = np.diag(list(own.values()))
        order = list(own)
        far = [d for d in distances if (d.space, d.measure) == (space, measure)]
        star = np.full(table.shape, "", dtype="<U1")
        for one in far:
            i, j = order.index(one.first), order.index(one.second)
            table[i, j] = table[j, i] = one.value
            star[i, j] = star[j, i] = "" if one.p <= 0.05 else "°"
        plot.imshow(table, cmap="cividis_r", vmin=0)
        dark = table > 0.5 * table.max()
        for (i, j), value in np.ndenumerate(table):
            text = f"{value:.2f}".removeprefix("0") + star[i, j]
            plot.text(j, i, text, ha="center", va="center", size=9,
                      color="white" if dark[i, j] else "#222222",
                      style="italic" if i == j else "normal")  # fmt: skip
        plot.set_xticks(range(len(order)), order, rotation=40, ha="right")
        plot.set_yticks(range(len(order)), order)
        _title(plot, f"{space}: {MEASURES[measure]}")
    return _png(figure)


def probes(rows: Sequence[Probe]) -> bytes:
    """Recognition of classes, a line per question, a colour per representation."""
    questions = list(dict.fromkeys((row.target, row.within) for row in rows))
    representations = list(dict.fromkeys(row.representation for row in rows))
    figure, plot = _lines(
        [f"{target}: {within}" for target, within in questions],
        "share recognised, mean over classes (dotted: chance)",
        0.42,
    )
    for row in rows:
        place = questions.index((row.target, row.within))
        _interval(plot, row.accuracy, row.low, row.high, place, row.representation, representations)
        plot.plot([row.chance] * 2, [place - 0.4, place + 0.4], color="#222222", lw=1.2, ls=":")
    plot.set(xlim=(0, 1.02), ylim=(len(questions) - 0.5, -0.5))
    _legend(plot, representations)
    return _png(figure)


def genre_shares(rows: Sequence[GenreShare]) -> bytes:
    """Share that genre alone explains, a line per dataset and axis."""
    figure, plot = _lines(
        [f"{row.dataset}, {row.axis}" for row in rows],
        "share of variance (bar: these tracks; dot: predicted for new songs)",
        0.4,
    )
    for place, row in enumerate(rows):
        plot.barh(place, row.eta_squared, height=0.6, color="#56B4E9", alpha=0.5)
        plot.plot([row.low, row.high], [place, place], color="#222222", lw=1.8)
        plot.plot(row.r2, place, "o", ms=6, color="#222222")
    plot.axvline(0, color="#222222", lw=1)
    return _png(figure)


def reliance(rows: Sequence[GenreReliance]) -> bytes:
    """Share of genre in ratings and in predictions, joined by a line."""
    figure, plot = _lines(
        [f"{row.dataset}, {row.axis}, {row.representation}" for row in rows],
        "share between genres (circle: ratings; diamond: predictions)",
        0.36,
    )
    for place, row in enumerate(rows):
        plot.plot([row.rated_share, row.predicted_share], [place] * 2, color=FAINT, lw=3, zorder=1)
        plot.plot(row.rated_share, place, "o", ms=8, color="#222222")
        plot.plot(row.predicted_share, place, "D", ms=8, color="#D55E00")
    plot.set_xlim(0, 1)
    return _png(figure)


def dominance(rows: Sequence[Dominance]) -> bytes:
    """Error of all other genres without one, panels by dataset and axis."""
    panels = list(dict.fromkeys((row.dataset, row.axis) for row in rows))
    genres = {d: sorted({r.genre for r in rows if r.dataset == d}) for d, _ in panels}
    most = max(map(len, genres.values()))
    representations = list(dict.fromkeys(row.representation for row in rows))
    figure, axes = _grid(len(panels), 2, 5.6, 0.9 + 0.4 * most)
    for plot, (dataset, axis) in zip(axes, panels, strict=True):
        order = genres[dataset]
        for row in rows:
            if (row.dataset, row.axis) != (dataset, axis):
                continue
            place = _interval(
                plot, row.others, row.low, row.high, order.index(row.genre), row.representation,
                representations,
            )  # fmt: skip
            plot.plot(row.others_random, place, "|", ms=8, mew=1.5, color="#222222")
        plot.set_yticks(range(len(order)), order)
        plot.set_ylim(len(order) - 0.5, -0.5)
        plot.axvline(0, color="#222222", lw=1)
        _title(plot, f"{dataset}, {axis}")
    figure.supxlabel("rise of the error for all other genres (stroke: random loss)", size=9)
    _legend(axes[0], representations)
    return _png(figure)


def embedding_map(place: Doubles, samples: Samples) -> bytes:
    """Four views of a map: coloured by dataset, genre, valence and arousal."""
    figure, axes = _grid(4, 2, 5.4, 4.5)
    _classes(axes[0], place, samples.dataset, len(COLOURS) * len(SHAPES))
    _title(axes[0], "dataset")
    _classes(axes[1], place, samples.genre, GENRES)
    _title(axes[1], "genre or collection")
    quadrant = quadrants(samples)
    for number, axis in enumerate(AXES):
        plot, values = axes[2 + number], samples.emotion[:, number].copy()
        given = np.flatnonzero(~np.isfinite(values) & (quadrant >= 0))
        values[given] = QUADRANT_LEVEL * QUADRANT_SIGNS[quadrant[given], number]
        known = np.isfinite(values)
        plot.scatter(place[~known, 0], place[~known, 1], s=6, color="#dddddd", lw=0)
        dots = plot.scatter(
            place[known, 0], place[known, 1], s=8, c=values[known], cmap="PuOr_r", vmin=-1,
            vmax=1, lw=0,
        )  # fmt: skip
        figure.colorbar(dots, ax=plot, shrink=0.7, ticks=(-1, 0, 1)).ax.tick_params(labelsize=8)
        _title(plot, axis)
    for plot in axes:
        plot.set(xticks=(), yticks=())
    return _png(figure)


def _classes(plot: Axes, place: Doubles, classes: Names, most: int) -> None:
    """Dots by class, named beside the plot."""
    named = [name for name, _ in Counter(classes.tolist()).most_common() if name][:most]
    rest = place[~np.isin(classes, named)]
    if len(rest):
        plot.scatter(rest[:, 0], rest[:, 1], s=5, color="#d5d5d5", lw=0, label="other or none")
    for number, name in enumerate(named):
        own = place[classes == name]
        plot.scatter(
            own[:, 0], own[:, 1], s=9, lw=0, alpha=0.8, label=name,
            marker=SHAPES[(number // len(COLOURS)) % len(SHAPES)],
            color=COLOURS[number % len(COLOURS)],
        )  # fmt: skip
    plot.legend(
        loc="center left", bbox_to_anchor=(1, 0.5), fontsize=7, frameon=False, markerscale=1.8,
        handletextpad=0.1,
    )  # fmt: skip


def _lines(names: Sequence[str], label: str, height: float) -> tuple[Figure, Axes]:
    """A plot with a line for each name, from top to bottom; ``height`` of a line in inches."""
    figure, (plot,) = _grid(1, 1, 8.5, 0.9 + height * len(names))
    plot.set_yticks(range(len(names)), names)
    plot.invert_yaxis()
    plot.set_xlabel(label, size=9)
    return figure, plot


def _interval(
    plot: Axes, value: float, low: float, high: float, line: int, name: str, every: list[str]
) -> float:
    """Draw a value with its interval beside those of other representations; return its height."""
    number = every.index(name)
    colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
    place = line + 0.22 * (number - (len(every) - 1) / 2)
    plot.plot([low, high], [place, place], color=colour, lw=1.8)
    plot.plot(value, place, shape, ms=6, color=colour)
    return place


def _legend(plot: Axes, representations: Sequence[str]) -> None:
    for number, name in enumerate(representations):
        plot.plot([], [], SHAPES[number % len(SHAPES)] + "-", label=name,
                  color=COLOURS[number % len(COLOURS)])  # fmt: skip
    plot.legend(fontsize=8, frameon=False, loc="best")


def _grid(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Any]]:
    """A figure with ``count`` plots of a size in inches."""
    lines = -(-count // columns)
    size = (width * columns, height * lines)
    figure = Figure(figsize=size, facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.08)
    axes = [figure.add_subplot(lines, columns, number + 1) for number in range(count)]
    for plot in axes:
        plot.spines[["top", "right"]].set_visible(False)
        plot.spines[["left", "bottom"]].set_color("#bbbbbb")
        plot.tick_params(colors="#444444", labelsize=8, length=3)
    return figure, axes


def _title(plot: Axes, text: str) -> None:
    plot.set_title(text, size=9.5, loc="left", color="#222222", parse_math=False)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, metadata={"Software": None})
    return picture.getvalue()
