"""A child process that does one task after the other: both ends of its pipes.

The parent has a `ChildProcess`; the child calls `work`. Whatever happens to the child, the parent
goes on and starts another one.

Conventions
-----------
A task is a JSON object in one line on the standard input of the child. Each answer is a JSON object
in one line on its standard output; ``"bytes": n`` in it says that n bytes follow. The first answer
of a process is ``{"ready": true}``, and the last one of a task has ``"last": true``. The child ends
when its standard input does, since its parent is gone then. The standard library only, so that a
child starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from typing import IO, Any, NoReturn, cast

SECRETS = ("HEVNER_TOKEN",)
"""Environment variables that a child does not get."""

START_S = 120.0
"""Longest time that a child may take to start, in seconds; imports from a cold disk are slow."""

STEP_S = 0.25
"""Seconds between looks at whether a child takes too long."""

PIPE_BYTES = 2**20
"""Size of a pipe where that can be chosen: the child goes on while the parent is busy."""

Task = dict[str, Any]
Answer = tuple[dict[str, Any], bytearray]
"""An answer, and the bytes that came with it."""

Send = Callable[..., None]
"""Sends an answer: its fields by name, and bytes as the positional argument, if any."""


class ProcessEndedError(Exception):
    """A child ended in the middle of a task.

    Attributes
    ----------
    status
        Its exit status, or the negative number of the signal that ended it.
    late
        Whether it was ended because it took too long.
    tasks
        Number of tasks that it was given, with this one; 0 if it did not even start.
    """

    def __init__(self, status: int, late: bool, tasks: int) -> None:
        super().__init__(status, late, tasks)
        self.status = status
        self.late = late
        self.tasks = tasks


def python(module: str, *arguments: object) -> tuple[str, ...]:
    """Command that runs ``main()`` of a module, found where this process would find it.

    Unlike ``python -m`` it never imports what happens to lie in the current folder.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return (sys.executable or "python", "-c", code, *map(str, arguments))


class ChildProcess:
    """The parent's end: one task at a time, in a process that is replaced whenever it ends.

    Parameters
    ----------
    command
        Program and arguments.
    environment
        Variables that the child has besides those of this process.
    """

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self._command = command
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._tasks = 0
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process if there is none, so that the first task need not wait for it.

        Raises OSError if no process can be started.
        """
        with self._lock:
            self._ready()

    def run(self, task: Task, limit_s: float, *, renewed: bool = False) -> Generator[Answer]:
        """Give the process a task and yield the answers up to the last one.

        Parameters
        ----------
        limit_s
            Seconds after which the process is ended.
        renewed
            Whether these seconds are for each answer, while it is waited for, instead of for all.

        Raises
        ------
        ProcessEndedError
            If the process ends before the last answer.
        OSError
            If no process can be started.
        """
        with self._lock:
            process = self._ready()
        answers = _Answers(process)
        finished = False
        try:
            answers.wait_for(START_S)
            if self._tasks or answers.next() is not None:
                self._tasks += 1
                answers.send(task)
            answers.wait_for(limit_s)
            while not finished:
                answer = answers.next()
                if answer is None:
                    raise ProcessEndedError(process.wait(), answers.late, self._tasks)
                finished = answer[0].get("last", False)
                if renewed:
                    answers.wait_for(math.inf)
                yield answer
                if renewed:
                    answers.wait_for(limit_s)
        finally:
            answers.over.set()
            if not finished:  # What it still answers must not be taken for the next task's.
                _end(process)

    def stop(self) -> None:
        """End the process and its task; may be called from any thread."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                # Else the next task might be given to a process that is about to end.
                self._process.wait()

    def close(self) -> None:
        """End the process and wait until it is gone."""
        with self._lock:
            if self._process is not None:
                _end(self._process)

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            _end(self._process)
        environment = {**os.environ, **self._environment}
        self._tasks = 0
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: value for name, value in environment.items() if name not in SECRETS},
            # Ctrl-C is for this process, which then decides about its children.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        _widen(self._process.stdout)
        return self._process


class _Answers:
    """What a process answers; a thread ends it when that takes too long.

    The thread counts steps instead of looking at a clock, so that time for which this process was
    halted (Ctrl-Z) does not count.

    Attributes
    ----------
    late
        Whether the process was ended.
    over
        To be set when no more answers are wanted.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.late = False
        self.over = threading.Event()
        self._process = process
        self._output = cast(IO[bytes], process.stdout)
        self._steps, self._due = 0, math.inf
        threading.Thread(target=self._watch, daemon=True, name="hevner-watch").start()

    def _watch(self) -> None:
        while not self.over.wait(STEP_S):
            self._steps += 1
            if self._steps > self._due:
                self.late = True
                self._process.kill()

    def wait_for(self, seconds: float) -> None:
        """Wait for so long from now on."""
        self._due = self._steps + seconds / STEP_S

    def send(self, task: Task) -> None:
        """Give the process a task; one that is gone does not answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(task).encode() + b"\n")
            self._process.stdin.flush()

    def next(self) -> Answer | None:
        """The next answer; None if the process ended or was ended."""
        try:
            fields = json.loads(self._output.readline())
        except ValueError:  # it ended, perhaps in the middle of a line
            return None
        data = bytearray(fields.get("bytes", 0))
        if self._output.readinto(data) < len(data):  # type: ignore[attr-defined]
            return None
        return None if self.late else (fields, data)


def _widen(pipe: IO[bytes] | None) -> None:
    """Give a pipe more room, where the system can and grants it."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(cast(IO[bytes], pipe).fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its pipes, whether it still runs or not."""
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not yet sent is lost
            cast(IO[bytes], stream).close()


def limit(memory_bytes: int) -> None:
    """Limit the memory of this process, where the system can, and write no core files."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere address space is not limited, or not in this way
        _, allowed = resource.getrlimit(resource.RLIMIT_AS)
        if allowed == resource.RLIM_INFINITY or memory_bytes < allowed:
            resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def work(prepare: Callable[[], Callable[[Task, Send], None]]) -> NoReturn:
    """The child's end: do one task after the other until there is no parent any more.

    Parameters
    ----------
    prepare
        Called once; returns what does a task and answers it, the last time with ``last=True``.
    """
    # First of all, since it takes the place of a standard stream that is closed.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    answers = os.fdopen(os.dup(1), "wb")
    tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(tasks,), daemon=True).start()

    def send(data: Any = b"", **fields: object) -> None:
        size = memoryview(data).nbytes
        try:
            answers.write(json.dumps({**fields, "bytes": size}).encode() + b"\n")
            answers.write(data)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)

    do = prepare()
    # What a decoder prints must not be read as an answer, and decoders written in C comment on
    # every damaged file; errors before this line go where the parent's do.
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    send(ready=True)
    while True:
        do(tasks.get(), send)


def _read_tasks(tasks: queue.SimpleQueue[Task]) -> None:
    for line in sys.stdin.buffer:
        tasks.put(json.loads(line))
    os._exit(0)
