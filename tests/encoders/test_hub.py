"""Weights are fetched from a hub by commit, compared with what it announces, and never offline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hevner.encoders import large, weights
from hevner.encoders.weights import hub
from hevner.errors import MissingDependencyError, ModelError
from tests.encoders import made_up
from tests.encoders.local_hub import COMMIT, REPOSITORY, LocalHub, serving
from tests.encoders.made_up import NAME, publish
from tests.errors import raises

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the weights of the made-up encoder go."""
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HEVNER_OFFLINE", raising=False)
    monkeypatch.setattr(large, "LARGE", made_up.LARGE)
    return tmp_path / "home" / "encoders" / NAME


@pytest.fixture
def served(tmp_path: Path, place: Path) -> Iterator[LocalHub]:
    folder = publish(tmp_path / "published")
    (folder / "matrix.bin").write_bytes(b"The same as a pickle.")
    with serving(folder) as local:
        yield local


def run_add(local: LocalHub, *options: str) -> subprocess.CompletedProcess[str]:
    """Add weights in a process of its own, which may use the network and knows this hub only."""
    home = local.folder.parent
    return subprocess.run(
        [sys.executable, "-m", "tests.encoders.made_up", "usual", "models", "add", NAME,
         "--accept-licence", *options],
        cwd=ROOT,
        env={**os.environ, "HF_ENDPOINT": local.url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def test_what_a_hub_holds_is_added_at_its_commit(served: LocalHub, place: Path) -> None:
    done = run_add(served)
    assert done.returncode == 0, done.stderr
    assert f"From {REPOSITORY} at {COMMIT}.\n" in done.stdout
    added = weights.verify(NAME)
    assert (added.source, added.revision) == (REPOSITORY, COMMIT)
    assert list(added.files) == ["config.json", "matrix.safetensors"]
    assert served.asked == [f"/api/models/{REPOSITORY}", "config.json", "matrix.safetensors"]
    assert [path for path in place.iterdir() if path.is_dir()] == [added.folder]


def test_a_revision_is_asked_for_and_a_lost_one_is_told(served: LocalHub, place: Path) -> None:
    done = run_add(served, "--from", f"{REPOSITORY}@lost")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {REPOSITORY}@lost: the hub has no such name or revision")
    done = run_add(served, "--from", f"{REPOSITORY}@v1.0")
    assert done.returncode == 0, done.stderr
    assert served.asked[0] == f"/api/models/{REPOSITORY}/revision/v1.0"


def test_files_other_than_announced_are_refused(
    served: LocalHub, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = {"sha256": "0" * 64, "size": 1, "pointerSize": 1}
    listing = served.listing()
    for file in listing["siblings"]:  # type: ignore[attr-defined]
        if "lfs" in file:
            file["lfs"] = announced
    monkeypatch.setattr(served, "listing", lambda: listing)
    done = run_add(served)
    assert done.returncode == 1
    assert "matrix.safetensors: what was downloaded is not what the hub announced" in done.stderr
    assert [path.name for path in place.iterdir() if path.is_dir()] == []


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", refuse)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)


@pytest.mark.usefixtures("no_hub")
@pytest.mark.parametrize("variable", ["", "1"])
def test_offline_no_call_is_made(
    variable: str, place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HEVNER_OFFLINE", variable)
    with pytest.raises(ModelError, match=r"not to be used.*config.json.*add made-up --from DIR"):
        weights.add(NAME, "any/thing@main", accept_licence=True, offline=not variable)
    folder = publish(tmp_path / "published")
    assert weights.add(NAME, str(folder), accept_licence=True, offline=not variable)


@pytest.mark.usefixtures("no_hub")
def test_a_zero_does_not_mean_offline(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEVNER_OFFLINE", "0")
    with pytest.raises(AssertionError, match="the hub was asked"):
        weights.add(NAME, accept_licence=True)


def test_a_network_that_fails_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def fail(*_arguments: object, **_options: object) -> None:
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", fail)
    with pytest.raises(
        ModelError, match=r"does not answer as it should \(no route to host\)\. Che"
    ):
        weights.add(NAME, accept_licence=True)
    assert not place.exists()


def test_a_download_is_kept_until_it_is_whole(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    folder = publish(tmp_path / "published")
    before = weights.add(NAME, str(folder), accept_licence=True)
    names = ("config.json", "matrix.safetensors")
    files = [SimpleNamespace(rfilename=name, size=9, lfs=None) for name in names]
    fetched: list[str] = []

    def fetch(_repository: str, name: str, *, local_dir: Path, **_options: object) -> None:
        if name in fetched:
            raise ConnectionError("the line is cut")
        fetched.append(name)
        local_dir.mkdir(exist_ok=True)
        shutil.copy(folder / name, local_dir / name)

    listing = SimpleNamespace(sha=COMMIT, siblings=files)
    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", lambda *_, **__: listing)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    fetched.append("matrix.safetensors")
    with pytest.raises(ModelError, match="the line is cut"):
        weights.add(NAME, accept_licence=True)
    download = place / f"download-{COMMIT[:12]}"
    assert [file.name for file in download.iterdir()] == ["config.json"]
    assert weights.verify(NAME) == before
    fetched.clear()
    with monkeypatch.context() as patch:
        patch.setattr(made_up, "convert", interrupted)
        with pytest.raises(KeyboardInterrupt):
            weights.add(NAME, accept_licence=True)
    assert sorted(file.name for file in download.iterdir()) == sorted(names)
    assert weights.verify(NAME) == before
    fetched.clear()
    (folder / "matrix.safetensors").write_bytes(b"nothing of use")
    with raises(ModelError, "weights_damaged"):
        weights.add(NAME, accept_licence=True)
    assert [path for path in place.iterdir() if path.is_dir()] == [before.folder]


def interrupted(_name: str, _source: Path, target: Path, _progress: object) -> None:
    (target / "weights.safetensors").write_bytes(b"half")
    raise KeyboardInterrupt


def test_a_hub_without_the_files_is_refused(served: LocalHub, place: Path) -> None:
    for file in served.folder.iterdir():
        if file.name != "README.md":
            file.unlink()
    done = run_add(served)
    assert done.returncode == 1
    assert f"{REPOSITORY}: has none of config.json, matrix.safetensors, matrix.bin" in done.stderr


def test_without_its_package_the_hub_is_not_there(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match=r"huggingface_hub.*hevner\[encoders\]"):
        weights.add(NAME, accept_licence=True)


@pytest.mark.parametrize(
    ("text", "is_name"),
    [
        ("m-a-p/MERT-v1-95M", True),
        ("m-a-p/MERT-v1-95M@main", True),
        ("a/b@refs/pr/1", True),
        ("a", False),
        ("./a/b", False),
        ("/a/b", False),
        ("a/b/c", False),
        ("~/a", False),
        ("https://somewhere.org/a", False),
        ("", False),
    ],
)
def test_names_on_the_hub_are_told_from_paths(text: str, is_name: bool) -> None:
    assert hub.is_name(text) == is_name
