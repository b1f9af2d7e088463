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
    def difference(self) -> float:
        """Second less first."""
        return self.second.value - self.first.value

    @property
    def apart(self) -> bool | None:
        """Whether the intervals do not meet; None without intervals."""
        edges = (self.first.low, self.first.high, self.second.low, self.second.high)
        low, high, other_low, other_high = edges
        if low is None or high is None or other_low is None or other_high is None:
            return None
        return high < other_low or other_high < low


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
        run = field.get("run")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _unfit(entry, f"a row or field is not as it should be ({error!r})") from error
    by_key = {row.key: row for row in rows}
    if len(by_key) < len(rows):
        raise _unfit(entry, "a protocol, dataset and metric stand there twice")
    return Scores(by_key, run)


def compare(first: Entry, second: Entry) -> Comparison:
    """Put the scores of two models side by side.

    Raises
    ------
    ModelError
        If a card holds no scores, or the two have none that may be compared.
    """
    one, other = _needed(first), _needed(second)
    pairs = [Pair(one.rows[key], other.rows[key]) for key in one.rows if key in other.rows]
    alike = tuple(pair for pair in pairs if _pieces(pair.first) == _pieces(pair.second))
    clashes = _clashes(one, other)
    refused = (
        *(_other_pieces(pair, first.name, second.name) for pair in pairs if pair not in alike),
        *(_other_protocols(*clash, first.name, second.name) for clash in clashes),
    )
    if not alike:
        raise ModelError(
            f"{first.name} and {second.name} have no score of the same protocol and pieces"
            + "".join(f"; {sentence}" for sentence in refused),
            remedy="Measure both in the same way",
            code="nothing_in_common",
        )
    apart = {(dataset, metric) for dataset, metric, *_ in clashes}
    alone = (_alone(one, other, apart), _alone(other, one, apart))
    return Comparison((one.run, other.run), alike, refused, alone)


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


def _unfit(entry: Entry, problem: str) -> ModelError:
    return ModelError(
        f"the scores in the card cannot be used: {problem}",
        subject=display_name(entry.path),
        code="bad_scores",
    )


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


def _pieces(score: Score) -> tuple[int, int]:
    return score.n, score.groups


def _other_pieces(pair: Pair, first: str, second: str) -> str:
    protocol, dataset, metric = pair.first.key
    sides = (
        f"{score.n} pieces in {score.groups} groups for {name}"
        for score, name in ((pair.first, first), (pair.second, second))
    )
    return f"{dataset} {metric}, {protocol}: {', '.join(sides)}"


def _other_protocols(
    dataset: str, metric: str, own: list[str], other: list[str], first: str, second: str
) -> str:
    return f"{dataset} {metric}: {', '.join(own)} for {first}, {', '.join(other)} for {second}"


def _clashes(one: Scores, other: Scores) -> list[tuple[str, str, list[str], list[str]]]:
    """Datasets and metrics that both have, with their protocols, none of which both have."""
    first, second = _protocols(one), _protocols(other)
    return [
        (*key, first[key], second[key])
        for key in first
        if key in second and not set(first[key]) & set(second[key])
    ]


def _protocols(scores: Scores) -> dict[tuple[str, str], list[str]]:
    """Protocols by dataset and metric."""
    found: dict[tuple[str, str], list[str]] = {}
    for protocol, dataset, metric in scores.rows:
        found.setdefault((dataset, metric), []).append(protocol)
    return found


def _alone(one: Scores, other: Scores, clashes: set[tuple[str, str]]) -> int:
    return sum(key not in other.rows and key[1:] not in clashes for key in one.rows)
