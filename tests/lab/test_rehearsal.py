"""Rehearsals: archives like the published ones, and each paper from them to its tables."""

from __future__ import annotations

import csv
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from typer.testing import CliRunner

from hevner import datasets
from hevner.cli import app
from hevner.cli.rehearse import Paper, Size
from hevner.encoders.jukebox.architecture import ARCHITECTURES
from hevner.encoders.large import LARGE
from hevner.encoders.mert.architecture import SIZES as MERT_SIZES
from hevner.errors import DataError
from hevner.lab import workers
from hevner.lab.cross_dataset import study as cross_dataset
from hevner.lab.rehearsal import archives, reduced, steps, weights
from hevner.lab.rehearsal.music import Piece
from hevner.lab.rehearsal.steps import PAPERS, SIZES, TABLES, Rehearsal, reduce
from hevner.lab.study import claims
from tests.errors import raises

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "papers"


def commands(paper: str) -> list[str]:
    return str(TABLES["papers"][paper]).strip().splitlines()


LONG = re.compile(r"hevner gap|evaluate (?:five_sets_overlapping|at_hand_more|six_sets\.)")
"""Commands that are left to a real rehearsal: others of their kind are run."""


# --- archives ---


@pytest.mark.parametrize("name", archives.MAKERS)
def test_an_archive_is_read_as_the_published_one(name: str, tmp_path: Path) -> None:
    archives.write(name, tmp_path / name, 12, 0.6)
    found = datasets.check(name, tmp_path / name)
    assert found.problems == ()
    assert len(found) >= 12
    assert all(track.media for track in found)
    assert len({track.group for track in found}) >= 6
    before = sorted(tmp_path.rglob("*"))
    archives.write(name, tmp_path / name, 99, 9.0)
    assert sorted(tmp_path.rglob("*")) == before


def test_deam_has_its_defect_and_the_songs_of_emomusic(tmp_path: Path) -> None:
    for name in ("deam", "emomusic"):
        archives.write(name, tmp_path / name, 12, 0.6)
    deam, emomusic = (datasets.check(one, tmp_path / one) for one in ("deam", "emomusic"))
    assert [found.name for found in deam.findings] == ["exchanged-axes", "emomusic-inside"]
    for track in emomusic:
        same = deam[track.id]
        assert same.valence == pytest.approx(track.valence)
        assert same.path.read_bytes() == track.path.read_bytes()


def test_music_carries_its_emotion_a_little() -> None:
    pieces = [Piece(str(number)) for number in range(100)]
    notes = [piece.notes(4.0) for piece in pieces]
    valence, arousal = np.array([piece.emotion for piece in pieces]).T
    assert np.corrcoef(arousal, list(map(len, notes)))[0, 1] > 0.5
    major = [(4 in (own[1::2, 2] - own[::2, 2]) % 12) for own in notes]
    assert 0.3 < np.corrcoef(valence, major)[0, 1] < 0.95
    assert (pieces[0].sound(1.0) == Piece("0").sound(1.0)).all()


# --- recipes ---


def test_a_recipe_is_reduced_and_it_is_said_how() -> None:
    limits = {"seeds": 1, "folds": 3, "steps": 20}
    text = "seeds = 5\nfolds = 2\n[datasets.deam]\nnetwork = { steps = 300, width = 8 }\n"
    found, said = reduce(text, limits)
    assert found == text.replace("seeds = 5", "seeds = 1").replace("300", "20")
    assert said == "seeds 5 to 1, steps 300 to 20"
    whole = '[datasets.deam]\nsplit = "random"\n'
    assert reduce(whole, limits) == (whole.replace("]\n", "]\npartial = true\n"), "")


@pytest.mark.parametrize("paper", PAPERS)
def test_every_table_has_a_command_and_every_command_is_in_the_readme(paper: str) -> None:
    page = (SOURCE / paper / "README.md").read_text("utf-8").replace("\\\n", "")
    shown = {" ".join(line.split()) for line in page.splitlines()}
    assert set(commands(paper)) <= shown
    studied = {path.name for path in (SOURCE / paper).glob("*.toml")}
    run = {name for line in commands(paper) for name in re.findall(r"evaluate (\S+\.toml)", line)}
    assert run == studied


def test_the_choices_are_those_of_the_table() -> None:
    assert get_args(Paper) == PAPERS
    assert get_args(Size) == SIZES


# --- the whole way, in this process ---


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Small encoders, few resamples, no worker processes, weights in a folder of the test's own."""
    for module in (claims, cross_dataset):
        monkeypatch.setattr(module, "RESAMPLES", 4)
    monkeypatch.setattr(claims, "FEW_RESAMPLES", 4)
    for table in (LARGE, MERT_SIZES, ARCHITECTURES):
        for name, value in list(table.items()):
            monkeypatch.setitem(table, name, value)  # so that it is put back
    monkeypatch.setattr(reduced, "put", [])
    for name in TABLES["sizes"]["tiny"]["reduced"]:
        reduced.put_small(name)
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEVNER_OFFLINE", "1")

    def pool(_jobs: int, prepare: Callable[..., None] | None = None, *arguments: Any) -> Any:
        if prepare is not None:
            prepare(*arguments)
        return ThreadPoolExecutor(1)

    monkeypatch.setattr(workers, "pool", pool)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> steps.Run:
    def call(words: Sequence[str], place: Path) -> tuple[float, float]:
        monkeypatch.chdir(place)
        if LONG.search(" ".join(words)):
            return 0.0, 0.0
        if words[0] == "hevner":
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{words}\n{result.output}\n{result.exception!r}"
        elif words[2] == "hevner.lab.rehearsal.archives":
            archives.main(*words[3:])
        elif words[1] == "-m":
            weights.write(words[3], Path(words[4]))
        else:
            monkeypatch.setattr(sys, "argv", list(words[1:]))
            runpy.run_path(str(place / words[1]), run_name="__main__")
        return 1.0, 1.0

    return call


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_from_archives_to_tables(paper: str, tmp_path: Path, run: steps.Run) -> None:
    pytest.importorskip("transformers")
    rehearsal = Rehearsal(paper, "tiny", SOURCE, tmp_path)
    said = rehearsal.prepare()
    assert any(line.startswith("deam.toml: seeds 5 to 1") for line in said) == (paper != "unified")
    for recipe in tmp_path.glob("papers/*/*.toml"):
        # Hundreds of hidden layers, and spaces of a thousand dimensions, would take minutes.
        small = recipe.read_text().replace('kind = "hidden"\n', "")
        recipe.write_text(small.replace("size = 1024\nwidth = 512", "size = 16\nwidth = 16"))
    ran = list(rehearsal.run(run))
    assert [line for line in ran if "hevner.lab.rehearsal." not in line] == commands(paper)
    for line in commands(paper):
        for name in re.findall(r"OUT/(\S+\.csv)", "" if LONG.search(line) else line):
            with (rehearsal.out / name).open(newline="") as file:
                assert len(list(csv.DictReader(file))) > 1, name


# --- stops ---


def test_a_rehearsal_goes_on_with_the_command_that_failed(tmp_path: Path) -> None:
    rehearsal = Rehearsal("unified", "tiny", SOURCE, tmp_path)
    rehearsal.out.mkdir(parents=True)
    ran: list[str] = []

    def fail(words: Sequence[str], _place: Path) -> tuple[float, float]:
        ran.append(words[0])
        if len(ran) == 3:
            raise DataError("enough", code="command_failed")
        (rehearsal.folder / str(len(ran))).write_bytes(bytes(2**19))
        return 2.0, 7.0

    with raises(DataError, "command_failed"):
        list(rehearsal.run(fail))
    first = (rehearsal.out / "rehearsal.csv").read_text().splitlines()
    assert first[0] == "step,command,wall_s,cpu_s,peak_mib,disk_mib"
    assert [line.split(",")[3:] for line in first[1:]] == [["2.0", "7", "0.50"]] * 2
    went_on = list(rehearsal.run(lambda *_: (0.0, 0.0)))
    assert went_on[0] == commands("unified")[1]
    assert list(rehearsal.run(fail)) == []


def test_what_runs_the_commands_stays_small() -> None:
    """Linux counts its memory to the peak of every command."""
    code = "import sys, hevner.cli, hevner.lab.rehearsal.steps; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_command_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    rehearsal = Rehearsal("unified", "tiny", SOURCE, tmp_path)
    rehearsal.out.mkdir(parents=True)
    cpu, peak = rehearsal.process(["python", "-c", "x = bytes(60_000_000)"], tmp_path)
    assert (cpu > 0 and peak > 60) or sys.platform == "win32"
    with raises(DataError, "command_failed", subject="python -c"):
        rehearsal.process(["python", "-c", "raise SystemExit('it broke')"], tmp_path)
    assert "it broke" in (rehearsal.out / "log.txt").read_text()


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(Rehearsal, "prepare", lambda self: self.out.mkdir(parents=True) or ["deam"])
    monkeypatch.setattr(
        Rehearsal, "process", lambda _, words, __: ran.append(list(words)) or (0.0, 0.0)
    )
    result = CliRunner().invoke(app, ["rehearse", "unified", "--size", "tiny", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert len(ran) == len(commands("unified")) + 3  # archives, weights of MERT and the teachers
    assert ran[0][:4] == ["python", "-m", "hevner.lab.rehearsal.archives", "12"]
    assert ran[1] == [
        "hevner",
        "datasets",
        "check",
        "mtg_jamendo",
        str(tmp_path / "unified/data/mtg_jamendo"),
    ]
    assert "Reduced in deam" in result.output
    result = CliRunner().invoke(
        app, ["rehearse", "unified", "-o", str(tmp_path), "--papers", str(tmp_path / "none")]
    )
    assert result.exit_code == 2
