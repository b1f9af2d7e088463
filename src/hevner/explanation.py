"""Why readings are what they are, in musical terms: a record of a result.

Conventions
-----------
The standard library only. Contributions are on the scale of the analysis. `OTHER` is the part of a
reading that no term carries: timbre and everything else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from hevner.emotion import Scale

OTHER = "other"


@dataclass(frozen=True)
class Contributions:
    """How a reading comes about; average and contributions add up to its value.

    Attributes
    ----------
    average
        Mean of the model's readings over the music it was trained on.
    terms
        What each musical term adds, and "other" for timbre and everything else. A term that does
        not move this reading as expected when the music is changed is left out.
    """

    average: float
    terms: dict[str, float]


@dataclass(frozen=True)
class Explanation:
    """Why the readings of a recording are what they are.

    Attributes
    ----------
    music
        How the music differs from the average of the training music, by term, in standard
        deviations: mode above 0 is major, pace above 0 fast and dense.
    similar_to
        Rated music that it sounds most like; empty where that is unclear.
    readings
        Contributions to each reading of the whole piece.
    timeline
        For each moment and reading, what adds up to the difference from the reading of the whole
        piece; empty where the music is silent.
    """

    music: dict[str, float]
    similar_to: str
    readings: dict[str, Contributions]
    timeline: tuple[dict[str, dict[str, float]], ...]

    def __repr__(self) -> str:
        """The term that adds most to each reading, in a line."""
        most = {
            name: max(one.terms.items(), key=lambda term: abs(term[1]), default=("nothing", 0.0))
            for name, one in self.readings.items()
        }
        said = (f"{name}: {term} {value:+.2f}" for name, (term, value) in most.items())
        return f"Explanation({', '.join(said)})"

    def rescaled(self, source: Scale, target: Scale) -> Explanation:
        """The same explanation on another scale."""
        factor = (target.high - target.low) / (source.high - source.low)

        def stretched(terms: dict[str, float]) -> dict[str, float]:
            return {name: round(value * factor, target.digits + 9) for name, value in terms.items()}

        return replace(
            self,
            readings={
                name: Contributions(
                    round(target.from_unit(source.to_unit(one.average)), target.digits + 9),
                    stretched(one.terms),
                )
                for name, one in self.readings.items()
            },
            timeline=tuple(
                {name: stretched(terms) for name, terms in moment.items()}
                for moment in self.timeline
            ),
        )

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Explanation:
        """The reverse of `dataclasses.asdict`; raises `TypeError` or `KeyError` for other forms."""
        readings = {name: Contributions(**one) for name, one in record["readings"].items()}
        return cls(**record | {"readings": readings, "timeline": tuple(record["timeline"])})
