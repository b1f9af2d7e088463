"""``hevner recipes``, and recipes by name wherever a verb asks for one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hevner.cli import app
from hevner.cli.recipes import located
from hevner.errors import DataError, OutputError
from hevner.lab import recipe_files
from hevner.lab.recipes import kind_of, read
from tests.errors import raises
from tests.lab.test_corpus import musemo

ROOT = Path(__file__).parents[2]
NAMES = [*recipe_files.shipped()]


def call(*words: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [str(word) for word in words])


def test_every_recipe_of_the_repository_has_a_name() -> None:
    files = {*ROOT.glob("recipes/**/*.toml"), *ROOT.glob("papers/*/*.toml")}
    assert {*recipe_files.shipped().values()} == files
    assert recipe_files.find("unified") == ROOT / "recipes" / "unified.toml"
    assert recipe_files.find("unified/at_hand") == ROOT / "papers" / "unified" / "at_hand.toml"
    with raises(DataError, "unknown_name", subject="unifed") as found:
        recipe_files.find("unifed")
    assert "Did you mean 'unified'?" in found.value.remedy


def test_the_list_has_models_then_studies_by_paper() -> None:
    text = call("recipes", "list").stdout
    first = re.findall(r"^ ?(\S+)(?:  | of )", text, re.MULTILINE)
    assert [one for one in first if one in NAMES] == NAMES
    assert [one for one in first if one not in NAMES] == ["Model", "Study", "Study", "Study"]
    facts = json.loads(call("recipes", "list", "--json").stdout)
    assert [one["name"] for one in facts] == NAMES
    assert all(one["about"] for one in facts)
    papers = {one["name"]: one["paper"] for one in facts}
    assert papers["unified"] == papers["ablations/without_harmony"] == ""
    assert papers["unified/at_hand"] == "unified"


def test_about_is_the_first_sentence_of_the_comment(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text('# Of Choi et al. (2017),\n# with care. More.\nname = "x"\n# Not this.\n')
    assert recipe_files.about(path) == "Of Choi et al. (2017), with care"


@pytest.mark.parametrize("name", ["joint", "composite_loss/deam"])
def test_a_recipe_is_shown_with_its_comments(name: str) -> None:
    done = call("recipes", "show", name)
    assert done.stdout == recipe_files.find(name).read_text("utf-8")
    assert call("recipes", "show", f"{name}x").exit_code == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_the_same_recipe(name: str, tmp_path: Path) -> None:
    assert call("recipes", "copy", name, tmp_path / "new").exit_code == 0
    original = recipe_files.find(name)
    copy = tmp_path / "new" / original.name
    assert read(copy, kind_of(copy)) == read(original, kind_of(original))


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "unified.toml").write_text("mine")
    done = call("recipes", "copy", "joint", tmp_path)
    assert done.exit_code == 1
    assert str(tmp_path / "unified.toml") in done.stderr
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    with raises(OutputError, "already_there", subject=str(tmp_path / "unified.toml")):
        recipe_files.copy("joint", tmp_path)
    assert call("recipes", "copy", "join", tmp_path).exit_code == 2


@pytest.mark.parametrize("words", [["train"], ["evaluate"]], ids=" ".join)
def test_verbs_take_a_recipe_by_its_name(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    musemo(tmp_path / "data" / "musemo", 3)
    where = ["--data", "data", "--store", "store", "--out", "out.csv", "--dry-run"]
    done = call(*words, "unified", *where)
    assert done.stdout == "musemo: 3 tracks\n"
    shutil.copy(recipe_files.find("unified"), tmp_path)
    again = call(*words, "unified.toml", *where)
    assert (again.stdout, again.stderr) == (done.stdout, done.stderr)
    missing = call(*words, "unifed", *where)
    assert missing.exit_code == 2
    assert "Did you mean 'unified'?" in missing.stderr


def test_a_namesake_in_the_working_directory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert located(Path("modes")) == recipe_files.find("modes")
    assert capsys.readouterr().err == ""
    Path("modes.toml").write_text("")
    assert located(Path("modes")) == recipe_files.find("modes")
    assert "for the file in this folder write modes.toml" in capsys.readouterr().err
    Path("modes").mkdir()
    assert located(Path("modes")) == Path("modes")
    assert "taken from this folder" in capsys.readouterr().err
    Path("run").mkdir()
    assert located(Path("run")) == Path("run")
    assert located(Path("none.toml")) == Path("none.toml")
    assert located(None) is None
    assert capsys.readouterr().err == ""
