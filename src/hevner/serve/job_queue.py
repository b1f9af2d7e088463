"""All jobs: accepted, given to workers, cancelled, deleted.

Conventions
-----------
Methods are called on the event loop, and blocking work runs in threads. The queue is bounded; so is
the number of results that are kept.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from hevner.errors import OutputError
from hevner.files import cannot_write, display_name
from hevner.serve import jobs
from hevner.serve.jobs import Job
from hevner.serve.problems import ServiceError, not_found, record, stopping
from hevner.serve.settings import Settings
from hevner.serve.threads import BoundedThreads
from hevner.serve.worker_process import Outcome, WorkerProcess

T = TypeVar("T")

logger = logging.getLogger("hevner.serve")

ATTEMPTS = 3
"""How often a job is started, so that one that ends the server does not do so for ever."""

DRAWINGS = 16
"""Most pictures that are drawn or wait."""

AGAIN_S = 0.05
"""Seconds after which a worker is stopped again: when it was first, the thread that gives it the
task may not have come to it."""

SWEEP_S = 30.0
"""Seconds between deletions of old jobs."""


class JobQueue:
    """The jobs of a server; ``died`` is called when a worker has died.

    Attributes
    ----------
    jobs
        Jobs by id, the oldest first.
    drawing
        Thread in which pictures are drawn.
    stopping
        Event that is set when the server is about to end.

    Raises
    ------
    OutputError
        If the state folder cannot be written or another server uses it.
    """

    def __init__(self, settings: Settings, died: Callable[[], None]) -> None:
        self.settings = settings
        self.jobs: dict[str, Job] = {}
        self.stopping = asyncio.Event()
        self._folder = settings.state / "analyses"
        self._lock = _locked(self._folder)
        self._waiting: asyncio.Queue[Job | None] = asyncio.Queue()  # None wakes a worker to stop
        self._reserved: Counter[str] = Counter()
        self._workers = [WorkerProcess(settings, died) for _ in range(settings.jobs)]
        self._drawer = WorkerProcess(settings, died)
        self.drawing = BoundedThreads(1, DRAWINGS - 1, "pictures", retry_after=5)
        self._at_work: dict[str, WorkerProcess] = {}
        # A thread for each worker and some for files.
        self._threads = ThreadPoolExecutor(settings.jobs + 5, thread_name_prefix="hevner-jobs")

    async def open(self) -> None:
        """Queue the unfinished jobs of the last server, and start the workers."""
        self._loop = asyncio.get_running_loop()
        for job in await self.in_thread(partial(_left, self._folder)):
            self.jobs[job.id] = job
            if not job.is_final:
                self._waiting.put_nowait(job)
        self._sweeping = asyncio.create_task(self._sweep())
        self._tasks = [asyncio.create_task(self._work(worker)) for worker in self._workers]

    async def close(self) -> None:
        """Stop all work; the next server continues with what was queued or running."""
        self.stopping.set()
        for job in self.jobs.values():
            job.notify()
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        left = set(self._tasks)
        for _ in left:
            self._waiting.put_nowait(None)
        while left:
            for worker in self._workers:
                worker.stop()
            _, left = await asyncio.wait(left, timeout=AGAIN_S)
        self.drawing.close(wait=False)
        for worker in (*self._workers, self._drawer):
            await self.in_thread(worker.close)
        self._threads.shutdown()
        self._lock.release()

    def stop_soon(self) -> None:
        """Accept nothing more and end streams; may be called from a signal handler."""
        self._loop.call_soon_threadsafe(self.stopping.set)

    @property
    def queued(self) -> int:
        """Number of jobs that wait."""
        return sum(job.state == jobs.QUEUED for job in self.jobs.values())

    def position(self, job: Job) -> int | None:
        """Number of jobs that start before this one; None if it does not wait."""
        waiting = [other for other in self.jobs.values() if other.state == jobs.QUEUED]
        return waiting.index(job) if job in waiting else None

    def find(self, id: str) -> Job:
        """The job of an id; raises a `ServiceError` if there is none."""
        try:
            return self.jobs[id]
        except KeyError:
            raise not_found("analysis") from None

    @asynccontextmanager
    async def reserved(self, client: str) -> AsyncIterator[Path]:
        """Reserve a place in the queue for an upload of a client, with a folder to put it in.

        Raises a `ServiceError` if the queue is full, too many uploads are on their way, or the
        server is about to end. The folder is deleted if the upload fails, and stays if it was given
        to `accept`.
        """
        if self.stopping.is_set():
            raise stopping()
        settings, reserved = self.settings, self._reserved.total()
        if self.queued + reserved >= settings.queue:
            raise ServiceError(429, "busy", "the queue is full", "Try again later", retry_after=10)
        if reserved >= settings.uploads or self._reserved[client] >= settings.uploads_of_one:
            raise ServiceError(429, "busy", "too many uploads at once", "Try again", retry_after=2)
        self._reserved[client] += 1
        folder = self._folder / jobs.new_id()
        try:
            yield folder
        except BaseException:
            await self.in_thread(partial(jobs.remove, folder))
            raise
        finally:
            self._reserved[client] -= 1
            self._reserved += Counter()  # forgets those who have none

    async def accept(self, folder: Path, name: str, size: int) -> Job:
        """Queue an upload that is complete in a reserved folder."""
        job = Job(folder, folder.name, name, size, time.time())
        await self.in_thread(job.write)
        self.jobs[job.id] = job
        self._waiting.put_nowait(job)
        return job

    async def cancel(self, job: Job) -> None:
        """Stop a job and wait for its end, or delete one that has ended."""
        if job.is_final:
            await self._delete(job)
            return
        job.cancelled = True
        if job.take():
            await self._end(job, jobs.CANCELLED, _CANCELLED)
        while not (job.is_final or self.stopping.is_set()):
            if (running := self._at_work.get(job.id)) is not None:
                running.stop()  # The worker has no other job until this loop gives it one.
            changed = asyncio.create_task(job.changed.wait())
            await asyncio.wait({changed}, timeout=AGAIN_S)
            changed.cancel()

    async def draw(self, job: Job, kind: str, scale: str) -> bytes:
        """Draw an analysis as ``svg`` or ``png``."""
        picture = job.folder / f"plot.{kind}"
        task = {"do": "draw", "result": str(job.result), "picture": str(picture), "scale": scale}

        def drawn() -> bytes:
            if (error := self._drawer.run(task)) is not None:
                raise ServiceError(500, error["kind"], error["message"], error["remedy"])
            try:
                return picture.read_bytes()
            finally:
                picture.unlink(missing_ok=True)

        return await self.drawing.do(drawn)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Call a function that blocks in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _work(self, worker: WorkerProcess) -> None:
        """Give one job after the other to a worker."""
        await self.in_thread(worker.start)
        while (job := await self._waiting.get()) is not None and not self.stopping.is_set():
            if not job.take():  # cancelled while it waited
                continue
            try:
                state, error = await self._run(job, worker)
            except OSError as fault:
                state, error = jobs.FAILED, _unwritten(job, fault)
            await self._end(job, state, error)

    async def _run(self, job: Job, worker: WorkerProcess) -> tuple[str, Outcome]:
        """Run a job; return the state that it ends in, and its error."""
        if job.attempts >= ATTEMPTS:
            return jobs.FAILED, _ENDS_SERVERS
        job.attempts += 1
        job.show(jobs.RUNNING)
        await self.in_thread(job.write)
        audio = await self.in_thread(lambda: job.audio)
        if audio is None:
            return jobs.FAILED, record("upload", "the upload is gone", "Send it again")
        loop = asyncio.get_running_loop()

        def report(share: float) -> None:
            loop.call_soon_threadsafe(_progressed, job, share)

        task = {
            "do": "analyse",
            "audio": str(audio),
            "name": job.name,
            "result": str(job.result),
            "words": str(job.words),
            "course": str(job.course),
        }
        error: Outcome = record("stopped", "the server stopped it")
        if not (job.cancelled or self.stopping.is_set()):
            self._at_work[job.id] = worker
            try:
                error = await self.in_thread(partial(worker.run, task, report))
            finally:
                del self._at_work[job.id]
        if job.cancelled:
            return jobs.CANCELLED, _CANCELLED
        if error is None:
            return jobs.DONE, None
        if self.stopping.is_set() and error["kind"] == "stopped":
            job.attempts -= 1
            return jobs.QUEUED, None
        return jobs.FAILED, error

    async def _end(self, job: Job, state: str, error: Outcome) -> None:
        """Write what became of a job, delete the upload that nobody needs now, then show it.

        In this order nothing is lost, and whatever a client sees of the end is on disk. Only who
        has taken a job may call this.
        """
        finished = None if state == jobs.QUEUED else time.time()
        ended = replace(job, state=state, error=error, finished=finished)
        try:
            await self.in_thread(ended.write)
            if ended.is_final:
                await self.in_thread(ended.drop_audio)
        except OSError as fault:
            state, error = jobs.FAILED, _unwritten(job, fault)
        job.finished = finished
        job.progress = 1.0 if state == jobs.DONE else job.progress
        job.show(state, error)

    async def _delete(self, job: Job) -> None:
        self.jobs.pop(job.id, None)
        await self.in_thread(partial(jobs.remove, job.folder))

    async def _sweep(self) -> None:
        """Delete jobs that ended long ago, and the oldest where there are too many."""
        while True:
            ended = [job for job in self.jobs.values() if job.is_final]
            many = len(ended) - self.settings.kept_count
            limit = time.time() - self.settings.kept_s
            for number, job in enumerate(ended):
                if number < many or (job.finished or 0) < limit:
                    await self._delete(job)
            await asyncio.sleep(SWEEP_S)


_CANCELLED = record("cancelled", "it was cancelled")
_ENDS_SERVERS = record(
    "worker", "the server ended whenever it worked on this", "Convert it to WAV or FLAC"
)


def _unwritten(job: Job, fault: OSError) -> Outcome:
    logger.error("%s", cannot_write(job.folder, fault))
    return record("write", "the disk is full or closed")


def _progressed(job: Job, share: float) -> None:
    if job.state == jobs.RUNNING:
        job.progress = share
        job.notify()


def _locked(folder: Path) -> FileLock:
    """Lock a state folder, which is created if it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(folder.parent / "serve.lock", thread_local=False)
        lock.acquire(blocking=False)
    except Timeout as error:
        raise OutputError(
            "another server works with this folder",
            subject=display_name(folder.parent),
            remedy="Stop it, or name another folder with --state",
            code="in_use",
        ) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    return lock


def _left(folder: Path) -> list[Job]:
    """Jobs on disk, the oldest first; unfinished uploads are deleted."""
    found: list[Job] = []
    for place in folder.iterdir():
        job = jobs.read(place) if place.is_dir() else None
        if job is None:
            logger.info("removed what was left of an upload")
            jobs.remove(place)
        else:
            if job.is_final:
                job.drop_audio()
            found.append(job)
    return sorted(found, key=lambda job: job.created)
