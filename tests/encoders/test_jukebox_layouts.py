import gzip
import json
import math
import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from hevner.encoders.jukebox import layouts
from hevner.encoders.jukebox.architecture import ARCHITECTURES, shapes
from hevner.encoders.large import LARGE
from hevner.encoders.weights.checkpoint import Checkpoint, Stored
from hevner.errors import ModelError
from tests.encoders.small_jukebox import (
    SMALL,
    hub_weights,
    write_hub,
    write_original_renamed,
    write_original_seeded,
)
from tests.errors import raises

DATA = Path(__file__).parent / "data"
FULL = [
    ("jukebox-5b", "original"),
    ("jukebox-5b-lyrics", "original"),
    ("jukebox-1b-lyrics", "original"),
    ("jukebox-5b-lyrics", "hub"),
    ("jukebox-1b-lyrics", "hub"),
]


def real_table(name, layout):
    """Names and shapes of a full-size published model, as tensors that cannot be read."""
    model = name.removeprefix("jukebox-")
    files = ["jukebox_vqvae", f"jukebox_prior_{model}"]
    table = {}
    for file in files if layout == "original" else [f"jukebox_hub_{model}"]:
        for line in gzip.decompress((DATA / f"{file}.txt.gz").read_bytes()).decode().splitlines():
            if not line.startswith("#"):
                key, shape = line.split(" ")
                table[key] = stored(tuple(map(int, shape.split("x"))))
    return table


def stored(shape):
    return Stored(shape, torch.float16, lambda: pytest.fail("nothing may be read"))


def pick(name, layout, table):
    architecture = ARCHITECTURES[name]
    return layouts.pick(architecture, getattr(layouts, layout)(architecture), table, Path("x"))


@pytest.mark.parametrize(("name", "layout"), FULL)
def test_full_size_models_have_every_tensor_once(name, layout):
    picked = pick(name, layout, real_table(name, layout))
    assert [(key, one.shape) for key, one in picked] == list(shapes(ARCHITECTURES[name]).items())
    # The sources of no two tensors are the same.
    assert len({id(one) for _, one in picked}) == len(picked)


UNUSED = re.compile(
    r"(vqvae\.)?decoders\..*"
    r"|(vqvae\.)?encoders\.[01]\..*"
    r"|(vqvae\.)?bottleneck\.level_blocks\.[01]\.(k|codebook)"
    r"|(priors\.0\.)?prior\.transformer\._attn_mods\.(3[6-9]|[4-7]\d)\..*"
    r"|prior\.x_out\.weight|prime_x_out\.weight"
    r"|priors\.0\.prior\.fc_proj_out\.weight|priors\.0\.encoder\.lm_head\.weight"
    r"|priors\.[12]\..*"
)


@pytest.mark.parametrize(("name", "layout"), FULL)
def test_what_is_left_out_is_what_an_embedding_does_not_need(name, layout):
    table = real_table(name, layout)
    used = {id(one) for _, one in pick(name, layout, table)}
    left = [key for key, one in table.items() if id(one) not in used]
    assert [key for key in left if not UNUSED.fullmatch(key)] == []
    assert any(".71." in key for key in left)


@pytest.mark.parametrize(("name", "layout"), FULL)
def test_size_of_what_is_kept(name, layout):
    values = sum(math.prod(one.shape) for _, one in pick(name, layout, real_table(name, layout)))
    billions = {"jukebox-5b": 2.56, "jukebox-5b-lyrics": 2.66, "jukebox-1b-lyrics": 0.49}
    assert values / 1e9 == pytest.approx(billions[name], abs=0.01)


@pytest.mark.parametrize(("name", "layout"), FULL)
def test_every_missing_tensor_is_named(name, layout):
    table = real_table(name, layout)
    kept = {id(one) for _, one in pick(name, layout, table)}
    for key in [key for key, one in table.items() if id(one) in kept][::7]:
        with pytest.raises(ModelError, match=re.escape(f"{key} is missing")):
            pick(name, layout, {k: v for k, v in table.items() if k != key})


@pytest.mark.parametrize(("name", "layout"), FULL)
def test_unexpected_tensors_and_shapes_are_named(name, layout):
    table = real_table(name, layout)
    block = next(key for key in table if "_attn_mods.3.mlp.c_fc" in key)
    with pytest.raises(ModelError, match=r"extra\.weight is not expected"):
        pick(name, layout, {**table, "extra.weight": stored((1,))})
    with pytest.raises(ModelError, match=r"_mods\.80\.\S* is not expected"):
        pick(name, layout, {**table, block.replace("mods.3.", "mods.80."): table[block]})
    turned = stored((table[block].shape[0], 1))
    with pytest.raises(ModelError, match=re.escape(f"{block} has the shape")):
        pick(name, layout, {**table, block: turned})


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("jukebox-5b", "jukebox-5b-lyrics"),
        ("jukebox-5b-lyrics", "jukebox-5b"),
        ("jukebox-1b-lyrics", "jukebox-5b"),
    ],
)
def test_files_of_another_model_are_refused(name, other):
    with raises(ModelError, "other_weights"):
        pick(name, "original", real_table(other, "original"))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(ARCHITECTURES, "jukebox-5b-lyrics", SMALL["5b-lyrics"])
    return "5b-lyrics"


def converted(source, target):
    target.mkdir(exist_ok=True)
    seen = []
    LARGE["jukebox-5b-lyrics"].convert(source, target, lambda *step: seen.append(step))
    assert seen[-1][0] == seen[-1][1]
    assert [path.name for path in target.iterdir()] == ["weights.safetensors"]
    return (target / "weights.safetensors").read_bytes()


def test_all_layouts_give_the_same_file(small, tmp_path):
    tensors = hub_weights(small)
    plain = write_hub(small, tmp_path / "hub")
    safe = tmp_path / "safe"
    safe.mkdir()
    safetensors = pytest.importorskip("safetensors.torch")
    names = sorted(tensors)
    parts = {"model-1-of-2.safetensors": names[::2], "model-2-of-2.safetensors": names[1::2]}
    for file, keys in parts.items():
        safetensors.save_file({key: tensors[key].clone() for key in keys}, safe / file)
    places = {key: file for file, keys in parts.items() for key in keys}
    (safe / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    original = write_original_renamed(small, tmp_path / "original")
    files = {converted(source, tmp_path / "out") for source in (plain, safe, original)}
    assert len(files) == 1


def test_names_from_training_on_several_cards(small, tmp_path):
    source = write_original_seeded(small, tmp_path / "a")
    expected = converted(source, tmp_path / "out")
    path = source / "prior_level_2.pth.tar"
    checkpoint = Checkpoint(path)
    spread = {f"module.{name}": checkpoint.read(name) for name in checkpoint.names()}
    torch.save({"model": spread}, path)
    assert converted(source, tmp_path / "out") == expected


@pytest.mark.parametrize("gone", ["vqvae.pth.tar", "prior_level_2.pth.tar"])
def test_a_missing_file_is_named(small, tmp_path, gone):
    source = write_original_seeded(small, tmp_path / "a")
    (source / gone).unlink()
    with pytest.raises(ModelError, match=f"holds no {re.escape(gone)}"):
        converted(source, tmp_path / "out")


def test_an_empty_folder(tmp_path):
    with pytest.raises(ModelError, match=r"no vqvae\.pth\.tar and no prior_level_2\.pth\.tar"):
        LARGE["jukebox-5b"].convert(tmp_path, tmp_path, lambda *_: None)
