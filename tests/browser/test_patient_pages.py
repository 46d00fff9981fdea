"""Every page of a patient on a telephone: accessible, and no wider than the smallest screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.test_pages import RULES, SHOTS, context_for
from tests.support.clinic_day import make_day
from tests.support.patient_pages import Visited, every_page

pytestmark = pytest.mark.browser

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


@pytest.mark.parametrize(("width", "theme"), [(390, "light"), (320, "dim")])
def test_every_page_of_a_patient_is_accessible_on_a_telephone(
    live_site: str, browser: Browser, width: int, theme: str
) -> None:
    day = make_day()
    # axe is put into the page from outside, which the policy of the page rightly forbids.
    context = context_for(browser, width=width, theme=theme, site=live_site, bypass_csp=True)
    page = context.new_page()
    found: dict[str, Any] = {}
    for visited in every_page(day):
        status = visit(page, live_site, visited)
        if SHOTS:
            Path(SHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{SHOTS}/patient-{visited.name}-{width}.png", full_page=True)
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        results = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        if results or too_wide > 0 or status != visited.status:
            found[visited.name] = (
                status,
                too_wide,
                [(one["id"], one["nodes"][0]["target"]) for one in results],
            )
    context.close()
    assert found == {}
