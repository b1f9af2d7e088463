"""Jobs under any order of submitting, finishing, crashing, cancelling and restarting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hevner.serve import job_queue, jobs
from hevner.serve.job_queue import ATTEMPTS, JobQueue
from hevner.serve.problems import record
from hevner.serve.settings import Settings

ACTIONS = ("submit",) * 6 + ("finish",) * 4 + ("cancel",) * 6 + ("crash", "restart")

STEPS = 3000
"""Steps of the loop after which nothing goes on any more."""

CRASHED = record("worker", "it ended")
STOPPED = record("stopped", "it was stopped")


class Worker:
    """A worker whose task ends when the test says so."""

    at_work: dict[str, asyncio.Future[dict[str, str] | None]]
    finished: set[str]

    def __init__(self, *_: Any) -> None:
        self._task: asyncio.Future[dict[str, str] | None] | None = None

    def run(self, task: dict[str, str], _report: Any) -> asyncio.Future[dict[str, str] | None]:
        self._task = asyncio.get_running_loop().create_future()
        Worker.at_work[task["result"]] = self._task
        self._task.add_done_callback(lambda _: Worker.at_work.pop(task["result"]))
        return self._task

    def stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.set_result(STOPPED)

    def start(self) -> None: ...

    def close(self) -> None: ...


class Queue(JobQueue):
    """A queue that does all its work on the event loop, with a pause before and after."""

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        await asyncio.sleep(0)
        result = work()
        if isinstance(result, asyncio.Future):
            result = await result
        await asyncio.sleep(0)
        return result


def chosen(of: Iterable[str], which: int) -> list[str]:
    """One of several, counted from the last; none of none."""
    found = [*of]
    return [found[-1 - which % len(found)]] if found else []


async def ends(work: Awaitable[Any]) -> None:
    """Wait for what must end after some steps of the loop."""
    task = asyncio.ensure_future(work)
    for _ in range(STEPS):
        if task.done():
            break
        await asyncio.sleep(0)
    assert task.done(), "it waits for ever"
    task.result()


class World:
    """A server that is used, and what must come of it."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.settings = Settings(folder, jobs=workers)
        self.sent: list[str] = []
        self.crashed: set[str] = set()
        self.cancelled: set[str] = set()
        self.cancels: list[asyncio.Task[None]] = []
        Worker.at_work, Worker.finished = {}, set()

    async def open(self) -> None:
        self.queue = Queue(self.settings, lambda: None)
        await self.queue.open()

    async def close(self) -> None:
        await ends(self.queue.close())
        await ends(asyncio.gather(*self.cancels))
        self.cancels.clear()

    async def submit(self, _which: int) -> None:
        async with self.queue.reserved("") as folder:
            folder.mkdir()
            (folder / "audio.wav").write_bytes(b"x")
            job = await self.queue.accept(folder, "song.wav", 1)
        self.sent.append(job.id)

    async def finish(self, which: int) -> None:
        for result in chosen(Worker.at_work, which):
            Path(result).write_text("{}")
            Worker.finished.add(Path(result).parent.name)
            self.end(result, None)

    async def crash(self, which: int) -> None:
        for result in chosen(Worker.at_work, which):
            self.crashed.add(Path(result).parent.name)
            self.end(result, CRASHED)

    @staticmethod
    def end(result: str, outcome: dict[str, str] | None) -> None:
        if not (task := Worker.at_work[result]).done():
            task.set_result(outcome)

    async def cancel(self, which: int) -> None:
        for id in chosen(self.queue.jobs, which):
            job = self.queue.jobs[id]
            if not job.is_final or which % 4 == 0:
                self.cancelled.add(id)
                self.cancels.append(asyncio.create_task(self.queue.cancel(job)))

    async def restart(self, _which: int) -> None:
        await self.close()
        await self.open()

    def check(self) -> None:
        """What holds whenever anybody looks."""
        assert len(Worker.at_work) <= self.settings.jobs
        for job in self.queue.jobs.values():
            if job.state == jobs.DONE:
                assert job.id in Worker.finished
                assert job.result.is_file()
            if job.is_final:
                assert job.audio is None
                kept = jobs.read(job.folder)
                assert kept is not None
                assert (kept.state, kept.error) == (job.state, job.error)
        for id in self.sent:
            assert id in self.queue.jobs or id in self.cancelled, "lost"

    async def drain(self) -> None:
        """Wait for what was cancelled, and finish whatever is left."""
        await ends(asyncio.gather(*self.cancels))
        for _ in range(STEPS):
            await self.finish(0)
            await asyncio.sleep(0)
            if all(job.is_final for job in self.queue.jobs.values()):
                break
        for id, job in self.queue.jobs.items():
            assert job.is_final, "it never ended"
            if id not in self.cancelled:
                crashes = id in self.crashed
                assert job.state == (jobs.FAILED if crashes else jobs.DONE)
                assert job.attempts <= ATTEMPTS


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7), st.integers(0, 12)),
        min_size=20,
        max_size=40,
    ),
)
def test_no_job_is_lost_or_done_without_a_result(
    workers: int, actions: list[tuple[str, int, int]]
) -> None:
    async def run(folder: Path) -> None:
        world = World(folder, workers)
        await world.open()
        for action, which, pauses in actions:
            await getattr(world, action)(which)
            for _ in range(pauses):
                await asyncio.sleep(0)
            world.check()
        await world.drain()
        world.check()
        await world.close()

    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_queue, "WorkerProcess", Worker)
        patch.setattr(job_queue, "AGAIN_S", 0.0)
        asyncio.run(run(Path(folder)))
