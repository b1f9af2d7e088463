"""Servers for tests; these tests may talk to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the service needs the extra 'serve'")

from tests.catalog.library import Library, build
from tests.loopback import only_this_machine  # noqa: F401 - a fixture for all tests here
from tests.serve.servers import Running, running, settings, snapshot


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A made-up catalogue of 300 pieces without files."""
    return build(tmp_path_factory.mktemp("music") / "catalog")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, music: Library) -> Iterator[Running]:
    """A server with a made-up catalogue whose worker makes up what it hears."""
    state = tmp_path_factory.mktemp("state")
    with running(settings(state), snapshot(music.catalog.folder)) as one:
        yield one


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder for the jobs of a server."""
    return tmp_path / "state"
