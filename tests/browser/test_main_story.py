"""One patient from enrolment to the last integration session after the first dose: by the pages, with a
real web server, worker, beat and mail server. Only time is moved by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from clinic import clock
from clinic.operations.clock import move_clock
from clinic.rules.wall_time import on_day
from sessions.management.story import House, Story
from sessions.models import Course, DeviationRecord, FactRecord, SessionBooking, SessionRecord
from tests.support.cast import PASSWORD, Cast, make_cast
from tests.support.processes import Processes
from tests.support.smtp import SmtpServer, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PATIENT = "pat.example@patients.example.org"
LINK = re.compile(r"https?://\S+/p/\S+")
PHONE = {"width": 390, "height": 844}


@dataclass(kw_only=True)
class Clinic:
    """The clinic under test: who is signed in where, and its wall clock."""

    site: str
    cast: Cast
    browser: Browser
    mail: SmtpServer
    first_day: date
    contexts: list[BrowserContext] = field(default_factory=list)

    @property
    def zone(self) -> ZoneInfo:
        return self.cast.clinic.zone_info

    def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        return on_day(self.first_day + timedelta(days=day), time(hour, minute), self.zone)

    def go_to(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Move the one clock forward, to a wall time of the clinic."""
        wanted = self.at(day, hour, minute)
        move_clock(by=wanted - clock.now())
        return wanted

    def field_time(self, day: int, hour: int, minute: int = 0) -> str:
        """As a field for a date and a time wants it."""
        return self.at(day, hour, minute).astimezone(self.zone).strftime("%Y-%m-%dT%H:%M")

    def sign_in(self, name: str) -> Page:
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        page = context.new_page()
        page.goto(f"{self.site}/accounts/login/")
        page.get_by_label("Email").fill(f"{name}@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**/c/{self.cast.clinic.slug}/")
        return page

    def open(self, page: Page, path: str) -> None:
        answer = page.goto(f"{self.site}/c/{self.cast.clinic.slug}/{path}")
        assert answer is not None and answer.status == 200, f"{path}: {answer and answer.status}"

    def on_the_phone(self, link: str) -> Page:
        context = self.browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)  # type: ignore[arg-type]
        context.set_default_timeout(30_000)
        self.contexts.append(context)
        page = context.new_page()
        answer = page.goto(link)
        assert answer is not None and answer.status == 200
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no wider than the phone"
        return page

    def link_mailed(self) -> str:
        """The link of the newest mail to the patient; its text says nothing of what it is about."""
        newest = self.mail.wait_for(to=PATIENT, seconds=30)[-1]
        self.mail.clear()
        assert "Pat" not in newest.text and "MDMA" not in newest.text and "dosing" not in newest.text.lower()
        found = LINK.search(newest.text)
        assert found is not None, newest.text
        return found.group()


@pytest.fixture
def clinic(
    processes: Processes, smtp_server: SmtpServer, live_site: str, browser: Browser
) -> Iterator[Clinic]:
    processes.worker()
    processes.beat()
    cast = make_cast()
    today = clock.now().astimezone(cast.clinic.zone_info).date()
    # A Monday to come, far enough from a change of clocks' date for nobody to care: windows are in wall time.
    monday = today + timedelta(days=7 - today.weekday())
    made = Clinic(site=live_site, cast=cast, browser=browser, mail=smtp_server, first_day=monday)
    yield made
    for context in made.contexts:
        for page in context.pages:  # what stood on the pages, for who reads a failure
            print(page.url, page.locator("main").inner_text()[:2500])
        context.close()


def save(page: Page, name: str) -> None:
    """Press it, and go on from the page that follows: what is pressed next must not overtake it."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def enrol(clinic: Clinic, page: Page) -> Course:
    clinic.open(page, "patients/enrol/")
    page.get_by_label("Patient code").fill("P-017")
    page.get_by_label("Given name").fill("Pat")
    page.get_by_label("Family name").fill("Fictional")
    page.get_by_label("Date of birth").fill("1988-05-04")
    page.get_by_label("E-mail", exact=False).first.fill(PATIENT)
    page.get_by_label("Telephone").fill("555-0117")
    page.get_by_label("The patient agrees to reminders by e-mail").check()
    for label, name in (
        ("Lead therapist", "Ada Alder"),
        ("Co-therapist", "Ben Birch"),
        ("Prescriber", "Dov Dale"),
        ("Supervisor", "Carla Cedar"),
        ("Independent rater", "Gil Grove"),
    ):
        box = page.get_by_label(label)
        wanted = box.locator("option").filter(has_text=name).first.get_attribute("value")
        box.select_option(wanted)
    save(page, "Enrol")
    page.wait_for_url("**/courses/**")
    return Course.objects.get(patient__code="P-017")


def record_consent(clinic: Clinic, page: Page, course: Course, scope: str) -> None:
    clinic.open(page, f"courses/{course.public_id}/record/consent/")
    page.get_by_label("Consent to").select_option(scope)
    page.get_by_label("gave it", exact=True).check()
    page.get_by_label("Version of the document").fill("1")
    save(page, "Save")
    page.wait_for_url(f"**/courses/{course.public_id}/")


def book(clinic: Clinic, page: Page, course: Course, key: str, *, day: int, hour: int) -> SessionBooking:
    clinic.open(page, f"courses/{course.public_id}/book/{key}/")
    page.get_by_label("Starts at").fill(clinic.field_time(day, hour))
    page.get_by_label("Room").select_option(label="Blue room")
    save(page, "Book it")
    page.wait_for_url(f"**/courses/{course.public_id}/")
    return SessionBooking.objects.get(course=course, key=key, status="booked")


def log_held(clinic: Clinic, page: Page, course: Course, key: str, *, day: int, hour: int) -> SessionRecord:
    """Enter a session on its day, after it was held, by the page for that."""
    clinic.go_to(day, hour + 2)
    clinic.open(page, f"courses/{course.public_id}/log/{key}/")
    page.get_by_label("Started at").fill(clinic.field_time(day, hour))
    page.get_by_label("Ended at").fill(clinic.field_time(day, hour + 1, 30))
    for box in (
        page.get_by_role("group", name=re.compile("Done in this session")).get_by_role("checkbox").all()
    ):
        box.check()
    page.get_by_label(re.compile("^Note")).fill("Spoke about the week. Nothing that worries.")
    save(page, "Save")
    page.wait_for_url("**/sessions/**")
    return SessionRecord.objects.get(course=course, key=key)


def write(page: Page, field: str, text: str) -> None:
    """Begin the note on the template offered first, and save it."""
    save(page, "Begin writing")
    page.get_by_label(field).fill(text)
    save(page, "Save the note")
    expect(page.get_by_label(field)).to_have_value(text)


def sign(page: Page) -> None:
    page.get_by_label("Your password").fill(PASSWORD)
    save(page, "Sign the record")
    expect(page.get_by_role("heading", name="Signatures")).to_be_visible()


def hold_first_preparation(clinic: Clinic, page: Page, course: Course) -> None:
    """Checked in, started, ticked, noted, ended and signed, as it happens."""
    clinic.go_to(7, 10)
    clinic.open(page, f"courses/{course.public_id}/start/preparation.1/")
    save(page, "Check in")
    page.wait_for_url("**/start/preparation.1/")
    save(page, "Start the session")
    page.wait_for_url("**/sessions/**")
    for box in page.locator("input[name=item]").all():
        box.check()
    save(page, "Save the ticks")
    write(page, "Data", "Talked about touch, and what is wanted of these months.")
    clinic.go_to(7, 11, 30)
    save(page, "End the session")
    page.wait_for_url("**/sessions/**")
    save(page, "Save and sign…")
    expect(page.get_by_text("Talked about touch")).to_be_visible()
    sign(page)


def take_vitals(page: Page, record: SessionRecord, *, systolic: int, diastolic: int, pulse: int) -> None:
    before = FactRecord.objects.filter(session_record=record, kind="vitals_taken").count()
    form = page.locator("form[data-vitals]")
    for name, value in (("systolic", systolic), ("diastolic", diastolic), ("pulse", pulse)):
        form.locator(f"input[name={name}]").fill(str(value))
    if not form.locator("input[name=temperature]").is_visible():
        form.locator("summary").click()
    form.locator("input[name=temperature]").fill("36.8")
    form.locator("input[name=distress]").fill("3")
    form.get_by_role("button", name="Save", exact=True).click()
    wait_until(
        lambda: FactRecord.objects.filter(session_record=record, kind="vitals_taken").count() == before + 1,
        what="the reading on the server",
    )


def give_dose(page: Page, amount: str) -> None:
    form = page.locator("section.dose form").filter(has_text="Amount").first
    if not form.is_visible():
        page.get_by_text("Record that it was given").first.click()
    form.get_by_label("Amount").fill(amount)
    checker = form.get_by_label("Checked by")
    wanted = checker.locator("option").filter(has_text="Ben Birch").first.get_attribute("value")
    checker.select_option(wanted)
    with page.expect_navigation():
        form.get_by_role("button", name="Record the dose").click()


def hold_first_dosing(clinic: Clinic, page: Page, prescriber: Page, course: Course, story: Story) -> None:
    book(clinic, page, course, "dosing.1", day=28, hour=9)
    now = clinic.go_to(28, 8)
    story.at = now
    story.make_ready(cycle=1, at=now, leave_out=("chart.escort",))

    clinic.open(prescriber, f"courses/{course.public_id}/record/dose-order/?key=dosing.1")
    prescriber.get_by_role("radio").first.check()
    save(prescriber, "Save")
    prescriber.wait_for_url(f"**/courses/{course.public_id}/")

    # One thing is missing, the page says which, and starting is refused.
    clinic.go_to(28, 9)
    clinic.open(page, f"courses/{course.public_id}/start/dosing.1/")
    expect(page.get_by_role("heading", name="Why can't this start?")).to_be_visible()
    expect(page.locator(".gates > li")).to_have_count(1)
    expect(page.locator(".gates")).to_contain_text("Escort home")
    save(page, "Check in")
    save(page, "Start the session")
    assert not SessionRecord.objects.filter(course=course, key="dosing.1").exists()
    clinic.open(page, f"courses/{course.public_id}/record/escort/?cycle=1")
    page.get_by_label("Who, and the number").fill("Sister, 555-0190")
    save(page, "Save")
    page.wait_for_url(f"**/courses/{course.public_id}/")
    clinic.open(page, f"courses/{course.public_id}/start/dosing.1/")
    expect(page.get_by_role("heading", name="Ready")).to_be_visible()
    save(page, "Start the session")
    page.wait_for_url("**/sessions/**")

    record = SessionRecord.objects.get(course=course, key="dosing.1")
    board = f"sessions/{record.public_id}/"
    clinic.go_to(28, 9, 20)
    clinic.open(page, board)
    take_vitals(page, record, systolic=122, diastolic=78, pulse=70)
    clinic.go_to(28, 9, 30)
    clinic.open(page, board)
    give_dose(page, "80")
    expect(page.locator("section.dose").first).to_contain_text("80 mg")
    clinic.go_to(28, 11)
    clinic.open(page, board)
    take_vitals(page, record, systolic=138, diastolic=86, pulse=88)
    clinic.go_to(28, 11, 10)
    clinic.open(page, board)
    give_dose(page, "40")
    expect(page.locator("section.dose").nth(1)).to_contain_text("40 mg")
    clinic.go_to(28, 16, 50)
    clinic.open(page, board)
    take_vitals(page, record, systolic=124, diastolic=79, pulse=72)

    clinic.go_to(28, 17)
    clinic.open(page, f"{board}release/")
    for box in page.locator("input[name=items]").all():
        box.check()
    save(page, "End the session")
    record.refresh_from_db()
    assert record.status == "under_way", "one name and no answer about adverse events are not enough"
    for box in page.locator("input[name=items]").all():
        box.check()
    page.get_by_label("No: asked, and nothing reported").check()
    page.get_by_label("Second person: e-mail").fill("ben@example.org")
    page.get_by_label("Second person: password").fill(PASSWORD)
    save(page, "End the session")
    page.wait_for_url("**/sessions/**")
    write(page, "How the day went", "A calm day. Stays overnight.")
    save(page, "Save and sign…")
    sign(page)
    record.refresh_from_db()
    assert (record.status, record.counts) == ("signed", True)


def record_call(clinic: Clinic, page: Page, course: Course, number: int) -> None:
    """The daily call of that day after the dose."""
    clinic.go_to(28 + number, 17)
    key = f"contact.daily@dosing.1#{number}"
    wait_until(lambda: course.requirements.get(key=key).status == "open", what="the worker to make it due")
    clinic.open(page, f"courses/{course.public_id}/contact/?key={key.replace('#', '%23')}")
    page.get_by_label("Talked with the patient").check()
    page.get_by_role("group", name=re.compile("feel safe")).get_by_label("Yes", exact=True).check()
    save(page, "Save")
    page.wait_for_url(f"**/courses/{course.public_id}/")
    assert course.requirements.get(key=key).status == "met"


def seen_by_supervisor(clinic: Clinic, page: Page, row: DeviationRecord) -> None:
    """The detail of one deviation: what was asked, what is on record."""
    clinic.open(page, "deviations/")
    page.locator(f"a[href$='deviations/{row.public_id}/']").click()
    expect(page.get_by_role("heading", name="Evidence")).to_be_visible()
    rows = page.locator("section:has(#evidence-title) tbody tr")
    expect(rows).to_have_count(len(row.evidence))
    assert row.evidence, "a deviation shows what it rests on"


def test_one_patient_from_enrolment_to_the_third_integration_session(clinic: Clinic) -> None:
    cast, mail = clinic.cast, clinic.mail
    clinic.go_to(0, 10)
    ada = clinic.sign_in("ada")
    course = enrol(clinic, ada)
    record_consent(clinic, ada, course, "treatment")
    assert cast.version is not None
    story = Story(
        house=House(clinic=cast.clinic, people=cast.people, rooms=cast.rooms, version=cast.version),
        course=course,
        lead="ada",
        second="ben",
        prescriber="dov",
        rater="gil",
        room="blue",
        at=clock.now(),
    )
    story.fill_chart(at=clock.now(), leave_out=("consent.treatment",))

    # A visit is booked; three days before it the reminder goes out by itself, and the patient says yes.
    booking = book(clinic, ada, course, "preparation.1", day=7, hour=10)
    clinic.go_to(4, 10)
    phone = clinic.on_the_phone(clinic.link_mailed())
    expect(phone.get_by_text("10:00")).to_be_visible()
    expect(phone.get_by_text("555-0100").first).to_be_visible()
    assert SessionBooking.objects.get(pk=booking.pk).confirmed_at is None, "opening a link says nothing yet"
    phone.get_by_role("button", name="Yes, I will be there").click()
    expect(phone.get_by_text("Thank you. We will see you then.")).to_be_visible()
    assert SessionBooking.objects.get(pk=booking.pk).confirmed_at is not None

    for key in ("pcl5.baseline", "caps5.baseline", "cssrs.baseline"):
        story.assess(key, at=clock.now())
    hold_first_preparation(clinic, ada, course)
    log_held(clinic, ada, course, "preparation.2", day=14, hour=10)
    log_held(clinic, ada, course, "preparation.3", day=21, hour=10)
    dov = clinic.sign_in("dov")
    hold_first_dosing(clinic, ada, dov, course, story)
    assert not DeviationRecord.objects.filter(course=course).exists(), "so far to plan"

    # The dose has made what follows; the next morning the check-in is mailed, and answered on the phone.
    clinic.open(ada, f"courses/{course.public_id}/")
    expect(ada.locator("[id='integration.1@dosing.1']").first).to_be_visible()
    mail.clear()
    clinic.go_to(29, 9)
    phone = clinic.on_the_phone(clinic.link_mailed())
    for question, answer in (("safe", "1"), ("slept", "1"), ("eaten", "1"), ("wants_call", "0")):
        phone.locator(f"input[name=item-{question}][value='{answer}']").check()
        if question != "wants_call":
            phone.get_by_role("button", name="Continue").click()
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(phone.get_by_text("555-0100").first).to_be_visible()
    assert course.requirements.get(key="check_in@dosing.1").status == "met"

    log_held(clinic, ada, course, "integration.1@dosing.1", day=29, hour=10)
    assert course.requirements.get(key="contact.daily@dosing.1#1").status == "met", "it is that day's contact"
    story.at = clock.now()
    story.assess("cssrs.day_after@dosing.1", at=clock.now())
    record_call(clinic, ada, course, 2)
    record_call(clinic, ada, course, 3)

    # Nobody rings on the fourth day: the day's end, and nothing else, makes it a deviation and a task.
    clinic.go_to(33, 0, 1)
    missed = "contact.daily@dosing.1#4"
    wait_until(
        lambda: DeviationRecord.objects.filter(course=course, key=missed, status="missed").exists(),
        what="the worker to see that the call was skipped",
    )
    clinic.go_to(33, 9)
    clinic.open(ada, "tasks/")
    expect(ada.get_by_text("P-017").first).to_be_visible()
    for number in (5, 6, 7):
        record_call(clinic, ada, course, number)
    story.at = clock.now()
    story.assess("cssrs.day_7@dosing.1", at=clock.now())

    # The second integration session comes two days after its window has closed.
    log_held(clinic, ada, course, "integration.2@dosing.1", day=28 + 12, hour=11)
    log_held(clinic, ada, course, "integration.3@dosing.1", day=28 + 16, hour=11)

    found = {row.key: row for row in DeviationRecord.objects.filter(course=course)}
    assert {key: row.status for key, row in found.items()} == {
        missed: "missed",
        "integration.2@dosing.1": "met_late",
    }
    carla = clinic.sign_in("carla")
    clinic.open(carla, "deviations/")
    expect(carla.locator("tbody tr")).to_have_count(2)
    for row in found.values():
        seen_by_supervisor(clinic, carla, row)
    carla.get_by_label(re.compile("found", re.IGNORECASE)).or_(carla.locator("textarea")).first.fill(
        "Rota was short that day; we have changed it."
    )
    save(carla, "Save the review")
    wait_until(lambda: DeviationRecord.objects.filter(course=course, reviews__isnull=False).exists())
    clinic.open(carla, "adherence/")
    expect(carla.get_by_text("P-017").first).to_be_visible()
    assert {row.key for row in SessionRecord.objects.filter(course=course)} == {
        *(f"preparation.{n}" for n in (1, 2, 3)),
        "dosing.1",
        *(f"integration.{n}@dosing.1" for n in (1, 2, 3)),
    }
