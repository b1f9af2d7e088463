"""Who may ask, how often, and what answers say of themselves."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from hevner.errors import HevnerError
from hevner.serve.app import STATIC, TYPES
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.guard import BODY, CLIENTS, Buckets, host_in
from hevner.serve.media import Addresses
from hevner.serve.problems import without_paths
from tests.serve.servers import PATIENCE_S, Running, form, running, settings, sound, wait_for

TOKEN = "a secret"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a token."""
    with running(settings(tmp_path_factory.mktemp("closed"), token=TOKEN)) as server:
        yield server


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "["])
def test_names_made_to_point_here_are_refused(server: Running, host: str) -> None:
    answer = server.get("/health", headers={"Host": host})
    assert (answer.status, answer.kind) == (421, "host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "LOCALHOST:1", "[::1]:8765"])
def test_names_of_this_machine_are_not(server: Running, host: str) -> None:
    assert server.get("/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("::1", "::1"),
        ("[::1]:80", "::1"),
        ("A.b:80", "a.b"),
        ("10.0.0.1", "10.0.0.1"),
        ("a b:c", ""),
    ],
)
def test_hosts_are_understood_as_people_type_them(typed: str, host: str) -> None:
    assert host_in(typed) == host


def test_names_that_are_allowed_are_not(state: Path) -> None:
    with running(settings(state, host="0.0.0.0", hosts=("Music.example",))) as server:
        for host in ("music.example", "192.168.1.20:8765", "[fe80::1]", socket.gethostname()):
            assert server.get("/health", headers={"Host": host}).status == 200
        assert server.get("/health", headers={"Host": "evil.example"}).status == 421


@pytest.mark.parametrize("host", ["::1", "::"])
def test_a_server_at_an_address_of_ipv6(state: Path, host: str) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")

    def asked(port: int, **headers: str) -> int:
        connection = HTTPConnection("::1", port, timeout=PATIENCE_S)
        with closing(connection):
            connection.request("GET", "/api/v1/words", headers=BEARER | headers)
            with connection.getresponse() as answer:
                return answer.status

    with running(settings(state, host=host, token=TOKEN)) as server:
        for name in (f"[::1]:{server.port}", "[::1]", "localhost:1", "[fe80::1%25eth0]:1"):
            assert asked(server.port, Host=name) == 200
            assert asked(server.port, Host=name, Origin=f"http://{name}") == 200
        for name in ("[", "[::1", "[::g]", "evil.example", "evil.example:[::1]", "x@[::1]"):
            assert asked(server.port, Host=name) == 421


def test_a_header_does_not_make_another_client(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = []
    monkeypatch.setattr(Buckets, "take", lambda _, client, _now: not counted.append(client))
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
        server.get("/words", headers={name: "for=10.0.0.1", "X-Forwarded-Proto": "https"})
    assert counted == ["127.0.0.1"] * 4


def test_the_token_counts_in_one_place_alone(closed: Running) -> None:
    for path in (f"/words?token={TOKEN}", f"/words?authorization=Bearer+{TOKEN}"):
        assert closed.get(path.replace(" ", "+")).status == 401
    for headers in (
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}, Bearer wrong"},
        {"Authorization": f"Bearer\t{TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}\xe9"},
        {"Cookie": f"token={TOKEN}"},
        {"Proxy-Authorization": f"Bearer {TOKEN}"},
    ):
        assert closed.get("/words", headers=headers).kind == "token"
    with socket.create_connection(("127.0.0.1", closed.port), timeout=PATIENCE_S) as connection:
        head = b"GET /api/v1/words HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        both = b"Authorization: Bearer wrong\r\nAuthorization: Bearer a secret\r\n\r\n"
        connection.sendall(head + both)
        assert b" 401 " in connection.recv(100)


def test_a_line_of_the_log_is_one_line(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise HevnerError("no\nERROR: all is lost", subject="a\x1b[2Jb\r\n.wav", stage="decode")

    monkeypatch.setattr(CatalogSnapshot, "points_on_plane", fail)
    assert server.get("/catalog/pieces?points=true").status == 422
    (line,) = [one.getMessage() for one in caplog.records if "lost" in one.getMessage()]
    assert line.isprintable()


def test_pages_of_other_servers_are_refused(server: Running) -> None:
    body, kind = form(sound())
    alike = f"http://127.0.0.1:{server.port}.evil.example", f"http://evil-127.0.0.1:{server.port}"
    others = ("http://evil.example", "null", "http://localhost:1", "http://[", "//[")
    for origin in (*alike, *others):
        answer = server.post("/analyses", body, headers={"Content-Type": kind, "Origin": origin})
        assert (answer.status, answer.kind) == (403, "origin")
    own = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert server.get("/health", headers=own).status == 200
    assert "access-control-allow-origin" not in server.get("/health", headers=own).headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/analyses"),
        ("POST", "/api/v1/analyses"),
        ("GET", "/api/v1/words"),
        ("GET", "/api/v1/models"),
        ("POST", "/api/v1/catalog/search"),
        ("GET", "/api/v1/catalog/pieces/x/audio"),
        ("GET", "/metrics"),
        ("GET", "/nothing"),
        ("GET", "/static/../api/v1/words"),
    ],
)
def test_without_the_token_nothing_is_told(closed: Running, method: str, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer \xe9"},
    ):
        answer = closed.ask(method, path, headers=headers, api="")
        assert answer.status in (401, 404)
        assert answer.kind in ("token", "not_found")
    assert closed.ask(method, path, headers=BEARER, api="").status != 401


def test_the_page_may_ask_for_the_token(closed: Running) -> None:
    assert closed.get("/health").json["token"] is True
    assert closed.get("/openapi.json", api="").status == 200
    assert closed.get("/words", headers=BEARER).status == 200


def test_signatures_hold_for_one_piece_and_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = Addresses(signed=True)
    path, _, query = addresses.of("piece").partition("?")
    until, signature = (part.partition("=")[2] for part in query.split("&"))
    assert addresses.is_valid(path, until, signature)
    assert not addresses.is_valid(path + "2", until, signature)
    assert not addresses.is_valid(path, str(int(until) + 1), signature)
    assert not Addresses(signed=True).is_valid(path, until, signature)
    for wrong in ("", "-1", "x", "9" * 40, "\u0663"):
        assert not addresses.is_valid(path, wrong, signature)
    assert not addresses.is_valid(path, until, "\u00e9")
    monkeypatch.setattr("time.time", lambda: float(until) + 1)
    assert not addresses.is_valid(path, until, signature)
    assert "?" not in Addresses(signed=False).of("piece")


def test_all_answers_carry_the_headers(server: Running) -> None:
    for path in ("/health", "/nothing", "/analyses/x", "/../openapi.json"):
        headers = server.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    refused = server.get("/health", headers={"Host": "evil.example"})
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_the_interface_is_documented_and_no_page_loads_scripts_from_elsewhere(
    server: Running,
) -> None:
    document = server.get("/openapi.json", api="").json
    assert "/api/v1/catalog/search" in document["paths"]
    assert server.get("/docs", api="").status == 404
    assert server.get("/redoc", api="").status == 404


def test_folders_are_not_listed(server: Running) -> None:
    for path in (
        "/static/",
        "/static",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
    ):
        assert server.get(path, api="").status == 404


def test_the_files_of_the_page_are_served_as_what_they_are(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mimetypes.guess_type", lambda *_, **__: ("text/plain", None))
    files = sorted(path for path in STATIC.iterdir() if path.is_file())
    assert files
    for path in files:
        answer = server.get(f"/static/{path.name}", api="")
        assert answer.body == path.read_bytes()
        assert answer.headers["content-type"].partition(";")[0] == TYPES[path.suffix]
    assert server.get("/", api="").body == (STATIC / "index.html").read_bytes()


def test_answers_are_kept_by_no_browser(server: Running) -> None:
    for path in ("/health", "/analyses", "/nothing"):
        assert server.get(path).headers["cache-control"] == "no-store"


def test_who_asks_too_often_is_told_to_wait(state: Path) -> None:
    with running(settings(state, rate=0.5)) as server:  # one at once, then one every two seconds
        answers = [server.get("/health") for _ in range(12)]
        refused = [answer for answer in answers if answer.status == 429]
        assert answers[0].status == 200
        assert refused
        assert refused[0].kind == "rate"
        assert refused[0].headers["retry-after"] == "1"
        assert 429 in {server.get("/x/static/app.js", api="").status for _ in range(12)}
        files = {server.get("/static/app.js", api="").status for _ in range(12)}
        assert files == {200}, "the page has many files, and loads them all"


def test_buckets_fill_again_and_do_not_pile_up() -> None:
    buckets = Buckets(2.0)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [True] * 4 + [False]
    assert buckets.take("b", 0.0)
    assert buckets.take("a", 0.5)
    assert not buckets.take("a", 0.5)
    for number in range(2 * CLIENTS):
        buckets.take(str(number), 1.0)
    assert len(buckets._left) == CLIENTS


def test_bodies_are_bounded(server: Running) -> None:
    large = {"text": "x" * (BODY + 1)}
    answer = server.post("/catalog/search", large)
    assert (answer.status, answer.kind) == (413, "too_large")
    headers = {"Content-Type": "application/json"}
    answer = server.post("/catalog/search", iter([b"{}"]), headers=headers)
    assert (answer.status, answer.kind) == (411, "length")


@pytest.mark.parametrize("path", ["/", "/api/v1/health", "/static/app.js", "/openapi.json"])
def test_only_the_headers_may_be_asked_for(server: Running, path: str) -> None:
    head, whole = (server.ask(method, path, api="") for method in ("HEAD", "GET"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_methods_that_do_not_exist_are_refused(server: Running) -> None:
    answer = server.ask("PUT", "/analyses")
    assert (answer.status, answer.kind) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"] or "POST" in answer.headers["allow"]
    assert server.ask("TRACE", "/analyses").status == 405


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_faults_give_nothing_away_but_to_the_log(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("/etc/secret")

    id = server.send()
    monkeypatch.setattr("hevner.serve.analyses.job_record", fail)
    answer = server.ask(method, f"/analyses/{id}")
    assert answer.status == 500
    assert method == "HEAD" or answer.kind == "internal"
    assert b"secret" not in answer.body
    wait_for(lambda: "/etc/secret" in caplog.text)


@pytest.mark.parametrize(
    "text",
    ["lance error at /home/me/music/x.lance: no", "'/a/b'", r"C:\Users\me\x", "see /tmp/a/b/c."],
)
def test_paths_are_taken_out(text: str) -> None:
    told = without_paths(text)
    assert "…" in told
    assert not re.search(r"home|/a/b|Users", told)


@pytest.mark.parametrize("text", ["WAV/FLAC", "and/or", "-1..1", "3/4 time", "a / b"])
def test_other_strokes_stay(text: str) -> None:
    assert without_paths(text) == text
