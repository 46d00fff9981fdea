"""Clinic settings on a telephone: crisis lines are rows that are filled by keyboard, without any script, and
what is wrong stands beside its field."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from clinic.models import Clinic
from tests.browser.test_pages import sign_in
from tests.support.browser import shoot, shoot_at_each_width, wrong_with
from tests.support.cast import make_cast
from tests.support.processes import Processes

pytestmark = [pytest.mark.browser]


def test_crisis_lines_are_entered_by_keyboard_without_a_script(
    processes: Processes, live_site: str, browser: Browser
) -> None:
    """With a server of its own: the admin's log remembers the numbers of tables that others empty."""
    cast = make_cast()
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_site, "finn@example.org")
    page.goto(live_site + reverse("admin:clinic_clinic_change", args=[cast.clinic.pk]))
    row = page.get_by_role("group", name="Another line").first
    row.get_by_label("Name").fill("Linea")
    for typed in ("call us", "day and night"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Tab")
    page.keyboard.type("Spain")
    page.keyboard.press("Tab")
    page.keyboard.type("Spanish")
    page.get_by_label("Why").fill("A line in Spanish.")
    page.keyboard.press("Enter")
    row = page.get_by_role("group", name="Line 2")
    expect(row.get_by_text("a telephone can dial")).to_be_visible()
    expect(row.get_by_label("Number")).to_have_attribute("aria-invalid", "true")
    shoot_at_each_width(page, "clinic-settings-wrong")
    row.get_by_label("Number").fill("024")
    page.get_by_label("Why").fill("A line in Spanish.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Clinic.objects.get(pk=cast.clinic.pk).crisis_lines[1:] == [
        {"name": "Linea", "number": "024", "hours": "day and night", "country": "ES", "language": "es"}
    ]
    context.close()


def test_the_rows_fit_a_telephone_and_axe_finds_nothing_wrong_with_them(
    live_site: str, browser: Browser
) -> None:
    cast = make_cast()
    context = browser.new_context(viewport={"width": 390, "height": 844}, bypass_csp=True)
    page = context.new_page()
    sign_in(page, live_site, "finn@example.org")
    page.goto(live_site + reverse("admin:clinic_clinic_change", args=[cast.clinic.pk]))
    rows = page.locator(".lines-row")
    assert rows.count() == 3
    wide = rows.evaluate_all("all => Math.max(...all.map((one) => one.getBoundingClientRect().right))")
    assert wide <= 390
    shoot(page, "clinic-settings-390")
    heights = page.locator(".lines-field input, .lines-field select").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    assert [found for found in wrong_with(page) if "lines" in str(found)] == []
    context.close()
