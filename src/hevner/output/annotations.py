"""Analyses as annotations for the programs of the field: files for each piece.

JAMS 0.3.5 (Humphrey et al., ISMIR 2014), chords in the syntax of Harte et al. (ISMIR 2005) as
``.lab``, label tracks of Audacity, and layers of Sonic Visualiser as CSV without a header.

Conventions
-----------
Times are in seconds. Valence, arousal and tension are on the scale of the analysis. A piece gets no
file for what it lacks: silence has no chords and no emotion. JAMS is written as plain JSON: the
package jams would bring pandas, jsonschema and others along to write a dictionary; tests read all
files with jams and mir_eval.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import Any

from hevner import __version__
from hevner.heads import ESTIMATES
from hevner.result import Analysis

CHURCH_MODES = ("dorian", "phrygian", "lydian", "mixolydian")
"""Modes that JAMS can name and that are not major or minor themselves."""

Span = tuple[float, float, str]


def jams(analysis: Analysis) -> dict[str, str]:
    """One file of JAMS with all that it can hold.

    Emotion is in the namespace ``mood_thayer``, as (valence, arousal), once for the whole piece and
    once for its moments.
    """
    end = analysis.duration
    moods = [(0.0, end, analysis.valence, analysis.arousal)]
    moments = [(one.start, one.end, one.valence, one.arousal) for one in analysis.timeline]
    tempi = [(0.0, end, one.tempo, one.probability) for one in analysis.tempo_candidates]
    keys = [(0.0, end, _key(analysis), analysis.key_confidence)] if analysis.key else []
    tags = [(0.0, end, tag.name, tag.probability) for tag in analysis.tags if tag.present]
    chords = [(*span, None) for span in _chords(analysis)]
    beats = [(time, time, position, None) for time, position in _beats(analysis)]
    intervals = {name: [one.low, one.high] for name, one in analysis.estimates().items()}
    found: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("mood_thayer", _moods(moods), {"scale": analysis.scale, "intervals": intervals}),
        ("mood_thayer", _moods(moments), {"scale": analysis.scale}),
        ("tag_open", tags, {}),
        ("key_mode", keys, {}),
        ("tempo", tempi, {}),
        ("chord_harte", chords, {}),
        ("beat", beats, {}),
    ]
    record = {
        "file_metadata": {
            "title": PurePath(analysis.path).stem,
            "artist": "",
            "release": "",
            "duration": end,
            "identifiers": {},
            "jams_version": "0.3.5",
        },
        "annotations": [
            _annotation(analysis, namespace, observations, sandbox)
            for namespace, observations, sandbox in found
            if observations
        ],
        "sandbox": {"headline": analysis.headline, "status": analysis.status},
    }
    return {"jams": json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"}


def lab(analysis: Analysis) -> dict[str, str]:
    """Chords: start, end and label in a line, with tabs between them."""
    return _filled({"lab": _lines("\t", _chords(analysis))})


def audacity(analysis: Analysis) -> dict[str, str]:
    """Label tracks: moments of emotion, chords, and beats with their place in the bar."""
    moments = (
        (one.start, one.end, f"valence {one.valence.value:.2f}, arousal {one.arousal.value:.2f}")
        for one in analysis.timeline
        if one.valence and one.arousal
    )
    beats = ((time, time, _position(position)) for time, position in _beats(analysis))
    return _filled(
        {
            "emotion.txt": _lines("\t", moments),
            "chords.txt": _lines("\t", _chords(analysis)),
            "beats.txt": _lines("\t", beats),
        }
    )


def sonic_visualiser(analysis: Analysis) -> dict[str, str]:
    """Layers: values at the middle of each moment, chords with start and end, and beats."""
    layers = {}
    for name in ESTIMATES:
        values = ((one.start, one.end, getattr(one, name)) for one in analysis.timeline)
        points = (((start + end) / 2, value.value) for start, end, value in values if value)
        layers[f"{name}.csv"] = _lines(",", points)
    beats = ((time, _position(position)) for time, position in _beats(analysis))
    layers |= {"chords.csv": _lines(",", _quoted(analysis)), "beats.csv": _lines(",", beats)}
    return _filled(layers)


PER_PIECE: dict[str, Callable[[Analysis], dict[str, str]]] = {
    "jams": jams,
    "lab": lab,
    "audacity": audacity,
    "sonic-visualiser": sonic_visualiser,
}
"""What makes the files of a piece in each form: their contents by the end of their names."""


def _annotation(
    analysis: Analysis, namespace: str, observations: list[Any], sandbox: dict[str, Any]
) -> dict[str, Any]:
    names = ("time", "duration", "value", "confidence")
    return {
        "namespace": namespace,
        "annotation_metadata": {
            "annotator": {"name": "hevner"},
            "annotation_tools": f"hevner {__version__}",
            "version": analysis.model,
            "data_source": "program",
        },
        "data": [
            dict(zip(names, (start, round(end - start, 6), value, confidence), strict=True))
            for start, end, value, confidence in observations
        ],
        "sandbox": sandbox,
        "time": 0,
        "duration": analysis.duration,
    }


def _moods(rows: Iterable[tuple[float, float, Any, Any]]) -> list[Any]:
    """Observations of valence and arousal, where both are known."""
    return [
        (start, end, [valence.value, arousal.value], None)
        for start, end, valence, arousal in rows
        if valence and arousal
    ]


def _key(analysis: Analysis) -> str:
    tonic, _, third = str(analysis.key).partition(" ")
    return f"{tonic}:{analysis.mode if analysis.mode in CHURCH_MODES else third}"


def _chords(analysis: Analysis) -> Iterator[Span]:
    """Chords in the syntax of Harte, which has no name for a chord with a second."""
    for one in analysis.chords:
        yield one.start, one.end, one.label.replace(":sus2", ":(1,2,5)")


def _quoted(analysis: Analysis) -> Iterator[Span]:
    """Chords for a file with commas."""
    for start, end, label in _chords(analysis):
        yield start, end, f'"{label}"' if "," in label else label


def _beats(analysis: Analysis) -> Iterator[tuple[float, int | None]]:
    """Times of beats and their place in the bar, from 1; None before the first bar."""
    first, position = set(analysis.downbeats), None
    for time in analysis.beats:
        position = 1 if time in first else position and position + 1
        yield time, position


def _position(position: int | None) -> str:
    return "?" if position is None else str(position)


def _lines(separator: str, rows: Iterable[tuple[float | str, ...]]) -> str:
    """Rows of numbers, with six decimals as Audacity writes them, and texts."""
    cells = (
        (f"{one:.6f}" if isinstance(one, int | float) else str(one) for one in row) for row in rows
    )
    return "".join(f"{separator.join(row)}\n" for row in cells)


def _filled(files: dict[str, str]) -> dict[str, str]:
    return {ending: text for ending, text in files.items() if text}
