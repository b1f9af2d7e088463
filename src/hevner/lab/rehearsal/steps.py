"""Prepare the folder of a rehearsal, and run the commands of its paper there, one after the other.

The folder keeps everything: after a stop the same rehearsal goes on with the command in work.
``rehearsal.csv`` has what each finished one took, ``log.txt`` what it wrote. The process that runs
them stays small, since the system counts its memory to each that it starts.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hevner.errors import DataError
from hevner.files import replace_file
from hevner.lab.rehearsal import VARIABLE

TABLES: dict[str, Any] = tomllib.loads(
    Path(__file__).with_name("commands.toml").read_text(encoding="utf-8")
)
PAPERS: tuple[str, ...] = tuple(TABLES["papers"])
SIZES: tuple[str, ...] = tuple(TABLES["sizes"])

PLACE = re.compile(r"\b(DATA|WEIGHTS|FEATURES|STORE|OUT)\b")
ARCHIVE = re.compile(r"(?m)DATA/(\w+)$")
WEIGHTS = re.compile(r"WEIGHTS/(\S+)")
SPLIT = re.compile(r"(?m)^split\s*=")
IN_PARTS = re.compile(r"(?m)^\[datasets\.(?:deam|emomusic|pmemo)\]$")
"""Sets that committed splits divide; a rehearsal has some of their ids."""

COLUMNS = ("step", "command", "wall_s", "cpu_s", "peak_mib", "disk_mib")

Run = Callable[[Sequence[str], Path], tuple[float, float]]
"""Runs a command line in a folder; returns its seconds of all processors, and the peak memory of
its largest process in MiB. A command that fails raises `DataError`."""


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal of a paper, of a size, in a folder; ``source`` has the folders of all papers."""

    paper: str
    size: str
    source: Path
    folder: Path

    @property
    def text(self) -> str:
        """The commands as a user types them, with names of folders to fill in."""
        return str(TABLES["papers"][self.paper])

    @property
    def out(self) -> Path:
        """Folder of the results."""
        return self.folder / "out"

    def prepare(self) -> list[str]:
        """Reduce the recipes; returns what was reduced in each."""
        limits, said = TABLES["sizes"][self.size]["limits"], []
        for path in sorted([*self.source.glob("*/*.toml"), *self.source.glob("*/*.py")]):
            content, changes = path.read_text(encoding="utf-8"), ""
            if path.suffix == ".toml":
                content, changes = reduce(content, limits)
            target = self.folder / "papers" / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, content.encode())
            if changes and path.parent.name == self.paper and path.name in self.text:
                said.append(f"{path.name}: {changes}")
        self.out.mkdir(parents=True, exist_ok=True)
        return said

    def run(self, run: Run) -> Iterator[str]:
        """Run all commands that have not been run; yields each before it starts."""
        times = self.out / "rehearsal.csv"
        rows = [list(COLUMNS)]
        if times.is_file():
            with times.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
        done = {line for _, line, *_ in rows}
        for line in self._lines():
            if line in done:
                continue
            yield line
            words = [PLACE.sub(self._place, word) for word in shlex.split(line)]
            before, began = _size(self.folder), time.perf_counter()
            cpu, peak = run(words, self.folder / "papers" / self.paper)
            took, disk = time.perf_counter() - began, _size(self.folder) - before
            done.add(line)
            costs = f"{took:.1f}", f"{cpu:.1f}", f"{peak:.0f}", f"{disk / 2**20:.2f}"
            rows.append([str(len(rows)), line, *costs])
            table = io.StringIO()
            csv.writer(table, lineterminator="\n").writerows(rows)
            replace_file(times, table.getvalue().encode())

    def _lines(self) -> Iterator[str]:
        """The commands; before the first one that makes the archives, weights before their use."""
        size, sets = TABLES["sizes"][self.size], " ".join(ARCHIVE.findall(self.text))
        many = f"{size['pieces'][self.paper]} {size['seconds']}"
        yield f"python -m hevner.lab.rehearsal.archives {many} DATA FEATURES {sets}"
        for line in self.text.strip().splitlines():
            for name in WEIGHTS.findall(line):
                yield f"python -m hevner.lab.rehearsal.weights {name} WEIGHTS/{name}"
            yield line

    def _place(self, found: re.Match[str]) -> str:
        return str(self.out if found[1] == "OUT" else self.folder / found[1].lower())

    def process(self, words: Sequence[str], place: Path) -> tuple[float, float]:
        """Run a command in a process of its own; see `Run`."""
        own = {
            VARIABLE: " ".join(TABLES["sizes"][self.size]["reduced"]),
            "HEVNER_HOME": str(self.folder / "home"),
            "HEVNER_OFFLINE": "1",
        }
        program = {"hevner": ["-m", "hevner.lab.rehearsal.reduced"], "python": []}[words[0]]
        log = self.out / "log.txt"
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, *program, *words[1:]], cwd=place, env=os.environ | own,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file,
            )  # fmt: skip
            try:
                cpu, peak = _wait(process)
            except KeyboardInterrupt:
                process.wait()  # it was interrupted, too, and finishes what is in work
                raise
        if process.returncode:
            last = log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
            raise DataError(
                f"the command failed ({last})", subject=shlex.join(words), code="command_failed",
                remedy=f"See {log}; the same rehearsal goes on from here",
            )  # fmt: skip
        return cpu, peak


def _wait(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for the end; seconds of all processors and peak memory in MiB, 0 where not known."""
    if sys.platform == "win32":
        process.wait()
        return 0.0, 0.0
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit


def _size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def reduce(text: str, limits: Mapping[str, int]) -> tuple[str, str]:
    """A recipe whose whole numbers of some names are at most so large, and what was changed."""
    changes: dict[str, None] = {}

    def less(found: re.Match[str]) -> str:
        name, value = found[1], int(found[2])
        if value > limits[name]:
            changes[f"{name} {value} to {limits[name]}"] = None
        return f"{name} = {min(value, limits[name])}"

    text = re.sub(rf"\b({'|'.join(limits)})\s*=\s*(\d+)", less, text)
    if SPLIT.search(text):
        text = IN_PARTS.sub(r"\g<0>\npartial = true", text)
    return text, ", ".join(changes)
