"""Fit the emotion model to a table. All that is learned is learned from that table alone.

1. Standardise; learn to tell the domains apart.
2. Per head, choose how freely each domain may depart from the shared part, by grouped
   cross-validation inside the table; keep the predictions for the left-out rows.
3. Fit the transfer head (`hevner.lab.default.transfer`), keeping its predictions for left-out rows.
   Likewise the network (`hevner.lab.default.students`), if the recipe has one.
4. From those predictions: the way back to each domain's rating scale, and intervals (split
   conformal: the quantile of the absolute error). For music from elsewhere: the same with a whole
   dataset left out.
5. Fit every head to all rows.
6. Keep what is needed to say how familiar a piece is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from hevner.blocks import vector_id
from hevner.emotion import MOOD_TAGS, Quadrant
from hevner.errors import DataError
from hevner.lab.default.recipe import Recipe
from hevner.lab.default.table import Table
from hevner.lab.default.transfer import FEWEST_RATED, Transfer
from hevner.lab.default.transfer import fit as fit_transfer
from hevner.lab.default.transfer import targets as transfer_targets
from hevner.lab.regression.ridge import Moments
from hevner.model.head import (
    AXES,
    CLIP,
    HOME,
    NETWORK,
    TAGS_HEAD,
    Linear,
    Model,
    domain_head,
    neighbour_distance,
    sigmoid,
    softmax,
)
from hevner.result import COVERAGE

if TYPE_CHECKING:
    from hevner.lab.default.students import Students

Array = NDArray[np.float64]

INNER_FOLDS = 5
SOUND_AXES = 24
QUANTILES = 201
WIDTHS = ("inside", "moment")


def folds(table: Table, count: int, seed: int) -> NDArray[np.int64]:
    """A fold number for every row: groups stay together, datasets are spread evenly."""
    rng = np.random.default_rng(seed)
    number: dict[str, int] = {}
    for dataset in sorted(set(table.dataset)):
        groups = np.array(sorted(set(table.group[table.dataset == dataset])))
        rng.shuffle(groups)
        number |= {group: place % count for place, group in enumerate(groups)}
    return np.array([number[group] for group in table.group])


def weights(table: Table, sets: Mapping[str, float]) -> Array:
    """Weight of every row: a set weighs as much as is said, its clips the same each."""
    _, row, copies = np.unique(table.clip, return_inverse=True, return_counts=True)
    result = 1.0 / copies[row]
    for name, weight in sets.items():
        mine = table.dataset == name
        result[mine] *= weight / max(1, len(set(table.clip[mine])))
    return result


@dataclass(frozen=True)
class _Basis:
    """What every head shares: standardised rows, true domains, weights."""

    x: NDArray[np.float32]
    domain: Array
    weights: Array
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]


def fit(table: Table, recipe: Recipe, card: dict[str, Any] | None = None) -> Model:
    """Train a model.

    Parameters
    ----------
    table
        Training rows only.
    recipe
        How.
    card
        Facts to keep with the model; features and recipe are added.
    """
    basis = _basis(table, recipe)
    students = _students(table, basis, recipe)
    unseen = students.unseen if students else {}
    emotion = [_fit_axis(table, basis, recipe, axis, unseen) for axis in range(2)]
    quadrants, sharpness = _fit_quadrants(table, basis, recipe)
    gems = _fit_gems(table, basis, recipe)
    outside = _outside(table, recipe)
    sound = _sound(basis, table)
    inside, moment = (np.stack([getattr(a, n) for a in emotion], axis=1) for n in WIDTHS)
    tag_slope, tag_offset, tag_card = _fit_tags(table, recipe, unseen.get(TAGS_HEAD))
    facts = {"features": vector_id(), "recipe": recipe.digest, "domains": list(recipe.domains)}
    facts |= tag_card | {"heads": _told(recipe)}
    return Model(
        card={"name": recipe.name, "version": recipe.version, **(card or {}), **facts},
        mean=basis.mean,
        spread=basis.spread,
        membership=_membership(basis),
        heads={"emotion": _join(emotion[0].head, emotion[1].head), "quadrants": quadrants,
               "gems": gems},
        slope=np.stack([axis.home[:, 0] for axis in emotion], axis=1),
        offset=np.stack([axis.home[:, 1] for axis in emotion], axis=1),
        transfer=np.stack([a.transfer.coefficients for a in emotion], axis=1).astype(np.float32),
        transfer_bias=np.array([axis.transfer.intercept for axis in emotion], np.float32),
        transfer_slope=np.stack([axis.lines[:, 0] for axis in emotion], axis=1),
        transfer_offset=np.stack([axis.lines[:, 1] for axis in emotion], axis=1),
        inside=inside,
        moment=np.maximum(moment, inside),
        outside=inside if outside is None else np.tile(outside, (len(recipe.domains), 1)),
        rated=emotion[0].rated,
        network=np.frombuffer(students.content if students else b"", np.uint8),
        network_slope=np.stack([axis.network[:, 0] for axis in emotion], axis=1),
        network_offset=np.stack([axis.network[:, 1] for axis in emotion], axis=1),
        tag_slope=tag_slope,
        tag_offset=tag_offset,
        sharpness=sharpness,
        **sound,
    )  # fmt: skip


def _told(recipe: Recipe) -> list[str]:
    """Kinds of labels that a model of this recipe tells."""
    return ["emotion", "quadrants", "gems", *(["tags"] if recipe.tags else [])]


def _basis(table: Table, recipe: Recipe) -> _Basis:
    row_weights = weights(table, {name: entry.weight for name, entry in recipe.sets.items()})
    mean = np.average(table.vectors, axis=0, weights=row_weights)
    variance = np.average((table.vectors - mean) ** 2, axis=0, weights=row_weights)
    spread = np.sqrt(variance) + 1e-6
    domains = recipe.domains
    truth = np.array([domains.index(recipe.sets[name].domain) for name in table.dataset])
    return _Basis(
        x=np.clip((table.vectors - mean) / spread, -CLIP, CLIP).astype(np.float32),
        domain=np.eye(len(domains))[truth],
        weights=row_weights,
        mean=mean.astype(np.float32),
        spread=spread.astype(np.float32),
    )


def _membership(basis: _Basis) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Linear scores of the domains."""
    present = np.flatnonzero(basis.domain.any(axis=0))
    shape = (basis.x.shape[1], basis.domain.shape[1])
    scores, bias = np.zeros(shape, np.float32), np.full(shape[1], -20.0, np.float32)
    bias[present] = 0.0
    if len(present) > 1:
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(basis.x, basis.domain.argmax(axis=1), sample_weight=basis.weights)
        # Two classes have one set of coefficients, that of the second.
        chosen = present[1:] if len(present) == 2 else present
        scores[:, chosen] = model.coef_.T
        bias[chosen] = model.intercept_
    return scores, bias


@dataclass(frozen=True)
class _Search:
    """A head fitted to all its rows, and its predictions for rows it had not seen."""

    head: Linear
    unseen: Array


def _search(
    table: Table, basis: _Basis, recipe: Recipe, head: str, rows: NDArray[np.bool_],
    targets: Array, anchored: NDArray[np.bool_] | None = None,
) -> _Search:  # fmt: skip
    """Fit the shared part, then every domain's own with the penalty that predicts best.

    A domain gets a part of its own only if it has rows in ``anchored`` (by default any row): there
    must be ratings that tie the part to a scale.
    """
    penalty = recipe.penalties[head]
    anchored = (rows if anchored is None else anchored)[rows]
    x, row_weights = basis.x[rows].astype(np.float64), basis.weights[rows]
    fold = folds(table, INNER_FOLDS, recipe.seed)[rows]
    shared = _cross_fit(x, targets, row_weights, fold, [penalty.shared])
    rest = targets - (x @ shared.coefficients + shared.intercept)
    unseen = shared.unseen.copy()
    parts, constants = [], []
    for domain in range(basis.domain.shape[1]):
        mine = basis.domain[rows, domain] == 1
        part, constant = np.zeros_like(shared.coefficients), np.zeros_like(shared.intercept)
        if (mine & anchored).any() and not mine.all():
            # Penalties are meant for features of unit variance; inside a domain they vary less.
            variance = x[mine].var(axis=0) + 0.01
            ladder = [penalty.own * factor * variance for factor in recipe.factors]
            own = _cross_fit(x[mine], rest[mine], row_weights[mine], fold[mine], ladder)
            unseen[mine] += own.unseen
            part, constant = own.coefficients, own.intercept
        parts.append(part)
        constants.append(constant)
    solution = Linear(
        intercept=shared.intercept.astype(np.float32),
        shared=shared.coefficients.astype(np.float32),
        constants=np.stack(constants).astype(np.float32),
        parts=np.stack(parts).astype(np.float32),
    )
    return _Search(solution, unseen)


@dataclass(frozen=True)
class _CrossFit:
    """A ridge solution for all rows, and predictions for rows it had not seen."""

    coefficients: Array
    intercept: Array
    unseen: Array


def _cross_fit(
    x: Array, targets: Array, row_weights: Array, fold: NDArray[np.int64], ladder: list[Array]
) -> _CrossFit:
    """Ridge with the penalty of a ladder that predicts unseen rows best."""
    parts = [
        Moments.of(x[fold == k], targets[fold == k], row_weights[fold == k])
        for k in range(INNER_FOLDS)
    ]
    total = sum(parts[1:], start=parts[0])
    trials = []
    for ridge in ladder:
        unseen = np.empty_like(targets)
        for k in range(INNER_FOLDS):
            coefficients, intercept = (total - parts[k]).solve(ridge)
            unseen[fold == k] = x[fold == k] @ coefficients + intercept
        trials.append((_error(targets, unseen, row_weights), ridge, unseen))
    _, ridge, unseen = min(trials, key=lambda trial: trial[0])
    return _CrossFit(*total.solve(ridge), unseen)


def _error(targets: Array, guess: Array, row_weights: Array) -> float:
    return float(row_weights @ ((targets - guess) ** 2).sum(axis=1))


@dataclass(frozen=True)
class _Axis:
    """One axis of both emotion heads.

    Lines are slopes and offsets to the unit scale, one row per domain: ``home`` those of the home
    head; ``network`` those of the network; ``lines`` those of the transfer head, with a last row
    for music from elsewhere.
    """

    head: Linear
    transfer: Transfer
    home: NDArray[np.float32]
    network: NDArray[np.float32]
    lines: NDArray[np.float32]
    inside: NDArray[np.float32]
    moment: NDArray[np.float32]
    rated: NDArray[np.float32]


def _fit_axis(
    table: Table, basis: _Basis, recipe: Recipe, axis: int, network: Mapping[str, Array]
) -> _Axis:
    targets = _scores(table, axis)
    rows = np.isfinite(targets)
    rated = np.isfinite(table.emotion[:, axis])
    found = _search(table, basis, recipe, AXES[axis], rows, targets[rows, None], rated)
    unseen = np.full(len(table), np.nan)
    unseen[rows] = found.unseen[:, 0]
    transfer = _fit_transfer(table, basis, recipe, axis)
    count = basis.domain.shape[1]
    home, lines, widths = np.zeros((count, 2)), np.zeros((count + 1, 2)), np.zeros((count, 2))
    learned = np.zeros((count, 2))
    lines[-1] = transfer.elsewhere
    known = np.zeros(count)
    for domain in range(count):
        mine = rated & (basis.domain[:, domain] == 1)
        whole = mine & table.clean
        if whole.sum() < FEWEST_RATED:
            continue
        known[domain] = 1
        rating = table.emotion[:, axis]
        home[domain] = np.polyfit(unseen[whole], rating[whole], 1)
        lines[domain] = np.polyfit(transfer.unseen[whole], rating[whole], 1)
        guess = HOME * np.polyval(home[domain], unseen)
        guess += (1 - HOME) * np.polyval(lines[domain], transfer.unseen)
        told = network.get(domain_head(recipe.domains[domain]))
        if told is not None:
            learned[domain] = np.polyfit(told[whole, axis], rating[whole], 1)
            guess = (1 - NETWORK) * guess + NETWORK * np.polyval(learned[domain], told[:, axis])
        error = np.abs(rating - guess)
        windows = mine & table.window
        widths[domain] = conformal(error[whole])
        if windows.any():
            widths[domain, 1] = conformal(error[windows])
    if not known.any():
        raise DataError(
            f"no domain has {FEWEST_RATED} clips rated in {AXES[axis]}",
            remedy="Add a rated dataset to the recipe",
        )
    # A domain without ratings borrows the widths of the others.
    widths[known == 0] = widths[known == 1].mean(axis=0)
    single = (a.astype(np.float32) for a in (home, learned, lines, *widths.T, known))
    return _Axis(found.head, transfer, *single)


def _fit_transfer(table: Table, basis: _Basis, recipe: Recipe, axis: int) -> Transfer:
    fold = folds(table, INNER_FOLDS, recipe.seed)
    row_weights = weights(table, recipe.transfer_weights)
    return fit_transfer(table, recipe, axis, basis.x, row_weights, fold)


def _scores(table: Table, axis: int) -> Array:
    """Targets of the home head: those of the transfer head, but GEMS alone do not count."""
    scores = transfer_targets(table, axis)
    scores[~np.isfinite(table.emotion[:, axis]) & (table.quadrant < 0)] = np.nan
    return scores


def conformal(errors: Array) -> float:
    """Half-width that holds a new error with probability `COVERAGE` (split conformal)."""
    level = min(1.0, np.ceil((len(errors) + 1) * COVERAGE) / len(errors))
    return float(np.quantile(errors, level, method="higher"))


def _students(table: Table, basis: _Basis, recipe: Recipe) -> Students | None:
    """The network, if the recipe has one."""
    if recipe.students is None:
        return None
    # Only here: torch takes seconds to load, and models without a network do not need it.
    from hevner.lab.default.students import fit as fit_students

    return fit_students(table, recipe, basis.x, folds(table, INNER_FOLDS, recipe.seed))


def _fit_tags(
    table: Table, recipe: Recipe, unseen: Array | None
) -> tuple[NDArray[np.float32], NDArray[np.float32], dict[str, Any]]:
    """Slopes and offsets from the network's tags to log odds; base rates and thresholds.

    Log odds are a line of the tag in standard units. Its offset gives music at large the base
    rate: for a normal score of variance 1, a logistic curve far below one half is on average its
    value in the middle times ``exp(slope ** 2 / 2)``. A tag is said of the share of the training
    clips that the recipe asks for, and never below its base rate.
    """
    if recipe.tags is None or unseen is None:
        none = np.zeros(0, np.float32)
        return none, none, {}
    plan = recipe.tags
    rates = np.array([plan.base_rates[tag] for tag in MOOD_TAGS])
    slope = np.full(len(rates), plan.slope)
    offset = np.log(rates / (1 - rates)) - plan.slope**2 / 2
    odds = unseen[table.clean] * slope + offset
    levels = 1 - plan.flagged * rates
    limits = [sigmoid(np.quantile(one, level)) for one, level in zip(odds.T, levels, strict=True)]
    thresholds = np.maximum(limits, rates)
    card = {"base_rates": rates.tolist(), "thresholds": [round(float(t), 5) for t in thresholds]}
    return slope.astype(np.float32), offset.astype(np.float32), {"tags": card}


def _fit_quadrants(table: Table, basis: _Basis, recipe: Recipe) -> tuple[Linear, float]:
    rows = table.quadrant >= 0
    if not rows.any():
        return _flat(basis, 4), 1.0
    truth = np.eye(len(Quadrant))[table.quadrant[rows]]
    found = _search(table, basis, recipe, "quadrants", rows, truth)
    candidates = np.geomspace(0.5, 16, 40)
    row_weights = basis.weights[rows]
    loss = [
        -float(row_weights @ np.log((softmax(s * found.unseen) * truth).sum(axis=1) + 1e-9))
        for s in candidates
    ]
    return found.head, float(candidates[int(np.argmin(loss))])


def _fit_gems(table: Table, basis: _Basis, recipe: Recipe) -> Linear:
    rows = np.isfinite(table.gems[:, 0])
    if not rows.any():
        return _flat(basis, table.gems.shape[1])
    return _search(table, basis, recipe, "gems", rows, table.gems[rows]).head


def _flat(basis: _Basis, outputs: int) -> Linear:
    """A head that says nothing, for a recipe without its labels."""
    dim, domains = basis.x.shape[1], basis.domain.shape[1]
    return Linear(
        np.full(outputs, 1 / outputs, np.float32),
        np.zeros((dim, outputs), np.float32),
        np.zeros((domains, outputs), np.float32),
        np.zeros((domains, dim, outputs), np.float32),
    )


def _join(first: Linear, second: Linear) -> Linear:
    return Linear(
        np.concatenate([first.intercept, second.intercept]),
        np.concatenate([first.shared, second.shared], axis=1),
        np.concatenate([first.constants, second.constants], axis=1),
        np.concatenate([first.parts, second.parts], axis=2),
    )


def leave_one_out(table: Table) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Datasets with valence and arousal that can be left out, with the mask of their rows."""
    for dataset in sorted(set(table.dataset)):
        mine = table.dataset == dataset
        others = np.isfinite(table.emotion[~mine, 0]).any()
        if np.isfinite(table.emotion[mine, 0]).any() and others:
            yield dataset, mine


def _outside(table: Table, recipe: Recipe) -> NDArray[np.float32] | None:
    """Half-widths for music from a dataset that was not trained on; the larger over datasets."""
    widths = []
    for dataset in sorted(set(table.dataset[np.isfinite(table.emotion[:, 0])])):
        mine = table.dataset == dataset
        rest, left = table.where(~mine), table.where(mine & table.clean)
        if not np.isfinite(transfer_targets(rest, 0)).any():
            continue
        basis = _basis(rest, recipe)
        x = np.clip((left.vectors - basis.mean) / basis.spread, -CLIP, CLIP)
        errors = []
        for axis in range(2):
            found = _fit_transfer(rest, basis, recipe, axis)
            value = np.polyval(found.elsewhere, found(x))
            errors.append(np.abs(left.emotion[:, axis] - np.clip(value, -1, 1)))
        widths.append([conformal(error) for error in errors])
    return np.max(widths, axis=0).astype(np.float32) if widths else None


def _sound(basis: _Basis, table: Table) -> dict[str, NDArray[np.float32]]:
    """What tells how familiar a piece is; see `Model`."""
    pca = PCA(SOUND_AXES, whiten=True, random_state=0)
    pca.fit(basis.x[table.clean])
    projection = (pca.components_ / np.sqrt(pca.explained_variance_)[:, None]).T
    known = basis.x[table.clean] @ projection
    group, share = table.group[table.clean], basis.weights[table.clean]
    domain = basis.domain[table.clean].argmax(axis=1)
    rising = np.zeros((basis.domain.shape[1], QUANTILES))
    for number in np.unique(domain):
        mine = np.flatnonzero(domain == number)
        distance = np.array(
            [neighbour_distance(known[[row]], known[mine][group[mine] != group[row]])[0]
             for row in mine]
        )  # fmt: skip
        # Sets count by their weight, or the largest would say what is familiar.
        order = np.argsort(distance)
        levels = np.cumsum(share[mine][order]) / share[mine].sum()
        rising[number] = np.interp(np.linspace(0, 1, QUANTILES), levels, distance[order])
    found = {
        "axes_of_sound": projection, "known": known, "known_domain": domain, "distances": rising,
    }  # fmt: skip
    return {name: np.asarray(array, np.float32) for name, array in found.items()}
