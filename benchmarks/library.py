"""A library of free game music on the whole way: index, browse, tag, beets, playlist, assistant.

    python benchmarks/library.py [--tracks 200] [--folder DIR]

The music is that of Debian packages of games, fetched by ``apt-get download`` and unpacked by
``dpkg-deb``; packages that lie unpacked in ``DIR/packages`` are not fetched again. The tracks are
copied, since they are tagged. Every step is the command that a user types. It ends with an error if
a step fails, or if its outcome is not what it should be.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hevner.lab.metrics.report import write

RESULTS = Path(__file__).with_name("results") / "library.csv"

PACKAGES = (
    *("wesnoth-1.16-music", "supertux-data", "hedgewars-data", "extremetuxracer-data"),
    *("freedroidrpg-data", "singularity-music", "warzone2100-music", "asc-music"),
    *("lincity-ng-data", "torus-trooper-data", "trackballs-data", "neverball-data"),
)
ENDINGS = (".ogg", ".mp3", ".flac", ".opus")
LEAST_BYTES = 300_000
"""Smaller files are sounds of things."""


def fetched(folder: Path) -> None:
    """Fetch and unpack the packages that are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGES:
        if (folder / name).exists():
            continue
        subprocess.run(["apt-get", "download", "-q", name], cwd=folder, check=True)
        (archive,) = folder.glob(f"{name}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, folder / name], check=True)
        archive.unlink()


def tracks(packages: Path, most: int) -> list[Path]:
    """Music of the packages, in turn from each."""
    by_package = [
        sorted(
            path
            for path in folder.rglob("*")
            if path.suffix in ENDINGS and path.stat().st_size > LEAST_BYTES and path.is_file()
        )
        for folder in sorted(packages.iterdir())
    ]
    longest = max(map(len, by_package), default=0)
    turns = (some[n] for n in range(longest) for some in by_package if n < len(some))
    seen, found = set(), []
    for path in turns:
        if len(found) == most:
            break
        digest = hashlib.blake2b(path.read_bytes()).digest()
        if digest not in seen:
            seen.add(digest)
            found.append(path)
    return found


class Steps:
    """Commands that are timed, and what they say."""

    def __init__(self, folder: Path, count: int) -> None:
        self.rows: list[dict[str, object]] = []
        self._count = count
        self._folder = folder
        places = {name: str(folder / name) for name in ("HEVNER_CACHE", "HEVNER_HOME", "BEETSDIR")}
        self.environment = os.environ | places

    def run(self, step: str, *words: object, module: str = "hevner") -> str:
        """Run a command; return what it writes to standard output."""
        command = [sys.executable, "-m", module, *map(str, words)]
        return self.time(step, lambda: self._output(command))

    def time(self, step: str, work: Callable[[], str]) -> str:
        """Do a step, and note how long it takes."""
        begin = time.perf_counter()
        said = work()
        seconds = round(time.perf_counter() - begin, 1)
        self.rows.append(
            {"step": step, "tracks": self._count, "seconds": seconds, "load": os.getloadavg()[0]}
        )
        print(f"{step:12} {seconds:7.1f} s", flush=True)
        return said

    def _output(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self._folder, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{' '.join(command[1:])}: {done.stderr[-2000:]}")
        return done.stdout


async def asked(catalog: Path, environment: dict[str, str]) -> dict[str, Any]:
    """What an assistant finds."""
    from mcp import Client, StdioServerParameters

    words = ["-m", "hevner", "mcp", str(catalog)]
    server = StdioServerParameters(command=sys.executable, args=words, env=environment)
    async with Client(server) as client:
        found = await client.call_tool("search", {"mood": "very calm", "count": 5})
        return dict(found.structured_content or {})


def digests(music: Path) -> dict[str, str]:
    """Digests of all files, by name."""
    files = sorted(path for path in music.rglob("*") if path.is_file())
    return {str(path): hashlib.blake2b(path.read_bytes()).hexdigest() for path in files}


def needed(holds: bool, what: str) -> None:
    """End unless the outcome of a step is as it should be."""
    if not holds:
        raise SystemExit(f"not as it should be: {what}")


def way(folder: Path, music: Path, count: int) -> list[dict[str, object]]:
    """Go the whole way; return a row for each step."""
    steps, catalog, before = Steps(folder, count), folder / "catalogue", digests(music)
    steps.run("index", "index", music, "--into", catalog, "--quiet")
    steps.run("index again", "index", music, "--into", catalog, "--quiet")
    browsed = json.loads(steps.run("browse", "browse", catalog, "--all", "-f", "json"))
    needed(len(browsed) > 0.9 * count, f"{len(browsed)} of {count} tracks are browsed")
    groups = json.loads(steps.run("by album", "browse", catalog, "--by", "album", "-f", "json"))
    needed(len(groups) > 1, "there are groups")
    shown = steps.run("dry run", "tag", catalog, "--dry-run", "--sure", "0.5")
    needed("mood" in shown.lower(), "the dry run shows moods")
    needed(digests(music) == before, "a dry run changes no file")
    steps.run("tag", "tag", catalog, "--sure", "0.5", "--quiet")
    tagged = digests(music)
    needed(sum(tagged[path] != before[path] for path in before) > 0.3 * count, "files are tagged")
    steps.run("index tagged", "index", music, "--into", catalog, "--quiet")
    steps.run("undo", "tag", "--undo", "--quiet")
    needed(digests(music) == before, "undo restores every byte")
    steps.run("index undone", "index", music, "--into", catalog, "--quiet")
    settings = (
        f"directory: {folder / 'library'}", f"library: {folder / 'library.db'}",
        "import: {copy: no, autotag: no}", "plugins: hevner",
    )  # fmt: skip
    (folder / "BEETSDIR").mkdir()
    (folder / "BEETSDIR" / "config.yaml").write_text("\n".join(settings))
    steps.run("beets import", "import", "-q", music, module="beets")
    listed = steps.run("beets query", "ls", "arousal:..0", module="beets").splitlines()
    needed(0 < len(listed) < count, f"beets finds {len(listed)} calm tracks")
    evening = folder / "evening.m3u8"
    words = ("--from", "tense", "--to", "very calm", "--minutes", "40", "-o", evening)
    steps.run("playlist", "playlist", catalog, *words)
    needed(evening.read_text("utf-8").count("#EXTINF") > 5, "the playlist has pieces")
    answer = steps.time(
        "assistant", lambda: json.dumps(asyncio.run(asked(catalog, dict(steps.environment))))
    )
    needed(len(json.loads(answer)["hits"]) == 5, "the assistant finds five pieces")
    return steps.rows


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "hevner-games")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    fetched(options.folder / "packages")
    found = tracks(options.folder / "packages", options.tracks)
    with tempfile.TemporaryDirectory(dir=options.folder) as work:
        music = Path(work) / "music"
        for path in found:
            album = path.relative_to(options.folder / "packages").parts[0]
            (music / album).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, music / album / path.name)
        rows = way(Path(work), music, len(found))
    write(rows, options.out, line_end="\r\n")


if __name__ == "__main__":
    main()
