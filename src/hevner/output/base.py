"""The base class of writers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from hevner.result import Analysis, Failure

Record = Analysis | Failure


class Destination(Protocol):
    """Something that takes text: a stream, or `hevner.files.OutputFile`."""

    def write(self, text: str, /) -> object:
        """Take text."""
        ...


@dataclass(frozen=True)
class Options:
    """Layout of a table.

    Attributes
    ----------
    width
        Characters per line; None for as many as the table needs.
    colour
        Whether to use terminal colours.
    all_tags
        Whether to show every tag that is present, those of use ("corporate", "film") too.
    """

    width: int | None = None
    colour: bool = False
    all_tags: bool = False


class Writer(ABC):
    """Writes results one after the other.

    Parameters
    ----------
    destination
        Takes the text.
    options
        Layout of a table.
    """

    def __init__(self, destination: Destination, options: Options) -> None:
        self.destination = destination
        self.options = options

    @abstractmethod
    def write(self, record: Record) -> None:
        """Add a result."""

    @abstractmethod
    def finish(self) -> None:
        """Write what comes after the last result."""
