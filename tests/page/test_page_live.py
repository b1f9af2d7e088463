"""The microphone on the page: Chromium plays a file as if it came from one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from tests.page.conftest import CHROMIUM
from tests.page.microphone import KEEP, alike, listened
from tests.page.pages import AUDIO, TEXT, Opener, Page, Service, Watch, expect, sync_api

RATE = 44_100
NONE = "\N{EN DASH}"

REFUSE = """
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "%s"); };
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Eight seconds of music, which the microphone repeats."""
    samples, rate = soundfile.read(AUDIO / "tense_chase.ogg", frames=8 * RATE, always_2d=True)
    assert rate == RATE
    return np.asarray(samples.mean(axis=1), np.float32)


@pytest.fixture(scope="module")
def browser(played: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    file = tmp_path_factory.mktemp("sound") / "played.wav"
    soundfile.write(file, played, RATE, subtype="PCM_16")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={file}",
            ],
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("service"), "--token", "open sesame", "--live", "2")
    running.start()
    yield running
    running.stop()


def listening(opened: Opener, service: Service, script: str = "", **how: Any) -> tuple[Page, Watch]:
    """The panel, opened with keys alone, with the token given."""
    how = {"permissions": ["microphone"], "may_fail": True} | how  # a token is asked for
    page, watch = opened(service, "/#understand", **how)
    page.fill("#token-field", "open sesame")
    page.keyboard.press("Enter")
    page.evaluate(f"() => {{ {script} }}")
    page.click("nav a[href='#listen']")
    expect(page.locator(".intake a")).to_be_visible()  # once the files from before are known
    page.locator(".intake a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    return page, watch


KEEP_TRACK = """
    const devices = navigator.mediaDevices, usual = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (how) => {
        const stream = await usual(how);
        [window.track] = stream.getAudioTracks();
        return stream;
    };
"""


def fed(page: Page) -> None:
    """Wait until the service takes sound."""
    page.wait_for_event("response", lambda one: "/live/" in one.url and one.status == 200)


def test_values_come_and_are_those_of_the_sound_that_was_sent(
    opened: Opener, service: Service, played: np.ndarray
) -> None:
    page, _ = listening(opened, service, f"({KEEP})()")
    samples, rate, found = listened(page)
    assert found[-1]["valence"]
    assert alike(samples[2 * rate : 3 * rate], soxr.resample(played, RATE, rate)) > 0.98


def test_whoever_leaves_stops_listening(opened: Opener, service: Service) -> None:
    """Each stream is ended at once, or the third would be refused; the microphone is let go."""
    page, _ = listening(opened, service, KEEP_TRACK)
    fed(page)
    assert page.evaluate("track.readyState") == "live"
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text(TEXT["live.stopped"])
    page.wait_for_function("track.readyState === 'ended'")
    for leave in (lambda: page.click("nav a[href='#find']"), page.reload, page.reload):
        page.goto(f"{service.address}/#listen/live")
        page.click(".listen button")
        fed(page)
        leave()
    fed(listening(opened, service)[0])


def test_a_page_that_is_left_ends_its_stream_at_once(opened: Opener, service: Service) -> None:
    """Nothing that would come later is sure to be done any more."""
    page, _ = listening(opened, service)
    fed(page)
    sent = page.evaluate(
        """() => {
            const sent = [], usual = window.fetch;
            window.fetch = (address, options) => {
                sent.push(options.method);
                return usual(address, options);
            };
            dispatchEvent(new Event("pagehide"));
            return [...sent];
        }"""
    )
    assert sent == ["DELETE"]
    expect(page.locator(".lead")).to_have_text(TEXT["live.stopped"])


@pytest.mark.parametrize(
    ("name", "why"),
    [("NotAllowedError", "refused"), ("NotFoundError", "absent"), ("NotReadableError", "unusable")],
)
def test_a_microphone_that_cannot_be_had_is_said_plainly(
    opened: Opener, service: Service, name: str, why: str
) -> None:
    script, allowed = (REFUSE % name, ["microphone"]) if why != "refused" else ("", [])
    page, watch = listening(opened, service, script, permissions=allowed)
    expect(page.locator("[role=alert]")).to_contain_text(TEXT[f"live.{why}"])
    expect(page.locator("[role=alert]")).to_contain_text(TEXT[f"live.{why}.remedy"])
    expect(page.locator(".listen button")).to_have_text(TEXT["live.start"])
    assert not [one for one in watch.requests if "live?" in one]


def test_a_page_that_is_not_safe_gets_no_microphone_and_says_so(
    opened: Opener, service: Service
) -> None:
    script = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    page, _ = listening(opened, service, script)
    expect(page.locator("[role=alert]")).to_contain_text(TEXT["live.insecure"])


def test_what_the_service_refuses_or_ends_is_said_and_can_be_begun_again(
    opened: Opener, service: Service
) -> None:
    page, _ = listening(opened, service)
    fed(page)
    other, _ = listening(opened, service)
    fed(other)
    third, third_watch = listening(opened, service)
    expect(third.locator("[role=alert]")).to_contain_text("too many")
    for one in (page, other):
        with one.expect_response(lambda answer: answer.request.method == "DELETE"):
            one.keyboard.press("Enter")
        expect(one.locator(".lead")).to_have_text(TEXT["live.stopped"])
    third.keyboard.press("Enter")
    fed(third)
    expect(third.locator("[role=alert]")).to_have_count(0)
    id = [one for one in third_watch.requests if "/live/" in one][-1].rpartition("/")[2]
    third.evaluate(
        """(id) => fetch(`api/v1/live/${id}`, {
            method: "DELETE", headers: { Authorization: "Bearer open sesame" },
        })""",
        id,
    )
    expect(third.locator("[role=alert]")).to_contain_text(TEXT["live.gone"])
    third.keyboard.press("Enter")
    fed(third)
    service.stop()
    expect(third.locator("[role=alert]")).to_contain_text(TEXT["offline"])
    service.start()
    expect(third.locator(".notice")).to_be_hidden()
    third.keyboard.press("Enter")
    fed(third)


def test_silence_and_a_microphone_that_is_unplugged(opened: Opener, service: Service) -> None:
    script = """
        navigator.mediaDevices.getUserMedia = async () => {
            const { stream } = new MediaStreamAudioDestinationNode(new AudioContext());
            window.unplug = () => stream.getAudioTracks()[0].dispatchEvent(new Event("ended"));
            return stream;
        };
    """
    page, _ = listening(opened, service, script)
    expect(page.locator(".lead")).to_contain_text(TEXT["live.silent"])
    assert page.locator(".now .valence").inner_text() == NONE
    page.evaluate("() => window.unplug()")
    expect(page.locator("[role=alert]")).to_contain_text(TEXT["live.unplugged"])
