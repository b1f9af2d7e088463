"""The view to rate music, in a real browser against the real service."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

import numpy as np
import soundfile

from hevner import datasets
from hevner.emotion import GEMS
from tests.page.pages import AUDIO, STATIC, TEXT, Opener, Service, without_storage

SECONDS, COUNT = 4, 4

Served = Callable[[str], Service]


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of short pieces."""
    folder = tmp_path_factory.mktemp("rate")
    music, catalogue = folder / "music", folder / "catalogue"
    music.mkdir()
    for file in sorted(AUDIO.glob("*.ogg"))[:COUNT]:
        sound, rate = soundfile.read(file, frames=10 * 48_000)
        start = 5 * rate
        soundfile.write(music / f"{file.stem}.wav", sound[start : start + SECONDS * rate], rate)
    known = {"HEVNER_CACHE": str(folder / "cache"), "HEVNER_HOME": str(folder / "home")}
    subprocess.run(
        [sys.executable, "-m", "hevner", "index", music, "--into", catalogue, "--quiet"],
        env=os.environ | known,
        check=True,
        capture_output=True,
    )

    return catalogue


@pytest.fixture
def served(catalogue: Path, tmp_path: Path) -> Iterator[Served]:
    """Start a service with a study in TOML; it outlives the pages that use it."""
    running: list[Service] = []

    def serve(study: str) -> Service:
        (tmp_path / "study.toml").write_text(study)
        running.append(Service(tmp_path, str(catalogue), "--study", str(tmp_path / "study.toml")))
        running[0].start()
        return running[0]

    yield serve
    for one in running:
        one.stop()


def begin(page: Page, nickname: str = "Ann") -> None:
    page.fill("#nickname", nickname)
    page.keyboard.press("Enter")
    expect(page.locator(".play, .nothing")).to_be_visible()


def heading(page: Page) -> Any:
    return page.locator(".rate-place > .lead")


def place(index: int, count: int) -> str:
    text: str = TEXT["rate.place"]
    return text.format(index=index, count=count)


def of_service(page: Page, path: str) -> Any:
    return page.evaluate("async (path) => (await fetch(`api/v1/${path}`)).json()", path)


def exported(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click(".rate-results a.like-button")
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(folder)
    return folder


def test_a_listener_rates_with_keys_alone(served: Served, opened: Opener, tmp_path: Path) -> None:
    study = "least_s = 1\nbreak_after = 2\ncount = 3\nshow_prediction = true\nseed = 1"
    service = served(study)
    page, watch = opened(service, "/#rate")
    expect(page.locator("#nickname")).to_be_focused()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")
    # Practice first, of which nothing is kept, and no prediction is asked for.
    expect(heading(page)).to_have_text(TEXT["rate.practice"])
    for turn in range(3):
        expect(page.locator(".play")).to_be_focused()
        expect(page.locator(".next")).to_be_disabled()
        expect(page.locator(".trial .aside[role]")).to_have_text(TEXT["rate.listen.more"])
        page.keyboard.press("Space")
        expect(page.locator(".play")).to_have_text(TEXT["player.pause"])
        page.keyboard.press("Tab")
        expect(page.locator(".plane")).to_be_focused()
        if turn == 0:
            page.keyboard.press("Enter")  # the middle
        for _ in range(turn * 4):
            page.keyboard.press("ArrowRight")
            page.keyboard.press("ArrowDown")
        expect(page.locator(".next")).to_be_enabled()
        assert not [one for one in watch.requests if one.endswith("/catalog/pieces")]
        page.keyboard.press("Tab")
        expect(page.locator(".next")).to_be_focused()
        asked = len(
            [one for one in watch.requests if "/catalog/pieces/" in one and "audio" not in one]
        )
        assert asked == max(0, turn - 1)
        page.keyboard.press("Enter")
        on = page.locator(".between button")
        expect(on).to_be_focused()
        if turn == 1:
            expect(page.locator(".between")).to_contain_text("You: valence +0.20")
        if turn == 2:
            expect(page.locator(".between")).to_contain_text(TEXT["rate.break"].format(count=2))
        page.keyboard.press("Enter")
    expect(heading(page)).to_have_text(place(3, 3))
    page.locator(".skip-piece summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".nothing")).to_contain_text(TEXT["rate.all"]["other"].format(count=3))
    assert of_service(page, "ratings")["raters"] == [{"rater": "Ann", "rated": 2, "skipped": 1}]
    page.click(".nothing a")
    expect(page.locator(".rate-results td").first).to_have_text("Ann")
    folder = exported(page, tmp_path / "out")
    dataset = datasets.check("own", folder)
    assert dataset.problems == ()
    points = sorted((round(t.valence, 3), round(t.arousal, 3)) for t in dataset.tracks)
    assert points == [(0.2, -0.2), (0.4, -0.4)]
    assert all(track.path.stat().st_size > SECONDS * 16_000 for track in dataset.tracks)


def test_a_rater_goes_on_after_the_page_was_closed(served: Served, opened: Opener) -> None:
    service = served('input = "sliders"\nleast_s = 0\npractice = false')
    page, _ = opened(service, "/#rate")
    begin(page, "Zoë B.")
    first = page.locator(".slider input")
    expect(first).to_have_count(2)
    # Nothing is set beforehand, and each scale needs an answer.
    expect(page.locator(".slider .unset")).to_have_count(2)
    expect(page.locator(".slider output").first).to_have_text("–")  # noqa: RUF001 - as shown
    first.nth(0).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".slider output").first).to_have_text("5")
    expect(page.locator(".next")).to_be_disabled()
    first.nth(1).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Home")
    expect(page.locator(".slider output").nth(1)).to_have_text("1")
    page.click(".next")
    expect(heading(page)).to_have_text(place(2, COUNT))
    page.locator(".slider input").first.click()
    page.reload()
    expect(page.locator("#nickname")).to_have_value("Zoë B.")
    begin(page, "Zoë B.")
    expect(heading(page)).to_have_text(place(2, COUNT))
    expect(page.locator(".slider .unset")).to_have_count(2)
    begin_other(page)
    assert of_service(page, "ratings")["raters"] == [{"rater": "Zoë B.", "rated": 1, "skipped": 0}]


def begin_other(page: Page) -> None:
    """Another rater begins at the beginning."""
    page.click("nav a[href='#find']")
    page.click("nav a[href='#rate']")
    begin(page, "Ben")
    expect(heading(page)).to_have_text(place(1, COUNT))


UNSENT = """() => Object.entries(localStorage).filter(([key]) => key.startsWith("hevner.unsent "))
    .map(([, kept]) => JSON.parse(kept).rater)"""


@pytest.mark.parametrize("stores", [True, False])
def test_an_answer_waits_for_a_service_that_is_away(
    served: Served, opened: Opener, stores: bool
) -> None:
    study = 'input = "moods"\nleast_s = 0\npractice = false'
    service = served(study)
    page, _ = opened(service, "/#rate", may_fail=True)
    if not stores:
        without_storage(page)
    begin(page)
    for slider in page.locator(".slider input").all():
        slider.focus()
        page.keyboard.press("End")
    service.stop()
    page.click(".next")
    expect(page.locator(".rate-place")).to_contain_text(TEXT["rate.unsent"])
    assert not stores or page.evaluate(UNSENT) == ["Ann"]
    service.start()
    expect(heading(page)).to_have_text(place(2, COUNT))
    assert not stores or page.evaluate(UNSENT) == []
    assert of_service(page, "ratings")["raters"][0]["rated"] == 1


PAUSED_AT = """(share) => {
    const begun = document.querySelector(".sound progress").value > share;
    if (begun) document.querySelector(".play").click();
    return begun;
}"""
"""Pauses in the frame in which so much has been heard, however late anybody else hears of it."""


def test_a_continuous_rating_has_two_values_a_second_without_the_pause(
    served: Served, opened: Opener, tmp_path: Path
) -> None:
    service = served('when = "continuous"\npractice = false\nname = "over-time"')
    page, _ = opened(service, "/#rate")
    begin(page)
    box = page.locator(".plane").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    expect(page.locator(".next")).to_be_disabled()
    page.keyboard.press("Space")
    page.wait_for_function(PAUSED_AT, arg=0.2)
    expect(page.locator(".play")).to_have_text(TEXT["player.play"])
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(1200)  # longer than two values
    page.keyboard.press("Space")
    expect(page.locator(".next")).to_be_enabled()
    expect(page.locator(".play")).to_be_disabled()
    page.click(".next")
    expect(heading(page)).to_have_text(place(2, COUNT))
    page.goto(service.address + "/#rate/results")
    folder = exported(page, tmp_path / "out")
    (track,) = datasets.load("own", folder).tracks
    times = track.curve.times
    assert times.tolist() == [k / 2 for k in range(len(times))]
    assert 2 * SECONDS <= len(times) <= 2 * SECONDS + 1
    valence, arousal = track.curve.valence, track.curve.arousal
    assert np.ptp(valence) == 0
    assert valence[0] < -0.4
    assert (arousal[0] < 0.02, round(arousal[-1] - arousal[0], 3)) == (True, 0.05)
    assert (np.diff(arousal) > 0).sum() == 1
    trials = (folder / "trials.csv").read_text().splitlines()
    facts = dict(zip(trials[0].split(","), trials[1].split(","), strict=True))
    assert (facts["pauses"], facts["seeked"]) == ("1", "False")
    assert float(facts["heard_s"]) == pytest.approx(SECONDS, abs=0.3)


def test_a_jump_is_undone_and_noted(served: Served, opened: Opener) -> None:
    service = served("least_s = 0\npractice = false")
    page, _ = opened(service, "/#rate")
    page.evaluate(
        """() => {
            const play = HTMLMediaElement.prototype.play;
            HTMLMediaElement.prototype.play = function () {
                window.sound = this;
                return play.call(this);
            };
        }"""
    )
    begin(page)
    page.keyboard.press("Space")
    page.wait_for_function(PAUSED_AT, arg=0.05)
    expect(page.locator(".play")).to_have_text(TEXT["player.play"])
    at = page.evaluate("window.sound.currentTime")
    page.evaluate("window.sound.currentTime += 1")
    page.wait_for_function(
        "(at) => !window.sound.seeking && window.sound.currentTime < at + 0.5", arg=at
    )
    expect(page.locator(".next")).to_be_disabled()  # no point is set beforehand
    page.locator(".plane").focus()
    page.keyboard.press("Enter")
    with page.expect_request(lambda one: one.method == "POST") as sent:
        page.click(".next")
    assert sent.value.post_data_json["seeked"] is True
    assert sent.value.post_data_json["values"] == {"valence": 0, "arousal": 0}


def test_nothing_is_cut_off(served: Served, opened: Opener) -> None:
    def fits(page: Page) -> bool:
        for width in (1440, 1024, 390):
            page.set_viewport_size({"width": width, "height": 800})
            if page.evaluate("document.documentElement.scrollWidth") != width:
                return False
        return True

    service = served('input = "moods"\nleast_s = 0\npractice = false')
    page, _ = opened(service, "/#rate")
    expect(page.locator("#nickname")).to_be_visible()
    assert fits(page)
    begin(page)
    assert fits(page)
    page.goto(service.address + "/#rate/results")
    expect(page.locator(".rate-results > *").first).to_be_visible()
    assert fits(page)


@pytest.mark.parametrize("language", ["en", "de"])
def test_felt_emotions_have_one_name_with_an_explanation(
    served: Served, opened: Opener, language: str
) -> None:
    text = json.loads((STATIC / f"strings.{language}.json").read_text("utf-8"))
    names = [(text[f"mood.{name}"], text[f"mood.{name}.text"]) for name in GEMS]
    service = served('input = "moods"\nleast_s = 0\npractice = false')
    page, _ = opened(service, "/#rate", locale=language)
    begin(page)
    asked = page.locator(".slider label").all_text_contents()
    assert sorted(one.lower() for one in asked) == sorted(" ".join(n).lower() for n in names)
    page.goto(service.address + "/#understand")
    expect(page.locator(".felt-words dt")).to_have_text([name for name, _ in names])
    expect(page.locator(".felt-words dd")).to_have_text([meaning for _, meaning in names])
    for name, (shown, meaning) in zip(GEMS, names, strict=True):
        said = page.evaluate(
            """async ([name, label]) => {
                const { moodName, moodText, scaleName } = await import("./static/emotion.js");
                return [moodName(name), moodText(name), scaleName(label).toLowerCase()];
            }""",
            [name, f"mood_{name.replace(' ', '_')}"],
        )
        assert said == [shown, meaning, shown.lower()]


def test_a_piece_that_does_not_come_says_why(served: Served, opened: Opener) -> None:
    service = served("least_s = 0\npractice = false")
    page, _ = opened(service, "/#rate", may_fail=True)
    away = {"kind": "gone", "message": "the file of this piece is gone", "remedy": "Index it"}
    page.route("**/audio*", lambda route: route.fulfill(status=404, json={"error": away}))
    begin(page)
    page.click(".play")
    expect(page.locator(".trial .callout")).to_contain_text("file of this piece is gone")
    expect(page.locator(".play")).to_have_text(TEXT["player.play"])
    page.unroute("**/audio*")
    page.click(".play")
    expect(page.locator(".play")).to_have_text(TEXT["player.pause"])
    expect(page.locator(".trial .callout")).to_have_count(0)
