"""Every view once in a stock Firefox: it loads, plays, searches, and nothing complains."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.page.firefox import BINARY, Firefox
from tests.page.pages import AUDIO, DRAWN, TEXT, Service

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Firefox")

TEXT_OF = "document.querySelector(arguments[0])?.textContent.includes(arguments[1])"
COUNT = "document.querySelectorAll(arguments[0]).length"
ENTER = "\ue007"


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory, service: Service) -> Iterator[Firefox]:
    """A browser that at the end has complained of nothing on the page."""
    started = Firefox(tmp_path_factory.mktemp("firefox"))
    try:
        yield started
        assert started.complaints(service.address) == []
    finally:
        started.stop()


def opened(firefox: Firefox, service: Service, view: str) -> None:
    firefox.open("about:blank")
    firefox.open(f"{service.address}/#{view}")
    firefox.until(TEXT_OF, "#views a[aria-current]", TEXT[f"view.{view}"])
    assert firefox.run("return document.title") == f"{TEXT[f'view.{view}']} · hevner"


def test_listen(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "listen")
    firefox.type("#pick", str(AUDIO / "journey.ogg"))
    firefox.until(COUNT, ".timeline[role]")
    for canvas in (".wave", ".curve", ".chords", ".beside canvas"):
        firefox.until(f"({DRAWN})(arguments[0])", canvas)
    firefox.click(".listen button")
    firefox.until("document.querySelector('.bar .time').textContent >= '0:01'")
    firefox.click(".bar .main")
    firefox.until(TEXT_OF, ".listen button", TEXT["player.play"])


def test_find(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "find")
    firefox.until(TEXT_OF, ".facts", "5 pieces")
    firefox.type("#words-words", f"calm{ENTER}")
    firefox.until(f"{COUNT} === 5", ".hit")
    assert firefox.run(f"return {TEXT_OF}", ".hit .title", "calm evening")
    firefox.until(f"({DRAWN})(arguments[0])", ".plane canvas")
    firefox.click(".hit .round")
    firefox.until("document.querySelector('.bar .time').textContent >= '0:01'")


def test_compare(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "compare")
    firefox.until(COUNT, "#compare-add")
    firefox.type("#compare-add", "journey")
    firefox.until(COUNT, ".suggestions [aria-selected=true]")
    firefox.type("#compare-add", ENTER)
    firefox.until(COUNT, ".legend .title")
    firefox.until(f"({DRAWN})(arguments[0])", ".curve")


def test_rate(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "rate")
    firefox.until(COUNT, "#nickname")
    firefox.type("#nickname", f"Ann{ENTER}")
    firefox.until(COUNT, ".rate-place .plane")


def test_understand(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "understand")
    firefox.until(f"{COUNT} > 20", ".card-text tbody tr")


def test_german(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "find")
    firefox.run(
        """const choice = document.querySelector("#tools select");
        choice.value = "de";
        choice.dispatchEvent(new Event("change"));"""
    )
    firefox.until("document.documentElement.lang === 'de'")
    firefox.until(TEXT_OF, ".facts", "5 Stücke")
    firefox.type("#words-words", f"sehr ruhig{ENTER}")
    firefox.until(f"{COUNT} === 5", ".hit")
    firefox.run("localStorage.clear()")


def test_a_narrow_window_is_not_too_narrow(firefox: Firefox, service: Service) -> None:
    firefox.send("WebDriver:SetWindowRect", width=500, height=800)
    for view in ("listen", "find", "compare", "rate", "understand"):
        opened(firefox, service, view)
        wide = firefox.run("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, view


def test_errors_are_noticed(firefox: Firefox, service: Service) -> None:
    opened(firefox, service, "listen")
    assert firefox.complaints(service.address) == []
    firefox.run("setTimeout(() => { throw new Error('on purpose') })")
    firefox.run("document.body.setAttribute('style', 'color: red')")
    found = ""
    for _ in range(100):  # either may come a little later
        found += "".join(firefox.complaints(service.address))
        if "on purpose" in found and "style-src" in found:
            break
        time.sleep(0.1)
    assert "on purpose" in found
    assert "style-src" in found
