"""Toy models: small graphs whose numbers can be foretold."""

from __future__ import annotations

import numpy as np

from hevner.blocks import DIMENSION, vector_id
from hevner.lab.default.graph import Builder
from hevner.model.predict import Model


def toy(outputs: dict[str, int], width: int = DIMENSION, **card: object) -> Model:
    """A model with outputs of given widths.

    The first output is the first numbers of the vector, and each further one is greater by 1 than
    the one before; familiarity is the length of the piece in seconds.
    """
    g = Builder()
    for number, (name, count) in enumerate(outputs.items()):
        part = g.add("Slice", "vector", np.array([0]), np.array([count]), np.array([1]))
        g.output(name, g.add("Add", part, np.float32(number)), count)
    g.output("familiarity", "seconds")
    facts: dict[str, object] = {"name": "toy", "version": "1", "features": vector_id()}
    if "course" in outputs:
        facts["course_half_width"] = [0.1] * outputs["course"]
    return Model(facts | card, g.content({"vector": ["n", width], "seconds": ["n"]}))
