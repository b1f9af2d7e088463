import pickle
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("psutil")

from hevner.audio.windows import Windower
from hevner.encoders.jukebox.architecture import ARCHITECTURES, SAMPLE_RATE, WEIGHTS, Stack, shapes
from hevner.encoders.jukebox.prior import Prior, Transformer, places_in_time
from hevner.encoders.large import LARGE
from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.errors import ModelError
from tests.encoders.small_jukebox import (
    CODEC,
    SMALL,
    convert,
    encoder,
    golden,
    prior,
    states,
    write_hub,
    write_original_renamed,
    write_original_seeded,
)
from tests.errors import raises
from tests.golden.encoders.seeded import clip
from tests.memory import growth

MODELS = list(SMALL)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders with converted weights, by model and origin."""
    root = tmp_path_factory.mktemp("jukebox")
    writers = {
        "hub": write_hub,
        "renamed": write_original_renamed,
        "original": write_original_seeded,
    }
    return {
        (model, origin): convert(model, write(model, root / f"{model}-{origin}"))
        for model in MODELS
        for origin, write in writers.items()
    }


def blocks(model):
    return len(SMALL[model].music.kinds)


def windows(model, n=1, length=None):
    samples = length or SMALL[model].tokens * 128
    return np.stack([clip(samples + 100 * k)[100 * k :] for k in range(n)])


@pytest.mark.parametrize("origin", ["hub", "renamed"])
@pytest.mark.parametrize("model", MODELS)
def test_every_state_is_that_of_transformers(folders, model, origin):
    tokens = golden("jukebox", f"{model}/tokens").astype(np.int64)
    ours = states(prior(model, folders[model, origin]), tokens[None], blocks(model))[:, 0]
    expected = golden("jukebox", f"{model}/states")
    assert ours.shape == expected.shape
    for number, (state, reference) in enumerate(zip(ours, expected, strict=True)):
        assert np.abs(state - reference).max() <= 1e-4, f"state {number}"


@pytest.mark.parametrize("model", MODELS)
def test_last_states_are_those_of_the_original_code(folders, model):
    tokens = golden("jukebox_original", f"{model}/tokens").astype(np.int64)
    ours = states(prior(model, folders[model, "original"]), tokens[None], blocks(model))[-1, 0]
    assert np.abs(ours - golden("jukebox_original", f"{model}/states")).max() <= 1e-4


def test_a_shorter_window_is_as_in_the_original_code_when_it_composes(folders):
    tokens = golden("jukebox_original", "5b/tokens").astype(np.int64)[None, :37]
    ours = states(prior("5b", folders["5b", "original"]), tokens, blocks("5b"))[-1, 0]
    assert np.abs(ours - golden("jukebox_original", "5b/short")).max() <= 1e-4


@pytest.mark.parametrize(("origin", "file"), [("hub", "jukebox"), ("original", "jukebox_original")])
@pytest.mark.parametrize("model", MODELS)
def test_tokens_are_those_of_the_reference(folders, model, origin, file):
    tokens = encoder(model, folders[model, origin]).tokens(windows(model))
    assert tokens[0].tolist() == golden(file, f"{model}/tokens").tolist()


@pytest.mark.parametrize("model", MODELS)
def test_vectors_are_means_of_the_chosen_states(folders, model):
    chosen = (3, 0, blocks(model))
    vectors = encoder(model, folders[model, "hub"], *chosen).encode(windows(model))
    means = golden("jukebox", f"{model}/states")[list(chosen)].mean(axis=1)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, means.reshape(1, -1), atol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_equals_singles(folders, model):
    jukebox = encoder(model, folders[model, "hub"])
    several = windows(model, 3)
    singles = np.concatenate([jukebox.encode(one[None]) for one in several])
    np.testing.assert_allclose(jukebox.encode(several), singles, atol=1e-5)
    assert np.abs(singles[0] - singles[1]).max() > 1e-3


@pytest.mark.parametrize("length", [2, 7, 8, 9, 37, 55])
@pytest.mark.parametrize("model", MODELS)
def test_a_shorter_window_has_the_states_of_a_full_one(folders, model, length):
    tokens = golden("jukebox", f"{model}/tokens").astype(np.int64)[None]
    jukebox = prior(model, folders[model, "hub"])
    short = states(jukebox, tokens[:, :length], blocks(model))
    full = states(jukebox, tokens, blocks(model))[:, :, :length]
    np.testing.assert_allclose(short, full, atol=1e-5)


def test_several_short_windows_run_together(folders):
    jukebox = encoder("5b", folders["5b", "hub"])
    several = windows("5b", 20, 5 * 128 + 60)
    assert jukebox.tokens(several).shape == (20, 5)
    singles = np.concatenate([jukebox.encode(one[None]) for one in several])
    np.testing.assert_allclose(jukebox.encode(several), singles, atol=1e-5)


def test_no_windows(folders):
    vectors = encoder("5b", folders["5b", "hub"]).encode(np.zeros((0, 8192), np.float32))
    assert vectors.shape == (0, 16)


def test_level_does_not_matter(folders):
    jukebox = encoder("5b", folders["5b", "hub"])
    window = windows("5b")
    for gain in (1e-3, 0.5, 4.0):
        np.testing.assert_allclose(jukebox.encode(gain * window), jukebox.encode(window), atol=1e-5)


def test_silence_has_a_vector(folders):
    jukebox = encoder("5b", folders["5b", "hub"])
    silent = jukebox.encode(np.zeros((2, 8192), np.float32))
    assert np.isfinite(silent).all()
    assert np.array_equal(silent[0], silent[1])


@pytest.mark.parametrize("shape", [(1, 8193), (1, 255), (8192,)])
def test_windows_of_another_shape_are_refused(folders, shape):
    with raises(ModelError, "wrong_shape"):
        encoder("5b", folders["5b", "hub"]).encode(np.zeros(shape, np.float32))


def test_samples_that_are_no_numbers_are_refused(folders):
    window = windows("5b")
    window[0, 5000] = np.nan
    with raises(ModelError, "not_finite"):
        encoder("5b", folders["5b", "hub"]).encode(window)


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("model", MODELS)
def test_half_precision_is_close(folders, model):
    tokens = golden("jukebox", f"{model}/tokens").astype(np.int64)[None]
    half = prior(model, folders[model, "hub"], torch.bfloat16)
    error = states(half, tokens, blocks(model)) - golden("jukebox", f"{model}/states")[:, None]
    assert 0 < np.abs(error).max() < 0.3
    assert np.abs(error.mean(axis=2)).max() < 0.06


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
@pytest.mark.parametrize("model", MODELS)
def test_a_card_gives_about_the_same(folders, model):
    jukebox = encoder(model, folders[model, "hub"], device="cuda")
    several = windows(model, 3)
    assert jukebox.tokens(several)[0].tolist() == golden("jukebox", f"{model}/tokens").tolist()
    expected = encoder(model, folders[model, "hub"]).encode(several)
    for _ in range(2):
        assert np.abs(jukebox.encode(several) - expected).max() < 0.06


@pytest.mark.parametrize("model", MODELS)
def test_places_in_time_fall_into_the_bins_of_the_reference(model):
    architecture = ARCHITECTURES[f"jukebox-{model}"]
    tables = {}
    for column, name in enumerate(("time.total", "time.absolute", "time.relative")):
        tables[name] = torch.zeros(architecture.bins, 3)
        tables[name][:, column] = torch.arange(architecture.bins)
    ours = places_in_time(architecture, tables.__getitem__).numpy()
    assert np.array_equal(ours, golden("jukebox", f"{model}/bins"))


KINDS = {1: "block", 2: "column", 3: "previous", 6: "lyrics", 7: "prime"}
"""The numbers of the original code."""


@pytest.mark.parametrize("model", MODELS)
def test_full_size_models_attend_as_the_reference(model):
    music = ARCHITECTURES[f"jukebox-{model}"].music
    attention = golden("jukebox_original", f"{model}/attention")
    assert len(attention) == music.published
    assert music.kinds == tuple(KINDS[kind] for kind in attention[:36, 0])
    assert {(music.heads, music.row)} == set(map(tuple, attention[:, 1:].tolist()))


@pytest.mark.parametrize(("count", "length", "groups"), [(3, 64, [1, 1, 1]), (20, 5, [12, 8])])
def test_no_more_runs_together_than_a_full_window(folders, monkeypatch, count, length, groups):
    seen = []
    real = Prior.states

    def states(self, tokens, last):
        seen.append(len(tokens))
        return real(self, tokens, last)

    monkeypatch.setattr(Prior, "states", states)
    encoder("5b", folders["5b", "hub"]).encode(windows("5b", count, length * 128))
    assert seen == groups


def test_blocks_are_read_one_by_one_and_forgotten_on_a_cpu():
    reads = []

    def read(name):
        reads.append(name)
        return torch.zeros(1)

    stack = Stack(4, 1, 8, 2, ("block", "column"), 2)
    transformer = Transformer("music", stack, 0, read, torch.device("cpu"), torch.float32)
    for number, _ in enumerate(transformer.blocks(2)):
        assert {name.split(".")[1] for name in reads} == set("01"[: number + 1])
    first = list(reads)
    list(transformer.blocks(1))
    assert reads == first + first[: len(first) // 2]


def test_weights_are_read_at_the_first_use(folders, tmp_path):
    jukebox = encoder("5b", folders["5b", "hub"])
    again = pickle.loads(pickle.dumps(jukebox))
    again.architecture = jukebox.architecture
    assert np.array_equal(again.encode(windows("5b")), jukebox.encode(windows("5b")))
    missing = encoder("5b", tmp_path)
    with raises(ModelError, "unreadable", subject=WEIGHTS):
        missing.encode(windows("5b"))


def test_weights_of_another_model_are_refused(folders):
    jukebox = encoder("5b", folders["1b-lyrics", "hub"])
    with raises(ModelError, "other_weights"):
        jukebox.encode(windows("5b"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_cards(name):
    facts, architecture = LARGE[name].card, ARCHITECTURES[name]
    width, hop = architecture.music.width, architecture.codec.hop
    assert facts.id == name
    assert facts.sample_rate == SAMPLE_RATE
    assert facts.shortest == 2 * hop
    assert facts.window_samples == facts.hop_samples == architecture.tokens * hop
    assert facts.window_samples == (786_432 if "1b" in name else 1_048_576)
    assert facts.states == (width,) * 37
    assert facts.chosen == (36,)
    assert facts.dimension == width
    assert not facts.commercial_use
    assert facts.choose("0+12").dimension == 2 * width
    assert set(LARGE[name].files) >= {"vqvae.pth.tar", "prior_level_2.pth.tar"}


def test_load_takes_states_behind_the_name(tmp_path):
    entry = LARGE["jukebox-5b"]
    jukebox = entry.load(entry.card.choose("12+24"), tmp_path, "cpu")
    assert jukebox.card.dimension == 9600
    assert jukebox.card.version == "1"
    with raises(ModelError, "unknown_device"):
        entry.load(entry.card, tmp_path, "toaster")


def test_converted_weights_keep_their_type(tmp_path):
    source = write_hub("5b", tmp_path / "source")
    tensors = torch.load(source / "pytorch_model.bin", weights_only=True)
    torch.save({k: v.half() for k, v in tensors.items()}, source / "pytorch_model.bin")
    checkpoint = Checkpoint(convert("5b", source) / WEIGHTS)
    assert {checkpoint.stored(name).dtype for name in checkpoint.names()} == {torch.float16}
    jukebox = encoder("5b", source)
    full = golden("jukebox", "5b/states")[-1].mean(axis=0)
    assert np.abs(jukebox.encode(windows("5b"))[0] - full).max() < 0.1


def test_an_hour_keeps_memory_flat(tmp_path, monkeypatch):
    """Windows of 6 s, three blocks: as many tokens as an hour has, and few numbers for each."""
    music = Stack(8, 2, 2048, 16, ("block", "column", "previous"), 3)
    small = replace(SMALL["5b"], codec=replace(CODEC, depth=1, width=2, codes=8), music=music)
    monkeypatch.setitem(SMALL, "5b", small)
    entries = [
        (name, Stored(shape, torch.float32, lambda shape=shape: torch.randn(shape) / 8))
        for name, shape in shapes(small).items()
    ]
    write_safetensors(tmp_path / WEIGHTS, entries, lambda *_: None)
    ours = encoder("5b", tmp_path)
    windower = Windower(ours.card.window_samples, ours.card.hop_samples, ours.card.shortest)
    minute = np.random.default_rng(1).normal(size=60 * 44_100).astype(np.float32)
    heard: list[int] = []
    grown = growth(lambda: heard.append(len(ours.encode(windower.push(minute)))), 60)
    assert sum(heard) == 60 * 60 * 44_100 // (2048 * 128)
    assert grown < 55 * minute.nbytes / 3
