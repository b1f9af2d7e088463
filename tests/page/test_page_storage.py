"""The page in a browser that keeps nothing."""

from __future__ import annotations

from tests.page.pages import TEXT, Opener, Service, expect, without_storage
from tests.page.views import VIEWS


def test_every_view_works_without_storage(service: Service, opened: Opener) -> None:
    page, _ = opened(service, may_fail=True)
    without_storage(page)
    for show in VIEWS.values():
        show(page)
    page.get_by_role("button", name=TEXT["theme.toggle"]).click()
    expect(page.locator("html[data-theme=dark]")).to_have_count(1)


def test_the_library_and_its_queue_work_without_storage(service: Service, opened: Opener) -> None:
    page, _ = opened(service, "/#library/pieces/sort=-title")
    without_storage(page)
    VIEWS["library-queue"](page)
    expect(page.locator(".bar")).to_be_visible()
    page.wait_for_url("**/#library/queue")
    page.go_back()
    expect(page.locator("#library-order")).to_have_value("title")
    page.reload()
    expect(page.locator("#library-order")).to_have_value("title")
    expect(page.locator(".bar")).to_be_hidden()


def test_a_token_is_asked_for_once_without_storage(guarded: Service, opened: Opener) -> None:
    page, _ = opened(guarded, may_fail=True)
    without_storage(page)
    page.fill("#token-field", "open sesame")
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.click("#views a[href='#understand']")
    expect(page.locator(".card-text tbody tr")).not_to_have_count(0)
