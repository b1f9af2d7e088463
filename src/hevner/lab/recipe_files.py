"""The recipes that come with hevner, by name.

A name is the path of a recipe without its ending: that below ``recipes``, such as ``unified`` or
``ablations/without_harmony``, or that below ``papers``, such as ``distribution_gap/at_hand``. A
wheel has both folders in ``hevner/lab/shipped``, a checkout in its root.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hevner.errors import DataError, OutputError
from hevner.files import display_name, make_folder, write_file
from hevner.text_file import read_text, read_toml

ENDING = ".toml"

_PACKED = Path(__file__).parent / "shipped"
ROOT = _PACKED if _PACKED.is_dir() else Path(__file__).parents[3]
"""Folder of the folders ``recipes`` and ``papers``."""


@cache
def shipped() -> dict[str, Path]:
    """Every recipe by name: those of models first, then those of papers."""
    found = {}
    for folder, pattern in (("recipes", f"*{ENDING}"), ("recipes", f"*/*{ENDING}"),
                            ("papers", f"*/*{ENDING}")):  # fmt: skip
        for path in sorted((ROOT / folder).glob(pattern)):
            found[path.relative_to(ROOT / folder).with_suffix("").as_posix()] = path
    return found


def find(name: str) -> Path:
    """The file of a recipe; `DataError` (``unknown_name``) if none has the name."""
    if name in shipped():
        return shipped()[name]
    close = difflib.get_close_matches(name, shipped(), 1)
    hint = f"Did you mean '{close[0]}'? " if close else ""
    raise DataError(
        "is neither a file nor a recipe of hevner", subject=name, code="unknown_name",
        remedy=f"{hint}Names are listed by 'hevner recipes list'",
    )  # fmt: skip


def paper(path: Path) -> str:
    """Name of the paper that a recipe belongs to; empty for those of models."""
    return path.parent.name if path.parents[1].name == "papers" else ""


def about(path: Path) -> str:
    """First sentence of the comment at the beginning of a recipe."""
    lines = []
    for line in read_text(path).splitlines():
        if not line.startswith("#") or line == "#":
            break
        lines.append(line.removeprefix("#").strip())
    return re.split(r"\. (?=[A-Z])", " ".join(lines))[0].rstrip(".")


def copy(name: str, folder: Path) -> list[Path]:
    """Copy a recipe, and those whose files it names, into a folder; return the new files.

    Raises `DataError` if no recipe has the name; `OutputError` if a file is there already
    (``already_there``) or cannot be written.
    """
    files = {folder / path.name: path for path in _with_others(find(name))}
    for target in files:
        if target.exists():
            raise OutputError(
                "there is a file already", subject=display_name(target), code="already_there",
                remedy="Name another folder, or move the file away",
            )  # fmt: skip
    make_folder(folder)
    for target, path in files.items():
        write_file(target, path.read_bytes())
    return list(files)


def _with_others(path: Path) -> Iterator[Path]:
    yield path
    for value in read_toml(path).values():
        if isinstance(value, str) and value.endswith(ENDING):
            yield from _with_others(path.parent / value)
