"""Train the network of the default model: one student for each part of the groups left out.

Every student is a `hevner.lab.unified.networks.UnifiedRepaired` without its linear part, for linear
models are fitted beside it (`hevner.lab.default.fit`). It learns all kinds of labels at once:
valence and arousal in a head of each rated domain, quadrants, GEMS shares and tags. It stops
learning by the groups it has not seen. The network that is kept is the mean of the students; for
rows of the training table, the student is used that was not trained on their group, so that scales
and intervals come from errors on unseen music.

Tags are learned from two teachers: the log odds that a tagging network gives a clip, and what the
listeners' valence and arousal say of the word (`TagRecipe.listeners`). Both are in standard units,
so the base rates of tags are those that the recipe brings.
"""

from __future__ import annotations

import copy
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from msgspec import structs
from torch import Tensor, nn

from hevner import extras
from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.emotion import GEMS, MOOD_TAGS, Quadrant
from hevner.errors import ModelError
from hevner.files import replace_file
from hevner.lab.default.recipe import DefaultRecipe, StudentRecipe, TagRecipe
from hevner.lab.default.table import Table
from hevner.lab.default.transfer import targets
from hevner.lab.unified.chord_sequence import NO_ROOT
from hevner.lab.unified.loop import outputs_of, train
from hevner.lab.unified.networks import Head, Inputs, Network, UnifiedRepaired
from hevner.lab.unified.rows import Rows
from hevner.model.description import log_odds
from hevner.model.predict import domain_output

QUADRANTS = Head("quadrants", "classes", len(Quadrant))
SHARES = Head("gems", "shares", len(GEMS))
TAGS = Head("tags", "values", len(MOOD_TAGS))

DOUBT = 0.2
"""Share of a quadrant's label that goes to all quadrants alike (label smoothing): without it, the
network grows ever surer of the clips it knows, and worse on others."""


@dataclass(frozen=True)
class Students:
    """The mean of the students as ONNX, and outputs for every row of the table.

    The network takes standardised vectors and gives, by head, means of valence and arousal in
    standard units of the domain, probabilities, shares, and tags in standard units. ``unseen`` are
    the same outputs by a student that was not trained on the group of the row.
    """

    content: bytes
    unseen: dict[str, Doubles]


def fit(table: Table, recipe: DefaultRecipe, x: Floats, fold: Integers) -> Students:
    """Train a student for each fold of training rows, from standardised vectors ``(n, dim)``."""
    assert recipe.students is not None
    plan = recipe.students
    scale = _balance(recipe.widths)
    rows = _rows(table, recipe, x * scale)
    heads = [one for one in _heads(recipe) if one.name in rows.labels]
    used = torch.from_numpy(_used(table, plan))
    students: list[Network] = []
    unseen = {head.name: np.full((len(table), head.outputs), np.nan) for head in heads}
    for number in np.unique(fold):
        left = torch.from_numpy(fold == number)
        settings = structs.replace(plan.settings, seed=recipe.seed * 1000 + int(number))
        network = _network(x.shape[1], heads, plan, settings.seed)
        train(network, rows.rows(used & ~left), rows.rows(used & left), settings)
        students.append(network)
        single = _Mean([network], np.ones(x.shape[1]))
        for name, values in outputs_of(single, rows.inputs.rows(left)).items():
            unseen[name][left.numpy()] = values.numpy()
    return Students(_written(_Mean(students, scale)), unseen)


class _Mean(Network):
    """The mean of several students, in the units of the labels."""

    def __init__(self, students: Sequence[Network], scale: Doubles) -> None:
        super().__init__(students[0].dimension, students[0].heads)
        self.students = nn.ModuleList(students)
        self.scale = nn.Buffer(torch.as_tensor(scale, dtype=torch.float32))

    def forward(self, inputs: Inputs) -> dict[str, Tensor]:
        """Values by head, shape ``(n, outputs)``."""
        scaled = Inputs(inputs.vector * self.scale, *inputs.tensors()[1:])
        outputs = [student(scaled) for student in self.students]
        return {
            head.name: torch.stack([_value(head, one[head.name]) for one in outputs]).mean(dim=0)
            for head in self.heads
        }


def _value(head: Head, raw: Tensor) -> Tensor:
    """The raw outputs of a head in the units of its labels."""
    match head.kind:
        case "gaussian":
            return raw[:, : head.outputs]
        case "classes":
            return torch.softmax(raw, dim=1)
        case "tags" | "shares":
            return torch.sigmoid(raw)
        case "values":
            return raw


def _heads(recipe: DefaultRecipe) -> list[Head]:
    # Learned variances overfit the few hundred clips of a domain within three epochs, and spoil the
    # means with them; intervals come from errors on unseen clips instead.
    domains = [Head(domain_output(name), "values", 2) for name in recipe.domains]
    return [*domains, QUADRANTS, SHARES, TAGS]


def _network(dimension: int, heads: Sequence[Head], plan: StudentRecipe, seed: int) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UnifiedRepaired(
            dimension, heads, width=plan.width, hidden=plan.hidden, dropout=plan.dropout,
            chords=False, key=False, linear=False,
        )  # fmt: skip


def _balance(widths: Sequence[int]) -> Doubles:
    """Factors that give every block of features the same total variance."""
    average = sum(widths) / len(widths)
    return np.concatenate([np.full(width, np.sqrt(average / width)) for width in widths])


def _used(table: Table, plan: StudentRecipe) -> Mask:
    """Whole clips, and every so many of the windows."""
    place = np.cumsum(table.window) % plan.windows
    return np.asarray(~table.window | (place == 0))


def _rows(table: Table, recipe: DefaultRecipe, vectors: Doubles) -> Rows:
    """The table as the training loop takes it, with the labels that any row has."""
    labels = {domain_output(name): _ratings(table, recipe, name) for name in recipe.domains}
    quadrants = np.full((len(table), len(Quadrant)), np.nan)
    sorted_ = table.quadrant >= 0
    certain = np.eye(len(Quadrant))[table.quadrant[sorted_]]
    quadrants[sorted_] = (1 - DOUBT) * certain + DOUBT / len(Quadrant)
    labels |= {QUADRANTS.name: quadrants, SHARES.name: table.gems}
    if recipe.tags is not None:
        labels[TAGS.name] = tag_labels(table, recipe.tags)
    known = {name: label for name, label in labels.items() if np.isfinite(label).any()}
    count = len(table)
    none = torch.zeros((count, 1), dtype=torch.int64)
    inputs = Inputs(
        vector=torch.as_tensor(vectors, dtype=torch.float32),
        roots=none, qualities=none, durations=torch.zeros((count, 1)),
        present=torch.zeros((count, 1), dtype=torch.bool), minor=torch.full((count,), 0.5),
    )  # fmt: skip
    _, dataset = np.unique(table.dataset, return_inverse=True)
    return Rows(
        inputs=inputs,
        labels={n: torch.as_tensor(a, dtype=torch.float32) for n, a in known.items()},
        teachers={},
        dataset=torch.from_numpy(dataset.astype(np.int64)),
    )


def _ratings(table: Table, recipe: DefaultRecipe, domain: str) -> Doubles:
    """Ratings of the sets of a domain in standard units of the set, shape ``(n, 2)``."""
    result = np.full((len(table), 2), np.nan)
    for name, entry in recipe.sets.items():
        mine = table.dataset == name
        whole = mine & table.clean & np.isfinite(table.emotion).all(axis=1)
        if entry.domain == domain and whole.any():
            ratings = table.emotion[whole]
            result[mine] = (table.emotion[mine] - ratings.mean(axis=0)) / ratings.std(axis=0)
    return result


def tag_labels(table: Table, plan: TagRecipe) -> Doubles:
    """Tags in standard units, shape ``(n, 56)``; NaN where the tagging network was not run.

    The log odds of the tagging network and the listeners' ratings, both in standard units of the
    clean clips, are added and brought to standard units again.
    """
    odds = standard(log_odds(table.tags), table.clean)
    axes = np.stack([targets(table, axis) for axis in range(2)], axis=1)
    # Where there is no rating, the tagging network is the only teacher.
    agreement = np.nan_to_num(axes) @ plan.directions().T
    return standard(odds + plan.weight * agreement, table.clean)


def standard(values: Doubles, rows: Mask) -> Doubles:
    """Columns in units of their spread over some of the rows, around their mean."""
    known = values[rows]
    known = known[np.isfinite(known).all(axis=1)]
    if not len(known):
        return values
    return np.asarray((values - known.mean(axis=0)) / np.maximum(known.std(axis=0), 1e-6))


def _written(network: Network) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export(network, path)
        return path.read_bytes()


OPSET = 18


class _Tuples(nn.Module):
    """A network that takes and returns tuples, as ONNX does."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the heads."""
        outputs = self.network(Inputs(*tensors))
        return tuple(outputs[head.name] for head in self.network.heads)


def export(network: Network, path: Path) -> None:
    """Write a network, as it is in use rather than in training, to an ONNX file.

    Without onnxscript, `MissingDependencyError` is raised.
    """
    extras.require("lab", "writing ONNX", "onnxscript")
    with warnings.catch_warnings():
        # The exporter warns of its own insides, and that an axis met again keeps its name.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Tuples(copy.deepcopy(network)).eval(),
            _example(network.dimension).tensors(),
            input_names=[field.name for field in fields(Inputs)],
            output_names=[head.name for head in network.heads],
            opset_version=OPSET,
            dynamic_shapes=(_sizes(),),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ModelError("torch has not made an ONNX program of the network")
    # A network without chords or key asks for none.
    inputs = program.model.graph.inputs
    inputs[:] = [value for value in inputs if value.uses()]
    # Otherwise the file would contain paths of the source code.
    for node in program.model.graph:
        node.metadata_props.clear()
    replace_file(path, program.model_proto.SerializeToString())


def _example(dimension: int) -> Inputs:
    """Example inputs for tracing; sizes of 1 would be taken for fixed."""
    pieces, length = 2, 3
    return Inputs(
        vector=torch.zeros(pieces, dimension),
        roots=torch.full((pieces, length), NO_ROOT),
        qualities=torch.zeros(pieces, length, dtype=torch.int64),
        durations=torch.ones(pieces, length),
        present=torch.ones(pieces, length, dtype=torch.bool),
        minor=torch.zeros(pieces),
    )


def _sizes() -> tuple[dict[int, torch.export.Dim], ...]:
    """Which sizes of the tensors of `Inputs` may differ, by axis."""
    pieces, length = torch.export.Dim("pieces"), torch.export.Dim("length")
    single, sequence = {0: pieces}, {0: pieces, 1: length}
    return (single, *[sequence] * 4, single)
