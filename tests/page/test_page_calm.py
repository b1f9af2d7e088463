"""A calm page: nothing moves under the mouse, nothing is cut off, the first file comes first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.page.pages import AUDIO, STATIC, TEXT, Opener, Service, drop, expect, wait_for

PAINT = {
    "background", "border-color", "color", "cursor", "opacity", "outline", "text-decoration",
}  # fmt: skip
"""Properties that move nothing."""


def test_nothing_is_laid_out_anew_by_the_mouse() -> None:
    sheet = (STATIC / "style.css").read_text("utf-8")
    rules = re.findall(r"([^{}]*:hover[^{}]*)\{([^{}]*)\}", sheet)
    assert len(rules) > 10
    for selector, body in rules:
        names = {one.split(":")[0].strip() for one in body.split(";") if one.strip()}
        assert names <= PAINT, selector.strip()


def calm_results(page: Any) -> None:
    page.fill("#words-words", "calm")
    page.press("#words-words", "Enter")
    expect(page.locator(".hit")).to_have_count(5)
    page.mouse.move(0, 0)


def tops(page: Any) -> list[float]:
    found: list[float] = page.locator(".hit").evaluate_all(
        "(rows) => rows.map((row) => row.getBoundingClientRect().top)"
    )
    return found


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_results_keep_their_places(service: Service, opened: Opener, width: int) -> None:
    page, _ = opened(service, "/#find", viewport={"width": width, "height": 2400})
    calm_results(page)
    before = tops(page)
    for row in page.locator(".hit").all():
        expect(row.locator(".more button")).to_have_count(3)
        row.hover()
        assert tops(page) == before
    page.locator(".hit").nth(2).get_by_text(TEXT["hit.express"]).click()
    expect(page.locator(".hit").nth(2).locator(".description .tag").first).to_be_visible()
    assert tops(page)[:3] == before[:3]


def test_a_button_that_cannot_be_pressed_looks_so_under_the_mouse(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service, "/#rate")
    page.fill("#nickname", "Cal")
    page.keyboard.press("Enter")
    on = page.locator(".trial .next")
    expect(on).to_be_disabled()
    page.mouse.move(*middle(on))
    assert float(on.evaluate("(one) => getComputedStyle(one).opacity")) < 0.5


def middle(place: Any) -> tuple[float, float]:
    box = place.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_filters_are_no_higher_than_their_fields(
    service: Service, opened: Opener, width: int
) -> None:
    page, _ = opened(service, "/#find", viewport={"width": width, "height": 900})
    page.click(".filters summary")
    rows = page.locator(".filters label").evaluate_all(
        "(all) => new Set(all.map((one) => one.getBoundingClientRect().top)).size"
    )
    assert page.locator(".filters").bounding_box()["height"] < 80 + 75 * rows


def test_files_are_sent_in_the_order_in_which_they_were_chosen(
    service: Service, opened: Opener
) -> None:
    page, _ = opened(service)
    page.evaluate(
        """() => {
            window.sent = [];
            const { fetch } = window;
            window.fetch = (address, options) => {
                const file = options?.body?.get?.("file");
                if (file) window.sent.push(file.name);
                return fetch(address, options);
            };
        }"""
    )
    names = ["tense_chase.ogg", "journey.ogg", "calm_evening.ogg", "bright_dance.ogg"]
    page.set_input_files("#pick", [AUDIO / name for name in names])
    expect(page.locator(".job:not(.done)")).to_have_count(0)
    assert page.evaluate("window.sent") == names


CUT = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    const cut = (one) => {
        const text = one.selectedOptions?.[0].text ?? one.value;
        if (!text) return one.scrollWidth > one.clientWidth + 1;
        pen.font = getComputedStyle(one).font;
        const room = one.selectedOptions ? 40 : 20; // padding, and the arrow
        return pen.measureText(text).width + room > one.clientWidth;
    };
    const looked = "main :is(button, select, [type=text], .head > *, h2, label)";
    const shown = [...document.querySelectorAll(looked)]
        .filter((one) => one.checkVisibility() && one.clientWidth > 0);
    return [shown.length, shown.filter((one) => !one.matches(".opens, .name") && cut(one))
        .map((one) => one.outerHTML.slice(0, 80))];
}"""


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_text_of_a_control_is_cut_off(service: Service, opened: Opener, language: str) -> None:
    page, _ = opened(service, locale=language)
    for width in (1024, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for view, there in {
            "library": ".grid-head",
            "find": ".facts:not(:empty)",
            "compare": "#compare-file option",
        }.items():
            page.evaluate("(view) => { location.hash = view; }", view)
            expect(page.locator(there).first).to_be_attached()
            tabs = page.locator("[data-tab]:not([data-tab=queue], [data-tab=lists])")
            for tab in [None, *tabs.all()]:
                if tab:
                    tab.click()
                    page.locator(".head [aria-sort] button").last.click()  # by arousal
                page.wait_for_timeout(300)
                count, cut = page.evaluate(CUT)
                assert count
                assert cut == [], (width, view)


def test_a_focused_field_leaves_its_label_in_sight(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find")
    for place in ("#words-words", "#list-from", "#list-way"):
        page.locator(place).focus()
        reach = page.evaluate(
            """(place) => {
                const field = document.querySelector(place);
                const own = getComputedStyle(field).outlineStyle !== "none";
                const ring = own ? field : field.parentElement;
                const { outlineWidth, outlineOffset } = getComputedStyle(ring);
                const width = parseFloat(outlineWidth) + parseFloat(outlineOffset);
                const label = document.querySelector(`label[for="${field.id}"]`);
                const { bottom } = label.getBoundingClientRect();
                return ring.getBoundingClientRect().top - width - bottom;
            }""",
            place,
        )
        assert reach >= -1, place


def test_the_words_of_the_user_stay_as_they_are(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#find", may_fail=True)
    page.fill("#words-words", "qqqq")
    page.press("#words-words", "Enter")
    said = page.locator(".mend p")
    expect(said).to_contain_text("qqqq")
    assert said.evaluate("(one) => getComputedStyle(one, '::first-letter').textTransform") == "none"


SHIFTS = """new PerformanceObserver((list) => {
    window.shifted ??= [];
    for (const { sources } of list.getEntries()) {
        window.shifted.push(...sources.map(({ node }) => node?.className ?? ""));
    }
}).observe({ type: "layout-shift", buffered: true });"""


def test_nothing_jumps_when_a_piece_is_there_again(service: Service, opened: Opener) -> None:
    page, _ = opened(service)
    drop(page, AUDIO / "slow_lament.ogg")
    expect(page.locator("[data-layer=joy]")).to_be_enabled()
    page.context.add_init_script(SHIFTS)
    held: list[Any] = []
    page.route("**/moments", lambda route: held.append(route))
    page.goto("about:blank")
    page.goto(f"{service.address}/#listen")
    expect(page.locator("[data-layer=joy]")).to_be_disabled()
    wait_for(page, lambda: held)
    before = page.locator(".timeline[role]").bounding_box()
    held[0].continue_()
    expect(page.locator("[data-layer=joy]")).to_be_enabled()
    assert page.locator(".timeline[role]").bounding_box() == before
    jumped = set(page.evaluate("window.shifted ?? []"))
    assert not jumped & {"intake", "timeline", "shown", "piece"}, jumped


def test_what_plays_does_not_widen_its_button(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#rate", locale="de")
    page.fill("#nickname", "Wide")
    page.keyboard.press("Enter")
    play = page.locator(".sound .play")
    before = play.bounding_box()["width"]
    play.click()
    expect(play).to_have_text("Pause")
    assert play.bounding_box()["width"] == before


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_views_are_in_one_line_on_a_tablet(
    service: Service, opened: Opener, language: str
) -> None:
    page, _ = opened(service, locale=language, viewport={"width": 768, "height": 900})
    tops = "(links) => new Set(links.map((link) => link.getBoundingClientRect().top)).size"
    assert page.locator("#views a").evaluate_all(tops) == 1


def test_a_title_takes_the_room_there_is_on_a_telephone(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#library", viewport={"width": 360, "height": 780})
    row = page.locator(".grid-body .grid-row").first
    title = row.locator(".title").bounding_box()
    time = row.locator(".duration")
    text = time.evaluate(
        """(cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            return range.getBoundingClientRect().left;
        }"""
    )
    assert text - (title["x"] + title["width"]) < 40
