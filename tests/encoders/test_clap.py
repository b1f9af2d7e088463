"""The audio tower of CLAP against ClapModel: recorded numbers, and a live model."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file, save_file
from transformers import ClapFeatureExtractor

from hevner.audio.windows import Windower
from hevner.encoders.clap import SAMPLE_RATE, WINDOW_SAMPLES
from hevner.encoders.clap.mel import log_mel
from hevner.encoders.large import LARGE
from hevner.errors import MissingDependencyError, ModelError
from hevner.lab.rehearsal.clap_weights import PREPROCESSOR
from tests.encoders.small_clap import CARD, GOLDEN, close, load
from tests.errors import raises
from tests.golden.encoders.make_clap import LENGTHS, SENTENCES, clip
from tests.memory import growth


@pytest.mark.parametrize("name", LENGTHS)
def test_embeddings_are_those_that_were_recorded(clap_encoder, name):
    vectors = clap_encoder.encode(clip(LENGTHS[name])[None])
    assert vectors.dtype == np.float32
    close(vectors, [GOLDEN["audio"][name]["embedding"]])
    close(np.linalg.norm(vectors, axis=1), 1)


@pytest.mark.parametrize("name", LENGTHS)
def test_states_are_those_that_were_recorded(clap_folder, name):
    vectors = load(clap_folder, "all").encode(clip(LENGTHS[name])[None])
    expected = [GOLDEN["audio"][name][str(number)] for number in range(len(CARD.states))]
    close(vectors[0], np.concatenate(expected))


@pytest.mark.parametrize("length", [480_000, 240_000, 33_333, 481, 1])
def test_audio_agrees_with_a_live_model(clap_encoder, clap_folder, clap_reference, length):
    expected = clap_reference.audio(clip(480_000)[-length:])
    samples = clip(480_000)[None, -length:]
    close(clap_encoder.encode(samples)[0], expected["embedding"])
    states = load(clap_folder, "1+3").encode(samples)[0]
    close(states, np.concatenate([expected["1"], expected["3"]]))


@pytest.mark.parametrize("states", ["0", "1", "2", "5", "4+0", "5+5"])
def test_chosen_states_are_parts_of_all_states(clap_folder, states):
    samples = clip(60_000)[None]
    everything = load(clap_folder, "all").encode(samples)[0]
    bounds = np.cumsum([0, *CARD.states])
    parts = [everything[bounds[int(k)] : bounds[int(k) + 1]] for k in states.split("+")]
    vectors = load(clap_folder, states).encode(samples)
    assert vectors.shape == (1, CARD.choose(states).dimension)
    np.testing.assert_allclose(vectors[0], np.concatenate(parts), atol=1e-6)


def test_blocks_behind_the_last_chosen_state_are_not_run_nor_loaded(clap_folder, tmp_path):
    shutil.copytree(clap_folder, tmp_path, dirs_exist_ok=True)
    weights = load_file(tmp_path / "weights.safetensors")
    kept = ("batch_norm", "patch_embed", "layers.0", "layers.1.blocks.0")
    weights = {name: one for name, one in weights.items() if any(part in name for part in kept)}
    save_file(weights, tmp_path / "weights.safetensors")
    samples = clip(60_000)[None]
    whole = load(clap_folder, "2").encode(samples)
    np.testing.assert_array_equal(load(tmp_path, "2").encode(samples), whole)
    with pytest.raises(ModelError, match=r"layers\.1\.blocks\.1"):
        load(tmp_path, "3").encode(samples)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_batch_equals_its_windows_one_by_one(clap_encoder, monkeypatch, batch):
    monkeypatch.setattr("hevner.encoders.clap.audio.BATCH", {"cpu": batch})
    windows = np.stack([clip(500_000)[start : start + 50_000] for start in (0, 70_000, 140_000)])
    singles = np.concatenate([clap_encoder.encode(one[None]) for one in windows])
    np.testing.assert_allclose(clap_encoder.encode(windows), singles, atol=1e-6)
    assert np.ptp(singles, axis=0).max() > 1e-3


def test_two_loads_agree_and_copies_are_the_same(clap_encoder, clap_folder):
    samples = clip(90_000)[None]
    first = clap_encoder.encode(samples)
    np.testing.assert_array_equal(load(clap_folder).encode(samples), first)
    copy = pickle.loads(pickle.dumps(clap_encoder))
    np.testing.assert_array_equal(copy.encode(samples), first)
    assert copy.card == clap_encoder.card


def test_no_windows_give_no_vectors(clap_encoder):
    assert clap_encoder.encode(np.zeros((0, 480_000), np.float32)).shape == (0, 24)
    assert clap_encoder.text([]).shape == (0, 24)


def test_silence_and_full_scale_have_finite_vectors(clap_encoder):
    loud = np.ones((1, 48_000), np.float32)
    vectors = clap_encoder.encode(np.concatenate([0 * loud, loud, -loud]))
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize(
    "windows",
    [
        np.zeros(480_000),
        np.zeros((1, 480_001)),
        np.zeros((1, 0)),
        np.full((1, 480), np.nan),
        np.full((1, 480), np.inf),
    ],
)
def test_what_is_no_window_is_refused(clap_encoder, windows):
    with raises(ModelError, "wrong_shape" if np.isfinite(windows).all() else "not_finite"):
        clap_encoder.encode(windows)


def test_an_hour_leaves_memory_as_it_was(clap_folder):
    encoder = load(clap_folder, "0")
    windower = Windower(CARD.window_samples, CARD.hop_samples, CARD.shortest)
    minute, shapes = np.tile(clip(48_000), 60), set()
    grown = growth(lambda: shapes.add(encoder.encode(windower.push(minute)).shape), 60)
    assert shapes == {(6, 8)}
    assert len(windower.finish()) == 0
    assert grown < 55 * minute.nbytes / 3


@pytest.mark.parametrize("length", [480_000, 479_999, 100_000, 1_025, 1])
@pytest.mark.parametrize("kind", ["noise", "tone", "click", "silence", "loud"])
def test_input_features_are_those_of_the_extractor(length, kind):
    position = np.arange(length)
    samples = {
        "noise": np.random.default_rng(3).standard_normal(length) * 0.01,
        "tone": 0.5 * np.sin(2 * np.pi * 440 * position / 48_000),
        "click": (position == length // 3).astype(float),
        "silence": np.zeros(length),
        "loud": np.sign(np.sin(position / 7)),
    }[kind].astype(np.float32)
    extractor = ClapFeatureExtractor(**PREPROCESSOR)
    expected = extractor(samples, sampling_rate=48_000, return_tensors="np")["input_features"]
    actual = log_mel(torch.from_numpy(samples)[None])
    close(actual.numpy(), expected[0])


def test_cards_state_the_published_facts():
    for name in ("clap-general", "clap-music", "clap-music-speech"):
        card = LARGE[name].card
        assert card.id == name
        assert LARGE[name].files[-1].endswith(".pt")
        assert (card.sample_rate, card.window_samples, card.dimension) == (
            SAMPLE_RATE,
            WINDOW_SAMPLES,
            512,
        )
        assert len(card.states) == 19
        assert card.choose("18").dimension == 1024
        assert card.choose("0+2+4+16").dimension == 128 + 128 + 256 + 512


def test_the_type_of_numbers_is_part_of_the_version(clap_folder, monkeypatch):
    assert load(clap_folder).card.version == "1"
    monkeypatch.setattr("hevner.encoders.weights.devices.dtype_for", lambda _device: torch.bfloat16)
    assert load(clap_folder).card.version == "1-bfloat16"


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_a_missing_package_is_named(clap_folder, monkeypatch, package):
    monkeypatch.delitem(sys.modules, "hevner.encoders.weights.checkpoint", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=f"needs {package}.*hevner.encoders"):
        load(clap_folder)


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_close(clap_encoder, clap_folder, monkeypatch, dtype):
    for module in ("audio", "text"):
        monkeypatch.setattr(f"hevner.encoders.clap.{module}.dtype_for", lambda _device: dtype)
    samples, sentences = clip(480_000)[None], list(SENTENCES)
    half = load(clap_folder)
    assert (half.encode(samples) * clap_encoder.encode(samples)).sum() > 0.999
    assert (half.text(sentences) * clap_encoder.text(sentences)).sum(axis=1).min() > 0.999


def test_facts_are_had_without_torch():
    code = "import sys; from hevner.encoders import card; print(card('clap-music').dimension)"
    code += "; assert not {'torch', 'transformers'} & set(sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "512\n"
