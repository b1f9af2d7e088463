from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from musicnn_reference import forward, random_checkpoint

from build_hook.graph import build_model
from hevner.encoders import available, create, musicnn
from hevner.encoders.mel import WINDOW_SAMPLES, log_mel_of_power, power_spectrum
from hevner.encoders.musicnn import MSD, MTT, MusiCNN, read_weights
from hevner.encoders.pinned import MUSICNN
from hevner.errors import ModelError
from tests.errors import raises


def open_session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def windows():
    """Chords of decaying partials with a noise burst on every beat, and noise alone."""
    rng = np.random.default_rng(11)
    time = np.arange(WINDOW_SAMPLES) / 16000
    beat = np.exp(-8 * (time % 0.5))
    rows = []
    for root in (110.0, 196.0, 261.6):
        chord = sum(
            np.sin(2 * np.pi * root * ratio * partial * time) / partial
            for ratio in (1.0, 1.25, 1.5)
            for partial in range(1, 6)
        )
        rows.append(0.1 * chord * beat + 0.05 * beat * rng.normal(size=time.size))
    rows.append(0.05 * rng.normal(size=time.size))
    return np.array(rows, np.float32)


# --- the fast graph and the readable network ---


@pytest.mark.parametrize("seed", [0, 1])
def test_fast_graph_equals_readable_network(seed, windows):
    checkpoint = random_checkpoint(seed)
    patches = log_mel_of_power(power_spectrum(windows[:2]))
    patches[1, 90:] = 0.0  # ends in silence
    embedding, tags = open_session(build_model(checkpoint)).run(None, {"log_mel": patches})
    for row, patch in enumerate(patches):
        expected_embedding, expected_tags = forward(checkpoint, patch.astype(np.float64))
        assert expected_embedding.std() > 0.5
        np.testing.assert_allclose(embedding[row], expected_embedding, atol=1e-4, rtol=0)
        np.testing.assert_allclose(tags[row], expected_tags, atol=1e-5, rtol=0)


def test_fast_graph_equals_readable_network_when_no_filter_has_decayed(windows):
    checkpoint = random_checkpoint(seed=2, decayed=0.0)
    patches = log_mel_of_power(power_spectrum(windows[3:]))
    embedding, _ = open_session(build_model(checkpoint)).run(None, {"log_mel": patches})
    expected, _ = forward(checkpoint, patches[0].astype(np.float64))
    np.testing.assert_allclose(embedding[0], expected, atol=1e-4, rtol=0)


# --- the encoder ---

# First eight numbers for the first window; they change only if the encoder's version does.
GOLDEN = {
    "musicnn": [
        *(-1.933911, -0.379613, -0.010718, -1.804965),
        *(1.641653, 0.299646, -1.936798, 1.31075),
    ],
    "musicnn-mtt": [
        *(4.711786, -5.50294, 1.722503, -0.135027),
        *(-6.425812, -1.077445, -4.580645, 6.500998),
    ],
}

both = pytest.mark.parametrize("card", [MSD, MTT], ids=lambda card: card.id)


@both
def test_card_says_what_the_encoder_does(windows, card):
    assert card.id in available()
    encoder = create(card.id)
    assert encoder.card is card
    assert windows.shape[1] == card.window_samples == 48128
    assert card.hop_samples == 187 * 256
    assert card.sample_rate == 16000
    assert card.licence == "ISC"
    assert encoder.encode(windows).shape == (len(windows), card.dimension) == (4, 200)
    assert encoder.encode(windows).dtype == np.float32


def test_the_two_networks_are_told_apart_by_their_cards():
    assert MSD.version != MTT.version
    assert "Million Song" in MSD.description
    assert "MagnaTagATune" in MTT.description


def test_unknown_encoder_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"'mert'.*musicnn"):
        create("mert")


@both
def test_golden_embedding(windows, card):
    embedding = MusiCNN(card).encode(windows[:1])[0]
    np.testing.assert_allclose(embedding[:8], GOLDEN[card.id], atol=2e-3, rtol=0)


@both
def test_a_batch_equals_singles(windows, card):
    encoder = MusiCNN(card)
    singles = np.concatenate([encoder.encode(window[None]) for window in windows])
    np.testing.assert_array_equal(encoder.encode(windows), singles)
    assert encoder.encode(windows[:0]).shape == (0, 200)


@pytest.mark.parametrize("gain", [0.0, 1e-12, 1.0, 1e6])
def test_silence_and_excess_give_finite_numbers(windows, gain):
    assert np.isfinite(MusiCNN().encode(windows * np.float32(gain))).all()


def test_windows_that_do_not_fit_are_refused(windows):
    with raises(ModelError, "wrong_shape"):
        MusiCNN().encode(windows[:, :-1])
    with raises(ModelError, "not_finite"):
        MusiCNN().encode(np.full_like(windows, np.nan))
    with raises(ModelError, "wrong_shape"):
        MusiCNN().encode_power(np.zeros((1, 186, 257), np.float32))


def test_an_encoder_that_has_run_can_be_sent_to_another_process(windows):
    encoder = MusiCNN()
    expected = encoder.encode(windows[:1])
    copy = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(copy.encode(windows[:1]), expected)


def test_the_network_is_loaded_once(windows):
    MusiCNN().encode(windows[:1])
    before = musicnn._session.cache_info().misses
    MusiCNN().encode(windows[1:])
    assert musicnn._session.cache_info().misses == before


def test_importing_the_encoder_does_not_load_the_runtime():
    code = "import sys, hevner.encoders.musicnn; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_and_damaged_weights_are_named(tmp_path):
    for card in (MSD, MTT):
        with raises(ModelError, "weights_missing", subject="_musicnn.onnx"):
            read_weights(card.id, tmp_path)
        intact = read_weights(card.id)
        damaged = bytearray(intact)
        damaged[len(damaged) // 2] ^= 1
        for file, _ in MUSICNN.values():
            (tmp_path / file).write_bytes(damaged)
        with raises(ModelError, "weights_damaged"):
            read_weights(card.id, tmp_path)
        for file, _ in MUSICNN.values():
            (tmp_path / file).unlink()


def test_the_weights_of_one_network_are_not_taken_for_the_other(tmp_path):
    file, _ = MUSICNN["MTT_musicnn"]
    (tmp_path / file).write_bytes(read_weights(MSD.id))
    with raises(ModelError, "weights_damaged"):
        read_weights(MTT.id, tmp_path)


# --- against an independent conversion of the same network ---


@pytest.fixture(scope="module")
def peers():
    default = Path(__file__).parents[3] / "shared" / "weights"
    folder = Path(os.environ.get("HEVNER_WEIGHTS", default)) / "peers"
    if not folder.is_dir():
        pytest.skip(f"no trained networks in {folder}")
    return folder


@pytest.mark.data
def test_embedding_is_that_of_the_independent_conversion(peers, windows):
    session = open_session((peers / "msd-musicnn-1.onnx").read_bytes())
    rng = np.random.default_rng(5)
    walk = np.abs(np.cumsum(rng.normal(scale=0.3, size=(3, 187, 96)), axis=1)).astype(np.float32)
    patches = np.concatenate(
        [log_mel_of_power(power_spectrum(windows)), walk, np.zeros_like(walk[:1])]
    )
    (expected,) = session.run(None, {session.get_inputs()[0].name: patches})
    np.testing.assert_allclose(MusiCNN().run(patches), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("name", ["musicnn", "musicnn-mtt"])
def test_no_stored_weight_is_denormal(name):
    model = onnx.load_from_string(read_weights(name))
    smallest = np.finfo(np.float32).tiny
    for tensor in model.graph.initializer:
        values = np.abs(onnx.numpy_helper.to_array(tensor))
        assert not ((values > 0) & (values < smallest)).any(), tensor.name
