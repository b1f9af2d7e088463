"""What a person sees while a command runs, all of it on the standard error stream."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from hevner.errors import HevnerError, MissingDependencyError
from hevner.files import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

FINE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit status: all fine, something failed, wrong arguments, stopped with Ctrl-C."""


class Reporter:
    """A progress bar and messages.

    Parameters
    ----------
    total
        Number of files.
    bar
        Whether to draw a progress bar, if there is a terminal to draw it on.
    verb
        What is being done to the files.
    """

    def __init__(self, total: int, bar: bool, verb: str = "Analysing") -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if bar and sys.stderr.isatty():
            self._progress = _progress(verb)
            self._task = self._progress.add_task("", total=total)

    def __enter__(self) -> Reporter:
        if self._progress is not None:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def advance(self) -> None:
        """One file is done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def say(self, text: str) -> None:
        """Show a message above the bar."""
        if self._progress is None:
            say(text)
        else:
            self._progress.console.print(
                printable(text), markup=False, highlight=False, emoji=False, soft_wrap=True
            )


def say(text: str) -> None:
    """Show a message."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def _progress(verb: str) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Files per second or minute."""

        def render(self, task: Task) -> Text:
            if not task.speed:
                return Text("")
            if task.speed >= 1:
                return Text(f"{task.speed:.1f} files/s")
            return Text(f"{60 * task.speed:.1f} files/min")

    return Progress(
        TextColumn(verb),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
        # The standard output belongs to the results.
        redirect_stdout=False,
        redirect_stderr=False,
    )


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step of long work, drawn on a terminal.

    Yields
    ------
    A function that takes the name of a step, the amount done and the whole amount. Nothing is
    drawn before its first call, as a download may draw its own bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Remaining(),
        console=console, transient=True, redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip
    task = bar.add_task("")

    def show(step: str, done: int, total: int) -> None:
        if console.is_terminal:
            bar.start()
            bar.update(task, description=step, completed=done, total=total)

    try:
        yield show
    finally:
        if console.is_terminal:
            bar.stop()


@contextmanager
def usage_errors() -> Iterator[None]:
    """Turn errors in the arguments into one line and exit status 2."""
    try:
        yield
    except MissingDependencyError:
        raise
    except HevnerError as error:
        say(f"Error: {error}")
        raise typer.Exit(USAGE) from error


@contextmanager
def stopping(resumable: bool = True) -> Iterator[None]:
    """On Ctrl-C stop work cleanly with a message and exit status 130.

    Parameters
    ----------
    resumable
        Whether the same command goes on where it was.
    """
    try:
        with stopping_cleanly():
            yield
    except KeyboardInterrupt as stop:
        say("Stopped; the same command goes on from here." if resumable else "Stopped.")
        raise typer.Exit(INTERRUPTED) from stop


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """On Ctrl-C say what happens and raise `KeyboardInterrupt`; on a second one stop at once."""
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or usual in (
        signal.SIG_IGN,
        None,
    ):
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        def stop_now(_number: int, _frame: FrameType | None) -> None:
            os._exit(INTERRUPTED)

        signal.signal(signal.SIGINT, stop_now)
        say("Finishing the files in work; Ctrl-C again stops at once.")
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


@contextmanager
def without_decoder_notes() -> Iterator[None]:
    """Keep decoders in C from writing to the terminal; they have no other switch.

    libmpg123 comments on every damaged MP3 file. Python's own messages still appear.
    """
    shown = sys.stderr
    try:
        is_ours = shown.fileno() == 2
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        yield
        return
    shown.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with open(kept, "w", buffering=1, encoding=shown.encoding, errors=shown.errors) as stream:  # noqa: PTH123
        sys.stderr = stream
        try:
            yield
        finally:
            sys.stderr = shown
            os.dup2(kept, 2)
