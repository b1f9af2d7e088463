"""Unified networks as ONNX, for use without torch. Writing needs torch and onnxscript.

Conventions
-----------
The file takes those tensors of `Inputs` that the network reads, under
their names, for any number of pieces and any length of the chord sequences, and gives raw outputs
under the names of the heads.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import torch
from torch import Tensor, nn

from hevner import extras
from hevner.errors import ModelError
from hevner.files import replace_file
from hevner.lab.unified.chord_sequence import NO_ROOT
from hevner.lab.unified.networks import Inputs, Network

OPSET = 18


class _Tuples(nn.Module):
    """A network that takes and returns tuples, as ONNX does."""

    def __init__(self, network: Network, names: Sequence[str]) -> None:
        super().__init__()
        self.network = network
        self.names = tuple(names)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Outputs of the named heads."""
        outputs = self.network(Inputs(*tensors))
        return tuple(outputs[name] for name in self.names)


def export(network: Network, path: Path, names: Sequence[str]) -> None:
    """Write a network, as it is in use rather than in training, to an ONNX file.

    The file gives the outputs of the named heads, in their order; it replaces another. A name that
    is none of the network's raises `ModelError`, and `MissingDependencyError` is raised without
    onnxscript.
    """
    unknown = set(names) - {head.name for head in network.heads}
    if unknown or not names:
        raise ModelError(
            f"the network has no head {sorted(unknown) or 'at all'}", code="unknown_head"
        )
    extras.require("lab", "writing ONNX", "onnxscript")
    with warnings.catch_warnings():
        # The exporter warns of its own insides, and that an axis met again keeps its name.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _Tuples(copy.deepcopy(network).cpu(), names).eval(),
            _example(network.dimension).tensors(),
            input_names=[field.name for field in fields(Inputs)],
            output_names=list(names),
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
