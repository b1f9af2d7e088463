"""Published checkpoints of CLAP: names, shapes, layouts, and everything that can be wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file, save_file
from transformers import ClapConfig

from hevner.encoders.clap import conversion, original
from hevner.encoders.clap.reading import widths
from hevner.encoders.large import LARGE
from hevner.encoders.weights.published import check_tensors
from hevner.encoders.weights.stored import Stored
from hevner.errors import ModelError
from hevner.lab.rehearsal.clap_weights import LARGER, tensors
from tests.encoders.small_clap import TRAINED, TRAINED_GOLDEN, close, convert, load
from tests.golden.encoders.make_clap import CONFIG, LENGTHS, SENTENCES, clip

DATA = Path(__file__).parent / "data"


def table(name):
    """Types and shapes of a table in a file."""
    lines = (DATA / name).read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return {
        name: (kind, tuple(int(one) for one in shape.split("x") if one != "-"))
        for name, kind, shape in rows
    }


class Listed:
    """A checkpoint of which only names, types and shapes are known."""

    path = Path("listed.bin")

    def __init__(self, rows):
        self.rows = rows

    def names(self):
        return list(self.rows)

    def stored(self, name):
        kind, shape = self.rows[name]
        dtype = getattr(torch, kind)
        return Stored(shape, dtype, lambda: torch.zeros(shape, dtype=dtype))


def checked(found, expected):
    """Names of the tensors that are kept, if they are as expected."""
    kept, wanted = (conversion._without_derived(one) for one in (found, expected))
    check_tensors(Path(), kept, wanted)
    return sorted(kept)


def test_names_and_shapes_of_the_full_size_are_those_of_the_table():
    rows = table("clap_shapes.txt")
    config = ClapConfig.from_dict(LARGER)
    assert conversion.shapes(config) == {name: shape for name, (_, shape) in rows.items()}
    assert widths(config) == LARGE["clap-music"].card.states
    found = conversion._tensors(Listed(rows))
    kept = checked(found, conversion.shapes(config))
    assert set(rows) - set(kept) == {name for name, (kind, _) in rows.items() if kind == "int64"}
    assert sum(np.prod(rows[name][1], dtype=int) for name in kept) == 193_914_010


def test_a_checkpoint_without_derived_buffers_is_complete():
    rows = table("clap_shapes.txt")
    floats = {name: row for name, row in rows.items() if row[0] == "float32"}
    expected = {name: shape for name, (_, shape) in rows.items()}
    found = conversion._tensors(Listed(floats))
    assert checked(found, expected) == sorted(floats)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_names_of_the_training_code_become_those_of_the_table(prefix):
    rows = table("clap_original_shapes.txt")
    rows["text_branch.embeddings.position_ids"] = ("int64", (1, 514))
    found = conversion._tensors(Listed({prefix + name: row for name, row in rows.items()}))
    hub = table("clap_shapes.txt")
    kept = checked(found, {name: shape for name, (_, shape) in hub.items()})
    assert kept == sorted(name for name, (kind, _) in hub.items() if kind == "float32")
    for name in ("audio_projection.linear1.bias", "logit_scale_a"):
        assert tuple(found[name].read().shape) == hub[name][1]


@pytest.fixture(scope="module")
def trained(clap_published, tmp_path_factory):
    """A folder from the hub with a checkpoint of the training code."""
    source = tmp_path_factory.mktemp("trained")
    shutil.copytree(clap_published, source, dirs_exist_ok=True)
    weights = tensors({name: tuple(shape) for name, shape in TRAINED_GOLDEN["shapes"].items()})
    content = {
        "epoch": 15,
        "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()},
        "best": np.float64(0.9),
    }
    torch.save(content, source / TRAINED, pickle_protocol=4)
    return source


def test_the_training_code_gives_the_same_vectors(trained, tmp_path):
    convert(trained, tmp_path)
    encoder = load(tmp_path)
    close(encoder.encode(clip(LENGTHS["whole"])[None]), TRAINED_GOLDEN["audio"])
    close(encoder.text(SENTENCES), TRAINED_GOLDEN["text"])


def test_query_key_and_value_are_thirds_of_one_matrix():
    rows = {"audio_branch.layers.0.blocks.1.attn.qkv.weight": ("float32", (6, 2))}
    listed = Listed(rows)
    matrix = torch.arange(12.0).reshape(6, 2)
    listed.stored = lambda _name: Stored((6, 2), matrix.dtype, lambda: matrix)
    found = original.tensors(listed)
    parts = [
        found[f"audio_model.audio_encoder.layers.0.blocks.1.attention.self.{part}.weight"]
        for part in ("query", "key", "value")
    ]
    assert [one.read().tolist() for one in parts] == [
        [[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]],
    ]  # fmt: skip
    assert {one.shape for one in parts} == {(2, 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda state: state.update({"module.extra": torch.zeros(1)}),
            "extra is not expected",
        ),
        (lambda state: state.pop("module.audio_branch.bn0.bias"), r"batch_norm\.bias is missing"),
        (
            lambda state: state.pop("module.audio_branch.layers.0.blocks.0.attn.qkv.bias"),
            r"attention\.self\.key\.bias is missing",
        ),
    ],
)
def test_a_wrong_checkpoint_of_the_training_code_is_named(trained, tmp_path, change, message):
    source = tmp_path / "source"
    shutil.copytree(trained, source)
    content = torch.load(source / TRAINED, weights_only=False)
    change(content["state_dict"])
    torch.save(content, source / TRAINED)
    with pytest.raises(ModelError, match=message):
        convert(source, tmp_path)


def test_what_is_written_is_what_the_towers_need(clap_published, clap_folder):
    source = torch.load(clap_published / "pytorch_model.bin", weights_only=True)
    written = load_file(clap_folder / "weights.safetensors")
    assert {one.name for one in clap_folder.iterdir()} == {
        "weights.safetensors", "config.json", "tokenizer.json",
    }  # fmt: skip
    assert set(written) == {name for name, one in source.items() if one.is_floating_point()}
    for name, tensor in written.items():
        assert torch.equal(tensor, source[name]), name


def test_safetensors_and_the_other_layout_of_the_tokenizer_give_the_same(
    clap_published, clap_folder, clap_reference, tmp_path
):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        shutil.copyfile(clap_published / name, source / name)
    weights = torch.load(clap_published / "pytorch_model.bin", weights_only=True)
    plain = {name: one.contiguous().clone() for name, one in weights.items()}
    save_file(plain, source / "model.safetensors")
    clap_reference.tokenizer.save_pretrained(source)
    assert (source / "tokenizer.json").is_file()
    convert(source, target)
    for name in ("weights.safetensors", "config.json"):
        assert (target / name).read_bytes() == (clap_folder / name).read_bytes()
    both = [load(one).text(list(SENTENCES)) for one in (clap_folder, target)]
    np.testing.assert_array_equal(*both)


def test_progress_ends_at_the_total(clap_published, tmp_path):
    calls = []
    convert(clap_published, tmp_path, lambda *call: calls.append(call))
    assert calls[-1][0] == calls[-1][1] > 0
    assert calls == sorted(calls)


def edit_json(name, **changes):
    def edit(folder):
        path = folder / name
        content = json.loads(path.read_text("utf-8"))
        for key, value in changes.items():
            content.pop(key, None)
            if value is not ...:
                content[key] = value
        path.write_text(json.dumps(content), "utf-8")

    return edit


def edit_weights(change):
    def edit(folder):
        weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
        change(weights)
        torch.save(weights, folder / "pytorch_model.bin")

    return edit


def remove(name):
    return lambda folder: (folder / name).unlink()


def put(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def cut(folder):
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-5000])


AUDIO, QUERY = CONFIG["audio_config"], "layer.0.attention.self.query.weight"
WRONG = {
    "no config": (remove("config.json"), r"config\.json: cannot be read"),
    "no JSON": (put("config.json", b"{"), r"config\.json: is not JSON"),
    "a list": (put("config.json", b"[]"), r"config\.json: is not a JSON object"),
    "another model": (edit_json("config.json", model_type="bert"), "'bert', not 'clap'"),
    "fusion": (
        edit_json("config.json", audio_config=AUDIO | {"enable_fusion": True}), "feature fusion",
    ),
    "other blocks": (
        edit_json("config.json", audio_config=AUDIO | {"depths": [2, 2, 2]}), r"\(2, 2, 2\)",
    ),
    "nonsense": (
        edit_json("config.json", audio_config=AUDIO | {"depths": "two"}), "makes no sense",
    ),
    "other space": (edit_json("config.json", projection_dim=23), "23 dimensions"),
    "no features": (remove("preprocessor_config.json"), "preprocessor_config"),
    "other rate": (
        edit_json("preprocessor_config.json", sampling_rate=44100), "sampling_rate is 44100",
    ),
    "other bands": (edit_json("preprocessor_config.json", frequency_min=0), "frequency_min is 0"),
    "truncation": (edit_json("preprocessor_config.json", truncation="fusion"), "'fusion'"),
    "unstated": (edit_json("preprocessor_config.json", padding=...), "does not say padding"),
    "no weights": (remove("pytorch_model.bin"), "holds none of .*, model.safetensors"),
    "cut weights": (cut, "pytorch_model.bin"),
    "text for weights": (put("pytorch_model.bin", b"not weights"), "pytorch_model.bin"),
    "missing tensor": (
        edit_weights(lambda w: w.pop("audio_projection.linear2.bias")),
        r"audio_projection\.linear2\.bias is missing",
    ),
    "missing tensors": (
        edit_weights(lambda w: [w.pop(one) for one in list(w) if "layer.0." in one]),
        "is missing; .* and 13 more",
    ),
    "unexpected tensor": (
        edit_weights(lambda w: w.update(extra=torch.zeros(2))), "extra is not expected",
    ),
    "other shape": (
        edit_weights(lambda w: w.update({f"text_model.encoder.{QUERY}": torch.zeros(3, 32)})),
        r"query\.weight has the shape \(3, 32\) and not \(32, 32\)",
    ),
    "no vocabulary": (remove("vocab.json"), r"vocab\.json: cannot be read as a tokenizer"),
    "no merges": (remove("merges.txt"), "cannot be read as a tokenizer"),
    "damaged tokenizer": (put("tokenizer.json", b"{}"), r"tokenizer\.json: cannot be read"),
    "other marks": (edit_json("vocab.json", **{"<s>": 5}), "mark <s> has the number 5, not 0"),
    "too few tokens": (edit_json("vocab.json", unused270=...), "299 tokens, the model 300"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_named(clap_published, tmp_path, case):
    change, message = WRONG[case]
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(clap_published, source)
    target.mkdir()
    change(source)
    with pytest.raises(ModelError, match=message):
        convert(source, target)
    assert not list(target.iterdir())


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_a_file_that_went_missing_is_named(clap_folder, tmp_path, name):
    shutil.copytree(clap_folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).unlink()
    encoder = load(tmp_path)
    with pytest.raises(ModelError, match=name):
        encoder.encode(clip(480)[None])
    with pytest.raises(ModelError, match=name):
        encoder.text(["calm"])


def test_a_card_of_another_size_is_refused(clap_folder):
    with pytest.raises(ModelError, match="not those of clap-music"):
        LARGE["clap-music"].load(LARGE["clap-music"].card, clap_folder, "cpu").encode(
            clip(480)[None]
        )
