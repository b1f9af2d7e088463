"""Servers and browsers for the tests of the page; these tests may talk to this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loopback import only_this_machine  # noqa: F401 - a fixture for all tests here
from tests.page.pages import (
    AUDIO,
    LONG_S,
    PATIENCE_S,
    Opener,
    Service,
    Watch,
    expect,
    sync_api,
    write_wav,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of the example pieces, to be copied."""
    folder = tmp_path_factory.mktemp("indexed")
    cache = {"HEVNER_CACHE": str(folder / "cache"), "HEVNER_HOME": str(folder / "home")}
    subprocess.run(
        [sys.executable, "-m", "hevner", "index", AUDIO, "--into", folder / "catalogue", "--quiet"],
        env=os.environ | cache,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, indexed: Path) -> Iterator[Service]:
    """With a catalogue of the example pieces."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copytree(indexed, folder, dirs_exist_ok=True)
    running = Service(folder, str(folder / "catalogue"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With a token, and without a catalogue."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "report.html").write_text("<h1>How the sets differ</h1>")
    running = Service(folder, "--token", "open sesame", "--gap", str(folder))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Opener]:
    """Open a page; at the end of a test each must have asked no other host and told no error."""
    contexts, watches = [], []

    def open_page(
        service: Service, path: str = "/", *, may_fail: bool = False, **options: Any
    ) -> tuple[Any, Watch]:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"} | options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        watches.append(Watch(page, service))
        watches[-1].may_fail = may_fail
        page.goto(service.address + path)
        page.wait_for_selector("nav a[aria-current]")
        if path == "/#find" and not may_fail:
            expect(page.locator(".facts")).to_have_text("5 pieces")
        return page, watches[-1]

    yield open_page
    for context in contexts:
        context.close()
    for watch in watches:
        watch.check()


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """Some minutes of a melody in a WAV file."""
    import numpy as np

    rate = 16_000
    time = np.arange(LONG_S * rate) / rate
    pitch = 220 * 2 ** (np.array([0, 4, 7, 12])[(time * 2).astype(int) % 4] / 12)
    sound = 0.3 * np.sin(2 * np.pi * np.cumsum(pitch) / rate) * (1 - (time * 2) % 1)
    return write_wav(tmp_path / "long.wav", (sound * 32_767).astype("<i2").tobytes(), rate)
