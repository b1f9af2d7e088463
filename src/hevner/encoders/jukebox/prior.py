"""The transformer that reads tokens: states of the first blocks of Jukebox's top prior.

Conventions
-----------
States add up in float32; matrices and what they are multiplied with are in the type of the device
(`hevner.encoders.weights.devices.dtype_for`). On a CPU the blocks are read from the file one
after the other, used and forgotten; elsewhere they go to the device one by one and stay there.

Inputs besides the tokens are as in the published probes (Castellon et al., ISMIR 2021): artist and
genre are unknown, which is number 0 of both lists, and every window is taken for the beginning of a
piece of 62 s. Lyrics, for the models that know them, are empty: only symbol 0, with which the
original code fills up lyrics that are too short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from hevner.encoders.jukebox.architecture import BLOCK, SAMPLE_RATE, Architecture, Stack
from hevner.encoders.jukebox.attention import attend

PIECE_SECONDS = 62
LONGEST_SECONDS = 600

UNKNOWN = 0
"""Number of the unknown artist and the unknown genre."""

FILLING = 0
"""Symbol that empty lyrics are made of."""

Read = Callable[[str], Tensor]

STEEPNESS = 1.702
"""Steepness of the activation, x times the logistic function of 1.702 x."""

EPSILON = 1e-5
"""Added to the variance in layer normalisation."""


@dataclass(frozen=True)
class Block:
    """One block: attention, then two layers, each after a normalisation and added to the state.

    Attributes
    ----------
    kind, stack, prime
        Kind of attention, the transformer the block belongs to, and the length of the beginning
        for attention of the kind ``prime``.
    parts
        Weight and bias by the names in `BLOCK`; norms in float32, the rest in one other type.
    """

    kind: str
    stack: Stack
    prime: int
    parts: dict[str, tuple[Tensor, Tensor]]

    def __call__(self, x: Tensor, lyrics: Tensor | None) -> None:
        """Turn states ``(n, length, width)`` into those behind the block, in place."""
        h = self._linear("attend_in", self._norm("attend_norm", x))
        if self.kind == "lyrics":
            if lyrics is None:
                raise ValueError("a block attends to lyrics and there are none")
            pair = self._linear("attend_lyrics", lyrics.to(h.dtype)).chunk(2, 2)
            query, (key, value) = h, pair
        else:
            query, key, value = h.chunk(3, 2)
        heads, row = self.stack.heads, self.stack.row
        h = attend(self.kind, query, key, value, heads=heads, row=row, prime=self.prime)
        x += self._linear("attend_out", h)
        # The scale of the activation goes through the matrices, which saves passes over memory.
        h = self._linear("mix_in", self._norm("mix_norm", x), bias=STEEPNESS, scale=STEEPNESS)
        x += self._linear("mix_out", functional.silu(h, inplace=True), scale=1 / STEEPNESS)

    def _norm(self, part: str, x: Tensor) -> Tensor:
        weight, bias = self.parts[part]
        dtype = self.parts["attend_in"][0].dtype
        return functional.layer_norm(x, weight.shape, weight, bias, EPSILON).to(dtype)

    def _linear(self, part: str, x: Tensor, bias: float = 1.0, scale: float = 1.0) -> Tensor:
        weight, offset = self.parts[part]
        flat = torch.addmm(offset, x.flatten(0, 1), weight, beta=bias, alpha=scale)
        return flat.reshape(*x.shape[:2], -1)


class Transformer:
    """Blocks of ``music`` or ``lyrics``, read when they are needed.

    ``prime`` is the length of the beginning of the sequence for attention of that kind.
    """

    def __init__(
        self,
        name: str,
        stack: Stack,
        prime: int,
        read: Read,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._name, self._stack, self._prime = name, stack, prime
        self._read, self._device, self._dtype = read, device, dtype
        self._kept: dict[int, Block] = {}

    def blocks(self, count: int) -> Iterator[Block]:
        """The first blocks, in order."""
        for k in range(count):
            block = self._kept.get(k) or self._block(k)
            if self._device.type != "cpu":
                self._kept[k] = block
            yield block

    def _block(self, k: int) -> Block:
        kind = self._stack.kinds[k]
        parts = {}
        for part in BLOCK:
            if part == "attend_lyrics" and kind != "lyrics":
                continue
            dtype = torch.float32 if part.endswith("norm") else self._dtype
            weight, bias = (
                self._read(f"{self._name}.{k}.{part}.{what}").to(self._device).to(dtype)
                for what in ("weight", "bias")
            )
            parts[part] = weight, bias
        return Block(kind, self._stack, self._prime, parts)


class Prior:
    """States of tokens.

    ``read`` returns a stored tensor by name, in any type, on the CPU; ``dtype`` is the type of the
    matrices.
    """

    def __init__(
        self, architecture: Architecture, read: Read, device: torch.device, dtype: torch.dtype
    ) -> None:
        self._architecture = architecture
        self._device = device

        def here(name: str) -> Tensor:
            return read(name).to(device, torch.float32)

        def transformer(name: str, stack: Stack) -> Transformer:
            # The beginning is rounded up beyond the lyrics, to the next multiple of the folds.
            prime = (architecture.lyric_tokens // stack.folds + 1) * stack.folds
            return Transformer(name, stack, prime, read, device, dtype)

        prefix, width = architecture.prefix, architecture.music.width
        times = places_in_time(architecture, lambda name: read(name).float()).to(device)
        self._symbols = here("music.symbols")
        self._places = here("music.places") + torch.cat(
            [torch.zeros(prefix, width, device=device), times]
        )
        self._start = here("start.artist")[UNKNOWN][None] + here("start.genre")[UNKNOWN][None]
        self._music = transformer("music", architecture.music)
        self._lyrics: Tensor | None = None
        encoder = architecture.lyrics
        if encoder is not None:
            self._lyrics = _empty_lyrics(transformer("lyrics", encoder), encoder, here)

    def states(self, tokens: Tensor, last: int) -> Iterator[Tensor]:
        """States of music, from the input of the first block on.

        Parameters
        ----------
        tokens
            Shape ``(n, length)``, from the beginning of windows.
        last
            Number of the last state that is wanted.

        Yields
        ------
        Tensor
            Shape ``(n, length, width)``, float32; state 0, then the outputs of the blocks. It is
            overwritten when the next one is asked for.
        """
        prefix = self._architecture.prefix
        x = self._embed(tokens)
        yield x[:, prefix:]
        for block in self._music.blocks(last):
            block(x, self._lyrics)
            yield x[:, prefix:]

    def _embed(self, tokens: Tensor) -> Tensor:
        """Input of the first block: what stood before each place, and where the place is."""
        count, length = tokens.shape
        architecture = self._architecture
        if architecture.merged:
            tokens = functional.pad(
                tokens + architecture.lyric_symbols,
                (architecture.lyric_tokens, 0),
                value=FILLING,
            )
        x = self._symbols[tokens[:, :-1]]
        x = torch.cat([self._start.expand(count, 1, -1), x], dim=1)
        return x.add_(self._places[: architecture.prefix + length])


def places_in_time(architecture: Architecture, read: Read) -> Tensor:
    """What is added to the states of the tokens of a window, shape ``(tokens, width)``."""
    hop, tokens, bins = architecture.codec.hop, architecture.tokens, architecture.bins
    total = float(PIECE_SECONDS * SAMPLE_RATE // hop * hop)
    end = float(tokens * hop)
    longest = float(LONGEST_SECONDS * SAMPLE_RATE)
    shortest = architecture.shortest_song * SAMPLE_RATE
    # The order of operations and float32 are those of the original: they decide between bins.
    share = torch.arange(tokens, dtype=torch.float32) / tokens
    relative = torch.tensor(end) / torch.tensor(total)
    whole = _bins(torch.tensor([total]), shortest, longest, bins)
    absolute = _bins(end * share, 0.0, longest, bins)
    within = _bins(relative * share, 0.0, 1.0, bins)
    return (
        read("time.total")[whole] + read("time.absolute")[absolute] + read("time.relative")[within]
    )


def _bins(position: Tensor, first: float, last: float, count: int) -> Tensor:
    return (count * ((position - first) / (last - first))).floor().long()


def _empty_lyrics(transformer: Transformer, stack: Stack, read: Read) -> Tensor:
    """States of empty lyrics that blocks attend to, shape (1, length, width of the music)."""
    symbol = read("lyrics.symbols")[FILLING]
    x = torch.cat([read("lyrics.start"), symbol.expand(stack.context - 1, -1)])
    x = (x + read("lyrics.places"))[None]
    for block in transformer.blocks(len(stack.kinds)):
        block(x, None)
    x = x @ read("lyrics.out.weight") + read("lyrics.out.bias")
    weight = read("lyrics.norm.weight")
    return functional.layer_norm(x, weight.shape, weight, read("lyrics.norm.bias"), EPSILON)
