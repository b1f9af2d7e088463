"""Measure the page in a real browser: first paint, and the time between frames.

    python benchmarks/page.py [--folder DIR] [--browser chromium]

A server with a catalogue of 5,000 made-up pieces is started on loopback and the page opened in
Chromium, without a window. Frames are timed while nothing happens, while a pointer moves over the
plane, while a path is drawn, and while a piece of ten minutes plays. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import serve
import soundfile
from playwright.sync_api import Browser, Page, sync_playwright

from hevner.lab.metrics.report import write

RESULTS = Path(__file__).with_name("results") / "page.csv"
PIECES, MINUTES, PAINTS = 5_000, 10.0, 5
SIZE = {"width": 1360, "height": 860}
STEPS, PAUSE_S = 160, 0.012
STILL_S, PLAYS_S = 3.0, 6.0
"""Seconds for which frames are timed while nothing happens, and while a piece plays."""
PATIENCE_MS = 180_000
"""Milliseconds until what should come on a page is given up."""
COLUMNS = ("measure", "count", "median", "p95", "max", "unit")
Row = dict[str, object]

RECORD = """() => {
  window.frames_seen = []; window.recording = true; let last = performance.now();
  requestAnimationFrame(function step(now) {
    window.frames_seen.push(now - last); last = now;
    if (window.recording) requestAnimationFrame(step);
  });
}"""
STOP = """async () => {
  // A machine may be so busy that it has shown none.
  while (window.frames_seen.length < 3) await new Promise(requestAnimationFrame);
  window.recording = false;
  return window.frames_seen.slice(2);
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def song(path: Path) -> Path:
    """Ten minutes of plucked notes."""
    rate = 16_000
    clock = np.arange(round(MINUTES * 60 * rate)) / rate
    pitch = 220 * 2 ** (np.array([0, 4, 7, 12, 9, 5])[(2 * clock).astype(int) % 6] / 12)
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate) * (1 - (2 * clock) % 1)
    soundfile.write(path, sound, rate)
    return path


def frames(page: Page, what: Callable[[], None]) -> list[float]:
    """Milliseconds between frames while something happens."""
    page.evaluate(RECORD)
    what()
    times: list[float] = page.evaluate(STOP)
    return times


def sweep(page: Page, box: Any) -> None:
    """Move the pointer in waves over the plane."""
    for step in range(STEPS):
        share = step / STEPS
        x, y = box["x"] + 60 + 400 * share, box["y"] + 240 + 170 * math.sin(9 * share)
        page.mouse.move(x, y)
        time.sleep(PAUSE_S)


def draw(page: Page, box: Any) -> None:
    """Draw a path in waves."""
    page.mouse.move(box["x"] + 60, box["y"] + 240)
    page.mouse.down()
    sweep(page, box)
    page.mouse.up()


def row_of(measure: str, values: list[float], unit: str = "ms") -> Row:
    """A row of the table."""
    figures = statistics.median(values), float(np.quantile(values, 0.95)), max(values)
    shown = (f"{figure:.1f}" for figure in figures)
    return dict(zip(COLUMNS, (measure, len(values), *shown, unit), strict=True))


def measure(address: str, browser: Browser, folder: Path) -> list[Row]:
    """All rows of the table."""
    paints = []
    for _ in range(PAINTS):
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{address}/")
        page.wait_for_selector("nav a")
        page.wait_for_function(PAINT)
        time.sleep(0.6)
        paints.append(page.evaluate(PAINT))
        context.close()
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{address}/#find")
    page.wait_for_selector(".facts:not(:empty)")
    time.sleep(2)
    box = page.locator(".plane").bounding_box()
    still = frames(page, lambda: time.sleep(STILL_S))
    page.click("[data-tool=pick]")
    moving = frames(page, lambda: sweep(page, box))
    page.click("[data-tool=path]")
    drawing = frames(page, lambda: draw(page, box))
    page.goto(f"{address}/#listen")
    file = song(folder / "hevner-page.wav")
    page.set_input_files("#pick", str(file))
    page.wait_for_selector(".timeline")
    time.sleep(3)
    page.click(".listen button")
    time.sleep(1)
    playing = frames(page, lambda: time.sleep(PLAYS_S))
    file.unlink()
    return [
        row_of("first contentful paint", paints),
        row_of(f"frames, {PIECES} points", still),
        row_of(f"frames, {PIECES} points, pointer moves", moving),
        row_of(f"frames, {PIECES} points, path is drawn", drawing),
        row_of(f"frames, {MINUTES:g} minutes play", playing),
    ]


def run(
    about: str | None,
    out: Path,
    made: Callable[[Path, int], None],
    count: int,
    measure: Callable[[str, Browser, Path], list[Row]],
) -> None:
    """Measure in a browser with a server of a made-up catalogue; print, and write the table."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--out", type=Path, default=out, help="CSV file for the figures")
    options = parser.parse_args()
    program = shutil.which(options.browser)
    catalogue = options.folder / f"hevner-{out.stem}-{count}"
    if not catalogue.exists():
        made(catalogue, count)
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with serve.server(catalogue, 1) as (port, _), sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=arguments)
        rows = measure(f"http://127.0.0.1:{port}", browser, options.folder)
        browser.close()
    shutil.rmtree(catalogue)
    for row in rows:
        print(*row.values(), sep=", ")
    write(rows, options.out)


def main() -> None:
    """Measure, print, and write the table."""
    run(__doc__, RESULTS, serve.made, PIECES, measure)


if __name__ == "__main__":
    main()
