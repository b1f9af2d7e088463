"""``hevner train`` and ``hevner evaluate`` with recipes of the shipped models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from hevner.cli import app
from hevner.cli.model_recipes import read
from hevner.errors import DataError
from tests.errors import raises
from tests.lab.test_corpus import musemo

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
SHIPPED = ("unified", "joint", "harmony", "rhythm", "tags")


def call(verb: str, recipe: str, place: Path, *more: str | Path) -> Result:
    where = ["--data", place / "data", "--store", place / "store"]
    words = [verb, RECIPES / f"{recipe}.toml", *where, *more]
    return CliRunner().invoke(app, [str(word) for word in words])


def test_recipes_of_models_are_told_from_studies(tmp_path: Path) -> None:
    found = {name: type(read(RECIPES / f"{name}.toml")).__name__ for name in SHIPPED}
    kinds = ("DefaultRecipe", "SpaceRecipe", "HarmonyRecipe", "RhythmRecipe", "TagTeacherRecipe")
    assert found == dict(zip(SHIPPED, kinds, strict=True))
    assert {read(path) for path in ROOT.glob("papers/*/at_hand.toml")} == {None}
    assert read(tmp_path) is None
    with raises(DataError, "file_missing"):
        read(tmp_path / "none.toml")


def test_the_harmony_recipe_is_checked(tmp_path: Path) -> None:
    recipe = tmp_path / "harmony.toml"
    text = (RECIPES / "harmony.toml").read_text("utf-8")
    recipe.write_text(text.replace("steps = 2500", "steps = 0"))
    words = [recipe, "--data", tmp_path, "--store", tmp_path, "--out", tmp_path / "out.csv"]
    for verb in ("train", "evaluate"):
        done = CliRunner().invoke(app, [verb, *map(str, words)])
        assert done.exit_code == 2
        assert "$.steps is 0" in done.stderr


@pytest.mark.parametrize("verb", ["train", "evaluate"])
@pytest.mark.parametrize("recipe", ["unified", "joint"])
def test_a_dry_run_counts_tracks_and_names_what_is_missing(
    verb: str, recipe: str, tmp_path: Path
) -> None:
    musemo(tmp_path / "data" / "musemo", 3)
    done = call(verb, recipe, tmp_path, "--out", tmp_path / "out.csv", "--dry-run")
    assert done.exit_code == 1
    assert done.stdout == "musemo: 3 tracks\n"
    missing = [line.split(":")[1].strip() for line in done.stderr.splitlines()]
    others = {"musifeast", "quadrants4q", "mirex", "emotify", "film", "vgmidi", "emopia"}
    assert set(missing) == others
    assert len(missing) == len(others)
    assert not (tmp_path / "out.csv").exists()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("recipe", "script"),
    [("harmony", "harmony"), ("modes", "key"), ("rhythm", "tempo"), ("tags", "tags")],
)
def test_facts_are_measured_by_a_benchmark(recipe: str, script: str, tmp_path: Path) -> None:
    done = call("evaluate", recipe, tmp_path, "--out", tmp_path / "out.csv")
    assert done.exit_code == 2
    assert f"benchmarks/{script}.py" in done.stderr
    assert (ROOT / "benchmarks" / f"{script}.py").exists()


@pytest.mark.parametrize("recipe", ["harmony", "modes", "rhythm"])
def test_a_dry_run_of_a_network_of_music_counts_songs(recipe: str, tmp_path: Path) -> None:
    for song in ("001", "002", "019"):
        (tmp_path / "data" / "pop909" / song).mkdir(parents=True)
    done = call("train", recipe, tmp_path, "--out", tmp_path / "out.csv", "--dry-run")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "pop909: 2 songs to train on\n"


def test_dry_runs_need_no_torch(tmp_path: Path) -> None:
    lines = [
        *(f"train recipes/{name}.toml" for name in SHIPPED),
        *(f"evaluate recipes/{name}.toml" for name in ("unified", "joint")),
        "train papers/unified/at_hand.toml --row multi-task",
        *(f"evaluate {path.relative_to(ROOT)}" for path in ROOT.glob("papers/*/at_hand.toml")),
        "probe --encoder x --states 4 --dataset musemo",
    ]
    musemo(tmp_path / "data" / "musemo", 3)
    (tmp_path / "data" / "pop909" / "001").mkdir(parents=True)
    script = (
        "import importlib.machinery as m\nusual = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = lambda n, *a: None if n == 'torch' else usual(n, *a)\n"
        "from typer.testing import CliRunner\nfrom hevner.cli import app\n"
        f"for line in {lines}:\n"
        f"    where = ['--data', {str(tmp_path / 'data')!r}, '--store', {str(tmp_path)!r},\n"
        f"             '--out', {str(tmp_path / 'out.csv')!r}, '--dry-run']\n"
        "    done = CliRunner().invoke(app, [*line.split(), *where])\n"
        "    assert isinstance(done.exception, (SystemExit, type(None))), line\n"
        "    assert 'needs torch' not in done.stderr, (line, done.stderr)\n"
        "    assert 'Missing: ' in done.stderr or 'songs' in done.output, (line, done.output)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("verb", "recipe", "module"),
    [
        ("train", "unified", "hevner.lab.default.fit.train"),
        ("train", "joint", "hevner.lab.space.fit.train"),
        ("train", "harmony", "hevner.lab.music.harmony.train"),
        ("evaluate", "unified", "hevner.lab.default.evaluate.evaluate"),
        ("evaluate", "joint", "hevner.lab.space.evaluate.measure"),
    ],
)
def test_a_recipe_leads_to_its_own_work(
    verb: str, recipe: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    (tmp_path / "data" / "pop909" / "001").mkdir(parents=True)
    (tmp_path / "data" / "pop909" / "019").mkdir()
    given: list[Any] = []

    def work(*arguments: Any) -> Any:
        given.extend(arguments)
        if verb == "evaluate":
            return [{"metric": "r", "value": 0.5}]
        return SimpleNamespace(save=lambda out: np.savez(out, x=[1.0]))

    monkeypatch.setattr(module, work)
    out = tmp_path / ("out.csv" if verb == "evaluate" else "out.npz")
    done = call(verb, recipe, tmp_path, "--out", out, "--jobs", "2")
    assert done.exit_code == 0, done.output
    if recipe == "harmony":
        assert tmp_path / "data" / "pop909" in given
    else:
        assert given[0].name == recipe
        assert given[1]["emopia"] == tmp_path / "data" / "emopia"
        assert given[2] == tmp_path / "store"
    if verb == "evaluate":
        assert out.read_text() == "metric,value\nr,0.5\n"
    assert str(out) in done.stderr


@pytest.mark.parametrize(
    ("recipe", "option"),
    [
        ("unified", ["--encoder", "mert-v1-95m"]),
        ("joint", ["--card", "x.json"]),
        ("harmony", ["--seeds", "2"]),
    ],
)
def test_options_of_other_recipes_are_refused(
    recipe: str, option: list[str], tmp_path: Path
) -> None:
    done = call("evaluate", recipe, tmp_path, "--out", tmp_path / "out.csv", *option)
    assert done.exit_code == 2
    assert "has no meaning" in done.stderr


def test_a_study_is_no_recipe_to_train(tmp_path: Path) -> None:
    words = ["train", "papers/distribution_gap/at_hand.toml", "--data", ".", "--store", "x"]
    assert CliRunner().invoke(app, [*words, "--out", "y"]).exit_code == 2
    done = call("train", "unified", tmp_path, "--out", "x", "--row", "one")
    assert done.exit_code == 2
    assert "has no rows" in done.stderr
