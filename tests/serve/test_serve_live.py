"""Live listening over HTTP: values of the stream, limits, and clients that misbehave."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from hevner.analysis import Analyzer
from hevner.serve import live_streams
from tests.serve.servers import PATIENCE_S, Answer, Running, running, settings, wait_for
from tests.sounds import music

RATE = 11_025


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that lets one client listen twice, and all three times, however slow they are."""
    state = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch, running(settings(state, live=3)) as one:
        patch.setattr(live_streams, "IDLE_S", 10 * PATIENCE_S)
        yield one


def workers() -> set[int]:
    """Ids of the processes that listen."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it ends just now
            if "live_worker" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


@pytest.fixture(autouse=True)
def _no_worker_stays(listening: Running) -> Iterator[None]:
    yield
    wait_for(lambda: not workers())


def samples(seconds: float) -> np.ndarray:
    return (music(seconds, RATE) * 32_767).astype("<i2")


def begin(server: Running, rate: object = RATE) -> str:
    answer = server.post(f"/live?rate={rate}")
    assert answer.status == 201, answer.body
    return str(answer.json["id"])


def feed(server: Running, id: str, sound: np.ndarray | bytes) -> list[dict[str, Any]]:
    """Send sound in two parts, which is at most four seconds."""
    data = sound if isinstance(sound, bytes) else sound.tobytes()
    found: list[dict[str, Any]] = []
    for part in (data[: len(data) // 4 * 2], data[len(data) // 4 * 2 :]):
        answer = server.post(f"/live/{id}", part)
        assert answer.status == 200, answer.body
        found += answer.json["instants"]
    return found


def end(server: Running, id: str) -> None:
    assert server.ask("DELETE", f"/live/{id}").status == 204


def test_values_are_those_of_the_stream_in_python(listening: Running) -> None:
    sound, found = samples(5.3), []
    id = begin(listening)
    for part in np.array_split(sound, 7):
        found += feed(listening, id, part)
    assert feed(listening, id, b"") == []
    end(listening, id)
    expected = [one.to_dict() for one in Analyzer().stream(RATE).feed(sound)]
    assert found == json.loads(json.dumps(expected))
    assert [one["time"] for one in found] == [3, 4, 5]
    assert listening.post(f"/live/{id}", b"").kind == "not_found"
    assert listening.ask("DELETE", f"/live/{id}").status == 404


def test_silence_and_odd_rates(listening: Running) -> None:
    for rate in (1_000, 37_799, 192_000):
        id = begin(listening, rate)
        (one,) = feed(listening, id, bytes(6 * rate + 2))
        assert (one["status"], one["valence"]) == ("silent", None)
        end(listening, id)
    for wrong in (999, 192_001, 0, -1, "nan", "fast", ""):
        assert listening.post(f"/live?rate={wrong}").status == 422


def test_each_of_two_clients_has_its_own_stream(listening: Running) -> None:
    one, other = begin(listening), begin(listening)
    sound = samples(3.0)
    with ThreadPoolExecutor(2) as threads:
        loud = threads.submit(feed, listening, one, sound)
        quiet = threads.submit(feed, listening, other, bytes(len(sound) * 2))
    assert loud.result()[0]["status"] == "ok"
    assert quiet.result()[0]["status"] == "silent"
    end(listening, one)
    end(listening, other)


def test_more_than_the_limit_are_refused_until_one_ends(listening: Running) -> None:
    ids = [begin(listening), begin(listening)]
    answer = listening.post(f"/live?rate={RATE}")
    assert (answer.status, answer.kind) == (429, "busy")
    assert answer.headers["retry-after"] == "5"
    for id in ids:
        end(listening, id)
    end(listening, begin(listening))


def test_a_server_may_have_none(state: Path) -> None:
    with running(settings(state, live=0)) as server:
        assert server.post(f"/live?rate={RATE}").status == 429


def test_what_makes_no_sense_is_refused_and_the_stream_goes_on(listening: Running) -> None:
    id = begin(listening)
    assert listening.post(f"/live/{id}", b"123").kind == "samples"
    assert listening.post(f"/live/{id}", bytes(4 * RATE + 2)).status == 413
    assert listening.post(f"/live/{id}", bytes(2**20 + 2)).status == 413
    assert listening.post("/live/other", b"").status == 404
    assert [one["time"] for one in feed(listening, id, samples(3.0))] == [3]
    end(listening, id)


@contextlib.contextmanager
def at_work(server: Running) -> Iterator[tuple[str, int, Future[Answer]]]:
    """A stream with sound that waits for its worker, whose process is halted, while more came."""
    id = begin(server)
    (worker,) = workers()
    os.kill(worker, signal.SIGSTOP)
    with ThreadPoolExecutor(2) as threads:
        sound = samples(1.0).tobytes()
        both = {threads.submit(server.post, f"/live/{id}", sound) for _ in range(2)}
        done, waiting = wait(both, PATIENCE_S, FIRST_COMPLETED)
        assert [one.result().status for one in done] == [409]
        yield id, worker, waiting.pop()


def test_sound_that_comes_while_the_last_is_analysed_is_refused(listening: Running) -> None:
    with at_work(listening) as (id, worker, first):
        os.kill(worker, signal.SIGCONT)
        assert first.result().status == 200
    end(listening, id)


def test_a_stream_that_is_ended_while_it_is_analysed(listening: Running) -> None:
    with at_work(listening) as (id, _, first):
        end(listening, id)
        assert first.result().status == 404


def test_a_worker_that_ends_ends_its_stream_alone(listening: Running) -> None:
    one = begin(listening)
    (worker,) = workers()
    other = begin(listening)
    os.kill(worker, signal.SIGKILL)
    answer = listening.post(f"/live/{one}", samples(1.0).tobytes())
    assert (answer.status, answer.kind) == (503, "worker")
    assert listening.post(f"/live/{one}", b"").status == 404
    assert len(feed(listening, other, samples(3.0))) == 1
    end(listening, other)


def test_a_client_that_stops_sending_or_goes_away(
    listening: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a part, before its answer is read, or between two parts."""
    monkeypatch.setattr(live_streams, "IDLE_S", 0.5)
    sound = samples(1.0).tobytes()
    for sent in (sound[:1000], sound):
        id = begin(listening)
        head = f"POST /api/v1/live/{id} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(sound)}"
        with socket.create_connection(("127.0.0.1", listening.port)) as connection:
            connection.sendall(f"{head}\r\n\r\n".encode() + sent)
        wait_for(lambda: not workers())
        assert listening.post(f"/live/{id}", b"").status == 404


def test_a_server_that_stops_ends_its_streams(state: Path) -> None:
    with running(settings(state)) as server:
        begin(server)
        assert workers()
    assert not workers()


def test_a_fault_is_in_the_log_and_nowhere_else(
    listening: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    id = begin(listening)
    monkeypatch.setattr(live_streams, "b64encode", lambda _: b"a")
    answer = listening.post(f"/live/{id}", samples(1.0).tobytes())
    assert (answer.status, answer.kind) == (503, "worker")
    assert "Traceback" in caplog.text


def test_a_token_is_needed_and_other_pages_may_not_listen(state: Path) -> None:
    with running(settings(state, token="secret")) as server:
        bearer = {"Authorization": "Bearer secret"}
        assert server.post(f"/live?rate={RATE}").status == 401
        stranger = {"Origin": "http://stranger.example", **bearer}
        assert server.post(f"/live?rate={RATE}", headers=stranger).status == 403
        id = server.post(f"/live?rate={RATE}", headers=bearer).json["id"]
        assert server.post(f"/live/{id}", b"").status == 401
        assert server.post(f"/live/{id}", b"", headers=bearer).status == 200
        page = server.get("/", api="")
        assert "microphone=(self)" in page.headers["permissions-policy"]
