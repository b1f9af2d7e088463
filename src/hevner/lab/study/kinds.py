"""The kind of study that a recipe describes."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from hevner.lab.study.engine import Study


def open_recipe(path: Path, encoder: str = "") -> tuple[type[Study[Any, Any, Any]], Any]:
    """The kind of study and the recipe in a file, or in a folder that 'hevner train' wrote.

    Parameters
    ----------
    path
        TOML file or folder.
    encoder
        Encoder in place of the one that the recipe names; empty for that one.

    Raises
    ------
    DataError
        If there is no such recipe, or it has a mistake.
    """
    entries = _entries(path)
    if path.is_dir() or "rows" in entries:
        from hevner.lab.unified import study as unified

        return unified.UnifiedStudy, unified.read(path, encoder)
    if "spaces" in entries:
        from hevner.lab.joint import recipe as joint_recipe
        from hevner.lab.joint.study import JointStudy

        return JointStudy, joint_recipe.read(path, encoder)
    from hevner.lab.cross_dataset.study import CrossDatasetStudy
    from hevner.lab.study import recipe as cross_dataset_recipe

    return CrossDatasetStudy, cross_dataset_recipe.read(path, encoder)


def _entries(path: Path) -> Collection[str]:
    """Entries of a recipe; none if it cannot be read, which its reader reports."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return ()
