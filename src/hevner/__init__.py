"""Music emotion recognition: from an audio file to valence, arousal, moods, key and chords.

The public names load what they need when they are first used, so that importing the package is
quick. `hevner.analyze` is the place to begin, `hevner.analyze_many` for folders;
`hevner.build_catalog` makes a catalogue to search, `hevner.open_catalog` opens one.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from hevner import moved

if TYPE_CHECKING:
    from hevner.analysis import Analyzer, analyze
    from hevner.catalog import open_catalog
    from hevner.emotion import Scale
    from hevner.errors import HevnerError
    from hevner.folders import analyze_many, build_catalog
    from hevner.output.frames import to_arrow, to_frame
    from hevner.result import Analysis, Estimate, Failure

__version__ = "0.2.0"

__all__ = [
    "Analysis",
    "Analyzer",
    "Estimate",
    "Failure",
    "HevnerError",
    "Scale",
    "__version__",
    "analyze",
    "analyze_many",
    "build_catalog",
    "open_catalog",
    "to_arrow",
    "to_frame",
]

_HOMES = {
    "Analysis": "hevner.result",
    "Analyzer": "hevner.analysis",
    "Estimate": "hevner.result",
    "Failure": "hevner.result",
    "HevnerError": "hevner.errors",
    "Scale": "hevner.emotion",
    "analyze": "hevner.analysis",
    "analyze_many": "hevner.folders",
    "build_catalog": "hevner.folders",
    "open_catalog": "hevner.catalog",
    "to_arrow": "hevner.output.frames",
    "to_frame": "hevner.output.frames",
}

moved.install()


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'hevner' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
