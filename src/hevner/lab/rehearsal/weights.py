"""Random weights in the layouts in which they are published.

    python -m hevner.lab.rehearsal.weights mert-v1-95m FOLDER

Sizes are those of `hevner.encoders`, which `hevner.lab.rehearsal.reduced` makes smaller. At its
full size Jukebox takes 10 GB; ``benchmarks/jukebox.py`` writes that without holding it in memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hevner.lab.teachers import tags, yamnet
from hevner.lab.teachers.tags import TagReader

TEACHERS = "teachers"
"""Name of the weights of YAMNet and of the teacher of tags."""


def write(name: str, folder: Path) -> None:
    """Write the files of an encoder, or of the teachers, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == TEACHERS:
        write_teachers(folder)
    elif name.startswith("mert"):
        from hevner.lab.rehearsal.mert_weights import mert

        mert(name, folder)
    elif name.startswith("clap"):
        from hevner.lab.rehearsal import clap_weights, reduced

        small = reduced.CLAP if name in reduced.put else {}
        clap_weights.write(folder, clap_weights.LARGER | small)
    else:
        _write_jukebox(name, folder)


def _write_jukebox(name: str, folder: Path) -> None:
    """Both files of the original release."""
    import torch

    from hevner.encoders.jukebox import architecture, layouts
    from hevner.lab.rehearsal.mert_weights import SEED, values

    own, generator = architecture.ARCHITECTURES[name], torch.Generator().manual_seed(SEED)
    published = layouts.original(own).name
    files: dict[str, dict[str, torch.Tensor]] = {file: {} for file in layouts.ORIGINAL_FILES}
    for ours, shape in architecture.shapes(own).items():
        file = layouts.CODEC_FILE if ours.startswith("codec") else layouts.PRIOR_FILE
        files[file][published(ours)] = values(ours, shape, generator)
    for file, tensors in files.items():
        content = {"model": tensors, "step": 1}
        torch.save(content, folder / file, _use_new_zipfile_serialization=False)


def write_teachers(folder: Path, rng: np.random.Generator | None = None) -> None:
    """YAMNet as one dense layer for each output, and two small networks of tags behind it."""
    import onnx

    rng = rng or np.random.default_rng(11)
    random_tags(rng).save(folder / tags.FILE)
    node, array = onnx.helper.make_node, onnx.numpy_helper.from_array
    value = onnx.helper.make_tensor_value_info
    nodes = [
        node("Abs", ["input_1"], ["loud"]),
        node("Reshape", ["loud", "size"], ["parts"]),
        node("ReduceMean", ["parts"], ["means"], axes=[2], keepdims=0),
    ]
    weights, outputs = [array(np.array([1, 26, 600]), "size")], []
    kinds = (("Sigmoid", [1, yamnet.CLASSES]), ("Relu", [1, 1024, 1, 1]))
    for output, (activation, shape) in zip(yamnet.OUTPUTS, kinds, strict=True):
        dense, active = f"dense {output}", f"active {output}"
        matrix = rng.normal(size=(26, shape[1])).astype(np.float32)
        weights += [array(matrix, f"w {output}"), array(np.array(shape), f"s {output}")]
        nodes += [
            node("MatMul", ["means", f"w {output}"], [dense]),
            node(activation, [dense], [active]),
            node("Reshape", [active, f"s {output}"], [output]),
        ]
        outputs.append(value(output, onnx.TensorProto.FLOAT, None))
    given = value("input_1", onnx.TensorProto.FLOAT, [1, yamnet.PATCH_SAMPLES])
    graph = onnx.helper.make_graph(nodes, "yamnet", [given], outputs, weights)
    opset = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.save(model, folder / yamnet.FILE)


def random_tags(rng: np.random.Generator) -> TagReader:
    """A teacher of tags: two networks of five hidden values, on four components."""
    shapes = {
        "mean": (1024,), "spread": (1024,), "axes": (1024, 4),
        "first": (2, 4, 5), "first_bias": (2, 1, 5), "second": (2, 5, 56),
        "second_bias": (2, 1, 56),
    }  # fmt: skip
    arrays = {name: rng.normal(size=shape) for name, shape in shapes.items()}
    arrays["spread"] = 1 + arrays["spread"] ** 2
    arrays["axes"] /= 32
    return TagReader(**{name: array.astype(np.float32) for name, array in arrays.items()})


if __name__ == "__main__":
    from hevner.lab.rehearsal.reduced import from_environment

    from_environment()
    write(sys.argv[1], Path(sys.argv[2]))
