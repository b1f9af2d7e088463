"""Music emotion recognition: from an audio file to valence, arousal, moods, key and chords.

The public names load what they need when they are first used, so that importing the package is
quick. `hevner.analyze` is the place to begin; `hevner.open_catalog` opens a catalogue to search.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hevner.analysis import Analyzer, analyze
    from hevner.catalog import open_catalog
    from hevner.emotion import Scale
    from hevner.errors import HevnerError
    from hevner.result import Analysis, Estimate, Failure

__version__ = "0.1.0"

__all__ = [
    "Analysis",
    "Analyzer",
    "Estimate",
    "Failure",
    "HevnerError",
    "Scale",
    "__version__",
    "analyze",
    "open_catalog",
]

_HOMES = {
    "Analysis": "hevner.result",
    "Analyzer": "hevner.analysis",
    "Estimate": "hevner.result",
    "Failure": "hevner.result",
    "HevnerError": "hevner.errors",
    "Scale": "hevner.emotion",
    "analyze": "hevner.analysis",
    "open_catalog": "hevner.catalog",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'hevner' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
