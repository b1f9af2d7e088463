"""The network of MERT: blocks of transformers' `HubertModel` behind convolutions of our own.

Conventions
-----------
Waveforms are float32 tensors at 24 kHz; inside, time comes before channels. State 0 is the input to
the first block, state k the output of block k. With layer norm inside the blocks (`Size.stable`)
the norm that ends the network belongs to the last state and to no other, as in the releases of
transformers that MERT was published with; those since 5 leave it out there.

How it is made fast
-------------------
The first convolution has one input channel and no bias, and what follows is a norm of each channel
over time. So its mean and variance come from the ten by ten covariance of the waveform's frames,
and the norm becomes part of the weights. A convolution with kernel k and stride s on rows of
channels is a product of matrices for each s of its k taps, with no copy of its input. The time axis
is worked off in chunks that fit into the cache; their receptive fields overlap, so that the result
is that of one piece. Blocks behind the last chosen state are neither read nor run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

from hevner.arrays import Floats
from hevner.encoders.mert.architecture import (
    KERNELS,
    NORMALISE,
    POSITION_GROUPS,
    POSITIONS,
    STEP,
    STRIDES,
    Size,
)
from hevner.encoders.weights.checkpoint import Checkpoint

NORM_EPSILON = 1e-5
SCALE_EPSILON = 1e-7
"""Added to the variance of a waveform before it is brought to 1."""

CHUNK = 128
"""Frames worked off at once on a CPU."""

TOGETHER = 16
"""Windows run at once on a card; on a CPU it is one, which needs least memory."""


class Network:
    """MERT up to a state.

    Parameters
    ----------
    size, weights
        Sizes of the network, and the file that `hevner.encoders.mert.conversion` wrote.
    last
        Number of the last state that is needed.
    device, dtype
        Device and type of the computation.
    """

    def __init__(
        self, size: Size, weights: Path, last: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        stored = Checkpoint(weights)
        self.device, self.last = device, last
        self.together = 1 if device.type == "cpu" else TOGETHER
        self._normalise = bool(stored.read(NORMALISE))
        self._front = Convolutions(stored, device, dtype)
        self._model = _model(size, stored, last, device, dtype)
        self._final = size.stable and last == size.blocks

    def means(self, windows: Floats, chosen: Sequence[int]) -> Floats:
        """Return the means over time of the chosen states of windows, side by side."""
        found: dict[int, Tensor] = {}
        with torch.inference_mode():
            for number, state in enumerate(self.states(windows)):
                if number in chosen:
                    found[number] = state.mean(1, dtype=torch.float32)
            return torch.cat([found[number] for number in chosen], dim=1).cpu().numpy()

    def states(self, windows: Floats) -> Iterator[Tensor]:
        """Yield each state of windows of one length in turn, shape ``(n, frames, width)``."""
        model = self._model
        waveforms = torch.tensor(windows, device=self.device)
        front = torch.stack([self._front(self._scaled(waveform)) for waveform in waveforms])
        hidden = model.feature_projection(front)
        del front
        hidden = hidden + model.encoder.pos_conv_embed(hidden)
        if not model.config.do_stable_layer_norm:
            hidden = model.encoder.layer_norm(hidden)
        yield hidden
        for number, block in enumerate(model.encoder.layers, 1):
            hidden = block(hidden)
            if self._final and number == self.last:
                hidden = model.encoder.layer_norm(hidden)
            yield hidden

    def _scaled(self, waveform: Tensor) -> Tensor:
        """The waveform at mean 0, and at variance 1 if the published feature extractor does that.

        A constant does not pass the first norm, so its removal only makes the sums more exact.
        """
        exact = waveform.double()
        exact -= exact.mean()
        if self._normalise:
            exact /= (exact.square().mean() + SCALE_EPSILON).sqrt()
        return exact.float()


class Convolutions:
    """The convolutions from waveform to frames.

    The first layer runs in float32, the others in the given type; ``chunk`` frames are worked off
    at once, 0 for all.
    """

    def __init__(
        self, stored: Checkpoint, device: torch.device, dtype: torch.dtype, chunk: int | None = None
    ) -> None:
        layer = "feature_extractor.conv_layers.{}.{}"

        def read(number: int, part: str) -> Tensor:
            return stored.read(layer.format(number, part)).to(device)

        self.chunk = (CHUNK if device.type == "cpu" else 0) if chunk is None else chunk
        self._dtype = dtype
        self._first = read(0, "conv.weight")[:, 0].double()
        self._scale = read(0, "layer_norm.weight").double()
        self._shift = read(0, "layer_norm.bias").double()
        self._others = [
            _taps(read(number, "conv.weight").to(dtype), stride)
            for number, stride in enumerate(STRIDES[1:], 1)
        ]

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return the frames of a waveform, shape ``(frames, channels)``."""
        weight, bias = self._normed(waveform)
        count = _lengths(len(waveform))[-1]
        chunk = min(self.chunk or count, count)
        found = torch.empty(count, len(bias), dtype=self._dtype, device=bias.device)
        # Two pieces of memory take turns, since fresh memory costs as much as the arithmetic.
        spare = [found.new_empty(length, len(bias)) for length in _lengths(_samples(chunk))[:2]]
        for start in range(0, count, chunk):
            stop = min(start + chunk, count)
            piece = waveform[start * STEP : start * STEP + _samples(stop - start)]
            self._run(piece, weight, bias, spare, found[start:stop])
        return found

    def _run(
        self, piece: Tensor, weight: Tensor, bias: Tensor, spare: list[Tensor], into: Tensor
    ) -> None:
        """Turn a piece of a waveform into frames."""
        lengths = _lengths(len(piece))
        values = spare[0][: lengths[0]]
        rows = piece.unfold(0, KERNELS[0], STRIDES[0])
        if self._dtype == torch.float32:
            torch.addmm(bias, rows, weight, out=values)
        else:
            values.copy_(torch.addmm(bias, rows, weight))
        _gelu(values)
        for number, taps in enumerate(self._others, 1):
            last = number == len(self._others)
            result = into if last else spare[number % 2][: lengths[number]]
            values = _gelu(_convolve(values, taps, STRIDES[number], result))

    def _normed(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Weight ``(taps, channels)`` and bias of the first layer with its norm for a waveform."""
        rows = waveform.double().unfold(0, KERNELS[0], STRIDES[0]).contiguous()
        mean = rows.mean(0)
        covariance = rows.T @ rows / len(rows) - mean.outer(mean)
        variance = ((self._first @ covariance) * self._first).sum(1)
        weight = self._first * (self._scale / (variance + NORM_EPSILON).sqrt())[:, None]
        return weight.T.float().contiguous(), (self._shift - weight @ mean).float()


def _samples(count: int) -> int:
    """Fewest samples that give so many frames."""
    for kernel, stride in zip(reversed(KERNELS), reversed(STRIDES), strict=True):
        count = (count - 1) * stride + kernel
    return count


def _lengths(samples: int) -> list[int]:
    """Rows behind each convolution."""
    lengths = []
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        samples = (samples - kernel) // stride + 1
        lengths.append(samples)
    return lengths


def _taps(weight: Tensor, stride: int) -> list[Tensor]:
    """The weight of a convolution as matrices ``(taps * channels in, channels out)``."""
    parts = [weight[:, :, at : at + stride] for at in range(0, weight.shape[2], stride)]
    # Where a part is one tap wide, flattening alone would leave a view that BLAS cannot take.
    return [part.permute(2, 1, 0).flatten(0, 1).contiguous() for part in parts]


def _convolve(values: Tensor, taps: list[Tensor], stride: int, into: Tensor) -> Tensor:
    """Convolve contiguous rows of channels without padding; the result is `into`."""
    step = stride * values.shape[1]
    for part, weight in enumerate(taps):
        offset = values.storage_offset() + part * step
        rows = values.as_strided((len(into), len(weight)), (step, 1), offset)
        if part:
            torch.addmm(into, rows, weight, out=into)
        else:
            torch.mm(rows, weight, out=into)
    return into


def _gelu(values: Tensor) -> Tensor:
    """The exact GELU, in place."""
    return torch.ops.aten.gelu_(values)  # type: ignore[no-any-return]


class _GELU(nn.Module):
    """The exact GELU in place, which spares a block its largest temporary."""

    def forward(self, values: Tensor) -> Tensor:
        return _gelu(values)


def _model(
    size: Size, stored: Checkpoint, last: int, device: torch.device, dtype: torch.dtype
) -> Any:
    """Build the model behind the convolutions up to a state, with its weights."""
    facts: dict[str, Any] = {
        "hidden_size": size.width,
        "num_hidden_layers": last,
        "num_attention_heads": size.heads,
        "intermediate_size": size.inner,
        "conv_dim": (size.channels,) * len(KERNELS),
        "conv_kernel": KERNELS,
        "conv_stride": STRIDES,
        "num_conv_pos_embeddings": POSITIONS,
        "num_conv_pos_embedding_groups": POSITION_GROUPS,
        "do_stable_layer_norm": size.stable,
        "mask_time_prob": 0.0,
        "attn_implementation": "sdpa",
    }
    width, padding = size.width, POSITIONS // 2
    # On this device nothing is allocated or drawn; the weights take their places below.
    with torch.device("meta"):
        model: Any = HubertModel(HubertConfig(**facts))
        # Without the weight norm, which has been folded.
        model.encoder.pos_conv_embed.conv = nn.Conv1d(
            width, width, POSITIONS, padding=padding, groups=POSITION_GROUPS
        )
    del model.feature_extractor
    for block in model.encoder.layers:
        block.feed_forward.intermediate_act_fn = _GELU()
    read = {name: stored.read(name).to(device, dtype) for name in model.state_dict()}
    model.load_state_dict(read, assign=True)
    return model.eval()
