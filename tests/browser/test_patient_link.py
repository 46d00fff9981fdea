"""What a patient sees behind a link from a message, on a telephone: plain, safe, and never a dead end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from clinic.models import Event, Message, MessageLog
from clinic.outbox import send_due_messages
from sessions.models import (
    AnswerGiven,
    Course,
    FactRecord,
    PatientLink,
    SessionBooking,
    StaffTask,
    StepUpCode,
    StepUpTry,
)
from sessions.operations.booking import book_session
from sessions.rules.tokens import token_hash
from tests.browser.test_pages import context_for, sign_in
from tests.support.browser import too_wide, wrong_with
from tests.support.cast import START, Cast, days, enrol, make_cast
from tests.support.clinic_day import ClinicDay, make_day, set_clock
from tests.support.dosed import hold_dosing
from tests.support.smtp import SmtpServer, wait_until

pytestmark = pytest.mark.browser
FORBIDDEN = ("therapy", "dosing", "MDMA", "PTSD", "psych", "Pat Example", "P-001", "integration")


@pytest.fixture
def day(live_site: str) -> ClinicDay:
    return make_day()


@pytest.fixture
def phone(browser: Browser, live_site: str) -> Iterator[BrowserContext]:
    context = context_for(browser, width=390, theme="light", site=live_site, bypass_csp=True)
    yield context
    context.close()


def link_to(
    day: ClinicDay, token: str, *, purpose: str, key: str, booking: SessionBooking | None = None
) -> str:
    PatientLink.objects.create(
        clinic=day.cast.clinic,
        patient=day.late.patient,
        course=day.late,
        purpose=purpose,
        key=key,
        booking=booking,
        token_hash=token_hash(token),
        made_at=day.now,
        expires_at=day.now + timedelta(days=9),
    )
    return f"/p/{token}/"


def a_visit(day: ClinicDay) -> SessionBooking:
    return book_session(
        actor=day.cast.actor("eve", at=day.now),
        course_id=day.late.public_id,
        key="integration.2@dosing.1",
        starts_at=(day.now + days(1)).replace(hour=15, minute=0, second=0, microsecond=0),
        confirmed=frozenset({"outside-window"}),
        now=day.now,
    )


def test_a_visit_is_confirmed_with_one_tap_and_by_no_mere_opening(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    booking = a_visit(day)
    address = live_site + link_to(day, "Ab3dEf6hIj9kLm2n", purpose="visit", key=booking.key, booking=booking)
    page = phone.new_page()
    for _opening in range(2):
        answer = page.goto(address)
        assert answer is not None
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
    booking.refresh_from_db()
    assert booking.confirmed_at is None
    text = page.inner_text("body")
    assert not [word for word in FORBIDDEN if word.lower() in text.lower()]
    assert "555-0100" in text and "988" in text
    assert wrong_with(page) == []
    page.get_by_role("button", name="Yes, I will be there").click()
    expect(page.locator("main")).to_contain_text("We will see you then")
    booking.refresh_from_db()
    assert booking.confirmed_at is not None


def test_another_time_is_asked_for_and_becomes_a_persons_task(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    booking = a_visit(day)
    page = phone.new_page()
    page.goto(live_site + link_to(day, "Zb3dEf6hIj9kLm2n", purpose="visit", key=booking.key, booking=booking))
    page.get_by_role("link", name="I need another time").click()
    page.get_by_role("button", name="Please call me").click()
    expect(page.locator("main")).to_contain_text("We will call you")
    assert StaffTask.objects.filter(course=day.late, kind="time_asked", done_at__isnull=True).exists()


def test_a_worrying_answer_shows_numbers_to_call_next_and_opens_a_task(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    page = phone.new_page()
    page.goto(live_site + link_to(day, "Cb3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1"))
    assert wrong_with(page) == []
    page.get_by_role("radio", name="No", exact=True).check()
    support = page.get_by_role("region", name="Thank you for telling us")
    expect(support).to_be_visible()
    assert support.locator("a[href^='tel:']").count() >= 2
    expect(support).to_contain_text("Someone from the team will call you.")
    assert wrong_with(page) == []
    task = StaffTask.objects.filter(course=day.late, kind="worrying_answer", done_at__isnull=True)
    wait_until(task.exists)
    assert not FactRecord.objects.filter(course=day.late, source="patient").exists(), (
        "the form is not finished"
    )
    for _question in range(3):
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("radio", name="Yes", exact=True).check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    assert page.locator("main a[href^='tel:']").count() >= 2
    assert FactRecord.objects.filter(course=day.late, source="patient").count() == 1
    assert task.count() == 1


def test_that_somebody_will_call_is_said_once_the_answer_has_arrived_and_not_before(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    page = phone.new_page()
    page.goto(live_site + link_to(day, "Eb3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1"))
    expect(page.get_by_text("Question 1 of 4")).to_be_visible()
    phone.set_offline(True)
    page.get_by_role("radio", name="No", exact=True).check()
    support = page.get_by_role("region", name="Thank you for telling us")
    expect(support).to_contain_text("This has not reached us yet. Please call now.")
    expect(support.get_by_text("Someone from the team will call you.")).to_be_hidden()
    assert support.locator("a[href^='tel:']").count() >= 2
    assert wrong_with(page) == []
    support.get_by_role("button", name="Please call me today").click()
    expect(support).to_be_visible()
    asked = StaffTask.objects.filter(course=day.late, kind__in=["worrying_answer", "call_asked"])
    assert not asked.exists()
    phone.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    expect(page.locator("main")).to_contain_text("Someone from the team will call you.")
    kinds = set(
        StaffTask.objects.filter(course=day.late, done_at__isnull=True).values_list("kind", flat=True)
    )
    assert {"worrying_answer", "call_asked"} <= kinds, "what was asked for without a network was sent with it"


def test_of_a_link_that_ended_while_its_page_was_open_nothing_is_promised_and_the_page_says_whom_to_call(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    page = phone.new_page()
    page.goto(live_site + link_to(day, "Fb3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1"))
    expect(page.get_by_text("Question 1 of 4")).to_be_visible()
    PatientLink.objects.filter(course=day.late).update(
        made_at=day.now - days(9), expires_at=day.now - days(2)
    )
    # Not `check`, which looks at the radio once more: the page it stood on may be gone by then.
    page.get_by_role("radio", name="No", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has ended")
    assert page.locator("main a[href^='tel:']").count() >= 2


def test_a_form_is_resumed_where_it_was_left_and_survives_a_lost_network(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    address = live_site + link_to(day, "Db3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1")
    page = phone.new_page()
    page.goto(address)
    expect(page.get_by_text("Question 1 of 4")).to_be_visible()
    page.get_by_role("radio", name="Yes", exact=True).check()
    wait_until(lambda: AnswerGiven.objects.filter(course=day.late, item="safe", value=1).exists())
    phone.set_offline(True)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("radio", name="No", exact=True).check()
    expect(page.get_by_role("status")).to_contain_text("No connection")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Question 3 of 4")).to_be_visible()
    phone.set_offline(False)
    wait_until(lambda: AnswerGiven.objects.filter(course=day.late, item="slept", value=0).exists())
    page.close()
    again = phone.new_page()
    again.goto(address)
    expect(again.get_by_text("Question 3 of 4")).to_be_visible()
    again.get_by_role("button", name="Show all questions").click()
    expect(again.get_by_role("group").nth(1).get_by_label("No", exact=True)).to_be_checked()
    again.get_by_role("group").nth(3).get_by_label("No", exact=True).check()
    again.get_by_role("button", name="Send").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("Thank you")
    answers = dict(FactRecord.objects.get(course=day.late, source="patient").value["answers"])
    assert answers == {"safe": 1, "slept": 0, "eaten": None, "wants_call": 0}


def test_an_unknown_link_says_what_to_do(phone: BrowserContext, live_site: str) -> None:
    page = phone.new_page()
    answer = page.goto(f"{live_site}/p/NotALinkOfOurs00/")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("This link has ended")
    assert wrong_with(page) == []


def test_the_quick_exit_leaves_no_way_back_and_works_without_a_script(
    day: ClinicDay, phone: BrowserContext, browser: Browser, live_site: str
) -> None:
    neutral = "https://www.wikipedia.org/"
    address = live_site + link_to(day, "Qb3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1")
    for escape in (False, True):
        page = phone.new_page()
        page.route(
            f"{neutral}**", lambda route: route.fulfill(body="<h1>Neutral</h1>", content_type="text/html")
        )
        page.goto("about:blank")
        page.goto(address)
        page.get_by_role("link", name="No more messages").click()
        page.get_by_role("link", name="Back").click()
        expect(page.get_by_text(" of 4")).to_be_visible()
        page.get_by_role("radio", name="Yes", exact=True).check()
        if escape:
            page.keyboard.press("Escape")
        else:
            page.get_by_role("link", name="Leave this page").click()
        page.wait_for_url(neutral)
        page.go_back()
        expect(page.get_by_role("radio")).to_have_count(0)
        assert page.url in (neutral, "about:blank")
        page.close()
    plain = context_for(browser, width=390, theme="light", site=live_site, java_script_enabled=False)
    page = plain.new_page()
    page.goto(address)
    exit_link = page.get_by_role("link", name="Leave this page")
    assert exit_link.get_attribute("href") == neutral and exit_link.get_attribute("rel") == "noreferrer"
    plain.close()


def test_answers_given_without_a_network_survive_a_closed_tab_and_two_tabs_lose_nothing_of_each_other(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    address = live_site + link_to(day, "Ob3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1")
    tabs = [phone.new_page() for _tab in range(2)]
    for tab in tabs:
        tab.goto(address)
        tab.get_by_role("button", name="Show all questions").click()
    phone.set_offline(True)
    for tab, question, answer in (
        (tabs[0], "slept", "No"),
        (tabs[1], "eaten", "Yes"),
        (tabs[0], "safe", "No"),
    ):
        tab.locator(f"[data-question={question}]").get_by_label(answer, exact=True).check()
        expect(tab.get_by_role("status")).to_contain_text("No connection")
    for tab in tabs:
        tab.close()
    assert not AnswerGiven.objects.filter(course=day.late).exists()
    phone.set_offline(False)
    again = phone.new_page()
    again.goto(address)
    kept = {"slept": 0, "eaten": 1, "safe": 0}
    wait_until(lambda: dict(AnswerGiven.objects.filter(course=day.late).values_list("item", "value")) == kept)
    task = StaffTask.objects.filter(course=day.late, kind="worrying_answer", done_at__isnull=True)
    assert task.count() == 1, "and what worries has its task, though nobody pressed Send"
    phone.set_offline(True)
    again.get_by_role("button", name="Show all questions").click()
    again.locator("[data-question=wants_call]").get_by_label("No", exact=True).check()
    again.get_by_role("button", name="Send", exact=True).click()
    expect(again.get_by_role("status")).to_contain_text("No connection")
    phone.set_offline(False)
    expect(again.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
    answers = dict(FactRecord.objects.get(course=day.late, source="patient").value["answers"])
    assert answers == {**kept, "wants_call": 0}
    assert again.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('answers:'))") == []


def test_a_scanner_that_follows_every_link_and_runs_scripts_consumes_nothing(
    day: ClinicDay, phone: BrowserContext, live_site: str
) -> None:
    booking = a_visit(day)
    of_visit = link_to(day, "Sb3dEf6hIj9kLm2n", purpose="visit", key=booking.key, booking=booking)
    of_form = link_to(day, "Tb3dEf6hIj9kLm2n", purpose="check_in", key="check_in@dosing.1")
    of_questionnaire = link_to(day, "Ub3dEf6hIj9kLm2n", purpose="questionnaire", key="pcl5.baseline")

    def counted() -> tuple[object, ...]:
        booking.refresh_from_db()
        return (
            *(
                model.objects.count()
                for model in (Event, Message, StaffTask, AnswerGiven, StepUpTry, StepUpCode)
            ),
            *(booking.confirmed_at, booking.change_asked_at, booking.status),
            PatientLink.objects.filter(answered_at__isnull=False).count(),
        )

    before, page = counted(), phone.new_page()
    seen, waiting = set[str](), [live_site + one for one in (of_visit, of_form, of_questionnaire)]
    while waiting:
        address = waiting.pop()
        seen.add(address)
        if address.endswith("/calendar/"):
            assert page.request.get(address).status == 200, "a file to take"
            continue
        answer = page.goto(address, wait_until="networkidle")
        assert answer is not None and answer.status < 500
        found = page.eval_on_selector_all(
            "a[href], form[action]", "all => all.map((one) => (one.href || one.action).split('#')[0])"
        )
        waiting += sorted({one for one in found if "/p/" in one} - seen - set(waiting))
    assert len(seen) > 8
    assert counted() == before


def mailed_link(course: Course, *, purpose: str, key: str, site: str, smtp_server: SmtpServer) -> str:
    """The address in the patient's mail that leads to this, once the mail has come."""
    to = course.patient.contact_details.email

    def links() -> list[str]:
        mails = [one.text for one in smtp_server.received if one.recipients == (to,)]
        found = [one for text in mails for one in re.findall(rf"{re.escape(site)}/p/(\w+)/", text)]
        wanted = PatientLink.objects.filter(course=course, purpose=purpose, key=key)
        hashes = set(wanted.values_list("token_hash", flat=True))
        return [f"{site}/p/{one}/" for one in found if token_hash(one) in hashes]

    wait_until(lambda: bool(links()))
    return links()[-1]


def opened_from_mail(
    cast: Cast, code: str, *, dosed_at: datetime, phone: BrowserContext, site: str, smtp_server: SmtpServer
) -> tuple[Course, Page]:
    """Somebody dosed, the morning after: their mail has come, and they tap its link."""
    course = enrol(cast, code, now=dosed_at - days(28))
    hold_dosing(cast, course, start=dosed_at - days(28))
    at = Message.objects.get(course_id=course.pk, purpose="check_in").send_at + timedelta(minutes=1)
    set_clock(at)
    smtp_server.clear()
    send_due_messages(now=at)
    page = phone.new_page()
    page.goto(
        mailed_link(course, purpose="check_in", key="check_in@dosing.1", site=site, smtp_server=smtp_server)
    )
    expect(page.get_by_text("Question 1 of 4")).to_be_visible()
    return course, page


def test_from_the_mailed_link_to_an_answered_check_in_and_from_a_worrying_answer_to_its_task(
    phone: BrowserContext, live_site: str, smtp_server: SmtpServer
) -> None:
    """Of two patients one is well, and one is not and never presses Send."""
    cast = make_cast()
    course, page = opened_from_mail(
        cast, "P-021", dosed_at=START + days(28), phone=phone, site=live_site, smtp_server=smtp_server
    )
    smallest = page.locator("[data-question=safe] .choices label").evaluate_all(
        "all => Math.min(...all.map((one) => one.getBoundingClientRect().height))"
    )
    assert smallest >= 44, "a finger finds it"
    for question in range(3):
        if question:
            page.get_by_role("button", name="Continue").click()
        page.get_by_role("radio", name="Yes", exact=True).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("Question 3 of 4")).to_be_visible()
    expect(page.get_by_role("radio", name="Yes", exact=True)).to_be_checked()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    answers = dict(FactRecord.objects.get(course=course, source="patient").value["answers"])
    assert answers == {"safe": 1, "slept": 1, "eaten": 1, "wants_call": None}, "the last one was skipped"
    assert not StaffTask.objects.filter(course=course, kind="worrying_answer").exists()

    course, page = opened_from_mail(
        cast, "P-022", dosed_at=START + days(36), phone=phone, site=live_site, smtp_server=smtp_server
    )
    page.get_by_role("radio", name="No", exact=True).check()
    support = page.get_by_role("region", name="Thank you for telling us")
    expect(support).to_be_visible()
    assert support.locator("a[href^='tel:']").count() >= 2
    expect(support).to_contain_text("weekdays 9 to 5")
    expect(support.get_by_role("button", name="Please call me today")).to_be_visible()
    task = StaffTask.objects.filter(course=course, kind="worrying_answer", done_at__isnull=True)
    wait_until(task.exists)
    page.close()
    assert task.get().owner_id is not None and task.get().safety
    assert not FactRecord.objects.filter(course=course, source="patient").exists()


KEY = "integration.2@dosing.1"


def test_from_a_mailed_reminder_a_visit_is_moved_and_of_two_who_want_one_time_one_has_it(
    phone: BrowserContext, live_site: str, smtp_server: SmtpServer, browser: Browser
) -> None:
    """Two patients days after a dosing day and one before theirs are reminded, and none of them can come."""
    cast = make_cast()
    visits: list[SessionBooking] = []
    for code, day in (("P-031", 28), ("P-032", 29)):
        course = enrol(cast, code, now=START + days(day - 28))
        hold_dosing(cast, course, start=START + days(day - 28))
        visits.append(
            book_session(
                actor=cast.actor("eve", at=START + days(30)),
                course_id=course.public_id,
                key=KEY,
                starts_at=START + days(35) + timedelta(hours=2 * len(visits)),
                people=[cast.id("ada"), cast.id("ben")],
                room_id=cast.rooms["blue"].public_id,
                now=START + days(30),
            )
        )
    third = enrol(cast, "P-033", now=START)
    book_session(
        actor=cast.actor("eve"),
        course_id=third.public_id,
        key="dosing.1",
        starts_at=START + days(39),
        confirmed=frozenset({"outside-window"}),
        now=START,
    )
    reminded = Message.objects.filter(purpose="visit_reminder", course_id=visits[0].course_id)
    at = reminded.filter(data__key=KEY).earliest("send_at").send_at + timedelta(minutes=1)
    set_clock(at)
    smtp_server.clear()
    send_due_messages(now=at)

    def asks_for_another_time(course: Course, *, key: str = KEY) -> Page:
        page = phone.new_page()
        page.goto(mailed_link(course, purpose="visit", key=key, site=live_site, smtp_server=smtp_server))
        page.get_by_role("link", name="I need another time").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You need another time")
        return page

    def offered(page: Page) -> list[str]:
        return page.locator("main .choices label").all_inner_texts()

    mine, theirs = (asks_for_another_time(visit.course) for visit in visits)
    both_want = next(one for one in offered(mine) if one in offered(theirs))
    for page in (mine, theirs):
        page.get_by_label(both_want, exact=True).check()
    mine.get_by_role("button", name="Take this time").click()
    expect(mine.locator("main")).to_contain_text("We will see you then")
    moved = SessionBooking.objects.get(course=visits[0].course, key=KEY, status="booked")
    assert moved.starts_at != visits[0].starts_at and moved.confirmed_at is not None

    theirs.get_by_role("button", name="Take this time").click()
    expect(theirs.get_by_role("alert")).to_be_visible()
    assert both_want not in offered(theirs) and len(offered(theirs)) >= 1
    assert (too_wide(theirs), wrong_with(theirs)) == (0, [])
    kept = SessionBooking.objects.get(course=visits[1].course, key=KEY, status="booked")
    assert kept.pk == visits[1].pk, "their visit stays until they have another"
    theirs.locator("main .choices label").first.click()
    theirs.get_by_role("button", name="Take this time").click()
    expect(theirs.locator("main")).to_contain_text("We will see you then")

    dosing = asks_for_another_time(third, key="dosing.1")
    expect(dosing.locator("main")).to_contain_text("We will call you to find another time")
    assert offered(dosing) == []
    dosing.get_by_role("button", name="Please call me").click()
    expect(dosing.locator("main")).to_contain_text("We will call you")
    assert StaffTask.objects.get(course=third, kind="time_asked").owner == cast.people["eve"]
    assert SessionBooking.objects.filter(course=third, key="dosing.1", status="booked").exists()

    desk = context_for(browser, width=1280, theme="light", site=live_site)
    page = desk.new_page()
    sign_in(page, live_site, "eve@example.org")
    page.goto(f"{live_site}/c/{cast.clinic.slug}/tasks/")
    for said in ("Took another time for a visit: see that it suits P-031", "Needs another time P-033"):
        expect(page.get_by_role("row", name=said)).to_be_visible()
    desk.close()

    # Of the old times nothing more leaves; of the new ones each patient is reminded.
    old = {visit.starts_at for visit in visits}
    smtp_server.clear()
    for later in range(1, 9):
        send_due_messages(now=at + days(later))
    about = MessageLog.objects.filter(data__key=KEY, purpose="visit_reminder", finished_at__gt=at + days(1))
    gone = set(about.exclude(state="cancelled").values_list("course_id", "target_at"))
    assert not Message.objects.filter(data__key=KEY, target_at__in=old).exists()
    assert not [target for _course, target in gone if target in old]
    assert {course for course, _target in gone} == {visit.course_id for visit in visits}
    assert {visits[0].course.patient.contact_details.email} <= {
        address for one in smtp_server.received for address in one.recipients
    }
