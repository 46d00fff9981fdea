"""Every page in a real browser: accessible, no wider than the screen, within its policy."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.clinic.test_second_factor import code_of
from tests.support.browser import shoot, too_wide, worn, wrong_with
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay, addresses, make_day, supervised

# Many pages, each at several widths.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


def sign_in(page: Page, site: str, email: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/c/**")


def context_for(browser: Browser, *, width: int, theme: str, site: str, **kwargs: Any) -> BrowserContext:
    context = browser.new_context(viewport={"width": width, "height": 900}, **kwargs)
    context.set_default_timeout(30_000)
    context.add_cookies([{"name": "theme", "value": theme, "url": site}])
    return context


def test_every_page_is_accessible_and_fits(live_site: str, browser: Browser) -> None:
    day: ClinicDay = make_day()
    found: dict[str, Any] = {}
    for who, pages in (("ada", addresses(day)), *supervised(day).items()):
        context = context_for(browser, width=1280, theme="light", site=live_site, bypass_csp=True)
        page = context.new_page()
        sign_in(page, live_site, f"{who}@example.org")
        found |= _looked_at(page, live_site, pages)
        context.close()
    assert found == {}


def _looked_at(page: Page, site: str, pages: dict[str, str]) -> dict[str, Any]:
    """What is wrong with each of these pages, by its name and look."""
    found: dict[str, Any] = {}
    for name, address in pages.items():
        answer = page.goto(site + address)
        assert answer is not None
        if answer.status != 200:
            found[name] = answer.status
            continue
        for look in worn(page, (1280, "light"), (390, "dim")):
            shoot(page, f"{name}-{look}")
            if name == "board-live":
                continue  # a fragment, never a page of its own
            wrong = (too_wide(page), wrong_with(page))
            if wrong != (0, []):
                found[f"{name}-{look}"] = wrong
    return found


def test_pages_stay_within_the_policy_and_ask_nobody_else(live_site: str, browser: Browser) -> None:
    day = make_day()
    context = context_for(browser, width=1280, theme="light", site=live_site)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            said.append(f"{page.url}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, live_site, "ada@example.org")
    for name, address in addresses(day).items():
        if name == "board-live":
            continue  # a fragment, never a page of its own
        answer = page.goto(live_site + address)
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "unsafe-" not in policy and "default-src 'none'" in policy
    assert said == []
    assert [url for url in asked if not url.startswith(live_site)] == []
    context.close()


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dim")])
def test_the_pages_of_the_second_factor_are_accessible_and_fit(
    live_site: str, browser: Browser, width: int, theme: str
) -> None:
    make_day()
    context = context_for(browser, width=width, theme=theme, site=live_site, bypass_csp=True)
    page = context.new_page()
    found: dict[str, Any] = {}

    def look(name: str) -> None:
        shoot(page, f"{name}-{width}-{theme}")
        wrong = (too_wide(page), wrong_with(page))
        if wrong != (0, []):
            found[name] = wrong

    sign_in(page, live_site, "ada@example.org")
    page.goto(f"{live_site}/accounts/2fa/")
    look("factor")
    page.get_by_role("link", name="Set it up").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    drawn = page.get_by_role("img", name="QR code")
    assert drawn.evaluate("image => image.complete && image.naturalWidth > 0")
    look("factor-set-up")
    page.get_by_label("code").fill(code_of(page.locator(".key").inner_text()))
    page.get_by_role("button", name="Set it up").click()
    page.get_by_role("heading", name="Your recovery codes").wait_for()
    look("factor-codes")
    codes = page.locator(".codes li").all_inner_texts()
    page.context.clear_cookies()
    page.goto(f"{live_site}/accounts/login/")
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Your second factor").wait_for()
    look("factor-asked")
    page.get_by_label("Code").fill(codes[0])
    page.keyboard.press("Enter")
    page.wait_for_url("**/c/**")
    context.close()
    assert found == {}
