"""Fit the emotion model to a table. All that is learned is learned from that table alone.

1. Standardise; fit the classifier of domains (`hevner.lab.default.basis`).
2. Per linear head, choose how far each domain may depart from the shared part, by grouped
   cross-validation inside the table; keep the predictions for the left-out rows
   (`hevner.lab.default.linear_heads`).
3. Fit the transfer head (`hevner.lab.default.transfer`), keeping its predictions for left-out rows.
   Likewise the network (`hevner.lab.default.students`), if the recipe has one.
4. From those predictions: the way back to each domain's rating scale, and intervals (split
   conformal: the quantile of the absolute error). For music unlike any rated domain: the same with
   a whole dataset left out (`hevner.lab.default.linear_heads`).
5. Fit every head to all rows.
6. Fit the part within pieces (`hevner.lab.default.moments`).
7. Keep the arrays that familiarity is computed from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hevner import datasets
from hevner.arrays import Doubles, Floats, Mask
from hevner.blocks import vector_id
from hevner.lab.data.corpus import compute_all
from hevner.lab.default.basis import (
    INNER_FOLDS,
    Basis,
    familiarity_arrays,
    folds,
    make_basis,
    membership,
)
from hevner.lab.default.linear_heads import fit_axis, fit_gems, fit_quadrants, join, outside_widths
from hevner.lab.default.moments import fit as fit_within
from hevner.lab.default.recipe import DefaultRecipe
from hevner.lab.default.table import Table, build
from hevner.model.predict import Model
from hevner.model.prediction import Prediction, sigmoid

if TYPE_CHECKING:
    from hevner.lab.default.students import Students


def fit(table: Table, recipe: DefaultRecipe, card: dict[str, Any] | None = None) -> Model:
    """Train a model on training rows.

    ``card`` has facts to keep with the model; features and recipe are added.
    """
    basis = make_basis(table, recipe)
    students = _students(table, basis, recipe)
    unseen = students.unseen if students else {}
    emotion = [fit_axis(table, basis, recipe, axis, unseen) for axis in range(2)]
    quadrants, sharpness = fit_quadrants(table, basis, recipe)
    outside = outside_widths(table, recipe)
    sound: dict[str, Any] = dict(familiarity_arrays(basis, table))
    tag_slope, tag_offset, tag_card = _fit_tags(table, recipe, unseen.get("tags"))
    facts = {"features": vector_id(), "recipe": recipe.digest, "domains": list(recipe.domains)}
    heads = ["emotion", "quadrants", "gems", *(["tags"] if recipe.tags else [])]

    def both(name: str) -> Any:
        """An array of valence and arousal, side by side in the last dimension."""
        return np.stack([getattr(axis, name) for axis in emotion], axis=-1)

    lines = {name: both(f"{name}_lines") for name in ("domain", "transfer", "network")}
    inside = both("inside")
    return Model(
        card={"name": recipe.name, "version": recipe.version, **(card or {}), **facts, **tag_card,
              "heads": heads},
        mean=basis.mean,
        spread=basis.spread,
        membership=membership(basis),
        heads={"emotion": join(emotion[0].head, emotion[1].head), "quadrants": quadrants,
               "gems": fit_gems(table, basis, recipe)},
        slope=lines["domain"][:, 0],
        offset=lines["domain"][:, 1],
        transfer=np.stack([a.transfer.coefficients for a in emotion], axis=1).astype(np.float32),
        transfer_bias=np.array([axis.transfer.intercept for axis in emotion], np.float32),
        transfer_slope=lines["transfer"][:, 0],
        transfer_offset=lines["transfer"][:, 1],
        inside=inside,
        moment=np.maximum(both("moment"), inside),
        outside=inside if outside is None else np.tile(outside, (len(recipe.domains), 1)),
        rated=emotion[0].rated,
        network=np.frombuffer(students.content if students else b"", np.uint8),
        network_slope=lines["network"][:, 0],
        network_offset=lines["network"][:, 1],
        tag_slope=tag_slope,
        tag_offset=tag_offset,
        sharpness=sharpness,
        within=fit_within(table, basis.x, recipe.seed),
        **sound,
    )  # fmt: skip


def _students(table: Table, basis: Basis, recipe: DefaultRecipe) -> Students | None:
    """The network, if the recipe has one."""
    if recipe.students is None:
        return None
    # Only here: torch takes seconds to load, and models without a network do not need it.
    from hevner.lab.default.students import fit as fit_students

    return fit_students(table, recipe, basis.x, folds(table, INNER_FOLDS, recipe.seed))


def _fit_tags(
    table: Table, recipe: DefaultRecipe, unseen: Doubles | None
) -> tuple[Floats, Floats, dict[str, Any]]:
    """Slopes and offsets from the network's tags to log odds; base rates and thresholds.

    Log odds are a line of the tag in standard units (`TagRecipe.offset`). The threshold of a tag is
    passed by the share of the training clips that the recipe asks for, and never lies below its
    base rate.
    """
    if recipe.tags is None or unseen is None:
        none = np.zeros(0, np.float32)
        return none, none, {}
    plan = recipe.tags
    rates, offset = plan.rates, plan.offset
    slope = np.full(len(rates), plan.slope)
    odds = unseen[table.clean] * slope + offset
    levels = 1 - plan.flagged * rates
    limits = [sigmoid(np.quantile(one, level)) for one, level in zip(odds.T, levels, strict=True)]
    thresholds = np.maximum(limits, rates)
    card = {"base_rates": rates.tolist(), "thresholds": [round(float(t), 5) for t in thresholds]}
    return slope.astype(np.float32), offset.astype(np.float32), {"tags": card}


def leave_one_out(table: Table) -> Iterator[tuple[str, Mask]]:
    """Datasets with valence and arousal that can be left out, with the mask of their rows."""
    for dataset in sorted(set(table.dataset)):
        mine = table.dataset == dataset
        others = np.isfinite(table.emotion[~mine, 0]).any()
        if np.isfinite(table.emotion[mine, 0]).any() and others:
            yield dataset, mine


Predictions = dict[str, Prediction]
"""Predictions of rows as ``whole`` pieces and as ``window`` of pieces; perhaps more by name."""


def predictions(model: Model, vectors: Floats) -> Predictions:
    """Predictions of a model, both ways."""
    return {way: model.predict(vectors, windows=way == "window") for way in ("whole", "window")}


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
    table = build(recipe, folders, store, jobs)
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
