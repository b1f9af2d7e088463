"""Every view of the page, and how to bring a page into it; a new view is a function and a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.page.pages import AUDIO, TEXT, drop, expect

FORGET = """async () => {
    const { analyses } = await (await fetch("api/v1/analyses")).json();
    for (const { id } of analyses) await fetch(`api/v1/analyses/${id}`, { method: "DELETE" });
}"""


def go(page: Any, view: str) -> None:
    """To a view by its address, wherever the page is."""
    page.evaluate("(view) => { location.hash = `#${view}`; }", view)
    expect(page.locator(f"#views a[href='#{view}'][aria-current]")).to_have_count(1)


def listen_empty(page: Any) -> None:
    page.evaluate(FORGET)
    go(page, "listen")
    page.reload()
    expect(page.locator(".offered .tag")).not_to_have_count(0)


def listen(page: Any) -> None:
    go(page, "listen")
    drop(page, AUDIO / "journey.ogg")
    expect(page.locator(".timeline[role]")).to_be_visible()
    page.locator(".timeline[role]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function("document.querySelector('.bar:not([hidden])')")
    page.locator(".bar .main").click()  # stands still again


def library(page: Any) -> None:
    go(page, "library")
    page.click("[data-tab=pieces]")
    expect(page.locator(".grid-body .grid-row")).to_have_count(5)


def albums(page: Any) -> None:
    library(page)
    page.click("[data-tab=albums]")
    expect(page.locator(".grid-body .grid-row")).to_have_count(1)


def queue(page: Any) -> None:
    library(page)
    page.locator(".library-view .actions button").nth(1).click()
    page.click("[data-tab=queue]")
    expect(page.locator(".grid-body .grid-row")).not_to_have_count(0)


def live(page: Any) -> None:
    page.evaluate("location.hash = '#listen/live'")
    expect(page.locator("h1")).to_have_text(TEXT["live"])


def find(page: Any) -> None:
    go(page, "find")
    expect(page.locator(".facts")).to_contain_text("5")
    page.fill("#words-words", "calm")
    page.press("#words-words", "Enter")
    expect(page.locator(".hit")).not_to_have_count(0)
    page.mouse.move(0, 0)


def compare(page: Any) -> None:
    go(page, "compare")
    if page.locator(".legend li").count() < 2:
        page.fill("#compare-add", "journey")
        expect(page.locator(".suggestions [aria-selected=true]")).to_be_visible()
        page.press("#compare-add", "Enter")
    expect(page.locator(".legend .title")).not_to_have_count(0)


def rate_results(page: Any) -> None:
    go(page, "rate")
    page.evaluate("location.hash = '#rate/results'")
    expect(page.locator(".rate-results > *")).not_to_have_count(0)


def understand(page: Any) -> None:
    go(page, "understand")
    expect(page.locator(".card-text tbody tr")).not_to_have_count(0)


def rate(page: Any) -> None:
    go(page, "rate")
    page.fill("#nickname", "Ann")


def rate_piece(page: Any) -> None:
    rate(page)
    page.keyboard.press("Enter")
    expect(page.locator(".rate-place .plane").first).to_be_visible()


VIEWS: dict[str, Callable[[Any], None]] = {
    "listen-empty": listen_empty,
    "listen": listen,
    "live": live,
    "library": library,
    "library-albums": albums,
    "library-queue": queue,
    "find": find,
    "compare": compare,
    "rate": rate,
    "rate-piece": rate_piece,
    "rate-results": rate_results,
    "understand": understand,
}
"""In this order, so that later views have the piece of earlier ones."""
