"""A cluster of two machines fills a catalogue in an object store, whatever breaks meanwhile.

The cluster, the store and all faults are real; they strike at requests that are counted, so that
each run is like the last.
"""

from __future__ import annotations

import csv
import importlib
import math
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("ray", reason="needs the extra ray")
pytest.importorskip("obstore", reason="needs the extra s3")

from hevner.catalog.catalog import Catalog
from hevner.catalog.checksums import CHECKSUM
from hevner.catalog.columns import CHANGED, SOURCE, WRITTEN
from hevner.catalog.row_keys import KEY
from hevner.cli import app
from hevner.cluster import Cluster
from hevner.errors import HevnerError, ModelError
from hevner.model import space
from hevner.object_path import ObjectPath
from hevner.store import FeatureStore
from tests.cli.test_docs import run_console
from tests.documents import blocks
from tests.errors import raises
from tests.lab.tracks import musemo
from tests.object_store import ObjectStore
from tests.sounds import music, write
from tests.store_proxy import StoreProxy

pytestmark = [
    pytest.mark.usefixtures("loopback"),
    pytest.mark.filterwarnings("ignore"),  # of Ray and what it loads
]

ROOT = Path(__file__).resolve().parents[2]

FILES = 16
"""Songs; two more have the sound of another, one cannot be decoded."""

AT_ONCE = 4
"""Songs that are written at a time."""

MEMORY = {"object_store_memory": 10**8}
"""Bytes for what machines send each other; by default it depends on the machine."""

OF_PLACE = {"path", "mtime", CHANGED, SOURCE, WRITTEN, CHECKSUM, KEY}
"""Columns that say where and when, and so differ between a store and a folder."""

DRIVER = f"""
import sys
from hevner.catalog import indexing
from hevner.cli import main

indexing.PIECES_AT_ONCE = {AT_ONCE}
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The songs, all of the same length and each with a sound of its own."""
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(5)
    for number in range(FILES):
        sound = music(6.0) * 0.5 + rng.normal(0, 0.02, 96_000) * np.sin(np.arange(96_000) / 3e3)
        write(folder / f"{number % 3}" / f"{number}.flac", sound.astype(np.float32))
    for name in ("1/copy.flac", "copy of a copy.flac"):
        (folder / name).write_bytes((folder / "0" / "3.flac").read_bytes())
    (folder / "2" / "broken.flac").write_bytes(b"nothing of the kind")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """What one machine makes of them."""
    into = tmp_path_factory.mktemp("expected") / "catalog"
    command = ["index", str(folder), "--into", str(into), "--jobs", "1"]
    assert CliRunner().invoke(app, command).exit_code == 1  # one is broken
    return contents(into)


@pytest.fixture(scope="module")
def proxy(object_store: ObjectStore) -> Iterator[StoreProxy]:
    """What stands between the cluster and the store."""
    proxy = StoreProxy(object_store)
    yield proxy
    proxy.close()


class Machines:
    """A cluster of two machines with a core each, all on this one.

    ``environment`` is that of each machine, of those that are put in another's place too.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        from ray.cluster_utils import Cluster

        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200}
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": soon}
        self._environment = environment
        with patched(environment):
            self._cluster = Cluster(initialize_head=True, head_node_args=head | MEMORY)
        self.address = self._cluster.address
        self._nodes: list[Any] = []
        self.mend()

    def kill(self) -> None:
        """End one machine without warning."""
        self._cluster.remove_node(self._nodes.pop(), allow_graceful=False)

    def mend(self) -> None:
        """Put machines in the place of those that ended."""
        with patched(self._environment):
            while len(self._nodes) < 2:
                self._nodes.append(self._cluster.add_node(num_cpus=1, **MEMORY))

    def close(self) -> None:
        """End all, and remove its log."""
        log = self._cluster.head_node.get_session_dir_path()
        self._cluster.shutdown()
        shutil.rmtree(log, ignore_errors=True)


@contextmanager
def patched(environment: dict[str, str]) -> Iterator[None]:
    """This process's environment for a while, of which the processes it starts have a copy."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def machines(proxy: StoreProxy) -> Iterator[Machines]:
    """All ask the store through the proxy."""
    here = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "RAY_USAGE_STATS_ENABLED": "0"}
    with patched(here | proxy.environment):
        machines = Machines(here | proxy.environment)
        yield machines
        machines.close()


@pytest.fixture
def bucket(
    object_store: ObjectStore, proxy: StoreProxy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """A new bucket with the songs; this process asks the store itself."""
    proxy.before = proxy.after = lambda _method, _path: 0
    for name, value in object_store.environment.items():
        monkeypatch.setenv(name, value)
    bucket = object_store.bucket()
    for path in folder.rglob("*.flac"):
        object_store.put(f"{bucket}/music/{path.relative_to(folder)}", path.read_bytes())
    return bucket


def started(bucket: str, machines: Machines, proxy: StoreProxy) -> subprocess.Popen[str]:
    """Index the songs in a bucket by the cluster, in a process of its own."""
    places = [f"s3://{bucket}/music", "--into", f"s3://{bucket}/catalog"]
    words = ["index", *places, "--engine", "ray", "--address", machines.address]
    environment = os.environ | proxy.environment
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *words],
        env=environment, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def contents(into: str | Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of pieces and moments of a catalogue, without what depends on its place."""
    catalog = Catalog(into, space.load())
    names = [name for name in catalog.pieces.schema.names if name not in OF_PLACE]
    pieces = sorted(catalog.listing(names), key=lambda row: row["name"])
    names = [name for name in catalog.moments.schema.names if name not in OF_PLACE]
    rows = [row for batch in catalog.moments.scan(names) for row in batch.to_pylist()]
    return pieces, sorted(rows, key=lambda row: (row["piece"], row["start"]))


def assert_whole(bucket: str, driver: subprocess.Popen[str], expected: tuple[Any, Any]) -> str:
    """A run ends well, and the catalogue is that of one machine; returns what it said."""
    said = driver.communicate(timeout=240)[1]
    assert driver.returncode == 1, said
    assert "broken.flac" in said
    pieces, moments = contents(f"s3://{bucket}/catalog")
    assert len(pieces) == FILES + 3
    assert pieces == expected[0]
    assert moments == expected[1]
    return said


def is_song(method: str, path: str) -> bool:
    return method == "GET" and ".flac" in path


def is_commit(method: str, path: str, table: str) -> bool:
    return method == "PUT" and f"/{table}.lance/_versions/" in path


def test_a_machine_that_dies_in_the_middle_costs_nothing(
    bucket: str, machines: Machines, proxy: StoreProxy, expected: tuple[Any, Any]
) -> None:
    both_ask = threading.Barrier(2, action=machines.kill)
    asked = iter(range(FILES * 9))

    def before(method: str, path: str) -> int:
        if is_song(method, path) and next(asked) in (6, 7):
            both_ask.wait(240)
        return 0

    proxy.before = before
    said = assert_whole(bucket, started(bucket, machines, proxy), expected)
    assert next(asked) > FILES + 3, "no song was read twice"
    assert "1 core of 2 machines: " in said
    machines.mend()


def test_a_store_that_fails_for_a_while_costs_nothing(
    bucket: str, machines: Machines, proxy: StoreProxy, expected: tuple[Any, Any]
) -> None:
    """It refuses what it is asked, and says that it failed after it has done the first commits."""
    asked, refused, commits = iter(range(10_000)), [], []

    def before(method: str, path: str) -> int:
        number = next(asked) if is_song(method, path) or refused else 0
        if 5 <= number < 13:  # fewer than one client tries again
            refused.append((method, path))
            return 500
        return 0

    def after(method: str, path: str) -> int:
        if is_commit(method, path, "moments") or is_commit(method, path, "pieces"):
            commits.append(path)
            return 500 if len(commits) % 2 and len(commits) < 9 else 0
        return 0

    proxy.before, proxy.after = before, after
    assert_whole(bucket, started(bucket, machines, proxy), expected)
    assert len(refused) == 8
    assert len(commits) > 9


def test_a_driver_that_is_killed_is_started_again(
    bucket: str, machines: Machines, proxy: StoreProxy, expected: tuple[Any, Any]
) -> None:
    """Between the commits of moments and of their pieces, where most is half done."""
    commits = []

    def after(method: str, path: str) -> int:
        if is_commit(method, path, "moments"):
            commits.append(path)
            if len(commits) == 3:
                driver.kill()
        return 0

    proxy.after = after
    driver = started(bucket, machines, proxy)
    driver.communicate(timeout=240)
    assert driver.returncode == -9
    before = contents(f"s3://{bucket}/catalog")
    assert 0 < len(before[0]) < FILES
    assert len({row["piece"] for row in before[1]}) > len(before[0])
    said = assert_whole(bucket, started(bucket, machines, proxy), expected)
    assert f"{len(before[0])} unchanged" in said


def test_folders_of_this_machine_become_the_same_catalogue(
    folder: Path, machines: Machines, expected: tuple[Any, Any], tmp_path: Path
) -> None:
    words = ["index", str(folder), "--into", str(tmp_path / "catalog"), "--engine", "ray"]
    done = CliRunner().invoke(app, [*words, "--address", machines.address])
    assert f"on 2 cores of 3 machines: {FILES} added, 2 copies, 1 failed." in done.stderr
    assert contents(tmp_path / "catalog") == expected


def test_parts_by_several_processes_at_once_are_the_whole(
    bucket: str, object_store: ObjectStore, expected: tuple[Any, Any]
) -> None:
    """Without a cluster: each process does its part, and a last run finds nothing to do."""
    words = ["index", f"s3://{bucket}/music", "--into", f"s3://{bucket}/catalog", "--jobs", "1"]
    command = [sys.executable, "-c", DRIVER, *words, "--shard"]
    parts = [subprocess.Popen([*command, f"{part}/2"]) for part in (1, 2)]
    assert sorted(part.wait(240) for part in parts) == [0, 1]  # one has the broken song
    last = CliRunner().invoke(app, words)
    assert f"{FILES + 3} unchanged" in last.stderr
    assert contents(f"s3://{bucket}/catalog") == expected


# --- any work ---


@pytest.fixture
def cluster(machines: Machines) -> Iterator[Cluster]:
    with closing(Cluster(machines.address)) as cluster:
        yield cluster


def test_an_item_that_ends_its_process_costs_itself_alone(cluster: Cluster) -> None:
    def work(number: int) -> int:
        if number == 3:
            os._exit(1)
        return number**2

    found = list(cluster.each(work, range(6), lambda number, error: (number, error.code)))
    assert sorted(found, key=str) == [(3, "worker_died"), 0, 1, 16, 25, 4]
    assert cluster.description == "2 cores of 3 machines"


def test_an_error_of_the_work_ends_it_as_it_is(cluster: Cluster) -> None:
    def work(number: int) -> int:
        raise ModelError("the weights are not here", subject=f"machine {number}", code="no_weights")

    with raises(ModelError, "no_weights", subject="machine 1"):
        list(cluster.each(work, [1], lambda *_: 0))


def test_no_more_is_given_out_than_can_be_done_soon(cluster: Cluster) -> None:
    stop, given = threading.Event(), []

    def items() -> Iterator[int]:
        for number in range(100):
            given.append(number)
            yield number

    results = cluster.each(abs, items(), lambda *_: 0, stop)
    next(results)
    assert len(given) == 4
    stop.set()
    assert len(list(results)) == 3
    cluster.most = 1
    given.clear()
    next(cluster.each(abs, items(), lambda *_: 0))
    assert len(given) == 1


def test_no_cluster_is_an_error() -> None:
    with raises(HevnerError, "no_cluster", subject="127.0.0.1:1"):
        Cluster("127.0.0.1:1")


# --- features of datasets ---


def test_features_are_those_of_one_machine(machines: Machines, tmp_path: Path) -> None:
    songs = musemo(tmp_path / "musemo", 3)
    (songs / "audio" / "out_blues.00001.ogg").write_bytes(b"nothing of the kind")
    words = ["extract", "--data", str(tmp_path), "--dataset", "musemo", "--store"]
    here = CliRunner().invoke(app, [*words, str(tmp_path / "here"), "--jobs", "1"])
    ray = ["--engine", "ray", "--address", machines.address]
    there = CliRunner().invoke(app, [*words, str(tmp_path / "there"), *ray])
    assert here.exit_code == there.exit_code == 1
    assert "2 computed, 0 stored before, 1 failed" in there.stderr
    again = CliRunner().invoke(app, [*words, str(tmp_path / "there"), *ray])
    assert "0 computed, 2 stored before, 1 failed" in again.stderr
    stores = [FeatureStore(tmp_path / name).files() for name in ("here", "there")]
    for one, other in zip(*stores, strict=True):
        assert one.ids() == other.ids() != []
        for track in one.ids():
            assert one.get(*track).content == other.get(*track).content
            np.testing.assert_array_equal(one.get(*track).rows, other.get(*track).rows)


# --- the page ---


def test_the_commands_of_the_page_do_what_is_shown(
    bucket: str, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    musemo(tmp_path / "data" / "musemo", 3)
    ObjectPath(f"s3://{bucket}/music/2/broken.flac").unlink()
    text = (ROOT / "docs" / "scale_out.md").read_text("utf-8")
    names = {"my-bucket": bucket, "head.example:6379": machines.address}
    for shown, real in names.items():
        assert shown in text
        text = text.replace(shown, real)
    for block in blocks(text, "console"):
        run_console(block)


def test_the_measurement_runs(
    bucket: str,
    machines: Machines,
    proxy: StoreProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    script = importlib.import_module("scale")
    monkeypatch.setattr(script, "store", lambda: nullcontext(proxy))
    monkeypatch.setattr(script, "Cluster", lambda: Cluster(machines.address))
    monkeypatch.setattr("hevner.catalog.indexing.SECONDS_AT_ONCE", math.inf)
    out = tmp_path / "scale.csv"
    options = ["--songs", "3", "--seconds", "6", "--rounds", "1", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["scale.py", *options])
    with suppress(SystemExit):  # what it measures needs a quiet machine
        script.main()
    with out.open(newline="") as file:
        rows = {row["measure"]: float(row["value"]) for row in csv.DictReader(file)}
    assert rows["commits per song"] == pytest.approx(4 / 3, abs=0.001)  # two that make the tables
    assert rows["gain of 2 workers"] > 0
    assert rows["bytes of moments per song"] > 0
    monkeypatch.setattr(sys, "argv", ["scale.py", "--growth", "--rows", "1000", "--out", str(out)])
    script.main()
    assert len(out.read_text().splitlines()) == 3
