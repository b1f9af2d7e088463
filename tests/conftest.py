"""Every test runs without network, with its own cache and home, and a fixed random seed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Before numpy and torch are imported, for this process and those it starts: tests run side by side,
# and matrix products of several threads round otherwise than those of one.
for _variable in (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
):
    os.environ[_variable] = "1"

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.object_store import ObjectStore

# No wall-clock limits: machines differ. The examples are the same in every run.
settings.register_profile(
    "hevner",
    deadline=None,
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("hevner")

CONNECT = socket.socket.connect

# A shell starts background jobs with Ctrl-C ignored, which the commands under test would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST_S = 3600.0
"""Seconds after which a test is taken for one that waits for ever; any machine needs less."""


def _end(_number: int, _frame: object) -> None:
    pytest.fail(f"it waits for ever: it has taken {LONGEST_S:.0f} s")


@pytest.hookimpl(wrapper=True)
def _bounded() -> Generator[None, object, object]:
    """Let a test that waits for ever fail, and go on to clean up whatever waits for ever then."""
    signal.signal(signal.SIGALRM, _end)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_S, 60)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if hasattr(signal, "SIGALRM"):
    pytest_runtest_setup = pytest_runtest_call = pytest_runtest_teardown = _bounded


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, the tests of a module run in one process: they share what takes long to make.

    Takes effect with ``--dist loadgroup``.
    """
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(config.rootpath))))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEVNER_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("tests must not use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def loopback(_no_network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test talk to a server that it has started itself."""
    monkeypatch.setattr(socket.socket, "connect", CONNECT)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2024)


@pytest.fixture
def data() -> Path:
    """The folder of datasets, for tests marked ``data``."""
    folder = Path(
        os.environ.get("HEVNER_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    )
    if not folder.is_dir():
        pytest.skip("no datasets here; set HEVNER_DATA")
    return folder


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A server of object storage; each test makes its own bucket there."""
    pytest.importorskip("pyarrow")
    from tests import object_store

    weed = object_store.program()
    if weed is None:
        pytest.skip("no object store here: pip install -r tests/requirements-store.txt")
    store = object_store.started(weed, lambda: tmp_path_factory.mktemp("store"))
    yield store
    store.close()
