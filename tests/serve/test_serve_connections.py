"""Clients that are slow, silent or many."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from hevner.serve import connections
from hevner.serve.connections import Connection
from hevner.serve.guard import HEADERS
from hevner.serve.problems import ServiceError
from hevner.serve.threads import BoundedThreads
from tests.serve.servers import PATIENCE_S, Running, running, settings, sound, wait_for

ASKED = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
POSTED = b"POST /api/v1/catalog/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"

LONG_S = 3.0

REFUSED = b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


@pytest.fixture
def hasty(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server that waits shortly, for clients that are too slow for any."""
    monkeypatch.setattr(connections, "REQUEST_S", 0.3)
    monkeypatch.setattr(connections, "READ_S", 0.3)
    with running(settings(state)) as server:
        yield server


@pytest.fixture
def steady(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A server that waits as long as a client on a busy machine may need to send a request."""
    monkeypatch.setattr(connections, "REQUEST_S", LONG_S)
    with running(settings(state)) as server:
        yield server


def connected(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes."""
    found = b""
    while piece := connection.recv(65536):
        found += piece
    return found


@pytest.mark.parametrize("sent", [b"", ASKED[:30], POSTED], ids=["nothing", "half", "no body"])
def test_who_sends_no_whole_request_is_let_go(hasty: Running, sent: bytes) -> None:
    with connected(hasty) as connection:
        connection.sendall(sent)
        assert everything(connection) == b""
    wait_for(lambda: not Connection.clients["127.0.0.1"])


def test_who_goes_on_with_an_upload_that_was_refused_is_let_go(steady: Running) -> None:
    with connected(steady) as connection:
        connection.sendall(REFUSED)
        found = connection.recv(65536)
        connection.sendall(b"-")
        assert b" 415 " in (found + everything(connection)).splitlines()[0]
    wait_for(lambda: not Connection.clients["127.0.0.1"])


def test_who_does_not_read_the_answer_is_let_go(hasty: Running) -> None:
    listing = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connected(hasty) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(0.5)
        with suppress(OSError):  # full on both sides, or closed already
            while True:
                connection.sendall(listing)
        wait_for(lambda: not Connection.clients["127.0.0.1"])


def test_deadlines_of_what_was_done_in_time_are_over() -> None:
    async def run() -> None:
        connection = Connection(Config(lambda: None, log_config=None), ServerState(), {})
        transport = Mock(get_extra_info=Mock(return_value=None))
        connection.connection_made(transport)
        connection.pause_writing()
        waiting = connection._unread
        assert not waiting.cancelled()
        connection.resume_writing()
        assert waiting.cancelled()
        first = connection._deadline
        connection.on_response_complete()
        assert first.cancelled()
        assert not connection._deadline.cancelled()
        connection.connection_lost(None)

    asyncio.run(run())


def test_a_second_request_has_its_deadline_too(steady: Running) -> None:
    with connected(steady) as connection:
        connection.sendall(ASKED + ASKED[:30])
        assert everything(connection).count(b"HTTP/1.1 200") == 1


def test_a_drop_now_and_then_is_no_request(hasty: Running) -> None:
    def drip() -> None:
        with connected(hasty) as connection:
            for letter in b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000:
                connection.sendall(bytes([letter]))
                time.sleep(0.01)

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        drip()


def test_an_answer_and_an_upload_may_take_longer(steady: Running) -> None:
    id = steady.send(sound(2.0))
    assert steady.finished(id)["state"] == "done"
    body = sound(5.0)
    head = (
        b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: %d\r\n\r\n"
    )
    start = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    whole = start + body + b"\r\n--edge--\r\n"
    with connected(steady) as connection:
        connection.sendall(head % len(whole) + whole[:1000])
        time.sleep(1.5 * LONG_S)
        connection.sendall(whole[1000:])
        assert everything(connection).startswith(b"HTTP/1.1 202")


@pytest.mark.parametrize("limit", ["MOST", "MOST_OF_ONE"])
def test_connections_are_bounded(limit: str, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, limit, 3)
    monkeypatch.setattr(connections, "REQUEST_S", 10 * PATIENCE_S)  # nobody is let go for that
    with running(settings(state)) as server:
        held = [connected(server) for _ in range(3)]
        wait_for(lambda: Connection.clients["127.0.0.1"] == 3)
        with connected(server) as one_more:
            assert one_more.recv(1) == b""
        for connection in held:
            connection.close()
        wait_for(lambda: not Connection.clients["127.0.0.1"])
        assert server.get("/health").status == 200


def test_addresses_of_one_network_are_one_client() -> None:
    async def run() -> None:
        how = Config(lambda: None, log_config=None), ServerState(), {}
        both = [Connection(*how) for _ in range(2)]
        for number, connection in enumerate(both):
            peer = {"peername": (f"2001:db8::{number}", 9)}
            connection.connection_made(Mock(get_extra_info=peer.get))
        assert Connection.clients["2001:db8::/64"] == 2
        for connection in both:
            connection.connection_lost(None)
        assert "2001:db8::/64" not in Connection.clients

    asyncio.run(run())


def test_what_is_no_request_is_answered_with_the_headers_of_all_answers(server: Running) -> None:
    with connected(server) as connection:
        connection.sendall(b"garbage\r\n\r\n")
        answer = everything(connection).decode().lower()
    assert answer.startswith("http/1.1 400")
    assert all(f"{name}: {value}".lower() in answer for name, value in HEADERS.items())


def test_nobody_waits_for_ever() -> None:
    async def run() -> None:
        goes_on = threading.Event()
        threads = BoundedThreads(1, 0, "calls", 1, limit_s=1.0)  # by then the call runs
        with pytest.raises(ServiceError) as slow:
            await threads.do(goes_on.wait, PATIENCE_S)
        assert (slow.value.status, slow.value.record["kind"]) == (503, "slow")
        with pytest.raises(ServiceError) as busy:  # the call still runs
            await threads.do(max, 1, 2)
        assert busy.value.record["kind"] == "busy"
        goes_on.set()
        threads.close()
        again = BoundedThreads(1, 0, "calls", 1, limit_s=PATIENCE_S)
        assert [await again.do(max, 1, 2) for _ in range(3)] == [2, 2, 2]
        again.close()

    asyncio.run(run())
