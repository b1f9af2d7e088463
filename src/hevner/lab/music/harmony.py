"""Train the harmony network on rendered music: ``hevner train harmony``.

Conventions
-----------
Songs of POP909 whose id ends in 8 or 9 are never trained on. The seed fixes the examples and the
order of training; the examples are kept in the store, so that an interrupted run goes on where it
was. Needs torch, FluidSynth and the soundfonts of `hevner.lab.music.harmony_examples`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hevner.arrays import Floats, Integers
from hevner.lab.music.fitting import descend, kept, save
from hevner.lab.music.harmony_examples import Example, disturb, make
from hevner.lab.music.pieces import UNKNOWN, chord_tones
from hevner.lab.music.recipe import HarmonyRecipe
from hevner.music import chord_labels, chroma, network, tuning
from hevner.music.spectrum import BINS_PER_SEMITONE, SEMITONES

# Brings chroma, which adds up to 1, to the scale that the optimiser expects.
_CHROMA_SCALE = np.float32(4)


class HarmonyNetwork(nn.Module):
    """The network of `hevner.music.network`; ``weights`` has the names and shapes stored."""

    def __init__(self, recipe: HarmonyRecipe) -> None:
        super().__init__()
        r, c = recipe, recipe.channels
        qualities = len(chord_labels.QUALITIES)
        folded = network.REGISTERS * r.features
        # Name: shape and the fan-in that sets the scale of the random start; heads start small.
        shapes: dict[str, tuple[tuple[int, ...], int]] = {
            "pitch": ((r.features, network.KERNEL_BINS), network.KERNEL_BINS),
            "fold": ((c, folded, 12), folded * 6),
            "chord": ((qualities, c, 12), c * 600),
            "none": ((c,), c),
            "tones": ((1, c, 12), c * 600),
            "key_features": ((r.key_features, c, 12), c * 120),
            "key_hidden": ((r.key_hidden, r.key_features + qualities, 12), 100),
            "key": ((2, r.key_hidden, 12), r.key_hidden * 48),
        }
        for k in range(len(network.DILATIONS)):
            shapes[f"block{k}"] = ((c, c, 12, 3), c * 144)
        self.weights = nn.ParameterDict()
        for name, (shape, fan) in shapes.items():
            self.weights[name] = nn.Parameter(torch.randn(*shape) * (2 / fan) ** 0.5)
            size = 1 if name == "none" else shape[0]
            self.weights[f"{name}_bias"] = nn.Parameter(torch.zeros(size))
        registers = torch.from_numpy(network.register_weights())
        self.registers = registers.reshape(SEMITONES // 12, 12, -1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Analyse frames ``(batch, time, 252)``.

        Gives log-odds of chords ``(batch, time, 121)`` and of chord tones ``(batch, time, 12)``,
        and key features ``(batch, time, 12, k)``.
        """
        shape = frames.shape[:2]
        hidden = self._pitch_classes(frames.flatten(0, 1))
        for k, reach in enumerate(network.DILATIONS):
            padded = functional.pad(hidden.reshape(12, *shape, -1), (0, 0, reach, reach))
            taps = [padded[:, :, t * reach : t * reach + shape[1]] for t in range(3)]
            kernel = self.weights[f"block{k}"].permute(0, 3, 1, 2).flatten(1, 2)
            new = _map(torch.cat(taps, dim=-1).flatten(1, 2), kernel)
            hidden = hidden + (new + self.weights[f"block{k}_bias"]).relu()
        none = hidden.mean(0) @ self.weights["none"][:, None] + self.weights["none_bias"]
        rooted = self._head("chord", hidden).transpose(0, 1).flatten(1)
        tones = self._head("tones", hidden).transpose(0, 1)
        features = self._head("key_features", hidden).relu().transpose(0, 1)
        odds = torch.cat([rooted, none], dim=-1)
        return (
            odds.reshape(*shape, -1),
            tones.reshape(*shape, 12),
            features.reshape(*shape, 12, -1),
        )

    def keys(self, features: Tensor, chords: Tensor, selected: Tensor) -> Tensor:
        """Key log-odds ``(batch, 24)`` of the frames that ``selected`` ``(batch, time)`` marks."""
        posterior = chords.softmax(-1)
        presence = selected * (1 - posterior[..., chord_labels.NO_CHORD]) + 1e-6
        by_root = posterior[..., : chord_labels.NO_CHORD].reshape(*features.shape[:3], -1)
        both = torch.cat([features, by_root], dim=-1)
        share = presence / presence.sum(1, keepdim=True)
        pooled = (both * share[..., None, None]).sum(1).transpose(0, 1)
        hidden = self._head("key_hidden", pooled).relu()
        return self._head("key", hidden).permute(1, 2, 0).flatten(1)

    def _pitch_classes(self, frames: Tensor) -> Tensor:
        """Apply the layers *pitch* and *fold*: ``(n, 252)`` to ``(12, n, channels)``."""
        centred = (frames - network.INPUT_MEAN) * network.INPUT_SCALE
        margin = (network.KERNEL_BINS - BINS_PER_SEMITONE) // 2
        filtered = functional.conv1d(
            functional.pad(centred[:, None], (margin, margin)),
            self.weights["pitch"][:, None],
            self.weights["pitch_bias"],
            stride=BINS_PER_SEMITONE,
        ).relu()
        octaves = filtered.reshape(len(frames), -1, SEMITONES // 12, 12)
        folded = torch.einsum("nfop,opr->pnrf", octaves, self.registers).flatten(2)
        return self._head("fold", folded).relu()

    def _head(self, name: str, values: Tensor) -> Tensor:
        mapped: Tensor = _map(values, self.weights[name])
        biased: Tensor = mapped + self.weights[f"{name}_bias"]
        return biased


def _map(values: Tensor, kernel: Tensor) -> Tensor:
    """Correlate ``(12, n, in)`` with a kernel ``(out, in, 12)`` around the pitch classes."""
    spectrum = torch.fft.rfft(values, dim=0)
    weights = torch.fft.rfft(kernel, dim=2).conj().permute(2, 1, 0)
    mapped: Tensor = torch.fft.irfft(spectrum @ weights, 12, dim=0)
    return mapped


def loss_of(
    model: HarmonyNetwork,
    recipe: HarmonyRecipe,
    batch: tuple[Tensor, Tensor, Tensor],
    rng: np.random.Generator,
) -> Tensor:
    """Loss of chords, chord tones and key; the key is that of a random part of every piece."""
    frames, chords, keys = batch
    odds, tones, features = model(frames)
    chord_loss = functional.cross_entropy(
        odds.flatten(0, 1), chords.flatten(), ignore_index=UNKNOWN,
        label_smoothing=recipe.label_smoothing,
    )  # fmt: skip
    sure = (chords != UNKNOWN).float()[..., None]
    wanted = _tone_table()[chords.clamp(min=0)]
    tone_loss = functional.binary_cross_entropy_with_logits(tones, wanted, reduction="none")
    tone_loss = (tone_loss * sure).sum() / sure.sum().clamp(min=1) / 12
    selected = torch.zeros(frames.shape[:2])
    for row in selected:
        length = int(len(row) * rng.uniform(0.15, 1.0))
        first = int(rng.integers(len(row) - length + 1))
        row[first : first + length] = 1
    key_odds = model.keys(features, odds, selected)
    key_loss = functional.cross_entropy(
        key_odds, keys, ignore_index=UNKNOWN, label_smoothing=recipe.label_smoothing
    ) if bool((keys != UNKNOWN).any()) else torch.zeros(())  # fmt: skip
    return chord_loss + recipe.tone_weight * tone_loss + recipe.key_weight * key_loss


def _tone_table() -> Tensor:
    table = torch.zeros(chord_labels.CHORD_CLASSES, 12)
    for number in range(chord_labels.NO_CHORD):
        table[number, chord_tones(number)] = 1
    return table


def fit(recipe: HarmonyRecipe, examples: list[Example]) -> HarmonyNetwork:
    """Train for ``recipe.steps`` steps with a one-cycle learning rate."""
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    model = HarmonyNetwork(recipe)
    cents = [tuning.estimate(example.frames) for example in examples]

    def loss() -> Tensor:
        picks = rng.integers(len(examples), size=recipe.batch)
        cuts = [disturb(examples[k], cents[k], recipe.crop_frames, rng) for k in picks]
        frames, chords = (torch.from_numpy(np.stack([cut[k] for cut in cuts])) for k in (0, 1))
        return loss_of(model, recipe, (frames, chords, torch.tensor([c[2] for c in cuts])), rng)

    descend(model.parameters(), loss, recipe.steps, recipe.learning_rate, recipe.weight_decay)
    return model


def fit_profiles(
    model: HarmonyNetwork, recipe: HarmonyRecipe, examples: list[Example]
) -> dict[str, Floats]:
    """Learn profiles of pooled chroma in major and in minor, by logistic regression.

    Gives ``profile`` ``(2, 12)``, tonic first, and ``profile_bias`` ``(2,)``.
    """
    weights = {name: value.detach().numpy() for name, value in model.weights.items()}
    empty = {"profile": np.zeros((2, 12), np.float32), "profile_bias": np.zeros(2, np.float32)}
    vectors, keys = _pooled_chroma(network.build(weights | empty), examples)
    torch.manual_seed(recipe.seed)
    profile = nn.Parameter(torch.zeros(2, 12))
    bias = nn.Parameter(torch.zeros(2))
    rotated = torch.from_numpy(_CHROMA_SCALE * vectors[:, network.FROM_TONIC])
    wanted = torch.from_numpy(keys)

    def loss() -> Tensor:
        rows = torch.randint(len(rotated), (512,))
        odds = (profile @ rotated[rows] + bias[:, None]).flatten(1)
        return functional.cross_entropy(odds, wanted[rows])

    descend([profile, bias], loss, steps=1500, rate=2e-2, decay=1e-3)
    return {
        "profile": _CHROMA_SCALE * profile.detach().numpy(),
        "profile_bias": bias.detach().numpy(),
    }


def _pooled_chroma(model: network.Network, examples: list[Example]) -> tuple[Floats, Integers]:
    """Mean chroma of whole, half and quarter examples in a known key, by presence of chords."""
    vectors, keys = [], []
    for example in examples:
        if example.key == UNKNOWN:
            continue
        frames = tuning.correct(example.frames, tuning.estimate(example.frames))
        odds, _ = model.frames(frames)
        odds -= odds.max(axis=1, keepdims=True)
        none = np.exp(odds[:, chord_labels.NO_CHORD]) / np.exp(odds).sum(axis=1)
        pitch_classes = chroma.from_frames(frames)
        for length in (len(frames), 150, 75):
            for first in range(0, len(frames) - length + 1, length):
                presence = 1 - none[first : first + length] + 1e-6
                mean = presence @ pitch_classes[first : first + length] / presence.sum()
                vectors.append(mean)
                keys.append(example.key)
    return np.array(vectors, np.float32), np.array(keys, np.int64)


def train(
    recipe: HarmonyRecipe,
    folder: Path,
    examples: Path,
    out: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Render the examples, fit the network and its profiles, and write the weights.

    ``folder`` is that of POP909, ``examples`` keeps the rendered examples, ``out`` is the file of
    the weights, .npz. ``progress`` is called with the number of examples made and their whole
    number. Raises `DataError` if there are no songs in the folder; `MissingDependencyError` if
    FluidSynth or a soundfont is not installed.
    """
    wanted = [("train", k) for k in range(recipe.examples)]
    wanted += [("plain", k) for k in range(recipe.plain_examples)]
    made = []
    for subset, k in wanted:
        path = examples / f"{subset}-{recipe.seed}-{k:06d}.npz"
        made.append(kept(path, Example, partial(make, k, folder, subset, recipe.seed)))
        progress(len(made), len(wanted))
    model = fit(recipe, made)
    weights = {name: value.detach() for name, value in model.weights.items()}
    # The head of chord tones is only for training.
    used = {name: value for name, value in weights.items() if not name.startswith("tones")}
    save(out, used | fit_profiles(model, recipe, made))
