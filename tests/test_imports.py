"""Imports run one way: the product knows nothing of the laboratory, and no import goes in a circle.

Imports inside functions and under ``TYPE_CHECKING`` count too: all are read from the source code.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import hevner

SOURCE = Path(hevner.__file__).parent

MODULES = {
    ".".join(("hevner", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in SOURCE.rglob("*.py")
}

EXCEPTIONS = {
    ("hevner.result", "hevner.output.html_page"): "a notebook shows a result as a page",
    ("hevner.result", "hevner.output.records"): "a result is a row of a table",
}
"""Imports between parts of the product that may close a circle, and why."""


@cache
def imports(module: str) -> frozenset[str]:
    """Modules of hevner that a module imports anywhere."""
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    return frozenset(name for node in ast.walk(tree) for name in _imported(node) if name != module)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (_module(alias.name) for alias in node.names if alias.name in MODULES)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        if node.module and node.module.split(".")[0] == "hevner":
            yield from (_module(f"{node.module}.{alias.name}") for alias in node.names)


def _module(name: str) -> str:
    """The module that a dotted name is, or is in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def part(module: str) -> str:
    """The package or the module right below ``hevner`` that a module belongs to."""
    return ".".join(module.split(".")[:2])


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Names along a circle of the edges; empty if there is none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(edges.get(name, ())):
            if found := walk(other, [*way, name]):
                return found
        done.add(name)
        return []

    return next(filter(None, (walk(name, []) for name in sorted(edges))), [])


def test_circles_are_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


def test_the_product_knows_nothing_of_the_laboratory() -> None:
    told = {
        f"{module} imports {other}"
        for module in MODULES
        if part(module) not in ("hevner.lab", "hevner.cli")
        for other in imports(module)
        if part(other) == "hevner.lab"
    }
    assert not told


def test_parts_of_the_product_import_each_other_one_way() -> None:
    edges: dict[str, set[str]] = {}
    for module in MODULES:
        # The front door, `hevner` itself, only names what lies below.
        if module != "hevner" and part(module) != "hevner.lab":
            others = {one for one in imports(module) if (module, one) not in EXCEPTIONS}
            edges.setdefault(part(module), set()).update(
                {part(other) for other in others} - {part(module), "hevner"}
            )
    assert circle(edges) == []


@pytest.mark.parametrize("package", ["hevner.catalog", "hevner.output"])
def test_modules_of_a_package_import_each_other_one_way(package: str) -> None:
    inside = [module for module in MODULES if part(module) == package]
    assert len(inside) > 3
    assert circle({module: {*imports(module)} & {*inside} for module in inside}) == []


HEAVY = {"lancedb", "pyarrow", "matplotlib", "torch", "sklearn", "msgspec"}


@pytest.mark.parametrize("module", ["hevner", "hevner.analysis", "hevner.catalog", "hevner.cli"])
def test_optional_packages_are_not_loaded_before_they_are_needed(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({HEAVY} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_without_its_packages_a_catalogue_names_the_remedy() -> None:
    code = """
import sys
sys.modules.update({"lancedb": None, "pyarrow": None})
import hevner
from hevner.errors import MissingDependencyError
for _ in range(2):
    try:
        hevner.open_catalog("nowhere")
    except MissingDependencyError as error:
        print(error.code, error.remedy)
from hevner.cli import app
from typer.testing import CliRunner
for words in (["search", "x", "--mood", "sad"], ["index", sys.argv[1], "--into", "x"],
              ["playlist", "x", "--from", "sad", "--to", "calm", "--minutes", "9"]):
    done = CliRunner().invoke(app, words)
    print(done.exit_code, done.stderr.strip())
"""
    song = SOURCE.parents[1] / "examples"
    audio = next(path for path in song.rglob("*.ogg"))
    done = subprocess.run(
        [sys.executable, "-c", code, str(audio)], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert lines[:2] == ["missing_extra Install it with: pip install 'hevner[catalog]'"] * 2
    assert len(lines) == 5
    for line in lines[2:]:
        assert line.startswith("1 Error: ")
        assert line.endswith("pip install 'hevner[catalog]'")
