"""Training which beats begin a bar of four, once beats are found.

Conventions
-----------
A phase is the place of the first beat of a bar among the first four beats, 0..3.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hevner.arrays import Floats
from hevner.lab.music.fitting import descend
from hevner.lab.music.recipe import RhythmRecipe
from hevner.lab.music.rhythm_examples import Example
from hevner.music import rhythm
from hevner.music import rhythm_network as network
from hevner.music.onsets import RATE

Bars = tuple[Floats, Floats]
"""Input of the network at beats, and the share of bars at each phase, ``(4,)``."""

NEAR_S = 0.12
_BATCH, _SHORTEST, _LONGEST = 32, 16, 40
_NOISE, _SMOOTHING = 0.3, 0.06


def read(model: network.Network, example: Example) -> Bars | None:
    """Input at the beats found; None if tempo or meter found is not that of a bar of four."""
    inputs = example.inputs.astype(np.float32)
    found = rhythm.analyse(inputs, model)
    if not example.meter == found.meter == "4/4" or not len(example.downbeats) or not found.tempo:
        return None
    beats = np.array(found.beats)
    near = np.abs(beats[:, None] - example.downbeats[None]).min(axis=1) < NEAR_S
    shares = np.array([near[k::4].sum() for k in range(4)], np.float32)
    if abs(np.log2(found.tempo / example.tempo)) > 0.1 or not near.any() or len(beats) < 8:
        return None
    steps = np.round(beats * RATE).astype(np.int64)
    return network.at_beats(inputs, model.steps(inputs), steps), shares / shares.sum()


def fit(weights: nn.ParameterDict, bars: list[Bars], recipe: RhythmRecipe) -> None:
    """Train the weights of `hevner.music.rhythm_network.Network.firsts` in place."""
    rng = np.random.default_rng(recipe.seed)
    own = [value for name, value in weights.items() if name.startswith(("first", "bar"))]
    spread = np.concatenate([one for one, _ in bars]).std(axis=0)

    def loss() -> torch.Tensor:
        inputs = np.zeros((_BATCH, _LONGEST, len(spread)), np.float32)
        wanted, known = np.zeros((_BATCH, 4), np.float32), np.zeros((_BATCH, _LONGEST), np.float32)
        for k, chosen in enumerate(rng.integers(len(bars), size=_BATCH)):
            one, shares = bars[chosen]
            size = int(rng.integers(min(_SHORTEST, len(one)), min(_LONGEST, len(one)) + 1))
            first = int(rng.integers(len(one) - size + 1))
            noise = rng.normal(0, _NOISE, (size, len(spread))) * spread
            inputs[k, :size] = one[first : first + size] + noise
            known[k, :size], wanted[k] = 1, np.roll(shares, -first)
        odds = _firsts(weights, torch.from_numpy(inputs)) * torch.from_numpy(known)
        phases = odds.reshape(_BATCH, -1, 4).sum(1)
        target = torch.from_numpy(wanted)
        return functional.cross_entropy(phases, target, label_smoothing=_SMOOTHING)

    descend(own, loss, steps=recipe.bar_steps, rate=recipe.learning_rate, decay=0.3)


def _firsts(w: nn.ParameterDict, inputs: torch.Tensor) -> torch.Tensor:
    """As `Network.firsts`, for a batch; some hidden values are left out."""
    reach = network.BEATS // 2
    hidden = functional.dropout((inputs @ w["first"] + w["first_bias"]).relu(), 0.4)
    padded = functional.pad(hidden, (0, 0, reach, reach))
    near = torch.cat([padded[:, k : k + inputs.shape[1]] for k in range(network.BEATS)], dim=2)
    hidden = functional.dropout((near @ w["bar"] + w["bar_bias"]).relu(), 0.4)
    odds: torch.Tensor = (hidden @ w["bar_out"] + w["bar_out_bias"])[..., 0]
    return odds
