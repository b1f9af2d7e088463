"""The common space of music and emotion at run time: both become Gaussians there and are compared.

A music is a Gaussian whose mean is linear in the prediction of an emotion model; readings that a
model lacks are those that music at large has with the others. An emotion is the
product of one Gaussian for each form in which it is known and a standard normal one for music at
large: each form narrows it down, and an emotion of which little is known stays wide. How badly a
music ``m`` fits an emotion ``e`` is a composite of two losses of Takashima et al. (2023), on whose
ideas the space is built::

    (1 - share) * [KL(m || e) - KL(m || at large)] - share * sum_k log p(u_k, v_k) / (p(u_k) p(v_k))

The first part compares the Gaussians; what any music has against any emotion is taken off, so that
the value is below zero where the music fits the emotion better than most. The second compares
canonical variates ``u`` of the music's mean and ``v`` of the emotion's, whose correlations are
known.

Conventions
-----------
Divergences have a row per query and a column per item; lower fits better. Arrays are float32,
arithmetic on them float64.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hevner.arrays import Doubles, Floats, Mask, Rows
from hevner.errors import DataError
from hevner.model import stored
from hevner.model.description import CURVE_POINTS, Description

DEFAULT_SPACE = Path(__file__).parents[1] / "pretrained" / "joint.npz"

FORMS = ("point", "curve", "quadrants", "gems")
"""Forms of an emotion that are known as a whole; tags are known one by one."""

CLIP = 4.0
"""Standardised readings are limited to this many standard deviations."""

SPREAD = 0.1
"""Share of the variance between raters that makes an emotion wider: that of the mean of ten raters.
The whole variance would hide the pieces that listeners do not agree on."""

RIDGE = 0.1
"""Added to the variance of standardised readings where some are expected from others."""

_SURE = 1e-4


@dataclass(frozen=True, eq=False)
class Points:
    """``n`` places in the space, of musics or of emotions.

    Attributes
    ----------
    correlated
        Canonical variates, shape ``(n, k)``.
    mean, variance
        Mean and variance of a Gaussian with independent axes, shape ``(n, D)`` each.
    """

    correlated: Floats
    mean: Floats
    variance: Floats

    def __len__(self) -> int:
        return len(self.mean)

    def where(self, rows: Mask | Rows | slice) -> Points:
        """Some of the rows."""
        return Points(self.correlated[rows], self.mean[rows], self.variance[rows])


@dataclass(frozen=True, eq=False)
class Expert:
    """From one form of an emotion to its place: a Gaussian around a line.

    Attributes
    ----------
    centre, scale
        Standardise the form, shape ``(inputs,)`` each.
    weights
        To the mean, shape ``(inputs, D)``.
    precision
        One over the variance, shape ``(D,)``.
    """

    centre: Floats
    scale: Floats
    weights: Floats
    precision: Floats


@dataclass(frozen=True, eq=False)
class Space:
    """A trained space.

    Attributes
    ----------
    card
        Facts for people: name, data, licences, scores; plain JSON values.
    centre, scale
        Standardise the readings of a music, shape ``(readings,)`` each; see `readings`.
    linear
        From readings to the mean of a music, shape ``(readings, D)``.
    music_variance
        Variance of every music, shape ``(D,)``.
    experts
        Experts by form.
    tag_weights, tag_bias, tag_precision
        Experts of the 56 tags, each of one number, shape ``(56, D)`` each.
    music_variates, emotion_variates
        From means to canonical variates, shape ``(D, k)`` each; means are taken as centred at
        ``music_centre`` and ``emotion_centre``.
    correlations
        Correlations of the variates, shape ``(k,)``.
    share
        Weight of the variates in the composite, in [0, 1].
    reference
        Means of musics at large, shape ``(m, D)``.
    """

    card: dict[str, Any]
    centre: Floats
    scale: Floats
    linear: Floats
    music_variance: Floats
    experts: dict[str, Expert]
    tag_weights: Floats
    tag_bias: Floats
    tag_precision: Floats
    music_variates: Floats
    emotion_variates: Floats
    music_centre: Floats
    emotion_centre: Floats
    correlations: Floats
    share: float
    reference: Floats

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card['name']}-{self.card['version']}"

    @property
    def width(self) -> int:
        """Length of the vectors of `music_vectors`."""
        return 2 * len(self.music_variance) + len(self.correlations)

    @cached_property
    def digest(self) -> str:
        """Names all parameters, in 16 hexadecimal digits."""
        found = hashlib.sha256()
        for name, array in sorted(self._arrays().items()):
            found.update(name.encode() + np.ascontiguousarray(array, "<f4").tobytes())
        return found.hexdigest()[:16]

    # --- places ---

    def music(self, described: Description) -> Points:
        """Places of musics, described by one model.

        Quadrants, moods and tags may be unknown, each for all rows.

        Raises
        ------
        DataError
            If anything else but the spread is unknown.
        """
        for form in (*FORMS, "tags"):
            values: Floats = getattr(described, form)
            known = np.isfinite(values).reshape(len(described), -1)
            if not known.all() and (known.any() or form in ("point", "curve")):
                row = int(np.flatnonzero(~known.all(axis=1))[0])
                raise DataError(
                    "a music is not fully described",
                    subject=f"row {row}",
                    remedy="Describe it by a model that predicts valence and arousal",
                    code="incomplete",
                )
        x = np.clip((readings(described) - self.centre) / self.scale, -CLIP, CLIP)
        return self._at(self._completed(x) @ self.linear)

    def _completed(self, x: Doubles) -> Doubles:
        """Standardised readings, those that are missing in all rows as expected from the others."""
        known = np.asarray(np.isfinite(x).all(axis=0))
        if known.all():
            return x
        at_large = np.asarray(self.reference @ np.linalg.pinv(self.linear), np.float64)
        covariance = at_large.T @ at_large / len(at_large) + RIDGE * np.eye(len(known))
        slopes = np.linalg.solve(covariance[np.ix_(known, known)], covariance[known][:, ~known])
        whole = x.copy()
        whole[:, ~known] = np.clip(x[:, known] @ slopes, -CLIP, CLIP)
        return whole

    def emotion(self, described: Description) -> Points:
        """Places of emotions, known in any of the forms.

        A spread between raters makes an emotion that is known as a point wider.

        Raises
        ------
        DataError
            If nothing is known of one.
        """
        count = len(described)
        precision = np.zeros((count, len(self.music_variance)))
        natural = np.zeros_like(precision)
        for form, expert in self.experts.items():
            values = getattr(described, form).reshape(count, len(expert.centre))
            known = np.isfinite(values).all(axis=1, keepdims=True)
            x = np.where(known, (values - expert.centre) / expert.scale, 0.0)
            variance = 1 / expert.precision.astype(np.float64)
            if form == "point":
                spread = np.nan_to_num(described.spread) / expert.scale
                variance = variance + SPREAD * spread**2 @ expert.weights.astype(np.float64) ** 2
            weight = known / variance
            precision += weight
            natural += weight * (x @ expert.weights)
        known_tags = np.isfinite(described.tags)
        odds = np.where(known_tags, described.tags, 0.0)
        precision += known_tags @ self.tag_precision
        natural += odds @ (self.tag_precision * self.tag_weights)
        natural += known_tags @ (self.tag_precision * self.tag_bias)
        unknown = np.flatnonzero(~precision.any(axis=1))
        if unknown.size:
            raise DataError(
                "nothing is known of an emotion",
                subject=f"row {unknown[0]}",
                remedy="Give valence and arousal, shares, tags or a word",
                code="nothing_known",
            )
        return self._emotion_at(precision, natural)

    def merge(self, emotions: Points) -> Points:
        """The one emotion that is all of these at once: the product of their Gaussians."""
        precision = 1 / emotions.variance.astype(np.float64)
        natural = (precision * emotions.mean).sum(axis=0, keepdims=True)
        return self._emotion_at((precision - 1).sum(axis=0, keepdims=True), natural)

    def _emotion_at(self, precision: Doubles, natural: Doubles) -> Points:
        """Emotions from the sums over their forms, times a standard normal, music at large."""
        variance = 1 / (1 + precision)
        mean = natural * variance
        variates = (mean - self.emotion_centre) @ self.emotion_variates
        return _points(variates, mean, variance)

    def _at(self, mean: NDArray[np.floating]) -> Points:
        """Musics from their means."""
        variates = (mean - self.music_centre) @ self.music_variates
        return _points(variates, mean, np.broadcast_to(self.music_variance, mean.shape))

    # --- how they fit ---

    def find(self, emotions: Points, musics: Points) -> Floats:
        """How badly each music fits each emotion, shape ``(e, m)``.

        Both parts of the composite are relative to music at large, so the columns also order the
        emotions for a music.
        """
        gaussians = relative_divergences(emotions, musics)
        variates = likelihood_ratios(emotions.correlated, musics.correlated, self.correlations)
        return np.asarray((1 - self.share) * gaussians + self.share * variates, np.float32)

    def alike(self, musics: Points, others: Points) -> Floats:
        """How unlike musics are in emotion: symmetric KL-divergence, shape ``(m, o)``."""
        variance = self.music_variance.astype(np.float64)
        first, second = (one.mean / np.sqrt(variance) for one in (musics, others))
        squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
        return np.asarray(np.maximum(squares, 0) / 2, np.float32)

    def fit(self, divergences: Floats, emotions: Points) -> Floats:
        """Share of music at large that fits emotions worse, in [0, 1], shape ``(e, m)``.

        ``divergences`` are those that `find` returns for the same emotions.
        """
        rising = np.sort(self.find(emotions, self.at_large), axis=1)
        places = [
            np.searchsorted(one, row, side="right") / len(one)
            for one, row in zip(rising, divergences, strict=True)
        ]
        return np.asarray(1 - np.stack(places), np.float32)

    @cached_property
    def at_large(self) -> Points:
        """Musics at large, of all kinds in the training data."""
        return self._at(self.reference)

    # --- first stage of a search ---

    def music_vectors(self, musics: Points) -> Floats:
        """Vectors whose inner products with `query_vectors` order musics as `find` does.

        The composite is linear in ``mean ** 2 + variance`` of the music, its ``mean``, and the
        squares of its variates. Shape ``(m, width)``.
        """
        squares = musics.mean**2 + musics.variance
        return np.concatenate([squares, musics.mean, musics.correlated**2], axis=1)

    def query_vectors(self, emotions: Points) -> Floats:
        """Vectors to look for musics with, of length 1, shape ``(e, width)``."""
        precision = 1 / emotions.variance.astype(np.float64)
        rho = self.correlations.astype(np.float64)
        pull = self.share * rho / (1 - rho**2)
        linear = (1 - self.share) * precision * emotions.mean
        linear += (pull * emotions.correlated) @ self.music_variates.T
        squares = (1 - self.share) * (1 - precision) / 2
        variates = np.broadcast_to(-pull * rho / 2, emotions.correlated.shape)
        return _unit(np.concatenate([squares, linear, variates], axis=1))

    def like_vectors(self, musics: Points) -> Floats:
        """Vectors to look for musics like these with, of length 1, shape ``(m, width)``."""
        precision = 1 / musics.variance.astype(np.float64)
        none = np.zeros(musics.correlated.shape)
        return _unit(np.concatenate([-precision / 2, precision * musics.mean, none], axis=1))

    # --- on disk ---

    def save(self, path: Path) -> None:
        """Write arrays as ``.npz`` and the card as ``.json`` beside it."""
        arrays = {name: np.asarray(array, np.float32) for name, array in self._arrays().items()}
        stored.write(path, arrays, self.card)

    def _arrays(self) -> dict[str, Any]:
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for form, expert in self.experts.items():
            for field in Expert.__annotations__:
                arrays[f"{form}.{field}"] = getattr(expert, field)
        return arrays


_ARRAYS = [field.name for field in fields(Space) if field.name not in ("card", "experts")]


@lru_cache(maxsize=2)
def load(path: Path = DEFAULT_SPACE) -> Space:
    """Read a space.

    Raises
    ------
    ModelError
        If a file is missing or damaged.
    """
    with stored.damage_is_refused(path, "the common space"):
        arrays, card = stored.read(path)
        experts = {
            form: Expert(*(arrays[f"{form}.{field}"] for field in Expert.__annotations__))
            for form in FORMS
        }
        values: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
    return Space(card=card, experts=experts, **values | {"share": float(values["share"])})


def readings(described: Description) -> Doubles:
    """Inputs of the music branch, shape ``(n, readings)``; NaN where unknown."""
    count = len(described)
    quadrants = np.log(np.clip(described.quadrants.astype(np.float64), _SURE, 1))
    return np.concatenate(
        [
            described.point,
            quadrants - quadrants.mean(axis=1, keepdims=True),
            described.gems,
            described.tags,
            described.curve.reshape(count, 2 * CURVE_POINTS),
        ],
        axis=1,
    )


def relative_divergences(emotions: Points, musics: Points) -> Doubles:
    """``KL(m || e) - KL(m || standard normal)`` for all pairs, shape ``(e, m)``.

    Gaussians have independent axes. The part of KL that is the music's own entropy cancels.
    """
    precision = 1 / emotions.variance.astype(np.float64)
    mean = emotions.mean.astype(np.float64)
    squares = (musics.mean.astype(np.float64) ** 2 + musics.variance) / 2
    own = ((precision * mean**2).sum(axis=1) - np.log(precision).sum(axis=1)) / 2
    crossed = (precision * mean) @ musics.mean.astype(np.float64).T
    return np.asarray((precision - 1) @ squares.T - crossed + own[:, None])


def likelihood_ratios(first: ArrayLike, second: ArrayLike, correlations: ArrayLike) -> Doubles:
    """Log likelihood ratio of two rows being no pair against being one, for all pairs of rows.

    The negative logarithm of ``p(u, v) / (p(u) p(v))``, summed over variates, with both normal of
    variance 1 and of correlation ``rho`` (probabilistic CCA; Bach and Jordan, 2005). For a query
    the order of candidates is then that of the probability of being its pair; the published
    distance ``rho |rho v - u|`` favours those in the middle, whatever the query.

    From variates of shapes ``(n, k)`` and ``(m, k)`` and correlations below 1, shape ``(k,)``. The
    result, shape ``(n, m)``, is in nats, of either sign, and symmetric in the two sides.
    """
    rho = np.asarray(correlations, np.float64)
    u, v = np.asarray(first, np.float64), np.asarray(second, np.float64)
    weights = rho / (1 - rho**2)
    own, others = (one**2 @ (weights * rho) / 2 for one in (u, v))
    crossed = (weights * u) @ v.T
    return np.asarray(own[:, None] + others - crossed + np.log(1 - rho**2).sum() / 2)


def _points(*arrays: NDArray[np.floating]) -> Points:
    return Points(*(np.asarray(array, np.float32) for array in arrays))


def _unit(vectors: Doubles) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)
