"""The client, and what the server counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hevner.client import Client, Job, ServerError
from hevner.result import Analysis
from tests.catalog.library import Library
from tests.serve.rates import CRASHING, SLOW
from tests.serve.servers import PATIENCE_S, Running, running, settings, snapshot, sound, wait_for


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory, music: Library) -> Iterator[Running]:
    """A server with a token, a catalogue and a small limit."""
    how = settings(tmp_path_factory.mktemp("closed"), token="secret", upload_bytes=2**20)
    with running(how, snapshot(music.catalog.folder)) as server:
        yield server


@pytest.fixture
def client(closed: Running) -> Client:
    return Client(closed.client_address, "secret")


def song(folder: Path, name: str = "song.wav", rate: int = 16_000) -> Path:
    path = folder / name
    path.write_bytes(sound(2, rate))
    return path


def test_a_file_is_analysed(client: Client, tmp_path: Path) -> None:
    seen: list[Job] = []
    analysis = client.analyze(song(tmp_path), scale="1..9", progress=seen.append)
    assert isinstance(analysis, Analysis)
    assert analysis.scale == "1..9"
    assert analysis.path == "song.wav"
    assert seen[-1].state == "done"
    assert client.jobs()[0] == client.job(seen[-1].id) == seen[-1]
    assert [one.word for one in client.emotions(seen[-1].id)] == ["calm"]
    assert client.plot(seen[-1].id, "png").startswith(b"\x89PNG")
    client.cancel(seen[-1].id)
    with pytest.raises(ServerError) as error:
        client.job(seen[-1].id)
    assert (error.value.status, error.value.kind) == (404, "not_found")


@pytest.mark.parametrize(
    "name", ["日本語.wav", 'back \\ a "quoted" name;.wav', "line\nbreak.wav", "é &.wav"]
)
def test_names_arrive(client: Client, tmp_path: Path, name: str) -> None:
    job = client.submit(song(tmp_path, name))
    kept = name.rpartition("\\")[2].strip()
    assert job.name == kept.replace("\n", "\\n")  # line ends are shown, as in logs
    client.cancel(job.id)


def test_failures_are_told(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="ended unexpectedly") as error:
        client.analyze(song(tmp_path, rate=CRASHING))
    assert error.value.kind == "worker"
    with pytest.raises(OSError, match="missing"):
        client.submit(tmp_path / "missing.wav")
    with pytest.raises(ServerError, match="a token is needed"):
        Client(f"http://127.0.0.1:{client._port}").jobs()
    with pytest.raises(ServerError, match="does not answer"):
        Client("http://127.0.0.1:1").health()
    for address in ("127.0.0.1", "ftp://x", "http://"):
        with pytest.raises(ServerError, match="no address"):
            Client(address)


def test_what_is_too_large_is_told(client: Client, tmp_path: Path) -> None:
    (tmp_path / "large.wav").write_bytes(bytes(2**22))
    with pytest.raises(ServerError, match="larger than this server takes"):
        client.submit(tmp_path / "large.wav")


def test_an_analysis_is_cancelled(client: Client, tmp_path: Path) -> None:
    errors: list[ServerError] = []

    def wait() -> None:
        try:
            client.analyze(song(tmp_path, rate=SLOW))
        except ServerError as error:
            errors.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    wait_for(lambda: any(job.state == "running" for job in client.jobs()))
    client.cancel(client.jobs()[0].id)
    waiting.join(PATIENCE_S)
    assert errors[0].kind == "cancelled"


def test_the_catalogue(client: Client, music: Library) -> None:
    assert client.catalog()["pieces"] == 300
    hits = client.search(words=["calm"], limit=3)
    assert len(hits) == 3
    again = client.search(like=hits[0].id, limit=4, diversity=True)
    assert hits[0].id not in [hit.id for hit in again]
    assert client.search(point={"valence": 0, "arousal": 0}, moments=True)[0].start is not None
    assert client.piece(hits[0].id)["name"] == hits[0].name
    assert len(client.curve(hits[0].id)) == 3
    assert client.emotions_of(hits[0].id)[0].fit > 0
    way = client.playlist("tense", {"valence": 0.5, "arousal": -0.5}, 30)
    assert sum(hit.duration for hit in way) / 60 == pytest.approx(30, abs=4)
    assert client.pieces(limit=2, offset=1)[0]["name"]
    with pytest.raises(ServerError, match="file of this piece is gone"):
        client.audio(hits[0].id)
    with pytest.raises(ServerError, match="'hapy' is not known"):
        client.search(words=["hapy"])


def test_words_models_and_health(client: Client, server: Running) -> None:
    words = client.words()
    assert "happy" in [word["word"] for word in words["words"]]
    assert words["degrees"] == ["slightly", "moderately", "very", "extremely"]
    models = client.models()
    assert any(model["default"] for model in models)
    for model in models:
        card = server.get(f"/models/{model['name']}").json
        assert card["facts"] == model
        assert "path" not in model
        assert card["card"]["name"] in model["name"]
    for name in ("none", "..", "/etc/passwd", "unified.json"):
        assert server.get(f"/models/{name}").status == 404
    assert client.health()["limits"]["upload_bytes"] == 2**20


def test_requests_and_jobs_are_counted(state: Path) -> None:
    with running(settings(state)) as server:
        id = server.send()
        server.finished(id)
        server.finished(server.send(sound(rate=CRASHING)))
        for path in ("/analyses/none", "/nothing/at/all"):
            server.get(path)
        text = server.get("/metrics", api="").body.decode()
    assert 'hevner_analyses{state="done"} 1.0' in text
    assert 'hevner_analyses{state="failed"} 1.0' in text
    assert "hevner_workers_died_total 1.0" in text
    sent = 'hevner_requests_total{method="POST",path="/api/v1/analyses",status="202"} 2.0'
    assert sent in text
    assert 'path="/api/v1/analyses/{id}",status="404"} 1.0' in text
    assert 'path="other",status="404"} 1.0' in text
    assert id not in text
