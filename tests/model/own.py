"""Models of one's own: the shipped one with fewer heads, and with classes and tags of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hevner.defaults import DEFAULT_MODEL
from hevner.heads import HEADS
from hevner.model import predict
from hevner.model.predict import Model


def own(
    *heads: str, classes: tuple[str, ...] = (), own_tags: tuple[str, ...] = (), **card: object
) -> Model:
    """The shipped model, reduced to ``emotion`` and these heads; all without any named.

    Classes and tags of its own get probabilities that follow from the first numbers of the vector.
    """
    shipped = predict.load(DEFAULT_MODEL)
    kept = {"emotion", *(heads or shipped.card["heads"])}
    proto = onnx.load_from_string(shipped.graph)
    outputs = [
        one
        for one in proto.graph.output
        if one.name.partition(".")[0] in {*kept, "familiarity", "course"}
    ]
    del proto.graph.output[:]
    proto.graph.output.extend(outputs)
    for head, names, operator in (
        ("classes", classes, "Softmax"),
        ("own_tags", own_tags, "Sigmoid"),
    ):
        if names:
            ends = (np.array([0]), np.array([len(names)]), np.array([1]))
            places = [f"{head}-{end}" for end in ("start", "stop", "axis")]
            proto.graph.initializer.extend(map(numpy_helper.from_array, ends, places))
            cut = helper.make_node("Slice", ["vector", *places], [f"{head}-numbers"])
            proto.graph.node.extend([cut, helper.make_node(operator, cut.output, [head])])
            shape: list[str | int | None] = ["n", len(names)]
            found = helper.make_tensor_value_info(head, TensorProto.FLOAT, shape)
            proto.graph.output.append(found)
            kept.add(head)
    facts = {n: v for n, v in shipped.card.items() if n in kept or n not in ("tags", "sha256")}
    facts |= {"name": "own", "version": "1", "heads": [h.name for h in HEADS if h.name in kept]}
    facts |= {
        name: list(some) for name, some in (("classes", classes), ("own_tags", own_tags)) if some
    }
    return Model(facts | card, proto.SerializeToString())


def saved(folder: Path, *heads: str, **more: object) -> Path:
    """The file of such a model, ``own.onnx``."""
    path = folder / "own.onnx"
    own(*heads, **more).save(path)  # type: ignore[arg-type]
    return path
