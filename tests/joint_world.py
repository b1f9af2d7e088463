"""A small common space with made-up parameters in which valence and arousal mean what they say."""

from __future__ import annotations

import numpy as np

from hevner.emotion import GEMS, MOOD_TAGS
from hevner.model.description import CURVE_POINTS, Description
from hevner.model.space import Expert, Space
from hevner.moods import TAGS

AXES = 6
READINGS = 2 + 4 + len(GEMS) + len(MOOD_TAGS) + 2 * CURVE_POINTS


def space(seed: int = 0, share: float = 0.2) -> Space:
    """The first two axes are valence and arousal in units of 0.4, the others are mixed readings."""
    rng = np.random.default_rng(seed)
    linear = np.zeros((READINGS, AXES))
    linear[0, 0] = linear[1, 1] = 1
    linear[2:, 2:] = rng.normal(size=(READINGS - 2, AXES - 2)) / np.sqrt(READINGS)
    words = np.zeros((len(MOOD_TAGS), AXES))
    words[:, :2] = [[tag.valence, tag.arousal] for tag in TAGS]
    variates = np.eye(AXES)[:, :3]
    return Space(
        card={"name": "toy", "version": "1"},
        centre=np.zeros(READINGS),
        scale=np.r_[0.4, 0.4, np.ones(READINGS - 2)],
        linear=linear,
        music_variance=np.full(AXES, 0.1),
        experts={
            "point": _expert(2, np.eye(2, AXES), 0.4, rng),
            "curve": _expert(2 * CURVE_POINTS, None, 0.2, rng),
            "quadrants": _expert(4, np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]), 1.0, rng),
            "gems": _expert(len(GEMS), None, 0.2, rng),
        },
        tag_weights=words,
        tag_bias=np.zeros_like(words),
        tag_precision=np.where(words == 0, 0.01, 0.5),
        music_variates=variates,
        emotion_variates=variates,
        music_centre=np.zeros(AXES),
        emotion_centre=np.zeros(AXES),
        correlations=np.array([0.9, 0.8, 0.4]),
        share=share,
        reference=rng.normal(size=(300, AXES)),
    )


def _expert(inputs: int, weights: np.ndarray | None, scale: float, rng: np.random.Generator):
    full = rng.normal(size=(inputs, AXES)) / np.sqrt(inputs) if weights is None else weights
    full = np.pad(full, ((0, 0), (0, AXES - full.shape[1])))
    sure = np.where(np.abs(full).sum(axis=0) > 0, 8.0, 0.05)
    return Expert(np.zeros(inputs), np.full(inputs, scale), full, sure)


def musics(count: int, seed: int = 0) -> Description:
    """Pieces with made-up readings, spread over the plane."""
    rng = np.random.default_rng(seed)
    return Description.of(
        point=rng.uniform(-0.9, 0.9, (count, 2)),
        curve=rng.normal(0, 0.1, (count, 2, CURVE_POINTS)),
        quadrants=rng.dirichlet(np.ones(4), count),
        gems=rng.uniform(0, 1, (count, len(GEMS))),
        tags=rng.normal(0, 1, (count, len(MOOD_TAGS))),
    )
