"""Writing a note in a real browser: it saves itself, survives a crash and a lost network, never loses one of
two texts, and is signed; with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Route, expect

from sessions.models import SessionRecord
from sessions.models.notes import NoteDraft
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import gone, promised, shoot_at_each_width
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay, addresses, make_day
from tests.support.smtp import wait_until

pytestmark = pytest.mark.browser

SAVED = re.compile(r"Saved \d\d:\d\d")
ON_DEVICE = """() => new Promise((resolve) => {
  const request = indexedDB.open("texts", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("waiting", { keyPath: "id" });
  request.onsuccess = () => {
    const db = request.result;
    const all = db.transaction("waiting").objectStore("waiting").getAll();
    all.onsuccess = () => {
      db.close();
      const plain = new TextDecoder("latin1");
      resolve(all.result.map((one) => [one.id, Object.keys(one).sort().join(), plain.decode(one.data)]));
    };
  };
})"""


@pytest.fixture
def day(live_site: str) -> ClinicDay:
    return make_day()


@pytest.fixture
def desk(browser: Browser, live_site: str) -> Iterator[BrowserContext]:
    context = context_for(browser, width=1280, theme="light", site=live_site)
    yield context
    context.close()


def text_of(draft: NoteDraft, code: str) -> str:
    draft.refresh_from_db()
    return next(str(block["text"]) for block in draft.blocks if block["code"] == code)


def test_a_note_saves_itself_survives_a_crash_without_a_network_loses_neither_text_and_is_signed(
    live_site: str, desk: BrowserContext, day: ClinicDay
) -> None:
    page = desk.new_page()
    sign_in(page, live_site, "ada@example.org")
    address = live_site + addresses(day)["note"]
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    page.goto(address)
    shoot_at_each_width(page, "note-begin")
    page.get_by_role("button", name="Begin writing").click()
    went, state = page.get_by_label("How the day went"), page.locator("[data-note-state]")
    expect(page.get_by_label("What is on record")).to_have_value(re.compile("initial dose 80 mg"))
    draft = NoteDraft.objects.get(session_record=record)

    # Two seconds without a key, and it is on the server; nothing of it stays on the device.
    went.fill("Wept at the second hour.")
    expect(state).to_have_text(SAVED)
    assert text_of(draft, "course_of_day") == "Wept at the second hour."
    wait_until(lambda: promised(page, ON_DEVICE) == [])

    # The network goes: what is typed is kept on the device, encrypted, and the page is killed.
    desk.set_offline(True)
    went.fill("Wept at the second hour. Slept at four.")
    went.blur()
    expect(state).to_contain_text("kept on this device, encrypted")
    shoot_at_each_width(page, "note-offline")
    ((_id, keys, stored),) = promised(page, ON_DEVICE)
    assert keys == "at,data,id,iv,keys,person,url", "of the keys only their address"
    assert "Wept" not in stored
    assert "Slept" not in stored
    gone(page)
    desk.set_offline(False)
    assert text_of(draft, "course_of_day") == "Wept at the second hour."

    # Opened again it is there, goes to the server by itself, and leaves the device.
    page = desk.new_page()
    page.goto(address)
    went, state = page.get_by_label("How the day went"), page.locator("[data-note-state]")
    expect(went).to_have_value("Wept at the second hour. Slept at four.")
    expect(state).to_have_text(SAVED)
    wait_until(lambda: text_of(draft, "course_of_day").endswith("Slept at four."))
    wait_until(lambda: promised(page, ON_DEVICE) == [])

    # Two windows: the second sees both texts, chooses, and the other stays among the earlier states.
    other = desk.new_page()
    other.goto(address)
    went.fill("From the first window.")
    expect(state).to_have_text(SAVED)
    wait_until(lambda: text_of(draft, "course_of_day") == "From the first window.")
    other.get_by_label("How the day went").fill("From the second window.")
    panel = other.locator("[data-note-conflict]")
    expect(panel).to_contain_text("From the first window.", timeout=15_000)
    expect(other.get_by_label("How the day went")).to_have_value("From the second window.")
    shoot_at_each_width(other, "note-conflict")
    assert draft.versions.filter(number=None).count() == 1
    panel.get_by_role("button", name="Keep what stands here").click()
    wait_until(lambda: text_of(draft, "course_of_day") == "From the second window.")
    expect(panel).to_be_hidden()
    assert "From the first window." in str([one.blocks for one in draft.versions.all()])
    page.close()

    # A copied block is tinted and says where from; it is signed only once it is called still true.
    other.goto(address)
    sign_button = other.get_by_role("button", name="Save and sign…")
    expect(sign_button).to_be_enabled()
    plan = other.locator(".block").filter(has=other.locator("#block-plan"))
    plan.locator("summary").click()
    plan.get_by_role("button", name="Copy").first.click()
    expect(plan).to_have_class(re.compile("copied"))
    expect(plan).to_contain_text("copied from")
    expect(sign_button).to_be_disabled()
    shoot_at_each_width(other, "note-copied")
    plan.get_by_label("Still true as it stands").check()
    expect(sign_button).to_be_enabled()
    sign_button.click()
    expect(other.get_by_text("This is what you sign.")).to_be_visible()
    shoot_at_each_width(other, "note-signing")
    other.get_by_label("Your password").fill(PASSWORD)
    other.get_by_role("button", name="Sign the record").click()
    expect(other.get_by_role("heading", name="Signatures")).to_be_visible()

    # Signed: nothing of it can be edited; what is added stands below with its time; print says who and when.
    expect(other.locator("form[data-note]")).to_have_count(0)
    other.get_by_label("Add to the note").fill("Rang his sister at nine.")
    other.get_by_role("button", name="Add to the signed record").click()
    added = other.locator("article").filter(has_text="Rang his sister at nine.")
    expect(added).to_contain_text("added after signing")
    shoot_at_each_width(other, "note-signed")
    other.emulate_media(media="print")
    expect(other.get_by_text("From the second window.")).to_be_visible()
    expect(other.locator("section").filter(has_text="Signatures").last).to_contain_text("Ada Alder")
    expect(other.get_by_role("button", name="Add to the signed record")).to_be_hidden()


def test_two_seconds_without_a_key_or_leaving_the_field_saves_and_no_sooner(
    live_site: str, desk: BrowserContext, day: ClinicDay
) -> None:
    page = desk.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note"])
    page.get_by_role("button", name="Begin writing").click()
    went, state = page.get_by_label("How the day went"), page.locator("[data-note-state]")
    expect(went).to_be_visible()
    draft = NoteDraft.objects.get(session_record=SessionRecord.objects.get(course=day.late, key="dosing.1"))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)

    # From here on the page's clock goes only as far as it is told to.
    page.clock.install()
    page.goto(page.url)
    page.clock.pause_at(page.evaluate("Date.now() + 1000"))
    went.fill("Wept at the second hour.")
    page.clock.run_for(1_900)
    assert sent == [], "somebody is still thinking"
    page.clock.run_for(200)
    expect(state).to_have_text(SAVED)
    wait_until(lambda: text_of(draft, "course_of_day") == "Wept at the second hour.")
    went.fill("Wept at the second hour. Slept.")
    went.blur()
    wait_until(lambda: text_of(draft, "course_of_day") == "Wept at the second hour. Slept.")
    page.close()


def test_a_signed_record_is_copied_as_plain_text_in_one_press(
    live_site: str, browser: Browser, day: ClinicDay
) -> None:
    context = context_for(
        browser,
        width=1280,
        theme="light",
        site=live_site,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page = context.new_page()
    sign_in(page, live_site, "ada@example.org")
    address = live_site + addresses(day)["note"]
    page.goto(address)
    page.get_by_role("button", name="Begin writing").click()
    page.get_by_label("How the day went").fill("Wept at the second hour.")
    page.get_by_role("button", name="Save and sign…").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign the record").click()
    expect(page.get_by_role("heading", name="Signatures")).to_be_visible()
    copy = page.locator("[data-copy]").first
    copy.click()
    expect(copy).to_have_text(copy.get_attribute("data-text-done") or "?")
    copied = page.evaluate("navigator.clipboard.readText()")
    for said in ("Dosing session 1", "80 mg", "Wept at the second hour.", "Signed by Ada Alder", "SHA-256"):
        assert said in copied, said
    context.close()


def test_without_javascript_a_note_is_written_and_signed(
    live_site: str, browser: Browser, day: ClinicDay
) -> None:
    context = context_for(browser, width=390, theme="dim", site=live_site, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note-draft"])
    shoot_at_each_width(page, "note-draft-no-js")
    page.get_by_label("Plan").fill("Meet on Monday.")
    page.get_by_role("button", name="Save the ticks").click()
    expect(page.get_by_label("Plan")).to_have_value("Meet on Monday.")
    expect(page.get_by_role("button", name="Save and sign…")).to_be_disabled()
    page.get_by_label("Still true as it stands").check()
    page.get_by_role("button", name="Save the note").click()
    page.get_by_role("button", name="Save and sign…").click()
    expect(page.get_by_text("This is what you sign.")).to_be_visible()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign the record").click()
    expect(page.get_by_role("heading", name="Signatures")).to_be_visible()
    assert SessionRecord.objects.get(course=day.late, key="preparation.3").status == "signed"
    page.get_by_role("link", name="Copy as plain text").click()
    expect(page.get_by_text("Signed by Ada Alder")).to_be_visible()
    page.goto(live_site + addresses(day)["psychotherapy-note"])
    shoot_at_each_width(page, "psychotherapy-note")
    context.close()


def test_a_press_counts_though_the_page_has_saved_itself_meanwhile(
    live_site: str, desk: BrowserContext, day: ClinicDay
) -> None:
    """The note is saved as its field is left, and what stood above the buttons goes with that: not while one
    of them is held down."""
    page = desk.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note-draft"])
    field, button = page.locator("#block-data"), page.get_by_role("button", name="Save the note")
    standing = page.locator("[data-note-standing]")
    expect(standing).to_be_visible()
    field.fill("Slept at four.")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.mouse.down()
    page.evaluate("new Promise((done) => setTimeout(done, 300))")  # the page has had the answer
    expect(standing).to_be_visible()
    with page.expect_navigation():
        page.mouse.up()
    expect(standing).to_be_hidden()
    expect(field).to_have_value("Slept at four.")


def test_what_is_typed_before_the_scripts_run_is_saved_too(
    live_site: str, desk: BrowserContext, day: ClinicDay
) -> None:
    page = desk.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note-draft"])
    draft = NoteDraft.objects.get(session_record__course=day.late, session_record__key="preparation.3")

    def as_late_as_that(route: Route) -> None:
        page.get_by_label("Plan").fill("Meet on Monday.")
        route.continue_()

    page.route("**/note*.js", as_late_as_that)
    page.reload()
    wait_until(lambda: text_of(draft, "plan") == "Meet on Monday.")
    expect(page.locator("[data-note-state]")).to_have_text(SAVED)
