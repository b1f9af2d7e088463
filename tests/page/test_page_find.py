"""Finding music and changing playlists on the page, in a real browser against the real service."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

from hevner.catalog.writer import create, writing
from tests import joint_world
from tests.catalog import made_up
from tests.page.pages import TEXT, Opener, Service, along, searching, sounded
from tests.serve.servers import running, settings, snapshot, wait_for


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


def test_a_moment_that_was_heard_plays_again(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.evaluate(
        """async () => {
            const { player } = await import("./static/player.js");
            const api = await import("./static/api.js");
            const [{ id }] = await api.pieces(1);
            const address = () => api.audio({ id });
            await player.load([{ id, title: "moment", duration: 60, start: 2, end: 2.6, address }]);
        }"""
    )
    play = page.locator(".bar .main")
    expect(play).to_have_attribute("aria-label", TEXT["player.play"])  # it came to its end
    page.evaluate(
        """async () => {
            const { player } = await import("./static/player.js");
            window.heard = [];
            player.addEventListener("time", () => window.heard.push(player.time));
        }"""
    )
    play.click()
    page.wait_for_function("() => window.heard.some((time) => time > 2 && time < 2.5)")


def test_the_focus_stays_where_something_is_taken_away(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    for word in ("calm", "happy"):
        page.fill("#words-words", word)
        page.press("#words-words", "Enter")
    first = page.locator(".chips li").first.locator(".round")
    first.press("Enter")
    expect(page.locator(".chips li")).to_have_count(1)
    expect(page.locator(".chips li button").last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#words-words")).to_be_focused()
    page.fill("#at-valence", "0.5")
    page.fill("#at-arousal", "0.5")
    page.press("#at-arousal", "Tab")
    page.locator(".asked .chip .round").press("Enter")
    expect(page.locator(".asked .chip")).to_have_count(0)
    expect(page.locator("#words-words")).to_be_focused()
    page.fill("#words-words", "calm")
    page.press("#words-words", "Enter")
    page.locator(".hit .round").first.click()
    page.locator(".bar .quiet").last.press("Enter")
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.locator("main")).to_be_focused()


def test_a_search_does_not_take_away_a_number_that_is_half_typed(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#at-valence", "0.5")
    page.fill("#words-words", "calm")
    page.press("#words-words", "Enter")
    expect(page.locator(".hit").first).to_be_visible()
    expect(page.locator("#at-valence")).to_have_value("0.5")
    page.fill("#at-arousal", "-0.25")
    page.press("#at-arousal", "Tab")
    expect(page.locator(".asked .chip")).to_have_count(1)
    expect(page.locator("#at-radius")).to_have_value("")
    page.locator(".asked .chip .round").click()
    expect(page.locator("#at-valence")).to_have_value("")
    page.fill("#at-valence", "0.5")
    page.locator(".tools-row .quiet").click()
    expect(page.locator("#at-valence")).to_have_value("")


def test_a_playlist_goes_into_a_list_and_outlasts_the_page(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#list-minutes", "2")
    page.click(".playlist-form .primary")
    made = page.locator(".playlist .hit .title")
    expect(made.first).to_be_visible()
    titles = made.all_text_contents()
    page.locator(".playlist .status").get_by_text(TEXT["library.keep"]).click()
    page.fill("#list-name", "From tense to calm")
    page.press("#list-name", "Enter")
    expect(page.locator(".playlist .status")).to_contain_text("“From tense to calm”")
    page.goto(f"{service.address}/#library")
    page.reload()
    page.click("[data-tab=lists]")
    expect(page.locator(".kept .grid-row:not(.head) .title")).to_have_text(titles)


def test_points_of_another_catalogue_are_drawn(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hevner.serve.app.LOOK_S", 0.05)
    catalog = create(tmp_path / "catalog", joint_world.space())

    def put(*numbers: int) -> None:
        with writing(catalog) as writer:
            writer.put([made_up.piece(n, valence=n / 9, arousal=0.0) for n in numbers], [])

    def served(count: int) -> None:
        wait_for(lambda: server.get("/catalog").json["pieces"] == count)

    put(1, 2, 3)
    with running(settings(tmp_path / "state"), snapshot(tmp_path / "catalog")) as server:
        page, watch = opened(SimpleNamespace(address=server.client_address), "/#library")
        page.click("#views a[href='#find']")
        facts = page.locator(".facts")
        expect(facts).to_have_text("3 pieces")
        put(4)
        served(4)
        # Somebody has indexed in another window, and comes back.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(facts).to_have_text("4 pieces")
        put(5)
        served(5)
        along(page, (0.0, 0.0))
        expect(page.locator(".hit")).to_have_count(5)
        expect(facts).to_have_text("5 pieces")
        page.click("[data-tool=pick]")
        watch.may_fail = True  # what is picked is played, and there are no such files
        along(page, (5 / 9, 0.0))
        expect(page.locator(".find-view [role=status]").last).to_contain_text("5")
        page.goto("about:blank")
