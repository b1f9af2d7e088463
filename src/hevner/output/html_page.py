"""One page in HTML for many results, and the same of a single one for notebooks.

Conventions
-----------
The page is one file without scripts that loads nothing. Pieces come in the order in which they are
analysed, and the plane with all of them at the end, so that memory does not grow with
the drawings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from hevner.emotion import UNIT, Scale
from hevner.files import printable
from hevner.output.base import Destination, Options, Record, Writer
from hevner.output.drawing import Point, curves, plane
from hevner.output.summary import chord_name, is_unfamiliar, main_chords, present_tags
from hevner.result import Analysis, Estimate, Failure, clock

if TYPE_CHECKING:
    from hevner.hits import Hit

STYLE = """.hevner{font:1rem/1.5 system-ui,sans-serif;max-width:44rem}
.hevner h2{font-size:1.1rem;margin:0}.hevner p{margin:.2rem 0}
.hevner .faint{opacity:.75;font-size:.9rem}.hevner svg{width:100%;height:auto;display:block}
.hevner .v{color:#0072B2;font-weight:600}.hevner .a{color:#D55E00;font-weight:600}
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

_COLOURS = {"valence": "v", "arousal": "a"}
"""Classes of style by estimate."""

READING = (
    "Valence goes from unpleasant to pleasant, arousal from calm to excited. An interval holds the "
    "mean rating of a group of listeners for nine pieces of ten."
)


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
    points = [Point(hit.valence, hit.arousal, printable(hit.name)) for hit in hits]
    rows = (
        (
            printable(hit.name),
            "" if hit.start is None or hit.end is None else f"{clock(hit.start)}-{clock(hit.end)}",
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
        lines.append(f"<p>{clock(analysis.duration)} · nothing sounds in this file</p>")
        return "\n".join(lines + _warnings(analysis)) + "\n"
    facts = [clock(analysis.duration), analysis.quadrant_words, analysis.key]
    if analysis.tempo is not None:
        facts.append(f"{analysis.tempo:.0f} beats per minute")
    facts.append(" ".join(chord_name(label) for label, _ in main_chords(analysis, 4)))
    lines.append(f"<p>{escape(' · '.join(filter(None, facts)))}</p>")
    values = " &nbsp; ".join(
        f'<span class="{_COLOURS.get(name, "")}">{name}</span> {_value(estimate)}'
        for name, estimate in analysis.estimates().items()
    )
    lines.append(f'<p>{values} <span class="faint">on {escape(analysis.scale)}</span></p>')
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
