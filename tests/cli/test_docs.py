"""What the pages show is what happens: tables, commands, code and their output."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
from pathlib import Path

import mcp.client.stdio  # noqa: F401 - it takes the standard error stream as it is now
import pytest
from PIL import Image
from typer.testing import CliRunner

from hevner.cli import app
from hevner.cli.encoders import state_widths
from hevner.cli.layout import yes_no
from hevner.encoders import card
from hevner.encoders.large import LARGE
from tests.documents import ROOT, blocks, commands, parts, read, sections

TABLES = ROOT / "docs" / "tables.py"

SECTIONS = {f"data.md {heading}": text for heading, text in sections("docs/data.md").items()}
SEARCH, ENCODERS, RECIPES, OWN_DATA = "search.md", "encoders.md", "recipes.md", "own_data.md"
PAGES = ("browsing.md", "playlists.md", "scikit_learn.md", "tags.md", "python.md", "formats.md")
PAGES += (
    "analyze.md",
    "features.md",
    "licence.md",
    "metrics.md",
    "reading.md",
    "start/listener.md",
    "start/developer.md",
    "start/researcher.md",
)
for name in (SEARCH, ENCODERS, RECIPES, OWN_DATA, *PAGES, "live.md", "mcp.md", "audiomuse.md"):
    SECTIONS[name] = (ROOT / "docs" / name).read_text(encoding="utf-8")
RUN_ELSEWHERE = {
    "beets.md": "tests/tags/test_beets_plugin.py",
    "own_models.md": "tests/cli/test_own_models_guide.py",
    "rate.md": "tests/serve/test_serve_ratings.py",
    "scale_out.md": "tests/catalog/test_ray_cluster.py",
}
"""Pages whose code and commands need a world of their own."""

SECTIONS["README.md Use"] = sections("README.md")["Use"]


def own_dataset(folder: Path) -> None:
    """The dataset that the page describes, and a copy with the faults it speaks of."""
    text = SECTIONS[OWN_DATA]
    for name in ("mine", "broken"):
        shutil.copytree(ROOT / "examples" / "audio", folder / name / "clips")
        (folder / name / "layout.toml").write_text(*blocks(text, "toml"))
        (folder / name / "labels.csv").write_text(*blocks(text, "csv"))
    faulty = folder / "broken" / "labels.csv"
    faulty.write_text(faulty.read_text().replace("dance;8;", "dance;n.a.;") + "lost;5;5;Ann\n")


def assert_shown(shown: str, real: str) -> None:
    """What is shown is what came, but for line breaks and what ``...`` leaves out."""
    parts = [re.escape(" ".join(part.split())) for part in shown.split("...")]
    assert re.fullmatch(r"\s*" + ".*?".join(parts) + r"\s*", " ".join(real.split())), real


def run_console(block: str) -> None:
    for command, shown in commands(block):
        program, *arguments = shlex.split(command)
        assert program == "hevner"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == ("problems to mend" in shown), result.output
        assert_shown(shown or "...", result.output)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(text, id=name, marks=[pytest.mark.data] if "data/" in text else [])
        for name, text in SECTIONS.items()
        if blocks(text, "python") or blocks(text, "console")
    ],
)
@pytest.mark.filterwarnings("ignore:Passing a schema:DeprecationWarning")
def test_commands_and_code_do_what_is_shown(
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if "data/" in text:
        (tmp_path / "data").symlink_to(request.getfixturevalue("data"))
    own_dataset(tmp_path)
    shutil.copytree(ROOT / "examples" / "audio", tmp_path / "music")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for language, content, file in parts(text):
        if file:
            Path(file).write_text(content)
        elif language == "console":
            run_console(content)
        elif language == "python":
            exec(compile(content, text.partition("\n")[0], "exec"), names)
        elif language == "text":
            assert_shown(content, capsys.readouterr().out)


def test_examples_of_every_page_are_run() -> None:
    run = {name.partition(" ")[0] for name in SECTIONS}
    for page in sorted((ROOT / "docs").rglob("*.md")):
        name = str(page.relative_to(ROOT / "docs"))
        text = page.read_text(encoding="utf-8")
        if name not in run and (blocks(text, "python") or blocks(text, "console")):
            assert page.name in (ROOT / RUN_ELSEWHERE[name]).read_text(encoding="utf-8"), name


def test_the_front_page_is_short_and_its_table_is_what_was_measured() -> None:
    readme = (ROOT / "README.md").read_bytes()
    assert len(readme) <= 6000
    table = runpy.run_path(str(ROOT / "docs" / "peers_table.py"))["table"]()
    assert f"\n\n{table}\n\n" in readme.decode(), "print it again: python docs/peers_table.py"


def test_what_was_tried_from_nothing_is_what_was_measured() -> None:
    table = runpy.run_path(str(ROOT / "docs" / "tried_table.py"))["table"]()
    page = (ROOT / "docs" / "start" / "tried.md").read_text(encoding="utf-8")
    assert f"\n\n{table}\n\n" in page, "print it again: python docs/tried_table.py"


def test_the_picture_of_the_plane_is_drawn(tmp_path: Path) -> None:
    runpy.run_path(str(ROOT / "docs" / "plane_picture.py"))["draw"](tmp_path / "plane.png")
    with (
        Image.open(tmp_path / "plane.png") as new,
        Image.open(ROOT / "docs/images/plane.png") as old,
    ):
        assert new.size == old.size


def test_tables_are_those_of_cards_splits_and_results(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(TABLES), run_name="__main__")
    tables = capsys.readouterr().out.strip().split("\n\n")
    assert len(tables) == 5
    text = "".join(read(f"docs/{name}") for name in ("data.md", "features.md"))
    for table in tables:
        assert f"\n\n{table}\n" in text, f"print it again: python docs/tables.py\n{table}"


def test_the_reference_of_recipes_is_that_of_their_types() -> None:
    script = runpy.run_path(str(ROOT / "docs" / "recipe_keys.py"))
    _, _, shown = SECTIONS[RECIPES].partition(f"\n{script['HEADING']}\n")
    assert shown == script["reference"](), "write it again: python docs/recipe_keys.py"


def test_the_table_of_large_encoders_is_that_of_their_cards() -> None:
    rows = [
        [cell.strip("` ") for cell in line.split("|")[1:-1]]
        for line in SECTIONS[ENCODERS].splitlines()
        if line.startswith("| `") and "Hz" in line
    ]
    assert [row[0] for row in rows] == sorted(LARGE)
    for name, source, licence, commercial_use, window, states in rows:
        facts = card(name)
        assert source == facts.source or (name == "jukebox-5b" and "see below" in source)
        assert (licence, commercial_use) == (facts.licence, yes_no(facts.commercial_use))
        seconds = f"{facts.window_samples / facts.sample_rate:.2f}".removesuffix(".00")
        assert window == f"{seconds} s at {facts.sample_rate} Hz"
        assert states == state_widths(facts)
