"""The build: reading a checkpoint, fetching the wheel, writing the weights."""

from __future__ import annotations

import hashlib
import io
import math
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from musicnn_reference import FILTERS, conv, random_checkpoint

import hevner
from build_hook import bundle, graph, release, weights, wheel
from build_hook.hook import PackingHook
from hevner.lab import recipe_files

ROOT = Path(__file__).parents[1]

# --- writing a bundle, the reverse of what the reader does ---


def varint(value):
    result = b""
    while value >= 0x80:
        result += bytes([value & 0x7F | 0x80])
        value >>= 7
    return result + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def record(array, offset, dtype=1):
    shape = b"".join(field(2, field(1, size)) for size in array.shape)
    place = field(4, offset) if offset else b""
    checksum = varint(6 << 3 | 5) + b"\x01\x02\x03\x04"
    return field(1, dtype) + field(2, shape) + place + field(5, array.nbytes) + checksum


def block(pairs):
    body, last = b"", b""
    for key, value in pairs:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        body += varint(shared) + varint(len(key) - shared) + varint(len(value))
        body += key[shared:] + value
        last = key
    return body + struct.pack("<II", 0, 1)


def table(pairs, per_block=3, compression=0):
    content, handles = b"", []
    for start in range(0, len(pairs), per_block):
        part = pairs[start : start + per_block]
        body = block(part)
        handles.append((part[-1][0], varint(len(content)) + varint(len(body))))
        content += body + bytes([compression]) + b"crc!"
    places = []
    for body in (block([]), block(handles)):
        places.append(varint(len(content)) + varint(len(body)))
        content += body + b"\0crc!"
    footer = b"".join(places).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    return content + footer


def write_bundle(tensors):
    pairs, data = [(b"", field(1, 1))], b""
    for name, array in sorted(tensors.items()):
        pairs.append((name.encode(), record(array, len(data))))
        data += array.astype("<f4").tobytes()
    return table(pairs), data


NAMES = st.text(st.sampled_from("abc/_1"), min_size=1, max_size=12)
FLOATS = arrays.arrays(np.float32, arrays.array_shapes(min_dims=0, max_dims=4, max_side=4))


@given(st.dictionaries(NAMES, FLOATS, max_size=12))
def test_reading_undoes_writing(tensors):
    result = bundle.read_bundle(*write_bundle(tensors))
    assert result.keys() == tensors.keys()
    for name, array in tensors.items():
        assert result[name].shape == array.shape
        assert result[name].tobytes() == array.tobytes()


def test_variables_of_other_types_are_left_out():
    array = np.zeros(3, np.float32)
    index = table([(b"", b""), (b"a", record(array, 0)), (b"b", record(array, 0, dtype=3))])
    assert list(bundle.read_bundle(index, array.tobytes())) == ["a"]


def test_damaged_bundles_are_refused():
    index, data = write_bundle({"a/b": np.arange(6, dtype=np.float32).reshape(2, 3)})
    with pytest.raises(bundle.BundleError, match="ends too early"):
        bundle.read_bundle(index, data[:-1])
    with pytest.raises(bundle.BundleError, match="does not end as"):
        bundle.read_bundle(index[:-1], data)
    with pytest.raises(bundle.BundleError, match="does not end as"):
        bundle.read_bundle(b"", data)
    with pytest.raises(bundle.BundleError, match="outside the file"):
        bundle.read_bundle(index[-bundle.FOOTER_BYTES :], data)
    with pytest.raises(bundle.BundleError, match="compressed"):
        bundle.read_bundle(table([(b"a", b"")], compression=1), data)
    wrong = field(1, 1) + field(2, field(2, field(1, 5))) + field(5, 24)
    with pytest.raises(bundle.BundleError, match=r"a: 24 bytes do not fill shape \(5,\)"):
        bundle.read_bundle(table([(b"a", wrong)]), data)


# --- the wheel ---


def test_a_wheel_with_another_checksum_is_refused(tmp_path, monkeypatch):
    copy = tmp_path / "musicnn.whl"
    copy.write_bytes(b"something else")
    monkeypatch.setenv(wheel.WHEEL_VARIABLE, str(copy))
    with pytest.raises(wheel.WheelError, match=f"is not the published.*{wheel.WHEEL_SHA256}"):
        wheel.obtain_wheel(tmp_path)


def test_a_named_wheel_that_is_missing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv(wheel.WHEEL_VARIABLE, str(tmp_path / "nothing.whl"))
    with pytest.raises(wheel.WheelError, match=r"nothing\.whl, which is not a file"):
        wheel.obtain_wheel(tmp_path)


def test_a_failed_download_says_why_and_what_to_do(tmp_path, monkeypatch):
    def refuse(command, **_):
        assert "--no-deps" in command
        return subprocess.CompletedProcess(command, 1, "", "ERROR: Network is unreachable\n")

    monkeypatch.delenv(wheel.WHEEL_VARIABLE, raising=False)
    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(wheel.WheelError, match="Network is unreachable") as caught:
        wheel.obtain_wheel(tmp_path)
    assert wheel.WHEEL_VARIABLE in str(caught.value)


def test_a_download_is_verified(tmp_path, monkeypatch):
    def fetch(command, **_):
        (tmp_path / wheel.WHEEL_NAME).write_bytes(b"tampered with")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.delenv(wheel.WHEEL_VARIABLE, raising=False)
    monkeypatch.setattr(subprocess, "run", fetch)
    with pytest.raises(wheel.WheelError, match="is not the published"):
        wheel.obtain_wheel(tmp_path)


# --- the weights ---


@pytest.fixture(scope="module")
def checkpoint():
    return random_checkpoint(seed=3)


@pytest.fixture
def source_tree(tmp_path, monkeypatch, checkpoint):
    """A tree that pins the weights made from a stand-in for the published wheel."""
    extra = {"dense/bias/Adam": np.ones(200, np.float32), "beta1_power": np.ones((), np.float32)}
    other = {**checkpoint, "dense/bias": checkpoint["dense/bias"] + 1}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, tensors in (("first", checkpoint), ("second", other)):
            index, data = write_bundle({**tensors, **extra})
            archive.writestr(f"musicnn/{name}/.index", index)
            archive.writestr(f"musicnn/{name}/.data-00000-of-00001", data)
        archive.writestr(weights.LICENCE_IN_WHEEL, "Copyright, and permission")
    stand_in = tmp_path / "stand_in.whl"
    stand_in.write_bytes(content.getvalue())
    monkeypatch.setenv(wheel.WHEEL_VARIABLE, str(stand_in))
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    monkeypatch.setattr(wheel, "WHEEL_SHA256", digest)
    expected = {"first": graph.build_model(checkpoint), "second": graph.build_model(other)}
    pin(tmp_path, {name: hashlib.sha256(model).hexdigest() for name, model in expected.items()})
    return tmp_path, expected


def pin(root, checksums):
    pinned = root / weights.ENCODERS / "pinned.py"
    pinned.parent.mkdir(parents=True, exist_ok=True)
    networks = {name: (f"{name}.onnx", checksum) for name, checksum in checksums.items()}
    pinned.write_text(f"WEIGHTS_FOLDER = 'weights'\nMUSICNN = {networks}\n")


def test_the_checkpoint_is_read_without_the_state_of_its_optimiser(source_tree, checkpoint):
    root, _ = source_tree
    tensors = weights.read_checkpoint(root / "stand_in.whl", "first")
    assert tensors.keys() == checkpoint.keys()
    assert len(tensors) == 64
    assert sum(array.size for array in tensors.values()) == 792_079
    other = weights.read_checkpoint(root / "stand_in.whl", "second")
    np.testing.assert_array_equal(other["dense/bias"], checkpoint["dense/bias"] + 1)


def test_each_checkpoint_is_converted_to_its_own_network(source_tree):
    root, expected = source_tree
    for name, model in expected.items():
        assert weights.convert(root / "stand_in.whl", name) == model
    assert expected["first"] != expected["second"]
    assert weights.read_licence(root / "stand_in.whl") == "Copyright, and permission"


def test_weights_and_licence_are_written(source_tree):
    root, expected = source_tree
    folder = weights.ensure_weights(root)
    names = {"first.onnx", "second.onnx", weights.NOTICE_FILE}
    assert {path.name for path in folder.iterdir()} == names
    for name, model in expected.items():
        assert (folder / f"{name}.onnx").read_bytes() == model
    notice = (folder / weights.NOTICE_FILE).read_text()
    assert wheel.WHEEL_NAME in notice
    assert notice.endswith("Copyright, and permission")


def test_weights_that_are_there_are_kept_without_the_wheel(source_tree, monkeypatch):
    root, _ = source_tree
    folder = weights.ensure_weights(root)
    monkeypatch.setenv(wheel.WHEEL_VARIABLE, str(root / "nothing.whl"))
    assert weights.ensure_weights(root) == folder
    (folder / "second.onnx").write_bytes(b"damaged")
    with pytest.raises(wheel.WheelError):
        weights.ensure_weights(root)


def test_one_damaged_network_is_written_again(source_tree):
    root, expected = source_tree
    folder = weights.ensure_weights(root)
    (folder / "second.onnx").unlink()
    (folder / "first.onnx").write_bytes(b"damaged")
    weights.ensure_weights(root)
    for name, model in expected.items():
        assert (folder / f"{name}.onnx").read_bytes() == model


def test_weights_that_differ_from_the_pinned_ones_are_not_written(source_tree):
    root, expected = source_tree
    first = hashlib.sha256(expected["first"]).hexdigest()
    pin(root, {"first": first, "second": "0" * 64})
    with pytest.raises(weights.WeightsError, match="expected 0000"):
        weights.ensure_weights(root)
    assert not (root / weights.ENCODERS / "weights").exists()


def test_only_filters_that_matter_are_computed(checkpoint):
    model = onnx.load_from_string(graph.build_model(checkpoint))
    filters = {item.name: item.dims[0] for item in model.graph.initializer}
    for number in FILTERS:
        largest = np.abs(checkpoint[conv(number) + "/kernel"]).max(axis=(0, 1, 2))
        alive = np.count_nonzero(largest > 1e-20)
        rounded = min(math.ceil(alive / 16) * 16, len(largest))
        assert filters[f"front_{number}_weights"] == rounded
    assert filters["front_0_weights"] < 204


def test_a_filter_is_left_out_only_if_it_cannot_move_its_bias(checkpoint):
    # Inputs up to 10 in 266 places: 2.7e-8 is below half an ulp of 1, which is 3e-8.
    kernel = np.full((7, 38, 1, 204), 1e-11, np.float32)
    kernel[..., 50:82] = 1.2e-11
    changed = {**checkpoint, "conv2d/kernel": kernel, "conv2d/bias": np.ones(204, np.float32)}
    model = onnx.load_from_string(graph.build_model(changed))
    stored = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
    assert stored["front_0_weights"].shape == (32, 1, 7, 38)
    np.testing.assert_allclose(np.abs(stored["front_0_weights"]), 1.2e-11, rtol=1e-6)


def test_a_checkpoint_that_lacks_a_variable_is_refused(checkpoint):
    incomplete = {name: array for name, array in checkpoint.items() if name != "dense/bias"}
    with pytest.raises(KeyError, match="dense/bias"):
        graph.build_model(incomplete)


# --- recipes ---


@pytest.fixture
def without_weights(monkeypatch):
    """Builds pack no weights, which may not be there."""
    monkeypatch.setattr(weights, "ensure_weights", lambda root: root / "src" / "no_weights")


@pytest.mark.usefixtures("without_weights")
def test_a_wheel_has_the_recipes_of_the_repository(tmp_path):
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(tmp_path / "site")
    code = """
import hevner
from hevner.cli import app
from hevner.lab import recipe_files
from typer.testing import CliRunner
names = recipe_files.shipped()
print(hevner.__file__)
print(*names)
print(CliRunner().invoke(app, ["recipes", "show", "joint"]).stdout, end="")
print(*{path.parts[path.parts.index("lab") + 1] for path in names.values()})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    place, names, *shown, folder = done.stdout.splitlines()
    assert place.startswith(str(tmp_path))
    plugins = tmp_path / "site" / "beetsplug"
    assert [path.name for path in plugins.iterdir()] == ["hevner.py"]  # others have theirs there
    assert names.split() == list(recipe_files.shipped())
    assert {"unified", "ablations/without_harmony", "distribution_gap/at_hand"} <= {*names.split()}
    assert "\n".join(shown) + "\n" == (ROOT / "recipes" / "joint.toml").read_text()
    assert folder == "shipped"
    packed = tmp_path / "site" / "hevner" / "lab" / "shipped"
    scripts = {path.relative_to(packed) for path in packed.glob("papers/*/*.py")}
    assert scripts == {path.relative_to(ROOT) for path in ROOT.glob("papers/*/*.py")}


@pytest.mark.usefixtures("without_weights")
@pytest.mark.parametrize(("version", "packed"), [("standard", True), ("editable", False)])
def test_an_editable_installation_finds_recipes_in_the_checkout(version, packed, tmp_path):
    hook = PackingHook(str(ROOT), {}, None, None, str(tmp_path), "wheel")
    data = {"artifacts": [], "force_include": {}}
    hook.initialize(version, data)
    assert bool(data["force_include"]) == packed


def test_a_source_archive_has_the_recipes(tmp_path):
    from hatchling.builders.sdist import SdistBuilder

    (built,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path))
    with tarfile.open(built) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {path.relative_to(ROOT).as_posix() for path in recipe_files.shipped().values()} <= names


def test_archives_built_again_from_the_source_archive_have_the_same_bytes(tmp_path, monkeypatch):
    folder = weights.ensure_weights(ROOT)
    assert release.problems(tmp_path / "one", folder) == []
    monkeypatch.setattr(release, "LARGEST", 10**6)
    monkeypatch.setattr(release, "OTHERWISE", {"SOURCE_DATE_EPOCH": "1764400000"})
    found = release.problems(tmp_path / "two", folder)
    assert [text.partition(" ")[0] for text in found[:-1]] == sorted(
        f"hevner-{hevner.__version__}{ending}" for ending in ("-py3-none-any.whl", ".tar.gz")
    )
    assert "more than 1,000,000" in found[-1]


def test_a_release_without_problems_is_a_success(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(release.sys, "argv", ["release", str(tmp_path)])
    monkeypatch.setattr(release, "problems", lambda out: [])
    (tmp_path / "hevner.whl").touch()
    monkeypatch.setattr(release.shutil, "rmtree", lambda *_, **__: None)
    release.main()
    assert "hevner.whl" in capsys.readouterr().out
    monkeypatch.setattr(release, "problems", lambda out: ["too large", "other bytes"])
    with pytest.raises(SystemExit, match="too large\nother bytes"):
        release.main()
