"""The library on the page, in a real browser, against the real service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")

from hevner.catalog.writer import create, writing
from tests import joint_world
from tests.catalog import made_up
from tests.page.pages import TEXT, Opener, Page, expect
from tests.serve.servers import running, settings, snapshot

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "\u202etxt.exe\u2066",
    "مرحبا بالعالم",
    "🎻" * 40,
    "quo\"te\\'back",
    "x" * 500,
]


@dataclass(frozen=True)
class Shown:
    """A service with a made-up catalogue."""

    address: str
    folder: Path


def pieces(count: int) -> list[dict[str, Any]]:
    """Rows of a made-up catalogue: five artists, ten albums, and hostile titles at the end."""
    rows = [
        made_up.piece(
            number,
            title=f"Piece {number}",
            artist=("Björk", "Ada Fenn", "Cy Bell", "Zoë", "Émile")[number % 5],
            album=f"Album {number % 10}",
            track=number // 10,
            year=1990 + number % 30,
            valence=-0.9 + 1.8 * (number % 41) / 40,
            arousal=-0.9 + 1.8 * (number % 37) / 36,
            tempo=60.0 + number % 100,
            duration=100.0 + number,
            quadrant="Q1",
            key="A minor",
            tags=["calm"] if number % 2 else ["happy"],
        )
        for number in range(count)
    ]
    strange = [
        made_up.piece(count + n, title=text, artist=text, valence=0.0, arousal=0.0)
        for n, text in enumerate(HOSTILE)
    ]
    return rows + strange


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    folder = tmp_path_factory.mktemp("library")
    catalog = create(folder / "catalog", joint_world.space())
    with writing(catalog) as writer:
        writer.put(pieces(2000), [])
    with running(settings(folder / "state"), snapshot(folder / "catalog")) as server:
        yield Shown(server.client_address, folder / "catalog")


# --- the picker ---

PICKER = """async () => {
    const { Picker } = await import("./static/picker.js");
    window.picked = [];
    const picked = (hit) => window.picked.push(hit);
    const picker = new Picker("Add a piece", { id: "some", picked });
    document.getElementById("main").replaceChildren(picker.element);
}"""


def suggestions(page: Page) -> list[str]:
    titles: list[str] = page.locator(".suggestions .title").all_text_contents()
    return titles


def test_the_picker_suggests_pieces(library: Shown, opened: Opener) -> None:
    page, _ = opened(library)
    page.evaluate(PICKER)
    box = page.get_by_role("combobox", name="Add a piece")
    box.fill("170 BJORK")
    expect(box).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".suggestions li")).to_have_count(4)
    # Words that begin so come first.
    assert suggestions(page) == ["Piece 170", "Piece 1700", "Piece 1705", "Piece 1170"]
    box.press("ArrowDown")
    chosen = page.locator(f"#{box.get_attribute('aria-activedescendant')}")
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(chosen.locator(".title")).to_have_text("Piece 1700")
    box.press("Enter")
    expect(box).to_have_value("")
    expect(page.locator(".suggestions")).to_be_hidden()
    box.fill("piece 7 cy")
    page.locator(".suggestions li").first.click()
    picked = page.evaluate("window.picked")
    assert [hit["title"] for hit in picked] == ["Piece 1700", "Piece 7"]
    assert picked[0]["id"] == f"{1700:040x}"
    assert picked[0]["artist"] == "Björk"


def test_the_picker_has_nothing_to_suggest(library: Shown, opened: Opener) -> None:
    page, _ = opened(library)
    page.evaluate(PICKER)
    box = page.get_by_role("combobox", name="Add a piece")
    box.fill("no such piece")
    expect(page.locator(".suggestions")).to_have_text(TEXT["picker.none"])
    box.press("Enter")
    box.press("ArrowDown")
    box.press("Escape")
    expect(page.locator(".suggestions")).to_be_hidden()
    box.fill("<img")
    expect(page.locator(".suggestions .title")).to_have_text([HOSTILE[0]])
    expect(page.locator(".suggestions img")).to_have_count(0)
    assert page.evaluate("window.picked") == []
