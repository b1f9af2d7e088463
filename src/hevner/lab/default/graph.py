"""Write a fitted model as one ONNX graph; see `hevner.model.predict` for its inputs and outputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from hevner.arrays import Doubles, Floats
from hevner.lab.default.basis import CLIP, NEIGHBOURS, Basis
from hevner.lab.default.kernel import Kernel
from hevner.lab.default.parts import Parts
from hevner.lab.default.scales import Scales

OPSET, IR = 18, 8
"""Versions that the oldest supported onnxruntime reads."""


@dataclass
class Builder:
    """Nodes and constants of a graph; values are known by name."""

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)

    def add(self, operator: str, *inputs: str | ArrayLike, **attributes: Any) -> str:
        """Add a node of one output; arrays among its inputs become constants."""
        name = f"{operator.lower()}_{len(self.nodes)}"
        given = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        self.nodes.append(helper.make_node(operator, given, [name], **attributes))
        return name

    def _constant(self, value: ArrayLike) -> str:
        array = np.asarray(value)
        name = f"constant_{len(self.constants)}"
        kept = array.dtype in (np.int64, np.float16)
        self.constants[name] = array if kept else array.astype(np.float32)
        return name

    def short(self, value: Floats | Doubles) -> str:
        """A constant that the file holds in 16 bits."""
        return self.add("Cast", value.astype(np.float16), to=TensorProto.FLOAT)

    def output(self, name: str, value: str, width: int | None = None) -> None:
        """Declare an output of shape ``(n, width)``, or ``(n,)``."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        shape: list[str | int | None] = ["n"] if width is None else ["n", width]
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def content(self, inputs: dict[str, list[str | int]]) -> bytes:
        """The file."""
        graph = helper.make_graph(
            self.nodes,
            "hevner",
            [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
            self.outputs,
            [numpy_helper.from_array(a, name) for name, a in self.constants.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


@dataclass(frozen=True)
class Lines:
    """What turns the scores of the other heads into their outputs.

    Attributes
    ----------
    sharpness
        Factor of the scores of quadrants before they become probabilities.
    tags
        Slope and offset of the log odds of tags, shape ``(2, 56)``; None without tags.
    """

    sharpness: float
    tags: Doubles | None


def build(
    basis: Basis,
    parts: Parts,
    columns: dict[str, slice],
    scales: Scales,
    lines: Lines,
    familiar: dict[str, Floats],
    course: Floats | None = None,
    *,
    sounds_like: bool = True,
) -> bytes:
    """The graph of a model as the bytes of an ONNX file, with the heads that have columns."""
    g = Builder()
    scaled = g.add("Div", g.add("Sub", "vector", basis.mean), basis.spread)
    x = g.add("Clip", scaled, np.float32(-CLIP), np.float32(CLIP))
    kinds, sounds = _kinds(g, x, basis)
    z = _scores(g, x, kinds, basis.kernel, parts)
    head = {n: g.add("Slice", z, [c.start], [c.stop], [1]) for n, c in columns.items()}
    _emotion(g, head["emotion"], kinds, scales)
    for name, line, low in (("tension", scales.line[:1], -1.0), ("emotions", scales.line[1:], 0.0)):
        if name in head:
            _lines(g, head[name], kinds, name, line, low)
    if "quadrants" in head:
        sharp = g.add("Mul", head["quadrants"], np.float32(lines.sharpness))
        g.output("quadrants", g.add("Softmax", sharp, axis=1), 4)
    if "gems" in head:
        gems = g.add("Clip", head["gems"], np.float32(0), np.float32(1))
        g.output("gems", gems, columns["gems"].stop - columns["gems"].start)
    if lines.tags is not None:
        odds = g.add("Add", g.add("Mul", head["tags"], lines.tags[0]), lines.tags[1])
        g.output("tags", g.add("Sigmoid", odds), lines.tags.shape[1])
    if sounds_like:
        g.output("sounds_like", sounds, basis.kinds[0].shape[1])
    _familiarity(g, x, familiar)
    if course is not None:
        g.output("course", g.add("MatMul", x, course), course.shape[1])
    return g.content({"vector": ["n", len(basis.mean)], "seconds": ["n"]})


def _kinds(g: Builder, x: str, basis: Basis) -> tuple[str, str]:
    """Shares of all kinds, and of those that the sound decides."""
    weights, bias = basis.kinds
    sounds = g.add("Softmax", g.add("Add", g.add("MatMul", x, weights), bias), axis=1)
    if not basis.short_s:
        return sounds, sounds
    is_short = g.add("LessOrEqual", "seconds", np.float32(basis.short_s))
    short = g.add("Unsqueeze", g.add("Cast", is_short, to=TensorProto.FLOAT), np.array([1]))
    rest = g.add("Mul", sounds, g.add("Sub", np.float32(1), short))
    return g.add("Concat", rest, short, axis=1), sounds


def _weighted(g: Builder, values: str, kinds: str, shape: tuple[int, int]) -> str:
    """The mean over kinds of values ``(n, kinds * width)``, by their shares: ``(n, width)``."""
    table = g.add("Reshape", values, np.array([-1, *shape]))
    shares = g.add("Unsqueeze", kinds, np.array([2]))
    return g.add("ReduceSum", g.add("Mul", table, shares), np.array([1]), keepdims=0)


def _scores(g: Builder, x: str, kinds: str, kernel: Kernel, parts: Parts) -> str:
    count, width, outputs = parts.own.shape
    own = parts.own.transpose(1, 0, 2).reshape(width, count * outputs)
    likeness = _likeness(g, x, kernel)

    def scores(coefficients: Doubles) -> str:
        direct, rest, one = np.split(coefficients, [kernel.pieces.shape[1], -1])
        found = g.add("Add", g.add("MatMul", x, g.short(direct)), one)
        return g.add("Add", found, g.add("MatMul", likeness, kernel.whitening @ rest))

    return g.add("Add", scores(parts.general), _weighted(g, scores(own), kinds, (count, outputs)))


def _likeness(g: Builder, x: str, kernel: Kernel) -> str:
    """Likeness to the pieces of a kernel; see `hevner.lab.default.kernel`."""
    squares = _square_distances(g, x, g.short(kernel.pieces.T), (kernel.pieces**2).sum(axis=1))
    factor = np.float32(-kernel.sharpness / kernel.pieces.shape[1])
    return g.add("Exp", g.add("Mul", g.add("Max", squares, np.float32(0)), factor))


def _square_distances(g: Builder, points: str, others: str, squares: Floats) -> str:
    """From each point to others, given as columns with their squared lengths."""
    own = g.add("ReduceSum", g.add("Mul", points, points), np.array([1]), keepdims=1)
    cross = g.add("Mul", g.add("MatMul", points, others), np.float32(-2))
    return g.add("Add", g.add("Add", own, squares), cross)


def _emotion(g: Builder, z: str, kinds: str, scales: Scales) -> None:
    """Valence and arousal on the scale of the kinds, and their half-widths."""
    count = len(scales.offset)
    matrix = scales.matrix.transpose(2, 0, 1).reshape(2, count * 2)
    values = g.add("Add", g.add("MatMul", z, matrix), scales.offset.reshape(-1))
    mixed = _weighted(g, values, kinds, (count, 2))
    g.output("emotion", g.add("Clip", mixed, np.float32(-1), np.float32(1)), 2)
    g.output("emotion.half", g.add("MatMul", kinds, scales.half), 2)
    g.output("emotion.moment", g.add("MatMul", kinds, scales.moment), 2)


def _lines(g: Builder, z: str, kinds: str, name: str, line: Doubles, low: float) -> None:
    """A head whose outputs are lines of their scores; left out if they were never rated."""
    if not np.isfinite(line).all():
        return
    slope, offset, half = line.T
    values = g.add("Add", g.add("Mul", z, slope), offset)
    g.output(name, g.add("Clip", values, np.float32(low), np.float32(1)), len(line))
    # The shares of the kinds add up to 1.
    total = g.add("ReduceSum", kinds, np.array([1]), keepdims=1)
    for end in ("half", "moment"):
        g.output(f"{name}.{end}", g.add("MatMul", total, half[None, :]), len(line))


def _familiarity(g: Builder, x: str, familiar: dict[str, Floats]) -> None:
    """Share of the training pieces that lie further from the others than these."""
    points = g.add("MatMul", x, familiar["axes"])
    known = familiar["known"]
    others = g.add("Identity", known.T)
    squares = _square_distances(g, points, others, (known**2).sum(axis=1))
    name = f"nearest_{len(g.nodes)}"
    count = g._constant(np.array([min(NEIGHBOURS, len(known))]))
    g.nodes.append(helper.make_node("TopK", [squares, count], [name, f"{name}_rows"], largest=0))
    distance = g.add(
        "ReduceMean",
        g.add("Sqrt", g.add("Max", name, np.float32(0))),
        np.array([1]),
        keepdims=1,
    )
    beyond = g.add("Cast", g.add("Greater", familiar["distances"], distance), to=TensorProto.FLOAT)
    g.output("familiarity", g.add("ReduceMean", beyond, np.array([1]), keepdims=0))
