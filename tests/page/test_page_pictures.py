"""The pictures of the documentation are of every view, small, and taken by the script."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.page.pages import Service
from tests.page.views import VIEWS

Image = pytest.importorskip("PIL.Image")

DOCS = Path(__file__).parents[2] / "docs"


def test_every_view_has_its_pictures() -> None:
    for view in VIEWS:
        for name in (f"{view}.png", f"{view}-dark.png"):
            assert (DOCS / "images" / name).stat().st_size < 150_000, name


def test_pictures_are_taken(service: Service, browser: Any, tmp_path: Path) -> None:
    script = runpy.run_path(str(DOCS / "screenshots.py"))
    script["take"](
        browser, service.address, tmp_path, views=["understand"], widths=[390], themes=["dark"]
    )
    with Image.open(tmp_path / "understand-dark-390.png") as picture:
        assert picture.size == (390, 844)
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 30
