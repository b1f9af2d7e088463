"""A model of one's own in every verb: named, remembered by a catalogue, refused where it must."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hevner.catalog import open_catalog
from hevner.catalog.header import read
from hevner.cli import app
from hevner.errors import CatalogError
from tests.errors import raises
from tests.model.own import own, saved
from tests.sounds import music, write


def hevner(*words: str | Path, status: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == status, result.output
    return result


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    for number in range(2):
        write(tmp_path / "songs" / f"{number}.wav", music(8.0 + 3 * number))
    return tmp_path / "songs"


def models(result: Result) -> set[str]:
    return {one["model"] for one in json.loads(result.stdout)}


def test_a_model_is_added_listed_shown_used_and_removed(songs: Path, tmp_path: Path) -> None:
    graph = saved(tmp_path, "tension", classes=("loud", "soft"), licence="Mine")
    assert "Use it with --model mine-1" in hevner("models", "add", graph, "--name", "mine").stdout
    (entry,) = [
        one for one in json.loads(hevner("models", "list", "--json").stdout)["models"] if one["own"]
    ]
    assert (entry["name"], entry["predicts"]) == (
        "mine-1", ["valence, arousal", "tension", "classes of its own"],
    )  # fmt: skip
    assert entry["licences"]["weights"] == "Mine"
    assert entry["licences"]["data"]["emopia"] == "CC BY-NC-SA 4.0"
    assert "mine-1 (own)" in hevner("models", "list").stdout
    shown = hevner("models", "show", "mine").stdout
    assert "Mine" in shown
    assert "loud, soft" in shown
    assert "cross-validation" in shown  # its scores
    assert "+0.000" in hevner("models", "compare", "unified", "mine").stdout
    plain = hevner("analyze", songs, "--format", "json")
    ours = hevner("analyze", songs, "--format", "json", "--model", "mine")
    assert models(ours) == {"mine-1"} != models(plain)
    assert all(set(one["classes"]) == {"loud", "soft"} for one in json.loads(ours.stdout))
    # Results of each model are kept apart.
    assert "known from before" not in ours.stderr
    assert "2 of them known from before" in hevner("analyze", songs, "--model", "mine").stderr
    page = tmp_path / "report.html"
    hevner("report", songs, "--model", "mine", "--output", page)
    assert "loud" in page.read_text("utf-8")
    for words in (("explain", songs), ("analyze", songs, "--explain")):
        refused = hevner(*words, "--model", "mine", status=2)
        assert "mine has no explanation" in refused.stderr
    hevner("models", "remove", "mine")
    assert "no model 'mine'" in hevner("analyze", songs, "--model", "mine", status=2).stderr
    hevner("models", "remove", "unified", status=1)
    assert "--name" in hevner("models", "add", "mert-v1-95m", "--name", "x", status=2).stderr


def test_a_catalogue_remembers_its_model(songs: Path, tmp_path: Path) -> None:
    graph, catalog = saved(tmp_path, "tension"), tmp_path / "catalog"
    hevner("models", "add", graph)
    hevner("index", songs / "0.wav", "--into", catalog, "--model", "own")
    header = read(catalog)
    assert header.model_name == "own-1"
    assert Path(header.model_file).name == "own-1.onnx"
    # With another model its pieces are read anew, and back again.
    for other, name in (("unified", "unified"), ("own", "own")):
        done = hevner("index", "--into", catalog, "--model", other)
        assert "Its pieces are read anew" in done.stderr
        assert "1 file in" in done.stderr
        assert "1 unchanged" in done.stderr
        assert read(catalog).model_name.startswith(name)
    assert "1 added" in hevner("index", songs, "--into", catalog).stderr
    # What is not in the catalogue is analysed by its model too.
    copy = write(tmp_path / "copy.wav", music(8.0))
    (hit,) = open_catalog(catalog).search(like=copy, count=1)
    assert hit.name == "0.wav"
    assert hit.divergence == pytest.approx(0, abs=1e-3)
    words = ("--from", "sad", "--to", "calm", "--minutes", "0.2", "--least", "0")
    assert "pieces" in hevner("playlist", catalog, *words).stderr
    # The file that it was registered from is the same model; another one of that name is not.
    hevner("models", "remove", "own")
    refused = hevner("search", catalog, "--mood", "sad", status=1)
    assert "made with the model own-1" in refused.stderr
    assert "hevner models add FILE" in refused.stderr
    own("gems").save(graph)
    hevner("models", "add", graph)
    with raises(CatalogError, "other_model", subject="catalog"):
        open_catalog(catalog)
    saved(tmp_path, "tension")
    hevner("models", "add", graph, "--name", "renamed")
    with raises(CatalogError, "other_model", subject="catalog"):
        open_catalog(catalog)
    hevner("models", "remove", "own")
    hevner("models", "add", graph)
    assert open_catalog(catalog).model.stem == "own-1"
    assert "2 added" in hevner("index", songs, "--into", catalog, "--rebuild").stderr
    assert read(catalog).model_file == ""


def test_a_catalogue_of_a_file_is_made_anew_with_it(songs: Path, tmp_path: Path) -> None:
    graph, catalog = saved(tmp_path), tmp_path / "catalog"
    hevner("index", songs / "0.wav", "--into", catalog, "--model", graph)
    assert open_catalog(catalog).model == graph
    own(version="2").save(graph)  # trained again
    refused = hevner("search", catalog, "--mood", "sad", status=1)
    assert f"--model {graph}" in "".join(refused.stderr.splitlines())
    assert "1 unchanged" in hevner("index", "--into", catalog, "--model", graph).stderr
    hevner("search", catalog, "--mood", "sad")
    graph.unlink()
    assert "no such model" in hevner("analyze", songs, "--model", graph, status=2).stderr
