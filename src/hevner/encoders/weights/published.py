"""Checks of published files before they are converted.

Whatever is missing, not expected or of another shape or value is named with its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hevner import text_file
from hevner.encoders.weights.stored import Shape, Stored
from hevner.errors import ModelError
from hevner.files import display_name

NAMED = 3
"""Faults that a message names; the others are counted."""


def other_files(path: Path, cause: str, code: str = "other_weights") -> ModelError:
    """The error to raise for files that are not those of the encoder."""
    return ModelError(
        cause,
        subject=display_name(path),
        remedy="Give the files of the encoder that was named, as they were published",
        code=code,
    )


def first_file(folder: Path, names: tuple[str, ...]) -> Path:
    """The first of some files that is in a folder.

    Raises
    ------
    ModelError
        If none is there.
    """
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise other_files(folder, f"holds none of {', '.join(names)}", "file_missing")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises
    ------
    ModelError
        If it is missing, cannot be read, or holds something else.
    """
    try:
        content = text_file.read_json(path)
    except OSError as error:
        code = "file_missing" if isinstance(error, FileNotFoundError) else "unreadable"
        raise other_files(path, f"cannot be read ({error.strerror or error})", code) from error
    except ValueError as error:
        raise other_files(path, f"is not JSON ({error})", "bad_json") from error
    if not isinstance(content, dict):
        raise other_files(path, "is not a JSON object", "bad_json")
    return content


def check_values(
    path: Path, content: Mapping[str, Any], expected: Mapping[str, Any], *, complete: bool = False
) -> None:
    """Compare the values in the configuration of a file with those of the encoder.

    Raises
    ------
    ModelError
        If a value is another one, or one is not stated though all must be (``complete``).
    """
    for name, value in expected.items():
        if name in content and content[name] != value:
            raise other_files(path, f"{name} is {content[name]!r}, not {value!r}", "other_settings")
    missing = sorted(set(expected) - set(content))
    if missing and complete:
        raise other_files(path, f"does not say {missing[0]}", "other_settings")


def check_tensors(
    path: Path,
    found: Mapping[str, Stored],
    expected: Mapping[str, Shape],
    unused: tuple[str, ...] = (),
) -> None:
    """Make sure that files hold the tensors of an encoder and nothing unknown, by published name.

    Tensors whose names begin with one of ``unused`` are known and not needed.

    Raises
    ------
    ModelError
        If a tensor is missing, unknown or of another shape.
    """
    wrong = [f"{name} is missing" for name in expected if name not in found]
    wrong += [
        f"{name} is not expected"
        for name in found
        if name not in expected and not name.startswith(unused)
    ]
    wrong += [
        f"{name} has the shape {found[name].shape} and not {shape}"
        for name, shape in expected.items()
        if name in found and found[name].shape != shape
    ]
    if wrong:
        more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        cause = f"these are not the weights that belong here: {'; '.join(wrong[:NAMED])}{more}"
        raise other_files(path, cause)
