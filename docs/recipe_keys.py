"""Write the keys of all recipes into ``recipes.md``, from the types that are declared for them.

    python docs/recipe_keys.py

What stands on the page below its last heading is replaced. A test holds that it is current.
"""

from __future__ import annotations

import inspect as python
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, inspect

from hevner.lab import recipe_files
from hevner.lab.cross_dataset.recipe import Model
from hevner.lab.recipe_types import Recipe, Section
from hevner.lab.recipes import allowed, kind_of, kinds
from hevner.lab.regression.adaptation import Switches
from hevner.lab.regression.fusion import FusionRegressor

PAGE = Path(__file__).with_name("recipes.md")
HEADING = "## Every key\n"
NOTE = """\
Written by `python docs/recipe_keys.py`. A key without a default must be given, unless its meaning
says what is taken in its place.
"""

ELSEWHERE: dict[type, tuple[type, ...]] = {Model: (FusionRegressor, Switches)}
"""Types that explain keys of others."""

HEAD = "| key | value | default | meaning |\n| --- | --- | --- | --- |"


def reference() -> str:
    """All that stands on the page below its last heading."""
    return "\n".join([NOTE, *(line for kind in kinds() for line in about_kind(kind))])


def about_kind(kind: type[Recipe]) -> Iterator[str]:
    """Heading, recipes and tables of a kind of recipe."""
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__.removesuffix("Recipe")).lower()
    names = [n for n, path in recipe_files.shipped().items() if kind_of(path) is kind]
    yield f"### {words.capitalize()}\n"
    yield f"{summary(kind)} Recipes: {', '.join(f'`{name}`' for name in names)}.\n"
    yield from about_section(inspect.type_info(kind), "")


def about_section(section: Any, place: str) -> Iterator[str]:
    """Table of the keys of a section, then those of the sections in it."""
    texts = explanations(section.cls)
    known = {one.name: one for one in section.fields if one.name not in section.cls.derived}
    yield HEAD
    for names, text in texts.items():
        fields = [known[name] for name in names if name in known]
        if fields:
            cells = [
                [f"`{one.encode_name}`" for one in fields],
                alike([value(one.type) for one in fields]),
                alike([default(one) for one in fields]),
            ]
            yield "| " + " | ".join([*map("<br>".join, cells), text]) + " |"
    yield ""
    for one in known.values():
        for inside, pattern in sections(one.type):
            where = pattern.format(f"{place}{one.encode_name}")
            if not issubclass(inside.cls, Recipe):
                yield f"**`{where}`**: {summary(inside.cls)}\n"
                yield from about_section(inside, f"{where.strip('[]')}.")


def sections(kind: inspect.Type) -> Iterator[tuple[inspect.StructType, str]]:
    """Sections in the value of a key, each with the pattern of its heading in the file."""
    match kind:
        case inspect.UnionType(types=types):
            for one in types:
                yield from sections(one)
        case inspect.StructType():
            yield kind, "[{}]"
        case inspect.DictType(value_type=inspect.StructType() as inside):
            yield inside, "[{}.NAME]"
        case inspect.VarTupleType(item_type=inspect.StructType() as inside):
            yield inside, "[[{}]]"


def value(kind: inspect.Type) -> str:
    """What may stand at a key."""
    for inside, pattern in sections(kind):
        if issubclass(inside.cls, Recipe):
            return "path of a recipe"
        return "a table, below" if pattern == "[{}]" else "tables, below"
    if isinstance(kind, inspect.DictType):
        item = kind.value_type
        return "a table" if isinstance(item, inspect.AnyType) else f"a table, each {allowed(item)}"
    return allowed(kind)


def default(field: inspect.Field) -> str:
    """What is taken where a key is missing; empty if it must be given."""
    if field.required:
        return ""
    found = field.default
    if found is NODEFAULT and field.default_factory is not NODEFAULT:
        found = field.default_factory()
    if isinstance(found, Section):
        return "its defaults"
    if found in ({}, (), None, ""):
        return "none"
    if isinstance(found, bool):
        return f"`{str(found).lower()}`"
    return f"`{list(found) if isinstance(found, tuple) else found!r}`".replace("'", '"')


def alike(cells: list[str]) -> list[str]:
    """The cells, or one of them if all are the same."""
    return cells[:1] if len(set(cells)) == 1 else cells


def explanations(section: type) -> dict[tuple[str, ...], str]:
    """Text about attributes, by their names, from the docstrings of a type and its bases."""
    found: dict[tuple[str, ...], str] = {}
    bases = [one for one in section.__mro__ if issubclass(one, Section)]
    for one in (*reversed(bases), *ELSEWHERE.get(section, ())):
        doc = python.getdoc(one) or ""
        part = re.split(r"^(?:Attributes|Parameters)\n-+\n", doc, flags=re.MULTILINE)[-1]
        for names, text in re.findall(r"^(\w[\w, ]*)\n((?:    .*\n?|\n)+)", part, re.MULTILINE):
            keys = tuple(names.split(", "))
            # A subclass may explain a key anew.
            for old in [key for key in found if set(key) <= set(keys)]:
                del found[old]
            found[keys] = plain(text)
    return found


def summary(section: type) -> str:
    """First paragraph about a type, without its place in the file."""
    text = plain((python.getdoc(section) or "").partition("\n\n")[0])
    return re.sub(r": `\[[^`]*`", "", text)


def plain(text: str) -> str:
    """A docstring in a line of Markdown."""
    return " ".join(text.split()).replace("``", "`").replace("|", "\\|")


def main() -> None:
    """Write the page."""
    before, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    PAGE.write_text(f"{before}{heading}\n{reference()}", encoding="utf-8")


if __name__ == "__main__":
    main()
