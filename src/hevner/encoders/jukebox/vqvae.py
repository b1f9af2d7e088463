"""From audio to tokens: the top level of Jukebox's VQ-VAE.

Conventions
-----------
Runs in float32 everywhere, because a token is the nearest of 2048 vectors and small errors would
pick another one. Windows go through one at a time: the first layers of a full window (24 s) take
about 0.4 GB.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from hevner.encoders.jukebox.architecture import Codec


class Tokenizer:
    """Turns windows of audio into tokens.

    ``read`` returns a tensor by name (`hevner.encoders.jukebox.architecture`) as float32 on the
    device of the tokens.
    """

    def __init__(self, codec: Codec, read: Callable[[str], Tensor]) -> None:
        self._codec = codec
        self._levels = [
            [self._halving(read, level, step) for step in range(halvings)]
            for level, halvings in enumerate(codec.halvings)
        ]
        self._outs = [_pair(read, f"codec.{level}.out") for level in range(len(self._levels))]
        self._codebook = read("codec.codebook")

    def _halving(self, read: Callable[[str], Tensor], level: int, step: int) -> _Halving:
        root = f"codec.{level}.{step}"
        blocks = [
            (_pair(read, f"{root}.{block}.dilated"), _pair(read, f"{root}.{block}.mixed"))
            for block in range(self._codec.depth)
        ]
        return _pair(read, f"{root}.down"), blocks

    def __call__(self, windows: Tensor) -> Tensor:
        """Tokens ``(n, samples // hop)`` of windows ``(n, samples)``, full scale 1.

        Samples behind the last whole token reach the convolutions and give no token.
        """
        # Lower precision in convolutions, the default on some cards, would change tokens.
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            return torch.stack([self._nearest(self._embed(window)) for window in windows])

    def _embed(self, window: Tensor) -> Tensor:
        """Vectors of one window, shape (tokens, embedding)."""
        x = window[None, None]
        for halvings, out in zip(self._levels, self._outs, strict=True):
            for down, blocks in halvings:
                x = functional.conv1d(x, *down, stride=2, padding=1)
                for number, (dilated, mixed) in enumerate(blocks):
                    dilation = self._codec.growth**number
                    h = functional.conv1d(
                        functional.relu(x), *dilated, padding=dilation, dilation=dilation
                    )
                    x = x + functional.conv1d(h.relu_(), *mixed)
            x = functional.conv1d(x, *out, padding=1)
        return x[0].T

    def _nearest(self, x: Tensor) -> Tensor:
        codebook = self._codebook.T
        distance = (x**2).sum(1, keepdim=True) - 2 * x @ codebook + (codebook**2).sum(0)
        return distance.argmin(1)


_Pair = tuple[Tensor, Tensor]
_Halving = tuple[_Pair, list[tuple[_Pair, _Pair]]]


def _pair(read: Callable[[str], Tensor], name: str) -> _Pair:
    return read(f"{name}.weight"), read(f"{name}.bias")
