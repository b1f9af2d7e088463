"""Write `hevner/analysis.schema.json`, the JSON Schema of results, anew from `hevner.result`.

Types give the schema, docstrings of the records the descriptions.

python -m tests.golden.regenerate_schema
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import hevner
from hevner.explanation import Contributions, Explanation
from hevner.heads import BY_NAME, ESTIMATES
from hevner.result import (
    Analysis,
    ChordSpan,
    Estimate,
    Failure,
    KeyCandidate,
    Moment,
    TagEstimate,
    TempoCandidate,
)

SCHEMA = Path(hevner.__file__).with_name("analysis.schema.json")

Schema = dict[str, Any]

RECORDS: dict[str, type] = {
    "estimate": Estimate,
    "moment": Moment,
    "chord": ChordSpan,
    "key": KeyCandidate,
    "tempo_candidate": TempoCandidate,
    "tag": TagEstimate,
    "contributions": Contributions,
    "explanation": Explanation,
    "analysis": Analysis,
    "failure": Failure,
}
"""Records by their names in the schema."""

_NULLABLE = ("emotions", "sounds_like")
"""Objects that a model may lack."""

_TYPES = {str: "string", float: "number", bool: "boolean"}


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> Schema:
    """The schema of what ``hevner analyze`` writes for a file."""
    definitions = {name: _record(kind) for name, kind in RECORDS.items()}
    definitions["analysis"]["allOf"] = [_by_status()]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hevner analysis",
        "description": "The result of `hevner analyze` for one file, and of "
        "`hevner.Analysis.to_dict`. Times are seconds.",
        "oneOf": [_reference(Analysis), _reference(Failure)],
        "$defs": definitions,
    }


def _record(kind: type) -> Schema:
    """An object with exactly the fields of a record."""
    hints = get_type_hints(kind, include_extras=True)
    doc = inspect.getdoc(kind) or ""
    about = _descriptions(doc)
    return {
        "description": doc.splitlines()[0],
        "type": "object",
        "properties": {name: {"description": about[name]} | _type(h) for name, h in hints.items()},
        "required": [name for name, hint in hints.items() if not _optional(hint)],
        "additionalProperties": False,
    }


def _optional(hint: Any) -> bool:
    return get_origin(hint) is Annotated and dict(get_args(hint)[1]).get("optional", False)


def _descriptions(doc: str) -> dict[str, str]:
    """Descriptions of attributes from a docstring in the style of numpy."""
    _, _, listed = doc.partition("Attributes\n----------\n")
    found: dict[str, str] = {}
    for names, lines in re.findall(r"^(\S.*)\n((?:    .*\n?)+)", listed, re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), " ".join(lines.split()))
    return found


def _type(hint: Any) -> Schema:
    """The schema of values of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        keywords = dict(arguments[1])
        keywords.pop("optional", None)
        names = {"propertyNames": {"enum": keywords.pop("keys")}} if "keys" in keywords else {}
        return _type(arguments[0]) | names | keywords
    if origin is Literal:
        return {"enum": list(arguments)} if len(arguments) > 1 else {"const": arguments[0]}
    if NoneType in arguments:
        return _or_null(_type(next(one for one in arguments if one is not NoneType)))
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    return _reference(hint) if dataclasses.is_dataclass(hint) else {"type": _TYPES[hint]}


def _or_null(inner: Schema) -> Schema:
    if "$ref" in inner:
        return {"anyOf": [inner, {"type": "null"}]}
    allowed = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
    return inner | {"type": [inner["type"], "null"]} | allowed


def _reference(kind: Any) -> Schema:
    return {"$ref": f"#/$defs/{next(name for name, one in RECORDS.items() if one is kind)}"}


def _by_status() -> Schema:
    """A piece that sounds has an emotion, silence has none."""
    quadrant = {"quadrant": {"type": "string"}, "quadrant_words": {"type": "string"}}
    none_or_all = [{"maxProperties": 0}, {"minProperties": len(BY_NAME["gems"].outputs)}]
    moods = {"moods": {"anyOf": none_or_all}}
    required = [head for head in BY_NAME.values() if head.kind == "ratings"]
    values = {name: _reference(Estimate) for head in required for name in head.outputs}
    nothing = {name: {"type": "null"} for name in (*ESTIMATES, *_NULLABLE, *quadrant)}
    return {
        "if": {"properties": {"status": {"const": "ok"}}},
        "then": {"properties": values | quadrant | moods},
        "else": {"properties": nothing | {"tags": {"maxItems": 0}}},
    }


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
