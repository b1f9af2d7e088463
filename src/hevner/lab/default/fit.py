"""Fit the emotion model to a table. All that is learned is learned from that table alone.

1. Labels of all kinds become targets without a scale (`hevner.lab.default.targets`).
2. By grouped cross-validation inside the table: what kinds of music there are, pieces that others
   are compared with, a part for all music and a part for each kind (`hevner.lab.default.basis`,
   `hevner.lab.default.kernel`, `hevner.lab.default.parts`). The scores of the rows left out are
   kept.
3. From those scores: the way back to the scale of each kind's raters, and intervals (split
   conformal: the quantile of the absolute error; `hevner.lab.default.scales`).
4. The same regressions on all rows, the part within pieces (`hevner.lab.default.moments`), and what
   familiarity is computed from.
5. All of it as one graph (`hevner.lab.default.graph`).

There is no chance in it but the division into folds and the choice of those pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hevner import datasets
from hevner.arrays import Doubles, Mask
from hevner.blocks import vector_id
from hevner.heads import BY_NAME, HEADS
from hevner.lab.data.corpus import compute_all
from hevner.lab.default import moments
from hevner.lab.default.basis import Basis, familiar_music, folds
from hevner.lab.default.graph import Lines, build
from hevner.lab.default.parts import Parts, held_out
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.scales import Scales
from hevner.lab.default.table import Table
from hevner.lab.default.table import build as build_table
from hevner.lab.default.targets import Targets
from hevner.model.predict import Model
from hevner.model.prediction import Prediction, sigmoid, softmax

INNER_FOLDS = 5
"""Parts of the training groups that scales and intervals are fitted on, each left out in turn."""


def fit(table: Table, recipe: DefaultRecipe, card: dict[str, Any] | None = None) -> Model:
    """Train a model on training rows.

    ``card`` has facts to keep with the model; features and recipe are added.
    """
    targets = Targets.of(table, recipe)
    scores, shares = held_out(table, targets, recipe, folds(table, INNER_FOLDS, recipe.seed))
    scales = Scales.fit(table, targets, recipe, scores, shares)
    unseen = scores[:, targets.columns["tags"]] if recipe.tags else None
    tags, tag_card = _fit_tags(table, recipe, unseen)
    lines = Lines(_sharpness(table, targets, scores), tags)
    basis = Basis.fit(table, recipe)
    parts = Parts.fit(table, targets, basis, recipe)
    familiar = familiar_music(basis, table)
    within = moments.fit(table, basis.x(table.vectors), recipe.seed)
    facts = {
        "name": recipe.name,
        "version": recipe.version,
        **(card or {}),
        "features": vector_id(),
        "recipe": recipe.digest,
        "kinds": list(recipe.all_kinds),
        **tag_card,
    }
    if within is not None:
        facts["course_half_width"] = [round(float(one), 5) for one in within.half_width]
    course = None if within is None else within.weights
    known = np.asarray(np.isfinite(targets.values).any(axis=0))
    columns = {name: place for name, place in targets.columns.items() if known[place].all()}
    # Kinds of other names are of no head, but the readings depend on them all the same.
    graph = build(
        basis, parts, columns, scales, lines, familiar, course,
        sounds_like=recipe.sounds == BY_NAME["sounds_like"].outputs,
    )  # fmt: skip
    model = Model(facts, graph)
    given = {name.partition(".")[0] for name in model.outputs}
    facts["heads"] = [head.name for head in HEADS if head.name in given]
    return model


def _sharpness(table: Table, targets: Targets, scores: Doubles) -> float:
    """Factor of unseen scores of quadrants at which their probabilities fit best."""
    columns = targets.columns["quadrants"]
    known = (table.quadrant >= 0) & ~table.window
    if not known.any():
        return 1.0
    truth, found = targets.values[known, columns], scores[known, columns]
    candidates = np.geomspace(0.5, 16, 40)
    loss = [-np.log((softmax(s * found) * truth).sum(axis=1) + 1e-9).mean() for s in candidates]
    return float(candidates[int(np.argmin(loss))])


def _fit_tags(
    table: Table, recipe: DefaultRecipe, unseen: Doubles | None
) -> tuple[Doubles | None, dict[str, Any]]:
    """Slopes and offsets from scores of tags to log odds; base rates and thresholds.

    Log odds are a line of the tag in standard units (`TagRecipe.offset`). The threshold of a tag is
    passed by the share of the training clips that the recipe asks for, and never lies below its
    base rate.
    """
    if recipe.tags is None or unseen is None:
        return None, {}
    plan = recipe.tags
    rates, offset = plan.rates, plan.offset
    slope = np.full(len(rates), plan.slope)
    odds = unseen[table.clean] * slope + offset
    levels = 1 - plan.flagged * rates
    limits = [sigmoid(np.quantile(one, level)) for one, level in zip(odds.T, levels, strict=True)]
    thresholds = np.maximum(limits, rates)
    card = {"base_rates": rates.tolist(), "thresholds": [round(float(t), 5) for t in thresholds]}
    return np.stack([slope, offset]), {"tags": card}


def leave_one_out(table: Table) -> Iterator[tuple[str, Mask]]:
    """Datasets with valence and arousal that can be left out, with the mask of their rows."""
    for dataset in sorted(set(table.dataset)):
        mine = table.dataset == dataset
        others = np.isfinite(table.emotion[~mine, 0]).any()
        if np.isfinite(table.emotion[mine, 0]).any() and others:
            yield dataset, mine


Predictions = dict[str, Prediction]
"""Predictions of rows as ``whole`` pieces, as ``window`` of pieces and, by a model with a part
within pieces, as the ``moment`` of a piece that a window ends with."""


def predictions(model: Model, table: Table) -> Predictions:
    """Predictions of a model for the rows of a table, each way."""
    found = {
        way: model.predict(table.vectors, table.seconds, windows=way == "window")
        for way in ("whole", "window")
    }
    scores = model.course(table.vectors)
    if scores is not None:
        values = moments.in_pieces(table, found["whole"].values, scores)
        outputs = found["window"].outputs | {"emotion": values}
        found["moment"] = replace(found["window"], outputs=outputs)
    return found


def merged(count: int, parts: Sequence[tuple[Mask, Predictions]], blank: float = 0) -> Predictions:
    """Predictions for different rows as one; see `Prediction.merged`."""
    return {
        name: Prediction.merged(count, [(mask, part[name]) for mask, part in parts], blank)
        for name in parts[0][1]
    }


Progress = Callable[[str, int, int], None]
"""Called with the name of a step, the amount done and the whole amount."""


def train(
    recipe: DefaultRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> Model:
    """Encode what is missing, and fit the model.

    Takes the folder of each dataset by name, the folder of the features and of rendered MIDI, and
    the number of parallel processes; progress is called after every clip that was encoded. If a
    dataset cannot be read, or the teacher's predictions are not stored, `DataError` is raised.
    """
    prepare(recipe, folders, store, jobs, progress)
    table = build_table(recipe, folders, store, jobs)
    return fit(table, recipe, describe(table))


def prepare(
    recipe: DefaultRecipe, folders: Mapping[str, Path], store: Path, jobs: int, progress: Progress
) -> None:
    """Render and encode what a recipe needs and the store does not have; see `train`."""
    for name, entry in recipe.sets.items():
        clips = datasets.load(name, folders[name])
        for variant in entry.variants:
            work = [(clip, variant) for clip in clips]
            for count, done in enumerate(compute_all(work, store, jobs), 1):
                if done.error is not None:
                    raise done.error
                progress(f"{name} {variant.name}", count, len(work))


def describe(table: Table) -> dict[str, Any]:
    """Facts about the training data for the card of a model."""
    sets = sorted(set(table.dataset))
    return {
        "data": [
            {
                "name": name,
                "clips": len(set(table.clip[table.dataset == name])),
                "groups": len(set(table.group[table.dataset == name])),
                "licence": datasets.card(name).licence,
            }
            for name in sets
        ],
        "commercial_use": False,
        "licence": "Trained on data for research use: so is the model. The code is MIT.",
    }
