"""Every view for those who cannot see, point or tell colours apart: axe, keyboard, contrast."""

from __future__ import annotations

import re

import pytest

from tests.page.access import findings, walked
from tests.page.pages import STATIC, Opener, Service
from tests.page.views import VIEWS


@pytest.mark.parametrize("view", VIEWS)
def test_the_keyboard_reaches_everything_and_axe_finds_nothing_serious(
    service: Service, opened: Opener, view: str
) -> None:
    page, _ = opened(service)
    VIEWS[view](page)
    page.wait_for_load_state("networkidle")
    assert walked(page) + findings(page) == []


def test_axe_finds_nothing_serious_where_a_token_is_needed(
    guarded: Service, opened: Opener
) -> None:
    page, _ = opened(guarded, may_fail=True)
    page.wait_for_selector("dialog[open]")
    assert findings(page) == []


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
