"""Files that kill their decoder, from end to end: each fails, the others are done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.sounds import music, write

ROOT = Path(__file__).parents[2]

CODES = {
    "a.wav": "",
    "crash.wav": "decoder_crashed",
    "d.wav": "",
    "hang.wav": "decoder_timeout",
    "midway.wav": "decoder_crashed",
    "z.wav": "",
}


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Songs of different content, some with names that `tests.deadly` obeys."""
    for number, name in enumerate(CODES):
        write(tmp_path / "songs" / name, music(3.0 + number / 100))
    return tmp_path / "songs"


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.deadly", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    )


def run(*arguments: object) -> tuple[int, str, str]:
    with start(*arguments) as process:
        out, said = process.communicate(timeout=300)
    return process.returncode, out, said


def test_analyze_goes_on_in_every_run(songs: Path) -> None:
    for known in ("", ", 3 of them known from before"):
        status, out, said = run("analyze", songs, "-f", "jsonl", "--jobs", "2")
        rows = [json.loads(line) for line in out.splitlines()]
        assert {Path(row["path"]).name: row.get("code", "") for row in rows} == CODES
        assert [Path(row["path"]).name for row in rows] == list(CODES)
        assert status == 1
        assert f"3 analysed, 3 failed{known}." in said
        assert "Traceback" not in said


def test_index_goes_on_and_does_not_try_again(songs: Path, tmp_path: Path) -> None:
    status, _, said = run("index", songs, "--into", tmp_path / "catalog", "--jobs", "2")
    assert status == 1
    assert "6 files in" in said
    assert "3 added, 3 failed." in said
    assert said.count("it crashes its decoder") == 2
    assert "Traceback" not in said
    _, _, said = run("index", songs, "--into", tmp_path / "catalog")
    assert "6 unchanged" in said
    assert "3 failed before" in said


@pytest.mark.skipif(sys.platform == "win32", reason="no groups of processes there")
def test_ctrl_c_leaves_the_file_in_work_whole(tmp_path: Path) -> None:
    """A terminal sends it to all processes, and decoding goes on nevertheless."""
    write(tmp_path / "slow.wav", music(30.0))
    write(tmp_path / "z.wav", music(1.0))
    kept = Path(os.environ["HEVNER_CACHE"])
    with start("analyze", tmp_path, "--jobs", "1") as process:
        until = time.monotonic() + 180
        while not (tmp_path / "slow.begun").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Finishing the files in work" in said
    assert len(list(kept.rglob("*.json"))) == 1
