"""Every view in a stock Firefox: it draws, plays and listens as in Chromium, and none complains."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
import soxr

from tests.page.access import findings, walked
from tests.page.firefox import BINARY, Firefox
from tests.page.microphone import KEEP, SAYS, alike, listened
from tests.page.pages import AUDIO, TEXT, Service, drawn, sounded
from tests.page.views import VIEWS, counted, go

pytestmark = pytest.mark.skipif(BINARY is None, reason="needs Firefox")

CANVASES = {
    "listen": (".wave", ".curve", ".chords", ".beside canvas"),
    "find": (".plane canvas",),
    "compare": (".curve",),
}

TONE_HZ = 1000
"""Of the browser's own microphone for tests."""

SOUND = """async (bytes) => {
    const context = new AudioContext();
    const { buffer } = Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0));
    const source = new AudioBufferSourceNode(context, {
        buffer: await context.decodeAudioData(buffer),
    });
    const microphone = new MediaStreamAudioDestinationNode(context);
    source.connect(microphone);
    source.start();
    navigator.mediaDevices.getUserMedia = async () => microphone.stream;
}"""
"""Puts music where the microphone's sound comes from."""


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    started = Firefox(tmp_path_factory.mktemp("firefox"))
    yield started
    started.stop()


@pytest.fixture
def page(firefox: Firefox, service: Service) -> Iterator[Firefox]:
    """The browser, at the page; at the end it has complained of nothing."""
    opened(firefox, service)
    yield firefox
    assert firefox.complaints(service.address) == []


def opened(firefox: Firefox, service: Service) -> None:
    """Open the page as in a browser that has just been started."""
    firefox.set_viewport_size({"width": 1280, "height": 900})
    firefox.emulate_media(color_scheme="light")
    firefox.goto(service.address)
    firefox.evaluate("[localStorage.clear(), sessionStorage.clear()]")
    firefox.goto("about:blank")
    firefox.goto(service.address)
    firefox.wait_for_selector("nav a[aria-current]")


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_drawn_and_open_to_everybody(page: Firefox, view: str) -> None:
    VIEWS[view](page)
    for canvas in CANVASES.get(view, ()):
        drawn(page, canvas)
    assert walked(page) + findings(page) == []


def test_the_question_for_a_token_is_open_to_everybody(firefox: Firefox, guarded: Service) -> None:
    opened(firefox, guarded)
    firefox.wait_for_selector("dialog[open]")
    assert findings(firefox) == []
    assert firefox.complaints(guarded.address) == []


def test_a_chosen_file_and_a_piece_that_was_found_are_played(page: Firefox) -> None:
    page.set_input_files("#pick", AUDIO / "journey.ogg")
    page.click(".listen button")
    sounded(page, "0:01")
    page.click(".bar .main")
    page.wait_for_function(SAYS, arg=[".listen button", TEXT["player.play"]])
    VIEWS["find"](page)
    page.click(".hit .round")
    sounded(page, "0:01")


def test_the_microphone_is_listened_to(page: Firefox) -> None:
    VIEWS["live"](page)
    page.evaluate(KEEP)
    page.press(".listen button", "Enter")
    samples, rate, found = listened(page)
    spectrum = np.abs(np.fft.rfft(samples[rate : 2 * rate]))
    assert spectrum.argmax() == TONE_HZ
    assert found[-1]["status"] == "no_music"


def test_music_at_the_microphone_has_values(page: Firefox) -> None:
    VIEWS["live"](page)
    page.evaluate(KEEP)
    file = AUDIO / "tense_chase.ogg"
    page.evaluate(SOUND, base64.b64encode(file.read_bytes()).decode())
    page.press(".listen button", "Enter")
    samples, rate, found = listened(page)
    assert found[-1]["valence"]
    played, file_rate = soundfile.read(file, frames=600_000, always_2d=True)
    played = soxr.resample(played.mean(axis=1), file_rate, rate)
    assert alike(samples[2 * rate : 3 * rate], played) > 0.98


def test_german(page: Firefox) -> None:
    page.evaluate(
        """() => {
            const choice = document.querySelector("#tools select");
            choice.value = "de";
            choice.dispatchEvent(new Event("change"));
        }"""
    )
    page.wait_for_function("document.documentElement?.lang === 'de'")
    go(page, "find")
    page.wait_for_function(SAYS, arg=[".facts", "5 Stücke"])
    page.fill("#words-words", "sehr ruhig")
    page.press("#words-words", "Enter")
    counted(page, ".hit", 5)


def test_errors_are_noticed(firefox: Firefox, service: Service) -> None:
    opened(firefox, service)
    assert firefox.complaints(service.address) == []
    firefox.evaluate("() => { setTimeout(() => { throw new Error('on purpose'); }); }")
    firefox.evaluate("document.body.setAttribute('style', 'color: red')")
    found = ""
    for _ in range(100):  # either may come a little later
        found += "".join(firefox.complaints(service.address))
        if "on purpose" in found and "style-src" in found:
            break
        time.sleep(0.1)
    assert "on purpose" in found
    assert "style-src" in found
