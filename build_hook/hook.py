"""The hook that hatchling calls before it packs a wheel, editable ones included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = Path("hevner", "lab", "shipped")
"""Where a wheel has the recipes; see ``hevner/lab/recipe_files.py``."""


class PackingHook(BuildHookInterface[Any]):
    """Put the MusiCNN weights into the source tree, and pack the recipes."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch and convert the weights unless they are there already."""
        sys.path.insert(0, self.root)  # hatchling loads this file alone, without its package
        try:
            from build_hook.weights import ensure_weights
        finally:
            sys.path.remove(self.root)
        folder = ensure_weights(Path(self.root))
        # The folder is ignored by git, and hatchling packs no ignored file unless told to.
        build_data["artifacts"].append(f"/{folder.relative_to(self.root).as_posix()}/*")
        if version != "editable":  # which finds them in the checkout
            build_data["force_include"].update(recipes(Path(self.root)))


def recipes(root: Path) -> dict[str, str]:
    """The recipes below `root` and the scripts beside them, with the place of each in a wheel."""
    patterns = "recipes/**/*.toml", "papers/*/*.toml", "papers/*/*.py"
    found = sorted(path for pattern in patterns for path in root.glob(pattern))
    return {str(path): (SHIPPED / path.relative_to(root)).as_posix() for path in found}
