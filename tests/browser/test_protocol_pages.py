"""A protocol's pages in a real browser: accessible, no wider than the screen, and the editor's live check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from clinic import clock
from protocols.models import Protocol
from sessions.models import Course
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import shoot, shoot_at_each_width, too_wide, worn, wrong_with
from tests.support.cast import enrol, make_cast
from tests.support.clinic_day import make_day
from tests.support.second_version import publish_second

pytestmark = pytest.mark.browser


def test_a_protocols_pages_are_accessible_and_fit(live_site: str, browser: Browser) -> None:
    make_day()
    slug, protocol = "alder", Protocol.objects.filter(clinic__slug="alder").get()
    below = f"/c/{slug}/protocols/{protocol.public_id}"
    addresses = {
        "protocols": f"/c/{slug}/protocols/",
        "instruments": f"/c/{slug}/instruments/",
        "protocol": f"{below}/",
        "protocol-edit": f"{below}/edit/",
        "protocol-new": f"/c/{slug}/protocols/new/?from=oregon_psilocybin",
        "protocol-figures": f"{below}/figures/",
        "protocol-compare": f"{below}/compare/",
        "protocol-preview": f"{below}/preview/",
        "protocol-legal": f"{below}/legal-basis/",
    }
    context = context_for(browser, width=1280, theme="light", site=live_site, bypass_csp=True)
    page = context.new_page()
    sign_in(page, live_site, "carla@example.org")
    found: dict[str, Any] = {}
    for name, address in addresses.items():
        answer = page.goto(live_site + address)
        assert answer is not None
        if answer.status != 200:
            found[name] = answer.status
            continue
        for look in worn(page, (1280, "light"), (820, "light"), (390, "dim")):
            shoot(page, f"{name}-{look}", full_page=name != "protocol")
            wrong = (too_wide(page), wrong_with(page))
            if wrong != (0, []):
                found[f"{name}-{look}"] = wrong
    context.close()
    assert found == {}


def test_what_a_move_would_change_comes_in_part_by_part_and_everyone_is_ticked(
    live_site: str, browser: Browser
) -> None:
    now = clock.now()
    cast = make_cast(now=now - timedelta(days=1))
    for number in range(1, 24):
        enrol(cast, f"P-0{number:02}", now=now - timedelta(hours=8))
    second = publish_second(cast, now=now - timedelta(hours=1))
    address = f"/c/{cast.clinic.slug}/protocols/{second.protocol.public_id}/preview/?version={second.version}"
    context = context_for(browser, width=390, theme="light", site=live_site, bypass_csp=True)
    page = context.new_page()
    sign_in(page, live_site, cast.people["carla"].email)
    page.goto(live_site + address)
    page.get_by_role("button", name="Tick everyone").click()
    expect(page.get_by_role("checkbox")).to_have_count(23)
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(23)
    expect(page.locator("[hx-trigger]")).to_have_count(0)
    assert (too_wide(page), wrong_with(page)) == (0, [])
    shoot_at_each_width(page, "protocol-preview-parts")
    page.get_by_label("Why they are moved").fill("The windows were too wide.")
    page.get_by_role("button", name="Move the ticked").click()
    expect(page.get_by_text("23 moved to version 2.0.")).to_be_visible()
    context.close()
    assert Course.objects.filter(protocol_version=second).count() == 23


def test_where_a_wording_is_loaded_is_accessible_and_fits_in_each_language(
    live_site: str, browser: Browser
) -> None:
    make_day()
    context = context_for(browser, width=1280, theme="light", site=live_site, bypass_csp=True)
    page = context.new_page()
    sign_in(page, live_site, "finn@example.org")
    found: dict[str, Any] = {}
    for language in ("en", "de"):  # English comes with the product, German is to be loaded
        page.goto(f"{live_site}{reverse('protocols:wording', args=('alder', 'pcl5'))}?language={language}")
        assert (page.locator("textarea").count() == 0) == (language == "en"), "what is there is not asked for"
        for look in worn(page, (1280, "light"), (820, "light"), (390, "dim")):
            shoot(page, f"wording-{language}-{look}")
            wrong = (too_wide(page), wrong_with(page))
            if wrong != (0, []):
                found[f"{language}-{look}"] = wrong
    context.close()
    assert found == {}


def test_the_editor_says_what_is_wrong_while_one_writes(live_site: str, browser: Browser) -> None:
    make_day()
    context = context_for(browser, width=1280, theme="light", site=live_site)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    sign_in(page, live_site, "carla@example.org")
    page.goto(f"{live_site}/c/alder/protocols/new/?from=lsd_gad")
    document = page.get_by_label("Document", exact=True)
    checked = page.locator("#checked")
    expect(checked.locator("svg")).to_be_visible()
    text = document.input_value()
    document.fill(
        text.replace("kind: dosing\n    makes_cycles: true", "kind: dosing\n    makes_cycels: true")
    )
    expect(checked).to_contain_text("makes_cycels")
    checked.get_by_role("button", name="line").first.click()
    selected = document.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)")
    assert "makes_cycels" in selected
    document.fill(text)
    expect(checked).not_to_contain_text("makes_cycels")
    page.get_by_role("button", name="Save draft").click()
    page.wait_for_url("**/protocols/*/?version=*")
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    context.close()
    assert said == []


def test_the_drawing_of_a_protocol_has_a_name_and_its_table_below_and_prints_whole(
    live_site: str, browser: Browser
) -> None:
    make_day()
    protocol = Protocol.objects.filter(clinic__slug="alder").get()
    context = context_for(browser, width=1280, theme="light", site=live_site)
    page = context.new_page()
    sign_in(page, live_site, "carla@example.org")
    page.goto(f"{live_site}/c/alder/protocols/{protocol.public_id}/")
    # To who does not see it: one picture with a name that says where the same stands in words.
    drawing = page.get_by_role("img", name="the table below says the same in words")
    expect(drawing).to_be_visible()
    lanes = drawing.locator("g > text").all_text_contents()
    shapes = drawing.locator("rect.window").count()
    assert shapes and drawing.locator("g > title").count() == shapes, "a title for every window"
    page.get_by_text("The schedule in words", exact=True).click()
    table = page.get_by_role("region", name="The schedule in words").get_by_role("table")
    said = table.get_by_role("rowheader").all_text_contents()
    for lane in lanes:
        assert any(line.startswith(lane.rstrip("…").strip()) for line in said), lane
    page.get_by_text("The schedule in words", exact=True).click()
    expect(table).to_be_hidden()
    # On A4 within its margins, whatever was folded away.
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 672, "height": 1000})
    expect(table).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    cut = page.evaluate(
        """() => [...document.querySelectorAll("svg.schedule, section:has(svg.schedule) td, h1")]
            .filter(one => one.getBoundingClientRect().right > innerWidth
                || one.getBoundingClientRect().width === 0).length"""
    )
    shoot(page, "protocol-print", full_page=False)
    context.close()
    assert cut == 0
