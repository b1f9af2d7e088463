"""The guide `docs/own_models.md`, command by command, with clips that are made up."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the service needs the extra 'serve'")

from hevner.client import Client
from tests.cli.test_docs import run_console
from tests.documents import BLOCK, ROOT
from tests.loopback import only_this_machine  # noqa: F401 - talks to the server
from tests.sounds import write

RATE = 16_000


def clip(number: int, seconds: float) -> np.ndarray:
    """A chord, minor for odd numbers, that is struck more often the higher the number's rest."""
    time = np.arange(round(seconds * RATE)) / RATE
    root = 220 * 2 ** (np.random.default_rng(number).integers(0, 12) / 12)
    chord = root * np.array([1, 1.19 if number % 2 else 1.26, 1.5])
    tone = np.sin(2 * np.pi * chord * time[:, None]).mean(axis=1)
    return np.asarray(0.4 * tone * np.exp(-4 * (time * (1 + number % 4) % 1)), np.float32)


def fill_in(table: Path) -> None:
    """Rate the clips of a table that ``hevner datasets new`` has begun."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "valence", "arousal", "category"]
    for row in rows:
        number = int(Path(row["id"]).stem)
        minor, pace = number % 2, number % 4
        mood = "dark" if minor else "bright"
        row |= {"valence": f"{7 - 4 * minor}", "arousal": f"{2 + 2 * pace}", "category": mood}
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)


def serve(words: list[str], song: Path) -> None:
    """Run ``hevner serve`` as the guide does, but on a port that is free, and send it a song."""
    command = [sys.executable, "-m", "hevner", *words, "--port", "0", "--state", "state"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            client = Client(line.split()[2].rstrip("/"))
            assert client.analyze(song).model == "mine-1"
            assert {piece["name"] for piece in client.pieces()} == {"first.wav", "second.wav"}
        finally:
            process.kill()


def score(table: Path, label: str, metric: str) -> float:
    with table.open(encoding="utf-8", newline="") as file:
        (found,) = (
            float(row["value"])
            for row in csv.DictReader(file)
            if (row["label"], row["metric"]) == (label, metric)
        )
    return found


def test_from_labels_to_a_model_that_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, numbers in (("mine", range(16)), ("check", range(20, 26))):
        for number in numbers:
            write(tmp_path / folder / "audio" / f"{number}.wav", clip(number, 3.5))
    for number, name in ((30, "first"), (33, "second")):
        write(tmp_path / "music" / f"{name}.wav", clip(number, 6.0))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    blocks = BLOCK.findall((ROOT / "docs" / "own_models.md").read_text("utf-8"))
    assert [language for language, _ in blocks].count("console") == 6
    for language, content in blocks:
        if language == "python":
            exec(compile(content, "own_models.md", "exec"), names)
            continue
        for entry in re.split(r"^(?=\$ )", content, flags=re.MULTILINE)[1:]:
            words = entry.partition("\n")[0].split()[2:]
            if words[0] == "serve":
                serve(words, tmp_path / "music" / "first.wav")
            else:
                run_console(entry)
            if words[:2] == ["datasets", "new"]:
                fill_in(tmp_path / words[2] / "annotations.csv")
    shown = capsys.readouterr().out
    assert shown.startswith("mine-1 Estimate(")
    assert "'bright': " in shown
    valence = {name: score(Path(f"{name}.csv"), "valence", "r2") for name in ("shipped", "mine")}
    assert valence["mine"] > max(valence["shipped"], 0.3)
    assert json.loads(Path("catalogue/catalog.json").read_text())["model_name"] == "mine-1"
