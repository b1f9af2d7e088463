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
``roc_auc_micro``  [0, 1]  the same over all cells of the table as if they were one tag
``pr_auc_micro``   [0, 1]  likewise
``map_clips``      [0, 1]  average precision of the tags of a clip, mean over clips
``f1_macro``       [0, 1]  F1 of ``score >= threshold``, mean over tags
``f1_micro``       [0, 1]  F1 over all cells
=================  ======  ==================================================================

Tags without clips
------------------
A tag that no clip or every clip carries cannot be ranked: its ROC AUC is NaN. Average precision and
F1 are NaN for a tag that no clip carries. Means over tags leave out tags that no clip or every clip
carries, for every score alike, so that all are means over the same tags; `evaluate` gives their
number as ``tags``. Micro scores use all cells. ``map_clips`` leaves out clips without tags. With
nothing left a score is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hevner.errors import DataError
from hevner.lab.metrics.validation import Array, Mask, flags, numbers, same_shape


def validate(truth: ArrayLike, score: ArrayLike) -> tuple[Mask, Array]:
    """Tables of flags and scores, or a `DataError` for other shapes, no rows, NaN, other flags."""
    tags, scores = flags("truth", truth, axes=2), numbers("score", score, axes=2)
    same_shape(truth=tags, score=scores)
    return tags, scores


def roc_auc(truth: ArrayLike, score: ArrayLike) -> float:
    """Area under the receiver operating characteristic of one tag, shapes ``(clips,)``.

    NaN if no clip or every clip carries the tag.
    """
    tag, scores = _one_tag(truth, score)
    return _roc_auc(tag, scores)


def average_precision(truth: ArrayLike, score: ArrayLike) -> float:
    """Area under the steps of precision over recall of one tag, shapes ``(clips,)``.

    The mean over clips with the tag of the precision among all clips that score at least as high.
    NaN if no clip carries the tag.
    """
    tag, scores = _one_tag(truth, score)
    return _average_precision(tag, scores)


def roc_auc_per_tag(truth: ArrayLike, score: ArrayLike) -> Array:
    """`roc_auc` of each tag, shape ``(tags,)``."""
    tags, scores = validate(truth, score)
    return np.array([_roc_auc(*column) for column in zip(tags.T, scores.T, strict=True)])


def average_precision_per_tag(truth: ArrayLike, score: ArrayLike) -> Array:
    """`average_precision` of each tag, shape ``(tags,)``."""
    tags, scores = validate(truth, score)
    return np.array([_average_precision(*column) for column in zip(tags.T, scores.T, strict=True)])


def roc_auc_macro(truth: ArrayLike, score: ArrayLike) -> float:
    """Mean of `roc_auc` over tags."""
    return _mean_over_tags(roc_auc_per_tag(truth, score), truth)


def pr_auc_macro(truth: ArrayLike, score: ArrayLike) -> float:
    """Mean of `average_precision` over tags."""
    return _mean_over_tags(average_precision_per_tag(truth, score), truth)


def roc_auc_micro(truth: ArrayLike, score: ArrayLike) -> float:
    """`roc_auc` of all cells."""
    tags, scores = validate(truth, score)
    return _roc_auc(tags.ravel(), scores.ravel())


def pr_auc_micro(truth: ArrayLike, score: ArrayLike) -> float:
    """`average_precision` of all cells."""
    tags, scores = validate(truth, score)
    return _average_precision(tags.ravel(), scores.ravel())


def map_clips(truth: ArrayLike, score: ArrayLike) -> float:
    """Mean over clips with a tag of the average precision of their tags."""
    tags, scores = validate(truth, score)
    tagged = np.flatnonzero(tags.any(axis=1))
    values = [_average_precision(tags[clip], scores[clip]) for clip in tagged]
    return float(np.mean(values)) if values else np.nan


def f1_per_tag(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> Array:
    """F1 of ``score >= threshold`` of each tag, shape ``(tags,)``; NaN if no clip carries it."""
    tags, claimed = _claimed(truth, score, thresholds)
    values = _f1((tags & claimed).sum(axis=0), claimed.sum(axis=0), tags.sum(axis=0))
    values[~tags.any(axis=0)] = np.nan
    return values


def f1_macro(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> float:
    """Mean of `f1_per_tag` over tags."""
    return _mean_over_tags(f1_per_tag(truth, score, thresholds), truth)


def f1_micro(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> float:
    """F1 over all cells; NaN if no clip carries any tag."""
    tags, claimed = _claimed(truth, score, thresholds)
    if not tags.any():
        return np.nan
    return float(_f1((tags & claimed).sum(), claimed.sum(), tags.sum()))


def pick_thresholds(truth: ArrayLike, score: ArrayLike) -> Array:
    """The threshold of each tag with the best F1 on these clips, shape ``(tags,)``.

    To be picked on a validation part and used on another. Thresholds are scores that occur; of
    equally good ones the highest is taken. A tag that no clip carries gets infinity: never claimed.
    """
    tags, scores = validate(truth, score)
    thresholds = np.full(tags.shape[1], np.inf)
    for k in np.flatnonzero(tags.any(axis=0)):
        values, hits, claimed = _steps(tags[:, k], scores[:, k])
        thresholds[k] = values[_f1(hits, claimed, tags[:, k].sum()).argmax()]
    return thresholds


def evaluate(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> dict[str, float]:
    """All scores in the order of the table above, then the number of ``tags`` in the means.

    Parameters
    ----------
    truth, score
        Shape ``(clips, tags)``.
    thresholds
        One per tag, shape ``(tags,)``, from `pick_thresholds` on other clips.
    """
    return {
        "roc_auc_macro": roc_auc_macro(truth, score),
        "pr_auc_macro": pr_auc_macro(truth, score),
        "roc_auc_micro": roc_auc_micro(truth, score),
        "pr_auc_micro": pr_auc_micro(truth, score),
        "map_clips": map_clips(truth, score),
        "f1_macro": f1_macro(truth, score, thresholds),
        "f1_micro": f1_micro(truth, score, thresholds),
        "tags": float(_rankable(truth).sum()),
    }


def _one_tag(truth: ArrayLike, score: ArrayLike) -> tuple[Mask, Array]:
    tag, scores = flags("truth", truth), numbers("score", score)
    same_shape(truth=tag, score=scores)
    return tag, scores


def _roc_auc(tag: Mask, scores: Array) -> float:
    from scipy.stats import rankdata

    positives, negatives = int(tag.sum()), int((~tag).sum())
    if not positives or not negatives:
        return np.nan
    # Mann and Whitney: the rank sum less its least value counts the pairs in the right order.
    above = rankdata(scores)[tag].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _average_precision(tag: Mask, scores: Array) -> float:
    if not tag.any():
        return np.nan
    _, hits, claimed = _steps(tag, scores)
    return float((np.diff(hits, prepend=0) * hits / claimed).sum() / tag.sum())


def _steps(tag: Mask, scores: Array) -> tuple[Array, Array, Array]:
    """Distinct scores, falling, and the clips at or above each: those with the tag, and all."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.flatnonzero(np.append(np.diff(falling) != 0, True))
    return (
        falling[last],
        np.cumsum(tag[order])[last].astype(np.float64),
        last.astype(np.float64) + 1,
    )


def _f1(hits: ArrayLike, claimed: ArrayLike, positives: ArrayLike) -> Array:
    """Harmonic mean of precision and recall; 0 where nothing is claimed and nothing there."""
    total = np.add(claimed, positives)
    return np.asarray(2 * np.asarray(hits, np.float64) / np.maximum(total, 1))


def _claimed(truth: ArrayLike, score: ArrayLike, thresholds: ArrayLike) -> tuple[Mask, Mask]:
    tags, scores = validate(truth, score)
    limits = np.asarray(thresholds, np.float64)
    if limits.shape != tags.shape[1:] or np.isnan(limits).any():
        raise DataError(
            f"thresholds have shape {limits.shape}, or hold NaN",
            remedy=f"Give one for each of {tags.shape[1]} tags",
        )
    return tags, scores >= limits


def _rankable(truth: ArrayLike) -> Mask:
    tags = np.asarray(truth).astype(bool)
    return np.asarray(tags.any(axis=0) & ~tags.all(axis=0))


def _mean_over_tags(values: Array, truth: ArrayLike) -> float:
    rankable = _rankable(truth)
    return float(values[rankable].mean()) if rankable.any() else np.nan
