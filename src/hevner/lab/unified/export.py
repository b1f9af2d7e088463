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
