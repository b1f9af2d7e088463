"""From the files of a checkpoint as they are published to those that the towers read.

Names of tensors stay those of ``ClapModel`` of ``transformers``; buffers that follow from the
configuration are left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import ClapModel

from hevner.encoders.base import EncoderCard
from hevner.encoders.clap import ORIGINAL, SAMPLE_RATE, WINDOW_SAMPLES, mel, original
from hevner.encoders.clap.reading import (
    CONFIG,
    DERIVED,
    TOKENIZER,
    WEIGHTS,
    Config,
    read_config,
    read_json,
)
from hevner.encoders.clap.text import read_tokenizer
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.errors import ModelError
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
"""What ``preprocessor_config.json`` must say for `hevner.encoders.clap.mel` to be right."""

Shape = tuple[int, ...]

MARKS = {"<s>": 0, "<pad>": 1, "</s>": 2}


def convert(
    card: EncoderCard, source: Path, target: Path, progress: Callable[[int, int], None]
) -> None:
    """See `hevner.encoders.clap.convert`."""
    config = read_config(source, card)
    _check_features(source / "preprocessor_config.json")
    tokenizer = _tokenizer(source, config.text_config.vocab_size)
    file = _weights_file(card, source)
    found = _tensors(Checkpoint(file))
    names = _check_names(file, found, shapes(config))
    write_safetensors(target / WEIGHTS, ((name, found[name]) for name in names), progress)
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


def _weights_file(card: EncoderCard, source: Path) -> Path:
    """The file of weights; one of the training code was put there on purpose, and goes first."""
    names = (ORIGINAL[card.id], "model.safetensors", "pytorch_model.bin")
    for name in names:
        if (source / name).is_file():
            return source / name
    raise ModelError(
        f"holds none of {', '.join(names)}",
        subject=str(source),
        remedy="Give the whole folder as it is on the hub",
    )


def _tensors(checkpoint: Checkpoint) -> dict[str, Stored]:
    """What a file of either layout holds, under the names of ``ClapModel``."""
    if original.is_original(checkpoint):
        return original.tensors(checkpoint)
    return {
        name: Stored(checkpoint.shape(name), checkpoint.dtype(name), partial(checkpoint.read, name))
        for name in checkpoint.names()
    }


def _check_names(
    file: Path, found: Mapping[str, Stored], expected: Mapping[str, Shape]
) -> list[str]:
    """Names of the tensors to keep, sorted, if the file holds exactly what it should."""
    wanted = {name for name in expected if not name.endswith(DERIVED)}
    problems = (
        ("has no tensor", sorted(wanted - set(found))),
        ("has a tensor that is not expected,", sorted(set(found) - set(expected))),
        (
            "has a tensor of another shape,",
            [
                f"{name} {found[name].shape} instead of {expected[name]}"
                for name in sorted(set(found) & set(expected))
                if found[name].shape != expected[name]
            ],
        ),
    )
    for what, names in problems:
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(
                f"{what} {names[0]}{more}",
                subject=str(file),
                remedy="Check that the file is of the encoder that was named",
            )
    return sorted(wanted)


def _check_features(path: Path) -> None:
    stated = read_json(path)
    for key, value in FEATURES.items():
        if key in stated and stated[key] != value:
            raise ModelError(
                f"{key} is {stated[key]!r}, not {value!r}",
                subject=str(path),
                remedy="Check that the folder is of the encoder that was named",
            )
    missing = sorted(set(FEATURES) - set(stated))
    if missing:
        raise ModelError(
            f"does not say {missing[0]}", subject=str(path), remedy="Fetch the file again"
        )


def _tokenizer(source: Path, size: int) -> Tokenizer:
    """The tokenizer of a folder, of either layout."""
    path = source / TOKENIZER
    if path.is_file():
        tokenizer = read_tokenizer(path, Tokenizer.from_file)
    else:
        tokenizer = read_tokenizer(source / "vocab.json", _byte_pairs)
    for mark, number in MARKS.items():
        if tokenizer.token_to_id(mark) != number:
            raise ModelError(
                f"the mark {mark} has the number {tokenizer.token_to_id(mark)}, not {number}",
                subject=str(source),
                remedy="Give the tokenizer that comes with the weights",
            )
    if tokenizer.get_vocab_size() != size:
        raise ModelError(
            f"the tokenizer knows {tokenizer.get_vocab_size()} tokens, the model {size}",
            subject=str(source),
            remedy="Give the tokenizer that comes with the weights",
        )
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
