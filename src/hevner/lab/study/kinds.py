"""The kind of study that a recipe describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hevner.errors import DataError
from hevner.lab import recipes
from hevner.lab.cross_dataset.recipe import CrossDatasetRecipe
from hevner.lab.cross_dataset.study import CrossDatasetStudy
from hevner.lab.joint.recipe import JointRecipe
from hevner.lab.joint.study import JointStudy
from hevner.lab.study.engine import Study
from hevner.lab.unified.recipe import UnifiedRecipe
from hevner.lab.unified.study import UnifiedStudy, recipe_of_run

KINDS: dict[Any, type[Study[Any, Any, Any]]] = {
    CrossDatasetRecipe: CrossDatasetStudy,
    UnifiedRecipe: UnifiedStudy,
    JointRecipe: JointStudy,
}
"""Kind of study by type of recipe."""


def open_recipe(path: Path, encoder: str = "") -> tuple[type[Study[Any, Any, Any]], Any]:
    """The kind of study and the recipe in a file, or in a folder that 'hevner train' wrote.

    An encoder that is given replaces the one that the recipe names. A recipe that does not exist,
    has a mistake, or is none of a study (``no_study``), raises `DataError`.
    """
    if path.is_dir():
        return UnifiedStudy, recipe_of_run(path, encoder)
    kind = recipes.kind_of(path)
    if kind not in KINDS:
        raise DataError(
            "is no recipe of a study", subject=str(path), code="no_study",
            remedy="Choose a study of 'hevner recipes list'",
        )  # fmt: skip
    return KINDS[kind], recipes.read(path, kind, encoder)
