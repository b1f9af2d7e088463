"""From nothing to results: the steps of README and of ``docs/start``, timed in empty environments.

    python benchmarks/first_steps.py dist/hevner-0.2.0-py3-none-any.whl [--data DATA]

Commands and code are those that the pages print, in their order; only the copy of the repository
that they install is the wheel here, and pages that begin with the same installation share an
environment. pip starts without a cache, so that the first installation is that of a fresh machine.
Stand-ins for what a newcomer has: the example pieces as music, and as ``my-labels`` cuts of them
with ratings that are made up. With ``--data``, commands that read datasets are run too; without it
they are left out. ``docs/tried_table.py`` makes the table of ``docs/start/tried.md`` of the result.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for tests, which are not installed

from hevner.lab.metrics.report import write
from tests.documents import blocks, commands, parts, read, sections

RESULTS = ROOT / "benchmarks" / "results" / "first_steps.csv"
README = ("Install", "Use", "Find music", "Serve", "Your own labels", "Research")
PAGES = {"README.md": "\n".join(sections("README.md")[name] for name in README)}
PAGES |= {
    page: read(page)
    for page in ("docs/start/listener.md", "docs/start/developer.md", "docs/start/researcher.md")
}
INSTALL = re.compile(r"pip install '\.(\[.+\])'$")
PREPARED = ("cp ", "python3 -m venv", "source ")
"""How steps begin that `prepare` and `environment` have done already."""

CUT_S = 6.0
RATINGS = {
    "bright_dance": (8.0, 7.0), "calm_evening": (6.5, 2.5), "journey": (6.0, 6.0),
    "slow_lament": (2.5, 2.0), "tense_chase": (3.0, 8.0),
}  # fmt: skip
"""Made-up valence and arousal, on 1..9, of the example pieces."""

FIELDS = (
    "page", "step", "seconds", "cpu_seconds", "exit", "megabytes", "load", "version", "python",
    "date",
)  # fmt: skip
"""Columns: ``load`` is the mean number of processes that wanted a core in the minute before the
step, of the whole machine; ``megabytes`` are those of the environment after an installation;
``exit`` is 1 where a study names datasets that are missing."""

Row = dict[str, object]


@dataclass(frozen=True)
class Place:
    """A newcomer's working directory, and the folder of the programs of the environment."""

    folder: Path
    programs: Path

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables: a home of its own, and nothing of this process's Python."""
        home = self.folder.parent
        own = {
            "HOME": str(home), "HEVNER_HOME": str(home / "hevner"), "BROWSER": "true",
            "PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}",
            "PIP_CACHE_DIR": str(home.parent / "pip"),
        }  # fmt: skip
        return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | own


def prepare(place: Path, data: Path | None) -> Place:
    """What a newcomer has in the working directory, yet without an environment."""
    place.mkdir(parents=True)
    for name in ("examples", "papers"):
        (place / name).symlink_to(ROOT / name)
    for name in ("music", "album"):
        shutil.copytree(ROOT / "examples" / "audio", place / name)
    for name in ("data", "DATA") if data else ():
        (place / name).symlink_to(data.resolve())
    audio = place / "my-labels" / "audio"
    audio.mkdir(parents=True)
    lines = ["id,valence,arousal,group"]
    for piece, (valence, arousal) in RATINGS.items():
        sound, rate = soundfile.read(place / "music" / f"{piece}.ogg")
        size = round(CUT_S * rate)
        for number in range(len(sound) // size):
            name, shift = f"{piece}-{number}", 0.1 * (number % 5)
            soundfile.write(audio / f"{name}.flac", sound[number * size :][:size], rate)
            lines.append(f"{name},{valence - shift},{arousal - shift},{name}")
    (place / "my-labels" / "annotations.csv").write_text("\n".join(lines) + "\n")
    scales = '[scales]\nvalence = "1..9"\narousal = "1..9"\n'
    (place / "my-labels" / "layout.toml").write_text(scales)
    return Place(place, Path())


def environment(place: Path) -> Path:
    """Folder of the programs of an empty environment."""
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    return place / "bin"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Steps of a page: ``sh`` and a command, ``python`` and all code, ``file NAME`` and content."""
    code = "\n".join(blocks(text, "python"))
    for language, content, file in parts(text):
        if file:
            yield f"file {file}", content
        elif language == "sh":
            yield from (("sh", line) for line in content.splitlines())
        elif language == "console":
            yield from (("sh", command) for command, _ in commands(content))
        elif language == "python" and code:
            yield language, code
            code = ""


def timed(work: Callable[[], int]) -> Row:
    """Seconds, processor seconds of child processes and exit status of some work."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    status = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = time.perf_counter() - began
    return {"seconds": f"{seconds:.1f}", "cpu_seconds": f"{used:.1f}", "exit": status}


def served(command: Sequence[str], place: Place) -> int:
    """Serve until the page answers; the status is 0 then."""
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=place.folder, env=place.settings,
        stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stderr is not None
        for line in server.stderr:
            if line.startswith("Listening on"):
                with urllib.request.urlopen(line.split()[2]) as answer:
                    status = int(answer.status != 200)
                server.send_signal(signal.SIGINT)
                server.communicate()
                return status
    return server.returncode or 1


def run(language: str, content: str, place: Place, wheel: Path) -> int:
    """Exit status of a step."""
    if content.startswith("hevner serve"):
        program, *rest = content.split()
        return served([str(place.programs / program), *rest], place)
    command = ["sh", "-c", INSTALL.sub(rf"pip install '{wheel}\1'", content)]
    if language == "python":
        command = [str(place.programs / "python"), "-c", content]
    done = subprocess.run(
        command, cwd=place.folder, env=place.settings, check=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        print(done.stderr[-2000:], flush=True)
    return done.returncode


def size_of(folder: Path) -> int:
    """Megabytes of the files of a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


def walk(text: str, place: Place, wheel: Path, new: bool, data: bool) -> Iterator[Row]:
    """Rows of the steps of a page; of its installation only in a ``new`` environment."""
    first = True
    for language, content in steps(text):
        installs = INSTALL.match(content)
        skipped = content.startswith(PREPARED) or (re.search("data/|DATA", content) and not data)
        if language.startswith("file "):
            (place.folder / language[5:]).write_text(content, encoding="utf-8")
        elif not skipped and (new or not (installs and first)):
            load = f"{os.getloadavg()[0]:.1f}"
            row = timed(partial(run, language, content, place, wheel))
            row["megabytes"] = size_of(place.programs.parent) if installs else ""
            row["load"] = load
            row["step"] = "the code in Python" if language == "python" else content
            print(f"{row['step']}: {row['seconds']} s, exit status {row['exit']}", flush=True)
            yield row
        first &= not installs


def main() -> None:
    """Walk all pages, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, help="the wheel, as 'make release' builds it")
    parser.add_argument("--data", type=Path, help="folder of datasets, MusEmo among them")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    wheel = options.wheel.resolve()
    about: Row = {
        "version": wheel.name.split("-")[1],
        "python": ".".join(map(str, sys.version_info[:3])),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        environments: dict[str, Path] = {}
        for number, (page, text) in enumerate(PAGES.items()):
            home = Path(scratch) / f"home{number}"
            place = prepare(home / "work", options.data)
            extras = next(found[1] for _, step in steps(text) if (found := INSTALL.match(step)))
            new = extras not in environments
            if new:
                environments[extras] = environment(home / "venv")
            place = replace(place, programs=environments[extras])
            walked = walk(text, place, wheel, new, options.data is not None)
            rows += [{"page": page, **row, **about} for row in walked]
    write(rows, options.out, FIELDS, "\r\n")


if __name__ == "__main__":
    main()
