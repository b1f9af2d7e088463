"""Take pictures of each view of the page with the example pieces, in Chromium.

    python docs/screenshots.py docs/images
    python docs/screenshots.py /tmp/look --widths 1440 1024 390 --language de --all

Without ``--all`` those of the documentation: light at 1280 pixels, and one of a telephone in the dark.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402

from tests.page.conftest import CHROMIUM  # noqa: E402
from tests.page.pages import AUDIO, Service, sync_api  # noqa: E402
from tests.page.views import VIEWS  # noqa: E402

HEIGHTS = {390: 844, 1024: 768}
COLOURS = 128
"""Of a picture; as few as the eye does not miss, for small files."""


def main(arguments: list[str] | None = None) -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path, help="Folder for the pictures.")
    parser.add_argument("--widths", type=int, nargs="+", default=[1280], help="In pixels.")
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--views", nargs="+", choices=VIEWS, default=list(VIEWS))
    parser.add_argument("--language", default="en", help="Code of the language of the page.")
    parser.add_argument("--whole", action="store_true", help="The whole page, not one screen.")
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        service = serve(Path(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            for width in asked.widths:
                for theme in asked.themes:
                    context = browser.new_context(
                        viewport={"width": width, "height": HEIGHTS.get(width, 900)},
                        color_scheme=theme,
                        locale=asked.language,
                    )
                    page = context.new_page()
                    page.goto(service.address)
                    page.wait_for_selector("#views a[aria-current]")
                    for view in VIEWS:
                        VIEWS[view](page)
                        if view in asked.views:
                            page.wait_for_timeout(500)  # canvases draw in the next frame
                            taken = page.screenshot(full_page=asked.whole)
                            save(taken, asked.out / f"{view}-{theme}-{width}.png")
                    context.close()
        finally:
            browser.close()
            service.stop()


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
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")  # noqa: T201


if __name__ == "__main__":
    main()
