"""Scores of tags: every clip carries any number of tags, every tag has a score per clip.

Conventions
-----------
``truth`` is 0/1 or bool and ``score`` any real number, higher for more likely, both of shape
``(clips, tags)``. Equal scores are one step of the curve: neither order is preferred.

=================  ======  ==================================================================
Score              Range   Meaning
=================  ======  ==================================================================
``roc_auc_macro``  [0, 1]  share of (with, without) pairs of clips in the right order, mean
                           over tags; 0.5 by chance
``pr_auc_macro``   [0, 1]  average precision, mean over tags: the mAP of audio tagging; by
                           chance about the share of clips with the tag
``f1_macro``       [0, 1]  F1 of ``score >= threshold``, mean over tags
=================  ======  ==================================================================

Tags without clips
------------------
A tag that no clip or every clip carries cannot be ranked: its ROC AUC is NaN. Average precision and
F1 are NaN for a tag that no clip carries. Means over tags leave out tags that no clip or every clip
carries, for every score alike, so that all are means over the same tags. With nothing left a score
is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from hevner.arrays import Doubles, Mask
from hevner.errors import DataError
from hevner.lab.metrics.regression import flags, numbers, same_shape


def validate(truth: ArrayLike, score: ArrayLike, axes: int = 2) -> tuple[Mask, Doubles]:
    """Flags and scores as bool and float64; with one axis for a single tag.

    Raises `DataError` for other shapes, no rows, NaN or infinity, or flags that are neither 0 nor
    1.
    """
    tags, scores = flags("truth", truth, axes), numbers("score", score, axes)
    same_shape(truth=tags, score=scores)
    return tags, scores


def roc_auc(truth: ArrayLike, score: ArrayLike) -> float:
    """Area under the receiver operating characteristic of one tag, shapes ``(clips,)``.

    NaN if no clip or every clip carries the tag.
    """
    return _roc_auc(*validate(truth, score, axes=1))


def average_precision(truth: ArrayLike, score: ArrayLike) -> float:
    """Area under the steps of precision over recall of one tag, shapes ``(clips,)``.

    The mean over clips with the tag of the precision among all clips that score at least as high.
    NaN if no clip carries the tag.
    """
    return _average_precision(*validate(truth, score, axes=1))


def roc_auc_macro(truth: ArrayLike, score: ArrayLike) -> float:
    """Mean of `roc_auc` over tags."""
    return _macro(_roc_auc, truth, score)


def pr_auc_macro(truth: ArrayLike, score: ArrayLike) -> float:
    """Mean of `average_precision` over tags."""
    return _macro(_average_precision, truth, score)


def f1_macro(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> float:
    """Mean over tags of the F1 of ``score >= threshold``, with a threshold per tag.

    An infinite threshold never assigns the tag.
    """
    tags, scores = validate(truth, score)
    limits = np.asarray(thresholds, np.float64)
    if limits.shape != tags.shape[1:] or np.isnan(limits).any():
        raise DataError(
            f"thresholds have shape {limits.shape}, or hold NaN",
            remedy=f"Give one for each of {tags.shape[1]} tags",
            code="bad_thresholds",
        )
    assigned = scores >= limits
    total = np.maximum(assigned.sum(axis=0) + tags.sum(axis=0), 1)
    return _mean_over_tags(2.0 * (tags & assigned).sum(axis=0) / total, tags)


def _macro(metric: Callable[[Mask, Doubles], float], truth: ArrayLike, score: ArrayLike) -> float:
    tags, scores = validate(truth, score)
    columns = zip(tags.T, scores.T, strict=True)
    return _mean_over_tags(np.array([metric(*one) for one in columns]), tags)


def _roc_auc(tag: Mask, scores: Doubles) -> float:
    positives, negatives = scores[tag], np.sort(scores[~tag])
    if not len(positives) or not len(negatives):
        return np.nan
    # Mann and Whitney: pairs in the right order count twice, ties once. Ranks would take longer.
    right = sum(np.searchsorted(negatives, positives, side).sum() for side in ("left", "right"))
    return float(right / (2 * len(positives) * len(negatives)))


def _average_precision(tag: Mask, scores: Doubles) -> float:
    if not tag.any():
        return np.nan
    order = np.argsort(-scores, kind="stable")
    # Equal scores are one step of the curve; its last clip ends it.
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(tag[order])[ends].astype(np.float64)
    return float((np.diff(hits, prepend=0) * hits / (ends + 1.0)).sum() / tag.sum())


def _mean_over_tags(values: Doubles, tags: Mask) -> float:
    """Mean over the tags that some clips carry and others do not."""
    rankable = tags.any(axis=0) & ~tags.all(axis=0)
    return float(values[rankable].mean()) if rankable.any() else np.nan
