"""Comparing pieces on the page, in a real browser against the real service."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="needs the extra 'serve'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
Page, expect = sync_api.Page, sync_api.expect

from tests.page.pages import TEXT, Opener, Service, drawn, playhead, sounded

NAMES = ("calm evening", "journey", "slow lament", "tense chase")


def chosen(page: Page, *names: str) -> None:
    """Choose pieces by search, without the mouse."""
    for _ in range(page.locator(".legend button.quiet").count()):
        page.locator(".legend button.quiet").first.click()
    for name in names:
        page.fill("#compare-add", name.split()[0])
        expect(page.locator(".suggestions [aria-selected=true]")).to_contain_text(name.split()[0])
        page.press("#compare-add", "Enter")
        expect(page.locator(".legend .title").last).to_have_text(name)


def test_pieces_are_compared(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#compare")
    chosen(page, *NAMES[:2])
    expect(page.locator(".legend li").first).to_contain_text("calm_evening.ogg")
    page.locator(".legend button.round:not(.quiet)").first.click()
    sounded(page, "0:02")
    page.locator(".legend button.round:not(.quiet)").last.click()
    expect(page.locator(".bar .title")).to_have_text("journey")
    sounded(page, "0:02")
    drawn(page, ".curve")
    drawn(page, ".plane canvas:last-child")


def test_four_pieces_are_the_most(service: Service, opened: Opener) -> None:
    page, watch = opened(service, "/#compare")
    chosen(page, *NAMES)
    expect(page.locator("#compare-add")).to_be_disabled()
    expect(page.locator("[role=status]")).to_contain_text([TEXT["compare.full"]])
    assert sum("/analysis" in one for one in watch.requests) == 4  # with intervals
    page.locator(".legend button.quiet").last.click()
    expect(page.locator("#compare-add")).to_be_enabled()


def test_time_is_shared_in_three_ways(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#compare")
    chosen(page, *NAMES[:2])
    first = page.locator(".legend button.round:not(.quiet)").first
    first.click()  # of 40 seconds, beside one of 61
    sounded(page, "0:01")
    page.locator(".timeline").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert playhead(page) == pytest.approx(20 / 61, abs=0.02)
    page.click("[data-scale=length]")
    assert playhead(page) == pytest.approx(20 / 39.6, abs=0.02)
    page.click("[data-scale=beats]")
    expect(page.locator("[data-scale=beats]")).to_have_attribute("aria-pressed", "true")
    assert 0.2 < playhead(page) < 0.9
    assert playhead(page) != pytest.approx(20 / 39.6, abs=0.005)
