"""The checkpoints of the authors' own training code, under the names of ``ClapModel``.

A file such as ``music_audioset_epoch_15_esc_90.14.pt`` holds the weights under ``state_dict``,
beside the state of the optimiser. It differs from the layout on the hub in names only, but for
query, key and value of the audio tower, which are one matrix.
"""

from __future__ import annotations

import torch

from hevner.encoders.weights.checkpoint import Checkpoint, Stored

PREFIX = "module."
"""Beginning of all names after training on several devices."""

MARK = "audio_branch."
"""Beginning of names that only this layout has."""

UNUSED = (
    "audio_branch.spectrogram_extractor.",
    "audio_branch.logmel_extractor.",
    "audio_branch.tscam_conv.",
    "audio_branch.head.",
    "audio_transform.",
    "text_transform.",
)
"""Beginnings of the names of tensors that embeddings do not need: the transform to mel bands, the
classifier, and a head of another training loss."""

RENAMED = (
    ("audio_branch.bn0.", "audio_model.audio_encoder.batch_norm."),
    ("audio_branch.", "audio_model.audio_encoder."),
    ("text_branch.", "text_model."),
    ("_projection.0.", "_projection.linear1."),
    ("_projection.2.", "_projection.linear2."),
    (".norm1.", ".layernorm_before."),
    (".norm2.", ".layernorm_after."),
    (".attn.proj.", ".attention.output.dense."),
    (".attn.", ".attention.self."),
    (".mlp.fc1.", ".intermediate.dense."),
    (".mlp.fc2.", ".output.dense."),
)
"""Parts of names, replaced one after the other."""

QKV = ".attention.self.qkv."


def is_original(checkpoint: Checkpoint) -> bool:
    """Whether the names are those of the training code."""
    return any(name.removeprefix(PREFIX).startswith(MARK) for name in checkpoint.names())


def tensors(checkpoint: Checkpoint) -> dict[str, Stored]:
    """The tensors that embeddings need, under the names of ``ClapModel``.

    A name that is not known stays what it is.
    """
    found = {}
    for name in checkpoint.names():
        plain = name.removeprefix(PREFIX)
        if plain.startswith(UNUSED) or plain.endswith(".attn_mask"):
            continue
        for old, new in RENAMED:
            plain = plain.replace(old, new)
        if QKV in plain:
            for number, part in enumerate(("query", "key", "value")):
                found[plain.replace("qkv", part)] = _third(checkpoint.stored(name), number)
        else:
            found[plain] = checkpoint.stored(name)
    return found


def _third(matrix: Stored, number: int) -> Stored:
    """Query, key or value: the rows lie in this order, each a third."""
    rows, *rest = matrix.shape
    size = rows // 3

    def read() -> torch.Tensor:
        return matrix.read()[number * size : (number + 1) * size].contiguous()

    return Stored((size, *rest), matrix.dtype, read)
