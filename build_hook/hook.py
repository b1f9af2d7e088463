"""The hook that hatchling calls before it packs a wheel, editable ones included."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MusicnnWeightsHook(BuildHookInterface[Any]):
    """Put the MusiCNN weights into the source tree, from where the wheel takes them."""

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
