"""Scores in the cards of models, and two models side by side.

Conventions
-----------
The standard library only. ``scores`` in a card is an object: ``run`` describes the run that gave
the figures (command, recipe, data), ``rows`` holds them, with the columns of a result table:

``protocol``, ``dataset``, ``metric``
    Text; together they name a row.
``value``, ``low``, ``high``
    The figure and its 95 % interval; the last two may be null.
``n``, ``groups``, ``seeds``
    How many pieces, groups of pieces and repetitions stand behind it.

Figures are compared only if protocol, dataset and metric are the same and as many pieces in as
many groups were judged; a mean over other seeds still measures the same thing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from hevner.errors import ModelError
from hevner.files import display_name
from hevner.model.registry import Entry


@dataclass(frozen=True)
class Score:
    """A row; see the module for its fields."""

    protocol: str
    dataset: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    groups: int
    seeds: int

    @property
    def key(self) -> tuple[str, str, str]:
        """Protocol, dataset and metric."""
        return self.protocol, self.dataset, self.metric


@dataclass(frozen=True)
class Scores:
    """All scores of a model, and the run they come from; None if the card does not name it."""

    rows: dict[tuple[str, str, str], Score]
    run: str | None


@dataclass(frozen=True)
class Pair:
    """The same score of two models."""

    first: Score
    second: Score

    @property
    def alike(self) -> bool:
        """Whether as many pieces in as many groups were judged."""
        return (self.first.n, self.first.groups) == (self.second.n, self.second.groups)

    @property
    def difference(self) -> float:
        """Second less first."""
        return self.second.value - self.first.value

    @property
    def apart(self) -> bool | None:
        """Whether the intervals do not meet; None without intervals."""
        one, other = self.first, self.second
        if one.low is None or one.high is None or other.low is None or other.high is None:
            return None
        return one.high < other.low or other.high < one.low


@dataclass(frozen=True)
class Comparison:
    """Two models side by side.

    Attributes
    ----------
    runs
        The run that gave the figures of each; None if a card does not name it.
    pairs
        Scores that both have under one protocol.
    refused
        A sentence for each dataset and metric that both have under different conditions.
    alone
        Number of scores that only one has and that are not refused.
    """

    runs: tuple[str | None, str | None]
    pairs: tuple[Pair, ...]
    refused: tuple[str, ...]
    alone: tuple[int, int]


def scores(entry: Entry) -> Scores | None:
    """Scores of a model; None if its card holds none.

    Raises
    ------
    ModelError
        If they have another form than this module describes.
    """
    field = entry.card.get("scores")
    if field is None:
        return None
    try:
        rows = [_score(row) for row in field["rows"]]
        by_key = {row.key: row for row in rows}
        if len(by_key) < len(rows):
            raise ValueError("a protocol, dataset and metric stand there twice")
        return Scores(by_key, field.get("run"))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the scores in the card cannot be used: a row or field is wrong ({error!r})",
            subject=display_name(entry.path),
            code="bad_scores",
        ) from error


def compare(first: Entry, second: Entry) -> Comparison:
    """Put the scores of two models side by side.

    Raises
    ------
    ModelError
        If a card holds no scores, or the two have none that may be compared.
    """
    one, other = _needed(first), _needed(second)
    pairs = [Pair(one.rows[key], other.rows[key]) for key in one.rows if key in other.rows]
    alike = tuple(pair for pair in pairs if pair.alike)
    refused = [
        f"{pair.first.dataset} {pair.first.metric}, {pair.first.protocol}: "
        f"{pair.first.n} pieces in {pair.first.groups} groups for {first.name}, "
        f"{pair.second.n} pieces in {pair.second.groups} groups for {second.name}"
        for pair in pairs
        if not pair.alike
    ]
    protocols, others = _protocols(one), _protocols(other)
    both = protocols.keys() & others.keys()
    apart = {key for key in both if not set(protocols[key]) & set(others[key])}
    refused += [
        f"{' '.join(key)}: {', '.join(protocols[key])} for {first.name}, "
        f"{', '.join(others[key])} for {second.name}"
        for key in protocols
        if key in apart
    ]
    if not alike:
        raise ModelError(
            f"{first.name} and {second.name} have no score of the same protocol and pieces"
            + "".join(f"; {sentence}" for sentence in refused),
            remedy="Measure both in the same way",
            code="nothing_in_common",
        )
    alone = [
        sum(key not in theirs.rows and key[1:] not in apart for key in own.rows)
        for own, theirs in ((one, other), (other, one))
    ]
    return Comparison((one.run, other.run), alike, tuple(refused), (alone[0], alone[1]))


def _score(row: dict[str, Any]) -> Score:
    score = Score(**{field.name: row[field.name] for field in fields(Score)})
    edges = [edge for edge in (score.low, score.high) if edge is not None]
    if not (
        all(isinstance(text, str) for text in score.key)
        and all(type(x) in (int, float) and math.isfinite(x) for x in (score.value, *edges))
        and all(type(count) is int for count in (score.n, score.groups, score.seeds))
    ):
        raise TypeError(f"in {row}")
    return score


def _needed(entry: Entry) -> Scores:
    found = scores(entry)
    if found is None:
        raise ModelError(
            "the card holds no scores",
            subject=display_name(entry.path),
            remedy="Measure the model and put the figures into its card",
            code="no_scores",
        )
    return found


def _protocols(scores: Scores) -> dict[tuple[str, str], list[str]]:
    """Protocols by dataset and metric."""
    found: dict[tuple[str, str], list[str]] = {}
    for protocol, dataset, metric in scores.rows:
        found.setdefault((dataset, metric), []).append(protocol)
    return found
