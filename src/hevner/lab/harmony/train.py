"""Train the harmony network on rendered music: ``hevner train recipes/harmony.toml``.

Conventions
-----------
Songs of POP909 whose id ends in 8 or 9 are never trained on. The seed fixes the examples and the
order of training; the examples are kept in the store, so that an interrupted run goes on where it
was. Needs torch, FluidSynth and the soundfonts of `hevner.lab.harmony.render`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from hevner.lab.harmony.examples import Example, disturb, load_or_make
from hevner.lab.harmony.recipe import HarmonyRecipe
from hevner.lab.harmony.songs import UNKNOWN, chord_tones
from hevner.music import chord_labels, chroma, network, tuning
from hevner.music.spectrum import BINS_PER_SEMITONE, SEMITONES

log = logging.getLogger(__name__)

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
    """Correlate ``(12, n, in)`` with a kernel ``(out, in, 12)`` around the pitch classes.

    Done on real Fourier coefficients over pitch class: constant, alternating, five cosines and
    five sines. A cosine and a sine of one frequency mix as the parts of a complex product.
    """
    basis = _fourier_basis()
    count, out = values.shape[1], len(kernel)
    spectrum = (basis @ values.reshape(12, -1)).view(12, count, -1)
    weights = (kernel @ basis.T).permute(2, 1, 0)
    cosine, sine = weights[2:7] * 6**0.5, weights[7:] * 6**0.5
    mixing = torch.cat([torch.cat([cosine, -sine], dim=2), torch.cat([sine, cosine], dim=2)], dim=1)
    single = torch.bmm(spectrum[:2], weights[:2] * 12**0.5)
    pairs = torch.bmm(torch.cat([spectrum[2:7], spectrum[7:]], dim=2), mixing)
    product = torch.cat([single, pairs[..., :out], pairs[..., out:]])
    result: Tensor = basis.T @ product.reshape(12, -1)
    return result.view(12, count, out)


@lru_cache(maxsize=1)
def _fourier_basis() -> Tensor:
    pitch = np.arange(12)
    single = [np.full(12, 12**-0.5), (-1.0) ** pitch * 12**-0.5]
    waves = [2 * np.pi * k * pitch / 12 for k in range(1, 6)]
    rows = single + [part(wave) / 6**0.5 for part in (np.cos, np.sin) for wave in waves]
    return torch.from_numpy(np.stack(rows).astype(np.float32))


def loss_of(
    model: HarmonyNetwork,
    recipe: HarmonyRecipe,
    batch: tuple[Tensor, Tensor, Tensor],
    rng: np.random.Generator,
) -> tuple[Tensor, dict[str, float]]:
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
    total = chord_loss + recipe.tone_weight * tone_loss + recipe.key_weight * key_loss
    known = chords != UNKNOWN
    right = (odds.argmax(-1) == chords)[known].float().mean()
    return total, {
        "chord": chord_loss.item(), "key": key_loss.item(), "tone": tone_loss.item(),
        "accuracy": right.item(),
    }  # fmt: skip


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
    optimiser = torch.optim.AdamW(
        model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=0.15
    )
    seen: dict[str, float] = {}
    for step in range(recipe.steps):
        picks = rng.integers(len(examples), size=recipe.batch)
        pieces = [disturb(examples[k], cents[k], recipe.crop_frames, rng) for k in picks]
        batch = (
            torch.from_numpy(np.stack([p[0] for p in pieces])),
            torch.from_numpy(np.stack([p[1] for p in pieces])),
            torch.tensor([p[2] for p in pieces]),
        )
        loss, parts = loss_of(model, recipe, batch, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        seen = {k: 0.98 * seen.get(k, v) + 0.02 * v for k, v in parts.items()}
        if step % 100 == 0 or step == recipe.steps - 1:
            log.info("step %d %s", step, {k: round(v, 3) for k, v in seen.items()})
    return model


def fit_profiles(
    model: HarmonyNetwork, recipe: HarmonyRecipe, examples: list[Example]
) -> dict[str, NDArray[np.float32]]:
    """Learn profiles of pooled chroma in major and in minor, by logistic regression.

    Gives ``profile`` ``(2, 12)``, tonic first, and ``profile_bias`` ``(2,)``.
    """
    weights = {name: value.detach().numpy() for name, value in model.weights.items()}
    empty = {"profile": np.zeros((2, 12), np.float32), "profile_bias": np.zeros(2, np.float32)}
    vectors, keys = _pooled_chroma(network.build(weights | empty), examples)
    torch.manual_seed(recipe.seed)
    profile = nn.Parameter(torch.zeros(2, 12))
    bias = nn.Parameter(torch.zeros(2))
    steps = 1500
    optimiser = torch.optim.AdamW([profile, bias], 2e-2, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-2, total_steps=steps)
    rotated = torch.from_numpy(_CHROMA_SCALE * vectors[:, network.FROM_TONIC])
    wanted = torch.from_numpy(keys)
    for _ in range(steps):
        rows = torch.randint(len(rotated), (512,))
        odds = (profile @ rotated[rows] + bias[:, None]).flatten(1)
        loss = functional.cross_entropy(odds, wanted[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return {
        "profile": _CHROMA_SCALE * profile.detach().numpy(),
        "profile_bias": bias.detach().numpy(),
    }


def _pooled_chroma(
    model: network.Network, examples: list[Example]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
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


def save(model: HarmonyNetwork, profiles: dict[str, NDArray[np.float32]], out: Path) -> None:
    """Write the parameters as float16; the chord-tone head is only for training."""
    stored = {
        name: value.detach().numpy().astype(np.float16)
        for name, value in model.weights.items()
        if not name.startswith("tones")
    }
    stored |= {name: value.astype(np.float16) for name, value in profiles.items()}
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, allow_pickle=False, **stored)


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
        made.append(load_or_make(k, folder, subset, recipe.seed, examples))
        progress(len(made), len(wanted))
    model = fit(recipe, made)
    save(model, fit_profiles(model, recipe, made), out)
