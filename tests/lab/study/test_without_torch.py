"""Reading, loading, planning and describing a study need no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PAPERS = Path(__file__).parents[3] / "papers"
NO_TORCH = """
import sys
class Blocked:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("blocked by the test", name=name)
sys.meta_path.insert(0, Blocked)
"""
DRY_RUN = """
from hevner.cli import app
app(["evaluate", sys.argv[1], "--data", sys.argv[2], "--store", sys.argv[2], "--out", "out.csv",
     "--dry-run"], standalone_mode=False)
"""
PLAN = """
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from tests.lab.study import test_kept_cells as kept
study = kept.toy_study(sys.argv[1], Path(sys.argv[2]))
cells = study.plan()
for line in study.describe(cells):
    print(line)
assert study.file_name(cells[0]).endswith(".npz")
"""


def without_torch(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", NO_TORCH + code, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("paper", ["distribution_gap", "unified", "composite_loss"])
def test_a_dry_run_of_a_recipe(tmp_path: Path, paper: str) -> None:
    done = without_torch(DRY_RUN, str(PAPERS / paper / "at_hand.toml"), str(tmp_path))
    assert "Missing: musemo, data: no folder" in done.stderr, done.stderr
    assert "no dataset is complete" in done.stderr


@pytest.mark.parametrize("name", ["cross-dataset", "unified", "joint", "probe"])
def test_the_plan_of_a_study(tmp_path: Path, name: str) -> None:
    root = str(Path(__file__).parents[3])
    done = without_torch(PLAN, name, str(tmp_path), root)
    assert done.returncode == 0, done.stderr
    assert "musemo: " in done.stdout
