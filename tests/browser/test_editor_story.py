"""From a first draft to a published protocol, by the pages: written by one person, approved by another."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from protocols.models import ProtocolVersion
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import shoot_at_each_width
from tests.support.cast import make_cast

pytestmark = pytest.mark.browser

DRAFT = """format: 1
code: small
version: "1.0"
title: One dose, watched for two hours
indication: An example
investigational: true
jurisdiction: none
citations: {trial: "Example A et al. 2026, A trial that does not exist"}
attributes: {can_become_pregnant: Can become pregnant}
stages:
  - {code: dosing, kind: dosing, words: Dosing, per_cycle: true}
rules:
  - type: session
    code: dosing
    stage: dosing
    words: Dosing session
    who: therapist
    source: trial
    kind: dosing
    makes_cycles: true
    count: {value: 1, source: trial}
    minutes: {value: 3 h, source: trial}
    windows: [{anchor: enrolment, opens: {value: 7 d, source: trial}, closes: {value: 28 d, source: trial}}]
  - type: result
    code: pregnancy
    stage: dosing
    words: Negative pregnancy test
    who: prescriber
    source: trial
    per: dosing
    only_for: can_become_pregnnt
    test: pregnancy
    compare: is
    accept: {value: negative, source: trial}
    blocks: [{move: start, rule: dosing, override: nobody}]
"""


def test_a_protocol_is_written_checked_as_one_writes_mended_reviewed_by_another_and_published(
    live_site: str, browser: Browser
) -> None:
    make_cast()
    writing = context_for(browser, width=1280, theme="light", site=live_site)
    finn = writing.new_page()
    sign_in(finn, live_site, "finn@example.org")
    finn.goto(f"{live_site}/c/alder/protocols/new/")
    document, checked = finn.get_by_label("Document", exact=True), finn.locator("#checked")
    document.fill(DRAFT)
    expect(checked).to_contain_text("Did you mean “can_become_pregnant”?")
    shoot_at_each_width(finn, "editor-slip")
    document.fill(DRAFT.replace("pregnnt", "pregnant"))
    expect(checked).to_contain_text("nothing wrong found")
    expect(checked.locator("svg")).to_be_visible()
    finn.get_by_role("button", name="Save draft").click()
    expect(finn.get_by_text("The draft is saved.")).to_be_visible()
    finn.get_by_label("What changed, for the reviewer").fill("A first draft.")
    finn.get_by_role("button", name="Send for review").click()
    expect(finn.get_by_text("A first draft.")).to_be_visible()
    expect(finn.get_by_role("button", name="Approve")).to_have_count(0)  # nobody approves their own
    address = finn.url
    reviewing = context_for(browser, width=1280, theme="light", site=live_site)
    carla = reviewing.new_page()
    sign_in(carla, live_site, "carla@example.org")
    carla.goto(address)
    shoot_at_each_width(carla, "editor-review")
    carla.get_by_role("button", name="Approve").click()
    carla.get_by_role("button", name="Publish").click()
    expect(carla.get_by_role("button", name="Retire")).to_be_visible()
    version = ProtocolVersion.objects.get(protocol__code="small")
    assert version.status == "published" and "only_for: can_become_pregnant\n" in version.document
    writing.close()
    reviewing.close()
