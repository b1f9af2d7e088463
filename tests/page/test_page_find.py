"""Finding music and changing playlists on the page, in a real browser against the real service."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

from tests.page.pages import TEXT, Opener, Service, along, searching, sounded


def asked_for(page: Page, words: str) -> None:
    page.fill("#words-words", words)
    page.press("#words-words", "Enter")


def test_a_word_that_is_not_known_is_corrected_by_a_click(service: Service, opened: Opener) -> None:
    page, watch = opened(service, "/#find")
    watch.may_fail = True  # Chromium notes every refusal
    asked_for(page, "very hapy")
    mend = page.locator(".status .mend")
    expect(mend).to_contain_text(TEXT["find.unknown"].format(word="hapy"))
    assert "hevner" not in mend.text_content()
    with searching(page, words=["very happy"]):
        mend.get_by_role("button", name="happy", exact=True).click()
    expect(page.locator(".hit").first).to_be_visible()
    asked_for(page, "qqqq")
    expect(mend).to_contain_text("qqqq")
    with searching(page, words=["very happy"]):
        page.get_by_role("button", name=TEXT["find.without"]).click()


def test_all_that_counts_has_a_chip(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    along(page, (0.2, 0.2))
    page.click(".filters summary")
    page.select_option("#filter-key_mode", "minor")
    page.fill("#filter-duration_min", "20")
    page.press("#filter-duration_min", "Tab")
    page.check("text=" + TEXT["moments"])
    chips = page.locator(".asked .chip")
    expect(chips).to_have_count(4)
    for left in (3, 2):
        chips.last.locator("button").click()
        expect(chips).to_have_count(left)
    with searching(page, filters={}, moments=None):
        chips.last.locator("button").click()
    expect(chips).to_have_count(1)
    expect(page.locator("#filter-key_mode")).to_have_value("")
    chips.last.locator("button").click()
    expect(page.locator(".hit")).to_have_count(0)


def test_results_show_how_they_move(service: Service, opened: Opener) -> None:
    page, watch = opened(service, "/#find")
    asked_for(page, "tense")
    expect(page.locator(".hit").first).to_be_visible()
    sparks = page.locator(".hit .spark svg")
    expect(sparks).to_have_count(page.locator(".hit").count())
    assert sparks.first.locator("path").count() == 2
    assert not any(one.endswith("/curve") for one in watch.requests)


def made(page: Page, pieces: int) -> list[str]:
    """Names of the pieces of a new playlist."""
    page.select_option(".with-unit select", "in_pieces")
    page.fill("#list-minutes", str(pieces))
    page.click(".playlist-form button")
    expect(page.locator(".playlist .hit")).to_have_count(pieces)
    return names(page)


def names(page: Page) -> list[str]:
    found: list[str] = page.locator(".playlist .hit .title").all_text_contents()
    return found


def test_a_playlist_is_changed_by_hand(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    first, second, third = made(page, 3)
    row = page.locator(".playlist .hit")
    row.nth(0).locator(".round").focus()
    page.keyboard.press("Tab")  # the first cannot go up
    page.keyboard.press("Enter")
    assert names(page) == [second, first, third]
    page.keyboard.press("Enter")  # the focus went along
    assert names(page) == [second, third, first]
    row.nth(2).drag_to(row.nth(0))
    assert names(page) == [first, second, third]
    page.get_by_role("button", name=TEXT["playlist.play"]).click()
    sounded(page, "0:01")
    row.nth(1).hover()
    row.nth(1).locator("[data-act=replace]").click()
    expect(row.nth(1).locator(".title")).not_to_have_text(second)
    expect(page.locator(".bar .place")).to_have_text("1 of 3")
    row.nth(2).hover()
    row.nth(2).locator("[data-act=remove]").click()
    expect(page.locator(".bar .place")).to_have_text("1 of 2")


def test_a_playlist_goes_along_a_drawn_path(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.select_option("#list-way", "path")
    page.fill("#list-minutes", "3")
    page.click(".playlist-form button")
    expect(page.locator(".playlist .status")).to_have_text(TEXT["playlist.draw"])
    page.click("[data-tool=path]")
    along(page, (-0.6, 0.6), (0.6, 0.6), (0.6, -0.6))
    with page.expect_request("**/playlist") as asked:
        page.click(".playlist-form button")
    body = json.loads(asked.value.post_data)
    (corner,) = body["via"]
    assert (corner["valence"], corner["arousal"]) == pytest.approx((0.6, 0.6), abs=0.1)
    assert body["from"]["valence"] == pytest.approx(-0.6, abs=0.05)


def test_playlists_are_saved(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    titles = made(page, 2)
    saved = {}
    for form in ("XSPF", "JSPF"):
        with page.expect_download() as download:
            page.locator(".playlist").get_by_role("button", name=form).click()
        saved[form] = Path(download.value.path()).read_text(encoding="utf-8")
    tracks = json.loads(saved["JSPF"])["playlist"]["track"]
    assert [track["title"] for track in tracks] == titles
    name = "{http://xspf.org/ns/0/}"
    found = ElementTree.fromstring(saved["XSPF"]).findall(f"{name}trackList/{name}track")
    assert [track.findtext(f"{name}title") for track in found] == titles
    assert [track.findtext(f"{name}location") for track in found] == [
        track["location"][0] for track in tracks
    ]
