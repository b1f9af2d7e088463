"""Draw an analysis on one page: where the music lies, how it moves, and its harmony.

Conventions
-----------
Time runs from left to right, written as m:ss or h:mm:ss. Valence is blue, arousal vermilion and
tension purple, major chords are orange and minor ones blue: colours of Okabe and Ito's palette,
which people with any kind of colour vision can distinguish. Bands and thin lines show intervals.
Figures are made without pyplot, so that drawing leaves no global state and works in any thread.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import astuple
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import font_manager, rc_context
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from hevner.emotion import Quadrant, Scale
from hevner.files import printable, write_file
from hevner.music.chord_labels import pitch_class
from hevner.output.summary import BLUE, COLOURS, VERMILION, facts, is_unfamiliar
from hevner.result import Estimate, clock

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hevner.result import Analysis, ChordSpan

DPI = 150
"""Dots per inch of a PNG."""

ORANGE, GREEN, INK, FAINT = "#E69F00", "#009E73", "#222222", "#8a8a8a"

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between marks of the time axis."""

_MOST_LINES = 160
"""Beats or downbeats that can still be distinguished on the page."""

_LINE = 115
"""Letters that fit on a line below the title."""

_QUADRANTS = {
    # Colour, and the sides of the plane: valence, arousal.
    Quadrant.Q1: ("#FDF3DC", 1, 1),
    Quadrant.Q2: ("#FBE6DC", -1, 1),
    Quadrant.Q3: ("#E1ECF5", -1, -1),
    Quadrant.Q4: ("#E0F2EA", 1, -1),
}

_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "PingFang SC",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Malgun Gothic",
    "Noto Sans",
    "Arial Unicode MS",
)
"""Tried, where installed, for titles in other scripts than the usual font has."""


def save(analysis: Analysis, path: Path) -> None:
    """Draw an analysis, on its own scale, into a file whose ending chooses png, svg or pdf.

    Raises
    ------
    OutputError
        If it cannot be written; nothing is left behind.
    """
    picture = io.BytesIO()
    kind = path.suffix.lower().lstrip(".") or "png"
    with rc_context({"font.family": list(_families()), "svg.hashsalt": "hevner"}):
        figure = draw(analysis)
        with warnings.catch_warnings():
            # A title in a script without a font is drawn as boxes; no warning is needed.
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            figure.savefig(picture, format=kind, dpi=DPI)
    write_file(path, picture.getvalue())


def draw(analysis: Analysis) -> Figure:
    """The page as a figure of 10 by 9 inches."""
    figure = Figure(figsize=(10, 9), facecolor="white")
    name = printable(Path(analysis.path).name)
    figure.text(0.06, 0.965, _short(name, 70), size=16, weight="bold", color=INK, parse_math=False)
    style: dict[str, Any] = {"va": "top", "linespacing": 1.4, "parse_math": False}
    figure.text(0.06, 0.955, _subtitle(analysis), size=10, color="#555555", **style)
    if analysis.valence is None or analysis.arousal is None:
        figure.text(0.5, 0.5, analysis.headline, size=16, color=FAINT, ha="center")
        return figure
    grid = figure.add_gridspec(
        3,
        2,
        height_ratios=(4.6, 2.3, 1.7),
        width_ratios=(1.25, 1),
        left=0.09,
        right=0.965,
        top=0.88,
        bottom=0.06,
        hspace=0.27,
        wspace=0.32,
    )
    _plane(figure.add_subplot(grid[0, 0]), analysis)
    right = grid[0, 1].subgridspec(2, 1, height_ratios=(1, 1.7), hspace=0.34)
    if analysis.emotions:
        _emotions(figure.add_subplot(right[0]), analysis.emotions)
    if analysis.moods:
        _moods(figure.add_subplot(right[1] if analysis.emotions else grid[0, 1]), analysis)
    curves = figure.add_subplot(grid[1, :])
    _curves(curves, analysis)
    _harmony(figure.add_subplot(grid[2, :], sharex=curves), analysis)
    return figure


@cache
def _families() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FONTS if name in installed))


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 10]}…{text[-9:]}"


def _subtitle(analysis: Analysis) -> str:
    """The facts, on two lines where one cannot hold them."""
    note = ["unlike the music the model knows"] if is_unfamiliar(analysis) else []
    lines = [""]
    for fact in facts(analysis) + note:
        longer = f"{lines[-1]}   ·   {fact}" if lines[-1] else fact
        lines[-1:] = [longer] if len(longer) <= _LINE else [lines[-1], fact]
    return "\n".join(lines)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#bbbbbb")
    axes.tick_params(colors="#555555", labelsize=9, length=3)


def _plane(axes: Axes, analysis: Analysis) -> None:
    """The plane of valence and arousal, with the path of the piece."""
    assert analysis.valence is not None
    assert analysis.arousal is not None
    scale = Scale.parse(analysis.scale)
    half = (scale.high - scale.low) / 2
    for quadrant, (colour, right, up) in _QUADRANTS.items():
        corner = (scale.neutral if right > 0 else scale.low, scale.neutral if up > 0 else scale.low)
        axes.add_patch(Rectangle(corner, half, half, color=colour, lw=0, zorder=0))
        axes.text(
            scale.neutral + right * 0.96 * half,
            scale.neutral + up * 0.96 * half,
            quadrant.value,
            ha="right" if right > 0 else "left",
            va="top" if up > 0 else "bottom",
            size=10,
            style="italic",
            color="#666666",
        )
    axes.axhline(scale.neutral, color="white", lw=1.5, zorder=1)
    axes.axvline(scale.neutral, color="white", lw=1.5, zorder=1)
    _path(axes, analysis)
    _whole(axes, analysis.valence, analysis.arousal)
    axes.set(xlim=(scale.low, scale.high), ylim=(scale.low, scale.high), box_aspect=1)
    ticks = np.linspace(scale.low, scale.high, 5)
    axes.set(xticks=ticks, yticks=ticks)
    axes.set_xlabel("Valence: unpleasant → pleasant", size=10, color=INK)
    axes.set_ylabel("Arousal: calm → excited", size=10, color=INK)
    _plain(axes)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 1.09),
        ncols=3,
        fontsize=8.5,
        frameon=False,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def _path(axes: Axes, analysis: Analysis) -> None:
    points = np.array(
        [(m.valence.value, m.arousal.value) for m in analysis.timeline if m.valence and m.arousal]
    )
    if len(points) < 2:
        return
    segments = np.stack([points[:-1], points[1:]], axis=1)
    lines = LineCollection(list(segments), cmap="cividis", lw=2, alpha=0.9, zorder=3)
    lines.set_array(np.linspace(0, 1, len(segments)))
    lines.set_capstyle("round")
    axes.add_collection(lines)
    shared: dict[str, Any] = {"ls": "", "mec": "white", "mew": 1.2, "zorder": 5}
    axes.plot(*points[0], marker="o", ms=9, color="#00204D", label="start", **shared)
    axes.plot(*points[-1], marker="s", ms=8.5, color="#D9C027", label="end", **shared)


def _whole(axes: Axes, valence: Estimate, arousal: Estimate) -> None:
    axes.errorbar(
        valence.value,
        arousal.value,
        xerr=[[valence.value - valence.low], [valence.high - valence.value]],
        yerr=[[arousal.value - arousal.low], [arousal.high - arousal.value]],
        fmt="*",
        ms=17,
        color=VERMILION,
        mec="white",
        mew=1.2,
        ecolor=VERMILION,
        elinewidth=1.4,
        capsize=4,
        zorder=6,
        label="whole piece, with interval",
    )


def _emotions(axes: Axes, emotions: dict[str, Estimate]) -> None:
    """Bars of the basic emotions with their intervals, the strongest on top."""
    values, lows, highs = np.array([astuple(one) for one in emotions.values()]).T
    _bars(axes, list(emotions), values.tolist(), "Expressed: not at all → very")
    ends = np.maximum([values - lows, highs - values], 0)
    axes.errorbar(values, range(len(values)), xerr=ends, fmt="none", ecolor=INK, elinewidth=1)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _moods(axes: Axes, analysis: Analysis) -> None:
    """Bars of the moods, the strongest on top."""
    shares = list(analysis.moods.values())
    _bars(axes, list(analysis.moods), shares, "Listeners who would feel it")
    for row, share in enumerate(shares):
        axes.text(share, row, f" {share:.0%}", va="center", size=9, color="#555555")
    axes.set_xlim(0, max(0.3, *shares, 0) * 1.15)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0%}"))
    axes.xaxis.set_major_locator(MaxNLocator(4))


def _bars(axes: Axes, names: list[str], values: list[float], title: str) -> None:
    """Bars from left to right, the first on top."""
    rows = range(len(names))
    axes.barh(rows, values, height=0.62, color=GREEN, alpha=0.85)
    axes.set_yticks(rows, names, size=9)
    axes.invert_yaxis()
    axes.set_title(title, size=10, loc="left", color=INK)
    _plain(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _curves(axes: Axes, analysis: Analysis) -> None:
    """Valence, arousal and tension over time, with bands for the intervals."""
    scale = Scale.parse(analysis.scale)
    moments = analysis.timeline
    if moments:
        # The ends of the piece take the values of the first and the last moment.
        moments = (moments[0], *moments, moments[-1])
    time = [(m.start + m.end) / 2 for m in moments]
    time[:1], time[-1:] = [m.start for m in moments[:1]], [m.end for m in moments[-1:]]
    for (name, colour), style in zip(COLOURS.items(), ("-", "--", ":"), strict=True):
        if moments and not any(getattr(one, name) for one in moments):
            continue
        # Where the music is silent, a gap in the curve.
        values = [astuple(getattr(m, name) or Estimate(np.nan, np.nan, np.nan)) for m in moments]
        value, low, high = np.array(values, float).reshape(-1, 3).T
        axes.fill_between(time, low, high, color=colour, alpha=0.14, lw=0)
        axes.plot(time, value, style, color=colour, lw=2, label=name)
    axes.axhline(scale.neutral, color="#cccccc", lw=1, zorder=0)
    axes.set(xlim=(0, max(analysis.duration, 0.1)), ylim=(scale.low, scale.high))
    axes.set_ylabel("Over time", size=10, color=INK)
    axes.tick_params(labelbottom=False)
    _plain(axes)
    axes.legend(loc="lower right", bbox_to_anchor=(1.01, 0.97), ncols=3, fontsize=9, frameon=False)


def _harmony(axes: Axes, analysis: Analysis) -> None:
    """Chords over time: a row per root, in the order of fifths around the key; the key above."""
    rows = _rows(analysis)
    heights = {root: height for height, root in enumerate(rows)}
    axes.set_ylim(-0.6, max(len(rows), 5) - 0.4)
    kinds = {"major": ORANGE, "minor": BLUE, "other": FAINT}
    spans: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for chord in analysis.chords:
        if _sounds(chord):
            place = (_root(chord), _kind(chord))
            spans.setdefault(place, []).append((chord.start, chord.end - chord.start))
    for (root, kind), bars in spans.items():
        axes.broken_barh(bars, (heights[root] - 0.4, 0.8), color=kinds[kind], lw=0)
    for kind, colour in kinds.items():
        axes.plot([], [], "s", color=colour, label=kind)
    _beats(axes, analysis)
    axes.set_yticks(range(len(rows)), list(rows.values()))
    axes.set_ylabel("Chord root", size=10, color=INK)
    axes.set_xlabel("Time", size=10, color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: clock(x)))
    step = next((s for s in _STEPS if analysis.duration <= 10 * s), _STEPS[-1])
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.grid(axis="y", color="#eeeeee", lw=1)
    axes.set_axisbelow(True)
    _plain(axes)
    axes.legend(loc="lower right", bbox_to_anchor=(1.01, 0.96), ncols=3, fontsize=9, frameon=False)
    if analysis.key is not None:
        sure = "" if analysis.key_confidence is None else f" ({analysis.key_confidence:.0%} sure)"
        axes.set_title(f"Key: {analysis.key_text}{sure}", size=10, loc="left", color=INK)


def _beats(axes: Axes, analysis: Analysis) -> None:
    """Lines at downbeats and marks at beats, where there are few enough to distinguish them."""
    shown: dict[str, Any] = {
        "ymin": 0,
        "color": FAINT,
        "transform": axes.get_xaxis_transform(),
        "zorder": 0,
    }
    for times, top, width in ((analysis.beats, 0.04, 0.6), (analysis.downbeats, 1.0, 0.5)):
        if len(times) <= _MOST_LINES:
            axes.vlines(times, ymax=top, lw=width, **shown)


def _rows(analysis: Analysis) -> dict[int, str]:
    """Pitch class and name of the roots that occur, in the order of fifths around the key."""
    tonic = pitch_class(analysis.key.split()[0]) if analysis.key else 0
    names = {_root(chord): _root_name(chord) for chord in analysis.chords if _sounds(chord)}
    # Five fifths below the tonic to six above, so that chords of one key lie side by side.
    fifths = [(tonic + 7 * steps) % 12 for steps in range(-5, 7)]
    return {root: names[root] for root in fifths if root in names}


def _sounds(chord: ChordSpan) -> bool:
    return chord.label not in ("N", "X")


def _root_name(chord: ChordSpan) -> str:
    return chord.label.partition(":")[0].partition("/")[0]


def _root(chord: ChordSpan) -> int:
    return pitch_class(_root_name(chord))


def _kind(chord: ChordSpan) -> str:
    quality = chord.label.partition(":")[2]
    if quality.startswith("min"):
        return "minor"
    if quality.startswith("maj") or quality.split("/")[0] in ("", "7", "9", "6"):
        return "major"
    return "other"
