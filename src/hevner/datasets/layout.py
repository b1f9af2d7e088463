"""Tables of labels whose columns and folders a person describes in ``layout.toml``.

Conventions
-----------
The file lies in the dataset's folder and states differences from the defaults of the dataset::

    annotations = "labels.csv"
    audio = "wav"
    delimiter = ";"

    [columns]
    id = "excerpt"
    valence = "V"
    tags = "moods"

    [scales]
    valence = "1..9"
    arousal = "1..9"

The column ``id`` names the track and its file below the audio folder, with or without ending,
unless ``file`` does. A column named in ``layout.toml`` must be there; a default one is used if it
is there, and ``id`` always.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from hevner.datasets.card import Card
from hevner.datasets.findings import Findings
from hevner.datasets.media import Media
from hevner.datasets.rows import Row, each, read_rows
from hevner.datasets.track import Track
from hevner.emotion import AXES, BASIC, UNIT, Quadrant, Scale
from hevner.errors import DataError, HevnerError
from hevner.files import SUFFIXES
from hevner.text_file import read_toml

FILE = "layout.toml"
FIELDS = (
    "id",
    "file",
    "valence",
    "arousal",
    "tension",
    *BASIC,
    "valence_std",
    "arousal_std",
    "raters",
    "quadrant",
    "cluster",
    "artist",
    "title",
    "album",
    "genre",
    "group",
    "split",
    "tags",
)
"""Fields that a column can hold."""

OPTIONS = ("annotations", "audio", "delimiter", "tag_separator")

RATED = (*AXES, "tension", *BASIC)
"""Fields that are ratings on a scale; the basic emotions share one, named ``emotions``."""

LABELS = (*AXES, "tension", *BASIC, "quadrant", "cluster", "tags")


@dataclass(frozen=True)
class Layout:
    """Files, columns and scales of a dataset.

    Attributes
    ----------
    annotations, audio
        File of labels and folder of audio, below the dataset's folder.
    delimiter, tag_separator
        Characters between columns, and between tags within a column.
    columns
        Name of the column by field, any of `FIELDS`.
    required
        Fields that every track must have.
    named
        Further fields whose column must be there; its cells may be empty.
    scales
        Nominal scale by field: ``valence``, ``arousal``, ``tension``, and ``emotions`` for all of
        the basic emotions.
    gaps
        Whether rows without any label are left out, and not faults.
    """

    annotations: str = "annotations.csv"
    audio: str = "audio"
    delimiter: str = ","
    tag_separator: str = ","
    columns: dict[str, str] = field(default_factory=lambda: {name: name for name in FIELDS})
    required: frozenset[str] = frozenset({"id"})
    named: frozenset[str] = frozenset()
    scales: dict[str, Scale] = field(default_factory=dict)
    gaps: bool = False


_RANKED = Layout(
    required=frozenset({"id", "valence", "arousal"}), scales={"valence": UNIT, "arousal": UNIT}
)


def _film(number: int) -> Layout:
    """One of the two sets of ratings of the film music."""
    columns = {"valence": "valence", "arousal": "energy", "tension": "tension"}
    columns |= {"anger": "anger", "fear": "fear", "joy": "happy"}
    columns |= {"sadness": "sad", "tenderness": "tender"}
    return Layout(
        "ratings.csv",
        columns={name: f"{column}_set{number}" for name, column in columns.items()}
        | {"id": "id", "album": "album", "group": "album", "title": "track"},
        required=frozenset({"id", "group", *columns}),
        scales=dict.fromkeys((*AXES, "tension", "emotions"), Scale(1, 9)),
        gaps=number == 2,
    )


LAYOUTS = {
    "wcmed": _RANKED,
    "ccmed": _RANKED,
    "film": _film(1),
    "film_listeners": _film(2),
    "musifeast": Layout(
        "ratings.csv",
        columns={
            "id": "id",
            "valence": "valence",
            "arousal": "arousal",
            "valence_std": "valence_SD",
            "arousal_std": "arousal_SD",
            "artist": "ARTIST",
            "title": "TRACK_TITLE",
            "genre": "GENRE",
        },
        required=frozenset({"id", *AXES, "artist"}),
        scales=dict.fromkeys(AXES, Scale(1, 5)),
    ),
    "quadrants4q": Layout(
        "songs.csv",
        columns={
            "id": "id",
            "quadrant": "quadrant",
            "artist": "artist",
            "title": "title",
            "genre": "genres",
            "tags": "moods",
        },
        required=frozenset({"id", "quadrant"}),
        tag_separator=";",
    ),
    "mirex": Layout(
        "clusters.csv",
        columns={"id": "id", "cluster": "cluster"},
        required=frozenset({"id", "cluster"}),
    ),
    "own": Layout(),
}
"""Default layouts of the datasets that are nothing but a table; the names of the columns of WCMED
and CCMED are ours, as theirs are not published."""


def read_layout(folder: Path, default: Layout) -> Layout:
    """The layout of a folder: its ``layout.toml`` over the default.

    Raises
    ------
    DataError
        If the file is not TOML, or holds something unknown or of the wrong type.
    """
    path = folder / FILE
    if not path.is_file():
        return default
    try:
        content = read_toml(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"not TOML ({error})", subject=str(path), remedy="Correct the file", code="not_toml"
        ) from error
    columns = _texts(content.pop("columns", {}), FIELDS, f"{path}, [columns]")
    scales = _texts(content.pop("scales", {}), (*AXES, "tension", "emotions"), f"{path}, [scales]")
    options = _texts(content, OPTIONS, str(path), extra="the tables [columns], [scales]")
    delimiter = options.get("delimiter", default.delimiter)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise DataError(
            f"delimiter {delimiter!r} is not one character between columns",
            subject=str(path),
            remedy=r'Write one, such as "," or ";" or "\t"',
            code="wrong_value",
        )
    return replace(
        default,
        annotations=options.get("annotations", default.annotations),
        audio=options.get("audio", default.audio),
        delimiter=delimiter,
        tag_separator=options.get("tag_separator", default.tag_separator),
        columns={**default.columns, **columns},
        named=frozenset(columns),
        scales={**default.scales, **{axis: _scale(scales[axis], path) for axis in scales}},
    )


def _texts(table: Any, known: tuple[str, ...], where: str, extra: str = "") -> dict[str, str]:
    if not isinstance(table, dict):
        raise DataError(
            "is not a table",
            subject=where,
            remedy="Write keys below the heading",
            code="wrong_type",
        )
    for key, value in table.items():
        if key not in known:
            raise DataError(
                f"unknown key '{key}'",
                subject=where,
                remedy=f"Known are {', '.join(known)}{' and ' if extra else ''}{extra}",
                code="unknown_key",
            )
        if not isinstance(value, str) or not value:
            raise DataError(
                f"{key} = {value!r} is not a text",
                subject=where,
                remedy='Write it in "quotes"',
                code="wrong_type",
            )
    return table


def _scale(text: str, path: Path) -> Scale:
    try:
        return Scale.parse(text)
    except HevnerError as error:
        raise DataError(
            error.cause, subject=f"{path}, [scales]", remedy=error.remedy, code="wrong_value"
        ) from error


def read_tracks(card: Card, folder: Path, layout: Layout, findings: Findings) -> list[Track]:
    """Tracks of a table.

    The group is the column ``group``, else the artist, else the track itself.

    Raises
    ------
    DataError
        If there is no label column, or one without a scale; or for a bad row, unless tolerated.
    """
    path = folder / layout.annotations
    must = layout.required | layout.named
    expected = [layout.columns[name] for name in FIELDS if name in must]
    rows = read_rows(path, expected, delimiter=layout.delimiter)
    columns = {name: column for name, column in layout.columns.items() if column in rows[0].values}
    _check_labels(columns, layout, path)
    media = Media(card, folder, (layout.audio,), findings)
    given = [columns[name] for name in LABELS if name in columns]

    def track(row: Row) -> Track | None:
        if layout.gaps and not any(row.values[column] for column in given):
            media.find(_stem(row.text(columns["id"])), row.where)
            return None
        return _track(card.name, row, columns, layout, media)

    tracks = each(rows, columns["id"], findings, track)
    media.report_unlabelled()
    return [one for one in tracks if one is not None]


def _check_labels(columns: dict[str, str], layout: Layout, path: Path) -> None:
    if not set(LABELS) & columns.keys():
        raise DataError(
            f"no column of {', '.join(LABELS)}",
            subject=str(path),
            remedy=f"Name the columns in {FILE}, below [columns]",
            code="column_missing",
        )
    for name in RATED:
        scale = _scale_name(name)
        if name in columns and scale not in layout.scales:
            raise DataError(
                f"the scale of column {columns[name]} is not stated",
                subject=str(path),
                remedy=f"State it in {path.parent / FILE}, for example: "
                f'[scales] on a line of its own, then {scale} = "1..9"',
                code="scale_missing",
            )
    given = [name for name in BASIC if name in columns]
    if given and len(given) < len(BASIC):
        raise DataError(
            f"of the basic emotions only {', '.join(given)} have a column",
            subject=str(path),
            remedy=f"Give all of {', '.join(BASIC)}, or none",
            code="column_missing",
        )


def _scale_name(field: str) -> str:
    return "emotions" if field in BASIC else field


def _track(dataset: str, row: Row, columns: dict[str, str], layout: Layout, media: Media) -> Track:
    def text(name: str) -> str:
        if name in layout.required:
            return row.text(columns[name])
        return row.values[columns[name]] if name in columns else ""

    def rating(name: str) -> float | None:
        if name not in columns:
            return None
        return row.rating(columns[name], layout.scales[_scale_name(name)])

    def spread(axis: str) -> float | None:
        if not {axis, f"{axis}_std"} <= columns.keys():
            return None
        return row.spread(columns[f"{axis}_std"], layout.scales[axis])

    name = _stem(row.text(columns["id"]))
    file = _stem(row.text(columns["file"])) if "file" in columns else name
    emotions = [rating(one) for one in BASIC]
    tags = tuple(tag.strip() for tag in text("tags").split(layout.tag_separator) if tag.strip())
    return Track(
        dataset,
        name,
        media.find(file, row.where),
        group=text("group") or text("artist") or name,
        recording=f"{dataset}/{name}",
        title=text("title"),
        artist=text("artist"),
        album=text("album"),
        genre=text("genre"),
        valence=rating("valence"),
        arousal=rating("arousal"),
        valence_std=spread("valence"),
        arousal_std=spread("arousal"),
        raters=row.integer(columns["raters"]) if "raters" in columns else None,
        quadrant=quadrant(row, columns["quadrant"]) if "quadrant" in columns else None,
        tension=rating("tension"),
        emotions=tuple(value for value in emotions if value is not None) or None,
        cluster=_cluster(row, columns["cluster"]) if "cluster" in columns else None,
        tags=tags if "tags" in columns else None,
        official_split=text("split"),
    )


def quadrant(row: Row, column: str) -> Quadrant:
    """The quadrant in a column, as ``Q1`` or ``1``.

    Raises
    ------
    DataError
        If it is not one of the four.
    """
    name = "Q" + row.text(column).upper().removeprefix("Q")
    if name not in Quadrant.__members__:
        cause = f"'{row.text(column)}' in column {column} is not a quadrant"
        raise row.fault("not_a_quadrant", cause, "Expected Q1, Q2, Q3 or Q4")
    return Quadrant[name]


def _cluster(row: Row, column: str) -> int:
    number = row.integer(column)
    if not 1 <= number <= 5:
        raise row.fault("off_scale", f"{number} in column {column} is no mood cluster from 1 to 5")
    return number


def _stem(name: str) -> str:
    """A name without the ending of an audio file."""
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in SUFFIXES else name
