"""A small space and analyses that are made up, so that tests are quick."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hevner.catalog import sources
from hevner.catalog.analyze_file import AnalyzedFile, places
from hevner.catalog.catalog import Catalog
from hevner.catalog.index_options import Options, Summary
from hevner.catalog.indexing import index
from hevner.errors import AudioError
from hevner.features import Pooled
from hevner.model.description import CURVE_POINTS
from hevner.model.space import Points
from hevner.object_path import Location
from hevner.result import Analysis
from tests import joint_world

SPACE = joint_world.space()


def musics(count: int, seed: int = 0) -> Points:
    """Musics all over the space."""
    mean = np.random.default_rng(seed).normal(size=(count, joint_world.AXES)).astype(np.float32)
    return SPACE._at(mean)


def rows(points: Points) -> list[dict[str, object]]:
    """The columns ``vector`` and ``place`` of musics."""
    vectors = SPACE.music_vectors(points)
    return [{"vector": v, "place": p} for v, p in zip(vectors, places(points), strict=True)]


def piece(number: int, **columns: object) -> dict[str, object]:
    """A row of the table of pieces."""
    return {
        "id": f"{number:040x}",
        "path": f"/music/{number}.mp3",
        "name": f"{number}.mp3",
        "size": number,
        "mtime": 1,
        "duration": 100.0 + number,
        "status": "ok",
        **rows(musics(1, number))[0],
        **columns,
    }


def song(path: Path, text: str = "") -> Path:
    """A file that `FakeAnalyzer` can analyse; its content is a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or path.name)
    return path


class FakeAnalyzer:
    """Makes up two moments for every text, and remembers the files.

    A text that begins with ``silence`` is silent, one with ``speech`` is no music, one with
    ``noise`` fails.

    Parameters
    ----------
    meanwhile
        Called with the path while a file is analysed.
    """

    def __init__(self, meanwhile: Callable[[Path], None] = lambda _path: None) -> None:
        self.asked: list[str] = []
        self._meanwhile = meanwhile

    def analyze(self, path: Path, /) -> AnalyzedFile:
        self.asked.append(path.name)
        text = path.read_text()
        self._meanwhile(path)
        if text.startswith("noise"):
            raise AudioError("this is noise", remedy="Play music", subject=str(path))
        if text.startswith("silence"):
            return AnalyzedFile({"status": "silent", "duration": 3.0, "tags": []}, [])
        if text.startswith("speech"):
            said = {"status": "no_music", "duration": 3.0, "tags": [], "cause": "this is speech"}
            return AnalyzedFile(said, [])
        return self.again(pooled(text))

    def again(self, pooled: Pooled) -> AnalyzedFile:
        text = pooled.facts.headline
        seed = int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)
        whole, first, second = rows(musics(3, seed))
        columns = {"status": "ok", "duration": 18.0, "valence": 0.5, "tags": ["calm", "happy"]}
        return AnalyzedFile(
            {**columns, "curve": np.zeros(2 * CURVE_POINTS, np.float16), **whole},
            [{"start": 0.0, "end": 9.0, **first}, {"start": 9.0, "end": 18.0, **second}],
            pooled,
        )


def pooled(text: str) -> Pooled:
    """Features of a text, as far as `FakeAnalyzer` needs them."""
    facts = Analysis(path="", status="ok", duration=18.0, model="", headline=text)
    some = np.zeros((2, 4), np.float32)
    return Pooled(facts, 18.0, 0.0, 18.0, np.arange(2.0), np.ones(2, bool), some[0], some)


def run(
    folder: Location, catalog: Catalog, analyzer: FakeAnalyzer | None = None, **options: object
) -> Summary:
    """Index a folder."""
    found, _ = sources.find([folder])
    how = Options(**options)  # type: ignore[arg-type]
    return index(found, [folder], catalog, analyzer or FakeAnalyzer(), how)


def state(folder: Path) -> tuple[dict[str, tuple[str, str]], dict[str, int]]:
    """What a catalogue holds: id and status by path, number of moments by id."""
    catalog = Catalog(folder, SPACE)
    pieces = {
        row["path"]: (row["id"], row["status"]) for row in catalog.listing(["path", "id", "status"])
    }
    assert len(pieces) == catalog.pieces.count()
    moments: dict[str, int] = {}
    for batch in catalog.moments.scan(["piece"]):
        for one in batch.to_pylist():
            moments[one["piece"]] = moments.get(one["piece"], 0) + 1
    return pieces, moments


if __name__ == "__main__":
    # python -m tests.catalog.made_up LOG GO index ...: the command line over fakes. Names of files
    # are written to LOG when they are begun, and none is done until GO exists.
    import hevner.catalog.analyze_file
    import hevner.model.space
    from hevner.cli import main

    begun, go = map(Path, sys.argv[1:3])

    def hold(path: Path) -> None:
        with begun.open("a") as log:
            log.write(f"{path.name}\n")
        while True:
            time.sleep(0.5)
            if go.exists():
                return

    fake = FakeAnalyzer(hold)
    hevner.model.space.load = joint_world.space  # type: ignore[assignment]
    hevner.catalog.analyze_file.FileAnalyzer = lambda *_: fake  # type: ignore[assignment, misc]
    del sys.argv[1:3]
    main()
