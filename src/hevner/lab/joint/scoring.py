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
from numpy.typing import ArrayLike, NDArray

from hevner.errors import DataError
from hevner.lab.joint.settings import Correlated
from hevner.lab.metrics.validation import numbers, same_shape
from hevner.model.cca import LinearCCA
from hevner.model.cca import likelihood_ratios as cca_ratios

Array = NDArray[np.float64]
Orientation = Literal["reference", "fixed", "query"]

LABELS: dict[Orientation, str] = {
    "reference": "reference scorer (transposed divergence)",
    "fixed": "fixed scorer, KL(candidate || query)",
    "query": "fixed scorer, KL(query || candidate)",
}
"""Descriptions of the scorers for tables of results."""

LEAST_CORRELATION = 0.4
"""Least correlation in training of a pair of variates that counts, as published."""

LEAST_VARIANCE = 1e-6
"""Added to variances, as published."""

HIGHEST_CORRELATION = 0.95
"""Higher correlations are lowered to this in likelihood ratios, which are infinite at 1."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """Musics or emotions as a model embeds them.

    Attributes
    ----------
    embedding
        Input of the canonical correlation analysis, shape ``(n, D)``.
    mean, variance
        Mean and variance of a Gaussian with independent dimensions, shape ``(n, E)``; the variance
        is at least 0.
    """

    embedding: Array
    mean: Array
    variance: Array


class Spreads(NamedTuple):
    """Standard deviations of the two terms, each to emotions and to musics."""

    correlated: tuple[float, float]
    divergence: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances in both directions, see the module.

    Attributes
    ----------
    to_emotion
        Shape ``(musics, emotions)``.
    to_music
        Shape ``(emotions, musics)``.
    label
        Description of the scorer, for tables of results.
    """

    to_emotion: Array
    to_music: Array
    label: str


def divergences(p: Embedded, q: Embedded) -> Array:
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
) -> tuple[Array, Array]:
    """Distances of canonical variates to emotions and to musics.

    Variates of the query are mapped to the candidates' side by the regression lines of the training
    rows and compared with those of the candidate: the sum over pairs of ``correlation *
    |difference|``.

    Parameters
    ----------
    musics, emotions
        Embeddings of n musics and m emotions.
    cca
        Canonical correlation analysis of training rows, musics first.
    least_correlation
        Pairs less correlated in training are left out; if all are, every distance is 0.

    Returns
    -------
    tuple of Array
        Shapes ``(n, m)`` and ``(m, n)``.
    """
    kept = cca.training_correlations >= least_correlation
    music, emotion = cca.first(musics.embedding), cca.second(emotions.embedding)
    weights = cca.training_correlations[kept]

    def apart(queries: Array, candidates: Array) -> Array:
        from scipy.spatial.distance import cdist

        pairs = queries[:, kept] * weights, candidates[:, kept] * weights
        return np.asarray(cdist(*pairs, metric="cityblock"))

    return (
        apart(music * cca.slopes_to_second, emotion),
        apart(emotion * cca.slopes_to_first, music),
    )


def likelihood_ratios(
    musics: Embedded,
    emotions: Embedded,
    cca: LinearCCA,
    least_correlation: float = LEAST_CORRELATION,
) -> tuple[Array, Array]:
    """Minus the log likelihood ratio of belonging together to being any two, both ways.

    See `hevner.model.cca.likelihood_ratios`.

    Parameters
    ----------
    musics, emotions, cca, least_correlation
        See `correlated_distances`; variates have variance 1 (`LinearCCA.recalibrated`).

    Returns
    -------
    tuple of Array
        Shapes ``(n, m)`` and ``(m, n)``, each other's transpose; in nats, of either sign.
    """
    kept = cca.correlations >= least_correlation
    rho = np.minimum(cca.correlations[kept], HIGHEST_CORRELATION)
    music = cca.first(musics.embedding)[:, kept]
    emotion = cca.second(emotions.embedding)[:, kept]
    ratios = cca_ratios(music, emotion, rho)
    return ratios, ratios.T


def oriented_divergences(
    musics: Embedded, emotions: Embedded, orientation: Orientation
) -> tuple[Array, Array]:
    """Divergences to emotions and to musics, see the module.

    Raises
    ------
    DataError
        If the orientation is ``reference`` and there are not as many musics as emotions.
    """
    if orientation == "query":
        return divergences(musics, emotions), divergences(emotions, musics)
    to_emotion, to_music = divergences(emotions, musics).T, divergences(musics, emotions).T
    if orientation == "fixed":
        return to_emotion, to_music
    if to_emotion.shape != to_music.shape:
        raise DataError(
            f"{len(musics.mean)} musics and {len(emotions.mean)} emotions are no pairs",
            remedy="The reference scorer needs the emotion of every music and no other",
            code="not_paired",
        )
    return to_music, to_emotion


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

    Raises
    ------
    DataError
        If a term is the same for all pairs.
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
    """Composite distances of musics and emotions.

    Parameters
    ----------
    musics, emotions
        Embeddings to search among, not those of training rows.
    cca
        Canonical correlation analysis of the training rows' embeddings, musics first; may be None
        if the weight is 0.
    weight
        Weight λ in [0, 1]: 0 is the divergence alone, 1 the correlated distance alone; the other
        term is then left out.
    orientation, correlated
        See the module.
    least_correlation
        See `correlated_distances`.
    balance
        Spreads of the terms (`spreads`, same orientation), by which they are divided. None adds
        them on the scales they have, as published; the larger one then decides.

    Raises
    ------
    DataError
        If the weight is out of range, or there is no ``cca`` where it is needed.
    """
    if not 0 <= weight <= 1:
        raise DataError(
            f"weight {weight} is not in [0, 1]", remedy="Give the share of CCA", code="out_of_range"
        )
    scales = balance or Spreads((1.0, 1.0), (1.0, 1.0))
    terms: list[tuple[Array, Array]] = []
    if weight > 0:
        if cca is None:
            raise DataError(
                "no canonical correlation analysis", remedy="Fit one, or weight 0", code="no_cca"
            )
        pair = _CORRELATED[correlated](musics, emotions, cca, least_correlation)
        terms.append(_scaled(pair, weight, scales.correlated))
    if weight < 1:
        pair = oriented_divergences(musics, emotions, orientation)
        terms.append(_scaled(pair, 1 - weight, scales.divergence))
    to_emotion, to_music = (sum(one[1:], start=one[0]) for one in zip(*terms, strict=True))
    return Distances(to_emotion, to_music, LABELS[orientation])


def _scaled(
    pair: tuple[Array, Array], weight: float, scales: tuple[float, float]
) -> tuple[Array, Array]:
    return weight / scales[0] * pair[0], weight / scales[1] * pair[1]


# --- baselines ---


def random_distances(musics: int, emotions: int, seed: int) -> Distances:
    """Distances drawn evenly from [0, 1)."""
    rng = np.random.default_rng(seed)
    pair = rng.random((musics, emotions)), rng.random((emotions, musics))
    return Distances(*pair, label="random")


def regressed_distances(
    predicted: ArrayLike, rated: ArrayLike, residuals: ArrayLike | None = None
) -> Distances:
    """Distances of points that a regressor predicts for musics to the points of emotions.

    Parameters
    ----------
    predicted
        Predictions for each music: valence and arousal, or any other numbers, ``(n, d)``.
    rated
        The same numbers for the emotions, ``(m, d)``.
    residuals
        Errors of the regressor on rows it did not see in training, ``(r, d)``. Distances are then
        Mahalanobis distances by their covariance; without them, Euclidean.

    Raises
    ------
    DataError
        If the columns differ, or the residuals do not vary independently.
    """
    from scipy.spatial.distance import cdist

    guesses, points = numbers("predicted", predicted, 2), numbers("rated", rated, 2)
    same_shape(predicted=guesses[:1], rated=points[:1])
    label = "regressor"
    if residuals is not None:
        misses = numbers("residuals", residuals, 2)
        same_shape(predicted=guesses[:1], residuals=misses[:1])
        whitening = _whitening(misses)
        guesses, points = guesses @ whitening, points @ whitening
        label = "regressor, whitened"
    apart = np.asarray(cdist(guesses, points))
    return Distances(apart, apart.T, label)


def _whitening(misses: Array) -> Array:
    """Matrix that turns errors into numbers of covariance 1, shape ``(d, d)``."""
    width = misses.shape[1]
    covariance = misses.T @ misses / len(misses)
    if np.linalg.matrix_rank(covariance, hermitian=True) < width:
        raise DataError(
            f"residuals of {len(misses)} rows do not vary in all {width} dimensions",
            remedy="Give more rows",
            code="no_variation",
        )
    return np.asarray(np.linalg.cholesky(np.linalg.inv(covariance)))
