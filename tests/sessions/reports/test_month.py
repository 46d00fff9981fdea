"""The clinic's month: every number the same as its page or a recount says, for supervisors and
administrators, and no patient in it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clinic.errors import BadInput
from clinic.models import Event
from clinic.permissions import Role
from sessions.models import SessionRecord, StaffTask
from sessions.models.bookings import BookingStatus, SessionBooking
from sessions.operations.booking import book_session, cancel_booking, mark_no_show
from sessions.operations.ending import correct_times
from sessions.operations.entering import log_session
from sessions.operations.finishing import finish_task
from sessions.operations.refresh import refresh_due_courses
from sessions.queries.reports.month import clinic_report
from tests.sessions.api.caller import Caller
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person
from tests.support.clinic_day import ClinicDay, make_day, set_clock
from tests.support.paper import files, sheets, standards, text_of

pytestmark = pytest.mark.django_db

MARCH = "2027-03"
CAUSES = ("clinic", "patient_declined", "patient_unreachable", "outside_event")
AT = START + days(60)


def client_of(cast: Cast, who: str) -> Client:
    client = Client()
    client.force_login(cast.people[who], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def url(cast: Cast, name: str, *args: object) -> str:
    return reverse(f"sessions:{name}", args=(cast.clinic.slug, *args))


def take(cast: Cast, who: str, form: str, month: str = MARCH) -> Any:
    return client_of(cast, who).get(url(cast, "clinic_report", month, form))


def numbers(row: dict[str, str]) -> list[int]:
    return [
        int(value) for name, value in row.items() if name not in ("kind", "dose", "importance", "of", "on")
    ]


def _missed_and_cancelled(day: ClinicDay) -> None:
    """One visit in March to which the patient did not come, and one cancelled."""
    cast = day.cast
    for number, code in enumerate(("P-011", "P-012")):
        course = enrol(cast, code)
        booking = book_session(
            actor=cast.actor("eve", at=START),
            course_id=course.public_id,
            key="preparation.1",
            starts_at=START + days(7 + number),
            confirmed=frozenset({"outside-window"}),
            now=START,
        )
        at = START + days(7 + number) + timedelta(hours=3)
        if number:
            cancel_booking(
                actor=cast.actor("eve", at=at), booking_id=booking.public_id, reason="Ill", now=START
            )
        else:
            mark_no_show(actor=cast.actor("eve", at=at), booking_id=booking.public_id, now=at)


def test_every_number_of_the_month_is_that_of_its_page_or_of_a_recount() -> None:
    day = make_day()
    cast = day.cast
    _missed_and_cancelled(day)
    task = StaffTask.objects.filter(safety=True, done_at=None).order_by("pk").first()
    assert task is not None
    done_at = task.opened_at + timedelta(hours=2)
    finish_task(
        actor=cast.actor("carla", at=done_at), task_id=task.public_id, resolution="Called.", now=done_at
    )
    refresh_due_courses(now=day.now)
    found = files(take(cast, "carla", "csv").content)
    carla = client_of(cast, "carla")

    # Adherence: the page of the same days.
    page = carla.get(url(cast, "adherence") + "?from_on=2027-03-01&until_on=2027-03-31").context
    (row,) = found["adherence"]
    total = page["total"].total
    assert (int(row["met"]), int(row["came_due"])) == (total.met, total.came_due) and total.came_due
    assert {(one["met"], one["came_due"]) for one in found["kinds"]} == {
        (str(one.total.met), str(one.total.came_due)) for one in page["kinds"]
    }
    assert [int(one["departures"]) for one in found["causes"]] == [one[1] for one in page["causes"]]

    # Deviations: the log of the same days, and the page of those that wait.
    rows = {one["what"]: one for one in found["deviations"]}
    for important, column in (("yes", "important"), ("no", "not_important")):
        for narrowed, what in (("", "happened"), *((f"&cause={cause}", cause) for cause in CAUSES)):
            asked = f"?show=all&from_on=2027-03-01&until_on=2027-03-31&important={important}{narrowed}"
            log = carla.get(url(cast, "deviations") + asked).context["deviations"]
            assert int(rows[what][column]) == len(log), (what, column)
    waiting = carla.get(url(cast, "deviations")).context["deviations"]
    assert sum(int(one["waiting"]) for one in found["deviations_waiting"]) == len(waiting) > 0
    assert sum(
        int(one[age])
        for one in found["deviations_waiting"]
        for age in ("up_to_7", "up_to_30", "up_to_90", "older")
    ) == len(waiting)

    # What is overdue and open: the supervisors' page.
    view = carla.get(url(cast, "oversight")).context["view"]
    assert sum(int(one["overdue"]) for one in found["overdue"]) == view.follow_up_count
    safety = found["safety_tasks"]
    in_march = StaffTask.objects.filter(
        safety=True,
        opened_at__gte=datetime(2027, 3, 1, 5, tzinfo=UTC),
        opened_at__lt=datetime(2027, 4, 1, 4, tzinfo=UTC),
    )
    assert sum(int(one["opened"]) for one in safety) == in_march.count()

    # Messages: the same days on the page of messages sent.
    set_clock(day.now)
    shown = carla.get(url(cast, "reminders")).context["days"]
    march = {str(one.on): one for one in shown if date(2027, 3, 8) <= one.on <= date(2027, 3, 31)}
    by_day = {one["on"]: numbers(one) for one in found["messages_by_day"]}
    assert march and all(
        by_day[on] == [one.due, one.sent, one.late, one.twice, one.uncertain, one.failed, one.waiting]
        for on, one in march.items()
    )
    assert numbers(found["messages"][0]) == [sum(column) for column in zip(*by_day.values(), strict=True)]

    # What was held, booked and given: recounted.
    held = {one["kind"]: numbers(one) for one in found["sessions"]}
    assert held == {"preparation": [6, 0, 0, 0], "dosing": [1, 0, 0, 0]}
    visits = {one["kind"]: numbers(one) for one in found["visits"]}
    assert visits == {"preparation": [0, 1, 1, 1, 0], "dosing": [1, 0, 1, 0, 0]}
    assert SessionBooking.objects.filter(status=BookingStatus.NO_SHOW).count() == 1
    assert {one["dose"]: numbers(one) for one in found["doses"]} == {
        "initial": [1, 0, 0, 0],
        "supplement": [1, 0, 0, 0],
    }

    # The same on paper, in the spreadsheet and on the page; for an administrator too, who sees no patient.
    paper = take(cast, "finn", "pdf")
    assert standards(paper.content)["pdfaid:part"] == "2"
    assert 'filename="clinic-report-alder-2027-03-2027-' in paper["Content-Disposition"]
    text = text_of(paper.content)
    assert "Clinic report, March 2027" in text and "preparation 6 0 0 0" in text
    assert "small numbers mislead" in text
    assert "P-0" not in text and "Pat Example" not in text and "Ada" not in text
    assert sheets(take(cast, "finn", "xlsx").content)["Sessions held"][1] == ["preparation", 6, 0, 0, 0]
    page_of_finn = client_of(cast, "finn").get(url(cast, "reports") + f"?month={MARCH}")
    assert page_of_finn.status_code == 200 and f"reports/{MARCH}.pdf" in page_of_finn.text
    assert "P-0" not in page_of_finn.text and "Sessions held" in page_of_finn.text
    assert "deviations/?show=all" not in page_of_finn.text, "nothing offered that is refused"
    taken = Event.objects.filter(verb="clinic_report_exported")
    assert sorted(taken.values_list("data__format", flat=True)) == ["csv", "pdf", "xlsx"]


@pytest.fixture
def cast(db: None) -> Cast:
    """A clinic with a course in which nothing was done for two months."""
    cast = make_cast()
    enrol(cast)
    refresh_due_courses(now=AT)
    set_clock(AT)
    return cast


def test_supervisors_and_administrators_make_it_and_nobody_else(cast: Cast) -> None:
    for who, status in (
        ("carla", 200),
        ("finn", 200),
        ("ada", 403),
        ("dov", 403),
        ("eve", 403),
        ("gil", 403),
    ):
        assert client_of(cast, who).get(url(cast, "reports")).status_code == status, who
        for form in ("pdf", "xlsx", "csv"):
            assert take(cast, who, form).status_code == status, (who, form)
        menu = client_of(cast, who).get(url(cast, "today")).text
        assert (f'href="{url(cast, "reports")}"' in menu) is (status == 200)
    other = make_cast("birch")
    other.people["olga"] = make_person(other.clinic, "Olga Oak", Role.SUPERVISOR)
    assert client_of(other, "olga").get(url(cast, "reports")).status_code == 404


def test_the_months_are_those_since_the_first_patient_and_none_that_has_not_begun(cast: Cast) -> None:
    page = client_of(cast, "finn").get(url(cast, "reports"))
    assert [code for code, _words, _chosen in page.context["months"]] == ["2027-04", "2027-03"]
    assert page.context["report"].title == "Clinic report, April 2027"
    assert "so far until" in page.text
    assert take(cast, "finn", "pdf", "2027-05").status_code == 400
    assert take(cast, "finn", "pdf", "2027-13").status_code == 404
    with pytest.raises(BadInput):
        clinic_report(cast.actor("finn", at=AT), date(2031, 1, 1), now=AT)
    finn = Caller(slug=cast.clinic.slug, person=cast.people["finn"])
    answer = finn.post("take_clinic_report", {"form": "xlsx", "month": MARCH})
    assert answer.status_code == 200 and "Sessions held" in sheets(answer.content)
    assert finn.post("take_clinic_report", {"form": "xlsx", "month": "March"}).status_code == 400
    ada = Caller(slug=cast.clinic.slug, person=cast.people["ada"])
    assert ada.post("take_clinic_report", {"form": "pdf", "month": MARCH}).status_code == 403


def test_another_clinics_month_is_not_in_it(cast: Cast) -> None:
    other = make_cast("birch")
    found = files(take(other, "carla", "csv").content)
    assert found["deviations"] == found["sessions"] == found["deviations_waiting"] == found["kinds"] == []
    assert int(files(take(cast, "carla", "csv").content)["adherence"][0]["came_due"]) > 0


def test_how_long_safety_tasks_took_is_told_with_the_middle_one(cast: Cast) -> None:
    for hours, course in zip((1, 3, 8), ("P-021", "P-022", "P-023"), strict=True):
        opened = datetime(2027, 3, 10, 12, tzinfo=UTC)
        StaffTask.objects.create(
            clinic=cast.clinic,
            course=enrol(cast, course),
            kind="call_asked",
            subject=f"subject-{hours}",
            safety=True,
            opened_at=opened,
            act_by=opened + timedelta(hours=4),
            done_at=opened + timedelta(hours=hours),
            done_by=cast.people["ada"],
            resolution="Called.",
        )
    (row,) = [
        one
        for one in files(take(cast, "carla", "csv").content)["safety_tasks"]
        if one["kind"] == "call_asked"
    ]
    assert row == {
        "kind": "call_asked",
        "opened": "3",
        "done": "3",
        "in_time": "2",
        "median_hours": "3.0",
        "longest_hours": "8.0",
    }


def test_a_session_counts_in_the_month_in_which_it_really_began_and_more_cost_no_more_queries(
    cast: Cast,
) -> None:
    carla, ada = cast.actor("carla", at=AT), cast.actor("ada", at=AT)

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            clinic_report(carla, date(2027, 3, 1), now=AT)
        return len(captured)

    def held() -> list[int]:
        return [int(row["held"]) for row in files(take(cast, "carla", "csv").content)["sessions"]]

    def log(code: str, at: datetime) -> SessionRecord:
        return log_session(
            actor=ada,
            course_id=enrol(cast, code).public_id,
            key="preparation.1",
            started_at=at - timedelta(hours=1),
            ended_at=at,
            staff=[cast.id("ben")],
            note="We talked.",
            now=AT,
        )

    record = log("P-031", START + days(9))
    assert held() == [1]
    asked()
    before = asked()
    for number in range(2, 6):
        log(f"P-03{number}", START + days(10 + number))
    refresh_due_courses(now=AT)
    assert (asked(), held()) == (before, [5])
    correct_times(
        actor=ada,
        record_id=record.public_id,
        started_at=datetime(2027, 4, 2, 14, tzinfo=UTC),
        ended_at=datetime(2027, 4, 2, 15, tzinfo=UTC),
        reason="Entered for the wrong day",
        now=AT,
    )
    assert held() == [4]
