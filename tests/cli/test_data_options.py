"""One convention for data: folders of sets, named folders, or the one set's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from hevner.cli import app
from hevner.cli.data_options import VARIABLE, data_folders, dataset_folder
from hevner.errors import DataError
from tests.errors import raises


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that holds two sets."""
    for name in ("musemo", "emopia"):
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path / "data"


def test_a_collection_without_ratings_is_not_taken_for_a_set(root: Path) -> None:
    (root / "pop909").mkdir()
    folders = data_folders([str(root)])
    assert folders["pop909"] == root / "pop909"
    assert "pop909" not in folders.available()


def test_a_folder_holds_sets_by_name(root: Path) -> None:
    folders = data_folders([str(root)])
    assert folders["musemo"] == root / "musemo"
    assert folders["deam"] == root / "deam"  # the loader explains where to get it
    assert folders["pop909"] == root / "pop909"
    assert folders.available() == ["musemo", "emopia"]


def test_a_named_folder_has_precedence(root: Path, tmp_path: Path) -> None:
    folders = data_folders([str(root), f"emopia={tmp_path}", f"deam={tmp_path / 'none'}"])
    assert folders["emopia"] == tmp_path
    assert folders["musemo"] == root / "musemo"
    assert folders.available() == ["emopia", "deam", "musemo"]


def test_the_first_of_several_folders_that_holds_a_set_is_taken(root: Path, tmp_path: Path) -> None:
    (tmp_path / "more" / "deam").mkdir(parents=True)
    folders = data_folders([str(root), str(tmp_path / "more")])
    assert folders["deam"] == tmp_path / "more" / "deam"
    assert folders["musemo"] == root / "musemo"


def test_a_set_that_is_not_given_is_named(tmp_path: Path) -> None:
    folders = data_folders([f"emopia={tmp_path}"])
    with raises(DataError, "folder_missing", subject="deam"):
        folders["deam"]
    with pytest.raises(DataError, match="no dataset 'none'"):
        folders["none"]


def test_the_environment_stands_in(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(root))
    assert data_folders([])["musemo"] == root / "musemo"
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(typer.BadParameter):
        data_folders([])


@pytest.mark.parametrize("data", [["musemo="], ["none=x"], ["=x"], ["musemo=a", "musemo=b"]])
def test_what_is_no_folder_is_refused(data: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        data_folders(data)


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a=b" / "deam").mkdir(parents=True)
    assert data_folders([str(tmp_path / "a=b")])["deam"] == tmp_path / "a=b" / "deam"


def test_one_set_may_be_given_by_its_own_folder(root: Path, tmp_path: Path) -> None:
    assert dataset_folder([str(root)], "musemo") == ("musemo", root / "musemo")
    assert dataset_folder([str(root / "musemo")], "musemo") == ("musemo", root / "musemo")
    assert dataset_folder([f"deam={tmp_path}"]) == ("deam", tmp_path)
    # A folder of sets is not taken for a set that it lacks.
    assert dataset_folder([str(root)], "deam") == ("deam", root / "deam")
    with pytest.raises(typer.BadParameter):
        dataset_folder([str(root)])
    with pytest.raises(DataError, match="no dataset"):
        dataset_folder([str(root)], "none")


def test_the_gap_of_folders_that_are_not_there_is_wrong_usage(tmp_path: Path) -> None:
    for data in (f"{tmp_path}/missing", f"musemo={tmp_path}/missing"):
        call = ["gap", "--data", data, "--out", str(tmp_path / "out")]
        done = CliRunner().invoke(app, call)
        assert done.exit_code == 2
        assert f"there is no folder {tmp_path}/missing" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        "evaluate --model unified --data {0} --out {0}/a.csv",
        "extract --data {0} --store {0}/store",
        "train own --data {0} --out {0}/a.onnx",
    ],
)
def test_labels_of_ones_own_without_their_name_are_an_error_with_the_option(
    tmp_path: Path, words: str
) -> None:
    (tmp_path / "annotations.csv").write_text("id,valence\na,1\n")
    done = CliRunner().invoke(app, words.format(tmp_path).split())
    assert done.exit_code in (1, 2)
    assert "--data own=DIR" in done.stderr
