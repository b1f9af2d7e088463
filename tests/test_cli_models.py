"""``hevner models`` from end to end."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hevner import encoders
from hevner.cli import app
from hevner.identity import DEFAULT_MODEL
from hevner.models import registry
from tests.test_registry import make
from tests.test_scores import model, row


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


def hevner_models(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def line(text: str, beginning: str) -> str:
    """The first line that begins like this, with single blanks."""
    return next(" ".join(x.split()) for x in text.splitlines() if x.strip().startswith(beginning))


def test_list_has_models_and_encoders(tmp_path: Path) -> None:
    make(
        tmp_path,
        heads=["emotion", "tags"],
        licence="CC0",
        data=[{"name": "own"}],
        commercial_use=True,
    )
    result = hevner_models("list", "--folder", tmp_path)
    assert result.exit_code == 0
    (default,) = [entry for entry in registry.shipped() if entry.default]
    assert f"{default.name} *" in result.stdout
    assert line(result.stdout, "mine-1") == "mine-1 valence, arousal; tags own code: MIT yes 0"
    assert "weights: CC0" in result.stdout
    assert "own: not stated" in result.stdout
    card = encoders.create("musicnn").card
    assert f"{card.id}-{card.version} 16000 3.01 s 200 ISC yes" in line(result.stdout, card.id)


def test_list_for_machines() -> None:
    listed = json.loads(hevner_models("list", "--json").stdout)
    (default,) = [one for one in listed["models"] if one["default"]]
    assert default["bytes"] == DEFAULT_MODEL.stat().st_size
    assert listed["encoders"] == [
        asdict(encoders.create(name).card) for name in encoders.available()
    ]


def test_list_names_what_it_cannot_read_and_goes_on(tmp_path: Path) -> None:
    make(tmp_path, "good")
    make(tmp_path, "bad").write_text("{")
    result = hevner_models("list", "--folder", tmp_path)
    assert result.exit_code == 1
    assert "good-1" in result.stdout
    assert "bad.json: the card cannot be read" in result.stderr


def test_show_tells_every_field_of_the_card_and_its_words(tmp_path: Path) -> None:
    card = model(
        tmp_path, "mine", row(), data=[{"name": "own", "clips": 12}], teachers={"tags": "a CNN"}
    )
    card.path.with_suffix(".md").write_text("# Card\n\n**Limits.** Piano only.\n")
    result = hevner_models("show", card.path)
    assert result.exit_code == 0
    assert result.stdout.startswith("mine-1\n")
    assert line(result.stdout, "commercial use") == "commercial use not stated"
    assert line(result.stdout, "data") == "data own: clips 12"
    assert line(result.stdout, "teachers") == "teachers tags a CNN"
    assert line(result.stdout, "scores") == "scores from run of mine"
    assert "valence r 0.700 [0.600, 0.800] 258 74 5" in line(result.stdout, "cross-validation")
    assert line(result.stdout, "Limits") == "Limits. Piano only."


def test_show_writes_the_card_as_it_is() -> None:
    shown = json.loads(hevner_models("show", DEFAULT_MODEL, "--json").stdout)
    assert shown == json.loads(DEFAULT_MODEL.with_suffix(".json").read_text())


def test_shown_cards_cannot_steer_the_terminal(tmp_path: Path) -> None:
    result = hevner_models("show", make(tmp_path, licence="\x1b[2Jgone", heads=["\x1b]0;x\x07"]))
    assert "\x1b" not in result.stdout
    assert r"\x1b[2Jgone" in result.stdout


def test_compare_marks_what_lies_outside_the_intervals(tmp_path: Path) -> None:
    near, far = row(0.72), row(0.95, metric="arousal r")
    first = model(tmp_path, "a", row(), row(metric="arousal r"), row(dataset="vgmidi"))
    other = row(dataset="vgmidi", protocol="curves", seeds=1)
    second = model(tmp_path, "b", near, far, other, row(dataset="deam"))
    result = hevner_models("compare", first.path, second.path)
    assert result.exit_code == 0
    assert line(result.stdout, "a-1") == "a-1 from run of a"
    text = " ".join(result.stdout.split())
    assert "valence r 0.700 [0.600, 0.800] 0.720 [0.620, 0.820] +0.020 5" in text
    assert "arousal r 0.700 [0.600, 0.800] 0.950 [0.850, 1.050] +0.250 * 5" in text
    assert "vgmidi valence r: cross-validation for a-1, curves for b-1" in text
    assert "Only b-1 has 1 more score." in text
    facts = json.loads(hevner_models("compare", first.path, second.path, "--json").stdout)
    assert [pair["apart"] for pair in facts["scores"]] == [False, True]
    assert [one["alone"] for one in facts["models"]] == [0, 1]
    assert len(facts["refused"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "nobody"), "there is no model 'nobody'"),
        (("compare", str(DEFAULT_MODEL), "nobody.json"), r"nobody.json: the card cannot be read"),
        (("list", "--folder", "nowhere"), "nowhere: there is no such folder"),
    ],
)
def test_what_is_not_there_is_said(arguments: tuple[str, ...], message: str) -> None:
    result = hevner_models(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_cards_are_read_without_numpy(tmp_path: Path) -> None:
    path = model(tmp_path, "a", row()).path
    code = (
        "import sys; from typer.testing import CliRunner; from hevner.cli import app\n"
        f"for words in (['show', {str(path)!r}], ['compare', {str(path)!r}, {str(path)!r}]):\n"
        "    assert CliRunner().invoke(app, ['models', *words]).exit_code == 0\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
