"""The small CLAP of `tests/encoders/conftest.py`: its card, and how it is converted and loaded."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from hevner.encoders.clap import conversion
from hevner.encoders.large import LARGE
from tests.golden.encoders.make_clap import GOLDEN as PLACE

CARD = replace(LARGE["clap-music"].card, states=(8, 8, 16, 16, 32, 32), dimension=24)
TRAINED = LARGE["clap-music"].files[-1]
GOLDEN = json.loads(PLACE.read_text("utf-8"))
TRAINED_GOLDEN = json.loads(PLACE.with_name("clap_original.json").read_text("utf-8"))


def convert(source, target, progress=lambda *_: None):
    """Like `hevner.encoders.clap.conversion.convert`, for the small model."""
    conversion.convert(CARD, source, target, progress)


def load(folder, states=""):
    """The encoder of a converted folder, on the CPU."""
    return LARGE["clap-music"].load(CARD.choose(states) if states else CARD, folder, "cpu")


def close(actual, expected):
    """Refuse a difference above 1e-4."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-4)
