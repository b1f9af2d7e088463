"""Train networks of the joint space and match with them.

Conventions
-----------
Each step takes a batch from all rows of the training part. Music is in standard units of the
training rows (`hevner.lab.joint.baselines.music_vectors`), emotions in those of their labels; the
network as published reads emotions, and music if asked to, as they are.

Members of a space are networks that each leave out a share of the training groups. The rows left
out decide when training stops (by the mean logarithm of the rank of the right item), the
correlations and regression lines of the canonical variates (those of the training rows would be far
too good), the spread of both distances, and the share of each. Distances of members are averaged. A
network without such rows takes all this from its training rows, as the paper does.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hevner.arrays import Doubles
from hevner.lab.data.blocks import grouped_folds
from hevner.lab.joint import losses, scoring
from hevner.lab.joint.baselines import Matcher, Units, averaged, log_rank, music_vectors
from hevner.lab.joint.cca import LinearCCA
from hevner.lab.joint.data import Emotions, Index, MatchingData
from hevner.lab.joint.networks import (
    Branch,
    Encoded,
    JointNetwork,
    Projections,
    PublishedSequence,
    PublishedVector,
    SequenceBranch,
    VectorBranch,
)
from hevner.lab.joint.recipe import WEIGHTS, MatcherRecipe, NetworkSettings, Scorer, Source
from hevner.lab.joint.scoring import Distances, Embedded, Orientation, Spreads

CHECK = 10
PATIENCE = 4
"""Steps between two checks on the groups left out, and checks without gain that end training."""


@dataclass(frozen=True, eq=False)
class BranchInput:
    """Input of a branch: vectors ``(n, k)``, or sequences ``(n, steps, k)`` and their mask."""

    values: Tensor
    present: Tensor | None = None

    def where(self, rows: Index) -> BranchInput:
        """Some of the rows, sequences cut to the longest of them."""
        index = torch.from_numpy(rows)
        if self.present is None:
            return BranchInput(self.values[index])
        present = self.present[index]
        length = int(present.sum(dim=1).max())
        return BranchInput(self.values[index, :length], present[:, :length])


class InputMaker:
    """Makes inputs of a network from music and emotions, in standard units of the training rows."""

    def __init__(
        self, data: MatchingData, source: Source, settings: NetworkSettings, train: Index
    ) -> None:
        self.settings, self._scale = settings, source.scale
        self.published = settings.variant == "as_published"
        self.music = self._music(data, train)
        emotions = data.emotions
        self._curves = emotions.moments is not None and (
            self.published or settings.hears == "sequence"
        )
        self._labels = Units.of(emotions.where(train))
        self._place = Units.fit(emotions.place[train])

    def _music(self, data: MatchingData, train: Index) -> BranchInput:
        if not data.windows:
            vectors = np.concatenate(data.vectors, axis=1)
            standard = self.settings.standard_units
            return BranchInput(_tensor(music_vectors(data, train) if standard else vectors))
        windows = [rows.astype(np.float64) for rows in data.windows]
        if self.settings.standard_units:
            units = Units.fit(np.concatenate([windows[row] for row in train]))
            windows = [units(rows) for rows in windows]
        return _padded(windows)

    def emotions(self, emotions: Emotions) -> BranchInput:
        """Input of the emotion branch."""
        if not self._curves or emotions.moments is None:
            if not self.published:
                return BranchInput(_tensor(self._labels(emotions.labels)))
            # The published branch takes sequences alone; a profile is one of a single step.
            return _padded(list(emotions.place[:, None]))
        found = []
        for curve in emotions.moments:
            rated = curve[np.isfinite(curve).all(axis=1)]
            count = self.settings.moments
            if count and len(rated) > count:
                cuts = np.linspace(0, len(rated), count + 1).astype(int)[:-1]
                rated = np.add.reduceat(rated, cuts) / np.diff([*cuts, len(rated)])[:, None]
            if not self.published:
                rated = self._place(rated)
            elif self._scale == "0..1":
                rated = (rated + 1) / 2
            found.append(rated)
        return _padded(found)


def _tensor(table: Doubles) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(table, np.float32))


def _padded(sequences: list[Doubles]) -> BranchInput:
    values = torch.nn.utils.rnn.pad_sequence([_tensor(one) for one in sequences], batch_first=True)
    lengths = torch.tensor([len(one) for one in sequences])
    return BranchInput(values, torch.arange(values.shape[1]) < lengths[:, None])


# --- the network ---


def build(settings: NetworkSettings, music: BranchInput, emotions: BranchInput) -> JointNetwork:
    """A network for these inputs, with weights of torch's generator."""
    sides = [_branch(settings, one, noise) for one, noise in (
        (music, settings.noise), (emotions, settings.emotion_noise)
    )]  # fmt: skip
    return JointNetwork(sides[0], sides[1], Projections(settings.size))


def _branch(settings: NetworkSettings, one: BranchInput, noise: float) -> Branch:
    inputs, size, width = one.values.shape[-1], settings.size, settings.width
    if settings.variant == "as_published":
        kind = PublishedVector if one.present is None else PublishedSequence
        return kind(inputs, size, width=width, dropout=settings.dropout > 0)
    if one.present is None:
        return VectorBranch(
            inputs, size, hidden=width, dropout=settings.dropout, noise=noise,
            linear=settings.linear,
        )  # fmt: skip
    return SequenceBranch(inputs, size, width=width, dropout=settings.dropout, noise=noise)


def _loss(
    settings: NetworkSettings,
    network: JointNetwork,
    music: Encoded,
    emotion: Encoded,
    place: Tensor,
    scales: tuple[float, float] | None,
) -> tuple[Tensor, tuple[float, float]]:
    """The loss of a batch, and the sizes by which its terms are divided."""
    weight = settings.weight
    negatives = losses.negatives(place, settings.nearest) if settings.nearest else None
    correlation = divergence = None
    if weight > 0:
        correlation = _correlation(settings, network, music, emotion, negatives)
    if weight < 1:
        divergence = losses.rank_loss(
            music, emotion, settings.margin, settings.reduction, settings.pull, negatives
        )  # fmt: skip
    if scales is None:
        scales = (1.0, 1.0)
        if settings.balanced and correlation is not None and divergence is not None:
            scales = losses.sizes(correlation.detach(), divergence.detach())
    total = losses.composite(correlation, divergence, weight, scales)
    if settings.likeness:
        total = total + settings.likeness * losses.emosim(music.mean, emotion.mean, place)
    return total, scales


def _correlation(
    settings: NetworkSettings,
    network: JointNetwork,
    music: Encoded,
    emotion: Encoded,
    negatives: Tensor | None,
) -> Tensor:
    first, second = music.embedding, emotion.embedding
    if settings.correlation == "dcca":
        return losses.dcca_loss(first, second, ridge=LAYER_RIDGE)
    if settings.correlation == "layer":
        variates = losses.cca_layer(first, second, ridge=LAYER_RIDGE)
        return losses.cosine_rank_loss(*variates, negatives=negatives)
    W1, W2 = network.projections.music, network.projections.emotion
    return losses.cca_loss(first, second, W1, W2, settings.correlation)


LAYER_RIDGE = 1e-3
"""Ridge of canonical correlations of a batch."""


# --- matching ---


@dataclass(frozen=True, eq=False)
class Member:
    """A trained network and its fitted scorer."""

    network: JointNetwork
    inputs: InputMaker
    space: MatcherRecipe
    weight: float
    cca: LinearCCA | None
    balance: Spreads | None

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Distances of some music and emotions."""
        settings = self.space.network
        orientation: Orientation = "reference" if scorer == "reference" else self.space.orientation
        sides = embed(self.network, self.inputs, musics, emotions)
        return scoring.score(
            *sides,
            self.cca,
            weight=self.weight,
            orientation=orientation,
            correlated=settings.correlated,
            least_correlation=settings.least_correlation,
            balance=self.balance,
        )


@dataclass(frozen=True, eq=False)
class Members:
    """Several networks, whose distances are averaged."""

    members: tuple[Member, ...]

    def distances(self, musics: Index, emotions: Emotions, scorer: Scorer) -> Distances:
        """Mean distances."""
        return averaged([one.distances(musics, emotions, scorer) for one in self.members])


@torch.no_grad()
def embed(
    network: JointNetwork, inputs: InputMaker, musics: Index, emotions: Emotions
) -> tuple[Embedded, Embedded]:
    """Places of music and of emotions."""
    network.eval()
    sides = _forward(network, inputs.music.where(musics), inputs.emotions(emotions))
    first, second = (
        Embedded(*(
            part.double().numpy()
            for part in (side.embedding, side.mean, side.log_variance.double().exp())
        ))
        for side in sides
    )  # fmt: skip
    return first, second


def _forward(
    network: JointNetwork, music: BranchInput, emotions: BranchInput
) -> tuple[Encoded, Encoded]:
    return (
        network.music(music.values, music.present),
        network.emotion(emotions.values, emotions.present),
    )


def fit(
    data: MatchingData, source: Source, space: MatcherRecipe, train: Index, seed: int
) -> Matcher:
    """Train the networks of a space on some rows of the data.

    The seed decides weights, noise, dropout and which groups a member leaves out. A network that
    cannot be trained on these rows raises `ModelError`, and embeddings that cannot be scored
    `DataError`.
    """
    count = space.network.members
    if not count:
        return _member(data, source, space, train, None, seed)
    fold = grouped_folds(data.groups[train], count, seed)
    return Members(tuple(
        _member(data, source, space, train[fold != k], train[fold == k], seed * count + k)
        for k in range(fold.max() + 1)
    ))  # fmt: skip


def _member(
    data: MatchingData,
    source: Source,
    space: MatcherRecipe,
    train: Index,
    held: Index | None,
    seed: int,
) -> Member:
    """Train a network on some rows; those held out, if any, choose among its steps."""
    settings = space.network
    inputs = InputMaker(data, source, settings, train)
    own = data.emotions.where(train)
    music, curves = inputs.music.where(train), inputs.emotions(own)
    flat = inputs.emotions(own.flat())
    place = _tensor(own.place)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(settings, music, curves)
        optimizer = torch.optim.AdamW(
            network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        best, kept, scales, checks = np.inf, None, None, 0
        for step in range(1, settings.steps + 1):
            network.train()
            rows = torch.randperm(len(train))[: settings.batch or None].numpy()
            shown = flat if float(torch.rand(())) < settings.flattened else curves
            sides = _forward(network, music.where(rows), shown.where(rows))
            loss, scales = _loss(settings, network, *sides, place[rows], scales)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if held is None or step % CHECK:
                continue
            member = _ready(network, inputs, data, space, train, held)
            found = log_rank(member.distances(held, data.emotions.where(held), "corrected"))
            checks += 1
            if found < best:
                best, kept, checks = found, copy.deepcopy(network.state_dict()), 0
            if checks == PATIENCE:
                break
    if kept is not None:
        network.load_state_dict(kept)
    member = _ready(network, inputs, data, space, train, held)
    if held is None or member.weight in (0, 1):
        return member
    emotions = data.emotions.where(held)
    choices = [replace(member, weight=weight) for weight in WEIGHTS]
    return min(choices, key=lambda one: log_rank(one.distances(held, emotions, "corrected")))


def _ready(
    network: JointNetwork,
    inputs: InputMaker,
    data: MatchingData,
    space: MatcherRecipe,
    train: Index,
    held: Index | None,
) -> Member:
    """Fit the scorer: projections to the training rows, the rest to those held out."""
    settings = space.network
    member = Member(network, inputs, space, settings.weight, None, None)
    if settings.weight == 0:
        return member
    sides = embed(network, inputs, train, data.emotions.where(train))
    cca = LinearCCA.fit(sides[0].embedding, sides[1].embedding)
    if held is not None:
        sides = embed(network, inputs, held, data.emotions.where(held))
        cca = cca.recalibrated(sides[0].embedding, sides[1].embedding)
    if settings.weight < 1 and not (cca.correlations >= settings.least_correlation).any():
        return replace(member, weight=0.0)  # nothing correlates yet
    balance = None
    if settings.balanced and settings.weight < 1:
        balance = scoring.spreads(
            *sides, cca, orientation=space.orientation, correlated=settings.correlated,
            least_correlation=settings.least_correlation,
        )  # fmt: skip
    return replace(member, cca=cca, balance=balance)
