"""Conversion of the published files of a CLAP into the files that the towers read.

Names of tensors stay those of ``ClapModel`` of ``transformers``; buffers that follow from the
configuration are left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import ClapModel

from hevner import encoders
from hevner.encoders.base import EncoderCard
from hevner.encoders.clap import SAMPLE_RATE, WINDOW_SAMPLES, mel, original
from hevner.encoders.clap.reading import (
    CONFIG,
    DERIVED,
    TOKENIZER,
    WEIGHTS,
    Config,
    read_config,
)
from hevner.encoders.clap.text import read_tokenizer
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.encoders.weights.published import (
    check_tensors,
    check_values,
    first_file,
    other_files,
    read_json,
)
from hevner.encoders.weights.stored import Shape
from hevner.files import cannot_write

FEATURES = {
    "sampling_rate": SAMPLE_RATE,
    "nb_max_samples": WINDOW_SAMPLES,
    "fft_window_size": mel.FFT,
    "hop_length": mel.HOP,
    "feature_size": mel.BANDS,
    "frequency_min": mel.LOWEST_HZ,
    "frequency_max": mel.HIGHEST_HZ,
    "truncation": "rand_trunc",
    "padding": "repeatpad",
    "top_db": None,
}
"""Values in ``preprocessor_config.json`` for which `hevner.encoders.clap.mel` is right."""

T = TypeVar("T")

MARKS = {"<s>": 0, "<pad>": 1, "</s>": 2}


def convert(
    card: EncoderCard, source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    """Write the files that the towers read; see `hevner.encoders.large.Large.convert`."""
    config = read_config(source, card)
    features = source / "preprocessor_config.json"
    check_values(features, read_json(features), FEATURES, complete=True)
    tokenizer = _tokenizer(source, config.text_config.vocab_size)
    # A file of the training code was put there on purpose, and goes first.
    trained = (name for name in encoders.large_entry(card.id).files if name.endswith(".pt"))
    names = (*trained, "model.safetensors", "pytorch_model.bin")
    file = first_file(source, names)
    found = _without_derived(_tensors(Checkpoint(file)))
    check_tensors(file, found, _without_derived(shapes(config)))
    write_safetensors(target / WEIGHTS, sorted(found.items()), progress)
    try:
        shutil.copyfile(source / CONFIG, target / CONFIG)
        (target / TOKENIZER).write_text(tokenizer.to_str(), "utf-8")
    except OSError as error:
        raise cannot_write(target, error) from error


def shapes(config: Config) -> dict[str, Shape]:
    """Shape of every tensor of a model, buffers included, by name."""
    with torch.device("meta"):
        model = ClapModel(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def _tensors(checkpoint: Checkpoint) -> dict[str, Stored]:
    """The tensors of a file of either layout, under the names of ``ClapModel``."""
    if original.is_original(checkpoint):
        return original.tensors(checkpoint)
    return {name: checkpoint.stored(name) for name in checkpoint.names()}


def _without_derived(table: Mapping[str, T]) -> dict[str, T]:
    """A table by name without the buffers that follow from the configuration."""
    return {name: one for name, one in table.items() if not name.endswith(DERIVED)}


def _tokenizer(source: Path, size: int) -> Tokenizer:
    """The tokenizer of a folder, of either layout."""
    path = source / TOKENIZER
    if path.is_file():
        tokenizer = read_tokenizer(path, Tokenizer.from_file)
    else:
        tokenizer = read_tokenizer(source / "vocab.json", _byte_pairs)
    for mark, number in MARKS.items():
        found = tokenizer.token_to_id(mark)
        if found != number:
            cause = f"the mark {mark} has the number {found}, not {number}"
            raise other_files(source, cause, "other_tokenizer")
    known = tokenizer.get_vocab_size()
    if known != size:
        cause = f"the tokenizer knows {known} tokens, the model {size}"
        raise other_files(source, cause, "other_tokenizer")
    return tokenizer


def _byte_pairs(vocabulary: str) -> Tokenizer:
    """The tokenizer of RoBERTa from its vocabulary and the merges beside it."""
    merges = Path(vocabulary).with_name("merges.txt")
    tokenizer = Tokenizer(models.BPE.from_file(vocabulary, str(merges), unk_token="<unk>"))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", MARKS["</s>"]), ("<s>", MARKS["<s>"]), add_prefix_space=False
    )
    return tokenizer
