"""Weights are added whole or not at all, found, checked, removed; and only adding may connect."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import numpy as np
import pytest

from hevner import encoders
from hevner.encoders import large, weights
from hevner.encoders.weights import record
from hevner.errors import MissingDependencyError, ModelError, OutputError
from tests.encoders import made_up
from tests.encoders.made_up import FREE, NAME, publish
from tests.errors import raises

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the weights of the made-up encoder go."""
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HEVNER_OFFLINE", raising=False)
    monkeypatch.setattr(large, "LARGE", made_up.LARGE)
    return tmp_path / "home" / "encoders" / NAME


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return publish(tmp_path / "published")


def add(source: Path | str, **options: object) -> weights.Weights:
    return weights.add(NAME, str(source), accept_licence=True, **options)  # type: ignore[arg-type]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def folders(place: Path) -> list[str]:
    return [path.name for path in place.iterdir() if path.is_dir()]


def test_what_is_added_is_found_with_all_that_is_known_of_it(published: Path) -> None:
    told: list[tuple[str, int, int]] = []
    done = add(published, progress=lambda *step: told.append(step))
    assert done == weights.find(NAME) == weights.find(f"{NAME}+0+2") == weights.added(NAME)
    assert done.digest == sha256(done.folder / "weights.safetensors")
    assert done.parts["words.txt"] == (6, hashlib.sha256(b"happy\n").hexdigest())
    assert done.size == sum(file.stat().st_size for file in done.folder.iterdir())
    assert (done.source, done.revision) == (str(published), "")
    names = ("config.json", "matrix.safetensors")
    assert done.files == {name: sha256(published / name) for name in names}
    assert (done.licence, done.licence_accepted) == ("CC-BY-NC-4.0", True)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", done.added)
    assert list(dict.fromkeys(verb for verb, _, _ in told)) == ["Reading", "Converting", "Checking"]
    assert {done / total for _, done, total in told if done == total} == {1.0}


def test_an_encoder_is_created_from_them_without_network(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert encoders.card(NAME).version == ""
    done = add(published)
    encoder = encoders.create(f"{NAME}+2", "cpu")
    assert encoder.card.version == f"1-{done.digest[:12]}"
    assert encoder.encode(np.full((3, 80), 0.5, np.float32)).tolist() == [[0.5] * 32] * 3


def test_a_file_stands_for_its_folder(published: Path) -> None:
    assert add(published / "matrix.safetensors").source == str(published)


def test_a_licence_without_commercial_use_must_be_accepted(published: Path, place: Path) -> None:
    with pytest.raises(ModelError, match=r"under CC-BY-NC-4.0, which does not .*--accept-licence"):
        weights.add(NAME, str(published))
    assert not place.exists()
    assert not weights.add(FREE, str(published)).licence_accepted


def test_what_comes_with_hevner_needs_no_adding() -> None:
    with raises(ModelError, "weights_included"):
        weights.add("musicnn", "anything")


def test_missing_packages_are_named(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "transformers" else known(name)
    )
    with raises(MissingDependencyError, "missing_extra") as found:
        add(published)
    assert "transformers" in str(found.value)
    assert "hevner[encoders]" in str(found.value)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("nowhere", "unknown_source"),
        ("./a/b", "unknown_source"),
        ("empty", "file_missing"),
        ("other", "bad_model"),
        ("torn", "weights_damaged"),
        ("pickle", "weights_damaged"),
    ],
)
def test_wrong_sources_are_refused_and_leave_what_was_there(
    source: str,
    code: str,
    published: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = add(published)
    monkeypatch.chdir(published.parent)
    Path("empty").mkdir()
    publish(Path("other"), shape=(3, 3))
    torn = publish(Path("torn")) / "matrix.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    (publish(Path("pickle")) / "matrix.safetensors").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with raises(ModelError, code):
        add(source)
    assert weights.verify(NAME) == before
    assert folders(place) == [before.folder.name]


def test_adding_again_replaces_what_was_there(published: Path, place: Path) -> None:
    before = add(published)
    again = add(publish(published, 2.0))
    assert again.digest != before.digest
    assert folders(place) == [again.folder.name]
    assert encoders.create(NAME).encode(np.ones((1, 80), np.float32))[0, 0] == 2


def test_the_same_files_give_the_same_digest(published: Path) -> None:
    assert add(published).digest == add(published).digest


@contextmanager
def endless(published: Path) -> Iterator[subprocess.Popen[str]]:
    """An `add` in a process of its own that is half way; killed in the end."""
    command = ["models", "add", NAME, "--from", str(published), "--accept-licence"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.encoders.made_up", "endless", *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half way\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_run_leaves_nothing_that_counts(published: Path, place: Path) -> None:
    before = add(published)
    with endless(published):
        pass
    assert len(folders(place)) == 2
    assert weights.verify(NAME) == before
    weights.remove(NAME)
    with endless(published):
        pass
    with raises(ModelError, "weights_missing"):
        weights.find(NAME)
    after = add(published)
    assert folders(place) == [after.folder.name]


def test_of_two_at_once_the_second_is_told(published: Path, place: Path) -> None:
    with endless(published) as process:
        for change in (lambda: add(published), lambda: weights.remove(NAME)):
            with raises(ModelError, "busy"):
                change()
        assert process.poll() is None
        assert len(folders(place)) == 1
    assert add(published) == weights.find(NAME)


def test_ctrl_c_is_answered_and_cleans_up(published: Path, place: Path) -> None:
    with endless(published) as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 130
    assert told == "Stopped; nothing was changed. Files that were fetched whole are kept.\n"
    assert folders(place) == []


def test_a_full_disk_is_told_and_leaves_what_was_there(published: Path, place: Path) -> None:
    resource = pytest.importorskip("resource", reason="files are limited as on Unix")
    before = add(published)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, usual[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot be written \(File too large\)"):
            add(published)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert weights.verify(NAME) == before
    assert folders(place) == [before.folder.name]


def test_too_little_room_is_told_before_anything_is_read(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 5000

    monkeypatch.setattr(record.shutil, "disk_usage", lambda _path: Usage)
    told: list[str] = []
    with pytest.raises(
        OutputError, match=r"up to 8\.3 kB are needed there and 5\.0 kB are free.*HEVNER"
    ):
        add(published, progress=lambda verb, *_: told.append(verb))
    assert not told


def test_a_place_closed_to_writing_is_told(published: Path, place: Path) -> None:
    place.parent.parent.mkdir()
    place.parent.write_text("A file in the way.")
    with pytest.raises(OutputError, match="made-up: cannot be written"):
        add(published)


def edit(place: Path, **changes: object) -> None:
    path = place / "weights.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


DAMAGES: dict[str, tuple[Callable[[Path, Path], object], str]] = {
    "torn": (
        lambda _place, file: os.truncate(file, 100),
        r"weights.safetensors: the file of weights has 100 bytes instead of \d+",
    ),
    "gone": (lambda _place, file: file.unlink(), "weights.safetensors: .* is missing"),
    "part gone": (lambda _, file: (file.parent / "words.txt").unlink(), "words.txt: .* is missing"),
    "no JSON": (lambda place, _: (place / "weights.json").write_text("{"), "record .* cannot be"),
    "a list": (lambda place, _: (place / "weights.json").write_text("[]"), "record .* cannot be"),
    "unknown": (lambda place, _: edit(place, schema=2), "its schema is not known"),
    "fields": (lambda place, _: edit(place, novelty=2), "novelty"),
    "no parts": (lambda place, _: edit(place, parts={}), "record .* cannot be read"),
    "version": (lambda place, _: edit(place, version="0"), "for another version of hevner"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_when_weights_are_looked_for(
    damage: str, published: Path, place: Path
) -> None:
    inflict, message = DAMAGES[damage]
    inflict(place, add(published).folder / "weights.safetensors")
    assert weights.added(NAME) is None
    assert encoders.card(NAME).version == ""
    again = r"Add them again: hevner models add made-up --accept-licence"
    for look in (weights.find, weights.verify, encoders.create):
        with pytest.raises(ModelError, match=f"{message}.*{again}"):
            look(NAME)
    assert add(published) == weights.verify(NAME)
    assert len(folders(place)) == 1


def test_a_changed_byte_is_noticed_by_a_check(published: Path) -> None:
    file = add(published).folder / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert weights.find(NAME)
    with pytest.raises(ModelError, match=r"weights.safetensors: .* has changed .* Add them again"):
        weights.verify(NAME)


def test_removed_weights_are_gone(published: Path, place: Path) -> None:
    with raises(ModelError, "weights_missing"):
        weights.remove(NAME)
    held = add(published).size
    assert weights.remove(NAME) > held
    assert sorted(path.name for path in place.iterdir()) in ([], ["lock"])
    with pytest.raises(ModelError, match=r"not been added\. .*: hevner models add made-up --accep"):
        weights.find(NAME)
    with raises(ModelError, "weights_missing"):
        weights.remove(NAME)


def test_where_the_source_is_not_on_the_hub_a_folder_is_asked_for() -> None:
    with pytest.raises(ModelError, match=r"models add made-up-free --from DIR$"):
        weights.find(FREE)
    with pytest.raises(
        ModelError, match=r"Fetch https://somewhere.org/weights, then: .* --from DIR"
    ):
        weights.add(FREE)


def test_the_lock_is_let_go(published: Path, place: Path) -> None:
    add(published)
    with filelock.FileLock(place / "lock", timeout=0):
        assert weights.find(NAME)


def test_home_follows_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert weights.home() == tmp_path / "home"
    monkeypatch.delenv("HEVNER_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert weights.home() == Path("/data/hevner")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert weights.home() == Path.home() / ".local" / "share" / "hevner"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert weights.home().parent.name == "Application Support"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert weights.home() == Path("/local/hevner/Data")
