"""One page in HTML for many results, and the same of a single one for notebooks.

Conventions
-----------
The page is one file without scripts that loads nothing. Pieces come in the order in which they are
analysed, and the plane with all of them at the end, so that memory does not grow with
the drawings. Drawings are SVG: valence, arousal and tension have the colours of
`hevner.output.plot`; all else takes the colour of the text around it, so they fit light and dark
pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.emotion import UNIT, Scale
from hevner.files import printable
from hevner.output import Destination, Options, Record, Writer
from hevner.output.summary import BLUE, COLOURS, facts, is_unfamiliar, present_tags
from hevner.result import Analysis, Estimate, Failure, Moment, clock

if TYPE_CHECKING:
    from hevner.hits import Hit

STYLE = """.hevner{font:1rem/1.5 system-ui,sans-serif;max-width:44rem}
.hevner h2{font-size:1.1rem;margin:0}.hevner p{margin:.2rem 0}
.hevner .faint{opacity:.75;font-size:.9rem}.hevner svg{width:100%;height:auto;display:block}
.hevner .valence{color:#0072B2}.hevner .arousal{color:#D55E00}.hevner .tension{color:#A8568A}
.hevner .valence,.hevner .arousal,.hevner .tension{font-weight:600}
.hevner table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.hevner th,.hevner td{text-align:left;padding:.15rem .9rem .15rem 0;font-weight:400}
.hevner thead th{font-weight:600}"""

HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Emotion of music</title>
<style>
:root{{color-scheme:light dark}}
body{{margin:0 auto;padding:1.5rem;max-width:46rem}}
article{{padding:1rem 0;border-top:1px solid rgba(128,128,128,.4)}}
a{{color:inherit}}
#plane svg{{max-width:26rem}}
{STYLE}
</style>
</head>
<body class="hevner">
<h1>Emotion of music</h1>
<p><a href="#plane">All pieces on the plane</a></p>
"""

WIDTH, HEIGHT = 640, 140
SIDE = 360
"""Width and height of the plane."""

MARGIN = 34
RADIUS = 4

READING = (
    "Valence goes from unpleasant to pleasant, arousal from calm to excited, tension from relaxed "
    "to tense. An interval holds the mean rating of a group of listeners for nine pieces of ten."
)


@dataclass(frozen=True)
class Point:
    """A piece on the plane.

    Attributes
    ----------
    valence, arousal
        On the unit scale.
    name
        Shown when one points at it.
    target
        Id of the element that a click leads to; empty for none.
    """

    valence: float
    arousal: float
    name: str
    target: str = ""


class PageWriter(Writer):
    """A page that looks the same without network, in any browser."""

    def __init__(self, destination: Destination, options: Options) -> None:
        super().__init__(destination, options)
        self._points: list[Point] = []
        self._count = 0

    def write(self, record: Record) -> None:
        """Add an article."""
        if not self._count:
            self.destination.write(HEAD)
        self._count += 1
        target = f"piece-{self._count}"
        if isinstance(record, Failure):
            body = _failure(record)
        else:
            body = _piece(record, everything=self.options.all_tags)
            self._points += _points(record, target)
        self.destination.write(f'<article id="{target}">\n{body}</article>\n')

    def finish(self) -> None:
        """Add the plane."""
        if not self._count:
            self.destination.write(HEAD)
        drawn = plane(self._points) if self._points else "<p>There is none.</p>"
        self.destination.write(
            f'<section id="plane">\n<h2>All pieces</h2>\n{drawn}\n</section>\n'
            f'<p class="faint">{READING}</p>\n</body>\n</html>\n'
        )


def notebook(analysis: Analysis) -> str:
    """An analysis as a notebook shows it."""
    return _framed(_piece(analysis, everything=False))


def notebook_hits(hits: Sequence[Hit]) -> str:
    """Results of a search as a notebook shows them: the plane, then a table."""
    if not hits:
        return _framed("<p>Nothing was found.</p>")
    points = [Point(hit.valence, hit.arousal, printable(hit.label or hit.name)) for hit in hits]
    rows = (
        (
            printable(hit.label or hit.name),
            hit.when,
            f"{hit.valence:+.2f}",
            f"{hit.arousal:+.2f}",
            hit.key or "",
            "" if hit.fit is None else f"{hit.fit:.0%}",
        )
        for hit in hits
    )
    head = ("Piece", "Moment", "Valence", "Arousal", "Key", "Fit")
    return _framed(f'<div style="max-width:20rem">{plane(points)}</div>{_table(head, rows)}')


def _framed(body: str) -> str:
    return f'<div class="hevner"><style>{STYLE}</style>\n{body}</div>'


def _piece(analysis: Analysis, *, everything: bool) -> str:
    """Name, facts, values, words and curves."""
    lines = [_title(analysis.path)]
    if analysis.valence is None or analysis.arousal is None:
        lines.append(f"<p>{escape(' · '.join(facts(analysis)))}</p>")
        return "\n".join(lines + _warnings(analysis)) + "\n"
    lines.append(f"<p>{escape(' · '.join(facts(analysis)))}</p>")
    values = " &nbsp; ".join(
        f'<span class="{name}">{name}</span> {_value(estimate)}'
        for name, estimate in analysis.estimates().items()
    )
    lines.append(f'<p>{values} <span class="faint">on {escape(analysis.scale)}</span></p>')
    if analysis.emotions:
        emotions = (f"{name} {_share(one)}" for name, one in analysis.emotions.items())
        lines.append(f'<p>{" &nbsp; ".join(emotions)} <span class="faint">on 0..1</span></p>')
    groups = present_tags(analysis, everything=everything).values()
    words = [
        *(tag for group in groups for tag in group),
        *(name for name, share in list(analysis.moods.items())[:2] if share >= 0.25),
    ]
    if words:
        lines.append(f"<p>{escape(', '.join(dict.fromkeys(words)))}</p>")
    if is_unfamiliar(analysis):
        lines.append('<p class="faint">Unlike the music that the model knows.</p>')
    lines += [curves(analysis), *_warnings(analysis)]
    return "\n".join(filter(None, lines)) + "\n"


def _failure(failure: Failure) -> str:
    reason = f"{failure.cause}. {failure.remedy}".rstrip()
    return f"{_title(failure.path)}\n<p>Could not be analysed: {escape(reason)}</p>\n"


def _title(path: str) -> str:
    return f"<h2>{escape(printable(Path(path).name))}</h2>"


def _warnings(analysis: Analysis) -> list[str]:
    sentences = (*analysis.contradictions, *analysis.warnings)
    return [f'<p class="faint">{escape(printable(sentence))}</p>' for sentence in sentences]


def _value(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}]"


def _share(estimate: Estimate) -> str:
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _points(analysis: Analysis, target: str) -> list[Point]:
    if analysis.valence is None or analysis.arousal is None:
        return []
    unit = analysis.on(UNIT) if Scale.parse(analysis.scale) != UNIT else analysis
    assert unit.valence is not None
    assert unit.arousal is not None
    name = printable(Path(analysis.path).name)
    return [Point(unit.valence.value, unit.arousal.value, name, target)]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    def line(cells: Iterable[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>\n{body}\n</tbody></table>"


# --- drawings ---


def curves(analysis: Analysis) -> str:
    """Valence, arousal and tension over time with their intervals; empty if there are none."""
    moments = analysis.timeline
    if not any(moment.valence or moment.arousal for moment in moments):
        return ""
    scale, end = Scale.parse(analysis.scale), moments[-1].end
    # All bands lie below all lines.
    drawn = "".join(
        draw(run, colour, scale, end)
        for draw in (_band, _line)
        for axis, colour in COLOURS.items()
        for run in _runs(moments, axis)
    )
    middle = _down(scale.neutral, scale)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" fill="none" font-size="11" '
        f'aria-label="Valence, arousal and tension over {clock(end)}">'
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
    steps = [((m.start + m.end) / 2, getattr(m, axis)) for m in moments]
    for sounds, run in groupby(steps, key=lambda step: step[1] is not None):
        if sounds:
            yield list(run)


def _line(run: list[Step], colour: str, scale: Scale, end: float) -> str:
    places = _places([(time, estimate.value) for time, estimate in run], scale, end)
    return f'<polyline points="{places}" stroke="{colour}" stroke-width="2"/>'


def _band(run: list[Step], colour: str, scale: Scale, end: float) -> str:
    above = [(time, estimate.high) for time, estimate in run]
    below = [(time, estimate.low) for time, estimate in reversed(run)]
    places = _places(above + below, scale, end)
    return f'<polygon points="{places}" fill="{colour}" fill-opacity=".15"/>'


def _places(steps: list[tuple[float, float]], scale: Scale, end: float) -> str:
    width = WIDTH - MARGIN
    return " ".join(f"{round(MARGIN + t / end * width, 1)},{_down(v, scale)}" for t, v in steps)


def _down(value: float, scale: Scale) -> float:
    share = (scale.high - min(max(value, scale.low), scale.high)) / (scale.high - scale.low)
    return round(4 + share * (HEIGHT - 24), 1)


def _label(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="currentColor" '
        f'fill-opacity=".75">{escape(text)}</text>'
    )
