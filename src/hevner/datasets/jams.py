"""Labels in JAMS files (Humphrey et al., ISMIR 2014): a JSON file per track.

Conventions
-----------
An annotation in a namespace is what one rater gave. Read are ``mood_thayer`` (valence and arousal
in this order, on the scale of ``layout.toml``), whose single observation is the rating of the
whole and whose several are moments, and ``tag_open`` and other namespaces of tags. Other namespaces
are passed over. The files are read as JSON; the package jams is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hevner.datasets.layout import FIELDS, Layout
from hevner.datasets.rows import Row
from hevner.emotion import AXES
from hevner.errors import DataError
from hevner.files import display_name
from hevner.text_file import read_json

MOOD, TAG = "mood_thayer", "tag_"
FACTS = {"title": "title", "artist": "artist", "album": "release"}
"""Fields by their names in the metadata of a file."""


def read_jams(files: Sequence[Path], layout: Layout) -> tuple[list[Row], dict[str, str], list[Row]]:
    """Rows of labels, one for each rater of each track, their columns, and rows of moments.

    Columns have the names of the layout. Raises `DataError` if a file is damaged.
    """
    labels: list[Row] = []
    moments: list[Row] = []
    for path in files:
        try:
            content = read_json(path)
            _read(path, content, layout, labels, moments)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
            raise DataError(
                f"not a JAMS file ({type(error).__name__}: {error})",
                subject=display_name(path),
                remedy="Write it again with the package jams, or remove it",
                code="not_a_table",
            ) from error
    used = {column for row in labels for column in row.values}
    columns = {name: layout.columns[name] for name in FIELDS if layout.columns[name] in used}
    filled = [replace(row, values=dict.fromkeys(used, "") | row.values) for row in labels]
    return filled, columns, moments


def _read(
    path: Path, content: dict[str, Any], layout: Layout, labels: list[Row], moments: list[Row]
) -> None:
    facts = content.get("file_metadata") or {}
    fixed = {"id": path.stem} | {name: str(facts.get(key) or "") for name, key in FACTS.items()}
    rows: dict[str, dict[str, str]] = {}
    done: set[tuple[str, str]] = set()
    for number, annotation in enumerate(content["annotations"], 1):
        namespace, observations = annotation["namespace"], _observations(annotation["data"])
        if not observations or not (namespace == MOOD or namespace.startswith(TAG)):
            continue
        rater = _rater(annotation, number)
        if (rater, namespace) in done:
            rater = f"{rater} {number}"
        done.add((rater, namespace))
        where = f"{display_name(path)}, annotation {number}"
        cells = rows.setdefault(rater, {**fixed, "rater": rater})
        if namespace.startswith(TAG):
            found = [str(one["value"]).strip() for one in observations]
            cells["tags"] = layout.tag_separator.join(dict.fromkeys(found))
        elif len(observations) == 1:
            cells |= _axes(observations[0])
        else:
            for one in observations:
                middle = float(one["time"]) + float(one.get("duration") or 0) / 2
                timed = {"id": path.stem, "rater": rater, "time": repr(middle), **_axes(one)}
                moments.append(Row(_named(timed, layout), where))
    for rater, cells in rows.items():
        labels.append(Row(_named(cells, layout), f"{display_name(path)}, rater {rater}"))


def _observations(data: Any) -> list[dict[str, Any]]:
    """Observations as written by jams 0.3 (a list) or before (a list for each field)."""
    if isinstance(data, dict):
        return [dict(zip(data, values, strict=True)) for values in zip(*data.values(), strict=True)]
    return list(data)


def _axes(observation: dict[str, Any]) -> dict[str, str]:
    valence, arousal = (repr(float(value)) for value in observation["value"])
    return dict(zip(AXES, (valence, arousal), strict=True))


def _rater(annotation: dict[str, Any], number: int) -> str:
    """Name of who made an annotation, else the number of the annotation."""
    facts = annotation.get("annotation_metadata") or {}
    person = facts.get("annotator") or {}
    return str(person.get("name") or person.get("id") or facts.get("data_source") or number)


def _named(cells: dict[str, str], layout: Layout) -> dict[str, str]:
    """Cells under the names of the columns of the layout."""
    return {layout.columns[name]: value for name, value in cells.items()}
