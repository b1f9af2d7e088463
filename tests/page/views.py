"""Every view of the page, and how to bring a page into it; a new view is a function and a line.

Only what playwright's page and `Firefox` both have is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.page.pages import AUDIO, drop

FORGET = """async () => {
    const { analyses } = await (await fetch("api/v1/analyses")).json();
    for (const { id } of analyses) await fetch(`api/v1/analyses/${id}`, { method: "DELETE" });
}"""


def counted(page: Any, selector: str, count: int) -> None:
    """Wait until there are as many elements."""
    page.wait_for_function(
        "([selector, count]) => document.querySelectorAll(selector).length === count",
        arg=[selector, count],
    )


def go(page: Any, view: str) -> None:
    """To a view by its address, wherever the page is."""
    page.evaluate("(view) => { location.hash = `#${view}`; }", view)
    page.wait_for_selector(f"#views a[href='#{view}'][aria-current]")


def listen_empty(page: Any) -> None:
    page.evaluate(FORGET)
    go(page, "listen")
    page.reload()
    page.wait_for_selector(".offered .tag")


def listen(page: Any) -> None:
    go(page, "listen")
    drop(page, AUDIO / "journey.ogg")
    page.wait_for_selector(".timeline[role]")
    for _ in range(5):
        page.press(".timeline[role]", "ArrowRight")
    page.evaluate("document.activeElement.blur()")
    page.wait_for_selector(".bar:not([hidden])")
    page.click(".bar .main")  # stands still again


def library(page: Any) -> None:
    go(page, "library")
    page.click("[data-tab=pieces]")
    counted(page, ".grid-body .grid-row", 5)


def albums(page: Any) -> None:
    library(page)
    page.click("[data-tab=albums]")
    counted(page, ".grid-body .grid-row", 1)


def queue(page: Any) -> None:
    library(page)
    page.click(".library-view .actions button:nth-of-type(2)")
    page.click("[data-tab=queue]")
    page.wait_for_selector(".grid-body .grid-row")


def live(page: Any) -> None:
    page.evaluate("location.hash = '#listen/live'")
    page.wait_for_selector(".now .valence")


def find(page: Any) -> None:
    go(page, "find")
    page.wait_for_function("() => document.querySelector('.facts')?.textContent.includes('5')")
    page.fill("#words-words", "calm")
    page.press("#words-words", "Enter")
    page.wait_for_selector(".hit")


def compare(page: Any) -> None:
    go(page, "compare")
    if page.evaluate("document.querySelectorAll('.legend li').length") < 2:
        page.fill("#compare-add", "journey")
        page.wait_for_selector(".suggestions [aria-selected=true]")
        page.press("#compare-add", "Enter")
    page.wait_for_selector(".legend .title")


def rate_results(page: Any) -> None:
    go(page, "rate")
    page.evaluate("location.hash = '#rate/results'")
    page.wait_for_selector(".rate-results > *")


def understand(page: Any) -> None:
    go(page, "understand")
    page.wait_for_selector(".card-text tbody tr")


def rate(page: Any) -> None:
    go(page, "rate")
    page.fill("#nickname", "Ann")


def rate_piece(page: Any) -> None:
    rate(page)
    page.press("#nickname", "Enter")
    page.wait_for_selector(".rate-place .plane")


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
