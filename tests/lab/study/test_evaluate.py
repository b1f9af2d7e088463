"""``hevner evaluate`` runs every kind of study the same way: dry run, tables, claims, going on."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from hevner.cli import app
from hevner.lab.study import claims, kept
from hevner.store import FeatureStore
from hevner.store.imports import Source, import_features

COUNT = 40
HEAD = """
name = "own"
seeds = 1
folds = 2
leaks = "refuse"
soundfont = ""
"""
RECIPES = {
    "cross-dataset": """
[datasets.own]
[representations]
x = ["x"]
y = ["y"]
[models.ridge]
[[protocols]]
name = "in-domain"
[[claims]]
claim = "x is better"
first = { representation = "x" }
second = { representation = "y" }
""",
    "unified": """
[datasets.own]
[heads.own]
kind = "values"
source = "emotion"
datasets = ["own"]
[base]
variant = "repaired"
datasets = ["own"]
heads = ["own"]
protocols = ["folds"]
chords = false
key = false
held_out = 0.0
steps = 60
network = { width = 8, hidden = 4, dropout = 0.0 }
training = { learning_rate = 3e-2, batch = 20, patience = 99 }
[[rows]]
name = "x"
blocks = ["x"]
[[rows]]
name = "y"
blocks = ["y"]
[[claims]]
claim = "x is better"
first = "x"
second = "y"
""",
    "joint": """
[datasets.own]
emotion = "point"
blocks = ["x"]
[[spaces]]
name = "regressor"
method = "regressor"
[[spaces]]
name = "random"
method = "random"
[[claims]]
claim = "x is better"
first = "regressor"
second = "random"
""",
}
CELLS = {"cross-dataset": 2, "unified": 4, "joint": 4}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a dataset whose ratings lie in the vectors ``x``; vectors ``y`` are noise."""
    monkeypatch.setattr(claims, "RESAMPLES", 60)
    monkeypatch.setattr(claims, "FEW_RESAMPLES", 30)
    rng = np.random.default_rng(0)
    own = tmp_path / "data" / "own"
    own.mkdir(parents=True)
    vectors = rng.uniform(-1, 1, size=(COUNT, 4)).astype(np.float32)
    rows = [f"{k},{v:.4f},{a:.4f},g{k // 2}" for k, (v, a) in enumerate(vectors[:, :2])]
    (own / "annotations.csv").write_text("\n".join(["id,valence,arousal,group", *rows]) + "\n")
    (own / "layout.toml").write_text('[scales]\nvalence = "-1..1"\narousal = "-1..1"\n')
    noise = rng.normal(size=(COUNT, 4)).astype(np.float32)
    np.savez(tmp_path / "vectors.npz", ids=np.arange(COUNT).astype(str), x=vectors, y=noise)
    for name in ("x", "y"):
        source = Source(tmp_path / "vectors.npz", name, "ids")
        import_features(source, FeatureStore(tmp_path / "store"), "own", name, "1")
    return tmp_path


def evaluate(place: Path, kind: str, *more: str) -> Result:
    (place / "recipe.toml").write_text(HEAD + RECIPES[kind])
    where = ["--data", str(place / "data"), "--store", str(place / "store"), "--jobs", "1"]
    out = ["--out", str(place / "out.csv")]
    return CliRunner().invoke(app, ["evaluate", str(place / "recipe.toml"), *where, *out, *more])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", RECIPES)
def test_a_study_is_planned_run_and_not_run_again(
    place: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dry = evaluate(place, kind, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert f"own: {COUNT} tracks" in dry.stdout
    assert not (place / "out.cells").exists()

    done = evaluate(place, kind)
    assert done.exit_code == 0, done.output
    assert f"{CELLS[kind]} of {CELLS[kind]} done" in done.stderr
    assert rows_of(place / "out.csv")[0]["recipe"]
    verdicts = rows_of(place / "out_claims.csv")
    assert tuple(verdicts[0]) == claims.COLUMNS
    best = [one for one in verdicts if one["metric"] in ("pearson", "r2", "mrr")]
    assert {one["verdict"] for one in best} == {"holds"}

    before = [path.read_bytes() for path in (place / "out.csv", place / "out_claims.csv")]
    monkeypatch.setattr(kept, "write", lambda *_: pytest.fail("computed again"))
    again = evaluate(place, kind)
    assert again.exit_code == 0, again.output
    assert "done" not in again.stderr
    assert [path.read_bytes() for path in (place / "out.csv", place / "out_claims.csv")] == before


@pytest.mark.parametrize("kind", ["cross-dataset", "unified"])
def test_networks_without_torch_end_before_the_first_cell(
    place: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = importlib.util.find_spec
    lacking = lambda name: None if name == "torch" else usual(name)  # noqa: E731
    monkeypatch.setattr(importlib.util, "find_spec", lacking)
    network = RECIPES[kind].replace("[models.ridge]", '[models.ridge]\nkind = "hidden"')
    monkeypatch.setitem(RECIPES, kind, network)
    done = evaluate(place, kind)
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: a study of networks needs torch, which is not installed. "
        "Install it with: pip install 'hevner[networks]'\n"
    )
    assert not [*(place / "out.cells").iterdir()]
    if kind == "cross-dataset":
        monkeypatch.setitem(RECIPES, kind, network.replace("hidden", "kernel"))
        assert evaluate(place, kind).exit_code == 0


@pytest.mark.parametrize("missing", [False, True])
def test_claims_with_nothing_to_compare_are_named_after_the_others(
    place: Path, missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error, but where a dataset is missing that they may need."""
    across = '[[claims]]\nclaim = "across"\nfirst = { train = "several" }\nsecond = {}\n'
    more = across + "[datasets.wtc]\n" * missing
    monkeypatch.setitem(RECIPES, "cross-dataset", RECIPES["cross-dataset"] + more)
    done = evaluate(place, "cross-dataset")
    assert done.exit_code == 1
    assert {row["claim"] for row in rows_of(place / "out_claims.csv")} == {"x is better"}
    assert ("Error: claim 'across': has nothing to compare" in done.stderr) != missing
    assert ("Claims that need what is missing: 1 of 2\n" in done.stderr) == missing


def test_blocks_that_one_command_makes_are_named_in_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = RECIPES["cross-dataset"].replace('x = ["x"]', 'x = ["x", "musicnn", "harmony"]')
    monkeypatch.setitem(RECIPES, "cross-dataset", recipe)
    found = evaluate(place, "cross-dataset", "--dry-run")
    assert found.stderr.count("Missing: ") == 1
    assert "Missing: own, features musicnn, harmony: nothing of" in found.stderr


@pytest.mark.parametrize("kind", RECIPES)
def test_what_is_missing_is_named(place: Path, kind: str) -> None:
    (place / "data" / "own" / "annotations.csv").unlink()
    found = evaluate(place, kind, "--dry-run")
    assert found.exit_code == 1
    assert "Missing: own, data: " in found.stderr
    assert "no dataset is complete" in found.stderr
