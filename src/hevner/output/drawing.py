"""Small drawings as SVG text, for pages and notebooks.

Conventions
-----------
Valence is blue and arousal vermilion, as in `hevner.output.plot`; what is neither takes the colour
of the text around it, so drawings fit light and dark pages. Numbers are rounded to tenths of a
pixel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from hevner.emotion import Scale
from hevner.result import Analysis, Estimate, Moment, clock

BLUE, VERMILION = "#0072B2", "#D55E00"

WIDTH, HEIGHT = 640, 140
SIDE = 360
"""Width and height of the plane."""

MARGIN = 34
RADIUS = 4


@dataclass(frozen=True)
class Point:
    """A piece on the plane.

    Attributes
    ----------
    valence, arousal
        On the unit scale.
    name
        Name of the piece, shown when one points at it.
    target
        Id of the element that a click leads to; empty for none.
    """

    valence: float
    arousal: float
    name: str
    target: str = ""


def curves(analysis: Analysis) -> str:
    """Valence and arousal over time with their intervals; empty if there are none."""
    moments = analysis.timeline
    if not any(moment.valence or moment.arousal for moment in moments):
        return ""
    scale, end = Scale.parse(analysis.scale), moments[-1].end
    # All bands lie below all lines.
    drawn = "".join(
        draw(run, colour, scale, end)
        for draw in (_band, _line)
        for axis, colour in (("valence", BLUE), ("arousal", VERMILION))
        for run in _runs(moments, axis)
    )
    middle = _down(scale.neutral, scale)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" fill="none" font-size="11" '
        f'aria-label="Valence and arousal over {clock(end)}">'
        f'<path d="M{MARGIN} {middle}H{WIDTH}" stroke="currentColor" stroke-opacity=".3"/>'
        f"{_label(0, _down(scale.high, scale) + 9, f'{scale.high:g}')}"
        f"{_label(0, middle + 4, f'{scale.neutral:g}')}"
        f"{_label(0, _down(scale.low, scale), f'{scale.low:g}')}"
        f"{_label(MARGIN, HEIGHT - 2, '0:00')}"
        f"{_label(WIDTH, HEIGHT - 2, clock(end), anchor='end')}"
        f"{drawn}</svg>"
    )


def plane(points: Sequence[Point]) -> str:
    """Pieces on the plane of valence and arousal."""
    middle = SIDE / 2
    dots = "".join(map(_dot, points))
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" role="img" font-size="12" fill="currentColor" '
        f'aria-label="{len(points)} pieces by valence, to the right, and arousal, upwards">'
        f'<path d="M0 {middle:g}H{SIDE}M{middle:g} 0V{SIDE}" stroke="currentColor" '
        'stroke-opacity=".3"/>'
        f"{_label(SIDE - 4, 14, 'happy, excited', anchor='end')}{_label(4, 14, 'tense, angry')}"
        f"{_label(4, SIDE - 6, 'sad, gloomy')}"
        f"{_label(SIDE - 4, SIDE - 6, 'calm, content', anchor='end')}{dots}</svg>"
    )


def _dot(point: Point) -> str:
    x, y = (point.valence + 1) / 2 * SIDE, (1 - point.arousal) / 2 * SIDE
    circle = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{BLUE}" fill-opacity=".7">'
        f"<title>{escape(point.name)}</title></circle>"
    )
    return f'<a href="#{escape(point.target)}">{circle}</a>' if point.target else circle


Step = tuple[float, Estimate]
"""The middle of a moment in seconds, and its value."""


def _runs(moments: Sequence[Moment], axis: str) -> Iterator[list[Step]]:
    """Values without silence in between."""
    run: list[Step] = []
    for moment in moments:
        estimate = moment.valence if axis == "valence" else moment.arousal
        if estimate is not None:
            run.append(((moment.start + moment.end) / 2, estimate))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _line(run: list[Step], colour: str, scale: Scale, end: float) -> str:
    places = _places([(time, estimate.value) for time, estimate in run], scale, end)
    return f'<polyline points="{places}" stroke="{colour}" stroke-width="2"/>'


def _band(run: list[Step], colour: str, scale: Scale, end: float) -> str:
    above = [(time, estimate.high) for time, estimate in run]
    below = [(time, estimate.low) for time, estimate in reversed(run)]
    places = _places(above + below, scale, end)
    return f'<polygon points="{places}" fill="{colour}" fill-opacity=".15"/>'


def _places(steps: list[tuple[float, float]], scale: Scale, end: float) -> str:
    return " ".join(f"{_across(time, end)},{_down(value, scale)}" for time, value in steps)


def _across(time: float, end: float) -> float:
    return round(MARGIN + time / end * (WIDTH - MARGIN), 1)


def _down(value: float, scale: Scale) -> float:
    share = (scale.high - min(max(value, scale.low), scale.high)) / (scale.high - scale.low)
    return round(4 + share * (HEIGHT - 24), 1)


def _label(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity=".75">{escape(text)}</text>'
    )
