"""Names of Jukebox's tensors in the published files.

Conventions
-----------
Two layouts are read: that of the original release (``vqvae.pth.tar`` and
``prior_level_2.pth.tar``) and that of ``transformers`` before release 5. What the files hold
beyond an embedding's needs (decoders, lower levels, later blocks, outputs) is known by its
beginning and left out; anything else is an error, as is anything missing or of another shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hevner.encoders.base import EncoderCard
from hevner.encoders.jukebox.architecture import ARCHITECTURES, WEIGHTS, Architecture, shapes
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.encoders.weights.published import check_tensors, other_files

CODEC_FILE, PRIOR_FILE = "vqvae.pth.tar", "prior_level_2.pth.tar"
ORIGINAL_FILES = (CODEC_FILE, PRIOR_FILE)

HUB_FILES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""What weights in the other layout may be called, in the order of preference."""

LABELS = {
    "artist": "artist",
    "genre": "bow_genre",
    "total": "total_length",
    "absolute": "absolute_pos",
    "relative": "relative_pos",
}
"""Published names of the embeddings of artist, genre and places in time."""

PARTS = {
    "attend_in": "attn.c_attn",
    "attend_lyrics": "attn.c_enc_kv",
    "attend_out": "attn.c_proj",
    "mix_in": "mlp.c_fc",
    "mix_out": "mlp.c_proj",
}
"""Published names of the matrices of a block."""

NORMS = {"attend_norm": 0, "mix_norm": 1}
LETTERS = {"weight": "w", "bias": "b"}

ORIGINAL = {
    "codebook": "bottleneck.level_blocks.{top}.k",
    "out": "encoders.{top}.level_blocks.{level}.model.{halvings}.{kind}",
    "down": "encoders.{top}.level_blocks.{level}.model.{step}.0.{kind}",
    "dilated": "encoders.{top}.level_blocks.{level}.model.{step}.1.model.{block}.model.1.{kind}",
    "mixed": "encoders.{top}.level_blocks.{level}.model.{step}.1.model.{block}.model.3.{kind}",
    "start": "y_emb.{label}_emb.emb.weight",
    "time": "y_emb.{label}_emb.emb.weight",
    "lyrics.start": "prime_prior.start_token",
    "lyrics.out": "prime_state_proj.{letter}",
    "lyrics.norm": "prime_state_ln.{kind}",
    "symbols": "{root}.x_emb.weight",
    "places": "{root}.pos_emb.pos_emb",
    "norm": "{root}.transformer._attn_mods.{k}.ln_{norm}.{kind}",
    "matrix": "{root}.transformer._attn_mods.{k}.{part}.{letter}",
}
"""Published names in the files of the original release."""

_RESIDUAL = "vqvae.encoders.{top}.level_blocks.{level}.downsample_block.{odd}.resnet_block.{block}"
HUB = {
    "codebook": "vqvae.bottleneck.level_blocks.{top}.codebook",
    "out": "vqvae.encoders.{top}.level_blocks.{level}.proj_out.{kind}",
    "down": "vqvae.encoders.{top}.level_blocks.{level}.downsample_block.{even}.{kind}",
    "dilated": _RESIDUAL + ".conv1d_1.{kind}",
    "mixed": _RESIDUAL + ".conv1d_2.{kind}",
    "start": "priors.0.metadata_embedding.{label}_emb.weight",
    "time": "priors.0.metadata_embedding.{label}_emb.emb.weight",
    "lyrics.start": "priors.0.encoder.start_token",
    "lyrics.out": "priors.0.encoder.proj_in.{kind}",
    "lyrics.norm": "priors.0.encoder.final_layer_norm.{kind}",
    "symbols": "{root}.embed_tokens.weight",
    "places": "{root}.pos_emb.pos_emb",
    "norm": "{root}.transformer._attn_mods.{k}.layer_norm_{norm}.{kind}",
    "matrix": "{root}.transformer._attn_mods.{k}.{part}.{kind}",
}
"""Published names in the files of ``transformers``; the top prior is number 0 there."""


@dataclass(frozen=True)
class Layout:
    """How files name the tensors of a model.

    Attributes
    ----------
    halvings
        How often each level of the codec halves the rate.
    names
        Published names by sort of tensor, with gaps.
    roots
        Beginnings of the names of the transformers ``music`` and ``lyrics``.
    unused
        Beginnings of the names of tensors that are known and not needed.
    """

    halvings: tuple[int, ...]
    names: Mapping[str, str]
    roots: Mapping[str, str]
    unused: tuple[str, ...]

    def name(self, ours: str) -> str:
        """The published name of a tensor of ours."""
        match ours.split("."):
            case ["codec", "codebook"]:
                return self._fill("codebook")
            case ["codec", level, "out", kind]:
                return self._fill("out", level=level, kind=kind)
            case ["codec", level, step, "down", kind]:
                return self._fill("down", level=level, step=step, kind=kind)
            case ["codec", level, step, block, part, kind]:
                return self._fill(part, level=level, step=step, block=block, kind=kind)
            case ["start" | "time" as sort, what]:
                return self._fill(sort, label=LABELS[what])
            case ["lyrics", "start"]:
                return self._fill("lyrics.start")
            case ["lyrics", "out" | "norm" as part, kind]:
                return self._fill(f"lyrics.{part}", kind=kind)
            case [stack, "symbols" | "places" as sort]:
                return self._fill(sort, root=self.roots[stack])
            case [stack, k, "attend_norm" | "mix_norm" as part, kind]:
                return self._fill("norm", root=self.roots[stack], k=k, norm=NORMS[part], kind=kind)
            case [stack, k, part, kind]:
                root = self.roots[stack]
                return self._fill("matrix", root=root, k=k, part=PARTS[part], kind=kind)
        raise KeyError(ours)

    def _fill(self, sort: str, level: str = "0", step: str = "0", **gaps: object) -> str:
        return self.names[sort].format(
            top=len(self.halvings) - 1,
            level=level,
            halvings=self.halvings[int(level)],
            step=step,
            even=2 * int(step),
            odd=2 * int(step) + 1,
            letter=LETTERS.get(str(gaps.get("kind"))),
            **gaps,
        )


def original(architecture: Architecture) -> Layout:
    """The layout of the original release."""
    roots = {"music": "prior", "lyrics": "prime_prior"}
    unused = ("decoders.", "prior.x_out.", "prime_x_out.")
    return _layout(architecture, ORIGINAL, roots, unused, "")


def hub(architecture: Architecture) -> Layout:
    """The layout of ``transformers``."""
    roots = {"music": "priors.0.prior", "lyrics": "priors.0.encoder"}
    unused = (
        "vqvae.decoders.", "priors.1.", "priors.2.", "priors.0.prior.fc_proj_out.",
        "priors.0.encoder.lm_head.",
    )  # fmt: skip
    return _layout(architecture, HUB, roots, unused, "vqvae.")


def _layout(
    architecture: Architecture,
    names: Mapping[str, str],
    roots: Mapping[str, str],
    unused: tuple[str, ...],
    codec: str,
) -> Layout:
    """A layout; lower levels of the codec and blocks that are not kept are unused too."""
    halvings, music = architecture.codec.halvings, architecture.music
    lower = [
        f"{codec}{what}.{level}."
        for level in range(len(halvings) - 1)
        for what in ("encoders", "bottleneck.level_blocks")
    ]
    later = [
        f"{roots['music']}.transformer._attn_mods.{k}."
        for k in range(len(music.kinds), music.published)
    ]
    return Layout(halvings, names, roots, (*unused, *lower, *later))


def convert(
    card: EncoderCard, source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    """Write ``weights.safetensors``; see `hevner.encoders.large.Large.convert`.

    Only what an embedding needs is kept, in its stored type, under names of ours.
    """
    write_safetensors(target / WEIGHTS, find(ARCHITECTURES[card.id], source), progress)


def find(architecture: Architecture, source: Path) -> list[tuple[str, Stored]]:
    """The tensors that an embedding needs, by names of ours, none of them read.

    ``source`` is a folder with the files of either layout.

    Raises
    ------
    ModelError
        If files are missing or damaged, or a tensor is missing, not expected, or of another shape;
        it is named as in the files.
    """
    present = [name for name in ORIGINAL_FILES if (source / name).is_file()]
    if len(present) == len(ORIGINAL_FILES):
        table = _open(source / CODEC_FILE) | _open(source / PRIOR_FILE)
        return pick(architecture, original(architecture), table, source)
    for name in HUB_FILES:
        if (source / name).is_file():
            table = _open(source / name)
            return pick(architecture, hub(architecture), table, source / name)
    missing = [name for name in ORIGINAL_FILES if name not in present]
    cause = f"holds no {' and no '.join(missing)}, nor a {HUB_FILES[1]} or {HUB_FILES[3]}"
    raise other_files(source, cause, "file_missing")


def _open(path: Path) -> dict[str, Stored]:
    checkpoint = Checkpoint(path)
    # Training on several cards puts this before every name.
    return {name.removeprefix("module."): checkpoint.stored(name) for name in checkpoint.names()}


def pick(
    architecture: Architecture, layout: Layout, table: dict[str, Stored], path: Path
) -> list[tuple[str, Stored]]:
    """The tensors that an embedding needs out of all in a file; errors as for `find`."""
    needed = {layout.name(ours): shape for ours, shape in shapes(architecture).items()}
    check_tensors(path, table, needed, layout.unused)
    return [(ours, table[layout.name(ours)]) for ours in shapes(architecture)]
