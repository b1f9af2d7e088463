"""Closed and full standard streams, and pieces that come through pipes."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hevner.audio import sources
from hevner.cli import app
from tests import fakes
from tests.sounds import music, write

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not Path("/dev/full").exists(), reason="streams of POSIX systems"
)

ROOT = Path(__file__).parents[2]

VERBS = {"moods": "moods", "help": "--help", "analyze": "analyze SONG -q -f csv --no-cache"}


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("songs") / "song.wav")


def shell(line: str, song: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in which HEVNER is the command over a fake analysis, and SONG a piece."""
    command = f"{sys.executable} -m tests.fakes {song.parent / 'log'} never"
    line = line.replace("HEVNER", command).replace("SONG", str(song))
    done = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    for trouble in ("Traceback", "Exception", "lost sys"):
        assert trouble not in done.stderr
    return done


@pytest.mark.parametrize("verb", VERBS)
def test_results_that_cannot_be_written_are_one_message(verb: str, song: Path) -> None:
    done = shell(f"HEVNER {VERBS[verb]} >/dev/full", song)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Error: standard output: cannot be written (No space left on device)" in done.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_output_wants_no_results(verb: str, song: Path) -> None:
    assert shell(f"HEVNER {VERBS[verb]} >&-", song).returncode == 0


@pytest.mark.parametrize("verb", VERBS)
def test_results_do_not_depend_on_the_other_streams(verb: str, song: Path) -> None:
    usual = shell(f"HEVNER {VERBS[verb]}", song)
    assert usual.returncode == 0
    assert usual.stdout
    for stream in ("2>/dev/full", "<&- 2>&-"):
        done = shell(f"HEVNER {VERBS[verb]} {stream}", song)
        assert (done.returncode, done.stdout) == (0, usual.stdout)


def test_a_file_of_results_needs_no_standard_streams(song: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    done = shell(f"HEVNER analyze SONG -o {output} <&- >&- 2>&-", song)
    assert done.returncode == 0
    assert len(output.read_text().splitlines()) == 2


def test_a_run_with_failures_keeps_its_status_without_messages(song: Path) -> None:
    assert shell("HEVNER analyze SONG missing.wav 2>&-", song).returncode == 1
    assert shell("HEVNER analyze SONG --frobnicate 2>&-", song).returncode == 2


@pytest.mark.parametrize("verb", ["moods", "analyze"])
def test_a_reader_that_goes_away_ends_a_run_in_silence(verb: str, song: Path) -> None:
    done = shell(f"(HEVNER {VERBS[verb]}; echo $? >&2) | true", song)
    assert done.stderr.strip() in ("0", "1")


# Pipes


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("cat SONG | HEVNER analyze - -q -f csv", "-"),
        ("HEVNER analyze - -q -f csv < SONG", "-"),
        ("cat SONG | HEVNER analyze /dev/stdin -q -f csv", "/dev/stdin"),
        ("HEVNER analyze <(cat SONG) -q -f csv", "/dev/fd/63"),
        ("FIFO", "pipe"),
    ],
)
def test_a_piece_may_come_through_a_pipe(line: str, name: str, song: Path, tmp_path: Path) -> None:
    if line == "FIFO":
        name = str(tmp_path / "pipe")
        line = f"mkfifo {name}; cat SONG > {name} & HEVNER analyze {name} -q -f csv"
    done = shell(line, song)
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert done.returncode == 0
    assert (row["path"], row["status"], row["duration"]) == (name, "ok", "2.0")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("HEVNER analyze - -f csv <&-", "it is closed"),
        ("HEVNER analyze - -f csv </dev/null", "the file is empty"),
        ("echo words | HEVNER analyze - -f csv", "not audio"),
    ],
)
def test_a_pipe_without_a_piece_is_a_failed_row(line: str, cause: str, song: Path) -> None:
    done = shell(line, song)
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert done.returncode == 1
    assert (row["path"], row["status"]) == ("-", "failed")
    assert cause in row["cause"]


@pytest.fixture
def _analyzer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hevner.analysis", None)  # put back afterwards
    fakes.install(fakes.FakeAnalyzer())


@pytest.mark.usefixtures("_analyzer")
def test_the_standard_input_is_one_piece_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    other = write(tmp_path / "other.wav", music(1.0))
    call = ["analyze", str(other), "-", "-f", "csv", "--plot", str(tmp_path / "plots")]
    done = CliRunner().invoke(app, call, input=other.read_bytes())
    assert done.exit_code == 0, done.output
    rows = csv.DictReader(io.StringIO(done.stdout))
    assert [row["path"] for row in rows] == [str(other), "-"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.wav", "plots"]


@pytest.mark.usefixtures("_analyzer")
def test_a_pipe_that_never_ends_fails_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sources, "MOST_BYTES", 10_000)
    done = CliRunner().invoke(app, ["analyze", "-", "-f", "csv"], input=b"x" * 20_000)
    assert done.exit_code == 1
    assert "too_large" in done.stdout
    assert list(tmp_path.iterdir()) == []
