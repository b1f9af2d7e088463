"""Names of version 0.1.0: they work, and say where they went."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import hevner
from hevner import client, moved


@pytest.mark.parametrize(("old", "new"), moved.NAMES.items())
def test_a_module_that_moved_is_the_new_one_and_warns(old: str, new: str) -> None:
    for name in moved.NAMES:
        sys.modules.pop(name, None)
    said = f"^{old} is now {new}; the old name goes with 0.4$".replace(".", r"\.")
    with pytest.warns(DeprecationWarning, match=said):
        found = importlib.import_module(old)
    now = importlib.import_module(new)
    public = [name for name in vars(now) if not name.startswith("_")]
    assert all(getattr(found, name) is getattr(now, name) for name in public)


def test_the_warning_points_at_the_import() -> None:
    code = "import hevner.windows\nfrom hevner.audio import open_audio\nimport hevner.windows"
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    assert {line.split(": ")[0] for line in done.stderr.splitlines()} == {
        "<string>:1",
        "<string>:2",
    }


def test_a_class_of_the_client_that_was_renamed_warns() -> None:
    with pytest.warns(DeprecationWarning, match=r"Told is now hevner\.client\.EmotionWord"):
        assert client.Told is client.EmotionWord
    with pytest.raises(AttributeError, match="Asked"):
        _ = client.Asked


def test_other_names_are_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"hevner\.circumplex"):
        importlib.import_module("hevner.circumplex")
    with pytest.raises(AttributeError, match="open_file"):
        hevner.audio.open_file  # noqa: B018


def test_they_go_with_version_0_4() -> None:
    assert tuple(map(int, hevner.__version__.split(".")[:2])) < (0, 4), "remove hevner.moved"
