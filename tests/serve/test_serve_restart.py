"""A server that is stopped or killed in the middle of its work loses nothing."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest

from hevner.errors import OutputError
from hevner.serve import app, jobs
from hevner.serve.job_queue import ATTEMPTS
from tests.serve.rates import SLOW
from tests.serve.servers import PATIENCE_S, process, running, settings, sound, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")


def on_disk(state: Path, id: str) -> dict:
    return json.loads((state / "analyses" / id / "job.json").read_text())


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_queued_or_running_is_taken_up(state: Path, how: signal.Signals) -> None:
    with process(state) as (server, address):
        done = address.send(name="done.wav")
        address.finished(done)
        slow = address.send(sound(rate=SLOW), "slow.wav")
        address.until(slow, "running")
        waiting = [address.send(name=f"{number}.wav") for number in range(3)]
        workers = psutil.Process(server.pid).children()
        server.send_signal(how)
        assert server.wait(PATIENCE_S) == (-how if how == signal.SIGKILL else 0)
    psutil.wait_procs(workers, timeout=PATIENCE_S)
    assert not [worker for worker in workers if worker.is_running()]
    assert on_disk(state, slow)["state"] == "queued"
    with process(state) as (_server, address):
        address.until(slow, "running")
        assert [address.job(id)["position"] for id in waiting] == [0, 1, 2]
        assert address.job(slow)["name"] == "slow.wav"
        assert address.get(f"/analyses/{done}/result").json["path"] == "done.wav"
        assert address.ask("DELETE", f"/analyses/{slow}").status == 204
        for id in waiting:
            assert address.finished(id)["state"] == "done"
    assert not list(state.rglob("audio*"))


@pytest.mark.parametrize("kept", ["write", "drop_audio"])
def test_an_end_is_shown_when_it_is_on_disk(
    state: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    ends, goes_on = threading.Event(), threading.Event()
    original = getattr(jobs.Job, kept)

    def late(job: jobs.Job) -> None:
        if job.is_final:
            ends.set()
            assert goes_on.wait(PATIENCE_S)
        original(job)

    monkeypatch.setattr(jobs.Job, kept, late)
    with running(settings(state)) as server:
        id = server.send()
        assert ends.wait(PATIENCE_S)
        assert server.job(id)["state"] == "running"
        goes_on.set()
        assert server.finished(id)["state"] == on_disk(state, id)["state"] == "done"
        assert not list(state.rglob("audio*"))


def test_an_upload_whose_deletion_was_cut_off_is_deleted_by_the_next_server(state: Path) -> None:
    with running(settings(state)) as server:
        id = server.send()
        server.finished(id)
    left = state / "analyses" / id / "audio.wav"
    left.write_bytes(sound())
    with running(settings(state)) as server:
        assert server.job(id)["state"] == "done"
        assert not left.exists()


def test_a_stop_ends_streams_and_refuses_uploads(state: Path) -> None:
    with running(settings(state)) as server:
        id = server.send(sound(rate=SLOW))
        server.until(id, "running")
        server.queue.stop_soon()
        # The stream ends though the job has not.
        last = server.get(f"/analyses/{id}/events").body.decode().strip().splitlines()[-1]
        assert json.loads(last.removeprefix("data: "))["state"] == "running"
        answer = server.upload(sound())
        assert (answer.status, answer.kind) == (503, "stopping")
        assert answer.headers["retry-after"]
        assert server.get("/health").json["status"] == "stopping"


def test_stopping_does_not_count_as_an_attempt(state: Path) -> None:
    id = ""
    for _ in range(ATTEMPTS + 2):
        with running(settings(state)) as server:
            id = id or server.send(sound(rate=SLOW))
            server.until(id, "running")
    assert on_disk(state, id)["state"] == "queued"
    assert on_disk(state, id)["attempts"] == 0


def test_what_takes_the_server_down_again_and_again_is_given_up(state: Path) -> None:
    with running(settings(state)) as server:
        id = server.send(sound(rate=SLOW))
        server.until(id, "running")
        wait_for(lambda: on_disk(state, id)["attempts"] == 1)
        kept = on_disk(state, id)
    # As after kills at each attempt.
    (state / "analyses" / id / "job.json").write_text(json.dumps(kept | {"attempts": ATTEMPTS}))
    with running(settings(state)) as server:
        job = server.finished(id)
        assert job["error"]["kind"] == "worker"
        assert server.finished(server.send())["state"] == "done"


def test_two_servers_do_not_share_a_folder(state: Path) -> None:
    with running(settings(state)), pytest.raises(OutputError, match="another server"):
        app.create(settings(state))
    with running(settings(state)) as server:
        assert server.get("/health").status == 200


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError), running(settings(tmp_path / "file")):
        pass


@pytest.mark.parametrize(
    "record",
    [
        "",
        "{}",
        "[]",
        '{"id": "%s"}',
        '{"id": "other", "name": "", "bytes": 1, "created": 0, "finished": null, '
        '"state": "queued", "attempts": 0, "error": null}',
        '{"id": "%s", "name": "", "bytes": 1, "created": 0, "finished": null, '
        '"state": "done", "attempts": 0, "error": null}',
    ],
)
def test_remains_are_removed(state: Path, record: str) -> None:
    id = jobs.new_id()
    folder = state / "analyses" / id
    folder.mkdir(parents=True)
    (folder / "audio.wav").write_bytes(b"x")
    if record:
        (folder / "job.json").write_text(record.replace("%s", id))
    with running(settings(state)) as server:
        assert server.get("/analyses").json == {"analyses": []}
    assert not folder.exists()
