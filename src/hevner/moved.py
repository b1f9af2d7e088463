"""Modules that version 0.1.0 documented under other names; the first import of one warns.

They go with version 0.4; see the rule in CONTRIBUTING.md.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader
else:  # which takes longer to import than all of this package
    Loader = object

NAMES = {
    "hevner.evaluation.metrics.regression": "hevner.lab.metrics.regression",
    "hevner.evaluation.metrics.retrieval": "hevner.lab.metrics.retrieval",
    "hevner.evaluation.metrics.tags": "hevner.lab.metrics.tags",
    "hevner.evaluation.statistics": "hevner.lab.metrics.statistics",
    "hevner.fingerprint": "hevner.encoders.fingerprint",
    "hevner.models.space": "hevner.model.space",
    "hevner.retrieval": "hevner.catalog",
    "hevner.training.representations": "hevner.lab.data.representations",
    "hevner.windows": "hevner.audio.windows",
}
"""The new name of each."""

PACKAGES = {name.rpartition(".")[0] for name in NAMES} | {"hevner.evaluation"}
"""What they were in; those that are gone are empty."""


class OldNames(Loader):
    """Finds a module by its old name, and gives it what the module of the new name has."""

    @classmethod
    def find_spec(cls, name: str, *_where: object) -> ModuleSpec | None:
        """Return how to load a module that has moved; None for any other."""
        known = name in NAMES or name in PACKAGES
        return ModuleSpec(name, cls(), is_package=True) if known else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill the module."""
        new = NAMES.get(module.__name__)
        if new is None:
            return
        warn(module.__name__, new)
        found = vars(importlib.import_module(new))
        vars(module).update({name: found[name] for name in found if not name.startswith("__")})


def warn(old: str, new: str) -> None:
    """Warn the caller's caller of a name that goes with version 0.4."""
    warnings.warn(f"{old} is now {new}; the old name goes with 0.4", DeprecationWarning, 3)


def install() -> None:
    """Let Python look here for what it finds nowhere else."""
    sys.meta_path.append(OldNames)
