"""Names of Jukebox's tensors in the published files.

Conventions
-----------
Two layouts are read: that of the original release (``vqvae.pth.tar`` and
``prior_level_2.pth.tar``) and that of ``transformers`` before release 5. What the files hold
beyond an embedding's needs (decoders, lower levels, later blocks, outputs) is known by its
beginning and left out; anything else is an error, as is anything missing or of another shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hevner.encoders.jukebox.architecture import Architecture, shapes
from hevner.encoders.weights.checkpoint import Checkpoint, Stored
from hevner.errors import ModelError

CODEC_FILE, PRIOR_FILE = "vqvae.pth.tar", "prior_level_2.pth.tar"
ORIGINAL_FILES = (CODEC_FILE, PRIOR_FILE)

HUB_FILES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)
"""What weights in the other layout may be called, in the order of preference."""

_PARTS = {
    "attend_in": "attn.c_attn",
    "attend_lyrics": "attn.c_enc_kv",
    "attend_out": "attn.c_proj",
    "mix_in": "mlp.c_fc",
    "mix_out": "mlp.c_proj",
}
_KINDS = {"weight": "w", "bias": "b"}
_CONVOLUTIONS = {"dilated": (1, "conv1d_1"), "mixed": (3, "conv1d_2")}


@dataclass(frozen=True)
class Layout:
    """How files name tensors.

    Attributes
    ----------
    name
        Gives the published name of a tensor of ours.
    unused
        Beginnings of the names of tensors that are known and not needed.
    """

    name: Callable[[str], str]
    unused: tuple[str, ...]


def original(architecture: Architecture) -> Layout:
    """The layout of the original release."""
    halvings = architecture.codec.halvings
    top = len(halvings) - 1
    encoder = f"encoders.{top}.level_blocks"
    roots = {"music": "prior", "lyrics": "prime_prior"}

    def name(ours: str) -> str:
        match ours.split("."):
            case ["codec", "codebook"]:
                return f"bottleneck.level_blocks.{top}.k"
            case ["codec", level, "out", kind]:
                return f"{encoder}.{level}.model.{halvings[int(level)]}.{kind}"
            case ["codec", level, step, "down", kind]:
                return f"{encoder}.{level}.model.{step}.0.{kind}"
            case ["codec", level, step, block, part, kind]:
                place = f"{encoder}.{level}.model.{step}.1.model.{block}.model"
                return f"{place}.{_CONVOLUTIONS[part][0]}.{kind}"
            case ["start", what]:
                return f"y_emb.{_label(what)}_emb.emb.weight"
            case ["time", what]:
                return f"y_emb.{_time(what)}_emb.emb.weight"
            case ["lyrics", "start"]:
                return "prime_prior.start_token"
            case ["lyrics", "out", kind]:
                return f"prime_state_proj.{_KINDS[kind]}"
            case ["lyrics", "norm", kind]:
                return f"prime_state_ln.{kind}"
            case [stack, "symbols"]:
                return f"{roots[stack]}.x_emb.weight"
            case [stack, "places"]:
                return f"{roots[stack]}.pos_emb.pos_emb"
            case [stack, k, "attend_norm" | "mix_norm" as part, kind]:
                return f"{_block(roots[stack], k)}.ln_{int(part == 'mix_norm')}.{kind}"
            case [stack, k, part, kind]:
                return f"{_block(roots[stack], k)}.{_PARTS[part]}.{_KINDS[kind]}"
        raise KeyError(ours)

    lower = [f"{what}.{level}." for level in range(top) for what in _LEVELS]
    return Layout(
        name, ("decoders.", "prior.x_out.", "prime_x_out.", *lower, *_later(architecture, "prior"))
    )


def hub(architecture: Architecture) -> Layout:
    """The layout of ``transformers``; the top prior is number 0 there."""
    top = len(architecture.codec.halvings) - 1
    encoder = f"vqvae.encoders.{top}.level_blocks"
    prior = "priors.0"
    roots = {"music": f"{prior}.prior", "lyrics": f"{prior}.encoder"}

    def name(ours: str) -> str:
        match ours.split("."):
            case ["codec", "codebook"]:
                return f"vqvae.bottleneck.level_blocks.{top}.codebook"
            case ["codec", level, "out", kind]:
                return f"{encoder}.{level}.proj_out.{kind}"
            case ["codec", level, step, "down", kind]:
                return f"{encoder}.{level}.downsample_block.{2 * int(step)}.{kind}"
            case ["codec", level, step, block, part, kind]:
                place = f"{encoder}.{level}.downsample_block.{2 * int(step) + 1}"
                return f"{place}.resnet_block.{block}.{_CONVOLUTIONS[part][1]}.{kind}"
            case ["start", what]:
                return f"{prior}.metadata_embedding.{_label(what)}_emb.weight"
            case ["time", what]:
                return f"{prior}.metadata_embedding.{_time(what)}_emb.emb.weight"
            case ["lyrics", "start"]:
                return f"{prior}.encoder.start_token"
            case ["lyrics", "out", kind]:
                return f"{prior}.encoder.proj_in.{kind}"
            case ["lyrics", "norm", kind]:
                return f"{prior}.encoder.final_layer_norm.{kind}"
            case [stack, "symbols"]:
                return f"{roots[stack]}.embed_tokens.weight"
            case [stack, "places"]:
                return f"{roots[stack]}.pos_emb.pos_emb"
            case [stack, k, "attend_norm" | "mix_norm" as part, kind]:
                return f"{_block(roots[stack], k)}.layer_norm_{int(part == 'mix_norm')}.{kind}"
            case [stack, k, part, kind]:
                return f"{_block(roots[stack], k)}.{_PARTS[part]}.{kind}"
        raise KeyError(ours)

    lower = [f"vqvae.{what}.{level}." for level in range(top) for what in _LEVELS]
    unused = (
        "vqvae.decoders.",
        "priors.1.",
        "priors.2.",
        f"{prior}.prior.fc_proj_out.",
        f"{prior}.encoder.lm_head.",
    )
    return Layout(name, (*unused, *lower, *_later(architecture, f"{prior}.prior")))


_LEVELS = ("encoders", "bottleneck.level_blocks")


def _block(root: str, number: str) -> str:
    return f"{root}.transformer._attn_mods.{number}"


def _later(architecture: Architecture, root: str) -> list[str]:
    """Beginnings of the names in the blocks that are not kept."""
    music = architecture.music
    return [f"{_block(root, str(k))}." for k in range(len(music.kinds), music.published)]


def _label(what: str) -> str:
    return {"artist": "artist", "genre": "bow_genre"}[what]


def _time(what: str) -> str:
    return {"total": "total_length", "absolute": "absolute_pos", "relative": "relative_pos"}[what]


def find(architecture: Architecture, source: Path) -> list[tuple[str, Stored]]:
    """The tensors that an embedding needs, by names of ours, none of them read.

    Parameters
    ----------
    architecture
        Of the model that the files should hold.
    source
        Folder with the files of either layout.

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
    raise ModelError(
        f"holds no {' and no '.join(missing)}, nor a {HUB_FILES[1]} or {HUB_FILES[3]}",
        subject=str(source),
        remedy="Give the folder with the published files",
    )


def _open(path: Path) -> dict[str, Stored]:
    checkpoint = Checkpoint(path)
    # Training on several cards puts this before every name.
    return {name.removeprefix("module."): checkpoint.stored(name) for name in checkpoint.names()}


def pick(
    architecture: Architecture, layout: Layout, table: dict[str, Stored], path: Path
) -> list[tuple[str, Stored]]:
    """The tensors that an embedding needs out of all in a file; errors as for `find`."""
    needed = {layout.name(ours): (ours, shape) for ours, shape in shapes(architecture).items()}
    wrong = [f"{name} is missing" for name in needed if name not in table]
    wrong += [
        f"{name} is not expected"
        for name in table
        if name not in needed and not name.startswith(layout.unused)
    ]
    wrong += [
        f"{name} has the shape {table[name].shape} and not {shape}"
        for name, (_, shape) in needed.items()
        if name in table and table[name].shape != shape
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ModelError(
            f"these are not the weights that belong here: {'; '.join(wrong[:3])}{more}",
            subject=str(path),
            remedy="Check that the files are those of the encoder that was named",
        )
    return [(ours, table[name]) for name, (ours, _) in needed.items()]
