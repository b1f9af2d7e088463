"""Measure the library on the page in a real browser, with 10,000 pieces.

    python benchmarks/page_library.py [--folder DIR] [--browser chromium]

A server with a catalogue of made-up pieces with titles, artists and albums is started on loopback
and the page opened in Chromium, without a window. Measured are: the time from the request of the
page to its first paint and to the first rows of the library, each time in a new browser context;
the time from a key stroke in the search box to the next frame after the list has changed, and the
part of it in which the page itself works; the time between frames while the list is scrolled, by
the wheel and from end to end, and the share of frames that took longer than one at 60 a second; elements
of the document and memory of scripts; and the size and time of the listing over HTTP. Run it on an
idle machine.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import shutil
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import catalog
import numpy as np
import page as page_times
import pyarrow as pa
import serve
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from hevner.catalog.columns import PIECES as TABLE
from hevner.catalog.columns import noted
from hevner.catalog.writer import create, writing
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
WORDS = ("night river rain winter slow golden broken silent city dance light stone paper "
         "morning shadow ocean garden fire").split()  # fmt: skip  # noqa: SIM905
COLUMNS = ("measure", "count", "median", "p95", "max", "unit")

ROWS = "window.rows_shown ?? null"
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
  window.strokes = [];
  document.addEventListener("input", () => {
    const begun = performance.now();
    queueMicrotask(() => {});
    requestAnimationFrame(() => setTimeout(() => window.strokes.push(performance.now() - begun)));
  }, true);
  document.addEventListener("input", () => {
    window.worked ??= [];
    window.worked.push(performance.now() - window.working);
  });
  document.addEventListener("input", () => { window.working = performance.now(); }, true);
}"""
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
    space, rng = spaces.load(), np.random.default_rng(catalog.SEED)
    new = create(folder, space)
    schema = pa.unify_schemas([new.pieces.schema, noted(TABLE)])
    first = 0
    with writing(new) as writer:
        music = catalog.music(space, count, rng)
        for table in catalog.pieces(space, music, schema, rng):
            for name, values in tags(range(first, first + len(table)), rng).items():
                number = schema.get_field_index(name)
                table = table.set_column(
                    number, schema.field(name), pa.array(values, schema.field(name).type)
                )
            new.pieces.add(table)
            first += len(table)
        writer.tidy()


def tags(numbers: range, rng: np.random.Generator) -> dict[str, list[Any]]:
    """Titles, artists and so on of some pieces."""
    words = rng.choice(WORDS, (len(numbers), 3))
    albums = [number // ALBUM for number in numbers]
    return {
        "title": [f"{' '.join(some).capitalize()} {n}" for some, n in zip(words, numbers, strict=True)],
        "artist": [f"Artist {album % ARTISTS}" for album in albums],
        "album": [f"Album {album}" for album in albums],
        "track": [number % ALBUM + 1 for number in numbers],
        "year": [1950 + album % 75 for album in albums],
        "genre": [("Rock", "Film; Jazz", "Folk", None)[album % 4] for album in albums],
        "cover": ["image/jpeg" if album % 2 else None for album in albums],
    }
