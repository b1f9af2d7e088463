"""From an installed hevner to an analysis, a search and a page: the way of a newcomer.

`make test-wheel` runs it with the wheel.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hevner import __version__
from hevner.client import Client

for package in ("lancedb", "fastapi", "matplotlib"):
    pytest.importorskip(package, reason="needs the extra 'serve'")

AUDIO = Path(__file__).parents[1] / "examples" / "audio"


def hevner(*arguments: str | Path) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "hevner", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("newcomer") / "catalogue"
    hevner("index", AUDIO, "--into", folder, "--quiet")
    return folder


@contextmanager
def served(catalogue: Path) -> Iterator[str]:
    """The address of a server."""
    command = [
        sys.executable,
        "-m",
        "hevner",
        "serve",
        str(catalogue),
        "--port",
        "0",
        "--jobs",
        "1",
    ]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("Listening on"):
                break
        try:
            assert said[-1].startswith("Listening on"), "".join(said)
            yield said[-1].split()[2]
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def test_a_piece_is_analysed_explained_and_drawn(tmp_path: Path) -> None:
    lament = AUDIO / "slow_lament.ogg"
    analysis = json.loads(hevner("analyze", lament, "--format", "json", "--plot", tmp_path))
    assert analysis[0]["valence"]["value"] < 0
    assert analysis[0]["chords"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".png"]
    assert "mode" in hevner("explain", lament)
    assert __version__ in hevner("--version")
    assert "unified-" in hevner("models", "list")


def test_a_catalogue_is_searched(catalogue: Path) -> None:
    hits = json.loads(hevner("search", catalogue, "--mood", "very sad", "--format", "json"))
    assert Path(hits[0]["path"]).name == "slow_lament.ogg"
    playlist = hevner("playlist", catalogue, "--from", "tense", "--to", "calm", "--minutes", "2")
    assert ".ogg" in playlist
    assert ".ogg" in hevner("browse", catalogue)


@pytest.mark.usefixtures("loopback")
def test_a_catalogue_is_served(catalogue: Path) -> None:
    with served(catalogue) as address:
        client = Client(address)
        assert client.health()["version"] == __version__
        found = client.search(words=["very sad"])
        assert Path(found[0].name).name == "slow_lament.ogg"
        assert client.analyze(AUDIO / "bright_dance.ogg").arousal is not None
        place = urlsplit(address)
        for path, kind in (("/", "text/html"), ("/static/app.js", "text/javascript")):
            connection = HTTPConnection(place.hostname or "", place.port)
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.headers.get_content_type()) == (200, kind)
            connection.close()
