"""Distances between musics and emotions in a common space, searched both ways.

Conventions
-----------
Distances, lower for nearer, in both directions: ``to_emotion`` has a row per music (the query) and
a column per emotion, ``to_music`` a row per emotion and a column per music. Music i and emotion i
belong together. Give ``-distances`` to `hevner.lab.metrics.retrieval`.

With p the Gaussians of musics, q those of emotions, and λ the weight, a distance is::

    λ * correlated + (1 - λ) * divergence

``correlated`` is the distance of canonical variates, each weighted by its correlation in training
(`correlated_distances`), or minus the log likelihood ratio of belonging together
(`likelihood_ratios`). The former, as published, favours candidates in the middle whatever the
query: the prediction from a query is always nearer to the middle than the candidates. The
direction of ``divergence`` depends on the orientation:

=============  ===========================  ===========================
Orientation    music i to emotion j         emotion i to music j
=============  ===========================  ===========================
``reference``  ``KL(p_j || q_i)``           ``KL(q_j || p_i)``
``fixed``      ``KL(q_j || p_i)``           ``KL(p_j || q_i)``
``query``      ``KL(p_i || q_j)``           ``KL(q_i || p_j)``
=============  ===========================  ===========================

``reference`` is the scorer of the code published with the composite loss (Takashima et al., 2023).
It adds transposed divergences: those of the emotion of music i to music j, where that emotion is
the one that is searched for. **Its results flatter the composite**; no search could reach them.
``fixed`` has the direction of the training loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hevner.arrays import Doubles
from hevner.errors import DataError
from hevner.lab.joint.cca import LinearCCA
from hevner.lab.joint.recipe import Correlated
from hevner.model.space import likelihood_ratios as cca_ratios

Orientation = Literal["reference", "fixed", "query"]

LEAST_CORRELATION = 0.4
"""Least correlation in training of a pair of variates that counts, as published."""

LEAST_VARIANCE = 1e-6
"""Added to variances, as published."""

HIGHEST_CORRELATION = 0.95
"""Higher correlations are lowered to this in likelihood ratios, which are infinite at 1."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """Musics or emotions as a model embeds them.

    The embedding ``(n, D)`` is the input of the canonical correlation analysis; mean and variance,
    at least 0, are those of a Gaussian with independent dimensions, ``(n, E)``.
    """

    embedding: Doubles
    mean: Doubles
    variance: Doubles


class Spreads(NamedTuple):
    """Standard deviations of the two terms, each to emotions and to musics."""

    correlated: tuple[float, float]
    divergence: tuple[float, float]


class Distances(NamedTuple):
    """Distances in both directions, ``(musics, emotions)`` and ``(emotions, musics)``."""

    to_emotion: Doubles
    to_music: Doubles


def divergences(p: Embedded, q: Embedded) -> Doubles:
    """``KL(p_i || q_j)`` in nats, at least 0, shape ``(len(p), len(q))``."""
    # Means from a common centre, so that no large numbers are subtracted below.
    centre = q.mean.mean(axis=0)
    p_mean, q_mean = p.mean - centre, q.mean - centre
    p_variance, q_variance = p.variance + LEAST_VARIANCE, q.variance + LEAST_VARIANCE
    precision = 1 / q_variance
    spread = (p_variance + p_mean**2) @ precision.T - 2 * p_mean @ (q_mean * precision).T
    logs = np.log(q_variance).sum(axis=1) - np.log(p_variance).sum(axis=1)[:, None]
    result = (spread + (q_mean**2 * precision).sum(axis=1) - p_mean.shape[1] + logs) / 2
    return np.asarray(np.maximum(result, 0))


def correlated_distances(
    musics: Embedded,
    emotions: Embedded,
    cca: LinearCCA,
    least_correlation: float = LEAST_CORRELATION,
) -> Distances:
    """Distances of canonical variates to emotions and to musics.

    Variates of the query are mapped to the candidates' side by the regression lines of the training
    rows, where the analysis was fitted with musics first, and compared with those of the candidate:
    the sum over pairs of ``correlation * |difference|``. Pairs that were less correlated in
    training are left out; if all are, every distance is 0.
    """
    kept = cca.training_correlations >= least_correlation
    music, emotion = cca.first(musics.embedding), cca.second(emotions.embedding)
    weights = cca.training_correlations[kept]

    def apart(queries: Doubles, candidates: Doubles) -> Doubles:
        from scipy.spatial.distance import cdist

        pairs = queries[:, kept] * weights, candidates[:, kept] * weights
        return np.asarray(cdist(*pairs, metric="cityblock"))

    return Distances(
        apart(music * cca.slopes_to_second, emotion),
        apart(emotion * cca.slopes_to_first, music),
    )


def likelihood_ratios(
    musics: Embedded,
    emotions: Embedded,
    cca: LinearCCA,
    least_correlation: float = LEAST_CORRELATION,
) -> Distances:
    """Minus the log likelihood ratio of belonging together to being any two, both ways.

    In nats, of either sign; see `hevner.model.space.likelihood_ratios`. Variates have variance 1
    (`LinearCCA.recalibrated`).
    """
    kept = cca.correlations >= least_correlation
    rho = np.minimum(cca.correlations[kept], HIGHEST_CORRELATION)
    music = cca.first(musics.embedding)[:, kept]
    emotion = cca.second(emotions.embedding)[:, kept]
    ratios = cca_ratios(music, emotion, rho)
    return Distances(ratios, ratios.T)


def oriented_divergences(
    musics: Embedded, emotions: Embedded, orientation: Orientation
) -> Distances:
    """Divergences to emotions and to musics, see the module.

    The orientation ``reference`` needs as many musics as emotions.
    """
    if orientation == "query":
        return Distances(divergences(musics, emotions), divergences(emotions, musics))
    to_emotion, to_music = divergences(emotions, musics).T, divergences(musics, emotions).T
    if orientation == "fixed":
        return Distances(to_emotion, to_music)
    return Distances(to_music, to_emotion)


_CORRELATED = {"published": correlated_distances, "likelihood": likelihood_ratios}


def spreads(
    musics: Embedded,
    emotions: Embedded,
    cca: LinearCCA,
    *,
    orientation: Orientation = "fixed",
    correlated: Correlated = "published",
    least_correlation: float = LEAST_CORRELATION,
) -> Spreads:
    """Standard deviations of both terms over all pairs of training musics and emotions.

    A term that is the same for all pairs raises `DataError`.
    """
    correlation = _CORRELATED[correlated](musics, emotions, cca, least_correlation)
    divergence = oriented_divergences(musics, emotions, orientation)
    found = [float(term.std()) for term in (*correlation, *divergence)]
    if not min(found) > 0:
        raise DataError(
            "a term is the same for all pairs",
            code="no_variation",
            remedy="Give a lower least correlation, or train longer",
        )
    return Spreads((found[0], found[1]), (found[2], found[3]))


def score(
    musics: Embedded,
    emotions: Embedded,
    cca: LinearCCA | None,
    *,
    weight: float = 0.5,
    orientation: Orientation = "fixed",
    correlated: Correlated = "published",
    least_correlation: float = LEAST_CORRELATION,
    balance: Spreads | None = None,
) -> Distances:
    """Composite distances of musics and emotions to search among, not those of training rows.

    Parameters
    ----------
    cca
        Canonical correlation analysis of the training rows' embeddings, musics first; may be None
        if the weight is 0.
    weight
        Weight λ in [0, 1]: 0 is the divergence alone, 1 the correlated distance alone.
    balance
        Spreads of the terms (`spreads`, same orientation), by which they are divided. None adds
        them on the scales they have, as published; the larger one then decides.
    """
    scales = balance or Spreads((1.0, 1.0), (1.0, 1.0))
    terms: list[Distances] = []
    if weight > 0:
        assert cca is not None
        pair = _CORRELATED[correlated](musics, emotions, cca, least_correlation)
        terms.append(_scaled(pair, weight, scales.correlated))
    if weight < 1:
        pair = oriented_divergences(musics, emotions, orientation)
        terms.append(_scaled(pair, 1 - weight, scales.divergence))
    to_emotion, to_music = (sum(one[1:], start=one[0]) for one in zip(*terms, strict=True))
    return Distances(to_emotion, to_music)


def _scaled(pair: Distances, weight: float, scales: tuple[float, float]) -> Distances:
    return Distances(weight / scales[0] * pair[0], weight / scales[1] * pair[1])
