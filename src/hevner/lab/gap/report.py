"""Write the gap report: one page, with sections of figures, text and a table, and tables beside it.

Conventions
-----------
The folder appears when it is complete. The page holds its pictures and loads nothing. All text is
in ``sections.toml``; here its places for values are filled from the tables.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from html import escape
from itertools import combinations, groupby
from operator import attrgetter
from pathlib import Path
from string import Formatter, Template
from typing import Any

import numpy as np

from hevner import __version__
from hevner.emotion import AXES
from hevner.errors import OutputError
from hevner.files import cannot_write, display_name
from hevner.lab.data.samples import names
from hevner.lab.gap import figures
from hevner.lab.gap.bias import Probe
from hevner.lab.gap.distances import EXCHANGES, Distance
from hevner.lab.gap.figures import MEASURES
from hevner.lab.gap.study import MOST, Gap
from hevner.output.spreadsheet import csv_text

TITLE = "The gap between datasets"
PAGE_NAME = "report.html"


def check_folder(folder: Path) -> None:
    """Check that a report can be written, before hours are spent on it.

    Raises `OutputError` if it exists and is not an empty folder, or cannot be made.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(
            "there is something already",
            subject=display_name(folder),
            remedy="Name a new folder for the report, or move the old one away",
            code="already_there",
        )
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise OutputError(
            "no such folder",
            subject=display_name(parent),
            remedy="Create the folder first",
            code="file_missing",
        )


def write(gap: Gap, folder: Path) -> None:
    """Write page and tables into a new or empty folder.

    Raises `OutputError` if it cannot be written; then nothing is left behind.
    """
    check_folder(folder)
    files = {PAGE_NAME: page(gap), "maps.csv": _maps(gap)}
    files |= {
        f"{name}.csv": _csv([asdict(row) for row in rows]) for name, rows in gap.tables.items()
    }
    part = folder.absolute().parent / f".hevner-{secrets.token_hex(6)}.part"
    try:
        part.mkdir()
        for name, text in files.items():
            if text:
                (part / name).write_text(text, encoding="utf-8", newline="")
        if folder.exists():
            folder.rmdir()
        os.replace(part, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def page(gap: Gap) -> str:
    """The page as HTML."""
    made = list(sections(gap))
    return template("page.html").substitute(
        title=TITLE,
        introduction=_introduction(gap),
        contents="\n".join(
            f'<li><a href="#{key}">{escape(heading)}</a></li>' for key, heading, _ in made
        ),
        sections="\n".join(html for *_, html in made),
        footer=f"Made with hevner {__version__}. The same data give the same report.",
    )


def _introduction(gap: Gap) -> str:
    say = partial(sentence, "introduction")
    listed = names(gap.rated.dataset)
    silent = [n for n in listed if gap.encoded is None or not gap.encoded.of(n).any()]
    data = [say("datasets", names=", ".join(listed))]
    if gap.encoded is not None:
        data.append(say("representations", names=", ".join(gap.representations), most=MOST))
    data += [
        say("shared", first=first, second=second, count=count)
        for first, second, count in _shared(gap)
    ]
    if silent:
        data.append(say("silent", names=", ".join(silent)))
    return f"<p>{say('purpose')}</p><p>{' '.join(data)}</p><p>{say('numbers')}</p>"


def _shared(gap: Gap) -> Iterator[tuple[str, str, int]]:
    """Every two datasets with recordings in common, and how many."""
    rows = gap.rated
    recordings = {name: set(rows.recording[rows.of(name)]) for name in names(rows.dataset)}
    for first, second in combinations(recordings, 2):
        if common := recordings[first] & recordings[second]:
            yield first, second, len(common)


def _maps(gap: Gap) -> str:
    if gap.encoded is None:
        return ""
    rows = gap.encoded
    return _csv([
        {
            "representation": name, "method": method, "track": str(rows.track[i]),
            "genre": str(rows.genre[i]), "valence": float(rows.emotion[i, 0]),
            "arousal": float(rows.emotion[i, 1]), "x": float(x), "y": float(y),
        }
        for (name, method), place in gap.maps.items()
        for i, (x, y) in enumerate(place)
    ])  # fmt: skip


def _csv(rows: Sequence[dict[str, object]]) -> str:
    """Rows under a header; empty if there are none. NaN is an empty cell."""
    if not rows:
        return ""
    return csv_text(list(rows[0]), ([_field(value) for value in row.values()] for row in rows))


def _field(value: object) -> object:
    if not isinstance(value, float):
        return value
    return "" if value != value else f"{value:.6g}"


LONG = 16
"""Tables with more rows are folded away."""


class _Sentences(Formatter):
    """Texts are escaped unless ``html``, bold with ``b``; numbers have the given digits."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "html":
            return str(value)
        if format_spec.isdigit():
            return number(value, int(format_spec))
        if isinstance(value, str):
            return f"<strong>{escape(value)}</strong>" if format_spec == "b" else escape(value)
        return str(super().format_field(value, format_spec))


def sentence(key: str, which: str = "sentence", **values: object) -> str:
    """A sentence of a section with its values, as HTML."""
    return " ".join(_Sentences().vformat(texts()[key][which], (), values).split())


def sections(gap: Gap) -> Iterator[tuple[str, str, str]]:
    """Key, heading and HTML of the sections for which there are results."""
    tables, halves = gap.tables, gap.tables["distances_within"]
    if any(np.isfinite(row.q1) for row in tables["labels"]):
        known = [row for row in tables["labels"] if np.isfinite(row.correlation)]
        finding = ""
        if known:
            finding = sentence("ratings", **_ends(known, "correlation", "least", "most"))
        picture = figures.label_planes(gap.rated, tables["labels"])
        yield _section("ratings", picture, finding, tables["labels"])
    ratings = [row for row in tables["distances"] if row.space in AXES]
    if ratings:
        shown = [(axis, measure) for axis in AXES for measure in ("wasserstein", "jensen_shannon")]
        key, picture = "rating-distances", figures.distance_tables(ratings, halves, shown)
        finding = " ".join(_extremes(key, ratings, axis, "wasserstein") for axis in AXES)
        yield _section(key, picture, finding, ratings)
    music = [row for row in tables["distances"] if row.space not in AXES]
    if music:
        key = "feature-distances"
        drawn = []
        for name in gap.representations:
            picture = figures.distance_tables(music, halves, [(name, one) for one in MEASURES])
            drawn.append(_figure(key, picture, name=name))
        finding = " ".join(_extremes(key, music, name, "sliced") for name in gap.representations)
        yield _section(key, "\n".join(drawn), finding, music)
    yield from _identity(tables["probes"])
    yield from _genre(tables)
    if gap.encoded is not None:
        drawn = [
            f"<h3>{escape(name)}, {method}</h3>"
            + _figure("maps", figures.embedding_map(place, gap.encoded), name=name, method=method)
            for (name, method), place in gap.maps.items()
        ]
        yield _section("maps", "\n".join(drawn))


def _identity(probes: list[Probe]) -> Iterator[tuple[str, str, str]]:
    """Recognition of datasets and of genres."""
    if rows := [row for row in probes if row.target == "dataset"]:
        # The first row of each representation is for all datasets at once.
        firsts = [part[0] for part in _grouped(rows, "representation")]
        finding = " ".join(sentence("dataset-identity", row=row) for row in firsts)
        yield _section("dataset-identity", figures.probes(rows), finding, rows)
    if rows := [row for row in probes if row.target == "genre"]:
        findings = []
        for part in _grouped(rows, "within"):
            reached = ", ".join(sentence("genre-identity", "reached", row=row) for row in part)
            findings.append(sentence("genre-identity", row=part[0], reached=reached))
        yield _section("genre-identity", figures.probes(rows), " ".join(findings), rows)


def _genre(tables: dict[str, list[Any]]) -> Iterator[tuple[str, str, str]]:
    """Genre in ratings and in models."""
    if rows := tables["genre_shares"]:
        finding = sentence("genre-shares", **_ends(rows, "r2", "least", "most"))
        yield _section("genre-shares", figures.genre_shares(rows), finding, rows)
    if rows := tables["genre_reliance"]:
        relying = sum(row.excess_low > 0 for row in rows)
        finding = sentence("genre-reliance", relying=relying, count=len(rows))
        yield _section("genre-reliance", figures.reliance(rows), finding, rows)
    if rows := tables["genre_dominance"]:
        findings = []
        for part in _grouped(rows, "dataset", "axis"):
            helpful = sorted({row.genre for row in part if row.low > 0})
            harmful = sorted({row.genre for row in part if row.high < 0})
            findings.append(
                sentence(
                    "genre-dominance", **_ends(part, "others", "least", "most"),
                    helpful=", ".join(helpful) or "none", harmful=", ".join(harmful) or "none",
                )
            )  # fmt: skip
        yield _section("genre-dominance", figures.dominance(rows), " ".join(findings), rows)


def _extremes(key: str, rows: Sequence[Distance], space: str, measure: str) -> str:
    """A sentence on the nearest and the farthest pair."""
    own = [row for row in rows if (row.space, row.measure) == (space, measure)]
    which = "only" if len(own) == 1 else "sentence"
    return sentence(key, which, **_ends(own, "value", "nearest", "farthest"))


def _ends(rows: Sequence[Any], field: str, low: str, high: str) -> dict[str, Any]:
    """The rows with the least and the greatest value of a field, under two names."""
    key = attrgetter(field)
    return {low: min(rows, key=key), high: max(rows, key=key)}


def _grouped(rows: Sequence[Any], *fields: str) -> Iterator[list[Any]]:
    """Rows by the values of some fields, in the order of the values."""
    key = attrgetter(*fields)
    for _, part in groupby(sorted(rows, key=key), key=key):
        yield list(part)


# --- HTML ---


@lru_cache(maxsize=1)
def texts() -> dict[str, Any]:
    """Content of ``sections.toml``."""
    return tomllib.loads(Path(__file__).with_name("sections.toml").read_text(encoding="utf-8"))


def template(name: str) -> Template:
    """A template from the folder of this module."""
    return Template(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _fill(text: str, **values: object) -> str:
    """Text in one line with its values; ``intervals`` and ``exchanged`` are always known."""
    shared = {
        name: Template(texts()[name].strip()).substitute(exchanges=EXCHANGES)
        for name in ("intervals", "exchanged")
    }
    return " ".join(Template(text).substitute(shared, **values).split())


def _section(
    key: str, pictures: bytes | str, finding: str = "", rows: Sequence[Any] = ()
) -> tuple[str, str, str]:
    """A section with one picture or HTML of several, and with its table if there are rows."""
    text = texts()[key]
    parts = {part: _fill(text[part], finding=finding) for part in ("see", "meaning", "sure")}
    drawn = _figure(key, pictures) if isinstance(pictures, bytes) else pictures
    tables = ""
    if rows:
        digits = text.get("digits", 2)
        fields = [fields for _, *fields in text["columns"]]
        cells = [[_value(row, own, digits) for own in fields] for row in rows]
        tables = table(text["caption"], [name for name, *_ in text["columns"]], cells, digits)
    html = template("section.html").substitute(
        parts, key=key, heading=escape(text["heading"]), figures=drawn, tables=tables
    )
    return key, text["heading"], html


def _value(row: Any, fields: Sequence[str], digits: int) -> object:
    """The value of a field, or an interval of two."""
    if len(fields) == 2:
        low, high = (number(getattr(row, field), digits) for field in fields)
        return f"{low} to {high}"
    value: object = getattr(row, fields[0])
    return MEASURES[str(value)] if fields[0] == "measure" else value


def _figure(key: str, picture: bytes, **values: str) -> str:
    """A picture inside the page, with the text of its section for readers who do not see it."""
    alt = escape(_fill(texts()[key]["alt"], **values))
    data = base64.b64encode(picture).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{alt}"></figure>'


def table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[object]], digits: int = 2
) -> str:
    """A table; the first column names the row. Texts are escaped, floats rounded."""
    is_text = [all(isinstance(row[i], str) for row in rows) for i in range(len(header))]
    kind = [' class="text"' if text else "" for text in is_text]
    head = "".join(
        f'<th scope="col"{css}>{escape(name)}</th>' for name, css in zip(header, kind, strict=True)
    )
    body = "\n".join(
        f'<tr><th scope="row">{_cell(first, digits)}</th>'
        + "".join(
            f"<td{css}>{_cell(v, digits)}</td>" for v, css in zip(rest, kind[1:], strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    made = (
        f'<div class="wide"><table><caption>{escape(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )
    if len(rows) <= LONG:
        return made
    return f"<details><summary>{escape(caption)}: {len(rows)} rows</summary>\n{made}\n</details>"


def number(value: float, digits: int = 2) -> str:
    """With a true minus sign, a dash for NaN."""
    if value != value:
        return "–"  # noqa: RUF001
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _cell(value: object, digits: int) -> str:
    return escape(number(value, digits) if isinstance(value, float) else str(value))
