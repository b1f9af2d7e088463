"""Break catalogues in every way that can be arranged, and count what is lost, locked or wrong.

    python benchmarks/catalog_faults.py [--every K] [--random N] [--flips N] [--out CSV]

Four commands are broken: the first indexing, one that adds, changes, moves and prunes, mending
after damage, and reading anew for another model. Faults:

kill
    The process is killed just before its ``n``-th change to a file of the catalogue, for every
    ``n``-th: each write, creation, rename and removal, those of LanceDB too.
full
    The disk is full from the ``n``-th change on, for every ``n``.
random
    The process is killed after a random time.
flip, flip large
    One bit of one file is changed, then the catalogue is read and searched; the second kind is a
    catalogue as if it were too large to be compared in full when it is opened.

Changes are counted by a library in C (`fault_injection`). Analyses are made up
(``tests/catalog/made_up.py``), storing and reading are real.
Columns: ``trials``; ``hit``, those in which the fault came before the end; ``messages``, an error
with a cause and a remedy; ``order``, other hits or another order, each with true values; ``lost``,
a piece that was there is not, then or after the next run; ``locked``, the next run fails;
``wrong``, a value that is not that of its file; ``left``, files left over after the next run.
"""

from __future__ import annotations

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import csv
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fault_injection import FULL, KILL, NOTHING, ROOT, outcome, start_again_with_library

sys.path.insert(0, str(ROOT))  # for tests, which are not installed

from hevner.catalog import columns, header, renewal, tables
from hevner.catalog.catalog import Catalog
from hevner.catalog.index_options import Options
from hevner.catalog.query import Query
from hevner.catalog.search import search
from hevner.catalog.writer import HOMES, open_or_create
from hevner.errors import HevnerError
from hevner.lab.metrics.report import write
from tests.catalog.made_up import SPACE, FakeAnalyzer, run, song

RESULTS = Path(__file__).with_name("results") / "catalog_faults.csv"
COLUMNS = ("trials", "hit", "messages", "order", "lost", "locked", "wrong", "left")
PRELOADED = ["tests.catalog.made_up", "hevner.catalog.renewal", "hevner.catalog.search", "lancedb"]
"""Modules that are loaded once for all processes that are cut off."""

OTHER = "model=another window=15"

Values = dict[str, tuple[Any, ...]]


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="try each K-th point of faults")
    parser.add_argument("--random", type=int, default=200, help="kills at random times")
    parser.add_argument("--flips", type=int, default=300, help="changed bits, of each kind")
    parser.add_argument("--pieces", type=int, default=8, help="pieces of the catalogue")
    parser.add_argument(
        "--only", nargs="*", default=[], help="kinds of faults; other rows of the table stay"
    )
    parser.add_argument("--commands", nargs="*", default=list(COMMANDS), help="what is cut off")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the table")
    given = parser.parse_args()
    start_again_with_library()
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    if given.only and given.out.exists():
        with given.out.open(newline="") as file:
            rows = {(row["fault"], row["command"]): row for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as folder:
        for row in _measure(Path(folder), given):
            rows[row["fault"], row["command"]] = row
            write([*rows.values()], given.out, line_end="\r\n")


def _measure(folder: Path, given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    fixture = Fixture(folder, given.pieces)
    wanted = given.only or ["kill", "full", "random", "flip", "flip large"]
    for fault in wanted:
        commands = ["update"] if fault.startswith(("flip", "random")) else given.commands
        for command in commands:
            start = time.perf_counter()
            if fault.startswith("flip"):
                counts = flips(fixture, given.flips, fault == "flip large")
            else:
                mode = {"kill": KILL, "full": FULL}.get(fault)
                counts = cuts(fixture, command, mode, given)
            seconds = round(time.perf_counter() - start)
            row = {"fault": fault, "command": command, **counts, "seconds": seconds}
            print(row, flush=True)
            yield {name: row.get(name, 0) for name in ("fault", "command", *COLUMNS, "seconds")}


class Fixture:
    """Music, and catalogues of it before each command and after it."""

    def __init__(self, folder: Path, pieces: int) -> None:
        self.folder = folder
        self.music = folder / "music"
        self.trial = folder / "trial"
        for number in range(pieces):
            song(self.music / f"{number}.mp3")
        song(self.music / "silent.mp3", "silence")
        self.before = {name: folder / "before" / name for name in COMMANDS}
        first = open_or_create(self.before["update"], SPACE)
        run(self.music, first)
        song(self.music / "0.mp3", "changed once")
        run(self.music, first)
        song(self.music / "0.mp3", "changed")
        (self.music / "1.mp3").rename(self.music / "moved.mp3")
        (self.music / "2.mp3").unlink()
        song(self.music / "new.mp3")
        self.old = values(self.before["update"])
        self.whole = folder / "whole"
        shutil.copytree(self.before["update"], self.whole)
        index(self.whole, self.music)
        self.new = values(self.whole)
        self._damage()
        self._age()

    def _damage(self) -> None:
        """Before mending, the largest file of each table is damaged."""
        folder = self.before["mend"]
        shutil.copytree(self.whole, folder)
        for table in columns.TABLES:
            files = (folder / f"{table}.lance" / "data").iterdir()
            _flip(max(files, key=lambda path: path.stat().st_size), 1000)

    def _age(self) -> None:
        """Before it is renewed, a catalogue is of another model."""
        folder = self.before["renew"]
        shutil.copytree(self.whole, folder)
        found = header.read(folder)
        header.write(folder, header.dataclasses.replace(found, model=OTHER))

    def start(self, command: str) -> Path:
        """A catalogue before a command."""
        shutil.rmtree(self.trial, ignore_errors=True)
        if self.before[command].exists():
            shutil.copytree(self.before[command], self.trial)
        return self.trial


def index(folder: Path, music: Path) -> None:
    """Index, and prune what is gone."""
    run(music, open_or_create(folder, SPACE), prune=True)


def mend(folder: Path, music: Path) -> None:
    """Mend a catalogue, and index."""
    renewal.mend(folder, SPACE, lambda _: FakeAnalyzer(), Options())
    index(folder, music)


def renew(folder: Path, music: Path) -> None:
    """Read the pieces of another model anew, and index; if that is done, index."""
    try:
        index(folder, music)
    except HevnerError as error:
        if error.code not in renewal.CODES:
            raise
        with renewal.renewing(folder, SPACE, None, threading.Event()) as renewed:
            renewed.carry(FakeAnalyzer(), Options())
            run(music, renewed.catalog, prune=True)


COMMANDS: dict[str, Callable[[Path, Path], None]] = {
    "first": index,
    "update": index,
    "mend": mend,
    "renew": renew,
}


def values(folder: Path) -> Values:
    """All that a catalogue says of each path."""
    catalog = Catalog(folder, SPACE)
    moments: Counter[str] = Counter()
    for table in (catalog.moments, catalog.pieces):
        for batch in table.scan(table.schema.names):
            if tables.unsound(tables.pa.Table.from_batches([batch])).any():
                raise AssertionError("a row is not as it was written")
            if table is catalog.moments:
                moments.update(batch["piece"].to_pylist())
    rows = catalog.listing(["id", "path", "status", "valence", "duration", "vector", "place"])
    return {row["path"]: (*(str(row[name]) for name in row), moments[row["id"]]) for row in rows}


def hits(folder: Path) -> list[tuple[Any, ...]]:
    """What searches show."""
    catalog = Catalog(folder, SPACE)
    found: list[tuple[Any, ...]] = []
    for moments in (False, True):
        shown = search(catalog, Query.of(valence=0.4, arousal=0.2, count=5, moments=moments))
        found += [(h.path, h.valence, h.duration, round(h.divergence, 4), h.start) for h in shown]
    return found


# --- processes that are cut off ---


def cuts(
    fixture: Fixture, command: str, mode: int | None, given: argparse.Namespace
) -> Counter[str]:
    """Cut a command off at every point, or at random times if no mode is given."""
    counts: Counter[str] = Counter()
    _cut(fixture, command)  # loads what all others find loaded
    start = time.perf_counter()
    points = int(_cut(fixture, command).get("count", 0))
    lasts = time.perf_counter() - start
    chance = random.Random(0)
    trials = given.random if mode is None else range(1, points + 1, given.every)
    for at in range(trials) if isinstance(trials, int) else trials:
        if mode is None:
            said = _cut(fixture, command, seconds=chance.uniform(0.1, 1) * lasts)
        else:
            said = _cut(fixture, command, mode, at)
        counts["trials"] += 1
        counts["hit"] += "count" not in said
        counts["messages"] += "message" in said
        _judge(fixture, command, counts)
    return counts


def _cut(
    fixture: Fixture, command: str, mode: int = NOTHING, at: int = 0, seconds: float | None = None
) -> dict[str, Any]:
    """Run a command, which is cut off."""
    folder = fixture.start(command)
    return outcome(
        COMMANDS[command], folder, fixture.music, below=folder, modules=PRELOADED, mode=mode, at=at,
        seconds=seconds,
    )  # fmt: skip


def _judge(fixture: Fixture, command: str, counts: Counter[str]) -> None:
    """Read the catalogue as it is now, run the command again, and compare."""
    old = {} if command == "first" else fixture.old if command == "update" else fixture.new
    try:
        _compare(values(fixture.trial), old, fixture.new, counts)
    except HevnerError as error:
        # A catalogue that was not made yet, and those that are to be mended or read anew.
        expected = {"first": ("file_missing", "damaged"), "mend": "damaged", "renew": "other_model"}
        if error.code not in expected.get(command, ()):
            counts["locked"] += 1
            print("not readable:", error, flush=True)
    except AssertionError:
        counts["wrong"] += 1
    try:
        COMMANDS[command](fixture.trial, fixture.music)
        found = values(fixture.trial)
    except BaseException as error:  # noqa: BLE001 - counted, whatever it is
        counts["locked"] += 1
        print("locked:", repr(error), flush=True)
        return
    _compare(found, fixture.new, fixture.new, counts)
    counts["lost"] += bool(set(found) - set(fixture.new))
    used = fixture.trial / header.read(fixture.trial).tables
    left = [*fixture.trial.rglob(".hevner-*"), *(set(fixture.trial.glob(HOMES)) - {used})]
    counts["left"] += bool(left)


def _compare(found: Values, old: Values, new: Values, counts: Counter[str]) -> None:
    """Count what is missing that was there and stays, and values that are of neither state."""
    stays = {path for path in old if old[path] == new.get(path)}
    counts["lost"] += not stays <= set(found)
    counts["wrong"] += any(found[path] not in (old.get(path), new.get(path)) for path in found)


# --- changed bits ---


def flips(fixture: Fixture, count: int, large: bool) -> Counter[str]:
    """Change one bit of a catalogue, read and search it, and mend it."""
    counts: Counter[str] = Counter()
    chance = random.Random(1)
    whole = fixture.folder / "indexed"
    if not whole.exists():
        shutil.copytree(fixture.whole, whole)
        tables.INDEX_ROWS, usual = 4, tables.INDEX_ROWS
        index(whole, fixture.music)
        tables.INDEX_ROWS = usual
    right = hits(whole)
    files = [path for path in sorted(whole.rglob("*")) if path.is_file() and path.stat().st_size]
    files = [path for path in files if path.name not in ("lock", "holder.json")]
    for _ in range(count):
        shutil.rmtree(fixture.trial, ignore_errors=True)
        shutil.copytree(whole, fixture.trial)
        file = fixture.trial / chance.choice(files).relative_to(whole)
        _flip(file, chance.randrange(8 * file.stat().st_size))
        counts["trials"] += 1
        # In a process of its own, which damage may end.
        said = outcome(_read, fixture.trial, large, below=fixture.trial, modules=PRELOADED)
        shown = said.get("result", [])
        counts["messages"] += "message" in said
        counts["wrong"] += "result" not in said and "message" not in said
        values_of = {(hit[0], hit[4]): hit for hit in right}
        counts["wrong"] += any(values_of.get((hit[0], hit[4]), hit) != hit for hit in shown)
        counts["order"] += "result" in said and shown != right
        counts["hit"] += "message" in said or shown != right
        if "result" not in said and "message" not in said:
            print("dies:", file.relative_to(fixture.trial), said, flush=True)
        try:
            mend(fixture.trial, fixture.music)
            _compare(values(fixture.trial), fixture.new, fixture.new, counts)
            counts["wrong"] += hits(fixture.trial) != right
        except BaseException as error:  # noqa: BLE001 - counted, whatever it is
            counts["locked"] += 1
            print("locked:", file.relative_to(fixture.trial), repr(error), flush=True)
    return counts


def _flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def _read(folder: Path, large: bool) -> list[tuple[Any, ...]]:
    """Search a catalogue, as if it were too large to be compared in full when it is opened."""
    if large:
        Catalog.__init__.__defaults__ = (0, None)
    return hits(folder)


if __name__ == "__main__":
    main()
