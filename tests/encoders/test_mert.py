"""MERT against the published code and HubertModel, its files, and everything that can be wrong."""

from __future__ import annotations

import json
import math
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("psutil")

import torch
from safetensors.torch import load_file, save_file
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from hevner import encoders
from hevner.audio.windows import Windower
from hevner.encoders.large import LARGE
from hevner.encoders.mert import architecture, conversion
from hevner.encoders.mert.architecture import WEIGHTS, Size
from hevner.encoders.mert.network import CHUNK, Convolutions, Network
from hevner.encoders.weights.checkpoint import Checkpoint
from hevner.errors import MissingDependencyError, ModelError
from tests.errors import raises
from tests.golden.encoders.seeded import clip, weights
from tests.memory import growth

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "encoders" / "mert.npz"
SAMPLES = 25_001
TOLERANCE = 1e-4
CPU = torch.device("cpu")

SIZES = {
    "mert-v1-95m": Size(32, 3, 4, 48, stable=False, channels=16),
    "mert-v1-330m": Size(32, 3, 4, 48, stable=True, channels=16),
}
NORMALISE = {"mert-v1-95m": True, "mert-v1-330m": False}
NAMES = sorted(SIZES)
FULL = dict(architecture.SIZES)


def quiet(_done, _total):
    pass


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, size in SIZES.items():
        card = replace(LARGE[name].card, states=(size.width,) * (size.blocks + 1))
        card = replace(card.choose("all"), id=name)
        monkeypatch.setitem(LARGE, name, replace(LARGE[name], card=card))
        monkeypatch.setitem(architecture.SIZES, name, size)


def state(name):
    shapes = architecture.shapes(SIZES[name]) | {conversion.MASK: (SIZES[name].width,)}
    return {one: torch.from_numpy(weights(one, shape)) for one, shape in shapes.items()}


def publish(folder, name, **changes):
    """Write a checkpoint as it is published; changes are those of its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state(name), folder / "pytorch_model.bin")
    size = SIZES[name]
    configuration = {
        "hidden_size": size.width,
        "num_hidden_layers": size.blocks,
        "conv_dim": [size.channels] * 7,
        "do_stable_layer_norm": size.stable,
        "deepnorm": False,
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(configuration))
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": NORMALISE[name], "sampling_rate": 24000})
    )
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    return {name: publish(folder / name, name) for name in NAMES}


@pytest.fixture
def converted(published, tmp_path):
    for name, source in published.items():
        (tmp_path / name).mkdir()
        LARGE[name].convert(source, tmp_path / name, quiet)
    return {name: tmp_path / name for name in NAMES}


def encoder(folder, name, states="all"):
    card = LARGE[name].card
    return LARGE[name].load(card.choose(states), folder[name], "cpu")


def network(folder, name, last=3):
    return Network(SIZES[name], folder[name] / WEIGHTS, last, CPU, torch.float32)


def frames_of(network, windows):
    with torch.inference_mode():
        return np.stack([one.numpy() for one in network.states(windows)])


def live(name):
    """Transformers' own model with the same weights, whole."""
    size = SIZES[name]
    config = HubertConfig(
        hidden_size=size.width,
        num_hidden_layers=size.blocks,
        num_attention_heads=size.heads,
        intermediate_size=size.inner,
        conv_dim=(size.channels,) * 7,
        do_stable_layer_norm=size.stable,
    )
    model = HubertModel(config).eval()
    renamed = {theirs: ours for ours, theirs in conversion.SPELLINGS.items()}
    tensors = {renamed.get(one, one): values for one, values in state(name).items()}
    model.load_state_dict(tensors, strict=True)
    return model


# The numbers.


@pytest.mark.parametrize("name", NAMES)
def test_every_state_is_that_of_the_published_code(converted, name):
    golden = np.load(GOLDEN)[name.removeprefix("mert-v1-")]
    window = clip(SAMPLES)[None]
    found = frames_of(network(converted, name), window)[:, 0]
    assert found.shape == golden.shape == (4, 77, 32)
    assert np.abs(found - golden).max() <= TOLERANCE
    means = encoder(converted, name).encode(window).reshape(4, 32)
    assert np.abs(means - golden.mean(1)).max() <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_every_state_is_that_of_a_live_model(converted, name, rng):
    windows = (0.1 * rng.standard_normal((2, 60_123))).astype(np.float32)
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=24000, do_normalize=NORMALISE[name])
    audio = extractor(list(windows), sampling_rate=24000, return_tensors="pt").input_values
    model = live(name)
    with torch.inference_mode():
        output = model(audio, output_hidden_states=True)
    expected = torch.stack([*output.hidden_states[:-1], output.last_hidden_state]).numpy()
    assert np.abs(frames_of(network(converted, name), windows) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_network_cut_off_gives_the_states_of_the_whole_one(converted, name, last):
    window = clip(SAMPLES)[None]
    whole = frames_of(network(converted, name), window)
    assert np.array_equal(frames_of(network(converted, name, last), window), whole[: last + 1])


def test_the_final_norm_belongs_to_the_last_state_alone(converted):
    whole = frames_of(network(converted, "mert-v1-330m"), clip(SAMPLES)[None])
    gain, shift = (weights(f"encoder.layer_norm.{part}", (32,)) for part in ("weight", "bias"))
    normed = (whole[:, 0] - shift) / gain
    deviations = normed.std(-1)
    assert np.abs(deviations[-1] - 1).max() < 1e-3
    assert np.abs(deviations[:-1] - 1).min(0).max() > 0.1


def test_states_lie_side_by_side_in_the_order_asked_for(converted):
    window = clip(SAMPLES)[None]
    every = encoder(converted, "mert-v1-95m").encode(window).reshape(4, 32)
    chosen = encoder(converted, "mert-v1-95m", "2+0").encode(window)
    assert np.array_equal(chosen[0], np.concatenate([every[2], every[0]]))


@pytest.mark.parametrize("chunk", [1, 7, 76, 77, 1000])
@pytest.mark.parametrize("name", NAMES)
def test_chunks_do_not_show(converted, name, chunk):
    stored = Checkpoint(converted[name] / WEIGHTS)
    waveform = torch.from_numpy(clip(SAMPLES))
    whole = Convolutions(stored, CPU, torch.float32, chunk=0)(waveform)
    assert len(whole) == 77 < CHUNK
    parts = Convolutions(stored, CPU, torch.float32, chunk)(waveform)
    assert (parts - whole).abs().max() <= 1e-5 * whole.abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_more_frames_than_a_chunk(converted, name, rng):
    audio = torch.from_numpy(rng.standard_normal(100_000).astype(np.float32))
    with torch.inference_mode():
        expected = live(name).feature_extractor(audio[None])[0].T
    found = Convolutions(Checkpoint(converted[name] / WEIGHTS), CPU, torch.float32)(audio)
    assert len(found) > 2 * CHUNK
    assert (found - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("samples", [24_000, 24_001, 24_079, 24_080, 24_319])
def test_the_shortest_windows(converted, samples):
    window = clip(samples)[None]
    found = frames_of(network(converted, "mert-v1-330m"), window)
    with torch.inference_mode():
        output = live("mert-v1-330m")(torch.from_numpy(window), output_hidden_states=True)
    assert found.shape[2] == output.last_hidden_state.shape[1]
    assert np.abs(found[2] - output.hidden_states[2].numpy()).max() <= TOLERANCE


@pytest.mark.parametrize("samples", [400, 719, 720])
def test_one_or_two_frames_keep_their_axis(converted, samples):
    found = frames_of(network(converted, "mert-v1-330m"), clip(samples)[None])
    assert found.shape == (4, 1, 1 + samples // 720, 32)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_constants(converted, name):
    silence = np.zeros((1, 24_000), np.float32)
    with torch.inference_mode():
        output = live(name)(torch.from_numpy(silence), output_hidden_states=True)
    found = encoder(converted, name, "2").encode(silence)
    assert np.abs(found - output.hidden_states[2].mean(1).numpy()).max() <= TOLERANCE
    for level in (1e-6, 0.5):
        constant = encoder(converted, name, "2").encode(silence + np.float32(level))
        assert np.array_equal(constant, found)


def test_normalisation_is_that_of_the_feature_extractor(converted):
    quiet_clip = 1e-3 * clip(SAMPLES)[None] + np.float32(2e-3)
    normed = network(converted, "mert-v1-95m")
    plain = network(converted, "mert-v1-330m")
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=24000, do_normalize=True)
    expected = extractor(quiet_clip[0], sampling_rate=24000).input_values[0]
    waveform = torch.from_numpy(quiet_clip[0])
    assert np.abs(normed._scaled(waveform).numpy() - expected).max() <= 1e-5
    centred = quiet_clip[0].astype(np.float64) - quiet_clip[0].mean(dtype=np.float64)
    assert np.abs(plain._scaled(waveform).numpy() - centred).max() <= 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_singles(converted, name, rng):
    windows = rng.standard_normal((3, 30_000)).astype(np.float32)
    ours = encoder(converted, name)
    batch = ours.encode(windows)
    singles = np.concatenate([ours.encode(window[None]) for window in windows])
    assert np.array_equal(batch, singles)
    together = network(converted, name).means(windows, range(4))
    assert np.abs(together - singles).max() <= 1e-5


def test_two_fresh_loads_agree(converted):
    window = clip(SAMPLES)[None]
    first, second = (encoder(converted, "mert-v1-95m").encode(window) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.usefixtures("plain_kernels")
def test_half_precision_comes_close(converted):
    path = converted["mert-v1-330m"] / WEIGHTS
    windows = np.stack([clip(SAMPLES), clip(SAMPLES)[::-1].copy()])
    exact = network(converted, "mert-v1-330m").means(windows, range(4))
    rough = Network(SIZES["mert-v1-330m"], path, 3, CPU, torch.bfloat16).means(windows, range(4))
    assert rough.dtype == np.float32
    assert np.linalg.norm(rough - exact) <= 0.05 * np.linalg.norm(exact)


# The object.


def test_weights_are_read_at_first_use_and_do_not_travel(converted, tmp_path):
    card = LARGE["mert-v1-95m"].card
    lazy = LARGE["mert-v1-95m"].load(card, tmp_path / "nowhere", "cpu")
    with raises(ModelError, "unreadable", subject=WEIGHTS):
        lazy.encode(clip(SAMPLES)[None])
    used = encoder(converted, "mert-v1-95m")
    expected = used.encode(clip(SAMPLES)[None])
    small = pickle.dumps(used)
    assert len(small) < 4_000
    assert np.array_equal(pickle.loads(small).encode(clip(SAMPLES)[None]), expected)


def test_windows_of_a_wrong_shape(converted):
    ours = encoder(converted, "mert-v1-95m")
    for shape in ((24_000,), (1, 23_999), (1, 720_001)):
        with raises(ModelError, "wrong_shape"):
            ours.encode(np.zeros(shape, np.float32))
    with raises(ModelError, "not_finite"):
        ours.encode(np.full((1, 24_000), np.nan, np.float32))
    assert ours.encode(np.zeros((0, 24_000), np.float32)).shape == (0, 128)


def test_the_version_tells_the_type_of_numbers(converted, monkeypatch):
    from hevner.encoders.weights import devices

    card = LARGE["mert-v1-95m"].card
    folder, load = converted["mert-v1-95m"], LARGE["mert-v1-95m"].load
    assert load(card, folder, "cpu").card.version == "1"
    monkeypatch.setattr(devices, "dtype_for", lambda device: torch.bfloat16)
    assert (
        LARGE["mert-v1-95m"].load(card, converted["mert-v1-95m"], "cpu").card.version
        == "1-bfloat16"
    )


def test_a_missing_package_is_named(converted, monkeypatch):
    for module in ("hevner.encoders.mert.encoder", "hevner.encoders.mert.network"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingDependencyError, match=r"transformers.*hevner\[encoders\]"):
        LARGE["mert-v1-95m"].load(LARGE["mert-v1-95m"].card, converted["mert-v1-95m"], "cpu")


def test_the_second_version_is_refused():
    with pytest.raises(ModelError, match=r"code.*mert-v1-95m"):
        encoders.create("mert-v2-30s")


# The files.


@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_the_full_size(name):
    lines = (HERE / "data" / f"{name}.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    table = {tensor: tuple(map(int, shape)) for tensor, *shape in rows}
    count = {"mert-v1-95m": (211, 94_371_712), "mert-v1-330m": (403, 315_428_992)}
    assert (len(table), sum(map(math.prod, table.values()))) == count[name]
    assert table.pop(conversion.MASK) == (FULL[name].width,)
    assert architecture.shapes(FULL[name]) == table


def test_cards_hold_the_published_facts(monkeypatch):
    monkeypatch.undo()
    small, large = (LARGE[name].card for name in ("mert-v1-95m", "mert-v1-330m"))
    assert (small.dimension, small.chosen, len(small.states)) == (1536, (6, 7), 13)
    assert (large.dimension, large.chosen, len(large.states)) == (1024, (10,), 25)
    for card in (small, large):
        assert card.states == (FULL[card.id].width,) * (FULL[card.id].blocks + 1)
        assert (card.window_samples, card.sample_rate) == (720_000, architecture.SAMPLE_RATE)
        assert (card.licence, card.commercial_use) == ("CC-BY-NC-4.0", False)


def respell(tensors):
    renamed = {theirs: ours for ours, theirs in conversion.SPELLINGS.items()}
    return {renamed.get(name, name): values for name, values in tensors.items()}


def without_mask(tensors):
    return {name: values for name, values in tensors.items() if name != conversion.MASK}


def inside(prefix):
    return lambda tensors: {f"{prefix}{name}": values for name, values in tensors.items()}


@pytest.mark.parametrize(
    "change", [respell, without_mask, inside("hubert."), inside("mert_model.")]
)
@pytest.mark.parametrize("kind", ["pytorch_model.bin", "model.safetensors"])
def test_every_layout_gives_the_same_file(converted, published, tmp_path, change, kind):
    name = "mert-v1-95m"
    source = publish(tmp_path / "source", name)
    tensors = change(torch.load(source / "pytorch_model.bin", weights_only=True))
    (source / "pytorch_model.bin").unlink()
    (save_file if kind == "model.safetensors" else torch.save)(tensors, source / kind)
    target = tmp_path / "target"
    target.mkdir()
    told = []
    LARGE[name].convert(source, target, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1]
    expected = (converted[name] / WEIGHTS).read_bytes()
    assert (target / WEIGHTS).read_bytes() == expected


def test_what_is_written(converted):
    tensors = load_file(converted["mert-v1-95m"] / WEIGHTS)
    assert conversion.MASK not in tensors
    assert bool(tensors[architecture.NORMALISE]) is True
    assert bool(load_file(converted["mert-v1-330m"] / WEIGHTS)[architecture.NORMALISE]) is False
    published = state("mert-v1-95m")
    gain, direction = (published[f"{architecture.POSITION}weight_{one}"] for one in "gv")
    expected = torch._weight_norm(direction, gain, 2)
    found = tensors[f"{architecture.POSITION}weight"]
    assert (found - expected).abs().max() <= 1e-6


def test_half_precision_weights_stay_what_they_are(tmp_path):
    name = "mert-v1-330m"
    source = publish(tmp_path / "source", name)
    torch.save({k: v.half() for k, v in state(name).items()}, source / "pytorch_model.bin")
    LARGE[name].convert(source, tmp_path, quiet)
    stored = Checkpoint(tmp_path / WEIGHTS)
    assert {stored.stored(one).dtype for one in stored.names()} == {torch.float16, torch.bool}
    window = clip(SAMPLES)[None]
    golden = np.load(GOLDEN)["330m"].mean(1)
    found = encoder({name: tmp_path}, name).encode(window).reshape(4, 32)
    assert np.linalg.norm(found - golden) <= 0.01 * np.linalg.norm(golden)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda one: one.pop("encoder.layers.1.layer_norm.bias"),
            r"encoder\.layers\.1\S* is missing",
        ),
        (
            lambda one: one.pop("encoder.pos_conv_embed.conv.weight_g"),
            r"encoder\.pos_conv_embed\.conv\.weight_g is missing",
        ),
        (
            lambda one: one.update(feature_extractor_cqt=torch.zeros(1)),
            "feature_extractor_cqt is not expected",
        ),
        (
            lambda one: one.update({"encoder.layers.3.layer_norm.bias": torch.zeros(32)}),
            r"encoder\.layers\.3\S* is not expected",
        ),
        (
            lambda one: one.update({"feature_projection.projection.bias": torch.zeros(31)}),
            r"feature_projection\.projection\.bias has the shape \(31,\) and not \(32,\)",
        ),
        (
            lambda one: one.update({"encoder.layer_norm.bias": torch.zeros(32, dtype=torch.int32)}),
            r"encoder\.layer_norm\.bias holds values of the type torch\.int32",
        ),
        (
            lambda one: one.update(
                {
                    "encoder.pos_conv_embed.conv.parametrizations.weight.original0": torch.zeros(1),
                }
            ),
            r"holds \S*weight_g in two spellings",
        ),
        (lambda one: one.clear(), "no state dictionary"),
    ],
)
def test_wrong_tensors_are_named(tmp_path, change, named):
    source = publish(tmp_path / "source", "mert-v1-95m")
    tensors = state("mert-v1-95m")
    change(tensors)
    torch.save(tensors, source / "pytorch_model.bin")
    with pytest.raises(ModelError, match=named) as caught:
        LARGE["mert-v1-95m"].convert(source, tmp_path, quiet)
    assert "pytorch_model.bin" in str(caught.value)
    assert not (tmp_path / WEIGHTS).exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"deepnorm": True}, "deepnorm is True"),
        ({"feature_extractor_cqt": True}, "feature_extractor_cqt is True"),
        ({"hidden_size": 1024}, "hidden_size is 1024, not 32"),
        ({"num_attention_heads": 8}, "num_attention_heads is 8, not 4"),
        ({"do_stable_layer_norm": True}, "do_stable_layer_norm is True"),
        ({"feat_extract_norm": "layer"}, "feat_extract_norm is 'layer'"),
        ({"conv_kernel": [10, 3, 3, 3, 3, 2, 3]}, "conv_kernel"),
        ({"sample_rate": 16000}, "sample_rate is 16000"),
    ],
)
def test_wrong_configurations_are_named(tmp_path, changes, named):
    source = publish(tmp_path / "source", "mert-v1-95m", **changes)
    with pytest.raises(ModelError, match=rf"config\.json: {named}"):
        LARGE["mert-v1-95m"].convert(source, tmp_path, quiet)


def test_the_other_size_is_refused(published, tmp_path):
    with raises(ModelError, "other_settings", subject="config.json"):
        LARGE["mert-v1-95m"].convert(published["mert-v1-330m"], tmp_path, quiet)


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("config.json", "{", "bad_json"),
        ("config.json", "[]", "bad_json"),
        ("preprocessor_config.json", None, "file_missing"),
        ("preprocessor_config.json", "{}", "other_settings"),
        ("preprocessor_config.json", '{"do_normalize": 1}', "other_settings"),
        (
            "preprocessor_config.json",
            '{"do_normalize": true, "sampling_rate": 16000}',
            "other_settings",
        ),
        ("pytorch_model.bin", None, "file_missing"),
        ("pytorch_model.bin", "not weights", "weights_damaged"),
    ],
)
def test_wrong_files_are_named(tmp_path, file, content, code):
    source = publish(tmp_path / "source", "mert-v1-95m")
    (source / file).unlink()
    if content is not None:
        (source / file).write_text(content)
    subject = "" if (file, content) == ("pytorch_model.bin", None) else file
    with raises(ModelError, code, subject=subject):
        LARGE["mert-v1-95m"].convert(source, tmp_path, quiet)


def test_the_configuration_may_be_absent(converted, tmp_path):
    source = publish(tmp_path / "source", "mert-v1-95m")
    (source / "config.json").unlink()
    LARGE["mert-v1-95m"].convert(source, tmp_path, quiet)
    expected = (converted["mert-v1-95m"] / WEIGHTS).read_bytes()
    assert (tmp_path / WEIGHTS).read_bytes() == expected


def test_weights_cut_short(converted):
    path = converted["mert-v1-95m"] / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    with raises(ModelError, "weights_damaged", subject=WEIGHTS):
        encoder(converted, "mert-v1-95m").encode(clip(SAMPLES)[None])


# Long music.


def test_an_hour_keeps_memory_flat(tmp_path, monkeypatch, rng):
    name = "mert-v1-330m"
    size = Size(32, 1, 1, 16, stable=True, channels=4)
    for table in (SIZES, architecture.SIZES):
        monkeypatch.setitem(table, name, size)
    LARGE[name].convert(publish(tmp_path / "source", name), tmp_path, quiet)
    ours = encoder({name: tmp_path}, name, "0+1")
    windower = Windower(ours.card.window_samples, ours.card.hop_samples, ours.card.shortest)
    minute = rng.standard_normal(60 * 24_000).astype(np.float32)
    heard: list[int] = []
    grown = growth(lambda: heard.append(len(ours.encode(windower.push(minute)))), 60)
    assert sum(heard) == 120
    assert grown < 55 * minute.nbytes / 3
