"""Measure the page in a real browser: first paint, and the time between frames.

    python benchmarks/page.py [--folder DIR] [--browser chromium]

A server with a catalogue of 5,000 made-up pieces is started on loopback and the page opened in
Chromium, without a window. Frames are timed while nothing happens, while a pointer moves over the
plane, while a path is drawn, and while a piece of ten minutes plays. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import csv
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
from playwright.sync_api import Page, sync_playwright

RESULTS = Path(__file__).with_name("results") / "page.csv"
PIECES, MINUTES, PAINTS = 5_000, 10.0, 5
SIZE = {"width": 1360, "height": 860}
STEPS, PAUSE_S = 160, 0.012
STILL_S, PLAYS_S = 3.0, 6.0
"""Seconds for which frames are timed while nothing happens, and while a piece plays."""
COLUMNS = ("measure", "count", "median_ms", "p95_ms", "max_ms")

RECORD = """() => {
  window.frames_seen = []; window.recording = true; let last = performance.now();
  requestAnimationFrame(function step(now) {
    window.frames_seen.push(now - last); last = now;
    if (window.recording) requestAnimationFrame(step);
  });
}"""
STOP = "() => { window.recording = false; return window.frames_seen.slice(2); }"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


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


def measure(address: str, browser: Any, file: Path) -> dict[str, list[float]]:
    """All times in milliseconds."""
    seen: dict[str, list[float]] = {"first contentful paint": []}
    for _ in range(PAINTS):
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        page.goto(f"{address}/")
        page.wait_for_selector("nav a")
        time.sleep(0.6)
        seen["first contentful paint"].append(page.evaluate(PAINT))
        context.close()
    page = browser.new_context(viewport=SIZE).new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{address}/#find")
    page.wait_for_selector(".facts:not(:empty)")
    time.sleep(2)
    box = page.locator(".plane").bounding_box()
    seen[f"frames, {PIECES} points"] = frames(page, lambda: time.sleep(STILL_S))
    page.click("[data-tool=pick]")
    seen[f"frames, {PIECES} points, pointer moves"] = frames(page, lambda: sweep(page, box))
    page.click("[data-tool=path]")
    seen[f"frames, {PIECES} points, path is drawn"] = frames(page, lambda: draw(page, box))
    page.goto(f"{address}/#listen")
    page.set_input_files("#pick", str(file))
    page.wait_for_selector(".timeline")
    time.sleep(3)
    page.click(".listen button")
    time.sleep(1)
    seen[f"frames, {MINUTES:g} minutes play"] = frames(page, lambda: time.sleep(PLAYS_S))
    return seen


def main() -> None:
    """Measure, print, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--out", type=Path, default=RESULTS, help="CSV file for the figures")
    options = parser.parse_args()
    program = shutil.which(options.browser)
    catalogue = options.folder / f"hevner-page-{PIECES}"
    if not catalogue.exists():
        serve.made(catalogue, PIECES)
    file = song(options.folder / "hevner-page.wav")
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with serve.server(catalogue, 1) as (port, _), sync_playwright() as player:
        browser = player.chromium.launch(executable_path=program, args=arguments)
        seen = measure(f"http://127.0.0.1:{port}", browser, file)
        browser.close()
    shutil.rmtree(catalogue)
    file.unlink()
    with options.out.open("w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(COLUMNS)
        for name, times in seen.items():
            figures = statistics.median(times), float(np.quantile(times, 0.95)), max(times)
            row = (name, len(times), *(f"{figure:.1f}" for figure in figures))
            print(*row, sep=", ", flush=True)
            writer.writerow(row)


if __name__ == "__main__":
    main()
