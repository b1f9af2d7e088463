"""One person's correction of valence and arousal: applied to an analysis, kept in a small file.

A person's rating of a piece is modelled from the default model's analysis, per axis::

    rating = offset + slope * value + (moods - centre) . weights + noise

where ``moods`` are the nine GEMS shares of the analysis. `hevner.lab.personalise` fits this
to a few ratings. Only an analysis is needed, no features: a library that is in the cache is
personalised at once.

Conventions
-----------
Numpy only. Everything is on the unit scale. The *change* of an axis is what the correction adds to
a value: the product of `basis` with ``(offset, slope - 1, weights)``; all zeros change nothing.
The headline, quadrants and tags follow the corrected values; all else, tension and basic emotions
too, stays that of the default model.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from hevner.arrays import Doubles
from hevner.emotion import AXES, GEMS, UNIT, Scale
from hevner.errors import ModelError
from hevner.files import cannot_write, display_name, replace_file
from hevner.model import tagging
from hevner.result import COVERAGE, Analysis, Estimate
from hevner.text_file import read_json
from hevner.words.headline import derived_fields

FORMAT = "hevner personal correction 1"

TERMS = 2 + len(GEMS)
"""Numbers that describe the change of an axis: offset, slope, one weight per mood."""

LEAST_SLOPE = 0.2
"""A correction never turns an axis round or flattens it. The default model ranks pieces better
than chance in every dataset it was measured on, so a slope below this, from a few dozen ratings,
is chance; and a flat line would give every piece the same value."""

QUANTILE = NormalDist().inv_cdf((1 + COVERAGE) / 2)
"""Half-width of an interval in standard deviations."""


@dataclass(frozen=True)
class Axis:
    """The correction of one axis.

    Attributes
    ----------
    change
        Coefficients of the number that is added to a value, shape ``(TERMS,)``; see the module.
    centre
        Mean moods of the rated pieces, shape ``(9,)``.
    noise
        Standard deviation of a rating around the corrected value.
    covariance
        Uncertainty of ``change``, shape ``(TERMS, TERMS)``.
    """

    change: Doubles
    centre: Doubles
    noise: float
    covariance: Doubles

    def values(self, values: Doubles, moods: Doubles) -> Doubles:
        """Corrected values, shape ``(n,)``, of values ``(n,)`` and moods ``(n, 9)``."""
        return np.clip(values + basis(values, moods - self.centre) @ self.change, -1, 1)

    def halves(self, values: Doubles, moods: Doubles) -> Doubles:
        """Half-widths of intervals of coverage `COVERAGE`, shape ``(n,)``.

        From the noise, and from the uncertainty of the correction at these pieces.
        """
        terms = basis(values, moods - self.centre)
        doubt = np.einsum("ni,ij,nj->n", terms, self.covariance, terms)
        return np.asarray(QUANTILE * np.sqrt(self.noise**2 + np.maximum(doubt, 0)))


@dataclass(frozen=True)
class Personal:
    """A person's correction.

    Attributes
    ----------
    model
        Name of the model whose analyses it corrects.
    ratings
        Number of pieces it was fitted to.
    valence, arousal
        The axes.
    """

    model: str
    ratings: int
    valence: Axis
    arousal: Axis

    @property
    def name(self) -> str:
        """Name of the model in a personalised analysis."""
        return f"{self.model}, personalised from {self.ratings} ratings"

    def apply(self, analysis: Analysis) -> Analysis:
        """Correct valence and arousal of an analysis and of its moments; ``model`` is marked.

        Raises
        ------
        ModelError
            If the analysis is by another model than the correction was fitted to.
        """
        if analysis.model != self.model:
            raise ModelError(
                f"the personal correction was fitted to the model '{self.model}', the analysis is "
                f"by '{analysis.model}'",
                remedy="Fit it again with hevner train --personalise",
                code="other_model",
            )
        if analysis.status != "ok":
            return dataclasses.replace(analysis, model=self.name)
        plain = analysis.on(UNIT)
        moods = moods_of(plain)
        valence, arousal = (_shift(getattr(self, a), getattr(plain, a), moods) for a in AXES)
        timeline = tuple(
            dataclasses.replace(m, valence=valence(m.valence), arousal=arousal(m.arousal))
            for m in plain.timeline
        )
        values = valence(plain.valence), arousal(plain.arousal)
        assert values[0] is not None
        assert values[1] is not None
        tags = tagging.agreeing(plain.tags, values[0].value, values[1].value)
        changed = dataclasses.replace(
            plain,
            model=self.name,
            valence=values[0],
            arousal=values[1],
            timeline=timeline,
            explanation=None,  # it adds up to the model's values
            tags=tags,
            contradictions=tagging.contradictions(tags, timeline),
            **derived_fields(values[0], values[1]),
        )
        return changed.on(Scale.parse(analysis.scale))

    def save(self, path: Path) -> None:
        """Write a JSON file; raises `OutputError`."""
        record: dict[str, Any] = {"format": FORMAT, "model": self.model, "ratings": self.ratings}
        for name in AXES:
            fields = dataclasses.asdict(getattr(self, name))
            record[name] = {key: np.asarray(value).tolist() for key, value in fields.items()}
        try:
            replace_file(path, (json.dumps(record, indent=1) + "\n").encode("utf-8"))
        except OSError as error:
            raise cannot_write(path, error) from error


def _shift(
    axis: Axis, whole: Estimate, moods: Doubles
) -> Callable[[Estimate | None], Estimate | None]:
    """The correction of one axis of one piece.

    A moment has no moods of its own and takes those of its piece; its interval is wider than that
    of the piece by the factor by which it was before.
    """
    half, width = float(axis.halves(np.array([whole.value]), moods)[0]), _half(whole)

    def shifted(estimate: Estimate | None) -> Estimate | None:
        if estimate is None:
            return None
        value = float(axis.values(np.array([estimate.value]), moods)[0])
        reach = half * (max(1.0, _half(estimate) / width) if width > 0 else 1.0)
        low, high = max(value - reach, -1.0), min(value + reach, 1.0)
        return Estimate(round(value, 4), round(low, 4), round(high, 4))

    return shifted


def _half(estimate: Estimate) -> float:
    """Half-width of an interval, of which one end may have been cut off by the scale."""
    return max(estimate.high - estimate.value, estimate.value - estimate.low)


def basis(values: Doubles, moods: Doubles) -> Doubles:
    """The terms that a change is linear in: one, value, centred moods; shape ``(n, TERMS)``.

    Moods that are not known, NaN, change nothing.
    """
    return np.column_stack([np.ones(len(values)), values, np.nan_to_num(moods)])


def moods_of(analysis: Analysis) -> Doubles:
    """The moods of an analysis in the order of `GEMS`, shape ``(1, 9)``; NaN without moods."""
    return np.array([[analysis.moods.get(mood, np.nan) for mood in GEMS]])


def load(path: Path) -> Personal:
    """Read a correction.

    Raises
    ------
    ModelError
        If the file is missing, damaged or something else.
    """
    try:
        record = read_json(path)
        if record["format"] != FORMAT:
            raise ValueError(f"its format is '{record['format']}', not '{FORMAT}'")
        axes = {name: _axis(record[name]) for name in AXES}
        return Personal(str(record["model"]), int(record["ratings"]), **axes)
    except OSError as error:
        raise ModelError(
            f"the personal correction cannot be read ({error.strerror or error})",
            subject=display_name(path),
            remedy="Check the path given with --personal",
            code="unreadable",
        ) from error
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ModelError(
            f"this is no personal correction, or it is damaged ({error})",
            subject=display_name(path),
            remedy="Fit it again with hevner train --personalise",
            code="not_a_correction",
        ) from error


def _axis(record: dict[str, Any]) -> Axis:
    shapes = {"change": (TERMS,), "centre": (len(GEMS),), "noise": ()}
    shapes["covariance"] = (TERMS, TERMS)
    arrays: dict[str, Any] = {name: np.array(record[name], np.float64) for name in shapes}
    for name, array in arrays.items():
        if array.shape != shapes[name] or not np.isfinite(array).all():
            raise ValueError(f"'{name}' does not hold the numbers it should")
    if arrays["noise"] <= 0 or 1 + arrays["change"][1] <= 0:
        raise ValueError("noise or slope is not positive")
    return Axis(**arrays | {"noise": float(arrays["noise"])})
