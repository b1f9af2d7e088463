"""The emotion model at run time: a pooled vector in, emotion with intervals out.

What is told comes from two readings of the same vector: linear heads, and a small network that
learned from all kinds of labels at once (`hevner.lab.default.students`).

Linear heads read the standardised vector ``x``. Music is heard differently as a recording and as a
solo piano, and ratings of the two come from different people and scales; so a head has a part
shared by all and a part for each *domain* of training music, mixed by how much the piece belongs
to each (frustratingly easy domain adaptation; Daume, 2007)::

    score(x) = b + x . shared + sum_d  membership_d(x) * (c_d + x . part_d)

Valence and arousal are told twice. The *home* head is of that kind and knows the training domains
best; the *transfer* head is one stiff linear score that holds across datasets. A piece at home in
a rated domain is told by both, with weights `HOME` and ``1 - HOME``, and by the network's head of
that domain, with the weight `NETWORK` against the two; music from elsewhere, by the transfer head
alone, on the scale of ratings at large. Quadrants and GEMS shares are mixed likewise; tags are told
by the network alone.

Conventions
-----------
Valence and arousal are on the unit scale. Half-widths are those of intervals of coverage
`hevner.result.COVERAGE`. Arrays have one row per vector.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hevner.blocks import DIMENSION, vector_id
from hevner.emotion import GEMS, Quadrant
from hevner.errors import ModelError
from hevner.files import replace_file

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Array = NDArray[np.float32]

AXES = ("valence", "arousal")
CLIP = 4.0
"""Standardised features are limited to this many standard deviations, so that one odd descriptor
cannot carry a prediction away."""

NEIGHBOURS = 5
UNFAMILIAR = 0.05
"""Familiarity with a domain below which a piece is less and less at home in it."""

HOME = 0.7
"""Weight of the home head against the transfer head for a piece that is at home."""

NETWORK = 0.3
"""Weight of the network against the linear heads: with .5 a little is won on sets that are trained
on, and as much is lost on a set of the same kind of sound that is not."""

TAGS_HEAD = "tags"


def domain_head(domain: str) -> str:
    """Name of the network's valence and arousal for a domain."""
    return f"emotion_{domain}"


@dataclass(frozen=True)
class Prediction:
    """What the model says about ``n`` vectors.

    Attributes
    ----------
    values, halves
        Valence and arousal and the half-widths of their intervals, shape ``(n, 2)``.
    quadrants
        Probabilities, shape ``(n, 4)``.
    gems
        Expected shares of listeners, shape ``(n, 9)``.
    tags
        Probabilities of `hevner.emotion.MOOD_TAGS`, shape ``(n, 56)``; ``(n, 0)`` from a model
        without tags.
    familiarity
        In [0, 1], shape ``(n,)``.
    """

    values: Array
    halves: Array
    quadrants: Array
    gems: Array
    tags: Array
    familiarity: Array


@dataclass(frozen=True)
class Linear:
    """One head.

    Attributes
    ----------
    intercept, shared
        The part shared by all domains, shapes ``(k,)`` and ``(dim, k)``.
    constants, parts
        The domains' own parts, shapes ``(domains, k)`` and ``(domains, dim, k)``.
    """

    intercept: Array
    shared: Array
    constants: Array
    parts: Array

    def __call__(self, x: Array, membership: Array) -> Array:
        """Scores ``(n, k)`` of standardised vectors ``(n, dim)``."""
        score = self.intercept + x @ self.shared + membership @ self.constants
        for domain, part in enumerate(self.parts):
            score = score + membership[:, [domain]] * (x @ part)
        return np.asarray(score, np.float32)


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes
    ----------
    card
        What a person must know about it: name, data, licences, scores; plain JSON values.
    mean, spread
        Standardisation of the pooled vector, shape ``(dim,)``.
    membership
        Linear scores of the domains, shapes ``(dim, domains)`` and ``(domains,)``.
    heads
        ``emotion`` (2 outputs), ``quadrants`` (4), ``gems`` (9).
    slope, offset
        From the home head's scores to the unit scale, shape ``(domains, 2)``.
    transfer, transfer_bias
        Coefficients ``(dim, 2)`` and intercepts ``(2,)`` of the transfer head.
    transfer_slope, transfer_offset
        From its scores to the unit scale, shape ``(domains + 1, 2)``; the last row is for music
        from elsewhere.
    inside, moment, outside
        Half-widths per domain and axis: for whole pieces, for short windows, and for music from
        elsewhere.
    rated
        1 for domains with ratings of valence and arousal, else 0; shape ``(domains,)``.
    network
        ONNX file as bytes, uint8; empty for a model without a network.
    network_slope, network_offset
        From the network's scores to the unit scale, shape ``(domains, 2)``.
    tag_slope, tag_offset
        From its tags to log odds, shape ``(56,)``; empty without tags.
    sharpness
        Turns quadrant scores into log odds.
    axes_of_sound, known, known_domain, distances
        For familiarity: projection ``(dim, p)``, training pieces ``(m, p)``, the number of each
        one's domain ``(m,)``, and the rising distances of the pieces of a domain to its others,
        ``(domains, q)``.
    """

    card: dict[str, Any]
    mean: Array
    spread: Array
    membership: tuple[Array, Array]
    heads: dict[str, Linear]
    slope: Array
    offset: Array
    transfer: Array
    transfer_bias: Array
    transfer_slope: Array
    transfer_offset: Array
    inside: Array
    moment: Array
    outside: Array
    rated: Array
    network: NDArray[np.uint8]
    network_slope: Array
    network_offset: Array
    tag_slope: Array
    tag_offset: Array
    sharpness: float
    axes_of_sound: Array
    known: Array
    known_domain: Array
    distances: Array

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card['name']}-{self.card['version']}"

    def standardise(self, vectors: Array) -> Array:
        """Pooled vectors in units of their spread in training, limited to `CLIP`."""
        return np.asarray(np.clip((vectors - self.mean) / self.spread, -CLIP, CLIP), np.float32)

    def members(self, x: Array) -> Array:
        """How much each standardised vector belongs to each domain; rows add up to 1."""
        weights, bias = self.membership
        return softmax(x @ weights + bias)

    def predict(self, vectors: Array, *, windows: bool = False) -> Prediction:
        """Tell the emotion of pooled vectors.

        Parameters
        ----------
        vectors
            Shape ``(n, DIMENSION)``; see `hevner.features.pool`.
        windows
            Whether they are short windows of a piece rather than whole pieces; their intervals
            are wider.
        """
        x = self.standardise(vectors)
        membership = self.members(x)
        familiarity = self.familiarity(x)
        # How much of a piece is at home in each domain; what is left comes from elsewhere.
        home = membership * self.rated * np.clip(familiarity / UNFAMILIAR, 0, 1)
        elsewhere = 1 - home.sum(axis=1, keepdims=True)
        linear = self._home(x, membership, home) + self._transfer(x, home)
        quadrants = softmax(self.sharpness * self.heads["quadrants"](x, membership))
        gems = np.clip(self.heads["gems"](x, membership), 0, 1)
        tags = np.zeros((len(x), 0), np.float32)
        told = self._listen(x)
        if told:
            linear = mixed(linear, self._learned(told, home))
            quadrants = mixed(quadrants, told.get("quadrants"))
            gems = mixed(gems, told.get("gems"))
            if TAGS_HEAD in told:
                tags = sigmoid(told[TAGS_HEAD] * self.tag_slope + self.tag_offset)
        values = linear + self._elsewhere(x, elsewhere)
        inside = self.moment if windows else self.inside
        strange = np.maximum(membership @ self.outside, membership @ inside)
        return Prediction(
            values=np.clip(values, -1, 1).astype(np.float32),
            halves=(home @ inside + elsewhere * strange).astype(np.float32),
            quadrants=quadrants,
            gems=gems,
            tags=tags,
            familiarity=(membership * familiarity).sum(axis=1),
        )

    def _home(self, x: Array, membership: Array, home: Array) -> Array:
        """What the home head adds to the values, shape ``(n, 2)``."""
        score = self.heads["emotion"](x, membership)
        return np.asarray(HOME * (home @ self.offset + score * (home @ self.slope)), np.float32)

    def _transfer(self, x: Array, home: Array) -> Array:
        """What the transfer head adds to the values of music at home, shape ``(n, 2)``."""
        share = (1 - HOME) * home
        lines = share @ self.transfer_offset[:-1]
        lines += self._score(x) * (share @ self.transfer_slope[:-1])
        return np.asarray(lines, np.float32)

    def _elsewhere(self, x: Array, elsewhere: Array) -> Array:
        """What it adds to those of music from elsewhere, shape ``(n, 2)``."""
        line = self.transfer_offset[-1] + self._score(x) * self.transfer_slope[-1]
        return np.asarray(elsewhere * line, np.float32)

    def _score(self, x: Array) -> Array:
        return np.asarray(x @ self.transfer + self.transfer_bias, np.float32)

    def _learned(self, told: dict[str, Array], home: Array) -> Array:
        """What the network says of the values of music at home, shape ``(n, 2)``."""
        values = np.zeros((len(home), 2), np.float32)
        for number, domain in enumerate(self.card["domains"]):
            if self.rated[number]:
                score = told[domain_head(domain)]
                line = self.network_offset[number] + score * self.network_slope[number]
                values += home[:, [number]] * line
        return values

    def _listen(self, x: Array) -> dict[str, Array]:
        """What the network tells of standardised vectors, by head; nothing without a network."""
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
                "its network cannot be read", subject=self.name, remedy="Install hevner again"
            ) from error

    def familiarity(self, x: Array) -> Array:
        """Share of a domain's training pieces further from its others than these vectors are.

        Returns
        -------
        Array
            One column per domain, shape ``(n, domains)``.
        """
        points = x @ self.axes_of_sound
        result = np.zeros((len(x), len(self.distances)), np.float32)
        for domain, rising in enumerate(self.distances):
            mine = self.known_domain == domain
            if mine.any():
                distance = neighbour_distance(points, self.known[mine])
                result[:, domain] = 1 - np.searchsorted(rising, distance) / len(rising)
        return result

    def save(self, path: Path) -> None:
        """Write arrays as ``.npz`` and the card as ``.json`` beside it."""
        arrays = {name: getattr(self, name) for name in _ARRAYS if name != "network"}
        arrays["membership_weights"], arrays["membership_bias"] = self.membership
        for name, head in self.heads.items():
            for field in Linear.__annotations__:
                arrays[f"{name}.{field}"] = getattr(head, field)
        small: dict[str, Any] = {n: np.asarray(a, np.float32) for n, a in arrays.items()}
        small["network"] = self.network
        content = io.BytesIO()
        np.savez_compressed(content, **small)
        replace_file(path, content.getvalue())
        card = json.dumps(self.card, indent=2) + "\n"
        replace_file(path.with_suffix(".json"), card.encode("utf-8"))


_ARRAYS = (
    *("network", "network_slope", "network_offset", "tag_slope", "tag_offset"),
    *("mean", "spread", "slope", "offset"),
    *("transfer", "transfer_bias", "transfer_slope", "transfer_offset"),
    *("inside", "moment", "outside", "rated", "sharpness"),
    *("axes_of_sound", "known", "known_domain", "distances"),
)


_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What reading a damaged ``.npz`` or ``.json`` raises, depending on where the damage is."""


def load(path: Path) -> Model:
    """Read a model.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the model was trained on other features.
    """
    try:
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        # numpy would leave a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        heads = {
            name: Linear(*(arrays[f"{name}.{field}"] for field in Linear.__annotations__))
            for name in ("emotion", "quadrants", "gems")
        }
        values = {name: arrays[name] for name in _ARRAYS}
        membership = (arrays["membership_weights"], arrays["membership_bias"])
        features = card["features"]
    except _DAMAGE as error:
        raise ModelError(
            f"the model cannot be read ({error})",
            subject=str(path),
            remedy="Install hevner again",
        ) from error
    if features != vector_id() or values["mean"].shape != (DIMENSION,):
        raise ModelError(
            f"the model was trained on features '{features}', these are '{vector_id()}'",
            subject=str(path),
            remedy="Train it again, or use the version of hevner it came with",
        )
    counts = {len(one) for one in card.get("tags", {}).values()} or {0}
    if counts != {len(values["tag_slope"])}:
        raise ModelError(
            "the card and the weights disagree on the tags",
            subject=str(path),
            remedy="Install hevner again",
        )
    sharpness = float(values.pop("sharpness"))
    return Model(card=card, membership=membership, heads=heads, sharpness=sharpness, **values)


def mixed(linear: Array, learned: Array | None) -> Array:
    """What linear heads and the network say together; None where the network says nothing."""
    if learned is None:
        return linear
    return np.asarray((1 - NETWORK) * linear + NETWORK * learned, np.float32)


def sigmoid(odds: Array) -> Array:
    """Probabilities from log odds."""
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def softmax(scores: Array) -> Array:
    """Positive rows that add up to 1."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)


def neighbour_distance(points: Array, known: Array) -> Array:
    """Mean distance of each point to its `NEIGHBOURS` nearest known ones, shape ``(n,)``."""
    squares = (points**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * points @ known.T
    count = min(NEIGHBOURS, len(known))
    nearest = np.partition(squares, count - 1, axis=1)[:, :count]
    return np.asarray(np.sqrt(np.maximum(nearest, 0)).mean(axis=1), np.float32)


QUADRANTS = tuple(Quadrant)
"""Order of the quadrant head's outputs."""

MOODS = GEMS
"""Order of the GEMS head's outputs."""
