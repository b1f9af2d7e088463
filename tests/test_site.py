"""The documentation as a site: complete, and without a request to another host."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name

import pytest

import hevner
import hevner.datasets
import hevner.errors
import hevner.store
from tests.page.conftest import CHROMIUM
from tests.page.pages import sync_api

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
CODE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
IMPORT = re.compile(r"^from (hevner[\w.]*) import ([\w, ]+)$", re.MULTILINE)
ANCHOR = re.compile(r'id="?(hevner[\w.]*)')
NAMED = re.compile(r"`((?:benchmarks|docs|examples|papers|recipes|src|tests)/[\w./-]+\.[a-z]+)`")
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


def test_a_browser_asks_no_other_host(site: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    asked: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        for name in ("developer", "concepts", "results", "api/analysis"):
            page.click(f"nav a[href$='{name}.html'] >> nth=0")
            page.wait_for_load_state("networkidle")
            assert name in page.url
        browser.close()
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}


def home(module: str, name: str) -> str:
    """Where a name is defined that may be imported from elsewhere."""
    value = resolve_name(f"{module}.{name}")
    return f"{value.__module__ if callable(value) else module}.{name}"


def public() -> set[str]:
    """Names that packages offer, and all that a page imports."""
    names = {
        f"{package.__name__}.{name}"
        for package in (hevner, hevner.datasets, hevner.store)
        for name in package.__all__
    }
    for page in PAGES:
        for block in CODE.findall((ROOT / page).read_text("utf-8")):
            for module, imported in IMPORT.findall(block):
                for name in imported.split(","):
                    names.add(home(module, name.strip()))
    for name, value in vars(hevner.errors).items():
        error = isinstance(value, type) and issubclass(value, hevner.HevnerError)
        if error and name not in hevner.__all__:
            names.add(f"{value.__module__}.{name}")
    return names - {"hevner.__version__"}


@pytest.fixture(scope="module")
def reference(site: Path) -> set[str]:
    pages = (site / "docs" / "api").rglob("*.html")
    return {name for page in pages for name in ANCHOR.findall(page.read_text("utf-8"))}


def test_all_public_names_are_in_the_reference(reference: set[str]) -> None:
    assert public() - reference == set()


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCED.sub("", (ROOT / page).read_text("utf-8"))
    for target in LINK.findall(text):
        if target and not re.match("[a-z]+:", target):
            assert (ROOT / page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in set(NAMED.findall((ROOT / page).read_text("utf-8"))):
        assert (ROOT / name).is_file() or (ROOT / page.parent / name).is_file(), name
