"""Train the key estimator on composed music: ``hevner train modes``.

Conventions
-----------
Pieces are composed, or excerpts of POP909 songs to train on, and turned into spectra without sound
(`hevner.lab.music.spectral`), which the harmony network reads as it reads recordings. Of every
piece the whole and a few shorter spans are examples. Probabilities are calibrated on pieces that
were not trained on. Everything follows from the seed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hevner.arrays import Doubles, Floats, Integers, Mask
from hevner.lab.music import composer, pieces, spectral
from hevner.lab.music.fitting import descend, save
from hevner.lab.music.pieces import Piece, Rng
from hevner.lab.music.recipe import ModesRecipe
from hevner.music import chord_decoder, harmony, tuning
from hevner.music.chord_labels import MODES
from hevner.music.modes import Estimator, summarise
from hevner.music.network import FROM_TONIC

log = logging.getLogger(__name__)

CLASSES = 12 * len(MODES) + 1
_SPANS_S = (10, 8, 6, 6)
_VALIDATION = 10  # every tenth piece


@dataclass(frozen=True)
class Examples:
    """Features ``(n, 12, k)``, classes allowed ``(n, 85)``, weights and number of the piece."""

    features: Floats
    allowed: Mask
    weights: Doubles
    pieces: Integers

    def only(self, rows: Mask) -> Examples:
        """Some of the rows."""
        return Examples(*(part[rows] for part in vars(self).values()))


def make(recipe: ModesRecipe, folder: Path, progress: Callable[[int, int], None]) -> Examples:
    """Examples of all pieces of a recipe; ``folder`` is that of POP909."""
    features, allowed, weights, numbers = [], [], [], []
    total = recipe.pieces + recipe.excerpts
    for number, (piece, weight) in enumerate(_pieces(recipe, folder)):
        rng = np.random.default_rng([recipe.seed, number, 1])
        pure = not piece.modes and rng.random() < 0.5
        frames = spectral.frames(piece, rng, pure=pure)
        cents = tuning.estimate(frames) + rng.normal(0, 3)
        chroma, low, posterior, evidence = harmony.classify(frames, cents)
        path = chord_decoder.best_path(chord_decoder.scores(posterior))
        for k, rows in enumerate(_spans(len(frames), rng)):
            parts = chroma[rows], low[rows], posterior[rows], evidence[rows], path[rows]
            features.append(summarise(*parts).astype(np.float16))
            allowed.append(classes(piece))
            weights.append(weight or (recipe.whole_weight if k == 0 else 1.0))
            numbers.append(number)
        progress(number + 1, total)
    return Examples(
        np.stack(features).astype(np.float32), np.stack(allowed), np.array(weights),
        np.array(numbers),
    )  # fmt: skip


def _pieces(recipe: ModesRecipe, folder: Path) -> Iterator[tuple[Piece, float]]:
    """Pieces and the weight of all their examples; 0 if that differs."""
    for number in range(recipe.pieces):
        yield composer.compose_modal(np.random.default_rng([recipe.seed, number])), 0.0
    ids = pieces.song_ids(folder, "train")
    chosen = np.random.default_rng(recipe.seed).permutation(len(ids))
    for place in range(recipe.excerpts):
        rng = np.random.default_rng([recipe.seed, place, 2])
        length = float(rng.choice([30, 20, 12]))
        cut = pieces.draw_pop909(folder / ids[chosen[place // 5 % len(ids)]], length, rng)
        if rng.random() < 0.35:
            cut = pieces.parallel(cut, raised_seventh=bool(rng.random() < 0.5))
        if cut.modes:
            yield cut, recipe.excerpt_weight


def _spans(count: int, rng: Rng) -> list[slice]:
    """All frames, then shorter spans, some of them at the beginning or the end."""
    found = [slice(0, count)]
    for length in (10 * seconds for seconds in _SPANS_S):
        if count > length:
            place = rng.random()
            first = int(rng.integers(count - length + 1))
            first = 0 if place < 0.2 else count - length if place < 0.45 else first
            found.append(slice(first, first + length))
    return found


def classes(piece: Piece) -> Mask:
    """Classes that a piece may be given, ``(85,)``; the last means no key."""
    found = np.zeros(CLASSES, bool)
    if not piece.modes:
        found[-1] = True
    for mode in piece.modes:
        found[piece.key % 12 * len(MODES) + MODES.index(mode)] = True
    return found


class Network(nn.Module):
    """The network of `hevner.music.modes.Estimator`, on standardised features."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(12 * width, hidden)
        self.mode = nn.Linear(hidden, len(MODES))
        self.none = nn.Linear(2 * hidden, 1)
        self.dropout = nn.Dropout(dropout)
        self.turned = torch.as_tensor(FROM_TONIC)

    def forward(self, features: Tensor) -> Tensor:
        """Log-probabilities ``(n, 85)``."""
        hidden = self.hidden(self.dropout(features[:, self.turned].flatten(2))).relu()
        none = self.none(torch.cat([hidden.mean(1), hidden.max(1).values], dim=-1))
        odds = torch.cat([self.mode(hidden).flatten(1), none], dim=1)
        return odds.log_softmax(dim=1)


def fit(recipe: ModesRecipe, examples: Examples) -> Estimator:
    """Train the networks one after the other, then calibrate the mean of their log-odds."""
    held = examples.pieces % _VALIDATION == 0
    known, tried = examples.only(~held), examples.only(held)
    mean = known.features.mean(axis=(0, 1))
    scale = known.features.std(axis=(0, 1)) + np.float32(1e-3)
    models = [
        _fitted(recipe, known, (known.features - mean) / scale, recipe.seed + k)
        for k in range(recipe.networks)
    ]
    inputs = torch.from_numpy((tried.features - mean) / scale)
    with torch.no_grad():
        odds = torch.stack([model(inputs) for model in models]).mean(0)
    heat = temperature(odds, torch.from_numpy(tried.allowed))
    log.info("temperature %.2f", heat)
    return _joined(models, mean, scale, heat * len(models))


def _fitted(recipe: ModesRecipe, known: Examples, features: Floats, seed: int) -> Network:
    """One network, trained on standardised features."""
    torch.manual_seed(seed)
    model = Network(features.shape[2], recipe.hidden, recipe.dropout)
    inputs = torch.from_numpy(features)
    allowed, shares = torch.from_numpy(known.allowed), torch.from_numpy(known.weights)

    def loss() -> Tensor:
        rows = torch.multinomial(shares, recipe.batch, replacement=True)
        noisy = inputs[rows] + recipe.noise * torch.randn(recipe.batch, *inputs.shape[1:])
        found = model(noisy)
        right = found.masked_fill(~allowed[rows], -1e9).logsumexp(dim=1)
        smoothed: Tensor = -right.mean() - recipe.label_smoothing * found.mean()
        return smoothed

    descend(model.parameters(), loss, recipe.steps, recipe.learning_rate, recipe.weight_decay)
    return model.eval()


def _joined(models: list[Network], mean: Floats, scale: Floats, share: float) -> Estimator:
    """Networks side by side, as one whose log-odds are their sum divided by ``share``."""

    def beside(name: str, axis: int = 0) -> Floats:
        rows = [model.get_parameter(name).detach().numpy().T for model in models]
        return np.concatenate(rows, axis, dtype=np.float32)

    pools = [model.none.weight.detach().numpy().reshape(2, -1) for model in models]
    return Estimator(
        mean=mean,
        scale=scale,
        hidden=beside("hidden.weight", 1),
        hidden_bias=beside("hidden.bias"),
        mode=beside("mode.weight") / np.float32(share),
        mode_bias=beside("mode.bias").reshape(len(models), -1).sum(axis=0) / np.float32(share),
        none=np.concatenate(pools, axis=1, dtype=np.float32).ravel() / np.float32(share),
        none_bias=beside("none.bias").reshape(len(models), -1).sum(axis=0) / np.float32(share),
    )


def temperature(odds: Tensor, allowed: Tensor) -> float:
    """Number by which log-odds are divided so that those of the right classes are likeliest."""
    tried = np.geomspace(0.5, 4, 60)
    right = [
        (odds / heat).log_softmax(1).masked_fill(~allowed, -1e9).logsumexp(1).mean().item()
        for heat in tried
    ]
    return float(tried[int(np.argmax(right))])


def train(
    recipe: ModesRecipe, folder: Path, out: Path, progress: Callable[[int, int], None]
) -> None:
    """Compose, train and write the weights, .npz; ``folder`` is that of POP909.

    Raises `DataError` if there are no songs in the folder.
    """
    save(out, vars(fit(recipe, make(recipe, folder, progress))))
