"""Every command that a page or a docstring names exists, with the options that it shows.

What the commands do is tested elsewhere: `RUN_BY` says where for each command of hevner, and
``tests/test_benchmarks.py`` runs the scripts in ``benchmarks/``.
"""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer

from hevner.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("papers/*/README.md"),
        *ROOT.glob("benchmarks/*.md"),
    ]
)
MODULES = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("src/hevner/**/*.py")])
HISTORY = ("CHANGELOG.md", "upgrading.md")
"""Pages that name commands of earlier releases."""

FENCED = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
COMMAND = re.compile(r"(?:taskset \S+ )?(hevner|python(?: -m)?) (?=[a-z])")
WORD = re.compile(r"--?[a-z][a-z-]*")

ROOT_COMMAND: Any = typer.main.get_command(app)

RUN_BY = {
    "analyze": "tests/cli/test_cli.py",
    "datasets": "docs/data.md",
    "explain": "tests/cli/test_cli.py",
    "evaluate": "tests/lab/joint/test_joint_study.py",
    "extract": "tests/lab/test_corpus.py",
    "features": "tests/store/test_store.py",
    "gap": "tests/lab/test_gap_report.py",
    "index": "tests/catalog/test_indexing.py",
    "listen": "tests/cli/test_listen.py",
    "mcp": "tests/test_assistant.py",
    "models": "tests/cli/test_cli_models.py",
    "moods": "tests/cli/test_cli_search.py",
    "playlist": "tests/cli/test_cli_search.py",
    "browse": "tests/cli/test_browse.py",
    "probe": "tests/lab/test_probe.py",
    "recipes": "tests/cli/test_cli_recipes.py",
    "rehearse": "tests/lab/test_rehearsal.py",
    "report": "tests/output/test_page.py",
    "search": "tests/cli/test_cli_search.py",
    "serve": "tests/serve/test_serve_cli.py",
    "tag": "tests/tags/test_tag_command.py",
    "train": "tests/lab/test_own_command.py",
}
"""The file that runs the command: a test, or a page whose console blocks a test runs."""


class Shown(NamedTuple):
    """A command as a page shows it."""

    page: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words, without the brackets around what may be left out."""
        plain = re.sub(r"[\[\]]", " ", self.text.replace("...", " "))
        try:
            return shlex.split(plain, comments=True)
        except ValueError:
            return plain.split()


def shown() -> Iterator[Shown]:
    for page in PAGES:
        if page.name not in HISTORY:
            text = page.read_text(encoding="utf-8")
            for block in FENCED.findall(text):
                for line in block.replace("\\\n", " ").splitlines():
                    yield from taken(page, line.removeprefix("$ "))
            for _, span in INLINE.findall(FENCED.sub("", text)):
                yield from taken(page, " ".join(span.split()))
    for module in MODULES:
        text = module.read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            if line.startswith("    ") and "=" not in line.partition(" --")[0]:
                yield from taken(module, line.strip())
        for _, span in INLINE.findall(text):
            yield from taken(module, " ".join(span.split()))


def taken(page: Path, text: str) -> Iterator[Shown]:
    """The command that a line or a span is, if it is one."""
    if COMMAND.match(text):
        found = re.sub(r"^taskset \S+ ", "", text)
        yield Shown(str(page.relative_to(ROOT)), found.rstrip(" :;,."))


COMMANDS = sorted(set(shown()))


def resolve(words: list[str]) -> tuple[Any, list[str], list[str]]:
    """The command that words lead to, its names, and what follows them."""
    command, names = ROOT_COMMAND, []
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            break
        names.append(words[0])
        command, words = command.commands[words[0]], words[1:]
    return command, names, words


def options_of(command: Any) -> set[str]:
    """All spellings of the options of a command."""
    return {"-h", "--help", "--version"}.union(
        *((*param.opts, *param.secondary_opts) for param in command.params)
    )


def program(words: list[str], page: Path) -> Path | None:
    """The file that words after ``python`` run, from the root or the folder of the page."""
    if words[0] != "-m":
        return next(filter(Path.is_file, (ROOT / words[0], page.parent / words[0])), None)
    found = importlib.util.find_spec(words[1])
    if found is not None and found.submodule_search_locations:
        found = importlib.util.find_spec(f"{words[1]}.__main__")
    return Path(found.origin) if found is not None and found.origin else None


def test_commands_are_found_in_pages_and_docstrings() -> None:
    pages = {one.page for one in COMMANDS}
    assert {"README.md", "docs/search.md", "docs/results/music.md", "benchmarks/speed.py"} <= pages
    assert len(COMMANDS) > 80


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, id=f"{one.page} {one.text[:60]}") for one in COMMANDS],
)
def test_a_command_that_is_shown_exists_with_its_options(one: Shown) -> None:
    first, *words = one.words
    used = {word.partition("=")[0] for word in words if WORD.fullmatch(word.partition("=")[0])}
    if first == "hevner":
        command, names, rest = resolve(words)
        assert names or not rest or rest[0].startswith("-"), f"there is no command {rest[0]}"
        if hasattr(command, "commands") and rest:
            assert rest[0].startswith("-") or rest[0].isupper(), f"{names} has no {rest[0]}"
        known = options_of(command)
    else:
        file = program(words, ROOT / one.page)
        assert file is not None, f"there is no {words[words[0] == '-m']}"
        used -= {"-m"}
        text = file.read_text(encoding="utf-8")
        known = {*re.findall(r'"(--?[a-z][a-z-]*)"', text), "--help"}
        if 'f"--{name}"' in text:
            known |= {f"--{name}" for name in re.findall(r'"([a-z-]+)"', text)}
    assert used <= known, f"no option {', '.join(sorted(used - known))}"


def test_every_command_is_run_by_a_test() -> None:
    assert set(RUN_BY) == set(ROOT_COMMAND.commands)
    for name, place in RUN_BY.items():
        assert re.search(rf"\b{name}\b", (ROOT / place).read_text("utf-8")), place
