"""The emotion model at run time: one ONNX graph, from pooled vectors to the numbers of every head.

Music is rated differently where it is a song, a film score or a solo piano, and where only a few
seconds are heard. The graph finds out from the sound how much a piece is of each *kind*, and
computes every reading from a part that holds for all music and a part for each kind::

    z(x)     = b + x . general + sum_k  share_k(x) * (c_k + x . own_k)
    value(x) = sum_k share_k(x) * (o_k + M_k z(x))

``x`` is the standardised vector and its likeness to some pieces of the training music; ``M_k`` and
``o_k`` bring valence and arousal to the scale on which that kind is rated (`hevner.lab.default`,
where everything is fitted; domain adaptation by augmented features: Daume, 2007).

Inputs of the graph: ``vector``, float32 ``(n, DIMENSION)``, and ``seconds``, float32 ``(n,)``, how
long the piece sounds: short cuts are of a kind of their own. Outputs, by name: every head of the
card's ``heads``; ``NAME.half`` and ``NAME.moment``, half-widths of the intervals of whole pieces
and of windows, for heads that have them; ``familiarity``; and ``course``, scores whose differences
between windows of a piece are its course. A model may lack ``course`` and every head but
``emotion``.

Conventions
-----------
As in `hevner.model.prediction`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hevner.arrays import Doubles, Floats
from hevner.blocks import DIMENSION, vector_id
from hevner.errors import ModelError
from hevner.files import write_file
from hevner.heads import HEADS
from hevner.model import stored
from hevner.model.prediction import Prediction
from hevner.text_file import read_json

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

TAG_FACTS = ("base_rates", "thresholds")
"""What the card of a model with tags has of each, under ``tags``."""

UNKNOWN_LENGTH = 1e6
"""Seconds of a piece of which the length is not known: a long one."""


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes
    ----------
    card
        Facts for people: name, data, licences, scores; plain JSON values.
    graph
        The ONNX file as bytes.
    """

    card: dict[str, Any]
    graph: bytes

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card['name']}-{self.card['version']}"

    def predict(
        self,
        vectors: Floats,
        seconds: Floats | Doubles | float = UNKNOWN_LENGTH,
        *,
        windows: bool = False,
    ) -> Prediction:
        """Compute every head for pooled vectors.

        Parameters
        ----------
        vectors
            Shape ``(n, DIMENSION)``; see `hevner.features.pool`.
        seconds
            How long the piece sounds, one for all or shape ``(n,)``; for a window, the piece that
            it is taken from.
        windows
            Whether the vectors are those of moments of a piece rather than whole pieces; their
            intervals are wider.
        """
        count = len(vectors)
        inputs = {
            "vector": np.asarray(vectors, np.float32),
            "seconds": np.broadcast_to(np.asarray(seconds, np.float32), count),
        }
        names = [name for name in self.outputs if name != "course"]
        found = dict(zip(names, self._session.run(names, inputs), strict=True))
        nothing = np.zeros((count, 0), np.float32)
        end = "moment" if windows else "half"
        return Prediction(
            {head.name: found.get(head.name, nothing) for head in HEADS},
            {h.name: found.get(f"{h.name}.{end}", nothing) for h in HEADS if h.has_intervals},
            found["familiarity"],
        )

    def course(self, vectors: Floats) -> Floats | None:
        """Scores of valence and arousal within a piece, shape ``(n, 2)``.

        Only their differences between windows of one piece mean something (`hevner.model.moments`).
        None for a model without this part.
        """
        if "course" not in self.outputs:
            return None
        seconds = np.zeros(len(vectors), np.float32)
        inputs = {"vector": np.asarray(vectors, np.float32), "seconds": seconds}
        return np.asarray(self._session.run(["course"], inputs)[0], np.float32)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self._session.get_inputs()[0].shape[1])

    @property
    def outputs(self) -> dict[str, int]:
        """Width of each output of the graph by name; 1 for single numbers."""
        found = self._session.get_outputs()
        return {one.name: one.shape[1] if len(one.shape) > 1 else 1 for one in found}

    @cached_property
    def _session(self) -> InferenceSession:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            return onnxruntime.InferenceSession(
                self.graph, options, providers=["CPUExecutionProvider"]
            )
        except (
            *(state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail),
            *(state.NotImplemented, state.RuntimeException),
        ) as error:
            # `load` knows the name of the file.
            raise ValueError("its graph is damaged") from error

    def save(self, path: Path) -> None:
        """Write the graph as ``.onnx`` and the card, with its digest, as ``.json`` beside it."""
        write_file(path, self.graph)
        stored.write_card(path, self.card | {"sha256": sha256(self.graph).hexdigest()})


def load(path: Path) -> Model:
    """Read a model.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the model was trained on other features.
    """
    with stored.damage_is_refused(path):
        card = read_json(path.with_suffix(".json"))
        model = Model(card, path.read_bytes())
        if card["sha256"] != sha256(model.graph).hexdigest():
            raise ValueError("its graph is not the one that the card is of")
        features, width = card["features"], model.dimension
        problem = _problem(model)
    if features != vector_id() or width != DIMENSION:
        raise ModelError(
            f"the model was trained on features '{features}', these are '{vector_id()}'",
            subject=str(path),
            remedy="Train it again, or use the version of hevner it came with",
            code="other_features",
        )
    if problem:
        raise ModelError(
            f"its card and its graph are not those of one model: {problem}",
            subject=str(path),
            remedy="Train it again",
            code="card_mismatch",
        )
    return model


def _problem(model: Model) -> str:
    """The first output that is not as the card and `hevner.heads` say; empty if there is none."""
    found, wanted = model.outputs, {"familiarity": 1}
    for head in HEADS:
        names, facts = head.names(model.card), model.card.get(head.name, {})
        if any(not isinstance(one, str) or not one for one in names) or len({*names}) < len(names):
            return f"the names of its {head.label}"
        if head.name in found or facts or head.name == "emotion":
            ends = ("", ".half", ".moment") if head.has_intervals else ("",)
            wanted |= {f"{head.name}{end}": len(names) for end in ends}
            if head.kind == "tags" and {len(facts.get(one, ())) for one in TAG_FACTS} != {
                len(names)
            }:
                return f"the numbers of its {head.label}"
    if "course" in found:
        wanted["course"] = len(model.card["course_half_width"])
    wrong = [name for name, width in wanted.items() if found.get(name) != width]
    return f"the output '{wrong[0]}'" if wrong else ""
