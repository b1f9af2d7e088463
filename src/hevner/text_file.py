"""Reading text that other programs and people write: plain, JSON and TOML.

Conventions
-----------
Text is UTF-8, with or without a byte order mark; tables, which spreadsheets write, may be UTF-16
or UTF-32 with a mark. Whatever is wrong with a text is a `TextError`,
a kind of ValueError whose sentence names the cause; a file that cannot be opened is an OSError.
Callers make errors of their own of both.
"""

from __future__ import annotations

import codecs
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hevner.object_path import Location

MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Other encodings by the mark at their beginning; that of UTF-32 begins like that of UTF-16."""


class TextError(ValueError):
    """A text is in another encoding or breaks the rules of its form; its sentence says how."""


def read_text(path: Location, *, marked: bool = False) -> str:
    """The text of a file, without a byte order mark.

    ``marked`` reads other encodings too, if their mark stands at the beginning.
    """
    content = path.read_bytes()
    found = next((name for mark, name in MARKS.items() if content.startswith(mark)), "")
    if found and marked:
        try:
            return content.decode(found)
        except UnicodeDecodeError as error:
            raise TextError(f"its mark says {found}, but it is not") from error
    if not found and b"\0" in content[:2]:
        found = "UTF-16"  # without a mark
    if found:
        raise TextError(f"its text is {found}; save as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        cause = f"line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); save as UTF-8"
        raise TextError(cause) from error


def read_json(path: Location) -> Any:
    """The value in a JSON file."""
    return _parsed(path, json.loads)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file."""
    found: dict[str, Any] = _parsed(path, tomllib.loads)
    return found


def _parsed(path: Location, parse: Callable[[str], Any]) -> Any:
    text = read_text(path)
    try:
        return parse(text)
    except RecursionError as error:
        raise TextError("its values are nested too deeply") from error
    except ValueError as error:
        raise TextError(str(error)) from error
