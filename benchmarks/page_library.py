"""Measure the library on the page in a real browser, with 10,000 pieces.

    python benchmarks/page_library.py

A server with a catalogue of made-up pieces with titles, artists and albums is started on loopback
and the page opened in Chromium, without a window. Measured are: the time from the request of the
page to its first paint and to the first rows of the library, each time in a new browser context;
the time from a key stroke in the search box to the next frame after the list has changed, and the
part of it in which the page itself works; the time between frames while the list is scrolled, by
the wheel and from end to end, and the share of frames that took longer than one at 60 a second;
elements of the document and memory of scripts; and the size and time of the listing over HTTP. Run
it on an idle machine; the options are those of `page`.
"""

from __future__ import annotations

import gzip
import statistics
import time
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import catalog
import numpy as np
import page as page_times
from page import Row, row_of
from playwright.sync_api import Browser, CDPSession, Page

from hevner.model import space as spaces

RESULTS = Path(__file__).with_name("results") / "page_library.csv"
PIECES, PAINTS, ASKED = 10_000, 10, 5
ALBUM, ARTISTS = 12, 400
"""Pieces of an album, and number of artists."""
TYPED = ("night river", "artist 12", "piece 4711", "slow", "album 7", "winter rain")
ROUNDS = 2
WHEELS, WHEEL = 120, 240
"""Turns of the wheel, and pixels of each."""
ENDS_S = 4.0
"""Seconds in which the list is scrolled from one end to the other."""
FRAME_MS = 16.7
WORDS = ("night", "river", "rain", "winter", "slow", "golden", "broken", "silent", "city", "stone")

ROWS = "() => window.rows_shown"
WATCH = """() => {
  window.rows_shown = null;
  new MutationObserver((_, watch) => {
    if (!document.querySelector(".grid-body .grid-row .title")?.textContent) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.rows_shown = performance.now(); }));
  }).observe(document, { subtree: true, childList: true, characterData: true });
}"""
"""When the first rows have been painted, in milliseconds since the page was asked for."""

TYPING = """() => {
  Object.assign(window, { strokes: [], worked: [], kept: [], kept_work: [] });
  document.addEventListener("input", () => {
    const begun = performance.now();
    window.working = begun;
    requestAnimationFrame(() => setTimeout(() => window.strokes.push(performance.now() - begun)));
  }, true);
  document.addEventListener("input", () => {
    window.worked.push(performance.now() - window.working);
  });
}"""
FORGET = "() => { strokes.length = worked.length = 0; }"
KEEP = "() => { kept.push(...strokes); kept_work.push(...worked); }"
"""From the input event on: to after the frame that follows, and to the end of all its listeners."""

SCROLL = """(seconds) => new Promise((done) => {
  const grid = document.querySelector(".grid");
  const far = grid.scrollHeight - grid.clientHeight;
  const begun = performance.now();
  requestAnimationFrame(function step() {
    const share = Math.min(1, (performance.now() - begun) / (1000 * seconds));
    grid.scrollTop = share * far;
    if (share < 1) requestAnimationFrame(step);
    else done();
  });
})"""


def made(folder: Path, count: int) -> None:
    """Make a catalogue of so many pieces, with what tags say."""
    rng = np.random.default_rng(catalog.SEED)
    catalog.fill(folder, spaces.load(), count, rng, partial(tags, rng))


def tags(rng: np.random.Generator, numbers: range) -> dict[str, list[Any]]:
    """Titles, artists and so on of some pieces."""
    words = rng.choice(WORDS, (len(numbers), 3))
    albums = [number // ALBUM for number in numbers]
    return {
        "title": [
            f"{' '.join(some).capitalize()} {n}" for some, n in zip(words, numbers, strict=True)
        ],
        "artist": [f"Artist {album % ARTISTS}" for album in albums],
        "album": [f"Album {album}" for album in albums],
        "track": [number % ALBUM + 1 for number in numbers],
        "year": [1950 + album % 75 for album in albums],
        "genre": [("Rock", "Film; Jazz", "Folk", None)[album % 4] for album in albums],
        "cover": ["image/jpeg" if album % 2 else None for album in albums],
    }


def over_http(address: str) -> list[Row]:
    """Size of the listing, and how long it takes: at first, when it is packed, and later."""
    times, sizes = [], []
    for _ in range(1 + ASKED):
        request = urllib.request.Request(
            f"{address}/api/v1/catalog/listing", headers={"Accept-Encoding": "gzip"}
        )
        begun = time.perf_counter()
        with urllib.request.urlopen(request) as answer:
            packed = answer.read()
        times.append(1000 * (time.perf_counter() - begun))
        sizes.append((len(packed) / 1e3, len(gzip.decompress(packed)) / 1e3))
    return [
        row_of("listing, first answer", times[:1]),
        row_of("listing, later answers", times[1:]),
        row_of("listing, compressed", [sizes[0][0]], "kB"),
        row_of("listing, unpacked", [sizes[0][1]], "kB"),
    ]


def paints(address: str, browser: Browser) -> list[Row]:
    """Times of the first paint and of the first rows."""
    first, rows = [], []
    for _ in range(PAINTS):
        context = browser.new_context(viewport=page_times.SIZE)
        page = context.new_page()
        page.set_default_timeout(page_times.PATIENCE_MS)
        page.add_init_script(f"({WATCH})()")
        page.goto(f"{address}/#library")
        page.wait_for_function(ROWS)
        rows.append(page.evaluate(ROWS))
        page.wait_for_function(page_times.PAINT)
        first.append(page.evaluate(page_times.PAINT))
        context.close()
    return [
        row_of("first contentful paint", first),
        row_of("first rows painted", rows),
    ]


def typing(page: Page) -> list[Row]:
    """Times of key strokes in the search box."""
    page.evaluate(TYPING)
    box = page.get_by_role("searchbox")
    for text in TYPED * ROUNDS:
        box.fill("")
        page.wait_for_timeout(200)
        page.evaluate(FORGET)
        box.press_sequentially(text, delay=60)
        page.wait_for_function("(count) => strokes.length >= count", arg=len(text))
        page.evaluate(KEEP)
    return [
        row_of("key stroke to the next frame", page.evaluate("kept")),
        row_of("key stroke, work of the page", page.evaluate("kept_work")),
    ]


def scrolling(page: Page) -> list[Row]:
    """Times between frames while the list is scrolled."""
    box = page.locator(".grid").bounding_box()
    if box is None:
        raise RuntimeError("there is no list")
    page.mouse.move(box["x"] + 100, box["y"] + 200)

    def wheel() -> None:
        for _ in range(WHEELS):
            page.mouse.wheel(0, WHEEL)
            time.sleep(0.016)

    seen = {
        "frames, wheel": page_times.frames(page, wheel),
        "frames, from end to end": page_times.frames(page, lambda: page.evaluate(SCROLL, ENDS_S)),
    }
    rows = []
    for name, times in seen.items():
        rows.append(row_of(name, times))
        # A frame counts as late from half a millisecond on: clocks of browsers are rounded.
        late = statistics.mean(ms > FRAME_MS + 0.5 for ms in times)
        rows.append(row_of(f"{name}, late", [100 * late], "%"))
    return rows


def sizes(page: Page, session: CDPSession) -> list[Row]:
    """Elements of the document, and memory of scripts after unused memory was freed."""
    session.send("HeapProfiler.collectGarbage")
    heap = session.send("Runtime.getHeapUsage")["usedSize"] / 1e6
    elements = page.evaluate("document.querySelectorAll('*').length")
    return [
        row_of("elements of the document", [elements], ""),
        row_of("memory of scripts", [heap], "MB"),
    ]


def measure(address: str, browser: Browser, folder: Path) -> list[Row]:
    """All rows of the table."""
    rows = over_http(address) + paints(address, browser)
    page = browser.new_context(viewport=page_times.SIZE).new_page()
    page.set_default_timeout(page_times.PATIENCE_MS)
    page.goto(f"{address}/#library")
    page.wait_for_selector(".grid-body .grid-row")
    page.wait_for_timeout(1000)
    session = page.context.new_cdp_session(page)
    rows += sizes(page, session) + typing(page)
    page.get_by_role("searchbox").fill("")
    page.wait_for_timeout(500)
    return rows + scrolling(page)


def main() -> None:
    """Measure, print, and write the table."""
    page_times.run(__doc__, RESULTS, made, PIECES, measure)


if __name__ == "__main__":
    main()
