"""Tools for assistants, called by the reference client: in this process, and over stdio."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters
from typer.testing import CliRunner

from hevner.assistant import create
from hevner.cli import app
from tests.catalog.library import Library, build
from tests.sounds import music, write

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return build(tmp_path_factory.mktemp("library") / "catalog", 80)


def asked(server: Any, talk: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Client(server) as client:
            return await talk(client)

    return asyncio.run(run())


def called(library: Library, tool: str, into: Path | None = None, **given: Any) -> Any:
    """The result of a tool; its error is a `ValueError`."""
    result = asked(create(library.catalog, into), lambda client: client.call_tool(tool, given))
    if result.is_error:
        raise ValueError(result.content[0].text)
    return result.structured_content


def test_tools_have_schemas_and_only_read(library: Library, tmp_path: Path) -> None:
    tools = asked(create(library.catalog), lambda client: client.list_tools()).tools
    assert [tool.name for tool in tools] == ["analyze", "search", "browse", "playlist"]
    for tool in tools:
        assert tool.annotations.read_only_hint
        assert tool.description
        assert tool.output_schema["type"] == "object"
        for name, schema in tool.input_schema["properties"].items():
            assert schema["description"], name
    more = asked(create(library.catalog, tmp_path), lambda client: client.list_tools()).tools
    assert {tool.name: tool.annotations.read_only_hint for tool in more}["save_playlist"] is False


def test_search_finds_and_says_why_not(library: Library) -> None:
    found = called(library, "search", valence=0.5, arousal=0.5, count=3)
    assert len(found["hits"]) == 3
    assert found["hits"][0]["valence"] == pytest.approx(0.5, abs=0.3)
    assert (found["fit"], found["nothing"]) == (
        "the share of music at large that fits worse", "",
    )  # fmt: skip
    none = called(library, "search", valence=0.5, arousal=0.5, where="duration > 1000")
    assert none == {**none, "hits": []}
    assert "No piece passes the filter" in none["nothing"]


def test_browse_lists_sorts_and_groups(library: Library) -> None:
    some = called(
        library, "browse", where="status = 'ok'", columns=["name", "valence"], sort=["valence"],
        descending=True, count=2,
    )  # fmt: skip
    best = max(piece["valence"] for piece in library.pieces)
    assert some["total"] == 80
    assert [sorted(row) for row in some["rows"]] == [["name", "valence"]] * 2
    assert some["rows"][0]["valence"] == pytest.approx(best)
    keys = called(library, "browse", where="status = 'ok'", group=["key"])
    assert {row["key"]: row["pieces"] for row in keys["rows"]} == {"A minor": 40, "C major": 40}


def test_playlists_are_made_and_written_only_where_allowed(
    library: Library, tmp_path: Path
) -> None:
    ways: dict[str, Any] = {"start": "tense", "end": "very calm", "minutes": 15}
    made = called(library, "playlist", **ways)
    assert made["minutes"] == pytest.approx(15, abs=4)
    assert made["file"] == ""
    with pytest.raises(ValueError, match="save_playlist"):
        called(library, "save_playlist", name="evening", **ways)
    written = called(library, "save_playlist", tmp_path, name="evening", **ways)
    text = (tmp_path / "evening.m3u8").read_text()
    assert (written["file"], text[:7]) == (str(tmp_path / "evening.m3u8"), "#EXTM3U")
    for name in ("evening", "../evening", "/tmp/evening"):
        with pytest.raises(ValueError, match=r"already|name"):
            called(library, "save_playlist", tmp_path, name=name, **ways)
    assert [path.name for path in tmp_path.iterdir()] == ["evening.m3u8"]


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("search", {}, "nothing is wanted"),
        ("search", {"mood": "zzz"}, "zzz"),
        ("search", {"valence": 3, "arousal": 0}, "valence"),
        ("search", {"valence": 0.1, "arousal": 0, "where": "colour = 1"}, "colour"),
        ("browse", {"columns": ["colour"]}, "there is no column 'colour'"),
        ("playlist", {"start": "sad", "end": "happy", "minutes": 10_000}, "too little music"),
        ("analyze", {"path": "/no/such/file.mp3"}, "file.mp3: no such file"),
        ("analyze", {}, "path"),
    ],
)
def test_what_is_refused_is_an_error_of_the_tool(
    library: Library, tool: str, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        called(library, tool, **given)


def test_over_stdio_nothing_but_the_protocol_is_said(tmp_path: Path) -> None:
    write(tmp_path / "songs" / "a.wav", music(4.0))
    into = tmp_path / "catalogue"
    assert (
        CliRunner().invoke(app, ["index", str(tmp_path / "songs"), "--into", str(into)]).exit_code
        == 0
    )
    # What is printed in the process must not reach the client.
    noise = "print('noise'); os.write(1, b'noise\\n')"
    script = (
        "import hevner.catalog.browse as b, os\n"
        "usual = b.listed\n"
        f"def listed(*values): {noise}; return usual(*values)\n"
        "b.listed = listed\n"
        "import sys; sys.argv = ['hevner', *sys.argv[1:]]\n"
        "from hevner.cli import main; main()\n"
    )
    server = StdioServerParameters(
        command=sys.executable, args=["-c", script, "mcp", str(into)], env=dict(os.environ)
    )

    async def talk(client: Client) -> tuple[Any, Any]:
        assert client.server_info is not None
        assert client.server_info.name == "hevner"
        listed = await client.call_tool("browse", {"columns": ["name"]})
        emotion = await client.call_tool("analyze", {"path": str(tmp_path / "songs" / "a.wav")})
        return listed.structured_content, emotion.structured_content

    listed, emotion = asked(server, talk)
    assert listed == {"rows": [{"name": "a.wav"}], "total": 1}
    assert emotion["facts"]["status"] in ("ok", "no_music")
    assert emotion["facts"]["duration"] == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [(["{0}/none"], 1, "none"), (["{0}", "--playlists", "{0}/none"], 2, "there is no folder")],
)
def test_calls_that_make_no_sense_are_refused(
    arguments: list[str], status: int, said: str, tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, ["mcp", *(one.format(tmp_path) for one in arguments)])
    assert (done.exit_code, done.stdout) == (status, "")
    assert said in done.stderr
