"""``hevner serve``, with the model that ships."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from typer import BadParameter

from hevner.cli.serve import _host
from hevner.client import Client
from hevner.errors import HevnerError
from hevner.serve.run import check_address
from tests.catalog.library import Library
from tests.errors import raises
from tests.model.own import saved
from tests.serve.servers import PATIENCE_S, ROOT, refused
from tests.sounds import music, write

SERVE = [sys.executable, "-m", "hevner", "serve"]


@contextmanager
def served(*words: str) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """The command, once it listens."""
    command = [*SERVE, "--port", "0", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith("Listening on http://127.0.0.1:"), line + process.stderr.read()
        yield process, Client(line.split()[2].rstrip("/"), "secret")
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_an_upload_is_heard_by_the_model_that_ships(tmp_path: Path) -> None:
    song = write(tmp_path / "song.wav", music(6.0))
    with served("--state", str(tmp_path / "state"), "--token", "secret") as (process, client):
        analysis = client.analyze(song)
        assert analysis.status == "ok"
        assert analysis.path == "song.wav"
        assert analysis.duration == pytest.approx(6)
        job = client.jobs()[0]
        words = client.emotions(job.id)
        assert 0 < len(words) <= 12
        assert all(one.probability >= 0.5 for one in words)
        silent = write(tmp_path / "silent.wav", 0 * music(4.0))
        assert client.analyze(silent).status == "silent"
        assert client.emotions(client.jobs()[0].id) == []
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    from hevner import analyze

    assert analysis.valence == analyze(song).valence


def run(*words: str) -> tuple[int, str]:
    """The command in this process, where it does not come to serve."""
    result = refused("serve", *words)
    return result.exit_code, result.output


def test_uploads_are_analysed_by_the_model_of_the_catalogue(tmp_path: Path) -> None:
    from hevner.catalog.writer import create
    from hevner.model import space

    graph, song = saved(tmp_path, "tension"), write(tmp_path / "song.wav", music(4.0))
    catalog, state = str(tmp_path / "catalog"), str(tmp_path / "state")
    create(catalog, space.load(), graph)
    code, said = run(catalog, "--state", state, "--model", "unified")
    assert code == 1
    assert "analysed by own-1, not by unified" in said
    for words in ([catalog], ["--model", str(graph)]):
        with served(*words, "--state", state, "--token", "secret") as (_, client):
            analysis = client.analyze(song)
            assert (analysis.model, analysis.moods) == ("own-1", {})
            assert analysis.tension is not None
            assert [one["name"] for one in client.models() if one["default"]] == ["own-1"]


def test_no_catalogue_is_told(tmp_path: Path) -> None:
    code, said = run(str(tmp_path / "none"), "--state", str(tmp_path / "state"))
    assert code == 1
    assert "there is no catalogue here" in said


def test_a_catalogue_of_another_space_is_told(music: Library, tmp_path: Path) -> None:
    code, said = run(str(music.catalog.folder), "--state", str(tmp_path / "state"))
    assert code == 1
    assert "made with another" in said


def test_a_missing_package_is_told() -> None:
    without = "import sys; sys.modules['uvicorn'] = None; from hevner.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", without, "serve"], capture_output=True, text=True, check=False,
        timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 1
    assert "'hevner serve' needs uvicorn, which is not installed" in done.stderr
    assert "pip install 'hevner[serve]'" in done.stderr


def test_other_machines_need_a_token(tmp_path: Path) -> None:
    words = ["--host", "0.0.0.0", "--port", "0", "--state", str(tmp_path / "state")]
    code, said = run(*words)
    assert code == 1
    assert "without a token" in said
    assert "--open-to-everyone" in said
    command = [*SERVE, *words, "--open-to-everyone"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Listening on http://0.0.0.0:")
        process.kill()


@pytest.mark.parametrize("token", [" ", "geheimé", "secret\n", " secret", "a\x01b"])
def test_a_token_that_no_header_takes_is_refused(tmp_path: Path, token: str) -> None:
    code, said = run("--token", token, "--state", str(tmp_path / "state"))
    assert (code, "--token" in said) == (2, True)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Music.example", "music.example"),
        ("music.example:8765", "music.example"),
        ("müsik.example", "xn--msik-0ra.example"),
        ("[fe80::1]:8765", "fe80::1"),
        ("fe80::1", "fe80::1"),
        *((wrong, None) for wrong in ("http://music.example", "", ":80", "[", "a" * 70, "a..b")),
    ],
)
def test_a_name_is_allowed_as_browsers_send_it(typed: str, name: str | None) -> None:
    if name is None:
        with pytest.raises(BadParameter):
            _host(typed)
    else:
        assert _host(typed) == name


def test_a_name_that_is_allowed_is_answered(tmp_path: Path) -> None:
    with served("--state", str(tmp_path / "state"), "--allow-host", "Music.example:80") as (_, own):
        for name, status in (("music.example", 200), ("other.example", 421)):
            link = HTTPConnection("127.0.0.1", own._port)
            link.request("GET", "/api/v1/health", headers={"Host": name})
            assert link.getresponse().status == status
            link.close()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [*SERVE, "--port", port, "--state", str(tmp_path / "state")]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert done.stderr == (
        f"Error: 127.0.0.1, port {port}: another program listens there. Stop it, or name another "
        "port: --port 0 takes any that is free\n"
    )
    check_address("127.0.0.1", 0)


def test_an_address_of_another_machine_is_told() -> None:
    with raises(HevnerError, "cannot_listen", subject="192.0.2.1, port 8765"):
        check_address("192.0.2.1", 8765)


def test_numbers_that_make_no_sense_are_refused() -> None:
    for words in (["--port", "-1"], ["--jobs", "0"], ["--queue", "0"], ["--max-minutes", "0"]):
        assert run(*words)[0] == 2
