"""Whether a page can be used without seeing, pointing or telling colours apart, in any browser."""

from __future__ import annotations

from typing import Any

import pytest

AXE: str = pytest.importorskip(
    "axe_playwright_python.base", reason="needs axe-playwright-python"
).AXE_SCRIPT
WIDTHS = (390, 1024, 1440)
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that read colours: all that can differ between dark and light."""

RUN = """async (only) => {
    const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
    if (only) options.runOnly = only;
    const { violations } = await axe.run(options);
    return violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, impact, nodes }) => `${id}, ${impact}: ${nodes[0].html.slice(0, 200)}`);
}"""

FRAMES = """() => new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(done));
})"""
"""Until the page has been laid out and painted anew."""

STICKS_OUT = """() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    const found = scrollWidth > clientWidth ? [`the page is ${scrollWidth} pixels wide`] : [];
    for (const one of document.querySelectorAll("body *")) {
        const [box, around] = [one, one.parentElement].map((at) => at.getBoundingClientRect());
        const beyond = Math.round(box.right - around.right);
        if (beyond > 1 && around.width && one.checkVisibility()
            && getComputedStyle(one).position === "static"
            && getComputedStyle(one.parentElement).overflowX === "visible") {
            found.push(`${one.outerHTML.slice(0, 90)} sticks out by ${beyond} pixels`);
        }
    }
    return found;
}"""

REACHABLE = """() => {
    document.body.tabIndex = -1;
    document.body.focus();  // Tab goes on from here
    return [...document.querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0'], [contenteditable]")]
    .filter((one) => !one.disabled && one.tabIndex >= 0 && one.type !== "file")
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && !one.closest("[inert]"))
    .map((one, number) => {
        one.dataset.walk = number;
        return `${number} ${one.outerHTML.slice(0, 90)}`;
    });
}"""

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
    page.evaluate(f"() => {{ {AXE} }}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for theme, rules in (("light", None), ("dark", OF_COLOURS)):
            page.emulate_media(color_scheme=theme)
            page.evaluate(FRAMES)  # colours and sizes that follow
            faults = page.evaluate(STICKS_OUT) + page.evaluate(RUN, rules)
            found += [f"{theme}, {width}: {fault}" for fault in faults]
    return found


def walked(page: Any) -> list[str]:
    """What goes wrong on the way through a page with Tab alone."""
    expected = dict(one.split(" ", 1) for one in page.evaluate(REACHABLE))
    reached, troubles = set(), []
    for _ in range(2 * len(expected) + 10):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        if at is None:  # has left the page behind its last element
            break
        if at["trouble"]:
            troubles.append(f"{at['html']} {at['trouble']}")
        reached.add(at["walk"])
    else:
        troubles.append(f"the focus does not leave the page: {at}")
    missed = [expected[one] for one in expected.keys() - reached]
    return troubles + [f"{one} is not reached" for one in missed]
