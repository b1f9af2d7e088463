"""The emotion model at run time: pooled vectors in, the numbers of every head out.

Every head of `hevner.heads.HEADS` is computed from two things: linear heads on the standardised
vector ``x``, and a small network trained on all kinds of labels at once
(`hevner.lab.default.students`).

Music sounds different as a recording and as a solo piano, and ratings of the two come from
different people and scales. So the training music is divided into *domains*, and a linear head has
a part shared by all and a part for each domain, mixed by how much the piece belongs to each
(frustratingly easy domain adaptation; Daume, 2007)::

    score(x) = b + x . shared + sum_d  membership_d(x) * (c_d + x . part_d)

Valence and arousal are computed by three heads. The *domain head* is of that kind; it fits the
rated domains best. The *transfer head* is one strongly regularised linear score that holds across
datasets. The network has a head for each rated domain. Inside the rated domains, the value is the
mean of the domain head and the transfer head with the weights `DOMAIN_HEAD` and
``1 - DOMAIN_HEAD``, then the mean of that and the network with the weights ``1 - NETWORK`` and
`NETWORK`. Music unlike any rated domain gets the transfer head alone, on the scale of ratings in
general. Quadrants and GEMS shares are means of a linear head and the network; tags come from the
network alone.

Conventions
-----------
As in `hevner.model.prediction`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.arrays import Floats
from hevner.blocks import DIMENSION, vector_id
from hevner.errors import ModelError
from hevner.heads import HEADS, Head, Kind
from hevner.model import stored
from hevner.model.moments import Within
from hevner.model.prediction import Linear, Prediction, familiarity, mixed, sigmoid, softmax

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

CLIP = 4.0
"""Standardised features are limited to this many standard deviations, so that one odd descriptor
cannot carry a prediction away."""

UNFAMILIAR = 0.05
"""Familiarity with a domain below which a piece counts less and less as part of it."""

DOMAIN_HEAD = 0.7
"""Weight of the domain head against the transfer head, inside the rated domains."""

NETWORK = 0.3
"""Weight of the network against the linear heads: with .5 a little is won on sets that are trained
on, and as much is lost on a set of the same kind of sound that is not."""


def domain_output(domain: str) -> str:
    """Name of the network's output of valence and arousal for a domain."""
    return f"emotion_{domain}"


@dataclass(frozen=True)
class Inputs:
    """Inputs of the heads, for ``n`` vectors.

    Attributes
    ----------
    x
        Standardised vectors, shape ``(n, dim)``.
    membership
        Share of each vector that belongs to each domain, shape ``(n, domains)``; rows add up to 1.
    familiarity
        Familiarity with each domain, in [0, 1], shape ``(n, domains)``.
    inside
        Share of each vector that lies inside each rated domain, shape ``(n, domains)``.
    outside
        The remaining share, unlike any rated domain, shape ``(n, 1)``.
    network
        Outputs of the network by name; empty for a model without one.
    windows
        Whether the vectors are those of short windows rather than whole pieces.
    """

    x: Floats
    membership: Floats
    familiarity: Floats
    inside: Floats
    outside: Floats
    network: dict[str, Floats]
    windows: bool


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes
    ----------
    card
        Facts for people: name, data, licences, scores; plain JSON values.
    mean, spread
        Standardisation of the pooled vector, shape ``(dim,)``.
    membership
        Linear scores of the domains, shapes ``(dim, domains)`` and ``(domains,)``.
    heads
        Linear heads: ``emotion`` (2 outputs, the domain head), ``quadrants`` (4), ``gems`` (9).
    slope, offset
        From the domain head's scores to the unit scale, shape ``(domains, 2)``.
    transfer, transfer_bias
        Coefficients ``(dim, 2)`` and intercepts ``(2,)`` of the transfer head.
    transfer_slope, transfer_offset
        From its scores to the unit scale, shape ``(domains + 1, 2)``; the last row is for music
        unlike any rated domain.
    inside, moment, outside
        Half-widths per domain and axis: of whole pieces, of short windows, and of music unlike any
        rated domain.
    rated
        1 for domains with ratings of valence and arousal, else 0; shape ``(domains,)``.
    network
        ONNX file as bytes, uint8; empty for a model without a network.
    network_slope, network_offset
        From the network's scores to the unit scale, shape ``(domains, 2)``.
    tag_slope, tag_offset
        From the network's tags to log odds, shape ``(56,)``; empty without tags.
    sharpness
        Turns quadrant scores into log odds.
    axes_of_sound, known, known_domain, distances
        See `hevner.model.prediction.familiarity`.
    lines
        For heads of kind ``interval``: slope and offset from the network's output to the unit
        scale, and half-width of the interval, shape ``(3, outputs)`` each.
    within
        The part of valence and arousal within a piece; None for a model that predicts every window
        on its own.
    """

    card: dict[str, Any]
    mean: Floats
    spread: Floats
    membership: tuple[Floats, Floats]
    heads: dict[str, Linear]
    slope: Floats
    offset: Floats
    transfer: Floats
    transfer_bias: Floats
    transfer_slope: Floats
    transfer_offset: Floats
    inside: Floats
    moment: Floats
    outside: Floats
    rated: Floats
    network: NDArray[np.uint8]
    network_slope: Floats
    network_offset: Floats
    tag_slope: Floats
    tag_offset: Floats
    sharpness: float
    axes_of_sound: Floats
    known: Floats
    known_domain: Floats
    distances: Floats
    lines: dict[str, Floats] = field(default_factory=dict)
    within: Within | None = None

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card['name']}-{self.card['version']}"

    def standardise(self, vectors: Floats) -> Floats:
        """Pooled vectors in units of their spread in training, limited to `CLIP`."""
        return np.asarray(np.clip((vectors - self.mean) / self.spread, -CLIP, CLIP), np.float32)

    def members(self, x: Floats) -> Floats:
        """How much each standardised vector belongs to each domain; rows add up to 1."""
        weights, bias = self.membership
        return softmax(x @ weights + bias)

    def predict(self, vectors: Floats, *, windows: bool = False) -> Prediction:
        """Compute every head for pooled vectors.

        Parameters
        ----------
        vectors
            Shape ``(n, DIMENSION)``; see `hevner.features.pool`.
        windows
            Whether they are short windows of a piece rather than whole pieces; their intervals
            are wider.
        """
        inputs = self.inputs(vectors, windows=windows)
        outputs = {head.name: COMPUTE[head.kind](self, head, inputs) for head in HEADS}
        widths = {h.name: HALF_WIDTHS[h.kind](self, h, inputs) for h in HEADS if h.has_intervals}
        familiar = (inputs.membership * inputs.familiarity).sum(axis=1)
        return Prediction(outputs, widths, familiar)

    def inputs(self, vectors: Floats, *, windows: bool = False) -> Inputs:
        """Inputs of the heads; parameters as for `predict`."""
        x = self.standardise(vectors)
        membership = self.members(x)
        familiar = familiarity(x, self.axes_of_sound, self.known, self.known_domain, self.distances)
        inside = membership * self.rated * np.clip(familiar / UNFAMILIAR, 0, 1)
        outside = 1 - inside.sum(axis=1, keepdims=True)
        network = self.network_outputs(x)
        return Inputs(x, membership, familiar, inside, outside, network, windows)

    def network_outputs(self, x: Floats) -> dict[str, Floats]:
        """Outputs of the network for standardised vectors, by name; empty without a network."""
        session = self._session
        if session is None:
            return {}
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, {"vector": x}), strict=True))

    @cached_property
    def _session(self) -> InferenceSession | None:
        if not len(self.network):
            return None
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            return onnxruntime.InferenceSession(
                self.network.tobytes(), options, providers=["CPUExecutionProvider"]
            )
        except (state.InvalidProtobuf, state.InvalidGraph, state.Fail) as error:
            raise ModelError(
                "its network cannot be read",
                subject=self.name,
                remedy="Install hevner again",
                code="unreadable",
            ) from error

    def save(self, path: Path) -> None:
        """Write arrays as ``.npz`` and the card as ``.json`` beside it."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if name != "network"}
        arrays["membership_weights"], arrays["membership_bias"] = self.membership
        for name, head in self.heads.items():
            for part in Linear.__annotations__:
                arrays[f"{name}.{part}"] = getattr(head, part)
        arrays |= {f"{name}.line": line for name, line in self.lines.items()}
        if self.within is not None:
            arrays |= {f"within.{name}": part for name, part in vars(self.within).items()}
        small: dict[str, NDArray[Any]] = {n: np.asarray(a, np.float32) for n, a in arrays.items()}
        stored.write(path, small | {"network": self.network}, self.card)


# --- how each kind of head is computed ---


def _ratings(model: Model, head: Head, inputs: Inputs) -> Floats:
    """Valence and arousal: domain head, transfer head and network, on the scale of the domains."""
    inside = inputs.inside
    domain = model.heads[head.name](inputs.x, inputs.membership)
    transfer = np.asarray(inputs.x @ model.transfer + model.transfer_bias, np.float32)
    share = (1 - DOMAIN_HEAD) * inside
    lines = share @ model.transfer_offset[:-1]
    lines += transfer * (share @ model.transfer_slope[:-1])
    values = np.asarray(
        DOMAIN_HEAD * (inside @ model.offset + domain * (inside @ model.slope)), np.float32
    ) + np.asarray(lines, np.float32)
    if inputs.network:
        values = mixed(values, _network_ratings(model, inputs), NETWORK)
    line = model.transfer_offset[-1] + transfer * model.transfer_slope[-1]
    values = values + np.asarray(inputs.outside * line, np.float32)
    return np.clip(values, -1, 1).astype(np.float32)


def _network_ratings(model: Model, inputs: Inputs) -> Floats:
    """The network's part of valence and arousal inside the rated domains, shape ``(n, 2)``."""
    values = np.zeros((len(inputs.x), 2), np.float32)
    for number, domain in enumerate(model.card["domains"]):
        if model.rated[number]:
            score = inputs.network[domain_output(domain)]
            line = model.network_offset[number] + score * model.network_slope[number]
            values += inputs.inside[:, [number]] * line
    return values


def _rating_widths(model: Model, head: Head, inputs: Inputs) -> Floats:
    inside = model.moment if inputs.windows else model.inside
    outside = np.maximum(inputs.membership @ model.outside, inputs.membership @ inside)
    return np.asarray(inputs.inside @ inside + inputs.outside * outside, np.float32)


def _interval(model: Model, head: Head, inputs: Inputs) -> Floats:
    """The network's output through a line, limited to the unit scale."""
    if head.name not in inputs.network or head.name not in model.lines:
        return _nothing(inputs)
    slope, offset, _ = model.lines[head.name]
    values = np.clip(inputs.network[head.name] * slope + offset, head.low, 1)
    return np.asarray(values, np.float32)


def _interval_widths(model: Model, head: Head, inputs: Inputs) -> Floats:
    values = _interval(model, head, inputs)
    if not values.shape[1]:
        return values
    return np.asarray(np.tile(model.lines[head.name][2], (len(values), 1)), np.float32)


def _probabilities(model: Model, head: Head, inputs: Inputs) -> Floats:
    if head.name not in model.heads:
        return _nothing(inputs)
    scores = model.heads[head.name](inputs.x, inputs.membership)
    return mixed(softmax(model.sharpness * scores), inputs.network.get(head.name), NETWORK)


def _shares(model: Model, head: Head, inputs: Inputs) -> Floats:
    shares = np.clip(model.heads[head.name](inputs.x, inputs.membership), 0, 1)
    return mixed(shares, inputs.network.get(head.name), NETWORK)


def _tags(model: Model, head: Head, inputs: Inputs) -> Floats:
    if head.name not in inputs.network:
        return _nothing(inputs)
    return sigmoid(inputs.network[head.name] * model.tag_slope + model.tag_offset)


def _nothing(inputs: Inputs) -> Floats:
    """Outputs of a head that the model lacks."""
    return np.zeros((len(inputs.x), 0), np.float32)


Compute = Callable[[Model, Head, Inputs], Floats]

COMPUTE: dict[Kind, Compute] = {
    "ratings": _ratings,
    "interval": _interval,
    "probabilities": _probabilities,
    "shares": _shares,
    "tags": _tags,
}
"""How the outputs of a head are computed, by its kind, shape ``(n, outputs)``."""

HALF_WIDTHS: dict[Kind, Compute] = {"ratings": _rating_widths, "interval": _interval_widths}
"""Likewise the half-widths of its intervals."""


# --- on disk ---

_ARRAYS = (
    *("network", "network_slope", "network_offset", "tag_slope", "tag_offset"),
    *("mean", "spread", "slope", "offset"),
    *("transfer", "transfer_bias", "transfer_slope", "transfer_offset"),
    *("inside", "moment", "outside", "rated", "sharpness"),
    *("axes_of_sound", "known", "known_domain", "distances"),
)


def load(path: Path) -> Model:
    """Read a model.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the model was trained on other features.
    """
    with stored.damage_is_refused(path):
        arrays, card = stored.read(path)
        heads = {
            head.name: Linear(*(arrays[f"{head.name}.{part}"] for part in Linear.__annotations__))
            for head in HEADS
            if f"{head.name}.shared" in arrays
        }
        values = {name: arrays[name] for name in _ARRAYS}
        membership = (arrays["membership_weights"], arrays["membership_bias"])
        features = card["features"]
    if features != vector_id() or values["mean"].shape != (DIMENSION,):
        raise ModelError(
            f"the model was trained on features '{features}', these are '{vector_id()}'",
            subject=str(path),
            remedy="Train it again, or use the version of hevner it came with",
            code="other_features",
        )
    counts = {len(one) for one in card.get("tags", {}).values()} or {0}
    if counts != {len(values["tag_slope"])}:
        raise ModelError(
            "the card and the weights disagree on the tags",
            subject=str(path),
            remedy="Install hevner again",
            code="card_mismatch",
        )
    lines = {n.removesuffix(".line"): a for n, a in arrays.items() if n.endswith(".line")}
    sharpness = float(values.pop("sharpness"))
    parts = {n.removeprefix("within."): a for n, a in arrays.items() if n.startswith("within.")}
    return Model(
        card=card, membership=membership, heads=heads, sharpness=sharpness, lines=lines,
        within=Within(**parts) if parts else None, **values,
    )  # fmt: skip
