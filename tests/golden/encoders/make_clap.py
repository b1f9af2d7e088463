"""Write what ``ClapModel`` gives on small random weights, for `tests/encoders/test_clap.py`.

    python -m tests.golden.encoders.make_clap

Weights follow from the names of the tensors (`hevner.lab.rehearsal.clap_weights`), the clips from
sines, so that the file holds outputs only. Run it when the expected numbers have changed on
purpose, and look at the difference. Everything here goes through the public interface of
``transformers``: feature extractor, tokenizer and model; outputs of blocks are caught by hooks.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import ClapConfig, ClapFeatureExtractor, ClapModel, RobertaTokenizerFast

from hevner.lab.rehearsal import reduced
from hevner.lab.rehearsal.clap_weights import LARGER, PREPROCESSOR, write

GOLDEN = Path(__file__).resolve().parent / "clap.json"

CONFIG = LARGER | reduced.CLAP
"""Both towers, small: three stages, the last with a grid of 16 x 16 patches."""

LENGTHS = {"whole": 480_000, "short": 170_001, "shorter": 777}
"""Samples of the clips."""

SENTENCES = ("calm music", "loud and angry, with distorted guitars", "glad", "Musik für Elise …")


def clip(length: int) -> np.ndarray:
    """A few gliding tones that come and go, at 48 kHz."""
    seconds = np.arange(length) / 48_000
    tones = [
        np.sin(2 * np.pi * (start + rate * seconds) * seconds) * np.sin(beat * seconds) ** 2
        for start, rate, beat in ((110, 10, 3.0), (660, -20, 5.0), (3000, 300, 1.0))
    ]
    return (0.2 * np.sum(tones, axis=0)).astype(np.float32)


class Reference:
    """The model of ``transformers`` on a checkpoint in a folder, as it is published."""

    def __init__(self, folder: Path) -> None:
        config = ClapConfig.from_dict(json.loads((folder / "config.json").read_text("utf-8")))
        self.model = ClapModel(config).eval()
        weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
        self.model.load_state_dict(weights, strict=True)
        self.features = ClapFeatureExtractor(**PREPROCESSOR)
        self.tokenizer = RobertaTokenizerFast(
            vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt")
        )

    def mel(self, samples: np.ndarray) -> torch.Tensor:
        """Input features of one clip, shape ``(1, 1, frames, bands)``."""
        output = self.features(samples, sampling_rate=48_000, return_tensors="pt")
        return output["input_features"]

    def audio(self, samples: np.ndarray) -> dict[str, np.ndarray]:
        """The embedding of one clip, and the mean over the patches of every state."""
        encoder = self.model.audio_model.audio_encoder
        blocks = [block for stage in encoder.layers for block in stage.blocks]
        caught: list[torch.Tensor] = []
        hooks = [encoder.patch_embed.register_forward_hook(lambda _m, _i, x: caught.append(x))]
        hooks += [
            block.register_forward_hook(lambda _m, _i, out: caught.append(out[0]))
            for block in blocks
        ]
        with torch.inference_mode():
            embedding = self.model.get_audio_features(self.mel(samples)).pooler_output[0]
        for hook in hooks:
            hook.remove()
        states = {str(number): x.mean(1)[0].numpy() for number, x in enumerate(caught)}
        return {"embedding": embedding.numpy(), **states}

    def text(self, sentences: list[str]) -> np.ndarray:
        """Embeddings of sentences, all in one batch."""
        tokens = self.tokenizer(sentences, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return self.model.get_text_features(**tokens).pooler_output.numpy()

    def logits(self, samples: np.ndarray, sentences: list[str]) -> np.ndarray:
        """What the model says of each sentence for one clip."""
        tokens = self.tokenizer(sentences, padding=True, return_tensors="pt")
        with torch.inference_mode():
            return (
                self.model(input_features=self.mel(samples), **tokens).logits_per_audio[0].numpy()
            )


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, CONFIG)
        reference = Reference(folder)
    sentences = list(SENTENCES)
    golden = {
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "audio": {
            name: {key: _numbers(values) for key, values in reference.audio(clip(length)).items()}
            for name, length in LENGTHS.items()
        },
        "tokens": reference.tokenizer(sentences)["input_ids"],
        "text": [_numbers(vector) for vector in reference.text(sentences)],
        "logits": _numbers(reference.logits(clip(LENGTHS["whole"]), sentences)),
    }
    GOLDEN.write_text(json.dumps(golden) + "\n", encoding="utf-8")


def _numbers(values: np.ndarray) -> list[float]:
    """Seven digits, as many as single precision has."""
    return [float(f"{value:.7g}") for value in values]


if __name__ == "__main__":
    main()
