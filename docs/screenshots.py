"""Take pictures of each view of the page with the example pieces, in Chromium.

    python docs/screenshots.py docs/images
    python docs/screenshots.py /tmp/look --widths 1440 1024 390 --language de --whole

Each takes less than 150 kB. A new view is added in ``tests/page/views.py``.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from tests.page.conftest import CHROMIUM  # noqa: E402
from tests.page.pages import AUDIO, Service, sync_api  # noqa: E402
from tests.page.views import VIEWS  # noqa: E402

WIDTH = 1280
"""Of the pictures in the documentation, whose names do not say it; in pixels, as all."""

HEIGHTS = {390: 844, 1024: 768}
COLOURS = 128
"""Of a picture; the eye misses none, and files stay small."""


def main() -> None:
    """Start a service, and take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="Folder for the pictures.")
    parser.add_argument("--widths", type=int, nargs="+", default=[WIDTH], help="In pixels.")
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    parser.add_argument("--language", default="en", help="Code of the language of the page.")
    parser.add_argument("--whole", action="store_true", help="The whole page, not one screen.")
    asked = vars(parser.parse_args())
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        service = serve(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            take(browser, service.address, **asked)
        finally:
            browser.close()
            service.stop()


def take(
    browser: Any,
    address: str,
    out: Path,
    *,
    views: Iterable[str] = VIEWS,
    widths: Iterable[int] = (WIDTH,),
    themes: Iterable[str] = ("light", "dark"),
    language: str = "en",
    whole: bool = False,
) -> None:
    """Write a picture of each view in each theme and width to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    for width in widths:
        for theme in themes:
            context = browser.new_context(
                viewport={"width": width, "height": HEIGHTS.get(width, 900)},
                color_scheme=theme,
                locale=language,
            )
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("#views a[aria-current]")
            for view in views:
                VIEWS[view](page)
                page.wait_for_timeout(500)  # canvases draw in the next frame
                page.evaluate("document.activeElement.blur()")
                page.mouse.move(0, 0)
                name = [view, "dark"][: 1 + (theme == "dark")] + [str(width)] * (width != WIDTH)
                save(page.screenshot(full_page=whole), out / f"{'-'.join(name)}.png")
            context.close()


def serve(folder: Path) -> Service:
    """A service with a catalogue of the example pieces."""
    catalogue = folder / "catalogue"
    own = {"HEVNER_CACHE": str(folder / "cache"), "HEVNER_HOME": str(folder / "home")}
    index = [sys.executable, "-m", "hevner", "index", AUDIO, "--into", catalogue, "--quiet"]
    subprocess.run(index, check=True, env=os.environ | own)
    service = Service(folder, str(catalogue))
    service.start()
    return service


def save(taken: bytes, path: Path) -> None:
    """Write a picture with few colours."""
    with Image.open(io.BytesIO(taken)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    sys.stderr.write(f"{path}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
