"""Servers and requests for tests: the real thing, on a free port, with a worker that makes up what
it hears (`tests.serve.fake_worker`).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from hevner.cli import app as cli
from hevner.serve import app, run
from hevner.serve.catalog_snapshot import CatalogSnapshot
from hevner.serve.job_queue import JobQueue
from hevner.serve.rating_study import EVERYONE, Study
from hevner.serve.settings import Settings
from hevner.serve.songs import Songs
from tests import joint_world
from tests.sounds import music

FAKE = (sys.executable, "-m", "tests.serve.fake_worker")
ROOT = Path(__file__).resolve().parents[2]

# Child processes find what the tests find.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, sys.path)])

PATIENCE_S = 180.0
"""Seconds until a test that waits for something gives up."""


@dataclass(frozen=True)
class Answer:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def kind(self) -> str:
        """The kind of error, whose form is checked."""
        error = self.json["error"]
        assert set(error) - {"word", "suggestions"} == {"kind", "message", "remedy"}
        assert "Traceback" not in str(error)
        return str(error["kind"])


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    port: int

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        api: str = "/api/v1",
    ) -> Answer:
        """Send a request; a dict or list is sent as JSON."""
        sent = dict(headers or {})
        if isinstance(body, dict | list):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, api + path, body, sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **how: Any) -> Answer:
        return self.ask("GET", path, **how)

    def post(self, path: str, body: Any = None, **how: Any) -> Answer:
        return self.ask("POST", path, body, **how)

    def upload(self, data: bytes, name: str = "song.wav", **headers: str) -> Answer:
        """Send a file."""
        body, kind = form(data, name)
        return self.ask("POST", "/analyses", body, {"Content-Type": kind, **headers})

    def send(self, data: bytes | None = None, name: str = "song.wav") -> str:
        """Send a file that is taken; return its id."""
        answer = self.upload(sound() if data is None else data, name)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    def job(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/analyses/{id}").json
        return found

    def until(self, id: str, *states: str) -> dict[str, Any]:
        """Wait until a job is in one of the states."""
        wait_for(lambda: self.job(id)["state"] in states)
        return self.job(id)

    def finished(self, id: str) -> dict[str, Any]:
        return self.until(id, "done", "failed", "cancelled")

    @property
    def client_address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Running(Address):
    """A server in this process."""

    queue: JobQueue
    settings: Settings


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


def settings(state: Path, **how: Any) -> Settings:
    """Of a server with a fake worker on a free port."""
    usual = {"state": state, "port": 0, "worker": FAKE, "rate": 1e6, "search_s": PATIENCE_S}
    return Settings(**{**usual, **how})


def snapshot(folder: Path) -> CatalogSnapshot:
    """A made-up catalogue, open."""
    return CatalogSnapshot(folder, joint_world.space())


@contextmanager
def running(
    how: Settings,
    catalog: CatalogSnapshot | None = None,
    songs: Songs | None = None,
    study: Study = EVERYONE,
) -> Iterator[Running]:
    """A server in a thread of this process."""
    service, queue = app.create(how, catalog, songs, study)
    ready, address = threading.Event(), ""

    def listening(where: str) -> None:
        nonlocal address
        address = where
        ready.set()

    server = run.Server(service, queue, how, listening)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert ready.wait(PATIENCE_S)
        yield Running(int(address.rstrip("/").rpartition(":")[2]), queue, how)
    finally:
        server.handle_exit(signal.SIGTERM, None)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


@contextmanager
def process(state: Path, **how: Any) -> Iterator[tuple[subprocess.Popen[str], Address]]:
    """A server in a process of its own; ``how`` are settings."""
    command = [sys.executable, "-m", "tests.serve.launch", str(state), json.dumps(how)]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert started.stderr is not None
        line = started.stderr.readline()
        assert line.startswith("Listening"), line + started.stderr.read()
        yield started, Address(int(line.rstrip("/\n").rpartition(":")[2]))
    finally:
        started.kill()
        started.wait()
        started.stderr.close()


def refused(*words: str) -> Result:
    """A command that must not come to serve, which it would do for ever."""

    def serve(_server: run.Server) -> None:
        raise AssertionError("it serves")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run.Server, "run", serve)
        return CliRunner().invoke(cli, words)


def sound(seconds: float = 1.0, rate: int = 16_000, form: str = "WAV") -> bytes:
    """A file of music."""
    file = BytesIO()
    soundfile.write(file, music(seconds, rate), rate, format=form)
    return file.getvalue()


def silence(hours: float, form: str, rate: int = 1_000) -> bytes:
    """A small file of much silence."""
    file = BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, format=form) as out:
        for _ in range(round(60 * hours)):
            out.write(np.zeros(60 * rate, np.float32))
    return file.getvalue()


def form(data: bytes, name: str = "song.wav", field: str = "file") -> tuple[bytes, str]:
    """A form with one file, and its content type."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + data + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"
