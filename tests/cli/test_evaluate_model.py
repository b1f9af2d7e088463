"""hevner evaluate --model, from audio to table and page, on a few seconds of generated music."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hevner import datasets
from hevner.cli import app
from hevner.defaults import DEFAULT_MODEL
from hevner.lab.data.representations import fingerprints
from hevner.lab.scoring import known, readings
from hevner.store import FeatureStore
from tests.lab.tracks import musemo
from tests.sounds import music, write

CLIPS = 5


def clip(number: int) -> np.ndarray:
    """Six seconds of chords with a melody of its own."""
    rng = np.random.default_rng(number)
    notes = 220 * 2 ** (rng.integers(0, 24, 24) / 12)
    time = np.arange(96_000) / 16_000
    melody = np.sin(2 * np.pi * notes[(time * 4).astype(int)] * time)
    return np.asarray(0.5 * music(6.0) + 0.3 * melody, np.float32)


class World:
    """A dataset of one's own with a silent and a damaged file, and the features of the others."""

    def __init__(self, folder: Path) -> None:
        self.data, self.store = folder / "data", folder / "store"
        lines = ["id,valence,arousal,category,tags"]
        for number in range(CLIPS):
            write(self.data / "audio" / f"{number}.wav", clip(number))
            lines.append(
                f"{number},{number + 2},{8 - number},{'sad' if number % 2 else 'happy'},calm"
            )
        write(self.data / "audio" / "silent.wav", np.zeros(48_000, np.float32))
        (self.data / "audio" / "broken.wav").write_bytes(b"RIFF no sound")
        lines += ["silent,5,5,sad,", "broken,5,5,sad,"]
        (self.data / "annotations.csv").write_text("\n".join(lines))
        (self.data / "layout.toml").write_text('[scales]\nvalence = "1..9"\narousal = "1..9"\n')

    def run(self, out: Path, *more: str, model: str = "unified") -> Result:
        options = ["--model", model, "--data", f"own={self.data}", "--out", str(out), "-j", "1"]
        return CliRunner().invoke(app, ["evaluate", *options, "--store", str(self.store), *more])

    def tracks(self) -> list[datasets.Track]:
        return list(datasets.load("own", self.data))[:CLIPS]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("evaluate"))


def rows_of(out: Path) -> list[dict[str, str]]:
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_from_audio_to_table_and_page(world: World, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    run = world.run(out)
    assert run.exit_code == 1, run.output  # two files failed, the others are scored
    assert "Failed: silent: " in run.output
    assert "Failed: broken: " in run.output
    rows = rows_of(out)
    r = next(row for row in rows if (row["label"], row["metric"]) == ("valence", "r"))
    assert (r["n"], r["groups"], r["dataset"]) == ("5", "5", "own")
    assert float(r["low"]) <= float(r["value"]) <= float(r["high"])
    assert {("category sad", "auc"), ("arousal", "coverage")} <= {
        (row["label"], row["metric"]) for row in rows
    }
    page = out.with_suffix(".html").read_text()
    assert page.count("data:audio/mpeg;base64,") >= 5
    assert "broken" in page

    done = list(readings.prepare(world.tracks(), world.store, "", 1))
    assert not any(one.computed for one in done)  # all is kept
    again = world.run(tmp_path / "again.csv", "--no-sound")
    assert rows_of(tmp_path / "again.csv") == rows, again.output
    assert "base64" not in (tmp_path / "again.html").read_text()


def own_model(folder: Path, world: World, trained: list[datasets.Track]) -> Path:
    """A copy of the shipped model that was trained on some tracks."""
    graph = folder / "mine.onnx"
    for ending in (".onnx", ".json"):
        shutil.copy(DEFAULT_MODEL.with_suffix(ending), graph.with_suffix(ending))
    known.write(graph, trained, fingerprints(FeatureStore(world.store), trained))
    return graph


def test_music_of_training_is_refused_labelled_or_left_out(world: World, tmp_path: Path) -> None:
    list(readings.prepare(world.tracks(), world.store, "", 1))
    model = str(own_model(tmp_path, world, world.tracks()[:2]))
    out = tmp_path / "scores.csv"
    refused = world.run(out, model=model)
    assert refused.exit_code == 1
    assert "2 of 5 tracks of own are known" in refused.output
    assert "(own/" in refused.output
    assert not out.exists()

    world.run(out, "--seen", "drop", "--no-sound", model=model)
    assert {(row["music"], row["n"]) for row in rows_of(out)} == {("unseen", "3")}

    world.run(out, "--seen", "label", "--no-sound", model=model)
    assert {(row["music"], row["n"]) for row in rows_of(out)} == {
        ("seen and unseen", "5"), ("not seen", "3"),
    }  # fmt: skip
    assert 'class="warning"' in out.with_suffix(".html").read_text()


def test_music_that_is_known_by_name_is_refused_before_it_is_analysed(tmp_path: Path) -> None:
    musemo(tmp_path / "musemo", 3)
    options = ["--model", "unified", "--data", str(tmp_path), "--store", str(tmp_path / "store")]
    run = CliRunner().invoke(app, ["evaluate", *options, "--out", str(tmp_path / "a.csv")])
    assert run.exit_code == 1
    assert "1 of 3 tracks of musemo are known to unified-" in run.output
    assert not (tmp_path / "store").exists()


def test_a_dry_run_counts_and_does_nothing(world: World, tmp_path: Path) -> None:
    run = world.run(tmp_path / "scores.csv", "--dry-run")
    assert run.exit_code == 0
    assert "on own: 7 labelled tracks" in run.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        (["--out", "a.csv"], "give one of the two"),
        (["r.toml", "--model", "unified", "--out", "a.csv"], "give one of the two"),
        (["r.toml", "--out", "a.csv"], "is needed for a recipe"),
        (["--model", "unified", "--out", "a.txt"], "must end in .csv"),
        (["--model", "unified", "--out", "a.csv", "--encoder", "x"], "has no meaning"),
        (["--model", "unified", "--out", "a.csv", "--seeds", "2"], "has no meaning"),
        (["--model", "nothing", "--out", "a.csv"], "there is no model 'nothing'"),
        (["--model", "unified", "--out", "a.csv", "--seen", "x"], "'x' is not one of"),
    ],
)
def test_wrong_usage(tmp_path: Path, options: list[str], cause: str) -> None:
    (tmp_path / "own").mkdir()
    run = CliRunner().invoke(app, ["evaluate", *options, "--data", str(tmp_path)])
    assert run.exit_code == 2, run.output
    assert cause in " ".join(run.output.replace("│", " ").split())
