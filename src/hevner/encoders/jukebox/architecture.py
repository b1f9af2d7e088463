"""Architecture of the published Jukebox models, as far as embeddings need it.

Conventions
-----------
Audio becomes *tokens* by the convolutions of the top level of a VQ-VAE; a transformer, the prior,
reads the tokens. Tensors carry names of ours, listed with their shapes by `shapes`:

- ``codec``: level, halving, then ``down`` or a residual block (``dilated``, ``mixed``)
- ``start`` and ``time``: embeddings of artist and genre, and of places in time
- ``music``: the prior, by block, see `BLOCK`
- ``lyrics``: the encoder of lyrics of the model that has one, likewise

Matrices are stored as inputs × outputs, convolutions as PyTorch stores them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SAMPLE_RATE = 44_100

WEIGHTS = "weights.safetensors"

KEPT = 36
"""Blocks of a prior that are kept: published probes use the output of the 36th."""

Shape = tuple[int, ...]

FACTORED = ("block", "column", "previous")
"""Kinds of attention within the row, the column and the previous row of a folded sequence."""

BLOCK = (
    "attend_norm",
    "attend_in",
    "attend_lyrics",
    "attend_out",
    "mix_norm",
    "mix_in",
    "mix_out",
)
"""Parts of a block of a transformer, each with ``weight`` and ``bias``, in the order of use."""


@dataclass(frozen=True)
class Codec:
    """Convolutions of the top level of the VQ-VAE.

    Attributes
    ----------
    width, depth
        Channels, and residual blocks after each halving of the rate. The dilation of the blocks
        grows by `growth` from 1.
    halvings
        How often each level halves the rate.
    embedding, codes
        Width and number of the vectors that tokens stand for.
    """

    width: int = 32
    depth: int = 4
    halvings: tuple[int, ...] = (3, 2, 2)
    embedding: int = 64
    codes: int = 2048
    growth: int = 3

    @property
    def hop(self) -> int:
        """Samples per token."""
        return 1 << sum(self.halvings)


@dataclass(frozen=True)
class Stack:
    """A transformer, or its first blocks.

    Attributes
    ----------
    width, heads
        Width of the states, and number of heads; attention works in a quarter of the width.
    context
        Length of the sequence in training.
    folds
        Rows that a sequence of that length is folded into.
    kinds
        Kind of attention of each block that is kept: one of `FACTORED`, ``prime`` (only to the
        beginning of the sequence) or ``lyrics`` (to the encoder of lyrics).
    published
        Blocks that the published files hold.
    """

    width: int
    heads: int
    context: int
    folds: int
    kinds: tuple[str, ...]
    published: int

    @property
    def row(self) -> int:
        """Length of a row."""
        return self.context // self.folds


@dataclass(frozen=True)
class Architecture:
    """One published model.

    Attributes
    ----------
    codec, music
        Its VQ-VAE and its prior.
    lyrics
        Its encoder of lyrics, None if it has none.
    lyric_tokens, lyric_symbols
        Length of the lyrics, and number of different symbols in them; 0 if it knows none.
    merged
        Whether lyrics stand before the music in one sequence.
    genres, artists, bins
        Sizes of the embeddings of genres, artists, and places in time.
    shortest_song
        Shortest piece in training, in seconds.
    """

    codec: Codec
    music: Stack
    genres: int
    artists: int
    bins: int
    shortest_song: float
    lyrics: Stack | None = None
    lyric_tokens: int = 0
    lyric_symbols: int = 0
    merged: bool = False

    @property
    def prefix(self) -> int:
        """Places of the sequence before the first token of the music."""
        return self.lyric_tokens if self.merged else 0

    @property
    def tokens(self) -> int:
        """Tokens in a window."""
        return self.music.context - self.prefix


def _rotation(blocks: int) -> tuple[str, ...]:
    return tuple(FACTORED[k % 3] for k in range(blocks))


def _with_encoder(blocks: int) -> tuple[str, ...]:
    """Nine blocks, then seven times nine and one that attends to the lyrics."""
    kinds = (*_rotation(9), *((*_rotation(9), "lyrics") * 7))
    return kinds[:blocks]


def _with_prefix(blocks: int) -> tuple[str, ...]:
    """Every sixteenth block attends to the lyrics in front; the 48th, not kept, to everything."""
    kinds = _rotation(blocks)
    return tuple("prime" if k % 16 == 15 else kinds[k] for k in range(blocks))


ARCHITECTURES = {
    "jukebox-5b": Architecture(
        codec=Codec(),
        music=Stack(4800, 8, 8192, 128, _rotation(KEPT), published=72),
        genres=120,
        artists=4111,
        bins=128,
        shortest_song=60.0,
    ),
    "jukebox-5b-lyrics": Architecture(
        codec=Codec(),
        music=Stack(4800, 8, 8192, 128, _with_encoder(KEPT), published=79),
        genres=120,
        artists=4111,
        bins=128,
        shortest_song=23.8,
        lyrics=Stack(1280, 4, 512, 32, _rotation(18), published=18),
        lyric_tokens=512,
        lyric_symbols=80,
    ),
    "jukebox-1b-lyrics": Architecture(
        codec=Codec(),
        music=Stack(2048, 2, 384 + 6144, 64, _with_prefix(KEPT), published=72),
        genres=604,
        artists=7898,
        bins=64,
        shortest_song=17.84,
        lyric_tokens=384,
        lyric_symbols=79,
        merged=True,
    ),
}


def shapes(architecture: Architecture) -> dict[str, Shape]:
    """Name and shape of every tensor that is needed, in the order of use."""
    width = architecture.music.width
    symbols = architecture.codec.codes
    if architecture.merged:
        symbols += architecture.lyric_symbols
    table = dict(_codec_shapes(architecture.codec))
    table["start.artist"] = (architecture.artists, width)
    table["start.genre"] = (architecture.genres, width)
    for place in ("total", "absolute", "relative"):
        table[f"time.{place}"] = (architecture.bins, width)
    encoder = architecture.lyrics
    if encoder is not None:
        table["lyrics.start"] = (1, encoder.width)
        table.update(_stack_shapes("lyrics", encoder, architecture.lyric_symbols, 0))
        table["lyrics.out.weight"] = (encoder.width, width)
        for name in ("lyrics.out.bias", "lyrics.norm.weight", "lyrics.norm.bias"):
            table[name] = (width,)
    table.update(_stack_shapes("music", architecture.music, symbols, width))
    return table


def _codec_shapes(codec: Codec) -> Iterator[tuple[str, Shape]]:
    width = codec.width
    for level, halvings in enumerate(codec.halvings):
        for step in range(halvings):
            root = f"codec.{level}.{step}"
            before = width if step else codec.embedding if level else 1
            yield f"{root}.down.weight", (width, before, 4)
            yield f"{root}.down.bias", (width,)
            for block in range(codec.depth):
                for part, kernel in (("dilated", 3), ("mixed", 1)):
                    yield f"{root}.{block}.{part}.weight", (width, width, kernel)
                    yield f"{root}.{block}.{part}.bias", (width,)
        yield f"codec.{level}.out.weight", (codec.embedding, width, 3)
        yield f"codec.{level}.out.bias", (codec.embedding,)
    yield "codec.codebook", (codec.codes, codec.embedding)


def _stack_shapes(
    name: str, stack: Stack, symbols: int, source: int
) -> Iterator[tuple[str, Shape]]:
    """Tensors of a transformer; ``source`` is the width of what it attends to outside itself."""
    width, inner = stack.width, stack.width // 4
    yield f"{name}.symbols", (symbols, width)
    yield f"{name}.places", (stack.context, width)
    for k, kind in enumerate(stack.kinds):
        outside = kind == "lyrics"
        matrices = {
            "attend_in": (width, inner if outside else 3 * inner),
            "attend_lyrics": (source, 2 * inner),
            "attend_out": (inner, width),
            "mix_in": (width, width),
            "mix_out": (width, width),
        }
        for part in BLOCK:
            if part == "attend_lyrics" and not outside:
                continue
            matrix = matrices.get(part)
            yield f"{name}.{k}.{part}.weight", matrix or (width,)
            yield f"{name}.{k}.{part}.bias", (matrix[1] if matrix else width,)
