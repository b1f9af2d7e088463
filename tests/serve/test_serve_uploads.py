"""Uploads that are too large, too slow, broken, or mean harm."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hevner.serve.jobs import bare_name, ending
from hevner.serve.uploads import AROUND
from tests.serve.rates import SLOW
from tests.serve.servers import PATIENCE_S, Running, form, running, settings, sound, wait_for

LIMIT = 100_000


@pytest.fixture
def strict(state: Path) -> Iterator[Running]:
    """A server that takes little."""
    with running(settings(state, upload_bytes=LIMIT, uploads=2)) as server:
        yield server


HEAD = (
    b"POST /api/v1/analyses HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: multipart/form-data; boundary=edge\r\n"
    b"Content-Length: 5000\r\n\r\n"
)


def nothing_is_left(server: Running) -> bool:
    folder = server.settings.state / "analyses"
    return not server.get("/analyses").json["analyses"] and not list(folder.iterdir())


def raw(server: Running, data: bytes) -> bytes:
    """Send bytes as they are; return how the answer begins."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(data)
        return connection.recv(1000)


def test_a_file_as_large_as_allowed_is_taken(strict: Running) -> None:
    assert strict.upload(bytes(LIMIT)).status == 202


def test_a_file_that_says_it_is_too_large_is_refused_at_once(strict: Running) -> None:
    answer = raw(strict, HEAD.replace(b"5000", b"99999999"))
    assert answer.startswith(b"HTTP/1.1 413")
    assert nothing_is_left(strict)


@pytest.mark.parametrize(("size", "beside"), [(LIMIT + 1, 0), (LIMIT + 2 * AROUND, 0), (9, AROUND)])
def test_a_form_that_proves_too_large_is_refused(strict: Running, size: int, beside: int) -> None:
    body, kind = form(bytes(size))
    after = bytes(beside and LIMIT + beside)

    answer = strict.ask("POST", "/analyses", iter([body, after]), {"Content-Type": kind})
    assert (answer.status, answer.kind) == (413, "too_large")
    assert nothing_is_left(strict)


FORM = "multipart/form-data; boundary=edge"
PART = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("multipart/form-data", PART + b"\r\n--edge--\r\n", 415),
        ("multipart/form-data; boundary=" + "x" * 400, b"", 400),
        ('multipart/form-data; boundary="\x01"', b"", 400),
        (FORM, b"", 400),
        (FORM, b"garbage", 400),
        (FORM, b"--other\r\n\r\n--other--\r\n", 400),
        (FORM, PART + b"cut off", 400),
        (FORM, PART + b"\r\n--edge--\r\n" + b"x" * 10, 202),
        (FORM, b"--edge--\r\n", 400),
        (
            FORM,
            b'--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--edge--\r\n',
            400,
        ),
        (FORM, PART.replace(b'"file"', b'"other"') + b"x\r\n--edge--\r\n", 400),
        (FORM, PART + b"x\r\n" + PART + b"y\r\n--edge--\r\n", 400),
        (FORM, b"--edge\r\n" + b"A: b\r\n" * 100_000 + b"\r\nx\r\n--edge--\r\n", 400),
        (FORM, b"--edge\r\n" + b"A" * 90_000 + b": b\r\n\r\nx\r\n--edge--\r\n", 400),
        (FORM, b"--edge\r\n\x00\xff: \xfe\r\n\r\nx\r\n--edge--\r\n", 400),
    ],
)
def test_broken_forms_are_refused(server: Running, kind: str, body: bytes, status: int) -> None:
    answer = server.ask("POST", "/analyses", body, {"Content-Type": kind})
    assert answer.status == status, answer.body
    if status != 202:
        assert answer.kind in ("upload", "too_large")


def test_a_slow_client_is_not_waited_for(state: Path) -> None:
    # What has come counts for a long time, but not for silence.
    with running(settings(state, idle_s=0.3, least_rate=0.01)) as server:
        assert raw(server, HEAD + PART).startswith(b"HTTP/1.1 408")
        wait_for(lambda: nothing_is_left(server))


def test_a_client_that_drips_is_not_waited_for(state: Path) -> None:
    how = settings(state, idle_s=0.5, least_rate=1000.0)
    with running(how) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(HEAD + PART)
            connection.settimeout(0.1)  # never silent for long
            answer = b""
            for _ in range(300):
                connection.sendall(b"x")
                try:
                    answer = connection.recv(1000)
                except TimeoutError:
                    continue
                break
            assert answer.startswith(b"HTTP/1.1 408")
        wait_for(lambda: nothing_is_left(server))


def test_an_upload_that_breaks_off_leaves_nothing(server: Running) -> None:
    folder = server.settings.state / "analyses"
    before = len(list(folder.iterdir()))
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(HEAD + PART + b"half")
        wait_for(lambda: len(list(folder.iterdir())) == before + 1)
    wait_for(lambda: len(list(folder.iterdir())) == before)
    assert server.finished(server.send())["state"] == "done"


def test_an_upload_that_comes_while_the_server_stops_is_refused(state: Path) -> None:
    with running(settings(state)) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(HEAD + PART)
            wait_for(lambda: bool(list((state / "analyses").iterdir())))
            server.queue.stop_soon()
            wait_for(server.queue.stopping.is_set)
            connection.sendall(b"more")
            assert connection.recv(1000).startswith(b"HTTP/1.1 503")
        wait_for(lambda: nothing_is_left(server))


@pytest.mark.parametrize("limit", ["uploads", "uploads_of_one", "queue"])
def test_uploads_at_once_are_bounded(state: Path, limit: str) -> None:
    with running(settings(state, **{limit: 1})) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
            connection.sendall(HEAD + PART)
            wait_for(lambda: bool(list((state / "analyses").iterdir())))
            answer = server.upload(sound())
            assert (answer.status, answer.kind) == (429, "busy")
        wait_for(lambda: server.upload(sound()).status == 202)
        assert len(server.get("/analyses").json["analyses"]) == 1


def test_the_server_stays_quick_while_uploads_hang(server: Running) -> None:
    folder = server.settings.state / "analyses"
    hanging = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    before = len(list(folder.iterdir()))
    for connection in hanging:
        connection.sendall(HEAD + PART)
    wait_for(lambda: len(list(folder.iterdir())) == before + 3)
    assert server.get("/health").json["status"] == "ok"
    assert server.finished(server.send())["state"] == "done"
    for connection in hanging:
        connection.close()
    wait_for(lambda: len(list(folder.iterdir())) == before + 1)


def test_garbage_in_the_place_of_a_request_is_refused(server: Running) -> None:
    assert raw(server, b"\x16\x03\x01\x02\x00garbage\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert server.get("/health").status == 200


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("song.mp3", "song.mp3"),
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.mp3", "song.mp3"),
        ("..", "upload"),
        ("/", "upload"),
        ("", "upload"),
        ("a\x00b\x1b[2J.wav", r"a\x00b\x1b[2J.wav"),
        ("日本.flac", "日本.flac"),
        ("x" * 300 + ".wav", "x" * 196 + ".wav"),
    ],
)
def test_names_lose_their_folders(sent: str, name: str) -> None:
    assert bare_name(sent) == name


def test_quotes_in_names_are_as_browsers_write_them(server: Running) -> None:
    id = server.send(name="a %22live%22 %0A100%25.wav")
    assert server.job(id)["name"] == 'a "live" \\n100%25.wav'


def test_endings_are_those_of_audio() -> None:
    assert ending("a.FLAC") == ".flac"
    assert ending("a.sh") == ending("a") == ending(".wav/") == ""


def test_a_name_that_climbs_stays_in_its_folder(server: Running) -> None:
    id = server.send(sound(rate=SLOW), "../../../../evil.wav")
    assert server.job(id)["name"] == "evil.wav"
    folder = server.settings.state / "analyses" / id
    assert {path.name for path in folder.iterdir()} >= {"audio.wav", "job.json"}
    assert not list(server.settings.state.parent.rglob("evil*"))
    server.ask("DELETE", f"/analyses/{id}")
