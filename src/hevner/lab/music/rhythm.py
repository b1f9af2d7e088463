"""Train the rhythm network: ``hevner train rhythm``.

Conventions
-----------
Songs of POP909 whose id ends in 8 or 9 are never trained on, nor is anything of MusEmo. The
examples are kept in the store, so that an interrupted run goes on where it was. Needs torch,
FluidSynth and the soundfonts of `hevner.lab.music.rhythm_examples`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hevner.lab.music import downbeats
from hevner.lab.music import rhythm_examples as examples
from hevner.lab.music.fitting import descend, kept, save
from hevner.lab.music.recipe import RhythmRecipe
from hevner.lab.music.rhythm_examples import Example
from hevner.music import rhythm
from hevner.music import rhythm_network as network
from hevner.music.onsets import BANDS, INPUTS, RATE

_GRID = torch.from_numpy(np.log2(network.TEMPI).astype(np.float32))
_CROPS_S = (6, 8, 10, 12, 14)


class RhythmNetwork(nn.Module):
    """The network of `hevner.music.rhythm_network`; ``weights`` has the names and shapes stored."""

    def __init__(self, recipe: RhythmRecipe) -> None:
        super().__init__()
        c, out, hidden = recipe.channels, 2 + recipe.free, recipe.hidden
        shapes = {
            "in": (INPUTS, c),
            "out": (c, out),
            "lag": (out * len(network.MULTIPLES), hidden),
            "score": (hidden, 1 + len(network.METERS)),
            "none": (2 * hidden, hidden // 2),
            "none_out": (hidden // 2, 1),
        } | {f"block{k}": (3 * c, c) for k in range(len(network.DILATIONS))}
        shapes |= {
            "first": (INPUTS - BANDS + out, recipe.bar_hidden),
            "bar": (network.BEATS * recipe.bar_hidden, recipe.bar_hidden),
            "bar_out": (recipe.bar_hidden, 1),
        }
        self.weights = nn.ParameterDict()
        for name, (fan, size) in shapes.items():
            scale = (2 / fan) ** 0.5 * (0.3 if name.startswith("block") else 1)
            self.weights[name] = nn.Parameter(torch.randn(fan, size) * scale)
            self.weights[f"{name}_bias"] = nn.Parameter(torch.zeros(size))
        self.weights["place"] = nn.Parameter(torch.zeros(len(network.TEMPI), hidden))

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Channels ``(b, n, c)``, log-odds of tempi ``(b, 104)`` and of meters ``(b, 103, 6)``."""
        w = self.weights
        hidden = (inputs @ w["in"] + w["in_bias"]).relu()
        for k, reach in enumerate(network.DILATIONS):
            padded = functional.pad(hidden, (0, 0, reach, reach))
            taps = [padded[:, t * reach : t * reach + inputs.shape[1]] for t in range(3)]
            new = torch.cat(taps, dim=2) @ w[f"block{k}"] + w[f"block{k}_bias"]
            hidden = hidden + new.relu()
        channels = hidden @ w["out"] + w["out_bias"]
        places = (
            _autocorrelation(channels.sigmoid()) @ w["lag"] + w["lag_bias"] + w["place"]
        ).relu()
        scores = places @ w["score"] + w["score_bias"]
        pooled = torch.cat([places.amax(1), places.mean(1)], dim=1)
        none = (pooled @ w["none"] + w["none_bias"]).relu() @ w["none_out"] + w["none_out_bias"]
        return channels, torch.cat([scores[..., 0], none], dim=1), scores[..., 1:]

    def plain(self) -> network.Network:
        """The same network in numpy."""
        return network.Network({name: v.detach().numpy() for name, v in self.weights.items()})


def _autocorrelation(channels: Tensor) -> Tensor:
    """As in `hevner.music.rhythm_network`, for a batch."""
    batch, count, _ = channels.shape
    centred = channels - channels.mean(1, keepdim=True)
    spectrum = torch.fft.rfft(centred, 2 * count, dim=1)
    raw = torch.fft.irfft(spectrum.real.square() + spectrum.imag.square(), dim=1)[:, :count]
    below, share, known = (torch.from_numpy(one) for one in network.lags(count))
    level = raw / (raw[:, :1] + 1e-3 * count) / (1 - torch.arange(count) / count)[:, None]
    read = level[:, below] * (1 - share)[..., None] + level[:, below + 1] * share[..., None]
    masked: Tensor = (read * known[..., None]).transpose(2, 3)
    return masked.reshape(batch, len(network.TEMPI), -1)


Cut = tuple[NDArray[np.float32], NDArray[np.float32], float, int]


def cut(example: Example, steps: int, rng: np.random.Generator) -> Cut:
    """A piece of an example, stretched and disturbed: input, beats, tempo, meter."""
    stretch = float(np.exp(rng.uniform(-0.2, 0.2))) if rng.random() < 0.7 else 1.0
    room = max(len(example.inputs) / stretch - steps, 0)
    first = room * (0.0 if rng.random() < 0.2 else rng.random())
    places = (first + np.arange(steps, dtype=np.float64)) * stretch
    inputs = _disturbed(example.inputs, places, stretch, rng)
    beats = np.zeros((steps, 2), np.float32)
    for column, times in enumerate((example.beats, example.downbeats)):
        at = np.round(times * RATE / stretch - first).astype(int)
        for near, value in ((-1, 0.4), (1, 0.4), (0, 1.0)):
            inside = at[(at + near >= 0) & (at + near < steps)] + near
            beats[inside, column] = np.maximum(beats[inside, column], value)
    meter = network.METERS.index(example.meter) if example.meter else -1
    return inputs, beats, example.tempo * stretch, meter


def _disturbed(
    inputs: NDArray[np.float16],
    places: NDArray[np.float64],
    stretch: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Input read at places between steps, with other levels of bands, noise, missing bands."""
    flat = inputs[:, : 2 * BANDS].astype(np.float32).reshape(-1, BANDS)
    fine = np.minimum((2 * places[:, None] + [0, stretch]).ravel(), len(flat) - 1.001)
    whole = fine.astype(int)
    part = (fine - whole)[:, None].astype(np.float32)
    bands = flat[whole] * (1 - part) + flat[whole + 1] * part
    gain = np.exp(rng.normal(0, 0.35, BANDS) + rng.normal(-0.1, 0.4))
    bands = np.log1p(np.expm1(bands) * gain.astype(np.float32))
    if rng.random() < 0.3:
        bands = np.maximum(bands, rng.random() * rng.random(bands.shape, np.float32))
    if rng.random() < 0.2:
        low = int(rng.integers(BANDS - 1))
        bands[:, low : low + int(rng.integers(1, 4))] *= 0.1
    changes = inputs[np.minimum(places.astype(int), len(inputs) - 1), 2 * BANDS :].astype(
        np.float32
    )
    if rng.random() < 0.15:
        changes[:] = rng.random() * changes.mean(axis=0)
    joined = np.concatenate([bands.reshape(len(places), -1), changes], axis=1)
    joined[places > len(inputs)] = 0
    return joined


def loss_of(
    model: RhythmNetwork, recipe: RhythmRecipe, batch: tuple[Tensor, Tensor, Tensor, Tensor]
) -> Tensor:
    """Loss of beats, tempo and meter; of music whose tempo is unknown, only that it has one."""
    inputs, beats, tempo, meter = batch
    channels, odds, meters = model(inputs)
    weight = (1 + 4 * beats) * torch.tensor([1.0, 1.5]) * (tempo >= 0).float()[:, None, None]
    beat_loss = functional.binary_cross_entropy_with_logits(channels[..., :2], beats, weight)
    place = torch.log2(tempo.clamp(min=30)).clamp(float(_GRID[0]), float(_GRID[-1]))
    distance = (_GRID[None] - place[:, None]) / (_GRID[1] - _GRID[0])
    near = torch.exp(-0.5 * (distance / 0.9) ** 2)
    near = near / near.sum(1, keepdim=True) * (tempo > 0).float()[:, None]
    wanted = torch.cat([near, (tempo == 0).float()[:, None]], dim=1)
    likely = odds.log_softmax(1)
    pulse = torch.log1p(-likely[:, -1].exp().clamp(max=0.9999))
    tempo_loss = -torch.where(tempo < 0, pulse, (wanted * likely).sum(1)).mean()
    at = meters[torch.arange(len(meters)), distance.abs().argmin(1)]
    known = meter >= 0
    each = functional.cross_entropy(at, meter.clamp(min=0), reduction="none", label_smoothing=0.02)
    meter_loss = (each * known).sum() / known.sum().clamp(min=1)
    total: Tensor = beat_loss + recipe.tempo_weight * tempo_loss + recipe.meter_weight * meter_loss
    return total


def fit(recipe: RhythmRecipe, made: list[Example], real: list[Example]) -> RhythmNetwork:
    """Train one round."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = RhythmNetwork(recipe)

    def loss() -> Tensor:
        shares = rng.random(recipe.batch) < recipe.songs_share * bool(real)
        pool = [real if share else made for share in shares]
        length = int(rng.choice(_CROPS_S) * RATE)
        cuts = [cut(one[int(rng.integers(len(one)))], length, rng) for one in pool]
        inputs, beats = (torch.from_numpy(np.stack([c[k] for c in cuts])) for k in (0, 1))
        tempi = torch.tensor([c[2] for c in cuts], dtype=torch.float32)
        meters = torch.tensor([c[3] for c in cuts])
        return loss_of(model, recipe, (inputs, beats, tempi, meters))

    descend(model.parameters(), loss, recipe.steps, recipe.learning_rate, recipe.weight_decay)
    return model


def named(model: RhythmNetwork, example: Example, sure: float) -> Example:
    """An example of real music with the rhythm that a network finds, where it is sure of it."""
    found = rhythm.analyse(example.inputs.astype(np.float32), model.plain())
    if not found.candidates or found.tempo is None or found.candidates[0][1] < sure:
        return example
    times = (np.array(found.beats), np.array(found.downbeats))
    return Example(example.inputs, *times, found.tempo, found.meter or "")


def train(
    recipe: RhythmRecipe,
    folders: dict[str, Path],
    store: Path,
    out: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Make the examples, fit two rounds and the bars, and write the weights as float16, .npz.

    ``folders`` are those of the datasets, ``store`` keeps the examples. ``progress`` is called with
    the number of examples made and their whole number. Raises `DataError` if a dataset is missing;
    `MissingDependencyError` if FluidSynth or a soundfont is not installed.
    """
    paths = []
    for name in recipe.songs:
        found = sorted((folders[name] / "audio").glob("*"))
        order = np.random.default_rng(recipe.seed).permutation(len(found))[: recipe.songs_each]
        paths += [found[k] for k in order]
    whole = recipe.examples + len(paths)
    made, real = [], []
    for k in range(recipe.examples):
        make = partial(examples.rendered, k, folders["pop909"], recipe.seed)
        made.append(kept(store / f"composed-{recipe.seed}-{k:06d}.npz", Example, make))
        progress(len(made), whole)
    for path in paths:
        file = store / path.parts[-3] / f"{path.stem}.npz"
        real.append(kept(file, Example, partial(examples.real, path)))
        progress(len(made) + len(real), whole)
    model = fit(recipe, made, real)
    model = fit(recipe, made, [named(model, one, recipe.sure) for one in real])
    bars = [one for example in made if (one := downbeats.read(model.plain(), example))]
    downbeats.fit(model.weights, bars, recipe)
    save(out, model.plain().weights)
