"""The pages as the tests read them: sections, and blocks of code in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([^`\n]+)`:\n\n\Z")
"""A line before a block that names the file with this content."""


class Block(NamedTuple):
    """A block of code: its language, its content, and the file that a page gives for it."""

    language: str
    content: str
    file: str


def read(page: str) -> str:
    """Text of a page, by its path in the repository."""
    return (ROOT / page).read_text(encoding="utf-8")


def sections(page: str) -> dict[str, str]:
    """Text of each section by heading."""
    _, *parts = re.split(r"^## ", read(page), flags=re.MULTILINE)
    return {heading: text for heading, _, text in (part.partition("\n") for part in parts)}


def parts(text: str) -> Iterator[Block]:
    """All blocks of a text, in their order."""
    for found in BLOCK.finditer(text):
        named = found[1] in ("csv", "toml") and NAMED.search(text[: found.start()])
        yield Block(found[1], found[2], named[1] if named else "")


def blocks(text: str, language: str) -> list[str]:
    """Contents of the blocks in a language."""
    return [part.content for part in parts(text) if part.language == language]


def commands(console: str) -> list[tuple[str, str]]:
    """Commands of a ``console`` block, each with the output that is shown."""
    entries = re.split(r"^\$ ", console.replace("\\\n", ""), flags=re.MULTILINE)[1:]
    return [(command, shown) for command, _, shown in (one.partition("\n") for one in entries)]
