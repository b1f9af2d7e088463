"""Write mert.npz and the tables of shapes: what the published code of MERT computes and holds.

Run in the environment that environment.sh makes: FOLDER/bin/python make_mert.py PUBLISHED, where
PUBLISHED is a folder with ``modeling_MERT.py`` and ``configuration_MERT.py`` as they come with
MERT-v1-95M. Since release 5 of transformers that code gives no states.

There are two small models: as 95M (norms behind, the clip normalised) and as 330M (norms before,
the clip as it is). For each the file holds every state of a clip by the published code, which must
agree with transformers' HubertModel to the last bit. Weights and clip follow from seeded.py. The
tables name every tensor of the full-size models, in the spelling of the published files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from seeded import clip, weights
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

HERE = Path(__file__).parent
TABLES = HERE.parents[1] / "encoders" / "data"

MODELING = "6c3ee73cef6f0c30ef494f88d96f891fa6925ffe663fa391b512f4b57abecc6c"
"""SHA-256 of ``modeling_MERT.py`` as it comes with MERT-v1-95M."""

SAMPLES = 25_001

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": [16] * 7,
}
MODELS = {
    "95m": {"do_stable_layer_norm": False},
    "330m": {"do_stable_layer_norm": True, "mask_time_prob": 0.075, "attention_relax": 32.0},
}
NORMALISE = {"95m": True, "330m": False}
FULL = {
    "95m": {},
    "330m": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}
SPELLINGS = {"parametrizations.weight.original0": "weight_g"}
SPELLINGS["parametrizations.weight.original1"] = "weight_v"


def published(folder: Path):
    """The published classes, of a configuration and a model."""
    digest = hashlib.sha256((folder / "modeling_MERT.py").read_bytes()).hexdigest()
    if digest != MODELING:
        raise SystemExit(f"modeling_MERT.py has the SHA-256 {digest}, not {MODELING}")
    place = importlib.util.spec_from_loader("published", loader=None, is_package=True)
    package = importlib.util.module_from_spec(place)
    package.__path__ = [str(folder)]
    sys.modules["published"] = package
    configuration = importlib.import_module("published.configuration_MERT").MERTConfig
    return configuration, importlib.import_module("published.modeling_MERT").MERTModel


def spell(name: str) -> str:
    for ours, theirs in SPELLINGS.items():
        name = name.replace(ours, theirs)
    return name


def states(model: torch.nn.Module, audio: torch.Tensor) -> np.ndarray:
    """All states of a clip, shape ``(states, frames, width)``."""
    values = {
        name: torch.from_numpy(weights(spell(name), tuple(tensor.shape)))
        for name, tensor in model.state_dict().items()
    }
    model.load_state_dict(values)
    with torch.inference_mode():
        found = model.eval()(audio, output_hidden_states=True, return_dict=True).hidden_states
    return torch.cat(found).numpy()


def table(model: torch.nn.Module, name: str) -> str:
    lines = [
        f"# MERT-v1-{name.upper()}: names and shapes of the published file, derived by building",
        "# the published modelling code with the published configuration on the meta device",
        f"# (transformers {transformers.__version__}); see tests/golden/encoders/make_mert.py",
    ]
    lines += [
        f"{spell(tensor)} {' '.join(map(str, values.shape))}"
        for tensor, values in sorted(model.state_dict().items())
    ]
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    configuration, model = published(folder)
    golden = {}
    for name, facts in MODELS.items():
        extractor = Wav2Vec2FeatureExtractor(
            sampling_rate=24_000, do_normalize=NORMALISE[name], return_attention_mask=True
        )
        audio = extractor(clip(SAMPLES), sampling_rate=24_000, return_tensors="pt").input_values
        small = {**SMALL, **facts, "conv_pos_batch_norm": False}
        golden[name] = states(model(configuration(**small)), audio)
        plain = HubertModel(HubertConfig(**small, feat_proj_layer_norm=True))
        if not np.array_equal(golden[name], states(plain, audio)):
            raise SystemExit(f"{name}: the published code and HubertModel differ")
        with torch.device("meta"):
            full = model(configuration(**FULL[name], **facts, conv_pos_batch_norm=False))
        (TABLES / f"mert-v1-{name}.txt").write_text(table(full, name), "utf-8")
    np.savez_compressed(HERE / "mert.npz", **golden)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
