"""Every page of a patient on a telephone: accessible, and no wider than the smallest screen."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Browser, Page, Route

from sessions.rules.wording import LANGUAGES
from tests.browser.test_pages import context_for
from tests.sessions.test_every_patient_page import come_to
from tests.support.browser import shoot, too_wide, wrong_with
from tests.support.clinic_day import make_day
from tests.support.patient_pages import Visited, every_page, speak

# Many pages, each at several widths.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

SEND = """([path, sent]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  for (const [name, value] of Object.entries({ ...sent, csrfmiddlewaretoken: token })) {
    const field = document.createElement("input");
    field.name = name;
    field.value = value;
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}"""


def visit(page: Page, site: str, visited: Visited) -> int:
    """Come to that page as a patient does; its status."""
    if visited.sent is None:
        answer = page.goto(site + visited.path)
        assert answer is not None
        return answer.status
    token = visited.path.split("/")[2]
    page.goto(f"{site}/p/{token}/stop/")  # every link, however old, has this form
    with page.expect_navigation() as navigation:
        page.evaluate(SEND, [visited.path, dict(visited.sent)])
    return navigation.value.status if navigation.value else 0


@pytest.mark.parametrize(("width", "theme", "language"), [(390, "light", "en"), (320, "dim", "de")])
def test_every_page_of_a_patient_is_accessible_on_a_telephone(
    live_site: str, browser: Browser, width: int, theme: str, language: str
) -> None:
    """German for the smallest screen: its words are the longest."""
    day = make_day()
    speak(day, language)
    context = context_for(browser, width=width, theme=theme, site=live_site, bypass_csp=True)
    page = context.new_page()
    found: dict[str, Any] = {}
    for visited in every_page(day):
        status = visit(page, live_site, visited)
        shoot(page, f"patient-{visited.name}-{width}")
        wrong = (status, too_wide(page), wrong_with(page))
        if visited.name != "unknown" and page.locator("html").get_attribute("lang") != language:
            found[f"{visited.name} is not in {language}"] = page.url
        if wrong != (visited.status, 0, []):
            found[visited.name] = wrong
    context.close()
    assert found == {}


@pytest.mark.django_db
@pytest.mark.parametrize("language", sorted({*LANGUAGES} - {"en"}))
def test_in_no_language_is_a_page_wider_than_a_telephone(
    client: Client, browser: Browser, language: str
) -> None:
    """Laid out as the product made them: without a server, so that each language is cheap, and without
    scripts, so that all that a page may show stands on it."""
    day = make_day()
    speak(day, language)
    site, shown = "http://patients.example", ""

    def serve(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path.startswith("/static/"):
            route.fulfill(path=finders.find(path.removeprefix("/static/")))
        else:
            route.fulfill(body=shown, content_type="text/html; charset=utf-8")

    context = context_for(browser, width=320, theme="light", site=site, java_script_enabled=False)
    context.route("**/*", serve)
    page = context.new_page()
    found: dict[str, int] = {}
    for visited in every_page(day):
        shown = come_to(client, visited).content.decode()
        page.goto(f"{site}/{visited.name}")
        assert page.evaluate("[...document.styleSheets].some((one) => one.cssRules.length > 50)"), "in style"
        for width in (320, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if beyond := too_wide(page):
                found[f"{visited.name} at {width}"] = beyond
            shoot(page, f"{language}-{visited.name}-{width}")
    context.close()
    assert found == {}
