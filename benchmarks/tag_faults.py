"""Break `hevner tag` in every way that can be arranged, and count files that are damaged or lost.

    python benchmarks/tag_faults.py [--runs N] [--first N] [--out CSV]

Each run takes a seed, and from it one of nine containers, what is in the file's tags before
(nothing, those of its encoder, a title in many scripts, a mood and tempo of its own, a large
picture, old kinds of tags), a name (letters of many scripts, quotes, bytes that are not UTF-8),
options, and a fault:

none, link, edited
    No fault; the file is reached by a symbolic link; its tags are changed by another program
    between writing and undoing.
kill, full
    The process is killed, or the disk is full, from a change of a file on: each write, creation,
    rename and removal counts, and each is as likely.
kill undo, full undo
    Likewise while the file is restored, which is then tried again.
read-only, hard link
    The file must be left alone, with a message.

The file is first tagged without a fault: its samples, as FFmpeg decodes them, and all its other
tags must be as before. After the fault it must be byte by byte the old or the new one, and after
undoing the old one, or a message says that it is not restored and it stays as it is.

Changes are counted by a library in C (`fault_injection`).
Columns: ``runs``; ``hit``, those in which the fault came before the end; ``tagged``, those after
which the file has the new tags; ``restored``, those whose bytes came back, and ``refused``, those
where a message says why not; ``damaged``, files that are neither old nor new, or sound otherwise,
or lost other tags; ``wrong``, what was said is not what was done; ``left``, files left over after
the next run.
"""

from __future__ import annotations

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fault_injection import FULL, KILL, NOTHING, ROOT, outcome, start_again_with_library

sys.path.insert(0, str(ROOT))  # for tests, which are not installed

from hevner.files import sweep_parts
from hevner.lab.metrics.report import write
from hevner.tags import journal, writing
from hevner.tags.containers import TaggedFile
from hevner.tags.values import Values
from tests.tags.tagged_music import CONTAINERS, STATES, make, sound

RESULTS = Path(__file__).with_name("results") / "tag_faults.csv"
MODES = {"kill": KILL, "full": FULL, "kill undo": KILL, "full undo": FULL}
FAULTS = ("kill", "full", "kill undo", "full undo") * 2 + (
    "none", "link", "edited", "read-only", "hard link",
)  # fmt: skip
"""Faults; a run takes one of them."""

PRELOADED = ("tests.tags.tagged_music", "hevner.tags.writing")
"""Modules that are loaded once for all processes that are cut off."""

NAMES = ("song", "Ночь 夜 🎻", "a'b\"c; $(x) {analysis}", "caf\udce9", "-x", "n" * 200)
COLUMNS = ("runs", "hit", "tagged", "restored", "refused", "damaged", "wrong", "left")
VALUES: Values = {
    "mood": ("sad", "gloomy"),
    "tempo": ("60",),
    "key": ("Dm",),
    "valence": ("37",),
    "words": ("perhaps sad, gloomy",),
}


@dataclass(frozen=True)
class Case:
    """A run: what a seed decides."""

    seed: int
    container: str
    state: str
    name: str
    fault: str
    values: Values
    overwrite: bool
    keep_times: bool
    point: float

    @classmethod
    def of(cls, seed: int) -> Case:
        """The run of a seed."""
        chance = random.Random(seed)
        fields = chance.sample(sorted(VALUES), chance.randint(1, len(VALUES)))
        return cls(
            seed, chance.choice(sorted(CONTAINERS)), chance.choice(STATES), chance.choice(NAMES),
            chance.choice(FAULTS), {field: VALUES[field] for field in fields},
            chance.random() < 0.5, chance.random() < 0.5, chance.random(),
        )  # fmt: skip


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="number of runs")
    parser.add_argument("--first", type=int, default=0, help="seed of the first run")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the table")
    given = parser.parse_args()
    start_again_with_library()
    counts: dict[tuple[str, str], Counter[str]] = {}
    start = time.perf_counter()
    for seed in range(given.first, given.first + given.runs):
        case = Case.of(seed)
        with tempfile.TemporaryDirectory() as folder:
            found = Trial(case, Path(folder)).run()
        if found["damaged"] or found["wrong"] or found["left"]:
            print(case, dict(found), flush=True)
        for key in ((case.fault, case.container), (case.fault, "all"), ("all", "all")):
            counts.setdefault(key, Counter()).update(found)
        if seed % 100 == 99:
            print(seed + 1, round(time.perf_counter() - start), "s", flush=True)
    rows = [
        {"fault": fault, "container": container} | {name: found[name] for name in COLUMNS}
        for (fault, container), found in sorted(counts.items())
    ]
    write(rows, given.out, line_end="\r\n")
    print(dict(counts["all", "all"]))


class Trial:
    """One run in a folder of its own."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case = case
        self.music, self.log = folder / "music", folder / "journal.jsonl"
        self.music.mkdir()
        self.path = make(self.music / f"{case.name}.{case.container}", case.state)
        self.file, self.before = self.path, _other_tags(self.path)
        self.old, self.sound = self.path.read_bytes(), sound(self.path)
        if case.fault == "link":
            (folder / "elsewhere").mkdir()
            self.path = folder / "elsewhere" / self.file.name
            self.path.symlink_to(self.file)
        self.count: Counter[str] = Counter(runs=1)

    def run(self) -> Counter[str]:
        """Tag, break, judge, restore and judge again."""
        points = self._whole()
        self.new = self.file.read_bytes()
        if self.case.fault in ("kill", "full", "read-only", "hard link"):
            self._start_again()
            self._break(points)
        self._restore()
        for part in self.music.glob(".hevner-*"):
            os.utime(part, (0, 0))
        sweep_parts(self.music, 60)
        self.count["left"] += bool(list(self.music.glob(".hevner-*")))
        return self.count

    def _whole(self) -> int:
        """Tag without a fault; the file must sound and say the same as before."""
        said = self._child(tag)
        self.count["damaged"] += sound(self.file) != self.sound
        self.count["damaged"] += _other_tags(self.file) != self.before
        found = TaggedFile(self.file)
        for field, texts in self.case.values.items():
            is_there = self.case.state == "there" and field in ("mood", "tempo")
            if self.case.overwrite or not is_there:
                has = "; ".join(found.values(field)) == "; ".join(texts)
                self.count["wrong"] += not has and field != "words"
        self.count["wrong"] += "count" not in said
        return int(said.get("count", 0))

    def _start_again(self) -> None:
        self.file.write_bytes(self.old)
        self.log.unlink(missing_ok=True)

    def _break(self, points: int) -> None:
        fault = self.case.fault
        if fault == "read-only":
            self.file.chmod(0o444)
        elif fault == "hard link":
            os.link(self.file, self.music / f"other.{self.case.container}")
        said = self._child(tag, MODES.get(fault, NOTHING), 1 + int(self.case.point * points))
        content = self.file.read_bytes()
        is_new = content == self.new != self.old
        self.count["hit"] += "count" not in said
        self.count["tagged"] += is_new
        self.count["damaged"] += content not in (self.old, self.new)
        if fault in ("read-only", "hard link") and self.new != self.old:
            self.count["wrong"] += "message" not in said or is_new
        self.count["wrong"] += "traceback" in said
        self.count["wrong"] += "count" in said and content != self.new
        # A folder may be full once the file is in its place: then the message is about that.
        self.count["wrong"] += "message" in said and is_new and fault != "full"

    def _restore(self) -> None:
        fault = self.case.fault
        if fault == "edited" and self.new != self.old:
            TaggedFile(self.file).put({"tension": ("edited elsewhere",)})
        now = self.file.read_bytes()
        if fault.endswith("undo"):
            points = int(self._child(undo).get("count", 0))
            self.file.write_bytes(now)
            said = self._child(undo, MODES[fault], 1 + int(self.case.point * points))
            self.count["hit"] += "count" not in said
            self.count["damaged"] += self.file.read_bytes() not in (self.old, self.new)
            self.count["wrong"] += "traceback" in said
        said = self._child(undo)
        content = self.file.read_bytes()
        self.count["restored"] += content == self.old
        if content != self.old:
            self.count["refused"] += "message" in said
            self.count["damaged"] += content != now or fault != "edited"
            self.count["wrong"] += "message" not in said
        self.count["wrong"] += "traceback" in said
        self.count["wrong"] += self.path != self.file and not self.path.is_symlink()

    def _child(self, task: Callable[..., None], mode: int = NOTHING, at: int = 0) -> dict[str, Any]:
        """Tag or undo in a process of its own."""
        return outcome(
            task, self.case, self.path, self.log, below=self.log.parent, modules=PRELOADED,
            mode=mode, at=at,
        )  # fmt: skip


def tag(case: Case, path: Path, log: Path) -> None:
    """Write the tags of a run."""
    wanted = writing.changes(path, case.values, case.overwrite)
    if wanted:
        writing.write(path, wanted, journal.Journal(log), case.keep_times)


def undo(_case: Case, _path: Path, log: Path) -> None:
    """Restore what was changed, the last change first."""
    for entry in reversed(journal.entries(log) if log.exists() else []):
        writing.undo(entry)


def _other_tags(path: Path) -> dict[str, Any]:
    """All tags but those that are written here."""
    return TaggedFile(path).rest(list(VALUES))


if __name__ == "__main__":
    main()
