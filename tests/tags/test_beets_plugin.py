"""The plug-in with beets itself: at import, on demand, and in queries."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("beets")

from tests.cli.test_docs import assert_shown
from tests.documents import ROOT

EXAMPLES = ROOT / "examples" / "audio"
PAGE = (ROOT / "docs" / "beets.md").read_text("utf-8")
NAMES = ("calm_evening", "slow_lament", "tense_chase")
FORM = "$path|$valence|$arousal|$tension|$mood|$hevner_key|$bpm"


class Beets:
    """A library of beets in a folder, and the folder of hevner's cache."""

    def __init__(self, folder: Path, cache: Path, *lines: str) -> None:
        self.folder, self.cache = folder, cache
        self.music = folder / "music"
        self.music.mkdir(parents=True)
        for name in NAMES:
            shutil.copy(EXAMPLES / f"{name}.ogg", self.music)
        settings = (
            f"directory: {folder / 'library'}", f"library: {folder / 'library.db'}",
            "import: {copy: no, autotag: no}", *lines,
        )  # fmt: skip
        (folder / "config.yaml").write_text("\n".join(settings))

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "beets", *arguments],
            capture_output=True, text=True, cwd=self.folder, timeout=600,
            env=os.environ | {"BEETSDIR": str(self.folder), "HEVNER_CACHE": str(self.cache)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    def found(self, *query: str) -> dict[str, list[str]]:
        """The fields of what a query finds, by the name of the file."""
        lines = self("ls", *query, "-f", FORM).stdout.splitlines()
        return {Path(path).stem: fields for path, *fields in (line.split("|") for line in lines)}


@pytest.fixture(scope="module")
def beets(tmp_path_factory: pytest.TempPathFactory) -> Beets:
    """A library whose music was analysed as it was imported."""
    first, settings = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    folder, cache = tmp_path_factory.mktemp("beets"), tmp_path_factory.mktemp("cache")
    beets = Beets(folder, cache, first, settings)
    console = re.search(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert console is not None
    for entry in re.split(r"^\$ ", console[1], flags=re.MULTILINE)[1:]:
        command, _, shown = entry.partition("\n")
        program, *arguments = shlex.split(command)
        assert program == "beet"
        assert_shown(shown, beets(*arguments).stdout)
    return beets


def test_music_is_found_by_its_emotion(beets: Beets) -> None:
    """Beside the queries of the page, which the library has answered by now."""
    found = beets.found("tension:-1..1")
    assert set(found) == {*NAMES}
    valence, arousal, tension, *rest = found["slow_lament"]
    values = [float(valence), float(arousal), float(tension)]
    assert values == pytest.approx([-0.260, -0.413, -0.364], abs=0.02)
    # No bpm: it may be 60, 40 or 119.
    assert rest == ["meditative; relaxing", "Dm", "0"]


def test_a_second_run_analyses_what_has_no_emotion_yet(beets: Beets) -> None:
    beets("modify", "-y", "-W", "path::tense", "valence!", "bpm=77")
    said = beets("-v", "hevner").stderr
    assert "tense_chase.ogg: between tense and happy" in said
    assert "slow_lament" not in said
    found = beets.found("valence:-1..")
    assert set(found) == {*NAMES}
    assert found["tense_chase"][-1] == "77"  # what was there stays


def test_it_waits_to_be_asked_and_one_bad_file_is_a_warning(tmp_path: Path, beets: Beets) -> None:
    other = Beets(tmp_path, beets.cache, "plugins: hevner", "hevner: {auto: no, sure: 0.2}")
    other("import", "-q", str(other.music))
    (other.music / "tense_chase.ogg").write_bytes(b"no music any more")
    assert "tense_chase.ogg" in other("hevner").stderr
    found = other.found("valence:-1..")  # none before, as all three would have one
    assert set(found) == {"calm_evening", "slow_lament"}
    assert found["slow_lament"][-1] == "60"
