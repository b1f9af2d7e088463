"""Every verb without the packages of its extra: one line with the remedy, or it needs none."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hevner import extras
from hevner.errors import MissingDependencyError
from tests.errors import raises
from tests.sounds import music, write

ROOT = Path(__file__).parents[2]
OPTIONAL = sorted({package for packages in extras.PACKAGES.values() for package in packages})


SCRIPT = """
import importlib.machinery, json, sys
blocked, lines = json.load(sys.stdin)
usual = importlib.machinery.PathFinder.find_spec

def find_spec(name, *rest):
    return None if name.partition(".")[0] in blocked else usual(name, *rest)

importlib.machinery.PathFinder.find_spec = find_spec
from typer.testing import CliRunner
from hevner.cli import app
outcomes = {}
for line in lines:
    done = CliRunner().invoke(app, line.split())
    said = repr(done.exception) if done.exit_code == 1 and not done.stderr else done.stderr
    outcomes[line] = done.exit_code, said
print(json.dumps(outcomes))
"""
"""Runs verbs where packages are not installed."""


def outcomes(blocked: list[str], lines: list[str]) -> dict[str, tuple[int, str]]:
    """Exit status and standard error of verbs, run where packages are not installed."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([blocked, lines]), capture_output=True, text=True, cwd=ROOT, timeout=300,
        env=os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A song, and a dataset of one's own."""
    place = tmp_path_factory.mktemp("place")
    write(place / "songs" / "a.wav", music(1.0))
    write(place / "data" / "own" / "audio" / "a.wav", music(1.0))
    (place / "data" / "own" / "annotations.csv").write_text("id,valence,arousal\na,0.5,0.5\n")
    (place / "data" / "own" / "layout.toml").write_text(
        '[scales]\nvalence = "-1..1"\narousal = "-1..1"\n'
    )
    return place


DATA = "--data {0}/data --store {0}/store"
LACKING = {
    "index {0}/songs --into {0}/catalog": "catalog",
    "search {0}/catalog --mood sad": "catalog",
    "browse {0}/catalog": "catalog",
    "playlist {0}/catalog --from sad --to happy --minutes 3": "catalog",
    "serve --state {0}/state": "serve",
    "tag {0}/songs": "tags",
    "mcp {0}/catalog": "mcp",
    "analyze {0}/songs --output {0}/out.parquet": "frames",
    "analyze {0}/songs --plot {0}/plots": "plot",
    "listen": "live",
    "models add mert-v1-95m --from {0} --accept-licence": "encoders",
    "models add clap-general": "encoders",
    f"train recipes/unified.toml --out {{0}}/out.onnx {DATA}": "lab",
    f"train recipes/joint.toml --out {{0}}/out.npz {DATA}": "lab",
    f"train recipes/harmony.toml --out {{0}}/out.npz {DATA}": "lab",
    f"train rhythm --out {{0}}/out.npz {DATA}": "lab",
    f"train recipes/tags.toml --out {{0}}/out.npz {DATA}": "lab",
    f"train papers/unified/at_hand.toml --row multi-task --out {{0}}/run {DATA}": "lab",
    f"evaluate recipes/unified.toml --out {{0}}/out.csv {DATA}": "lab",
    f"evaluate joint --out {{0}}/out.csv {DATA}": "lab",
    f"probe --encoder x --states 4 --dataset own {DATA}": "lab",
    "gap --data {0}/data --out {0}/gap": "lab",
    f"extract {DATA} --encoder handcrafted --engine ray": "ray",
    "datasets ratings --data {0}/data": "lab",
    "datasets tag-rates {0}/data": "lab",
    "rehearse unified --out {0}/rehearsal": "lab",
}


PLAIN = [
    "analyze {0}/songs --no-cache",
    "report {0}/songs --no-cache --output {0}/report.html",
    "moods",
    "models list",
    "datasets list",
    "datasets check own {0}/data/own",
    f"extract {DATA} --encoder handcrafted --jobs 1",
    "features list {0}/store",
    "recipes list",
    "recipes show distribution_gap/at_hand",
    "recipes copy joint {0}/copies",
]


@pytest.fixture(scope="module")
def bare(place: Path) -> dict[str, tuple[int, str]]:
    """What comes of verbs where no extra is installed."""
    lines = [*LACKING, *PLAIN]
    found = outcomes(OPTIONAL, [line.format(place) for line in lines])
    return dict(zip(lines, found.values(), strict=True))


NETWORKS = [f"train {name} --out {{0}}/net.npz {DATA}" for name in ("harmony", "rhythm", "tags")]
"""Verbs that need torch beside the laboratory."""


def test_networks_need_torch_and_the_rest_of_the_laboratory_does_not(place: Path) -> None:
    lines = [
        f"evaluate --model unified --out {{0}}/scores.csv {DATA} --jobs 1",
        f"train own --out {{0}}/mine.onnx {DATA} --jobs 1",
        f"evaluate distribution_gap/at_hand --out {{0}}/gap.csv {DATA}",
        "rehearse unified --out {0}/rehearsal",
        *NETWORKS,
    ]
    found = outcomes(["torch"], [line.format(place) for line in lines])
    scored, trained, studied, rehearsed, *networks = (said for _, said in found.values())
    assert "fewer than 3 tracks could be analysed" in scored
    assert "Error: " in trained
    assert "musemo" in studied
    assert not any("torch" in said for said in (scored, trained, studied))
    assert rehearsed.endswith("Install it with: pip install 'hevner[encoders]'\n"), rehearsed
    for said in networks:
        assert said.endswith("Install it with: pip install 'hevner[networks]'\n"), said


@pytest.mark.parametrize("line", LACKING)
def test_a_missing_extra_is_one_line_with_the_remedy(
    line: str, bare: dict[str, tuple[int, str]]
) -> None:
    code, said = bare[line]
    assert code == 1
    (message,) = said.splitlines()
    assert message.startswith("Error: ")
    assert message.endswith(f"Install it with: pip install 'hevner[{LACKING[line]}]'")
    if line.startswith("datasets "):
        assert f"'hevner {' '.join(line.split()[:2])}'" in message


@pytest.mark.parametrize("line", PLAIN)
def test_the_base_needs_no_extra(line: str, bare: dict[str, tuple[int, str]]) -> None:
    code, said = bare[line]
    assert code == 0, said


def test_the_extras_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(extras.PACKAGES) | {"all", "dev", "docs"} == set(project["optional-dependencies"])


def test_what_is_missing_is_named() -> None:
    with raises(MissingDependencyError, "missing_extra") as caught:
        extras.require("lab", "a study", "numpy", "sklearn", "no_such_package")
    assert "no_such_package" in str(caught.value)
    with pytest.raises(ModuleNotFoundError), extras.required("a mistake of ours"):
        import hevner.no_such_module  # noqa: F401
    assert extras.extra_of("torch.nn") == "networks"
    assert extras.extra_of("torch.nn", "encoders") == "encoders"
    assert extras.extra_of("hevner.analysis") == ""


def test_the_lowest_versions_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras_of = project["optional-dependencies"].values()
    bounds = set()
    for requirement in {*project["dependencies"], *itertools.chain(*extras_of)}:
        if not requirement.startswith("hevner["):
            name, _, versions = requirement.partition(">=")
            bounds.add(f"{name}=={versions.partition(',')[0]}")
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    older = (line.partition(";") for line in lines if ">=" not in line and not line.startswith("#"))
    assert bounds == {name for name, *_ in older}
