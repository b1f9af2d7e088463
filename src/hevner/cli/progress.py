"""What a person sees while a command runs, all of it on the standard error stream."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

from hevner.cli.streams import Messages
from hevner.errors import HevnerError, MissingDependencyError
from hevner.files import printable

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

    from hevner.result import Failure

FINE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""Exit status: all fine, something failed, wrong arguments, stopped with Ctrl-C."""


class Reporter:
    """A progress bar over ``total`` files, if there is a terminal to draw it on, and messages."""

    def __init__(self, total: int, bar: bool, verb: str = "Analysing") -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        if bar and sys.stderr.isatty():
            self._progress = _file_bar(verb)
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


def failure_line(failure: Failure) -> str:
    """The line that says that a file failed, and why."""
    return f"Failed: {failure.path}: {failure.cause}. {failure.remedy}".rstrip()


def say(text: str) -> None:
    """Show a message."""
    sys.stderr.write(printable(text) + "\n")
    sys.stderr.flush()


def _bar(*columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import Progress

    # The standard output belongs to the results.
    return Progress(
        *columns, console=Console(stderr=True), transient=True,
        redirect_stdout=False, redirect_stderr=False,
    )  # fmt: skip


def _file_bar(verb: str) -> Progress:
    from rich import progress as parts
    from rich.text import Text

    class Rate(parts.ProgressColumn):
        """Files per second or minute."""

        def render(self, task: parts.Task) -> Text:
            if not task.speed:
                return Text("")
            if task.speed >= 1:
                return Text(f"{task.speed:.1f} files/s")
            return Text(f"{60 * task.speed:.1f} files/min")

    count, left = parts.MofNCompleteColumn(), parts.TimeRemainingColumn()
    words = parts.TextColumn(verb), parts.TextColumn("left")
    return _bar(words[0], parts.BarColumn(), count, Rate(), left, words[1])


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step of long work, drawn on a terminal.

    Yields
    ------
    A function that takes the name of a step, the amount done and the whole amount. Nothing is
    drawn before its first call, as a download may draw its own bar.
    """
    from rich import progress as parts

    name = parts.TextColumn("{task.description}")
    bar = _bar(name, parts.BarColumn(), parts.TaskProgressColumn(), parts.TimeRemainingColumn())
    task = bar.add_task("")

    def show(step: str, done: int, total: int) -> None:
        if bar.console.is_terminal:
            bar.start()
            bar.update(task, description=step, completed=done, total=total)

    try:
        yield show
    finally:
        if bar.console.is_terminal:
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
def interruptible(message: str) -> Iterator[None]:
    """On Ctrl-C show a message and stop with exit status 130."""
    try:
        yield
    except KeyboardInterrupt as stop:
        say(message)
        raise typer.Exit(INTERRUPTED) from stop


@contextmanager
def stopping(message: str = "Stopped; the same command goes on from here.") -> Iterator[None]:
    """On Ctrl-C finish the files in work, show a message and stop with exit status 130."""
    with interruptible(message), stopping_cleanly():
        yield


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """On Ctrl-C say what happens and raise `KeyboardInterrupt`; on a second one stop at once."""
    usual = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or usual in (signal.SIG_IGN, None):
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
    encoding = getattr(shown, "encoding", "utf-8")
    file = io.BufferedWriter(io.FileIO(kept, "w"))
    with Messages(file, encoding, "backslashreplace", line_buffering=True) as stream:
        sys.stderr = stream
        try:
            yield
        finally:
            sys.stderr = shown
            os.dup2(kept, 2)
