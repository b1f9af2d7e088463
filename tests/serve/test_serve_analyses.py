"""The way of an upload: sent, watched, taken, cancelled, forgotten."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from hevner.child_process import Task
from hevner.emotion import GEMS
from hevner.heads import HEADS
from hevner.model.prediction import Prediction
from hevner.result import Estimate, Moment
from hevner.serve.course import course_of
from hevner.serve.threads import BoundedThreads
from hevner.serve.worker_process import Outcome, Progress, WorkerProcess
from tests import fakes
from tests.serve.rates import CRASHING, FAULTY, GREEDY, SLOW
from tests.serve.servers import PATIENCE_S, Running, running, settings, silence, sound, wait_for

SCHEMA = Path(__file__).parents[2] / "src" / "hevner" / "analysis.schema.json"


def events(server: Running, id: str) -> list[dict]:
    """All events of a job."""
    answer = server.get(f"/analyses/{id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = [part.splitlines() for part in answer.body.decode().split("\n\n") if part[:1] == "e"]
    assert {lines[0] for lines in parts} == {"event: progress"}
    return [json.loads(lines[1].removeprefix("data: ")) for lines in parts]


def test_a_file_is_analysed_and_its_upload_deleted(server: Running) -> None:
    answer = server.upload(sound(12), "my song.wav")
    assert answer.status == 202
    id = answer.json["id"]
    assert answer.headers["location"] == f"/api/v1/analyses/{id}"
    told = events(server, id)
    assert told[-1]["state"] == "done"
    assert told[-1]["progress"] == 1
    shares = [one["progress"] for one in told]
    assert shares == sorted(shares)
    result = server.get(f"/analyses/{id}/result").json
    jsonschema.validate(result, json.loads(SCHEMA.read_text()))
    assert result["path"] == "my song.wav"
    assert result["duration"] == 12
    kept = {path.name for path in (server.settings.state / "analyses" / id).iterdir()}
    assert kept == {"job.json", "result.json", "words.json", "course.json"}
    assert server.get("/analyses").json["analyses"][0]["id"] == id


def test_progress_is_told_while_a_file_is_decoded(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each share that the worker reports is told, if there is time for it before the next."""
    told: set[float] = set()
    reported: list[float] = []
    run = WorkerProcess.run

    def watched(worker: WorkerProcess, task: Task, report: Progress) -> Outcome:
        def patiently(share: float) -> None:
            reported.append(share)
            report(share)
            wait_for(lambda: share in told)

        return run(worker, task, patiently)

    monkeypatch.setattr(WorkerProcess, "run", watched)
    id = server.send(sound(600, 2_000))
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    with closing(connection):
        connection.request("GET", f"/api/v1/analyses/{id}/events")
        for line in connection.getresponse():
            if line.startswith(b"data: "):
                told.add(json.loads(line.removeprefix(b"data: "))["progress"])
    assert len([share for share in reported if 0 < share < 1]) > 3


def test_results_come_on_other_scales(server: Running) -> None:
    id = server.send()
    server.finished(id)
    plain = server.get(f"/analyses/{id}/result").json
    scaled = server.get(f"/analyses/{id}/result?scale=1..9").json
    assert scaled["scale"] == "1..9"
    assert scaled["valence"]["value"] == pytest.approx(5 + 4 * plain["valence"]["value"])
    assert server.get(f"/analyses/{id}/result?scale=9..1").status == 422
    assert server.get(f"/analyses/{id}/result?scale=1").status == 422


def test_words_are_told_of_an_upload(server: Running) -> None:
    id = server.send()
    server.finished(id)
    assert server.get(f"/analyses/{id}/emotions").json == {
        "words": [
            {"word": "calm", "degree": "very", "fit": 0.9, "divergence": -2.0, "probability": 0.9}
        ]
    }


def test_moments_have_emotions_of_their_own(server: Running) -> None:
    id = server.send()
    server.finished(id)
    told = {"emotions": {"joy": [0.5, None]}, "moods": {}}
    assert server.get(f"/analyses/{id}/moments").json == told
    (server.settings.state / "analyses" / id / "course.json").unlink()  # of an older server
    assert server.get(f"/analyses/{id}/moments").json == {"emotions": {}, "moods": {}}


def test_the_course_of_a_piece_is_that_of_its_windows() -> None:
    moments = (Moment(0, 3), *(Moment(at, at + 3, *2 * (Estimate(0, -1, 1),)) for at in (3, 6)))
    analysis = replace(fakes.sample(), timeline=moments)
    nothing = np.zeros((3, 0), np.float32)
    numbers = np.arange(27, dtype=np.float32).reshape(3, 9) / 27
    found = {head.name: nothing for head in HEADS} | {"gems": numbers}
    course = course_of(analysis, Prediction(found, {}, nothing))
    assert set(course) == {"moods"}  # it predicts no basic emotions
    assert tuple(course["moods"]) == GEMS
    assert course["moods"][GEMS[1]] == [None, round(10 / 27, 3), round(19 / 27, 3)]
    assert course_of(fakes.sample(), None) == {}


def test_an_analysis_is_drawn(server: Running) -> None:
    id = server.send()
    server.finished(id)
    svg = server.get(f"/analyses/{id}/plot.svg?scale=1..9")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert b"<svg" in svg.body
    assert "script" not in svg.headers["content-security-policy"]
    png = server.get(f"/analyses/{id}/plot.png")
    assert png.body.startswith(b"\x89PNG")
    assert server.get(f"/analyses/{id}/plot.pdf").status == 422
    assert not list((server.settings.state / "analyses" / id).glob("plot*"))


def test_pictures_at_once_are_bounded(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    id = server.send()
    server.finished(id)
    full = BoundedThreads(1, -1, "pictures", 5)
    monkeypatch.setattr(server.queue, "drawing", full)
    answer = server.get(f"/analyses/{id}/plot.svg")
    assert (answer.status, answer.kind) == (503, "busy")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"PK\x03\x04" + bytes(1000), "decode"),
        (b"", "decode"),
        (sound()[:60], "decode"),
        (sound(rate=CRASHING), "worker"),
        (sound(rate=FAULTY), "analyse"),
    ],
)
def test_what_cannot_be_analysed_says_why(server: Running, data: bytes, kind: str) -> None:
    id = server.send(data)
    job = server.finished(id)
    assert job["state"] == "failed"
    assert job["error"]["kind"] == kind
    assert job["error"]["message"]
    assert str(server.settings.state) not in json.dumps(job)
    assert server.get(f"/analyses/{id}/result").kind == "not_done"
    assert not list((server.settings.state / "analyses" / id).glob("audio*"))
    # The next one finds a worker.
    assert server.finished(server.send())["state"] == "done"


def test_memory_is_limited(server: Running) -> None:
    job = server.finished(server.send(sound(rate=GREEDY)))
    assert job["error"]["kind"] == "memory"


@pytest.mark.parametrize("form", ["FLAC", "OGG"])
def test_hours_in_a_small_file_are_refused(server: Running, form: str) -> None:
    bomb = silence(3, form)
    assert len(bomb) < 1e6
    job = server.finished(server.send(bomb))
    assert job["error"]["kind"] == "decode"
    assert "longer than this server takes, 2:00:00" in job["error"]["message"]


def test_time_is_limited(state: Path) -> None:
    with running(settings(state, time_limit_s=1.0)) as server:
        job = server.finished(server.send(sound(rate=SLOW)))
        assert job["error"]["kind"] == "time"
        (worker,) = server.queue._workers
        worker._time_limit_s = PATIENCE_S  # a busy machine may need more for the next one, too
        assert server.finished(server.send())["state"] == "done"


def test_a_worker_that_was_stopped_is_gone_before_the_next_task(state: Path) -> None:
    """Else the next task could be given to a process that is about to end."""
    worker = WorkerProcess(settings(state), lambda: None)
    worker.start()
    process = worker._child._process
    assert process is not None
    worker.stop()
    assert process.returncode is not None
    worker.close()


def test_a_running_analysis_is_cancelled(server: Running) -> None:
    id = server.send(sound(rate=SLOW))
    server.until(id, "running")
    assert server.ask("DELETE", f"/analyses/{id}").status == 204
    job = server.job(id)
    assert job["state"] == "cancelled"
    assert events(server, id)[-1]["state"] == "cancelled"
    assert not list((server.settings.state / "analyses" / id).glob("audio*"))
    assert server.finished(server.send())["state"] == "done"
    assert server.ask("DELETE", f"/analyses/{id}").status == 204
    assert server.get(f"/analyses/{id}").kind == "not_found"
    assert not (server.settings.state / "analyses" / id).exists()


def test_the_queue_is_bounded_and_tells_positions(state: Path) -> None:
    with running(settings(state, queue=2)) as server:
        first = server.send(sound(rate=SLOW))
        server.until(first, "running")
        waiting = [server.send(), server.send()]
        assert [server.job(id)["position"] for id in waiting] == [0, 1]
        full = server.upload(sound())
        assert (full.status, full.kind) == (429, "busy")
        assert int(full.headers["retry-after"]) > 0
        assert server.ask("DELETE", f"/analyses/{waiting[0]}").status == 204
        assert server.job(waiting[1])["position"] == 0
        server.ask("DELETE", f"/analyses/{first}")
        assert server.finished(waiting[1])["state"] == "done"
        assert server.job(waiting[0])["state"] == "cancelled"
        assert server.finished(server.send())["state"] == "done"


def test_results_are_kept_for_a_time_only(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hevner.serve.job_queue.SWEEP_S", 0.05)
    with running(settings(state, kept_count=2)) as server:
        ids = [server.send() for _ in range(4)]
        server.finished(ids[-1])
        wait_for(lambda: len(server.get("/analyses").json["analyses"]) == 2)
        assert server.job(ids[-1])["state"] == "done"
    with running(settings(state, kept_s=0.0)) as server:
        wait_for(lambda: not server.get("/analyses").json["analyses"])
    assert not list((state / "analyses").iterdir())


def test_events_end_when_a_client_goes(server: Running) -> None:
    id = server.send(sound(rate=SLOW))
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", f"/api/v1/analyses/{id}/events")
    assert connection.getresponse().readline() == b"event: progress\n"
    connection.close()
    server.ask("DELETE", f"/analyses/{id}")
    assert server.get("/health").json["status"] == "ok"


@pytest.mark.parametrize("id", ["none", "..", "%2e%2e%2fjob.json", "a" * 5000])
@pytest.mark.parametrize("rest", ["", "/result", "/events", "/emotions", "/plot.svg"])
def test_ids_that_are_none_are_not_found(server: Running, id: str, rest: str) -> None:
    answer = server.get(f"/analyses/{id}{rest}")
    assert answer.status == 404
    assert answer.kind == "not_found"
