"""Write MusiCNN as an ONNX graph that computes the same numbers in an eighth of the time.

The network (Pons and Serra, 2019): log-mel patch -> batch norm -> five convolutions, each with
ReLU, batch norm and the maximum over frequency -> three convolutions along time with residuals
-> maximum and mean over time -> batch norm -> dense (the embedding) -> ReLU -> batch norm ->
dense -> sigmoid (the tags). Three rewritings make it fast; none changes the result by more than
rounding does:

1. ReLU and batch norm are monotonic in each channel, so the maximum over frequency goes directly
   behind the convolution and they run on one value per frame instead of up to 96. Where batch
   norm has a negative slope, the largest output comes from the smallest response: those filters
   change sign before the maximum and the responses change it back after.
2. Most filters of the five convolutions have decayed in training until no input can move their
   response off the bias. Their output is a constant, and constants are folded into what follows:
   into the bias of the first convolution along time (which has zero padding, so the sum differs
   at the first and last frames) and into the bias of the dense layer.
3. Batch norms become one product and one sum; behind the pooling they vanish into the dense
   layers.

All folding is done in float64 with exactly rounded sums, so the file is the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Float = npt.NDArray[np.float64]
Integer = npt.NDArray[np.intp]
Variables = Mapping[str, npt.NDArray[np.float32]]

FRAMES, BANDS = 187, 96
BATCH_NORM_EPSILON = 1e-3
FRONT_CONVOLUTIONS = range(5)
MIDDLE_CONVOLUTIONS = range(5, 8)
OPSET, IR_VERSION = 17, 8
PRODUCER = "hevner"

# Largest magnitude, with a wide margin, of a normalised log-mel value: full scale gives about 2.
INPUT_BOUND = 10.0
# A change below half a unit in the last place leaves a float32 number as it is.
HALF_ULP = 2.0**-25
# Runtimes compute channels in blocks; filling the last block costs nothing.
CHANNEL_BLOCK = 16
# Weights below this have no effect, but products with them could become slow denormal numbers.
NEGLIGIBLE_WEIGHT = 1e-20


class Affine(NamedTuple):
    """A batch norm at inference: ``slope * x + offset`` for each channel."""

    slope: Float
    offset: Float


class FrontBlock(NamedTuple):
    """One of the five convolutions of the front end.

    ``kept`` are the channels to compute; ``constants`` holds the output of every channel for a
    response that equals the bias, which is the output of the channels not kept.
    """

    weights: Float  # (time, frequency, filter)
    bias: Float
    norm: Affine
    kept: Integer
    constants: Float


def build_model(tensors: Variables) -> bytes:
    """Return the serialised ONNX model for the 64 variables of a MusiCNN checkpoint.

    Input ``log_mel`` (n, 187, 96); outputs ``embedding`` (n, 200), the value of the first dense
    layer before its ReLU, and ``tags`` (n, 50), probabilities.

    Raises
    ------
    KeyError
        If a variable is missing.
    """
    graph = _Graph()
    blocks = [_front_block(tensors, number) for number in FRONT_CONVOLUTIONS]
    normalised = graph.affine("log_mel", _batch_norm(tensors, 0), "input")
    patch = graph.node("Unsqueeze", [normalised, graph.constant("channel_axis", np.array([1]))])
    front = _add_front_end(graph, patch, blocks)
    maps = [front, *_add_middle(graph, front, blocks, tensors)]
    _add_back_end(graph, maps, blocks, tensors)
    return graph.serialise()


def _add_front_end(graph: _Graph, patch: str, blocks: Sequence[FrontBlock]) -> str:
    """Convolve, take the maximum over frequency, then ReLU and batch norm: (n, kept, 187, 1)."""
    pooled = []
    for number, block in enumerate(blocks):
        signs = np.where(block.norm.slope[block.kept] < 0, -1.0, 1.0)
        weights = block.weights[:, :, block.kept] * signs
        duration, height = weights.shape[:2]
        response = graph.convolution(
            patch,
            weights.transpose(2, 0, 1)[:, np.newaxis],
            block.bias[block.kept] * signs,
            name=f"front_{number}",
            pads=[(duration - 1) // 2, 0, duration // 2, 0],
        )
        positions = BANDS - height + 1
        window = [1, positions]
        pooled.append(graph.node("MaxPool", [response], kernel_shape=window, strides=window))
    slopes = np.concatenate([block.norm.slope[block.kept] for block in blocks])
    offsets = np.concatenate([block.norm.offset[block.kept] for block in blocks])
    largest = graph.node("Concat", pooled, axis=1)
    signs = _per_channel(np.where(slopes < 0, -1.0, 1.0))
    unsigned = graph.node("Mul", [largest, graph.constant("front_signs", signs)])
    rectified = graph.node("Relu", [unsigned])
    return graph.affine(rectified, Affine(_per_channel(slopes), _per_channel(offsets)), "front")


def _add_middle(
    graph: _Graph, front: str, blocks: Sequence[FrontBlock], tensors: Variables
) -> list[str]:
    """Add the three convolutions along time; return their outputs, each (n, 64, 187, 1)."""
    maps: list[str] = []
    for number in MIDDLE_CONVOLUTIONS:
        name = f"middle_{number}"
        kernel = _kernel(tensors, number)[:, :, 0]  # (taps, channels in, channels out)
        bias = _variable(tensors, f"{_conv(number)}/bias")
        if maps:
            response = graph.convolution_along_time(maps[-1], kernel, name)
            shift = bias[:, np.newaxis]
        else:
            kept = _kept_channels(blocks)
            response = graph.convolution_along_time(front, kernel[:, kept], name)
            shift = bias[:, np.newaxis] + _constant_response(kernel, _constants(blocks), kept)
        shifted = graph.constant(f"{name}_shift", shift[np.newaxis, ..., np.newaxis])
        rectified = graph.node("Relu", [graph.node("Add", [response, shifted])])
        norm = _batch_norm(tensors, number + 1)
        scaled = Affine(_per_channel(norm.slope), _per_channel(norm.offset))
        output = graph.affine(rectified, scaled, name)
        maps.append(graph.node("Add", [output, maps[-1]]) if maps else output)
    return maps


def _add_back_end(
    graph: _Graph,
    maps: Sequence[str],
    blocks: Sequence[FrontBlock],
    tensors: Variables,
) -> None:
    """Pool over time and add the two dense layers, with the batch norms inside them."""
    features = graph.node("Concat", list(maps), axis=1)
    largest = graph.node("ReduceMax", [features], axes=[2, 3], keepdims=0)
    mean = graph.node("ReduceMean", [features], axes=[2, 3], keepdims=0)
    pooled = graph.node("Concat", [largest, mean], axis=1)

    # The original interleaves the two poolings: maximum 0, mean 0, maximum 1, mean 1, ...
    kernel, bias = _fold_norm(tensors, 9, "dense")
    constants = _constants(blocks)
    kept = _kept_channels(blocks)
    dropped = np.setdiff1d(np.arange(len(constants)), kept)
    constant_inputs = np.repeat(constants[dropped], 2)
    constant_rows = kernel.reshape(-1, 2, kernel.shape[1])[dropped].reshape(-1, kernel.shape[1])
    bias = _exact_product(constant_inputs, constant_rows, bias)
    channels = np.concatenate([kept, np.arange(len(constants), len(kernel) // 2)])
    rows = np.concatenate([2 * channels, 2 * channels + 1])
    embedding = graph.dense(pooled, kernel[rows], bias, name="embedding")

    rectified = graph.node("Relu", [embedding])
    logits = graph.dense(rectified, *_fold_norm(tensors, 10, "dense_1"), name="logits")
    graph.node("Sigmoid", [logits], output="tags")


def _front_block(tensors: Variables, number: int) -> FrontBlock:
    """Read one convolution of the front end and decide which of its filters matter."""
    weights = _kernel(tensors, number)[:, :, 0]
    bias = _variable(tensors, f"{_conv(number)}/bias")
    norm = _batch_norm(tensors, number + 1)
    largest = INPUT_BOUND * np.abs(weights).sum(axis=(0, 1))
    effect = largest / np.maximum(np.abs(bias), np.finfo(np.float64).tiny)
    needed = int(np.count_nonzero(effect > HALF_ULP))
    rounded = min(len(bias), math.ceil(needed / CHANNEL_BLOCK) * CHANNEL_BLOCK)
    kept = np.sort(np.argsort(-effect, kind="stable")[:rounded])
    constants = norm.slope * np.maximum(bias, 0.0) + norm.offset
    return FrontBlock(weights, bias, norm, kept, constants)


def _kept_channels(blocks: Sequence[FrontBlock]) -> Integer:
    """Return the kept channels of all blocks, numbered through their concatenation."""
    kept, start = [], 0
    for block in blocks:
        kept.append(start + block.kept)
        start += len(block.bias)
    return np.concatenate(kept)


def _constants(blocks: Sequence[FrontBlock]) -> Float:
    """Return the constant outputs of all channels of all blocks."""
    return np.concatenate([block.constants for block in blocks])


def _constant_response(kernel: Float, constants: Float, kept: Integer) -> Float:
    """Return what the constant channels add to a padded convolution: (filters, 187).

    Parameters
    ----------
    kernel
        (taps, channels in, filters), all channels.
    constants
        The value of every channel; those in `kept` are not constant and left out.
    """
    taps, channels, filters = kernel.shape
    dropped = np.setdiff1d(np.arange(channels), kept)
    nothing = np.zeros(filters)
    per_tap = np.stack(
        [_exact_product(constants[dropped], kernel[tap, dropped], nothing) for tap in range(taps)]
    )
    before = (taps - 1) // 2
    result = np.empty((filters, FRAMES))
    for frame in range(FRAMES):
        inside = per_tap[max(0, before - frame) : FRAMES + before - frame]
        result[:, frame] = [math.fsum(column) for column in inside.T]
    return result


def _fold_norm(tensors: Variables, norm_number: int, layer: str) -> tuple[Float, Float]:
    """Return kernel and bias of a dense layer that takes in the batch norm before it."""
    norm = _batch_norm(tensors, norm_number)
    kernel = _variable(tensors, f"{layer}/kernel")
    bias = _exact_product(norm.offset, kernel, _variable(tensors, f"{layer}/bias"))
    return norm.slope[:, np.newaxis] * kernel, bias


def _exact_product(vector: Float, matrix: Float, start: Float) -> Float:
    """Return ``vector @ matrix + start`` with sums that do not depend on their order."""
    terms = np.vstack([vector[:, np.newaxis] * matrix, start])
    return np.array([math.fsum(column) for column in terms.T])


def _batch_norm(tensors: Variables, number: int) -> Affine:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gamma, beta, mean, variance = (
        _variable(tensors, f"{name}/{part}")
        for part in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    slope = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return Affine(slope, beta - slope * mean)


def _kernel(tensors: Variables, number: int) -> Float:
    """Return a convolution's weights as stored: (time, frequency or channel, 1, filter)."""
    kernel = _variable(tensors, f"{_conv(number)}/kernel")
    return np.where(np.abs(kernel) < NEGLIGIBLE_WEIGHT, 0.0, kernel)


def _conv(number: int) -> str:
    return f"conv2d_{number}" if number else "conv2d"


def _variable(tensors: Variables, name: str) -> Float:
    return tensors[name].astype(np.float64)


def _per_channel(values: Float) -> Float:
    """Shape one value per channel for (n, channel, frame, 1)."""
    return values[np.newaxis, :, np.newaxis, np.newaxis]


class _Graph:
    """Nodes and constants of the graph under construction; numbers its intermediate results."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, values: npt.NDArray[np.generic]) -> str:
        if values.dtype == np.float64:
            values = values.astype(np.float32)
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def node(
        self, operation: str, inputs: Sequence[str], output: str = "", **attributes: Any
    ) -> str:
        output = output or f"{operation.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def affine(self, source: str, norm: Affine, name: str) -> str:
        slope = self.constant(f"{name}_slope", norm.slope)
        offset = self.constant(f"{name}_offset", norm.offset)
        return self.node("Add", [self.node("Mul", [source, slope]), offset])

    def convolution(
        self, source: str, weights: Float, bias: Float, *, name: str, pads: list[int]
    ) -> str:
        inputs = [source, self.constant(f"{name}_weights", weights)]
        inputs.append(self.constant(f"{name}_bias", bias))
        return self.node("Conv", inputs, kernel_shape=list(weights.shape[2:]), pads=pads)

    def convolution_along_time(self, source: str, kernel: Float, name: str) -> str:
        """Add a convolution without bias; `kernel` is (7 taps, channels in, channels out)."""
        weights = self.constant(f"{name}_weights", kernel.transpose(2, 1, 0)[..., np.newaxis])
        return self.node("Conv", [source, weights], kernel_shape=[7, 1], pads=[3, 0, 3, 0])

    def dense(self, source: str, kernel: Float, bias: Float, *, name: str) -> str:
        inputs = [source, self.constant(f"{name}_kernel", kernel)]
        inputs.append(self.constant(f"{name}_bias", bias))
        return self.node("Gemm", inputs, output=name)

    def serialise(self) -> bytes:
        tensor = helper.make_tensor_value_info
        graph = helper.make_graph(
            self._nodes,
            "musicnn",
            [tensor("log_mel", TensorProto.FLOAT, ["n", FRAMES, BANDS])],
            [
                tensor("embedding", TensorProto.FLOAT, ["n", 200]),
                tensor("tags", TensorProto.FLOAT, ["n", 50]),
            ],
            list(self._constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name=PRODUCER)
        model.ir_version = IR_VERSION
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())
