"""While somebody writes a text: its length is counted as they type, by the same rules as the server's."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from playwright.sync_api import Browser, expect

from clinic.rules.text_length import text_length
from sessions.rules.wording import for_texting
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import shoot
from tests.support.cast import make_cast

pytestmark = [pytest.mark.browser]

WRITTEN = [
    "{sender}: see you {day}, {time}. {link} Reply STOP to opt out.",
    "{sender}: see you {day}, {time}. {link} It’s – “here” [and] {} 5 € Reply STOP.",
    "{sender}: café, mañana, Übung, łódź {day} {time} {link} STOP",
    "{sender}: {day} {time} {link} STOP 🙂 日本",
    "{sender}: {day} {time} {link} STOP " + "x" * 120,
]


def test_the_length_of_a_text_is_counted_while_it_is_written_as_the_server_counts_it(
    live_site: str, browser: Browser
) -> None:
    cast = make_cast()
    address = reverse("sessions:wording_write", args=(cast.clinic.slug, "en", "text", "visit"))
    context = context_for(browser, width=390, theme="light", site=live_site)
    page = context.new_page()
    sign_in(page, live_site, "finn@example.org")
    page.goto(live_site + address)
    shoot(page, "wording-write-390")
    area, counter = page.locator("[data-wording]"), page.locator("[data-wording-count]")
    places = area.evaluate("one => ({...one.dataset})")
    said = set()
    for words in WRITTEN:
        area.fill(words)
        filled = for_texting(re.sub(r"\{([^{}]*)\}", lambda place: places.get(place[1], ""), words))
        expect(page.locator("[data-wording-preview]")).to_have_text(filled)
        counted = text_length(filled)
        shown = counter.inner_text()
        assert shown.startswith(f"{counted.units} / 160, "), words
        if counted.gsm:
            assert ("too long" in shown) is not counted.fits
        else:
            assert "not in the alphabet of texts" in shown
            assert all(one in shown for one in counted.foreign)
        said.add(shown.split(", ", 1)[1].split(":")[0])
    assert len(said) == 3, "fits, too long, in no alphabet of texts"
    context.close()
