"""Kill a process, or let its disk be full, at a chosen change of a file: for ``*_faults.py``.

Changes (writes, creations, renames and removals) are counted in the process by a small library in C
(``changes.c``), which is compiled with ``cc`` and loaded before the program starts, on Linux.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hevner.errors import HevnerError

ROOT = Path(__file__).resolve().parents[2]
LOADED = "HEVNER_FAULTS"
"""Variable of the environment that says that the library is loaded."""

NOTHING, KILL, FULL = range(3)
"""What happens from the chosen change on."""

MOST_S = 600.0
"""Seconds after which a process hangs."""


def start_again_with_library() -> None:
    """Start this program again with the library that counts changes, unless it is loaded."""
    if LOADED in os.environ or sys.platform != "linux":
        return
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "changes.so"
        source = Path(__file__).with_name("changes.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(library), LOADED: "1"}
        environment["PYTHONWARNINGS"] = "ignore::RuntimeWarning"  # forking is experimental
        # So that the server of forks finds what it shall load once for all trials.
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), *sys.path[1:]])
        raise SystemExit(subprocess.call([sys.executable, *sys.argv], env=environment))


def outcome(
    work: Callable[..., object],
    *arguments: object,
    below: Path,
    modules: Sequence[str],
    mode: int = NOTHING,
    at: int = 0,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Do some work in a process of its own, and say what came of it.

    ``mode`` happens from change ``at`` on, counted from 1, of files below a folder. The modules are
    loaded once for all processes; after so many seconds, if given, the process is killed. What came
    is the ``result`` of the work and the ``count`` of changes; the ``message`` of an error with a
    cause and a remedy; the ``traceback`` of any other; nothing if the process was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(modules))
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, work, arguments, below, mode, at))
    process.start()
    theirs.close()
    said: dict[str, Any] = {}
    with suppress(EOFError):
        if ours.poll(MOST_S if seconds is None else seconds):
            said = ours.recv()
        elif seconds is None:
            print("hangs:", work.__name__, mode, at, flush=True)
    process.kill()
    process.join()
    return said


def _child(
    answer: Connection,
    work: Callable[..., object],
    arguments: Sequence[object],
    below: Path,
    mode: int,
    at: int,
) -> None:
    library = ctypes.CDLL(None)
    armed = hasattr(library, "faults_arm")
    if armed:
        library.faults_arm(mode, at, os.fsencode(below))
    try:
        said: dict[str, Any] = {"result": work(*arguments)}
        said["count"] = library.faults_count() if armed else 0
    except HevnerError as error:
        said = {"message": str(error)}
    except BaseException as error:  # noqa: BLE001 - what a person would see as a traceback
        said = {"traceback": repr(error)}
    if armed:
        library.faults_arm(NOTHING, 0, b"")
    answer.send(said)
