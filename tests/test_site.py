"""The documentation as a site: complete, and without a request to another host."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import hevner

pytest.importorskip("zensical", reason="needs the extra 'docs'")

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = runpy.run_path(str(ROOT / "docs" / "build.py"))
PAGES = [path for path in SCRIPT["pages"]() if path.suffix == ".md"]
SETTINGS = (ROOT / "docs" / "mkdocs.yml").read_text("utf-8")
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]*\ssrc=[\"']?(?:https?:)?//[^>]*"
    r"|<link(?![^>]*rel=[\"']?(?:canonical|next|prev))[^>]*href=[\"']?(?:https?:)?//[^>]*"
    r"|url\([\"']?(?:https?:)?//[^)]*|@import[^;]*//[^;]*"
)
LINK = re.compile(r"\[[^]]*\]\(<?([^)>#\s]*)(?:#[^)\s]*)?>?\)", re.DOTALL)
FENCED = re.compile(r"^(```+).*?^\1$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-c", "import sys, runpy, pathlib;"
         "runpy.run_path(sys.argv[1])['build'](pathlib.Path(sys.argv[2]))",
         str(ROOT / "docs" / "build.py"), str(target)],
        check=True,
    )  # fmt: skip
    return target / "site"


def test_every_page_has_its_place() -> None:
    assert set(re.findall(r"[\w/.]+\.md", SETTINGS)) == set(map(str, PAGES))


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]
    assert len(files) > 40
    found = {match for path in files for match in LOADED.findall(path.read_text("utf-8"))}
    assert found == set()


def test_all_public_names_are_in_the_reference(site: Path) -> None:
    shown = "".join(path.read_text("utf-8") for path in (site / "docs" / "api").rglob("*.html"))
    for name in set(hevner.__all__) - {"__version__"}:
        assert f'id="hevner.{name}"' in shown, name


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", (ROOT / page).read_text("utf-8"))
    for target in LINK.findall(text):
        if target and not re.match("[a-z]+:", target):
            assert (ROOT / page.parent / target).exists(), target
