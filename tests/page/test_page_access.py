"""Every view for those who cannot see, point or tell colours apart: axe, keyboard, contrast."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.page.pages import STATIC, Opener, Service
from tests.page.views import VIEWS

axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python")

WIDTHS = (390, 1024, 1440)
RUN = """() => axe.run({
    resultTypes: ["violations"], rules: { "target-size": { enabled: true } },
})"""

REACHABLE = """() => [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0'], [contenteditable]")]
    .filter((one) => !one.disabled && one.tabIndex >= 0 && one.type !== "file")
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[inert]"))
    .map((one, number) => {
        one.dataset.walk = number;
        return `${number} ${one.outerHTML.slice(0, 90)}`;
    })"""

FOCUSED = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    const marked = (at) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(at);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    };
    const box = one.getBoundingClientRect();
    const bar = document.querySelector(".bar:not([hidden])")?.getBoundingClientRect();
    const below = bar && !one.closest(".bar") && box.top >= bar.top;
    const around = [one, one.parentElement, one.parentElement?.parentElement];
    const shown = around.some((at) => at && marked(at));
    return { walk: one.dataset.walk ?? null, html: one.outerHTML.slice(0, 90),
        trouble: shown ? (below ? "is below the bar" : "") : "shows no focus" };
}"""


def findings(page: Any) -> list[str]:
    """What axe finds serious or critical in all widths, dark and light; and what is cut off."""
    found = []
    page.evaluate(axe.AXE_SCRIPT)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(100)  # colours and sizes that follow
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{theme}, {width}: the page is {wide} pixels wide"] * (wide > width)
            found += [
                f"{theme}, {width}: {one['id']}, {one['impact']}: {one['nodes'][0]['html'][:200]}"
                for one in page.evaluate(RUN)["violations"]
                if one["impact"] in ("serious", "critical")
            ]
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(service: Service, opened: Opener, view: str) -> None:
    page, _ = opened(service)
    VIEWS[view](page)
    assert findings(page) == []


def test_axe_finds_nothing_serious_where_a_token_is_needed(
    guarded: Service, opened: Opener
) -> None:
    page, _ = opened(guarded, may_fail=True)
    page.wait_for_selector("dialog[open]")
    assert findings(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_the_keyboard_reaches_everything(service: Service, opened: Opener, view: str) -> None:
    page, _ = opened(service, may_fail=True)
    VIEWS[view](page)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    expected = dict(one.split(" ", 1) for one in page.evaluate(REACHABLE))
    reached, troubles, rounds = set(), [], 0
    for _ in range(4 * len(expected) + 20):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:  # has left the page behind its last element
            rounds += 1
            if rounds == 2:  # the first round began somewhere in it
                break
            continue
        if at["trouble"]:
            troubles.append(f"{at['html']} {at['trouble']}")
        reached.add(at["walk"])
    else:
        pytest.fail(f"the focus does not leave the page: {at}")
    assert troubles == []
    assert {expected[one] for one in expected.keys() - reached} == set()


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("text", ["ink", "soft", "valence", "arousal", "tension"])
@pytest.mark.parametrize("ground", ["paper", "panel", "raised", "faint"])
def test_text_differs_from_its_ground(text: str, ground: str) -> None:
    sheet = (STATIC / "style.css").read_text("utf-8")
    colours = {
        name: two for name, *two in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", sheet)
    }
    for one, other in zip(colours[text], colours[ground], strict=True):
        low, high = sorted((_luminance(one), _luminance(other)))
        assert (high + 0.05) / (low + 0.05) >= 4.5, (one, other)  # WCAG 2.2, 1.4.3
