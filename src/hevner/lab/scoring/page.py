"""The page of a scored model: scores, scatter plots, and the worst errors to listen to.

Conventions
-----------
One file in HTML that loads nothing: plots are SVG in the colour of the text, excerpts are MP3 in
the page itself.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from hevner.arrays import Floats
from hevner.datasets.labels import Classes
from hevner.datasets.track import Track
from hevner.errors import HevnerError
from hevner.files import printable
from hevner.lab.data.corpus import sound
from hevner.lab.data.representations import variant_of
from hevner.lab.scoring.scores import Axis

WORST = 5
"""Tracks that are listed for each rating, and at most for classes."""

EXCERPT_S, EXCERPT_RATE = 12, 32_000
"""Length of an excerpt, from the middle of a piece, and its sample rate."""

SIDE, EDGE = 320, 34

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; media-src data:">
<title>{title}</title>
<style>
:root{{color-scheme:light dark}}
body{{margin:0 auto;padding:1.5rem;max-width:60rem;font:1rem/1.5 system-ui,sans-serif}}
h1{{font-size:1.4rem}}h2{{font-size:1.1rem;margin:2rem 0 .3rem}}p{{margin:.3rem 0}}
table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}
th,td{{text-align:left;padding:.15rem .9rem .15rem 0;font-weight:400;vertical-align:middle}}
thead th{{font-weight:600}}.faint{{opacity:.75;font-size:.9rem}}
.warning{{border-left:4px solid #D55E00;padding-left:.7rem}}
.plots{{display:flex;flex-wrap:wrap;gap:1.5rem}}
svg{{width:20rem;max-width:100%;height:auto}}audio{{height:2rem;width:15rem;max-width:100%}}
</style>
</head>
<body>
<h1>{title}</h1>
"""


@dataclass(frozen=True, eq=False)
class Sheet:
    """What a page shows of one dataset.

    Attributes
    ----------
    title
        Heading.
    facts
        Sentences below it; the first is set apart if ``warned``.
    warned
        Whether the first fact is a warning.
    rows
        Table of scores, as `hevner.lab.scoring.scores.rows_of` makes it.
    tracks
        The tracks.
    axes
        Ratings and readings by name.
    classes
        Classes by kind, with the readings' scores of each, shape ``(n, classes)``.
    """

    title: str
    facts: Sequence[str]
    warned: bool
    rows: Sequence[dict[str, object]]
    tracks: Sequence[Track]
    axes: dict[str, Axis]
    classes: dict[str, tuple[Classes, np.ndarray]]


def page(sheets: Sequence[Sheet], title: str, play: Callable[[Track], str]) -> str:
    """The page of all datasets; ``play`` returns the HTML that plays a track."""
    parts = [HEAD.format(title=escape(title))]
    for sheet in sheets:
        parts.append(f"<h2>{escape(sheet.title)}</h2>")
        for number, fact in enumerate(sheet.facts):
            warning = ' class="warning"' if sheet.warned and not number else ""
            parts.append(f"<p{warning}>{escape(printable(fact))}</p>")
        parts.append(_table(sheet.rows))
        plots = [_scatter(name, axis) for name, axis in sheet.axes.items()]
        parts.append(f'<div class="plots">{"".join(plots)}</div>')
        parts += [_confusion(kind, *both) for kind, both in sheet.classes.items()]
        parts.append(_worst(sheet, play))
    return "\n".join([*parts, "</body>\n</html>\n"])


def player(store: Path, soundfont: str) -> Callable[[Track], str]:
    """A function that returns an excerpt of a track as a player; a sentence if it cannot be had."""

    def play(track: Track) -> str:
        try:
            variant = variant_of(track, soundfont)
            blocks = [*sound(track, variant, store, EXCERPT_RATE).blocks]
            return (
                f'<audio controls preload="none" src="{_excerpt(np.concatenate(blocks))}"></audio>'
            )
        except HevnerError as error:
            return escape(printable(f"cannot be played: {error.cause}"))

    return play


def _excerpt(samples: Floats) -> str:
    """The middle of a sound as an MP3 in a data address."""
    import soundfile

    length = EXCERPT_S * EXCERPT_RATE
    start = max(len(samples) - length, 0) // 2
    part = samples[start : start + length]
    peak = float(np.abs(part).max(initial=1e-6))
    file = io.BytesIO()
    soundfile.write(file, part * min(1.0, 0.9 / peak), EXCERPT_RATE, format="MP3")
    return f"data:audio/mpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _table(rows: Sequence[dict[str, object]]) -> str:
    lines = [
        "<table><thead><tr><th>label</th><th>score</th><th></th><th>95 % interval</th><th>n</th>"
        "<th>groups</th><th>music</th></tr></thead><tbody>"
    ]
    for row in rows:
        ends = "" if row["low"] is None else f"{row['low']:.3f} to {row['high']:.3f}"
        cells = (row["label"], row["metric"], f"{row['value']:.3f}", ends, row["n"],
                 row["groups"], row["music"])  # fmt: skip
        lines.append(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _scatter(name: str, axis: Axis) -> str:
    """Ratings across, readings up, the line of equal values, and the best line dashed."""
    there = np.isfinite(axis.truth)
    truth, guess = axis.truth[there], axis.guess[there]
    low, high = (0.0, 1.0) if min(truth.min(), guess.min()) >= 0 else (-1.0, 1.0)

    def at(value: float) -> float:
        return EDGE + (value - low) / (high - low) * (SIDE - 2 * EDGE)

    def line(ends: tuple[float, float], dashes: str) -> str:
        (x, y), (u, v) = ((at(x), SIDE - at(y)) for x, y in zip((low, high), ends, strict=True))
        style = f'stroke="currentColor" stroke-opacity=".6" stroke-dasharray="{dashes}"'
        return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{u:.1f}" y2="{v:.1f}" {style}/>'

    box = SIDE - 2 * EDGE
    parts = [
        f'<svg viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{escape(name)}">',
        f'<rect x="{EDGE}" y="{EDGE}" width="{box}" height="{box}" fill="none" '
        'stroke="currentColor" stroke-opacity=".4"/>',
        line((low, high), ""),
    ]
    if np.ptp(truth):
        slope, offset = np.polyfit(truth, guess, 1)
        ends = np.clip([slope * low + offset, slope * high + offset], low, high)
        parts.append(line((float(ends[0]), float(ends[1])), "5 4"))
    parts += [
        f'<circle cx="{at(x):.1f}" cy="{SIDE - at(y):.1f}" r="3" fill="#0072B2" '
        'fill-opacity=".55"/>'
        for x, y in zip(truth, np.clip(guess, low, high), strict=True)
    ]
    text = 'font-size="13" fill="currentColor" text-anchor="middle"'
    parts += [
        f'<text x="{SIDE / 2}" y="20" {text}>{escape(name)}, n = {len(truth)}</text>',
        f'<text x="{SIDE / 2}" y="{SIDE - 6}" {text}>rated, {low:g} to {high:g}</text>',
        f'<text transform="translate(14 {SIDE / 2}) rotate(-90)" {text}>predicted</text></svg>',
    ]
    return "".join(parts)


def _confusion(kind: str, classes: Classes, values: np.ndarray) -> str:
    """Table of classes, given by rows and predicted by columns."""
    if not np.isfinite(values).all():
        return ""
    guess, there = values.argmax(axis=1), classes.number >= 0
    head = "".join(f"<th>{escape(name)}</th>" for name in classes.names)
    lines = [f"<table><thead><tr><th>{escape(kind)}, predicted</th>{head}</tr></thead><tbody>"]
    for k, name in enumerate(classes.names):
        mine = there & (classes.number == k)
        counts = np.bincount(guess[mine], minlength=len(classes.names))
        cells = "".join(f"<td>{count}</td>" for count in counts)
        lines.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _worst(sheet: Sheet, play: Callable[[Track], str]) -> str:
    """The tracks with the largest errors of each rating, and the clearest mistakes of classes."""
    lines = [
        "<h2>Worst errors</h2>"
        f'<p class="faint">{EXCERPT_S} seconds from the middle of each piece. The page holds them: '
        "share it only as you may share the music.</p>"
        "<table><thead><tr><th>track</th><th>label</th><th>given</th><th>predicted</th><th></th>"
        "</tr></thead><tbody>"
    ]
    for name, axis in sheet.axes.items():
        error = np.nan_to_num(np.abs(axis.truth - axis.guess), nan=-1.0)
        for row in np.argsort(-error)[:WORST]:
            if error[row] >= 0:
                given, guess = f"{axis.truth[row]:.2f}", f"{axis.guess[row]:.2f}"
                lines.append(_line(sheet.tracks[row], name, given, guess, play))
    for kind, (classes, values) in sheet.classes.items():
        if not np.isfinite(values).all():
            continue
        own = values[np.arange(len(values)), np.maximum(classes.number, 0)]
        error = np.where(classes.number >= 0, values.max(axis=1) - own, -1)
        for row in np.argsort(-error)[:WORST]:
            if error[row] > 0:
                given = classes.names[classes.number[row]]
                guess = classes.names[int(values[row].argmax())]
                lines.append(_line(sheet.tracks[row], kind, given, guess, play))
    return "\n".join([*lines, "</tbody></table>"])


def _line(track: Track, label: str, given: str, guess: str, play: Callable[[Track], str]) -> str:
    name = " - ".join(filter(None, (track.artist, track.title))) or track.id
    cells = "".join(f"<td>{escape(printable(text))}</td>" for text in (name, label, given, guess))
    return f"<tr>{cells}<td>{play(track)}</td></tr>"
