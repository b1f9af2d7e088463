"""Write what the original code of Jukebox computes with small models, and its names of tensors.

Usage: make_jukebox_original.py CHECKOUT, a copy of the repository openai/jukebox; needs PyTorch
and NumPy only. Writes jukebox_original.npz (for the small models of make_jukebox.py: names and
shapes, tokens of a clip, last states of the top prior; for the one without lyrics also those of a
shorter clip, computed as when composing; for the full-size ones the kind of attention, heads and
length of a row of every block) and, beside the tests, names and shapes of the full-size VQ-VAE and
top priors, made without memory for their values.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from seeded import clip, weights

HERE = Path(__file__).parent
TABLES = HERE.parents[1] / "encoders" / "data"

TOTAL = 62 * 44_100 // 128 * 128
SHORT = 37

SMALL_VQVAE = {"emb_width": 8, "l_bins": 48, "width": 8, "depth": 2}
FULL_VQVAE = {"emb_width": 64, "l_bins": 2048, "width": 32, "depth": 4}
SMALL = {
    "5b": {
        "prior": {"width": 16, "depth": 7, "heads": 2, "attn_order": 2, "blocks": 8},
        "labels": {
            "y_bins": (5, 7),
            "t_bins": 20_000,
            "min_duration": 60.0,
            "max_bow_genre_size": 5,
        },
        "tokens": 64,
    },
    "5b-lyrics": {
        "prior": {"width": 16, "depth": 21, "heads": 2, "attn_order": 10, "blocks": 8},
        "labels": {
            "y_bins": (5, 7),
            "t_bins": 20_000,
            "min_duration": 23.8,
            "max_bow_genre_size": 5,
        },
        "tokens": 64,
        "lyrics": (16, 11),
        "prime": {"width": 12, "depth": 4, "heads": 1, "attn_order": 2, "blocks": 4},
    },
    "1b-lyrics": {
        "prior": {"width": 16, "depth": 18, "heads": 2, "attn_order": 12, "blocks": 8},
        "labels": {
            "y_bins": (5, 7),
            "t_bins": 20_000,
            "min_duration": 17.84,
            "max_bow_genre_size": 1,
        },
        "tokens": 56,
        "lyrics": (24, 11),
    },
}
V2 = {"y_bins": (120, 4111), "t_bins": 128, "max_bow_genre_size": 5}
V3 = {"y_bins": (604, 7898), "t_bins": 64, "max_bow_genre_size": 1}
FULL = {
    "5b": {
        "prior": {"width": 4800, "depth": 72, "heads": 8, "attn_order": 2, "blocks": 128},
        "labels": {**V2, "min_duration": 60.0},
        "tokens": 8192,
    },
    "5b-lyrics": {
        "prior": {"width": 4800, "depth": 79, "heads": 8, "attn_order": 10, "blocks": 128},
        "labels": {**V2, "min_duration": 23.8},
        "tokens": 8192,
        "lyrics": (512, 80),
        "prime": {"width": 1280, "depth": 18, "heads": 4, "attn_order": 2, "blocks": 32},
    },
    "1b-lyrics": {
        "prior": {"width": 2048, "depth": 72, "heads": 2, "attn_order": 12, "blocks": 64},
        "labels": {**V3, "min_duration": 17.84},
        "tokens": 6144,
        "lyrics": (384, 79),
    },
}  # fmt: skip
"""The values of jukebox/hparams.py."""


def import_original(checkout: Path) -> tuple[type, type]:
    """VQVAE and SimplePrior, made to run without CUDA and without what only training needs."""
    sys.path.insert(0, str(checkout))
    for name in ("soundfile", "librosa", "fire", "tqdm"):
        sys.modules.setdefault(name, ModuleType(name))
    sys.modules["tqdm"].tqdm = iter
    import jukebox.utils.dist_adapter as distributed

    distributed.get_rank = lambda: 0
    torch.cuda.LongTensor = torch.LongTensor
    torch.Tensor.cuda = lambda self, *_, **__: self
    for name in ("arange", "zeros"):
        original = getattr(torch, name)

        def on_cpu(*arguments: object, original=original, **options: object) -> torch.Tensor:
            if options.get("device") == "cuda":
                options.pop("device")
            return original(*arguments, **options)

        setattr(torch, name, on_cpu)
    import jukebox.prior.prior as prior
    from jukebox.vqvae.vqvae import VQVAE

    prior.Labeller = lambda *_, **__: None
    return VQVAE, prior.SimplePrior


def make_vqvae(kind: type, facts: dict, samples: int) -> torch.nn.Module:
    return kind(
        (samples, 1), 3, (3, 2, 2), (2, 2, 2), facts["emb_width"], facts["l_bins"], 0.99, 0.02,
        0.0, 1.0, multipliers=(2, 1, 1), width=facts["width"], depth=facts["depth"], m_conv=1.0,
        dilation_growth_rate=3, dilation_cycle=None, reverse_decoder_dilation=True,
    )  # fmt: skip


def make_prior(kind: type, facts: dict, vqvae: torch.nn.Module) -> torch.nn.Module:
    lyric_tokens, symbols = facts.get("lyrics", (0, 80))
    single = lyric_tokens > 0 and "prime" not in facts
    prime = {"bins": symbols, "init_scale": 0.7, **facts.get("prime", {})}
    labels = {"sr": 44_100, "max_duration": 600.0, **facts["labels"]}
    return kind(
        z_shapes=[(facts["tokens"] * 16,), (facts["tokens"] * 4,), (facts["tokens"],)],
        l_bins=vqvae.l_bins, encoder=None, decoder=None, level=2, downs_t=(3, 2, 2),
        strides_t=(2, 2, 2), labels=True,
        prior_kwargs={
            "input_shape": (facts["tokens"],), "bins": vqvae.l_bins, "init_scale": 0.1,
            **facts["prior"],
        },
        x_cond_kwargs={},
        y_cond_kwargs={"out_width": facts["prior"]["width"], "init_scale": 0.1, **labels},
        prime_kwargs={
            "use_tokens": lyric_tokens > 0, "n_tokens": lyric_tokens, "prime_loss_fraction": 0.4,
            **(prime if "prime" in facts else {"bins": symbols}),
        },
        copy_input=False, merged_decoder=not single, single_enc_dec=single,
    )  # fmt: skip


def fill(module: torch.nn.Module) -> dict[str, list[int]]:
    table = {name: list(tensor.shape) for name, tensor in module.state_dict().items()}
    state = {name: torch.from_numpy(weights(name, tuple(s))) for name, s in table.items()}
    if "prior.x_out.weight" in state and module.prior.share_x_emb_x_out:
        state["prior.x_out.weight"] = state["prior.x_emb.weight"]
    module.load_state_dict(state)
    module.eval()
    return table


def conditions(prior: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    genres = [0] + [-1] * (prior.y_emb.max_bow_genre_size - 1)
    label = [TOTAL, 0, int(prior.sample_length), 0, *genres, *[0] * prior.n_tokens]
    return prior.get_cond(None, torch.tensor([label]))


def last_states(prior: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    seen: list[torch.Tensor] = []
    blocks = prior.prior.transformer._attn_mods
    hook = blocks[-1].register_forward_hook(lambda _, __, x: seen.append(x.clone()))
    places, start, lyrics = conditions(prior)
    if prior.single_enc_dec:
        sequence, places = prior.prior_preprocess([lyrics, tokens], [None, places])
        prior.prior(sequence, places, start, get_sep_loss=True)
    else:
        prior.prior(tokens, places, start, prior.get_encoder_kv(lyrics))
    hook.remove()
    return seen[0][0, -tokens.shape[1] :].numpy()


def composed_states(prior: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """Last states of the first tokens only, through the code that composes."""
    places, start, _ = conditions(prior)
    core = prior.prior
    x = torch.cat([start, core.x_emb(tokens[:, : SHORT - 1])], dim=1)
    x = x + core.pos_emb()[:SHORT] + places[:, :SHORT]
    for block in core.transformer._attn_mods:
        x = block(x, encoder_kv=None, sample=True)
        block.attn.del_cache()
    return x[0].numpy()


def write_table(name: str, module: torch.nn.Module, origin: str) -> None:
    lines = [f"# Names and shapes of {origin}.", "# Written by make_jukebox_original.py."]
    lines += [
        f"{key} {'x'.join(map(str, tensor.shape))}" for key, tensor in module.state_dict().items()
    ]
    data = gzip.compress("\n".join([*lines, ""]).encode(), 9, mtime=0)
    (TABLES / f"{name}.txt.gz").write_bytes(data)


def main() -> None:
    vqvae_kind, prior_kind = import_original(Path(sys.argv[1]))
    arrays: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for name, facts in SMALL.items():
            vqvae = make_vqvae(vqvae_kind, SMALL_VQVAE, facts["tokens"] * 128)
            prior = make_prior(prior_kind, facts, vqvae)
            tables = {"vqvae": fill(vqvae), "prior": fill(prior)}
            sound = torch.from_numpy(clip(facts["tokens"] * 128))
            tokens = vqvae.encode(sound[None, :, None])[2]
            arrays[f"{name}/tables"] = np.frombuffer(json.dumps(tables).encode(), np.uint8)
            arrays[f"{name}/tokens"] = tokens[0].numpy().astype(np.int16)
            arrays[f"{name}/states"] = last_states(prior, tokens)
            if name == "5b":
                arrays[f"{name}/short"] = composed_states(prior, tokens)
    with torch.device("meta"):
        vqvae = make_vqvae(vqvae_kind, FULL_VQVAE, 8192 * 128)
        write_table("jukebox_vqvae", vqvae, "the class VQVAE of openai/jukebox")
        for name, facts in FULL.items():
            prior = make_prior(prior_kind, facts, vqvae)
            origin = f"the class SimplePrior of openai/jukebox, sizes of the top prior of {name}"
            write_table(f"jukebox_prior_{name}", prior, origin)
            attentions = [block.attn for block in prior.prior.transformer._attn_mods]
            arrays[f"{name}/attention"] = np.array(
                [(one.attn_func, one.n_head, one.block_ctx) for one in attentions], np.int16
            )
    np.savez_compressed(HERE / "jukebox_original.npz", **arrays)


if __name__ == "__main__":
    main()
