"""Write jukebox.npz: what transformers 4.57.6 computes with small Jukebox models.

Run in the environment that environment.sh makes: FOLDER/bin/python make_jukebox.py. There are
three models: as 5b (no lyrics), 5b-lyrics (an encoder of lyrics) and 1b-lyrics (lyrics in front of
the music). For each the file holds names and shapes of all tensors, the tokens of a clip, and the
states of the top prior at every block; for the three full-size ones also which bins of the
embeddings of time a window falls into. Weights and clip follow from seeded.py. Beside the tests
go names and shapes of the full-size models, made without memory for their values.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import torch
from seeded import clip, weights
from transformers.models.deprecated.jukebox.configuration_jukebox import JukeboxConfig
from transformers.models.deprecated.jukebox.modeling_jukebox import (
    JukeboxLabelConditioner,
    JukeboxModel,
)

HERE = Path(__file__).parent
TABLES = HERE.parents[1] / "encoders" / "data"

TOTAL = 62 * 44_100 // 128 * 128

VQVAE = {
    "nb_discrete_codes": 48,
    "embed_dim": 8,
    "res_conv_width": 8,
    "res_conv_depth": 2,
    "sample_length": 64 * 128,
}
UPSAMPLER = {
    "num_layers": 1,
    "hidden_size": 8,
    "n_heads": 1,
    "n_ctx": 32,
    "blocks": 4,
    "music_vocab_size": 48,
    "nb_relevant_lyric_tokens": 0,
    "is_encoder_decoder": False,
    "attention_pattern": "raw_column_previous_row_attention",
    "mask": True,
    "metadata_dims": [5, 7],
    "res_conv_width": 8,
    "res_conv_depth": 2,
}
TOP = {
    "hidden_size": 16,
    "n_heads": 2,
    "blocks": 8,
    "mask": True,
    "music_vocab_size": 48,
    "metadata_dims": [5, 7],
}
MODELS = {
    "5b": {
        "min_duration": 60.0,
        "max_nb_genres": 5,
        "top": {
            "num_layers": 7,
            "n_ctx": 64,
            "is_encoder_decoder": False,
            "nb_relevant_lyric_tokens": 0,
            "attention_pattern": "raw_column_previous_row_attention",
        },
    },
    "5b-lyrics": {
        "min_duration": 23.8,
        "max_nb_genres": 5,
        "top": {
            "num_layers": 21,
            "n_ctx": 64,
            "is_encoder_decoder": False,
            "nb_relevant_lyric_tokens": 16,
            "lyric_vocab_size": 11,
            "attention_pattern": "large_separated_enc_dec_w_lyrics",
            "encoder_config": {
                "hidden_size": 12,
                "n_heads": 1,
                "blocks": 4,
                "mask": True,
                "num_layers": 4,
                "n_ctx": 16,
                "nb_relevant_lyric_tokens": 16,
                "attention_pattern": "raw_column_previous_row_attention",
            },
        },
    },
    "1b-lyrics": {
        "min_duration": 17.84,
        "max_nb_genres": 1,
        "top": {
            "num_layers": 18,
            "n_ctx": 56,
            "is_encoder_decoder": True,
            "nb_relevant_lyric_tokens": 24,
            "lyric_vocab_size": 11,
            "merged_decoder": False,
            "attention_pattern": "enc_dec_with_lyrics",
        },
    },
}
BINS = 20_000
"""So many that a small window falls into several."""

FULL = {"5b": (8192, 128, 60.0), "5b-lyrics": (8192, 128, 23.8), "1b-lyrics": (6144, 64, 17.84)}
"""Tokens, bins and shortest song of the published models."""

FULL_UPSAMPLER = {
    "num_layers": 72,
    "hidden_size": 1920,
    "n_heads": 1,
    "n_ctx": 8192,
    "blocks": 128,
    "nb_relevant_lyric_tokens": 0,
    "is_encoder_decoder": False,
    "attention_pattern": "raw_column_previous_row_attention",
    "metadata_dims": [120, 4111],
    "res_conv_width": 1024,
    "res_conv_depth": 16,
}
FULL_TOP = {
    "5b-lyrics": {
        "num_layers": 79,
        "hidden_size": 4800,
        "n_heads": 8,
        "n_ctx": 8192,
        "blocks": 128,
        "is_encoder_decoder": False,
        "nb_relevant_lyric_tokens": 512,
        "lyric_vocab_size": 80,
        "metadata_dims": [120, 4111],
        "attention_pattern": "large_separated_enc_dec_w_lyrics",
        "encoder_config": {
            "num_layers": 18,
            "hidden_size": 1280,
            "n_heads": 4,
            "blocks": 32,
            "n_ctx": 512,
            "nb_relevant_lyric_tokens": 512,
            "attention_pattern": "raw_column_previous_row_attention",
        },
    },
    "1b-lyrics": {"lyric_vocab_size": 79, "merged_decoder": False},
}
"""The published ones; for 1b-lyrics the rest is what transformers takes by itself."""


def build(facts: dict) -> JukeboxModel:
    config = JukeboxConfig(
        vqvae_config=VQVAE,
        timing_dims=BINS,
        min_duration=facts["min_duration"],
        max_nb_genres=facts["max_nb_genres"],
        prior_0={**TOP, **facts["top"]},
        prior_1=UPSAMPLER,
        prior_2=UPSAMPLER,
    )
    model = JukeboxModel(config).eval()
    state = {
        name: torch.from_numpy(weights(name, tuple(tensor.shape)))
        for name, tensor in model.state_dict().items()
    }
    # The output shares its weights with the input of the model that has no separate decoder.
    for prior in range(3):
        out, symbols = (f"priors.{prior}.prior.{n}.weight" for n in ("fc_proj_out", "embed_tokens"))
        if model.state_dict()[out].data_ptr() == model.state_dict()[symbols].data_ptr():
            state[out] = state[symbols]
    model.load_state_dict(state)
    return model


def metadata(prior: torch.nn.Module) -> torch.Tensor:
    genres = [0] + [-1] * (prior.metadata_embedding.max_nb_genres - 1)
    lyrics = [0] * prior.nb_relevant_lyric_tokens
    return torch.tensor([[TOTAL, 0, int(prior.sample_length), 0, *genres, *lyrics]])


def states(prior: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """States of the music, shape (blocks + 1, tokens, width)."""
    seen = []
    blocks = prior.prior.transformer._attn_mods
    hooks = [blocks[0].register_forward_pre_hook(lambda _, x: seen.append(x[0].clone()))]
    hooks += [
        block.register_forward_hook(lambda _, __, x: seen.append(x.clone())) for block in blocks
    ]
    # As in forward_tokens, whose loss fails without lyrics.
    places, start, lyrics = prior.get_cond([], metadata(prior))
    if prior.is_encoder_decoder:
        sequence, places = prior.prior_preprocess([lyrics, tokens], [None, places])
        prior.prior(sequence, places, start)
    else:
        prior.prior(tokens, places, start, prior.get_encoder_states(lyrics))
    for hook in hooks:
        hook.remove()
    return torch.cat(seen)[:, -tokens.shape[1] :].numpy()


def bins(tokens: int, count: int, shortest: float) -> np.ndarray:
    """Bins of whole length, absolute and relative place, shape (tokens, 3)."""
    config = JukeboxConfig(timing_dims=count, min_duration=shortest).prior_configs[0]
    config.timing_dims, config.min_duration, config.max_duration = count, shortest, 600.0
    config.hidden_size, config.n_ctx, config.max_nb_genres = 3, tokens, 1
    module = JukeboxLabelConditioner(config, include_time_signal=True)
    for column, name in enumerate(("total_length", "absolute_pos", "relative_pos")):
        table = torch.zeros(count, 3)
        table[:, column] = torch.arange(count)
        getattr(module, f"{name}_emb").emb.weight.data = table
    _, places = module(torch.tensor([[TOTAL, 0, tokens * 128, 0, 0]]))
    return places[0].round().to(torch.int16).numpy()


def write_full_table(name: str) -> None:
    priors = {"prior_0": FULL_TOP[name], "prior_1": FULL_UPSAMPLER, "prior_2": FULL_UPSAMPLER}
    with torch.device("meta"):
        model = JukeboxModel(JukeboxConfig(timing_dims=FULL[name][1], **priors))
    lines = [
        f"# Names and shapes of JukeboxModel of transformers 4.57.6, sizes of {name}.",
        "# Written by make_jukebox.py.",
    ]
    lines += [f"{k} {'x'.join(map(str, v.shape))}" for k, v in model.state_dict().items()]
    data = gzip.compress("\n".join([*lines, ""]).encode(), 9, mtime=0)
    (TABLES / f"jukebox_hub_{name}.txt.gz").write_bytes(data)


def main() -> None:
    arrays: dict[str, np.ndarray] = {}
    with torch.no_grad():
        for name, facts in MODELS.items():
            model = build(facts)
            prior = model.priors[0]
            sound = torch.from_numpy(clip(prior.n_ctx * 128))
            tokens = model.vqvae.encode(sound[None, :, None])[2]
            table = {key: list(value.shape) for key, value in model.state_dict().items()}
            arrays[f"{name}/table"] = np.frombuffer(json.dumps(table).encode(), np.uint8)
            arrays[f"{name}/tokens"] = tokens[0].numpy().astype(np.int16)
            arrays[f"{name}/states"] = states(prior, tokens)
        for name, facts in FULL.items():
            arrays[f"{name}/bins"] = bins(*facts)
    np.savez_compressed(HERE / "jukebox.npz", **arrays)
    for name in FULL_TOP:
        write_full_table(name)


if __name__ == "__main__":
    main()
