"""From published files to vectors: real modules, small networks, and no call to any network."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hevner import encoders
from hevner.encoders import weights
from hevner.encoders.large import LARGE
from hevner.encoders.mert.architecture import SIZES, Size, shapes
from hevner.errors import ModelError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

NAME = "mert-v1-95m"
SIZE = Size(width=32, blocks=2, heads=2, inner=48, stable=False, channels=8)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of a small network where those of MERT-v1-95M are expected."""
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))
    card = replace(LARGE[NAME].card, states=(32,) * 3, chosen=(1, 2), dimension=64)
    monkeypatch.setitem(SIZES, NAME, SIZE)
    monkeypatch.setitem(LARGE, NAME, replace(LARGE[NAME], card=card))
    folder = tmp_path / "published"
    folder.mkdir()
    random = torch.Generator().manual_seed(3)
    state = {name: torch.randn(shape, generator=random) / 8 for name, shape in shapes(SIZE).items()}
    torch.save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps({"model_type": "mert", "hidden_size": 32}))
    audio = {"sampling_rate": 24_000, "do_normalize": True}
    (folder / "preprocessor_config.json").write_text(json.dumps(audio))
    return folder


def test_no_call_is_made_from_published_files_to_vectors(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def note(*arguments: object, **_options: object) -> None:
        # Libraries may take a failure for a missing network and go on, so it is noted too.
        calls.append(arguments)
        raise OSError("no network here")

    for owner, call in (
        (socket.socket, "connect"),
        (socket.socket, "connect_ex"),
        (socket.socket, "sendto"),
        (socket, "getaddrinfo"),
    ):
        monkeypatch.setattr(owner, call, note)
    added = weights.add(NAME, str(published), accept_licence=True)
    encoder = encoders.create(f"{NAME}+2", "cpu")
    assert encoder.card.version == f"1-{added.digest[:12]}"
    weights.check_memory(encoder.card, "cpu")
    vectors = encoder.encode(np.ones((2, 24_000), np.float32) / 2)
    assert vectors.shape == (2, 32)
    assert np.isfinite(vectors).all()
    assert np.ptp(vectors) > 0
    assert calls == []


@pytest.mark.parametrize("name", sorted(LARGE))
def test_files_of_another_encoder_are_refused(name: str, published: Path) -> None:
    if name == NAME:
        (published / "config.json").write_text(json.dumps({"hidden_size": 33}))
    with pytest.raises(ModelError, match=r"published"):
        weights.add(name, str(published), accept_licence=True)
    assert weights.added(name) is None
