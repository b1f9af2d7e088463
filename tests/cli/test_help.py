"""Help in four panels with whole sentences, quick, and completion of the shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import hevner
from hevner.cli import app

ROOT = Path(__file__).parents[2]
PANELS = {
    "Analyse": ["analyze", "explain", "report", "listen", "tag", "moods", "models"],
    "Find": ["index", "search", "browse", "playlist"],
    "Serve": ["serve", "mcp"],
    "Research": [
        "extract",
        "train",
        "evaluate",
        "probe",
        "gap",
        "rehearse",
        "datasets",
        "features",
        "recipes",
    ],
}


def verbs(
    command: Any = None, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every verb, those inside groups too."""
    command = command or typer.main.get_command(app)
    if hasattr(command, "commands"):
        for name, inside in command.commands.items():
            yield from verbs(inside, (*names, name))
    else:
        yield names, command


VERBS = dict(verbs())


@pytest.mark.parametrize("columns", [80, 40])
def test_the_help_has_four_panels_and_whole_sentences(columns: int) -> None:
    done = CliRunner(env={"COLUMNS": str(columns)}).invoke(app, ["--help"])
    assert done.exit_code == 0
    assert max(map(len, done.stdout.splitlines())) <= columns
    assert "..." not in done.stdout.partition("Options:")[2]
    _, *panels = re.split(r"^(Analyse|Find|Serve|Research):$", done.stdout, flags=re.MULTILINE)
    assert panels[::2] == list(PANELS)
    for text, names in zip(panels[1::2], PANELS.values(), strict=True):
        entries = re.split(r"^  (?=[a-z])", text.strip("\n"), flags=re.MULTILINE)[1:]
        assert [entry.split()[0] for entry in entries] == names
        assert all(entry.strip().endswith(".") for entry in entries)


@pytest.mark.parametrize("names", VERBS, ids=" ".join)
def test_every_verb_explains_itself_and_its_parameters(names: tuple[str, ...]) -> None:
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, [*names, "--help"])
    assert done.exit_code == 0
    for param in VERBS[names].params:
        if param.name != "help":
            assert param.help, param.name
            assert re.match("[A-Z'0-9]", param.help), param.help
            assert param.help.endswith("."), param.help
            assert not param.help.startswith("Of "), param.help


def test_the_version_is_told() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"hevner {hevner.__version__}\n"


def run(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    script = "import sys; sys.argv[0] = 'hevner'; from hevner.cli import main; main()"
    # Completion is that of the shell in which the command runs, found among its parents.
    shell = ["bash", "-c", '"$@"; exit $?', "bash"]
    return subprocess.run(
        [*shell, sys.executable, "-c", script, *arguments],
        capture_output=True, text=True, cwd=ROOT, timeout=180,
        env=os.environ | {"HOME": str(home)} | variables,
    )  # fmt: skip


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom hevner.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, cwd=ROOT
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "typer" in loaded
    assert not loaded & {"numpy", "rich", "scipy", "onnxruntime", "torch", "lancedb", "pydantic"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_is_installed_and_completes(tmp_path: Path) -> None:
    done = run("--install-completion", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    script = tmp_path / ".bash_completions" / "hevner.sh"
    assert "_HEVNER_COMPLETE=complete_bash" in script.read_text()
    assert str(script) in (tmp_path / ".bashrc").read_text()
    words = {"_HEVNER_COMPLETE": "complete_bash", "COMP_WORDS": "hevner ev", "COMP_CWORD": "1"}
    assert run(home=tmp_path, **words).stdout.split() == ["evaluate"]
