"""The graph of a model of one's own: the one it starts from, and new heads on top of it.

The whole graph that is started from is inside the new one, with `PREFIX` before its names. Its
readings and its standardised vector become one row of *columns*, of which the new heads are linear
functions. Labels are regressed on the same columns, computed by the same nodes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import compose, helper, numpy_helper
from onnxruntime import InferenceSession

from hevner.arrays import Doubles, Floats
from hevner.errors import ModelError
from hevner.heads import HEADS
from hevner.lab.default.graph import OPSET, Builder
from hevner.lab.own.heads import OwnHead, Start
from hevner.model.predict import Model

PREFIX = "start."
LEAST_SHARE = 1e-3
"""Probabilities and shares are kept so far from 0 and 1 before they become log odds."""


def start_from(model: Model, vectors: Floats, seconds: Doubles) -> Start:
    """What a model says of pieces with these vectors ``(n, dim)`` and lengths ``(n,)``.

    Raises
    ------
    ModelError
        If its graph is not of the kind that `hevner.lab.default.graph` writes.
    """
    inner = _Inner(model)
    inner.builder.output("columns", inner.columns, inner.readings + model.dimension)
    session = InferenceSession(inner.content(), providers=["CPUExecutionProvider"])
    inputs = {"vector": vectors, "seconds": np.asarray(seconds, np.float32)}
    columns = session.run(["columns"], inputs)[0]
    outputs = model.predict(vectors, seconds).outputs
    return Start(outputs, np.asarray(columns, np.float64), inner.places, inner.readings)


def build(model: Model, heads: Sequence[OwnHead]) -> bytes:
    """The graph of a model with new heads, as the bytes of an ONNX file; it keeps all others.

    Raises
    ------
    ModelError
        If its graph is not of the kind that `hevner.lab.default.graph` writes.
    """
    inner = _Inner(model)
    new = {f"{head.name}{end}" for head in heads for end in ("", ".half", ".moment")}
    for name, width in inner.outputs.items():
        if name not in new:
            inner.builder.output(name, PREFIX + name, width)
    for head in heads:
        linear = inner.linear(head.weights, head.offset)
        if head.kind == "values":
            _values(inner, head, linear)
        else:
            add = inner.builder.add
            chances = add("Sigmoid", linear) if head.kind == "tags" else add("Softmax", linear)
            inner.builder.output(head.name, chances, len(head.names))
    return inner.content()


class _Inner:
    """A graph inside a new one.

    Attributes
    ----------
    builder
        The new graph, without outputs.
    outputs
        Width of each output of the graph inside, None for single numbers.
    columns, places, readings
        Name of the columns; see `hevner.lab.own.heads.Start` for the others.
    """

    def __init__(self, model: Model) -> None:
        proto = onnx.load_from_string(model.graph)
        if [(one.domain, one.version) for one in proto.opset_import] != [("", OPSET)]:
            raise ModelError(
                "its graph is not of the kind that hevner trains",
                subject=model.name,
                remedy="Start from a shipped model",
                code="other_graph",
            )
        self._dimension = model.dimension
        inputs = [one.name for one in proto.graph.input]
        shapes = {one.name: one.type.tensor_type.shape.dim for one in proto.graph.output}
        self.outputs = {n: s[1].dim_value if len(s) > 1 else None for n, s in shapes.items()}
        graph = compose.add_prefix(proto, PREFIX).graph
        entries = [helper.make_node("Identity", [name], [PREFIX + name]) for name in inputs]
        constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        self.builder = Builder([*entries, *graph.node], constants)
        parts, self.places, self.readings = [], {}, 0
        for head in HEADS:
            if width := self.outputs.get(head.name):
                part = PREFIX + head.name
                parts.append(part if head.has_intervals else self._log_odds(part))
                self.places[head.name] = self.readings
                self.readings += width
        # The first thing that is limited is the standardised vector.
        x = next(node.output[0] for node in graph.node if node.op_type == "Clip")
        self.columns = self.builder.add("Concat", *parts, x, axis=1)

    def _log_odds(self, name: str) -> str:
        add = self.builder.add
        share = add("Clip", name, np.float32(LEAST_SHARE), np.float32(1 - LEAST_SHARE))
        return add("Log", add("Div", share, add("Sub", np.float32(1), share)))

    def linear(self, weights: Doubles, offset: Doubles) -> str:
        """A linear function of the columns."""
        add = self.builder.add
        return add("Add", add("MatMul", self.columns, weights), offset)

    def content(self) -> bytes:
        """The file."""
        return self.builder.content({"vector": ["n", self._dimension], "seconds": ["n"]})


def _values(inner: _Inner, head: OwnHead, linear: str) -> None:
    """A head of numbers: the old ones and what is added, with intervals where labels gave them.

    A moment is less certain than its piece by the factor that the old model has for it.
    """
    add, width = inner.builder.add, len(head.names)
    known = head.name in inner.outputs
    values = add("Add", PREFIX + head.name, linear) if known else linear
    low = -1.0 if head.name in ("emotion", "tension") else 0.0
    inner.builder.output(head.name, add("Clip", values, np.float32(low), np.float32(1)), width)
    if head.name == "gems":
        return
    own = np.isfinite(head.half)
    whole = add("Add", add("Mul", linear, np.float32(0)), np.nan_to_num(head.half))
    moment = whole
    if known:
        old = f"{PREFIX}{head.name}.half"
        whole = add("Add", add("Mul", old, ~own), np.nan_to_num(head.half))
        moment = add("Mul", whole, add("Div", f"{PREFIX}{head.name}.moment", old))
    inner.builder.output(f"{head.name}.half", whole, width)
    inner.builder.output(f"{head.name}.moment", moment, width)
