"""A session's record from its author to a supervisor and back: sent, returned with a comment beside the
passage, sent again, signed and co-signed; and what a signed record looks like, on screen and on paper."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from clinic import clock
from clinic.permissions import Role
from sessions.models import SessionRecord, SignatureRecord
from sessions.operations.entering import log_session
from tests.support.browser import shoot_at_each_width
from tests.support.cast import PASSWORD, Cast, days, enrol, make_cast, make_person

pytestmark = pytest.mark.browser

NOTE = "We talked about what may come, and about his brother.\n\nHe sleeps badly since last week."


def sign_in(browser: Browser, site: str, cast: Cast, name: str) -> Page:
    context = browser.new_context(viewport={"width": 820, "height": 1100})
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Email").fill(f"{name}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"**/c/{cast.clinic.slug}/")
    return page


def fits(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    page.set_viewport_size({"width": 820, "height": 1100})


def a_held_session(cast: Cast) -> SessionRecord:
    now = clock.now()
    course = enrol(cast, now=now - days(9))
    return log_session(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="preparation.1",
        started_at=now - timedelta(hours=30),
        ended_at=now - timedelta(hours=28),
        staff=[cast.id("ben")],
        note=NOTE,
        now=now,
    )


def test_returned_sent_again_and_co_signed(live_site: str, browser: Browser) -> None:
    cast = make_cast(now=clock.now() - days(10))
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    record = a_held_session(cast)
    home = f"{live_site}/c/{cast.clinic.slug}/"
    note_page = f"{home}sessions/{record.public_id}/?as=note"
    ada, ivo, carla = (sign_in(browser, live_site, cast, name) for name in ("ada", "ivo", "carla"))

    ada.goto(note_page)
    ada.get_by_role("button", name="Send for review").click()
    expect(ada.get_by_text("Sent. A supervisor looks at it.")).to_be_visible()
    ada.goto(f"{home}reviews/")
    expect(ada.get_by_text("Nothing waits for you.")).to_be_visible()  # one's own is not there

    for page in (ivo, carla):
        page.goto(f"{home}reviews/")
        expect(page.get_by_role("listitem").filter(has_text="P-001")).to_contain_text("waiting 0 days")
    fits(ivo)
    shoot_at_each_width(ivo, "review-queue")
    ivo.get_by_role("listitem").filter(has_text="P-001").get_by_role("link").click()
    second = ivo.locator("details", has_text="Comment on this passage").nth(1)
    second.locator("summary").click()
    second.get_by_label("Your comment").fill("Since when exactly? What does he do then?")
    second.get_by_role("button", name="Keep the comment").click()
    expect(ivo.get_by_text("Since when exactly?")).to_be_visible()
    fits(ivo)
    shoot_at_each_width(ivo, "review")
    ivo.get_by_label("To the whole").fill("A clear note. One question.")
    ivo.get_by_role("button", name="Return with comments").click()
    ivo.wait_for_url("**/reviews/")

    ada.goto(home)
    back = ada.get_by_role("listitem").filter(has_text="1 comment")
    expect(back).to_contain_text("A clear note. One question.")
    shoot_at_each_width(ada, "today-returned")
    back.get_by_role("link").click()
    passage = ada.get_by_text("He sleeps badly since last week.", exact=True).first
    comment = ada.get_by_text("Since when exactly?")
    above, below = passage.bounding_box(), comment.bounding_box()
    assert above is not None and below is not None
    assert 0 < below["y"] - above["y"] < 250, "beside the passage it is about"
    shoot_at_each_width(ada, "note-returned")
    ada.get_by_role("button", name="Begin writing").click()
    ada.locator("#note-form textarea").first.fill("Since Monday. He gets up and reads.")
    ada.get_by_role("button", name="Save and sign…").click()
    ada.get_by_label("Your password").fill(PASSWORD)
    ada.get_by_role("button", name="Sign the record").click()
    expect(ada.get_by_text("Signed.", exact=True)).to_be_visible()
    ada.get_by_role("button", name="Send it again").click()

    ivo.goto(f"{home}reviews/")
    ivo.get_by_role("listitem").filter(has_text="sent again").get_by_role("link").click()
    changed = ivo.locator("section", has=ivo.get_by_role("heading", name="Changed since you last looked"))
    expect(changed).to_contain_text("Since Monday. He gets up and reads.")
    expect(changed).not_to_contain_text("his brother")
    fits(ivo)
    shoot_at_each_width(ivo, "review-again")
    ivo.get_by_label("Your password").fill(PASSWORD)
    ivo.get_by_role("button", name="Co-sign the record").click()
    ivo.wait_for_url("**/reviews/")
    carla.goto(f"{home}reviews/")
    expect(carla.get_by_text("Nothing waits for you.")).to_be_visible()
    meanings = SignatureRecord.objects.filter(session_record=record).order_by("pk")
    assert list(meanings.values_list("meaning", flat=True)) == ["author", "reviewer"]

    # What was signed has no control to change it; an addendum stands below it with its time.
    ada.goto(note_page)
    words = ada.get_by_text("We talked about what may come")
    assert words.evaluate("one => !one.isContentEditable && !one.closest('textarea, input')")
    ada.get_by_label("Add to the note").fill("He rang since: slept through.")
    ada.get_by_role("button", name="Add to the signed record").click()
    addendum = ada.locator("article", has_text="He rang since")
    expect(addendum).to_contain_text("added after signing")
    first, last = words.bounding_box(), addendum.bounding_box()
    assert first is not None and last is not None and last["y"] > first["y"]
    ada.emulate_media(media="print")
    paper = ada.locator("section", has=ada.get_by_role("heading", name="Signatures"))
    for said in ("Ada Alder", "therapist", "author", "Ivo Ivy", "supervisor", "reviewer"):
        expect(paper).to_contain_text(said)
    expect(paper.get_by_text("Protocol: MDMA-assisted therapy for PTSD 1.0")).to_be_visible()
    expect(ada.get_by_role("button", name="Add to the signed record")).to_be_hidden()
    shoot_at_each_width(ada, "signed-on-paper")


def test_a_copied_block_is_edited_sent_before_it_is_signed_returned_and_shows_only_what_changed(
    live_site: str, browser: Browser
) -> None:
    """By the two of them, in windows as large as a tablet's."""
    cast = make_cast(now=clock.now() - days(10))
    cast.people["ivo"] = make_person(cast.clinic, "Ivo Ivy", Role.SUPERVISOR)
    now = clock.now()
    earlier = a_held_session(cast)
    record = log_session(
        actor=cast.actor("ada", at=now),
        course_id=earlier.course.public_id,
        key="preparation.2",
        started_at=now - timedelta(hours=5),
        ended_at=now - timedelta(hours=3),
        staff=[cast.id("ben")],
        note="",
        now=now,
    )
    home = f"{live_site}/c/{cast.clinic.slug}/"
    note_page = f"{home}sessions/{record.public_id}/?as=note"
    ada, ivo = (sign_in(browser, live_site, cast, name) for name in ("ada", "ivo"))

    # The copied block is in sight, with its source; edited, it needs nobody to call it still true.
    ada.goto(note_page)
    ada.get_by_role("button", name="Begin writing").click()
    plan = ada.locator(".block").filter(has=ada.locator("#block-plan"))
    plan.locator("summary").click()
    plan.get_by_role("button", name="Copy").first.click()
    expect(plan).to_contain_text("copied from")
    expect(plan).to_be_in_viewport(ratio=1)
    still, send = (
        plan.get_by_label("Still true as it stands"),
        ada.get_by_role("button", name="Save and send"),
    )
    copied = ada.locator("#block-plan").input_value()
    expect(still).to_be_visible()
    ada.locator("#block-plan").fill(f"{copied}\n\nRing on Friday.")
    expect(still).to_be_hidden()
    ada.locator("#block-plan").fill(copied)
    expect(still).to_be_visible()
    send.click()
    expect(ada.get_by_text("say that it is still true, or edit it").first).to_be_visible()
    ada.locator("#block-data").fill("He slept three nights.")
    ada.locator("#block-plan").fill(f"{copied}\n\nRing on Friday.")
    shoot_at_each_width(ada, "note-copied-edited")
    send.click()
    expect(ada.get_by_text("Sent. A supervisor looks at it.")).to_be_visible()

    ivo.goto(f"{home}reviews/")
    ivo.get_by_role("listitem").filter(has_text="P-001").get_by_role("link").click()
    last = ivo.locator("details", has_text="Comment on this passage").last
    last.locator("summary").click()
    last.get_by_label("Your comment").fill("Which Friday?")
    last.get_by_role("button", name="Keep the comment").click()
    ivo.get_by_role("button", name="Return with comments").click()
    ivo.wait_for_url("**/reviews/")

    ada.goto(note_page)
    ada.get_by_role("button", name="Go through the comments").click()
    expect(plan).to_contain_text("Which Friday?")
    ada.locator("#block-plan").fill(f"{copied}\n\nRing on Friday 4 December.")
    shoot_at_each_width(ada, "note-gone-through")
    ada.get_by_role("button", name="Save and send again").click()
    expect(ada.get_by_text("Sent. A supervisor looks at it.")).to_be_visible()

    ivo.goto(f"{home}reviews/")
    ivo.get_by_role("listitem").filter(has_text="sent again").get_by_role("link").click()
    changed = ivo.locator("section", has=ivo.get_by_role("heading", name="Changed since you last looked"))
    expect(changed).to_contain_text("Which Friday?")
    expect(changed.locator("ins")).to_have_text(["Friday 4 December."])
    for stayed in ("He slept three nights.", "his brother"):
        expect(changed).not_to_contain_text(stayed)
    fits(ivo)
    shoot_at_each_width(ivo, "review-only-what-changed")
    ivo.get_by_text("The whole record").click()
    expect(ivo.get_by_text("He slept three nights.").first).to_be_visible()
