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
from hevner.defaults import DEFAULT_MODEL
from hevner.encoders import large, weights
from hevner.model import registry
from tests.encoders import made_up
from tests.model.test_registry import make
from tests.model.test_scores import model, row


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("HEVNER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HEVNER_OFFLINE", raising=False)


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
    text = line(result.stdout, "musicnn ")
    assert "musicnn 3.01 s at 16000 Hz 200 small with hevner ISC yes Tagging network" in text
    facts = encoders.card("mert-v1-95m")
    text = line(result.stdout, "mert-v1-95m")
    assert "mert-v1-95m 30.00 s at 24000 Hz 1536 13 x 768" in text
    assert f"{facts.memory / 1e9:.1f} GB not added {facts.licence} no" in text


def test_list_for_machines() -> None:
    listed = json.loads(hevner_models("list", "--json").stdout)
    (default,) = [one for one in listed["models"] if one["default"]]
    assert default["bytes"] == DEFAULT_MODEL.stat().st_size
    states = {True: "not added", False: "with hevner"}
    assert listed["encoders"] == [
        json.loads(json.dumps(asdict(encoders.card(name))))
        | {"weights": states[encoders.is_large(name)], "added": None}
        for name in encoders.available()
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


def test_show_tells_all_of_an_encoder() -> None:
    shown = hevner_models("show", "mert-v1-95m+6+7").stdout
    facts = encoders.card("mert-v1-95m+6+7")
    assert shown.startswith("mert-v1-95m+6+7, an encoder\n")
    assert line(shown, "input").startswith(
        "input windows of 30.00 s, one every 30.00 s, at 24000 Hz"
    )
    assert line(shown, "output") == "output 1536 numbers per window: means of states 6 and 7"
    assert line(shown, "states").startswith("states 13 x 768; mert-v1-95m+1 takes state 1,")
    assert line(shown, "for emotion").startswith("for emotion valence best at 8 (.563;")
    assert "Kanatas et al., ISMIR 2026" in " ".join(shown.split())
    assert line(shown, "licence") == f"licence {facts.licence}"
    assert line(shown, "commercial use") == "commercial use no"
    assert line(shown, "source") == "source m-a-p/MERT-v1-95M"
    assert line(shown, "weights") == "weights not added"
    assert line(shown, "to add") == "to add them hevner models add mert-v1-95m --accept-licence"
    shown = hevner_models("show", "musicnn").stdout
    assert line(shown, "weights") == "weights with hevner"
    assert "to add" not in shown


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("transformers")
    monkeypatch.setattr(large, "LARGE", made_up.LARGE)
    return made_up.publish(tmp_path / "published")


def test_weights_are_added_shown_checked_and_removed(published: Path) -> None:
    name = made_up.NAME
    done = hevner_models("add", name, "--from", published, "--accept-licence")
    assert (done.exit_code, done.stderr) == (0, "")
    added = weights.find(name)
    assert done.stdout == (
        f"made-up: weights added, 8.3 kB, SHA-256 {added.digest}\n"
        f"From {published}.\nIn {added.folder}.\n"
    )
    assert "3 x 32 2.0 MB added CC-BY-NC-4.0 no" in line(hevner_models("list").stdout, f"{name} ")
    shown = hevner_models("show", name).stdout
    assert shown.startswith(f"made-up-1-{added.digest[:12]}, an encoder\n")
    assert f"added {added.added}, under CC-BY-NC-4.0, accepted by option" in line(shown, "added")
    for name_of_file, digest in added.files.items():
        assert line(shown, name_of_file) == f"{name_of_file}: SHA-256 {digest}"
    facts = json.loads(hevner_models("show", name, "--json").stdout)
    assert facts["weights"] == "added"
    assert facts["added"]["files"] == added.files
    checked = hevner_models("check", name)
    assert checked.stdout == (
        f"made-up: the weights are as they were added, SHA-256 {added.digest}\n"
    )
    assert hevner_models("remove", name).stdout.startswith("made-up: weights removed, ")
    assert "not added" in line(hevner_models("list").stdout, f"{name} ")


def test_damaged_weights_are_told(published: Path) -> None:
    hevner_models("add", made_up.NAME, "--from", published, "--accept-licence")
    file = weights.find(made_up.NAME).folder / "weights.safetensors"
    file.write_bytes(file.read_bytes().replace(b"ours", b"mine"))
    checked = hevner_models("check", made_up.NAME)
    assert (checked.exit_code, checked.stdout) == (1, "")
    assert "has changed since it was added" in checked.stderr
    file.write_bytes(b"")
    assert line(hevner_models("show", made_up.NAME).stdout, "weights") == "weights damaged"


def test_weights_need_a_licence_and_a_source(published: Path) -> None:
    for arguments, message in (
        (
            (made_up.NAME, "--from", str(published)),
            "CC-BY-NC-4.0, which does not permit commercial",
        ),
        ((made_up.NAME, "--accept-licence", "--offline"), "the network is not to be used"),
        ((made_up.FREE, "--from", "nowhere"), "nowhere: there is no such file or folder"),
        (("nobody",), "there is no encoder 'nobody'"),
        (("musicnn",), "the weights of musicnn come with hevner"),
    ):
        result = hevner_models("add", *arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
    for verb in ("check", "remove"):
        assert "have not been added" in hevner_models(verb, made_up.NAME).stderr


def test_listing_and_showing_load_no_framework() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from hevner.cli import app\n"
        "for words in (['list'], ['show', 'mert-v1-95m'], ['show', 'clap-music'],\n"
        "              ['show', 'jukebox-5b']):\n"
        "    assert CliRunner().invoke(app, ['models', *words]).exit_code == 0, words\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'tokenizers', 'safetensors'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cards_are_read_without_numpy(tmp_path: Path) -> None:
    path = model(tmp_path, "a", row()).path
    code = (
        "import sys; from typer.testing import CliRunner; from hevner.cli import app\n"
        f"for words in (['show', {str(path)!r}], ['compare', {str(path)!r}, {str(path)!r}]):\n"
        "    assert CliRunner().invoke(app, ['models', *words]).exit_code == 0\n"
        "assert 'numpy' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
