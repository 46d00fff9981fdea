"""Makes the pictures of docs/screenshots from a freshly loaded demo:

    make demo-reset            (in another terminal)
    .venv/bin/python -m tests.support.screenshots http://localhost:8000

It only looks, except for the last picture, for which it moves the demo's clock to the next check-in."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.browser import CHROMIUM_ARGUMENTS, chromium

HERE = Path(__file__).parents[2] / "docs" / "screenshots"
PASSWORD = "alder-and-birch"  # of all the demo's fictional people
WIDE, PHONE = (1280, 900), (390, 844)
HOURS = 24  # within which a check-in comes due, whatever the hour


def page_of(browser: Browser, size: tuple[int, int], site: str) -> Page:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, base_url=site)
    context.set_default_timeout(60_000)
    context.add_cookies([{"name": "theme", "value": "light", "url": site}])
    return context.new_page()


def signed_in(browser: Browser, site: str, name: str) -> Page:
    page = page_of(browser, WIDE, site)
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_text("Sign out").first.wait_for(state="attached")
    page.goto("/c/alder-house/")
    return page


def shoot(page: Page, name: str, *, whole: bool = False) -> None:
    page.screenshot(path=HERE / f"{name}.png", full_page=whole)
    print(f"{name}.png", flush=True)


def patient(page: Page, name: str) -> None:
    page.goto("/c/alder-house/patients/")
    page.get_by_role("link", name=re.compile(name)).first.click()
    page.wait_for_load_state()


def of_a_therapist(browser: Browser, site: str) -> None:
    page = signed_in(browser, site, "ada")
    shoot(page, "today")
    patient(page, "Lark")
    shoot(page, "chart")
    shoot(page, "chart-course", whole=True)
    page.get_by_role("link", name="Open the readiness page").click()
    page.get_by_role("heading", name="Why can't this start?").wait_for()
    shoot(page, "why-cant-this-start")


def of_a_dosing_day(browser: Browser, site: str) -> None:
    page = signed_in(browser, site, "greta")
    patient(page, "Jay")
    page.get_by_role("link", name="Dosing session 1", exact=True).first.click()
    page.wait_for_load_state()
    page.goto(page.url.partition("?")[0])
    shoot(page, "dosing-board")


def of_a_supervisor(browser: Browser, site: str) -> None:
    page = signed_in(browser, site, "carla")
    page.goto("/c/alder-house/deviations/")
    shoot(page, "deviations")
    page.get_by_role("link", name=re.compile("Integration")).first.click()
    page.get_by_role("heading", name="Evidence").wait_for()
    shoot(page, "deviation", whole=True)
    page.goto("/c/alder-house/adherence/")
    shoot(page, "adherence")


def of_a_patient(browser: Browser, site: str) -> None:
    """The mail of a check-in, and its page on a telephone."""
    page = signed_in(browser, site, "eve")
    for _hour in range(HOURS):
        page.goto("/demo/mail")
        if page.get_by_role("heading", name="How are you today?").count():
            break
        page.get_by_role("button", name="1 hour").click()
        page.wait_for_load_state()
    shoot(page, "mail")
    link = page.locator("article", has_text="How are you today?").first.locator("a[href*='/p/']").first
    phone = page_of(browser, PHONE, site)
    phone.goto(str(link.get_attribute("href")))
    shoot(phone, "patient-phone")


def main(site: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        for part in (of_a_therapist, of_a_dosing_day, of_a_supervisor, of_a_patient):
            part(browser, site)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
