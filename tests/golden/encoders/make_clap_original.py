"""Write what the authors' own code gives on random weights, for `tests/encoders/test_clap.py`.

    pip install --no-deps laion-clap==1.1.7 torchlibrosa==0.1.0
    python -m tests.golden.encoders.make_clap_original

The audio tower is that of laion-clap, from samples to embedding, with its own transform to mel
bands; the text tower is a ``RobertaModel`` with a projection, as there. Weights follow from the
names of the tensors (`hevner.lab.rehearsal.clap_weights`), so that the file holds names, shapes and
outputs only.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import torch
from torch.nn.functional import normalize
from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

from hevner.lab.rehearsal.clap_weights import tensors, write
from tests.golden.encoders.make_clap import CONFIG, LENGTHS, SENTENCES, clip

GOLDEN = Path(__file__).resolve().parent / "clap_original.json"

KEPT = ("spectrogram_extractor", "logmel_extractor", "relative_position_index", "attn_mask")
"""Parts of the names of what the model computes for itself."""


def htsat() -> ModuleType:
    """The module of the audio tower, without the training code that its package imports."""
    package = ModuleType("laion_clap_modules")
    package.__path__ = [str(Path(find_spec("laion_clap").origin).parent / "clap_module")]
    sys.modules[package.__name__] = package
    # Imported there for a function that is not used.
    misc = ModuleType("torchvision.ops.misc")
    misc.FrozenBatchNorm2d = torch.nn.Identity
    for name, module in {
        "torchvision": ModuleType("torchvision"),
        "torchvision.ops": ModuleType("torchvision.ops"),
        "torchvision.ops.misc": misc,
    }.items():
        sys.modules[name] = module
    return importlib.import_module(f"{package.__name__}.htsat")


class Original(torch.nn.Module):
    """The parts of the authors' model that embeddings need, under their names."""

    def __init__(self) -> None:
        super().__init__()
        audio, text, space = CONFIG["audio_config"], CONFIG["text_config"], CONFIG["projection_dim"]
        config = SimpleNamespace(
            window_size=1024, hop_size=480, sample_rate=48_000, mel_bins=64, fmin=50, fmax=14_000
        )
        roberta = RobertaConfig(
            **text | {"model_type": "roberta", "type_vocab_size": 1, "layer_norm_eps": 1e-5}
        )
        self.text_branch = RobertaModel(roberta)
        self.audio_branch = htsat().HTSAT_Swin_Transformer(
            spec_size=256,
            patch_size=4,
            patch_stride=(4, 4),
            num_classes=5,
            embed_dim=audio["patch_embeds_hidden_size"],
            depths=audio["depths"],
            num_heads=audio["num_attention_heads"],
            window_size=8,
            config=config,
        )
        self.audio_projection = _projection(audio["hidden_size"], space)
        self.text_projection = _projection(text["hidden_size"], space)
        self.logit_scale_a = torch.nn.Parameter(torch.zeros(()))
        self.logit_scale_t = torch.nn.Parameter(torch.zeros(()))

    def audio(self, samples: np.ndarray) -> torch.Tensor:
        """Embeddings of clips, shape ``(n, 24)``."""
        output = self.audio_branch({"waveform": torch.from_numpy(samples)}, device="cpu")
        return normalize(self.audio_projection(output["embedding"]), dim=-1)

    def text(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        """Embeddings of sentences, shape ``(n, 24)``."""
        return normalize(self.text_projection(self.text_branch(**tokens).pooler_output), dim=-1)


def _projection(width: int, space: int) -> torch.nn.Sequential:
    first, second = torch.nn.Linear(width, space), torch.nn.Linear(space, space)
    return torch.nn.Sequential(first, torch.nn.ReLU(), second)


def main() -> None:
    """Write the file."""
    model = Original().eval()
    own = model.state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in own.items()}
    values = tensors(shapes)
    kept = {name: own[name] for name in own if any(part in name for part in KEPT)}
    model.load_state_dict(values | kept)
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        write(Path(name), CONFIG)
        tokenizer = RobertaTokenizerFast(vocab=f"{name}/vocab.json", merges=f"{name}/merges.txt")
        # As in training: filled up to 77 tokens.
        tokens = tokenizer(
            list(SENTENCES), padding="max_length", max_length=77, return_tensors="pt"
        )
        text = model.text(tokens)
        audio = model.audio(clip(LENGTHS["whole"])[None])
    golden = {"shapes": shapes, "audio": audio.tolist(), "text": text.tolist()}
    GOLDEN.write_text(json.dumps(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
