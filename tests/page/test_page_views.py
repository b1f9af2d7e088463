"""The page in a real browser, against the real service."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect


from tests.page.pages import (
    AUDIO,
    STATIC,
    TEXT,
    Opener,
    Service,
    along,
    copied,
    drawn,
    drop,
    playhead,
    result_of,
    searching,
    sounded,
    wait_for,
    write_wav,
)


def test_a_dropped_file_unfolds(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, watch = opened(service)
    drop(page, copied("journey.ogg", tmp_path))
    expect(page.locator(".timeline[role]")).to_be_visible()
    told = result_of(page)
    expect(page.locator(".heading .lead strong")).to_have_text(told["headline"])
    expect(page.locator(".estimates .valence")).to_have_text(
        f"{told['valence']['value']:+.2f}".replace("-", "−")  # noqa: RUF001 - a minus, as shown
    )
    expect(page.locator(".listen button")).to_be_visible()
    for canvas in (".wave", ".curve", ".chords", ".beside canvas"):
        drawn(page, canvas)
    assert watch.accepted == 1


def test_play_and_seek_move_the_cursor(service: Service, opened: Opener) -> None:
    page, _ = opened(service)
    drop(page, AUDIO / "journey.ogg")
    page.click(".listen button")
    sounded(page, "0:01")
    assert playhead(page) > 0.005
    page.keyboard.press("Space")  # on the button: pauses
    expect(page.locator(".listen button")).to_have_text(TEXT["player.play"])

    box = page.locator(".timeline[role]").bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], box["y"] + 150)
    expect(page.locator(".bar .time")).to_contain_text("0:30 / 1:00")
    assert playhead(page) == pytest.approx(0.5, abs=0.01)
    place = page.locator(".now .valence").text_content()
    page.keyboard.press("Home")
    assert playhead(page) == pytest.approx(0, abs=0.01)
    assert page.locator(".now .valence").text_content() != place
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bar .time")).to_contain_text("0:05")
    assert (
        page.locator(".timeline[role]").get_attribute("aria-valuetext").startswith("0:05: valence")
    )


def test_exports(service: Service, opened: Opener) -> None:
    page, _ = opened(service)
    drop(page, AUDIO / "calm_evening.ogg")
    saved = {}
    for form in ("JSON", "CSV", "PNG", "SVG"):
        with page.expect_download() as download:
            page.click(f".exports button:text-is('{form}')")
        assert download.value.suggested_filename == f"calm evening.{form.lower()}"
        saved[form] = Path(download.value.path()).read_bytes()
    told = result_of(page)
    assert json.loads(saved["JSON"]) == told
    rows = list(csv.DictReader(saved["CSV"].decode().splitlines()))
    assert [float(row["valence_low"]) for row in rows] == [
        moment["valence"]["low"] for moment in told["timeline"]
    ]
    assert saved["PNG"].startswith(b"\x89PNG")
    assert b"<svg" in saved["SVG"][:1000]


def test_nothing_is_lost_when_the_service_is_restarted(
    service: Service, opened: Opener, long_file: Path, tmp_path: Path
) -> None:
    page, watch = opened(service, may_fail=True)
    page.set_input_files("#pick", long_file)
    page.wait_for_function(
        """() => {
            const shown = document.querySelector(".job.running progress");
            return shown && shown.value > 0 && shown.value < 1;
        }"""
    )
    service.stop()
    expect(page.locator("#notice")).to_have_text(TEXT["offline.notice"])
    drop(page, copied("calm_evening.ogg", tmp_path))
    expect(page.locator(".job.waiting .state")).to_have_text(TEXT["job.offline"])
    service.start()
    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator(".job.done")).to_have_count(page.locator(".job").count())
    page.click(".job .name:has-text('long')")
    expect(page.locator("h1")).to_have_text("long")
    expect(page.locator(".timeline[role]")).to_be_visible()
    # Nothing was sent again that had been taken.
    assert watch.accepted == 2, watch.requests


def test_what_was_analysed_is_there_after_a_reload(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, watch = opened(service)
    piece = copied("slow_lament.ogg", tmp_path)
    drop(page, piece)
    expect(page.locator("h1")).to_have_text(piece.stem.replace("_", " "))  # not another one's
    expect(page.locator(".estimates")).to_be_visible()
    page.reload()
    page.locator(".job .name").first.click()
    expect(page.locator(".along")).to_contain_text(TEXT["audio.missing"])
    drop(page, piece)  # to hear it again
    expect(page.locator(".listen button")).to_be_visible()
    assert watch.accepted == 1


def test_analyses_are_asked_for_again_once_the_service_is_back(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service, may_fail=True)
    drop(page, copied("slow_lament.ogg", tmp_path))
    expect(page.locator(".estimates")).to_be_visible()
    page.route("**/api/v1/**", lambda route: route.abort())
    page.reload()
    expect(page.locator(".notice")).to_be_visible()
    expect(page.locator(".job")).to_have_count(0)
    page.unroute("**/api/v1/**")
    expect(page.locator(".notice")).to_be_hidden()
    expect(page.locator(".job .name").first).to_be_visible()


def test_a_broken_file_shows_its_reason(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, _ = opened(service)
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"this is no music" * 100)
    drop(page, broken)
    expect(page.locator(".job.failed")).to_be_visible()
    error = page.evaluate("fetch('api/v1/analyses').then((answer) => answer.json())")
    told = error["analyses"][0]["error"]
    expect(page.locator(".callout.warning strong")).to_have_text(told["message"])
    expect(page.locator(".callout.warning")).to_contain_text(told["remedy"])


def test_silence_is_words_as_silence(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, _ = opened(service)
    drop(page, write_wav(tmp_path / "nothing.wav", bytes(2 * 8000 * 8), 8000))
    expect(page.locator(".piece .callout").first).to_have_text(TEXT["silent.text"])
    expect(page.locator(".timeline[role]")).to_have_count(0)


def test_no_music_is_said_in_a_sentence(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, _ = opened(service)
    tone = b"".join(
        round(9000 * math.sin(0.8 * number)).to_bytes(2, "little", signed=True)
        for number in range(8 * 8000)
    )
    drop(page, write_wav(tmp_path / "tone.wav", tone, 8000))
    expect(page.locator(".piece .callout").first).to_have_text(TEXT["no_music.text"])
    lead = page.locator(".heading .lead strong")
    expect(lead).to_have_text("this does not sound like music: a hum or test tones")
    expect(page.locator(".timeline[role]")).to_have_count(0)


def test_unfamiliar_music_is_told_in_words(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)

    def unlike_anything(route: Any) -> None:
        told = route.fetch().json()
        route.fulfill(json=told | {"familiarity": 0.01})

    page.route("**/result", unlike_anything)
    drop(page, copied("tense_chase.ogg", tmp_path))
    expect(page.locator(".callout.warning")).to_contain_text(TEXT["familiarity.low"])


def with_all_readings(told: dict[str, Any]) -> dict[str, Any]:
    """An analysis by a model that predicts tension, basic emotions and the kind of music too."""
    emotions = {"fear": (0.62, 0.41, 0.83), "joy": (0.1, 0.0, 0.31)}
    keys = [("D minor", "dorian", 0.7), ("F major", None, 0.2)]
    timeline = [
        moment | {"tension": {"value": 0.4 - 0.01 * number, "low": 0.1, "high": 0.7}}
        for number, moment in enumerate(told["timeline"])
    ]
    return told | {
        "tension": {"value": 0.35, "low": 0.1, "high": 0.6},
        "emotions": {
            name: dict(zip(("value", "low", "high"), three, strict=True))
            for name, three in emotions.items()
        },
        "sounds_like": {"film score": 0.81, "song": 0.19},
        "key_candidates": [
            dict(zip(("key", "mode", "probability"), one, strict=True)) for one in keys
        ],
        "timeline": timeline,
    }


def test_tension_emotions_and_kind_of_music_are_shown(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)
    page.route(
        "**/result", lambda route: route.fulfill(json=with_all_readings(route.fetch().json()))
    )
    drop(page, copied("tense_chase.ogg", tmp_path))
    expect(page.locator(".estimates .tension")).to_have_text("+0.35")
    expect(page.locator(".curve")).to_have_count(3)
    drawn(page, ".curve:nth-of-type(4)")
    expect(page.locator(".now .tension")).to_have_text("+0.40")
    readings = page.locator(".ranges li")
    expect(readings).to_have_text(["fear0.62, 0.41 to 0.83", "joy0.10, 0.00 to 0.31"])
    # The bar of fear goes from .41 to .83 of its width.
    bar, interval = (readings.first.locator(one).bounding_box() for one in (".range b", ".range i"))
    assert (interval["x"] - bar["x"]) / bar["width"] == pytest.approx(0.41, abs=0.02)
    assert interval["width"] / bar["width"] == pytest.approx(0.42, abs=0.02)
    # That of tension goes from .1 to .6 on -1..1.
    own = page.locator(".estimates > :nth-child(3)")
    bar, interval = (own.locator(one).bounding_box() for one in (".range b", ".range i"))
    assert (interval["x"] - bar["x"]) / bar["width"] == pytest.approx(0.55, abs=0.02)
    assert interval["width"] / bar["width"] == pytest.approx(0.25, abs=0.02)
    expect(page.locator(".kind")).to_contain_text("film score (81 % likely)")
    expect(page.locator(".keys")).to_have_text("Key: D minor (dorian) 70 %, F major 20 %")
    page.click(".along summary")
    expect(page.locator(".along thead th")).to_have_text(
        [TEXT[name] for name in ("table.time", "valence", "arousal", "tension", "table.chord")]
    )
    expect(page.locator(".along tbody tr").first).to_contain_text("+0.40 (+0.10 to +0.70)")
    with page.expect_download() as download:
        page.click(".exports button:text-is('CSV')")
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert (rows[1]["tension"], rows[1]["tension_low"]) == ("0.39", "0.1")


def test_what_a_model_does_not_predict_is_not_shown(
    service: Service, opened: Opener, tmp_path: Path
) -> None:
    page, _ = opened(service)
    lacking = {"tension": None, "emotions": None, "sounds_like": None}

    def without(route: Any) -> None:
        told = route.fetch().json()
        timeline = [moment | {"tension": None} for moment in told["timeline"]]
        route.fulfill(json=told | lacking | {"timeline": timeline})

    page.route("**/result", without)
    drop(page, copied("calm_evening.ogg", tmp_path))
    expect(page.locator(".estimates .arousal")).to_be_visible()
    expect(page.locator(".curve")).to_have_count(2)
    for what in (".tension", ".ranges", ".kind"):
        expect(page.locator(what)).to_have_count(0)


def test_a_full_queue_is_tried_again(service: Service, opened: Opener, tmp_path: Path) -> None:
    page, _ = opened(service, may_fail=True)
    refused = {"error": {"kind": "full", "message": "the queue is full", "remedy": "Wait"}}
    is_full = True

    def answered(route: Any) -> None:
        if route.request.method == "POST" and is_full:
            route.fulfill(status=429, json=refused, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route("**/analyses", answered)
    drop(page, copied("bright_dance.ogg", tmp_path))
    expect(page.locator(".job .state").first).to_have_text(TEXT["job.full"])
    is_full = False
    expect(page.locator(".estimates")).to_be_visible()


def test_a_drawn_path_finds_music(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.click("[data-tool=path]")
    with page.expect_request("**/search") as asked:
        along(page, (-0.5, 0.5), (0, 0.1), (0.5, -0.6))
    course = json.loads(asked.value.post_data)["course"]
    assert [course[0][0], course[-1][0]] == [0, 1]
    assert course[0][1:] == pytest.approx([-0.5, 0.5], abs=0.02)
    assert course[-1][1:] == pytest.approx([0.5, -0.6], abs=0.02)
    expect(page.locator(".hit")).to_have_count(3)  # the others do not move
    page.locator(".hit .round").first.click()
    expect(page.locator(".hit.playing")).to_have_count(1)
    drawn(page, ".plane canvas")


def test_a_click_and_a_drag_ask_for_a_point(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    with page.expect_request("**/search") as asked:
        along(page, (0.4, -0.4))
    assert json.loads(asked.value.post_data)["point"] == {
        "valence": pytest.approx(0.4, abs=0.02),
        "arousal": pytest.approx(-0.4, abs=0.02),
        "radius": None,
    }
    with page.expect_request("**/search") as asked:
        along(page, (0.4, -0.4), (0.4, -0.2))
    assert json.loads(asked.value.post_data)["point"]["radius"] == pytest.approx(0.2, abs=0.02)
    expect(page.locator(".hit .title")).to_have_text(["calm evening"])


def test_the_plane_is_played_with_keys(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.focus(".plane")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "+", "+"):
        page.keyboard.press(key)
    with page.expect_request("**/search") as asked:
        page.keyboard.press("Enter")
    point = json.loads(asked.value.post_data)["point"]
    assert point == {"valence": 0.1, "arousal": 0.05, "radius": 0.1}


def test_words_with_degrees(service: Service, opened: Opener) -> None:
    page, watch = opened(service, "/#find")
    page.fill("#words-words", "calm, slightly nostalgic")
    page.press("#words-words", "Enter")
    expect(page.locator(".hit .title").first).to_have_text("calm evening")
    with searching(page, words=["very calm", "slightly nostalgic"]):
        page.click("[data-chip='calm']")
    watch.may_fail = True  # Chromium notes every refusal
    page.fill("#words-words", "hapy")
    page.press("#words-words", "Enter")
    expect(page.locator(".status .mend")).to_contain_text("happy")


def test_like_and_expressed_words(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#words-words", "sad")
    page.press("#words-words", "Enter")
    first = page.locator(".hit").first
    first.hover()
    first.get_by_text(TEXT["hit.express"]).click()
    expect(page.locator(".description .tag").first).to_be_visible()
    first.get_by_text(TEXT["hit.like"]).click()
    expect(page.locator(".asked")).to_contain_text("like slow lament")
    expect(page.locator(".hit")).to_have_count(4)


def test_a_playlist_plays(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#list-minutes", "2")
    page.click(".playlist-form button")
    page.get_by_role("button", name=TEXT["playlist.play"]).click()
    count = page.locator(".hit").count()
    expect(page.locator(".bar .place")).to_have_text(f"1 of {count}")
    expect(page.locator(".hit").nth(0)).to_have_class(re.compile("playing"))
    sounded(page, "0:01")
    page.focus(".bar input")
    page.keyboard.press("End")  # to the end of the first piece
    expect(page.locator(".bar .place")).to_have_text(f"2 of {count}")
    expect(page.locator(".hit").nth(1)).to_have_class(re.compile("playing"))


def test_without_a_catalogue_it_says_how_to_make_one(guarded: Service, opened: Opener) -> None:
    page, _ = opened(guarded, "/#find", may_fail=True)
    page.fill("#token-field", "wrong")
    page.keyboard.press("Enter")
    expect(page.locator("dialog label")).to_have_text(TEXT["token.refused"])
    page.fill("#token-field", "open sesame")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(TEXT["catalog.none"])
    expect(page.locator("pre")).to_contain_text("hevner index")
    drop(page, AUDIO / "calm_evening.ogg")
    expect(page.locator(".timeline[role]")).to_be_visible()


def test_the_gap_report_opens_though_there_is_a_token(guarded: Service, opened: Opener) -> None:
    page, _ = opened(guarded, "/#understand", may_fail=True)
    page.fill("#token-field", "open sesame")
    page.keyboard.press("Enter")
    with page.context.expect_page() as report:
        page.click(f"text={TEXT['guide.gap.open']}")
    expect(report.value.locator("h1")).to_have_text("How the sets differ")


def test_a_late_refusal_asks_for_no_second_token(guarded: Service, opened: Opener) -> None:
    page, _ = opened(guarded, may_fail=True)
    page.wait_for_selector("dialog[open]")
    held: list[Any] = []
    page.route("**/api/v1/late", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/api/v1/late"):
        page.evaluate(
            """async () => {
                const { ask } = await import("./static/api.js");
                ask("late").catch((problem) => { document.body.dataset.late = problem.status; });
            }"""
        )
    page.fill("#token-field", "open sesame")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    wait_for(page, lambda: held)
    held[0].fulfill(status=401, body="{}")
    expect(page.locator("body")).to_have_attribute("data-late", "404")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_the_card_of_the_model_is_shown(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#understand")
    for heading in ("unified-", "commercially?", "Intended use", "Limits", "Ethics"):
        expect(page.locator(".card-text h3", has_text=heading)).to_have_count(1)
    assert page.locator(".card-text tbody tr").count() > 20


def test_messages_may_come_in_pieces(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#listen")
    found = page.evaluate(
        """async () => {
            const { events } = await import("/static/api.js");
            const pieces = ['data: {"a"', ": 1}\\n", '\\ndata: {"b": 2}\\r\\n\\r\\n'];
            const stream = new ReadableStream({
                pull(to) {
                    const piece = pieces.shift();
                    if (piece) to.enqueue(new TextEncoder().encode(piece));
                    else to.close();
                },
            });
            const usual = window.fetch;  // the page still asks for what it shows
            window.fetch = async (url, ...how) =>
                String(url).endsWith("/events") ? new Response(stream) : usual(url, ...how);
            const found = [];
            for await (const one of events("x")) found.push(one);
            return found;
        }"""
    )
    assert found == [{"a": 1}, {"b": 2}]


def test_a_card_that_did_not_come_is_asked_for_again(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find", may_fail=True)
    page.route("**/models/*", lambda route: route.abort())
    page.click("#views a[href='#understand']")
    expect(page.locator("#main [role=alert]")).to_have_text(TEXT["offline"])
    page.unroute("**/models/*")
    page.click("#views a[href='#find']")
    page.click("#views a[href='#understand']")
    expect(page.locator(".card-text tbody tr")).not_to_have_count(0)


@pytest.mark.parametrize("view", ["listen", "find", "compare", "understand"])
def test_all_fits_a_telephone_and_has_a_name(service: Service, opened: Opener, view: str) -> None:
    page, _ = opened(service, f"/#{view}", viewport={"width": 360, "height": 740})
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("button, a, input, select, [role]")]
            .filter((one) => one.checkVisibility() && !["status", "alert"].includes(one.role))
            .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.labels?.length))
            .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_dark_and_light(service: Service, opened: Opener) -> None:
    page, _ = opened(service, color_scheme="dark")
    shown = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(shown)
    page.click(".tools button")
    light = page.evaluate(shown)
    assert light != dark
    page.reload()
    page.wait_for_selector("nav a[aria-current]")
    assert page.evaluate(shown) == light


def test_modes_to_choose_are_those_of_results() -> None:
    from hevner.result import MODES

    (listed,) = re.findall(r"const MODES = (\[.+?\]);", (STATIC / "filters.js").read_text("utf-8"))
    assert tuple(json.loads(listed)) == MODES


def test_every_text_is_in_one_file() -> None:
    code = "\n".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    literal = set(re.findall(r'\bt\(\s*"([^"]+)"', code))
    literal |= {name for pair in re.findall(r'\? "([\w.]+)" : "([\w.]+)"', code) for name in pair}
    shapes = re.findall(r"\b(?:t|known)\(\s*`([^`]+)`", code)
    patterns = [
        re.compile("".join(".+" if part.startswith("$") else re.escape(part) for part in parts))
        for parts in (re.split(r"(\$\{[^}]+\})", shape) for shape in shapes)
    ]
    assert {name for name in literal if "." in name} <= TEXT.keys()
    quoted = set(re.findall(r'"([\w.]+)"', code))  # handed to a function that calls t
    unused = [
        name
        for name in TEXT
        if name not in literal | quoted and not any(one.fullmatch(name) for one in patterns)
    ]
    assert unused == []


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    page = (STATIC / "index.html").read_text("utf-8")
    assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son\w+=", page)
    for path in STATIC.iterdir():
        found = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text("utf-8")))
        assert found <= {"http://www.w3.org/2000/svg", "http://xspf.org/ns/0/"}, path.name


def test_listen_offers_pieces_of_the_catalogue_and_one_player_goes_on(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#words-words", "sad")
    page.press("#words-words", "Enter")
    first = page.locator(".hit").first
    first.locator(".round").first.click()
    sounded(page, "0:01")
    first.hover()
    first.get_by_text(TEXT["hit.open"]).click()
    listen = page.locator(".listen button")
    expect(listen).to_have_text(TEXT["player.pause"])
    listen.click()
    expect(listen).to_have_text(TEXT["player.play"])
    expect(page.locator(".bar button[aria-label='Play']")).to_be_visible()


def test_a_point_beside_words_is_shown_and_can_go(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#at-valence", "0.5")
    page.fill("#at-arousal", "0.5")
    page.press("#at-arousal", "Tab")
    expect(page.locator(".hit").first).to_be_visible()
    expect(page.locator(".asked .chip")).to_have_count(1)
    page.fill("#words-words", "sad")
    page.press("#words-words", "Enter")
    chip = page.locator(".asked .chip")
    expect(chip).to_contain_text("near valence +0.50")
    with searching(page, words=["sad"], point=None):
        chip.locator("button").click()


def test_results_are_saved(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    page.fill("#words-words", "sad")
    page.press("#words-words", "Enter")
    first = page.locator(".hit .title").first
    expect(first).to_be_visible()
    with page.expect_download() as saved:
        page.get_by_role("button", name="M3U8").click()
    lines = saved.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[1].startswith("#EXTINF:")
    assert lines[2] == f"./{first.get_attribute('title')}"
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    table = list(csv.DictReader(saved.value.path().read_text(encoding="utf-8").splitlines()))
    assert table[0]["name"] == first.get_attribute("title")
    assert {"artist", "title", "album"} <= set(table[0])
    assert -1 <= float(table[0]["valence"]) <= 1


def test_a_view_that_cannot_be_fetched_is_said_and_opens_once_it_can(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#listen", may_fail=True)
    page.route("**/rate.js", lambda route: route.abort())
    page.reload()
    page.click("#views a[href='#rate']")
    expect(page.locator("#main [role=alert]")).to_have_text(TEXT["offline"])
    page.unroute("**/rate.js")
    page.click("#views a[href='#find']")
    expect(page.locator(".facts")).to_have_text("5 pieces")
    page.click("#views a[href='#rate']")
    expect(page.locator(".rate-view")).to_be_visible()


def test_a_view_that_comes_late_replaces_none_that_was_asked_for_since(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#listen")
    held: list[Any] = []
    page.route("**/compare.js", lambda route: held.append(route))
    page.reload()
    with page.expect_request("**/compare.js"):
        page.click("#views a[href='#compare']")
    page.click("#views a[href='#find']")
    expect(page.locator(".find-view .facts")).to_have_text("5 pieces")
    for route in held:
        route.continue_()
    page.evaluate(
        "() => import('/static/compare.js').then(() => new Promise(requestAnimationFrame))"
    )
    expect(page.locator(".find-view .facts")).to_be_visible()


def test_an_address_that_is_no_code_opens_a_view(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#listen/%E0%A4%A")
    expect(page.locator("#pick")).to_be_attached()
