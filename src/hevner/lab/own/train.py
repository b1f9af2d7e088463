"""Train a model of one's own: from labelled files to a model with its card."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hevner import datasets
from hevner.arrays import Doubles, Floats, Names
from hevner.blocks import vector_id
from hevner.datasets.folds import linked_groups
from hevner.datasets.labels import LabelTable, label_table
from hevner.datasets.track import Track
from hevner.errors import DataError
from hevner.heads import HEADS
from hevner.lab.data.representations import fingerprints
from hevner.lab.default.scores import agreement
from hevner.lab.metrics.regression import ccc, pearson, r2
from hevner.lab.metrics.report import Pieces, Report, Row
from hevner.lab.metrics.tags import roc_auc
from hevner.lab.own.graph import build, start_from
from hevner.lab.own.heads import OwnHead, fit_heads
from hevner.lab.own.recipe import OwnRecipe
from hevner.lab.scoring import known
from hevner.lab.scoring.readings import inputs, prepare
from hevner.model import registry
from hevner.model.predict import Model, load
from hevner.store import FeatureStore

SET = "own"
"""The dataset of one's own labels."""

SHOWN = 10
"""Tracks without features that an error names."""

Progress = Callable[[str, int, int], None]


def train(
    recipe: OwnRecipe, folder: Path, store: Path, out: Path, jobs: int, progress: Progress
) -> Model:
    """Train a model, and write it to ``out`` with its card and the names of its training music.

    ``folder`` has the labels and the audio, ``store`` gets the features: a run that was stopped
    goes on where it was. ``progress`` is called with a step and the number of tracks done and of
    all. Raises `DataError` if the labels cannot be used, or tracks cannot be read or are silent;
    `ModelError` if the model that is started from cannot be used; `OutputError` if a file cannot
    be written.
    """
    place = registry.find(recipe.start).path.with_suffix(".onnx")
    start, tracks = load(place), list(datasets.load(SET, folder))
    problems = []
    for count, done in enumerate(prepare(tracks, store, "", jobs), 1):
        problems += [str(done.error)] if done.error else []
        progress("features", count, len(tracks))
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise DataError(
            "\n  ".join([f"{len(problems)} tracks cannot be used:", *problems[:SHOWN], *more]),
            remedy="Mend these files or take their rows out; the others need not be read again",
            code="tracks_unusable",
        )
    vectors, seconds = inputs(tracks, store, "")
    model = fit(start, recipe, label_table(tracks), vectors, seconds, groups_of(tracks), out.stem)
    words = fingerprints(FeatureStore(store), tracks)
    model.save(out)
    known.write(out, tracks, words, known.load(place))
    return model


def fit(
    start: Model,
    recipe: OwnRecipe,
    labels: LabelTable,
    vectors: Floats,
    seconds: Doubles,
    group: Names,
    name: str,
) -> Model:
    """Fit a model to labels of ``n`` tracks with these vectors, lengths and names of groups.

    Raises `DataError` if there are too few labels; `ModelError` if the model that is started from
    cannot be used.
    """
    heads = fit_heads(labels, start_from(start, vectors, seconds), group, recipe)
    model = Model({}, build(start, heads))
    card = {key: value for key, value in start.card.items() if key not in ("scores", "sha256")}
    own = {head.name: head.facts for head in heads}
    data: dict[str, object] = {"name": SET, "clips": len(vectors), "groups": len(np.unique(group))}
    data["licence"] = datasets.card(SET).licence
    card |= {
        "name": re.sub(r"[^\w.-]+", "-", name),
        "version": recipe.version,
        "features": vector_id(),
        "recipe": recipe.digest,
        "start": {
            "name": start.name,
            "sha256": start.card.get("sha256"),
            "heads": [one for one in start.card["heads"] if one not in own],
        },
        "own": own,
        "heads": [head.name for head in HEADS if head.name in model.outputs],
        **{head.name: list(head.names) for head in heads if head.kind != "values"},
        "scores": {
            "run": f"hevner train, recipe {recipe.digest}",
            "rows": scores(heads, group, start.name),
        },
    }
    card["data"] = [*start.card.get("data", []), data]
    return Model(card, model.graph)


def groups_of(tracks: Sequence[Track]) -> Names:
    """Names of the groups of tracks: what shares a recording, a song, an artist or a group."""
    names = np.empty(len(tracks), object)
    for linked in linked_groups(tracks):
        names[linked] = tracks[linked[0]].id
    return np.asarray(names.astype(str))


METRICS: dict[str, Callable[[Doubles, Doubles], float]] = {"r": pearson, "ccc": ccc, "r2": r2}
OWN = "own labels, by folds"


def scores(heads: Sequence[OwnHead], group: Names, start: str) -> list[Row]:
    """Scores of heads on their labels, with 95 % intervals over groups, as a card has them.

    Every track is predicted from labels of other groups; beside that, by the model that is started
    from.
    """
    report = Report()
    for head in heads:
        # Names of GEMS, classes and tags may be those of other readings.
        prefix = f"{head.name} " if head.name not in ("emotion", "tension", "emotions") else ""
        metrics = METRICS if head.kind == "values" else {"auc": roc_auc}
        for column, name in enumerate(head.names):
            mine = np.isfinite(head.truth[:, column])
            truth = head.truth[mine, column]
            pieces = Pieces(np.full(len(truth), SET), group[mine])
            if not mine.any() or truth.std() == 0:
                continue
            for protocol, guess in ((OWN, head.unseen), (start, head.before)):
                if guess is None:
                    continue
                for metric, of in metrics.items():
                    score = agreement(of, truth, [guess[mine]], column)
                    report.add(protocol, pieces, f"{prefix}{name} {metric}", score, 1)
    return [{key: row[key] for key in row if key != "seed_std"} for row in report.rows]


def summary(card: Mapping[str, Any]) -> list[str]:
    """How good a model is on its labels, in words: a line for each output."""
    rows = card["scores"]["rows"]
    before = {row["metric"]: row["value"] for row in rows if row["protocol"] != OWN}
    lines = []
    for row in rows:
        name, _, metric = row["metric"].rpartition(" ")
        if row["protocol"] == OWN and metric in ("r", "auc"):
            old = before.get(row["metric"])
            than = "" if old is None else f", {old:.2f} by {card['start']['name']}"
            ends = "" if row["low"] is None else f" ({row['low']:.2f} to {row['high']:.2f})"
            size = f"{row['n']} tracks in {row['groups']} groups, each from the labels of others"
            lines.append(f"{name}: {metric} {row['value']:.2f}{ends}{than}; {size}.")
    return lines
