"""Text that waits on a device, with two devices and two people: whatever page its author opens next sends it,
once; it stands beside the note if that was signed elsewhere; nobody else reads or sends it; and it leaves the
device only when the server has it, or its author says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from clinic.models import Membership
from sessions.models import SessionRecord
from sessions.models.courses import TeamRole
from sessions.models.notes import NoteDraft, NoteDraftVersion, PsychotherapyNote
from sessions.operations.drafting import Sent
from sessions.operations.enrolment import change_care_team
from sessions.operations.errors import confirm_error, mark_session
from sessions.operations.notes import start_draft
from sessions.operations.psychotherapy_notes import save_psychotherapy_note
from tests.browser.test_notes import ON_DEVICE, SAVED, text_of
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import gone, promised, shoot_at_each_width, too_wide, worn, wrong_with
from tests.support.cast import PASSWORD
from tests.support.clinic_day import ClinicDay, addresses, make_day
from tests.support.smtp import wait_until

pytestmark = pytest.mark.browser

WORDS = "She spoke of her father."
SPOIL = """() => new Promise((resolve) => {
  const request = indexedDB.open("texts", 1);
  request.onsuccess = () => {
    const store = request.result.transaction("waiting", "readwrite").objectStore("waiting");
    store.getAll().onsuccess = (event) => {
      const zeros = (one) => new Uint8Array(one.data.byteLength).buffer;
      for (const one of event.target.result) store.put({ ...one, data: zeros(one) });
      store.transaction.oncomplete = () => { request.result.close(); resolve(); };
    };
  };
})"""


@pytest.fixture
def day(live_site: str) -> ClinicDay:
    return make_day()


@pytest.fixture
def draft(day: ClinicDay) -> NoteDraft:
    """Ada's, of a dosing session that has ended."""
    record = SessionRecord.objects.get(course=day.late, key="dosing.1")
    ada = day.cast.actor("ada", at=day.now)
    return start_draft(actor=ada, record_id=record.public_id, template="dosing_day", now=day.now)


@pytest.fixture
def tablet(browser: Browser, live_site: str) -> Iterator[BrowserContext]:
    context = context_for(browser, width=820, theme="light", site=live_site, bypass_csp=True)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context
    context.close()
    assert wrong == []


def desk_of(browser: Browser, site: str, who: str = "ada") -> Page:
    page = context_for(browser, width=1280, theme="light", site=site).new_page()
    sign_in(page, site, f"{who}@example.org")
    return page


def leave_unsaved(tablet: BrowserContext, site: str, day: ClinicDay, words: str = WORDS) -> None:
    """Ada writes on the tablet without a network, and its page is gone."""
    page = tablet.new_page()
    sign_in(page, site, "ada@example.org")
    page.goto(site + addresses(day)["note"])
    type_away(tablet, page, words)
    gone(page)
    tablet.set_offline(False)


def type_away(tablet: BrowserContext, page: Page, words: str) -> None:
    page.wait_for_load_state("networkidle")  # the key is there too
    tablet.set_offline(True)
    went = page.get_by_label("How the day went")
    went.fill(words)
    went.blur()
    expect(page.locator("[data-note-state]")).to_contain_text("kept on this device, encrypted")


def sent_from(context: BrowserContext, draft: NoteDraft) -> list[str]:
    """What the context's pages send to the draft from now on."""
    sent: list[str] = []

    def look(request: Request) -> None:
        if request.method == "POST" and str(draft.public_id) in request.url:
            sent.append(request.url)

    context.on("request", look)
    return sent


def said_on(page: Page) -> str:
    return page.locator("[data-waiting-texts]").inner_text()


def emptied(page: Page) -> None:
    wait_until(lambda: promised(page, ON_DEVICE) == [])


def look_at(page: Page, name: str) -> None:
    """As people see it, and as axe does."""
    shoot_at_each_width(page, name)
    for look in worn(page, (1280, "light"), (820, "light"), (390, "dim")):
        assert (too_wide(page), wrong_with(page)) == (0, []), look
    page.set_viewport_size({"width": 820, "height": 900})


def test_words_written_without_a_network_stand_beside_the_note_that_was_signed_on_another_device(
    live_site: str, browser: Browser, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    today = live_site + addresses(day)["today"]
    leave_unsaved(tablet, live_site, day, f"A quiet day. {WORDS}")

    desk = desk_of(browser, live_site)
    desk.goto(live_site + addresses(day)["note"])
    desk.get_by_label("How the day went").fill("A quiet day.")
    expect(desk.locator("[data-note-state]")).to_have_text(SAVED)
    desk.get_by_role("button", name="Save and sign…").click()
    desk.get_by_label("Your password").fill(PASSWORD)
    desk.get_by_role("button", name="Sign the record").click()
    expect(desk.get_by_role("heading", name="Signatures")).to_be_visible()
    desk.context.close()

    # The tablet comes back on a page that is not the note's.
    page = tablet.new_page()
    page.goto(today)
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("P-001 · Dosing session 1: what you wrote on this device")
    expect(line).to_contain_text("came after the note was finished")
    emptied(page)
    look_at(page, "waited-finished")

    # Also tomorrow, when that line is gone, and on whatever device.
    page.reload()
    expect(page.locator("[data-waiting-texts]")).to_be_hidden()
    listed = page.locator("section", has_text="Your words that are in no note yet").last
    expect(listed).to_contain_text("came after the note was finished")
    look_at(page, "waited-today")
    listed.get_by_role("link", name="Dosing session 1").click()
    beside = page.locator("#late")
    expect(beside).to_contain_text("Your text that is not in the signed note")
    expect(beside.locator("ins")).to_have_text([WORDS])
    look_at(page, "waited-beside")

    # Nobody else sees it; its author makes it an addendum in two presses.
    colleague = desk_of(browser, live_site, "ben")
    colleague.goto(live_site + addresses(day)["note"])
    expect(colleague.locator("body")).not_to_contain_text(WORDS)
    colleague.context.close()
    beside.get_by_role("link", name="Make it an addendum").click()
    expect(page.get_by_label("Add to the note")).to_have_value(re.compile(re.escape(WORDS)))
    look_at(page, "waited-addendum")
    page.get_by_role("button", name="Add to the signed record").click()
    expect(page.locator("article", has_text=WORDS)).to_contain_text("added after signing")
    expect(page.locator("#late")).to_have_count(0)
    page.goto(today)
    expect(page.locator("body")).not_to_contain_text("Your words that are in no note yet")


def test_a_window_still_open_when_the_note_was_signed_elsewhere_says_so_and_writes_no_further(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    from sessions.operations.signing import sign_record

    page = tablet.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note"])
    type_away(tablet, page, WORDS)
    ada = day.cast.actor("ada", at=day.now)
    sign_record(actor=ada, record_id=draft.session_record.public_id, now=day.now)
    tablet.set_offline(False)
    panel = page.locator("[data-note-conflict]")
    expect(panel).to_contain_text("finished elsewhere", timeout=20_000)
    expect(page.get_by_label("How the day went")).to_have_attribute("readonly", "")
    emptied(page)
    look_at(page, "waited-open-window")
    panel.get_by_role("link", name="Look at both").click()
    expect(page.locator("#late ins")).to_have_text([WORDS])
    page.get_by_role("button", name="Set it aside").click()
    expect(page.get_by_text("Set aside.")).to_be_visible()
    expect(page.locator("#late")).to_have_count(0)


def test_two_open_pages_send_what_waits_once(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    pages = [tablet.new_page(), tablet.new_page()]
    sign_in(pages[0], live_site, "ada@example.org")
    for page, name in zip(pages, ("today", "patients"), strict=True):
        page.goto(live_site + addresses(day)[name])
    note = tablet.new_page()
    note.goto(live_site + addresses(day)["note"])
    type_away(tablet, note, WORDS)
    gone(note)
    sent = sent_from(tablet, draft)
    tablet.set_offline(False)
    wait_until(lambda: text_of(draft, "course_of_day") == WORDS)
    emptied(pages[0])
    pages[1].wait_for_timeout(1_000)
    assert len(sent) == 1
    assert draft.versions.count() == 1
    told = [page for page in pages if "is saved now" in said_on(page)]
    assert len(told) == 1
    look_at(told[0], "waited-saved")
    told[0].get_by_role("link", name="Open the note").click()
    expect(told[0].get_by_label("How the day went")).to_have_value(WORDS)


def test_while_the_window_it_is_typed_in_is_open_no_other_page_sends_it(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    page, other = tablet.new_page(), tablet.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note"])
    other.goto(live_site + addresses(day)["today"])
    type_away(tablet, page, WORDS)
    page.get_by_label("How the day went").fill(f"{WORDS} And of her mother.")
    tablet.set_offline(False)
    wait_until(lambda: text_of(draft, "course_of_day") == f"{WORDS} And of her mother.")
    emptied(page)
    assert not draft.versions.filter(number=None).exists(), "it was no second text of itself"
    expect(other.locator("[data-waiting-texts]")).to_be_hidden()


def test_two_windows_without_a_network_lose_neither_text(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    first, second = tablet.new_page(), tablet.new_page()
    sign_in(first, live_site, "ada@example.org")
    for page in (first, second):
        page.goto(live_site + addresses(day)["note"])
    type_away(tablet, first, WORDS)
    type_away(tablet, second, "From the other window.")
    assert len(promised(second, ON_DEVICE)) == 2
    gone(first)
    gone(second)
    tablet.set_offline(False)
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["patients"])
    expect(page.locator("[data-waiting-texts]")).to_contain_text("kept beside the note")
    emptied(page)
    said = {block["text"] for one in draft.versions.all() for block in one.blocks}
    assert {WORDS, "From the other window."} <= said
    look_at(page, "waited-two-texts")
    page.get_by_role("link", name="Look at both").click()
    expect(page.get_by_text("Another window wrote something else")).to_be_visible()


def test_somebody_else_on_the_same_device_neither_reads_nor_sends_it(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    tablet.clear_cookies()
    sent = sent_from(tablet, draft)
    page = tablet.new_page()
    sign_in(page, live_site, "ben@example.org")
    page.goto(live_site + addresses(day)["note"])  # he may open the session
    expect(page.locator("[data-waiting-texts]")).to_be_hidden()
    page.goto(live_site + addresses(day)["today"])
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("Somebody else’s text waits on this device.")
    expect(line).not_to_contain_text("P-001")
    look_at(page, "waited-somebody-else")
    ((_id, _fields, stored),) = promised(page, ON_DEVICE)
    assert "father" not in stored
    opened = promised(
        page,
        """async () => {
          const [entry] = await waiting.entries();
          const mine = { ...entry, person: document.querySelector("[data-waiting-texts]").dataset.person };
          return [await waiting.read(entry), await waiting.read(mine)];
        }""",
    )
    assert opened == ["sign-in", "shut"], "no key for what is hers, and his own opens nothing"
    page.wait_for_timeout(500)
    assert sent == []
    assert text_of(draft, "course_of_day") == ""

    # She signs in again, though her own sign-in had ended meanwhile: it is saved, and gone from the device.
    tablet.clear_cookies()
    sign_in(page, live_site, "ada@example.org")
    expect(page.locator("[data-waiting-texts]")).to_contain_text("is saved now")
    wait_until(lambda: text_of(draft, "course_of_day") == WORDS)
    emptied(page)


def test_a_page_left_open_from_before_somebody_else_signed_in_drops_and_sends_nothing(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    stale = tablet.new_page()
    sign_in(stale, live_site, "ada@example.org")
    note = tablet.new_page()
    note.goto(live_site + addresses(day)["note"])
    type_away(tablet, note, WORDS)
    tablet.clear_cookies()
    gone(note)
    sent = sent_from(tablet, draft)
    tablet.set_offline(False)
    line = stale.locator("[data-waiting-texts]")
    expect(line).to_contain_text("Sign in again to save it", timeout=20_000)
    look_at(stale, "waited-sign-in")
    other = tablet.new_page()
    sign_in(other, live_site, "ben@example.org")
    stale.evaluate("window.dispatchEvent(new Event('online'))")
    stale.wait_for_timeout(1_000)
    assert sent == []
    assert len(promised(stale, ON_DEVICE)) == 1
    expect(line).to_contain_text("Sign in again to save it")


def test_a_network_lost_in_the_middle_of_sending_loses_nothing_and_doubles_nothing(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    reached: list[int] = []

    def lose_the_answer(route: Route) -> None:
        reached.append(route.fetch().status)
        route.abort()

    tablet.route(f"**/note/{draft.public_id}/", lose_the_answer)
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["today"])
    expect(page.locator("[data-waiting-texts]")).to_contain_text("as soon as there is a network")
    look_at(page, "waited-away")
    assert set(reached) == {200}
    assert draft.versions.count() == 1, "however often it was sent"
    assert len(promised(page, ON_DEVICE)) == 1, "the server has it, which this device cannot know"
    tablet.unroute(f"**/note/{draft.public_id}/")
    # Meanwhile she has gone on elsewhere: the same save sent again is neither a second text nor puts it back.
    from sessions.operations.drafting import Sent
    from sessions.operations.notes import save_draft

    save_draft(
        actor=day.cast.actor("ada", at=day.now),
        draft_id=draft.public_id,
        sent=Sent(base=1, texts={"course_of_day": f"{WORDS} And slept."}),
        now=day.now,
    )
    page.evaluate("window.dispatchEvent(new Event('online'))")
    emptied(page)
    assert text_of(draft, "course_of_day") == f"{WORDS} And slept."
    assert not draft.versions.filter(number=None).exists()


def test_text_whose_key_is_gone_is_removed_only_after_its_author_was_told_when_and_of_what(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    page = tablet.new_page()
    page.route("**/device-keys/", lambda route: route.abort())  # not tried before it is spoilt
    page.goto(live_site + addresses(day)["patients"])
    promised(page, SPOIL)
    page.unroute("**/device-keys/")
    page.goto(live_site + addresses(day)["today"])
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text(
        re.compile(r"P-001 · Dosing session 1: what you wrote on this device \(.*\d\d:\d\d")
    )
    expect(line).to_contain_text("cannot be opened any more")
    look_at(page, "waited-no-key")
    assert len(promised(page, ON_DEVICE)) == 1
    expect(line.get_by_role("link", name="Open the note")).to_be_visible()
    line.get_by_role("button", name="Remove it from this device").click()
    expect(line).to_be_hidden()
    emptied(page)


def test_text_that_is_refused_for_good_is_shown_to_its_author_before_it_goes(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    tablet.route(
        f"**/note/{draft.public_id}/",
        lambda route: route.fulfill(
            status=409, json={"code": "never-held", "message": "This session was entered in error."}
        ),
    )
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["today"])
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("was not saved and is still here. This session was entered in error.")
    line.get_by_role("button", name="Show the text").click()
    expect(line.locator(".other-text")).to_have_text([WORDS])
    look_at(page, "waited-refused")
    page.on("dialog", lambda dialog: dialog.accept())
    line.get_by_role("button", name="Remove it from this device").click()
    emptied(page)


def test_a_window_goes_on_saving_once_its_author_has_signed_in_again_in_another(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    page = tablet.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["note"])
    tablet.clear_cookies()
    page.get_by_label("How the day went").fill(WORDS)
    state = page.locator("[data-note-state]")
    expect(state).to_contain_text("Sign in again to save", timeout=20_000)
    assert len(promised(page, ON_DEVICE)) == 1
    other = tablet.new_page()
    sign_in(other, live_site, "ada@example.org")
    page.bring_to_front()
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(state).to_have_text(SAVED, timeout=20_000)
    assert text_of(draft, "course_of_day") == WORDS
    emptied(page)
    # Signed in once more before anything was refused: the window notices by itself.
    other.context.clear_cookies()
    sign_in(other, live_site, "ada@example.org")
    page.get_by_label("How the day went").fill(f"{WORDS} And slept.")
    wait_until(lambda: text_of(draft, "course_of_day") == f"{WORDS} And slept.")
    emptied(page)
    page.get_by_role("button", name="Save and sign…").click()
    expect(page.get_by_text("This is what you sign.")).to_be_visible()


def test_who_works_in_the_clinic_no_more_is_told_so_and_the_text_is_saved_should_they_come_back(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    place = Membership.objects.filter(clinic=day.cast.clinic, person=day.cast.people["ada"])
    place.update(until_on=day.now.astimezone(day.cast.clinic.zone_info).date() - timedelta(days=1))
    page = tablet.new_page()
    page.goto(live_site)
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text(re.compile(r"What you wrote on this device \(.*\d\d:\d\d\) was not saved"))
    expect(line).to_contain_text("You do not work in the clinic it was written in any more")
    expect(line).not_to_contain_text("key is gone")
    expect(line.get_by_role("link", name="Open the note")).to_have_count(0)
    look_at(page, "waited-left")
    page.on("dialog", lambda dialog: dialog.dismiss())
    line.get_by_role("button", name="Remove it from this device").click()
    assert len(promised(page, ON_DEVICE)) == 1, "asked first, and kept"
    place.update(until_on=None)
    page.goto(live_site + addresses(day)["today"])
    expect(line).to_contain_text("is saved now")
    assert text_of(draft, "course_of_day") == WORDS
    emptied(page)


# --- psychotherapy notes, and what the server itself refuses ------------------------------------------------


@pytest.fixture
def apart(day: ClinicDay) -> PsychotherapyNote:
    """Ada's own, of the third preparation."""
    return PsychotherapyNote.objects.get(author=day.cast.people["ada"], session_record__course=day.late)


def leave_unsaved_apart(tablet: BrowserContext, site: str, day: ClinicDay, words: str = WORDS) -> None:
    """Ada writes in her psychotherapy note without a network, and its page is gone."""
    page = tablet.new_page()
    sign_in(page, site, "ada@example.org")
    page.goto(site + addresses(day)["psychotherapy-note"])
    page.wait_for_load_state("networkidle")
    tablet.set_offline(True)
    mine = page.get_by_label("Psychotherapy note")
    mine.fill(words)
    mine.blur()
    expect(page.locator("[data-note-state]")).to_contain_text("kept on this device, encrypted")
    ((_id, _fields, stored),) = promised(page, ON_DEVICE)
    assert words not in stored
    gone(page)
    tablet.set_offline(False)


def apart_says(note: PsychotherapyNote) -> str:
    note.refresh_from_db()
    return str(note.blocks[0]["text"])


def ada_leaves_the_team(day: ClinicDay) -> None:
    change_care_team(
        actor=day.cast.actor("eve", at=day.now),
        course_id=day.late.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=day.cast.id("gil"),
        reason="agreed",
        now=day.now,
    )


def refused_on(page: Page, name: str, *, says: str = "You may not write there any more") -> Locator:
    """The line that says so. Its author can read the text, and it stays until they remove it."""
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("was not saved and is still here.")
    expect(line).to_contain_text(says)
    assert len(promised(page, ON_DEVICE)) == 1
    line.get_by_role("button", name="Show the text").click()
    expect(line.locator(".other-text")).to_have_text([WORDS])
    look_at(page, name)
    page.reload()
    expect(line).to_contain_text("was not saved and is still here.")
    assert len(promised(page, ON_DEVICE)) == 1, "asked again, refused again, and kept"
    return line


def removed_by_its_author(page: Page, line: Locator) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    line.get_by_role("button", name="Remove it from this device").click()
    emptied(page)


def test_a_psychotherapy_note_written_without_a_network_is_saved_for_its_author_alone(
    live_site: str, tablet: BrowserContext, day: ClinicDay, apart: PsychotherapyNote
) -> None:
    leave_unsaved_apart(tablet, live_site, day)
    tablet.clear_cookies()
    page = tablet.new_page()
    sign_in(page, live_site, "ben@example.org")
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("Somebody else’s text waits on this device.")
    expect(page.locator("body")).not_to_contain_text(WORDS)
    assert apart_says(apart) == ""
    assert len(promised(page, ON_DEVICE)) == 1

    tablet.clear_cookies()
    sign_in(page, live_site, "ada@example.org")
    expect(line).to_contain_text("Psychotherapy note: what you wrote on this device")
    expect(line).to_contain_text("is saved now")
    look_at(page, "waited-apart")
    emptied(page)
    assert apart_says(apart) == WORDS
    assert not NoteDraftVersion.objects.filter(blocks__icontains=WORDS).exists(), "nor in the record’s note"
    line.get_by_role("link", name="Open the note").click()
    expect(page.get_by_label("Psychotherapy note")).to_have_value(WORDS)


def test_a_psychotherapy_note_that_says_something_else_by_now_has_the_waiting_text_beside_it(
    live_site: str, tablet: BrowserContext, day: ClinicDay, apart: PsychotherapyNote
) -> None:
    leave_unsaved_apart(tablet, live_site, day)
    save_psychotherapy_note(
        actor=day.cast.actor("ada", at=day.now),
        note_id=apart.public_id,
        sent=Sent(base=apart.version, texts={"text": "Written at the desk."}),
        now=day.now,
    )
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["today"])
    line = page.locator("[data-waiting-texts]")
    expect(line).to_contain_text("kept beside the note")
    emptied(page)
    assert apart_says(apart) == "Written at the desk."
    page.reload()
    expect(page.locator("body")).not_to_contain_text(WORDS)  # only that there is one
    page.goto(live_site + addresses(day)["psychotherapy-note"])
    expect(page.locator("#conflict .other-text")).to_have_text([WORDS])
    look_at(page, "waited-apart-beside")
    page.get_by_role("button", name="Set it aside").click()
    expect(page.locator("#conflict")).to_have_count(0)


def test_who_left_the_care_team_meanwhile_is_shown_what_they_wrote_in_their_own_note_and_is_refused(
    live_site: str, tablet: BrowserContext, day: ClinicDay, apart: PsychotherapyNote
) -> None:
    leave_unsaved_apart(tablet, live_site, day)
    ada_leaves_the_team(day)
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["today"])
    line = refused_on(page, "waited-apart-refused")
    assert apart_says(apart) == ""
    assert not apart.versions.exists()
    removed_by_its_author(page, line)


def test_who_left_the_care_team_meanwhile_is_shown_what_they_wrote_of_a_session_and_is_refused(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    leave_unsaved(tablet, live_site, day)
    ada_leaves_the_team(day)
    page = tablet.new_page()
    page.goto(live_site + addresses(day)["today"])
    line = refused_on(page, "waited-refused-for-good")
    assert text_of(draft, "course_of_day") == ""
    removed_by_its_author(page, line)


def test_a_window_still_open_says_that_its_author_may_not_write_there_any_more_and_keeps_the_text(
    live_site: str, tablet: BrowserContext, day: ClinicDay, apart: PsychotherapyNote
) -> None:
    page = tablet.new_page()
    sign_in(page, live_site, "ada@example.org")
    page.goto(live_site + addresses(day)["psychotherapy-note"])
    page.wait_for_load_state("networkidle")
    ada_leaves_the_team(day)
    page.get_by_label("Psychotherapy note").fill(WORDS)
    expect(page.locator("[data-note-state]")).to_contain_text("you may not write here any more")
    expect(page.get_by_label("Psychotherapy note")).to_have_value(WORDS)
    look_at(page, "not-yours-open-window")
    assert len(promised(page, ON_DEVICE)) == 1
    assert apart_says(apart) == ""


def test_text_of_a_session_that_was_entered_in_error_meanwhile_is_refused_and_shown(
    live_site: str, tablet: BrowserContext, day: ClinicDay, draft: NoteDraft
) -> None:
    today = live_site + addresses(day)["today"]
    leave_unsaved(tablet, live_site, day)
    mark = mark_session(
        actor=day.cast.actor("ada", at=day.now),
        record_id=draft.session_record.public_id,
        reason="Another patient’s day.",
        now=day.now,
    )
    confirm_error(actor=day.cast.actor("carla", at=day.now), mark_id=mark.public_id, now=day.now)
    page = tablet.new_page()
    page.goto(today)
    line = refused_on(page, "waited-in-error", says="This session was entered in error.")
    removed_by_its_author(page, line)
