"""Tools for assistants over the Model Context Protocol: a catalogue searched, listed and played.

Conventions
-----------
The server only reads, but for playlists in a folder that was named for them. Each tool sees the
newest version of the catalogue; one call after the other uses it. Valence, arousal and tension are
on -1..1, times in seconds. What hevner refuses is an error of the tool with its sentence. The
standard output carries the protocol alone: `mcp` turns all else to the standard error stream.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypedDict, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from hevner import __version__
from hevner.analysis import Analyzer
from hevner.audio import isolated
from hevner.catalog import browse as listing
from hevner.catalog.catalog import Catalog
from hevner.catalog.playlist import make_playlist
from hevner.catalog.query import Query
from hevner.catalog.search import search, why_nothing
from hevner.emotion import UNIT
from hevner.errors import HevnerError, OutputError
from hevner.files import display_name, write_file
from hevner.hits import Hit
from hevner.output.search_results import hits_as
from hevner.words import Lexicon
from hevner.words.describing import describe
from hevner.words.explaining import lines

P = ParamSpec("P")
R = TypeVar("R")

MOST = 200
"""Most pieces in an answer."""

INSTRUCTIONS = (
    "Music of one catalogue by its emotion. Valence runs from unpleasant (-1) to pleasant (1), "
    "arousal from calm (-1) to excited (1). Words such as 'calm, slightly nostalgic' are looked up "
    "in a lexicon; unknown ones are refused with the nearest known ones."
)

Words = Annotated[str, Field(description="Words with degrees, such as 'calm, slightly nostalgic'.")]
Where = Annotated[
    str,
    Field(description="Condition in SQL on columns, such as: duration < 300 AND year > 1990"),
]
Count = Annotated[int, Field(ge=1, le=MOST, description="Most pieces.")]
Axis = Annotated[float | None, Field(ge=-1, le=1, description="Target on -1..1.")]
Names = Annotated[list[str], Field(description="Names of columns.")]


class Found(TypedDict):
    """Pieces or moments that were found, the best first."""

    hits: list[dict[str, str | float | None]]
    fit: str
    nothing: str


class Listed(TypedDict):
    """Rows of a catalogue, and how many there are in all."""

    rows: list[dict[str, Any]]
    total: int


class Course(TypedDict):
    """A playlist in the order of playing, and where it was written; empty if nowhere."""

    hits: list[dict[str, str | float | None]]
    minutes: float
    file: str


class Emotion(TypedDict):
    """The emotion of a file."""

    facts: dict[str, str | float | None]
    why: list[str]


def _refusing(tool: Callable[P, R]) -> Callable[P, R]:
    """The tool, with errors of hevner as errors of the protocol."""

    @functools.wraps(tool)
    def called(*values: P.args, **named: P.kwargs) -> R:
        try:
            return tool(*values, **named)
        except HevnerError as error:
            raise ToolError(str(error)) from error

    return called


class Tools:
    """The tools over one catalogue; playlists are written into ``into``, nowhere if None."""

    def __init__(self, catalog: Catalog, into: Path | None = None) -> None:
        self._catalog = catalog
        self._into = into
        self._using = threading.Lock()
        self._analyzer = Analyzer(catalog.model, open_audio=isolated.open_audio)

    @contextmanager
    def _newest(self) -> Iterator[Catalog]:
        with self._using:
            self._catalog.refresh()
            yield self._catalog

    def analyze(
        self, path: Annotated[str, Field(description="Audio file on this machine.")]
    ) -> Emotion:
        """Analyse the emotion of an audio file: valence, arousal, words, key, tempo, and why."""
        analysis = self._analyzer.analyze(Path(path))
        known = {n: v for n, v in analysis.to_row().items() if v is not None and n[:4] != "tag_"}
        return {"facts": known, "why": lines(analysis)}  # type: ignore[typeddict-item]

    def search(
        self,
        mood: Words = "",
        unwanted: Words = "",
        valence: Axis = None,
        arousal: Axis = None,
        like: Annotated[str, Field(description="Audio file that music shall be like.")] = "",
        course: Annotated[str, Field(description="How emotion moves: 'tense->calm'.")] = "",
        text: Annotated[str, Field(description="The sound in free words, if encoded.")] = "",
        where: Where = "",
        moments: Annotated[bool, Field(description="Find moments inside pieces.")] = False,
        diverse: Annotated[bool, Field(description="Prefer results that differ.")] = False,
        count: Count = 10,
    ) -> Found:
        """Find music by emotion, likeness, course or a text, or by a condition alone."""
        query = Query.of(
            mood=mood, unwanted=unwanted, valence=valence, arousal=arousal, like=like or None,
            path=course or None, text=text, where=where, moments=moments, diverse=diverse,
            count=count,
        )  # fmt: skip
        with self._newest() as catalog:
            hits = search(catalog, query)
            nothing = "" if hits else why_nothing(catalog, query)
        return {"hits": _plain(hits), "fit": query.meaning_of_fit, "nothing": nothing}

    def browse(
        self,
        where: Where = "",
        columns: Names = [],  # noqa: B006 - never changed; a schema needs the default itself
        sort: Names = [],  # noqa: B006
        descending: Annotated[bool, Field(description="Largest first.")] = False,
        group: Annotated[
            list[str], Field(description=f"Count groups instead: {', '.join(listing.GROUPS)}.")
        ] = [],  # noqa: B006
        count: Count = 50,
    ) -> Listed:
        """List pieces with their columns, sorted, or groups of pieces with their mean emotion."""
        with self._newest() as catalog:
            if group:
                table = listing.grouped(catalog, group, where)
            else:
                table = listing.listed(catalog, where, columns)
            rows = listing.sorted_by(table, sort, descending)
        return {"rows": rows.slice(0, count).to_pylist(), "total": rows.num_rows}

    def playlist(
        self,
        start: Words,
        end: Words,
        minutes: Annotated[float, Field(gt=0, description="Duration in minutes.")],
        where: Where = "",
    ) -> Course:
        """Make a playlist that leads from one emotion to another; nothing is written."""
        return self._course(start, end, minutes, where, None)

    def save_playlist(
        self,
        start: Words,
        end: Words,
        minutes: Annotated[float, Field(gt=0, description="Duration in minutes.")],
        name: Annotated[str, Field(pattern=r"^\w[\w .-]*$", description="Name without ending.")],
        where: Where = "",
    ) -> Course:
        """Make a playlist and write it as M3U8 into the folder for playlists, if it is new."""
        assert self._into is not None
        path = self._into / f"{name}.m3u8"
        if path.exists():
            raise OutputError(
                "there is such a playlist already", subject=display_name(path),
                remedy="Give another name", code="exists",
            )  # fmt: skip
        return self._course(start, end, minutes, where, path)

    def _course(
        self, start: str, end: str, minutes: float, where: str, path: Path | None
    ) -> Course:
        lexicon = Lexicon()
        with self._newest() as catalog:
            space = catalog.space
            first, last = (
                space.merge(space.emotion(describe(lexicon.parse(one)))) for one in (start, end)
            )
            hits = make_playlist(catalog, first, last, 60 * minutes, where)
        if path is not None:
            write_file(path, hits_as("m3u8", hits, UNIT, path).encode())
        total = sum(hit.duration for hit in hits) / 60
        file = "" if path is None else display_name(path)
        return {"hits": _plain(hits), "minutes": round(total, 2), "file": file}


def _plain(hits: list[Hit]) -> list[dict[str, str | float | None]]:
    return [hit.to_dict(UNIT) for hit in hits]


def create(catalog: Catalog, into: Path | None = None) -> MCPServer[Any]:
    """Make the server; ``into`` is a folder for playlists, which nothing is written to if None."""
    tools = Tools(catalog, into)
    server = MCPServer("hevner", version=__version__, instructions=INSTRUCTIONS, log_level="ERROR")
    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in (tools.analyze, tools.search, tools.browse, tools.playlist):
        server.add_tool(_refusing(tool), annotations=reads)
    if into is not None:
        writes = ToolAnnotations(
            read_only_hint=False, destructive_hint=False, open_world_hint=False
        )
        server.add_tool(_refusing(tools.save_playlist), annotations=writes)
    return server
