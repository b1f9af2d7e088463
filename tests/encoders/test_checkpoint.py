import json
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

from hevner.encoders.weights.checkpoint import Checkpoint, Stored, write_safetensors
from hevner.errors import ModelError
from tests.errors import raises


def weights():
    generator = torch.Generator().manual_seed(3)
    base = torch.randn(6, 10, generator=generator)
    return OrderedDict(
        matrix=torch.randn(4, 3, generator=generator).half(),
        brain=torch.randn(5, generator=generator).bfloat16(),
        view=base[2:5, 1:7],
        turned=base.t(),
        shared=base[2],
        number=torch.tensor(7, dtype=torch.int64),
        empty=torch.zeros(0, 3),
        flags=torch.tensor([True, False, True]),
    )


def plain(tensors):
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def save_new(path, content):
    torch.save(content, path)


def save_old(path, content):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_safetensors(path, content):
    safetensors_torch.save_file(plain(content), path)


SAVERS = {"a.bin": save_new, "a.pth.tar": save_old, "a.safetensors": save_safetensors}


@pytest.mark.parametrize("name", SAVERS)
def test_every_format_gives_back_what_was_saved(tmp_path, name):
    expected = weights()
    SAVERS[name](tmp_path / name, expected)
    checkpoint = Checkpoint(tmp_path / name)
    assert sorted(checkpoint.names()) == sorted(expected)
    for key, tensor in expected.items():
        read = checkpoint.read(key)
        assert read.is_contiguous()
        assert checkpoint.stored(key).shape == tuple(tensor.shape) == tuple(read.shape)
        assert checkpoint.stored(key).dtype is tensor.dtype is read.dtype
        assert torch.equal(read, tensor)


@pytest.mark.parametrize("save", [save_new, save_old])
@pytest.mark.parametrize("nest", ["model", "state_dict"])
def test_weights_beside_other_things(tmp_path, save, nest):
    content = {
        "hps": {"lr": 0.1, "levels": (1, 2), "name": "x"},
        nest: weights(),
        "opt": None,
        "step": 12,
        "best": np.float64(0.5),
    }
    save(tmp_path / "a.pth", content)
    assert Checkpoint(tmp_path / "a.pth").names() == list(weights())


@pytest.mark.parametrize("save", [save_new, save_old])
def test_parameters_are_tensors_too(tmp_path, save):
    save(tmp_path / "a.pth", {"w": torch.nn.Parameter(torch.arange(3.0))})
    assert torch.equal(Checkpoint(tmp_path / "a.pth").read("w"), torch.arange(3.0))


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [save_new, save_old])
def test_a_pickle_that_would_run_something_is_refused(tmp_path, save):
    mark = tmp_path / "mark"
    content = {"w": torch.zeros(2), "extra": Evil(mark)}
    save(tmp_path / "a.bin", content)
    mark.unlink(missing_ok=True)
    with raises(ModelError, "weights_damaged"):
        Checkpoint(tmp_path / "a.bin")
    assert not mark.exists()


def test_a_bare_pickle_is_refused(tmp_path):
    mark = tmp_path / "mark"
    (tmp_path / "a.bin").write_bytes(pickle.dumps(Evil(mark)))
    mark.unlink(missing_ok=True)
    with raises(ModelError, "weights_damaged"):
        Checkpoint(tmp_path / "a.bin")
    assert not mark.exists()


def test_a_storage_of_unknown_kind_is_refused(tmp_path):
    save_new(tmp_path / "a.bin", {"w": torch.zeros(2, dtype=torch.complex64)})
    with raises(ModelError, "weights_damaged"):
        Checkpoint(tmp_path / "a.bin")


@pytest.mark.parametrize("name", SAVERS)
def test_a_file_cut_short_is_an_error_and_never_wrong_numbers(tmp_path, name):
    path = tmp_path / name
    SAVERS[name](path, {"w": torch.arange(1000.0), "v": torch.arange(1000.0)})
    content = path.read_bytes()
    for share in (0.0, 0.002, 0.2, 0.6, 0.99):
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(ModelError):
            Checkpoint(path).read("v")


def test_compressed_values_are_refused(tmp_path):
    save_new(tmp_path / "a.bin", {"w": torch.zeros(50)})
    with (
        zipfile.ZipFile(tmp_path / "a.bin") as source,
        zipfile.ZipFile(tmp_path / "b.bin", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for member in source.infolist():
            target.writestr(member.filename, source.read(member))
    with raises(ModelError, "weights_damaged"):
        Checkpoint(tmp_path / "b.bin")


@pytest.mark.parametrize("save", [save_new, save_old])
def test_a_file_without_weights_is_refused(tmp_path, save):
    save(tmp_path / "a.bin", {"step": 3, "model": {}})
    with raises(ModelError, "weights_damaged"):
        Checkpoint(tmp_path / "a.bin")


def shards(folder, weight_map):
    save_new(folder / "one.bin", {"a": torch.ones(2)})
    save_safetensors(folder / "two.safetensors", {"b": torch.ones(3)})
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return index


def test_shards_are_one_table(tmp_path):
    checkpoint = Checkpoint(shards(tmp_path, {"b": "two.safetensors", "a": "one.bin"}))
    assert checkpoint.names() == ["b", "a"]
    assert checkpoint.read("b").tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("weight_map", "words"),
    [
        ({"a": "two.safetensors"}, "does not hold"),
        ({"a": "three.bin"}, "cannot be read"),
        ({"a": "../one.bin"}, "outside"),
    ],
)
def test_shards_that_do_not_fit(tmp_path, weight_map, words):
    with pytest.raises(ModelError, match=words):
        Checkpoint(shards(tmp_path, weight_map))


def header_file(path, header, values=b""):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + values)
    return path


@pytest.mark.parametrize(
    "fact",
    [
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2]},
        [],
    ],
)
def test_a_header_that_makes_no_sense(tmp_path, fact):
    with raises(ModelError, "weights_damaged"):
        Checkpoint(header_file(tmp_path / "a.safetensors", {"w": fact}, b"x" * 8))


def test_missing_file_and_missing_tensor(tmp_path):
    with raises(ModelError, "unreadable", subject="none.bin"):
        Checkpoint(tmp_path / "none.bin")
    save_new(tmp_path / "a.bin", {"w": torch.zeros(2)})
    with raises(ModelError, "tensor_missing"):
        Checkpoint(tmp_path / "a.bin").read("v")


def test_written_files_are_read_by_the_reference_and_by_us(tmp_path):
    expected = plain(weights())
    entries = [(k, Stored(tuple(v.shape), v.dtype, lambda v=v: v)) for k, v in expected.items()]
    seen = []
    write_safetensors(tmp_path / "a.safetensors", entries, lambda *step: seen.append(step))
    write_safetensors(tmp_path / "b.safetensors", entries, lambda *step: None)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    reference = safetensors_torch.load_file(tmp_path / "a.safetensors")
    ours = Checkpoint(tmp_path / "a.safetensors")
    for key, tensor in expected.items():
        assert torch.equal(reference[key], tensor)
        assert torch.equal(ours.read(key), tensor)
    assert seen[-1][0] == seen[-1][1] == sum(v.nbytes for v in expected.values())
    assert len(seen) == len(expected)


def test_a_failed_write_leaves_nothing(tmp_path):
    def fail():
        raise ModelError("no")

    entries = [("a", Stored((2,), torch.float32, lambda: torch.zeros(2)))]
    target = tmp_path / "a.safetensors"
    with pytest.raises(ModelError, match="no"):
        write_safetensors(target, [*entries, ("b", Stored((2,), torch.float32, fail))], print)
    with raises(ModelError, "weights_damaged"):
        write_safetensors(
            target, [("b", Stored((3,), torch.float32, lambda: torch.zeros(2)))], print
        )
    assert list(tmp_path.iterdir()) == []
