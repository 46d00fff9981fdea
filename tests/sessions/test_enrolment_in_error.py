"""An enrolment of the wrong patient, or on the wrong protocol: once a second person has confirmed it, the
course is in no view, list, count, file, message or task. The audit and the certified copy keep all of it."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic import outbox
from clinic.errors import Forbidden, NotFound, NotNow
from clinic.models import Event, Message, MessageLog
from clinic.permissions import Role
from clinic.queries import reminders, reminders_by_day
from sessions.models import (
    Course,
    CourseRequirement,
    DeviationRecord,
    ErrorMark,
    FactRecord,
    NoteRecord,
    PatientLink,
    ResourceUse,
    SessionBooking,
    StaffTask,
)
from sessions.operations import review
from sessions.operations.booking import book_session, mark_no_show
from sessions.operations.deviations import enter_deviation
from sessions.operations.enrolment import enrol_patient
from sessions.operations.errors import confirm_error, decline_error, mark_enrolment, mark_session
from sessions.operations.new_links import MOST_A_DAY, ask_for_new_link
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.verifying import verify_requirements
from sessions.operations.workflow import discontinue_course, withdraw_patient
from sessions.queries.canonical import digest_of, spelled
from sessions.queries.courses import patients
from sessions.queries.errors import audit, error_mark, marks_to_settle
from sessions.queries.oversight import oversight
from sessions.queries.reports.month import clinic_report
from sessions.queries.tasks import tasks
from sessions.queries.today import today
from tests.sessions.api.caller import calls, new_id, problem
from tests.sessions.test_entered_in_error import contact
from tests.sessions.test_patient_pages import token_of
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast, make_person
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_preparation
from tests.support.paper import text_of

pytestmark = pytest.mark.django_db

AT = START + days(7)
HOUR = timedelta(hours=1)
LATE = START + days(60)
WRONG = "meant for another patient"
CODE = "P-077"


@pytest.fixture
def cast() -> Cast:
    """Olga supervises and is on no care team."""
    found = make_cast()
    found.people["olga"] = make_person(found.clinic, "Olga Oak", Role.SUPERVISOR)
    return found


@pytest.fixture
def course(cast: Cast) -> Course:
    """Enrolled by Eve, with a chart, a contact that worries, a visit booked and one missed, and a deviation
    that was entered."""
    found = enrol(cast, CODE, email="seventy-seven@example.org")
    fill_chart(cast, found, now=START)
    contact(cast, found, at=AT, safe=False)
    for key, at in (("preparation.1", AT + HOUR), ("preparation.2", AT + days(9))):
        book_session(
            actor=cast.actor("ada", at=AT),
            course_id=found.public_id,
            key=key,
            starts_at=at,
            people=[cast.id("ada")],
            room_id=cast.rooms["blue"].public_id,
            now=AT,
        )
    missed = SessionBooking.objects.get(course=found, key="preparation.1")
    mark_no_show(actor=cast.actor("ada", at=AT + 2 * HOUR), booking_id=missed.public_id, now=AT + 2 * HOUR)
    enter_deviation(
        actor=cast.actor("ada", at=AT + 2 * HOUR),
        course_id=found.public_id,
        title="Held without the lamp",
        description="",
        occurred_at=AT + HOUR,
        now=AT + 2 * HOUR,
    )
    set_clock(AT + 3 * HOUR)
    return found


def asked(cast: Cast, course: Course, by: str = "eve") -> ErrorMark:
    at = AT + 3 * HOUR
    return mark_enrolment(actor=cast.actor(by, at=at), course_id=course.public_id, reason=WRONG, now=at)


def leaves(cast: Cast, course: Course, by: str = "olga") -> ErrorMark:
    mark, at = asked(cast, course), AT + 3 * HOUR
    return confirm_error(actor=cast.actor(by, at=at), mark_id=mark.public_id, now=at)


def url(name: str, *of: object) -> str:
    return reverse(f"sessions:{name}", args=["alder", *of])


# --- it leaves ---


def test_all_of_the_course_leaves_and_nothing_of_it_goes_on(cast: Cast, course: Course) -> None:
    assert Message.objects.filter(course_id=course.pk, state="planned").exists()
    assert StaffTask.objects.filter(course=course, done_at=None).exists()
    leaves(cast, course)
    for model in (FactRecord, NoteRecord, DeviationRecord, CourseRequirement):
        assert not model.objects.filter(course_id=course.pk).exists(), model
    assert not Course.objects.filter(pk=course.pk).exists()
    assert not Message.objects.filter(course_id=course.pk, state="planned").exists()
    assert not StaffTask.objects.filter(course_id=course.pk, done_at=None).exists()
    assert not ResourceUse.objects.filter(booking__course_id=course.pk, live=True).exists()
    kept = Course.every.get(pk=course.pk)
    assert kept.status == "entered_in_error"
    assert kept.look_again_at is None and kept.met_weight == kept.due_weight == 0
    for now in (LATE, LATE + days(400)):
        refresh_due_courses(now=now)
        outbox.send_due_messages(now=now)
    assert not MessageLog.objects.filter(course_id=course.pk, state="handed_off").exists()
    assert not CourseRequirement.objects.filter(course_id=course.pk).exists()
    assert verify_requirements(now=LATE, all_courses=True).differences == ()


@pytest.mark.parametrize("name", ["carla", "ada", "dov", "eve", "olga"])
def test_no_page_and_no_list_of_anybody_names_it(cast: Cast, course: Course, name: str) -> None:
    other = enrol(cast, "P-001")
    leaves(cast, course)
    client = Client()
    client.force_login(cast.people[name])
    shown = 0
    for place in (
        "today",
        "patients",
        "tasks",
        "calls",
        "deviations",
        "oversight",
        "off_track",
        "adherence",
        "outcomes",
        "reminders",
        "reports",
        "team",
        "grid",
        "trends",
        "reviews",
    ):
        try:
            address = url(place)
        except Exception:  # a page of one course
            continue
        answer = client.get(address)
        assert answer.status_code in (200, 302, 403, 404), place
        if answer.status_code == 200:
            shown += 1
            assert CODE not in answer.content.decode(), place
    assert shown >= 4
    for place in ("chart", "messages", "enrolment_error"):
        assert client.get(url(place, course.public_id)).status_code == 404, place
    assert client.get(url("chart", other.public_id)).status_code == 200


def test_queries_counts_and_the_clinics_month_are_as_if_it_had_never_been(cast: Cast) -> None:
    other = enrol(cast, "P-001")
    fill_chart(cast, other, now=START)
    carla = cast.actor("carla", at=AT + 3 * HOUR)

    def found() -> list[object]:
        now = AT + 3 * HOUR
        month = clinic_report(carla, START.date(), now=now)
        seen = oversight(carla, now=now)
        day = today(carla, now=now)
        return [
            [(row.code, row.status) for row in patients(carla)[0]],
            [(row.kind, row.patient) for row in tasks(carla, now=now)],
            [(row.kind, row.patient) for row in tasks(carla, now=now, done=True)],
            *(str(part) for part in month.parts),
            (seen.trend_count, len(seen.safety)),
            len(day.tasks),
        ]

    before = found()
    course = enrol(cast, CODE, email="seventy-seven@example.org")
    fill_chart(cast, course, now=START)
    contact(cast, course, at=AT, safe=False)
    assert found() != before
    leaves(cast, course)
    assert found() == before


def link_to(course: Course) -> str:
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").latest("send_at")
    return token_of(link_address(message=message, course=course))


def test_a_new_link_asked_for_under_it_keeps_none_back_of_the_right_one(cast: Cast, course: Course) -> None:
    now = AT + 3 * HOUR
    for minutes in (40, 25, 12):
        ask_for_new_link(token=link_to(course), now=now - timedelta(minutes=minutes))
    assert Message.objects.filter(purpose="new_link").count() == MOST_A_DAY
    leaves(cast, course)
    assert cast.version is not None
    right = enrol_patient(
        actor=cast.actor("eve", at=now),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=now,
        now=now,
    )
    book_session(
        actor=cast.actor("eve", at=now),
        course_id=right.public_id,
        key="preparation.1",
        starts_at=now + days(9),
        confirmed=frozenset({"outside-window"}),
        now=now,
    )
    ask_for_new_link(token=link_to(right), now=now + timedelta(minutes=1))
    outbox.send_due_messages(now=now + timedelta(minutes=2))
    gone = {row.data["course"]: row.state for row in MessageLog.objects.filter(purpose="new_link")}
    assert gone == {course.pk: "cancelled", right.pk: "handed_off"}


def test_what_was_sent_and_told_about_it_is_counted_no_more(cast: Cast) -> None:
    other, now = enrol(cast, "P-001", email="one@example.org"), AT + 3 * HOUR
    contact(cast, other, at=AT, safe=False)
    set_clock(now)
    outbox.send_due_messages(now=now)
    carla = cast.actor("carla", at=now)

    def counted() -> list[object]:
        month = clinic_report(carla, START.date(), now=now)
        health = Client().get("/health/reminders").json()
        return [
            *(str(part) for part in month.parts if part.name.startswith("messages")),
            reminders_by_day(carla, zone="UTC", now=now, since=START),
            reminders(now=now, since=START, clinic_id=cast.clinic.pk),
            {name: health[name] for name in ("due_today", "sent_today", "twice_today", "by_state")},
        ]

    before = counted()
    assert reminders(now=now, since=START).sent_today > 0, "of the other course something went"
    course = enrol(cast, CODE, email="seventy-seven@example.org")
    book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=AT + days(7) + HOUR,
        confirmed=frozenset({"outside-window"}),
        now=START,
    )
    contact(cast, course, at=AT, safe=False)
    ask_for_new_link(token=link_to(course), now=now - timedelta(minutes=1))
    outbox.send_due_messages(now=now)
    assert MessageLog.objects.get(purpose="new_link").state == "handed_off"
    assert MessageLog.objects.filter(course_id=course.pk, state="handed_off").exists()
    assert MessageLog.objects.filter(purpose="staff_task").count() > 1
    for mine, then in zip(counted(), before, strict=True):
        assert mine != then
    leaves(cast, course)
    assert counted() == before


def test_its_links_open_nothing(cast: Cast, course: Course, client: Client) -> None:
    booking = SessionBooking.objects.get(course=course, key="preparation.2")
    message = Message.objects.filter(course_id=course.pk, purpose="visit_reminder").first()
    assert message is not None
    address = link_address(message=message, course=course)
    assert address and PatientLink.objects.filter(course=course, booking=booking).exists()
    path = "/" + address.split("/", 3)[3]
    assert client.get(path).status_code == 200
    leaves(cast, course)
    assert client.get(path).status_code == 404


def test_the_patient_is_enrolled_anew_and_another_course_of_theirs_goes_on(
    cast: Cast, course: Course
) -> None:
    leaves(cast, course)
    assert cast.version is not None
    again = enrol_patient(
        actor=cast.actor("eve", at=AT + 4 * HOUR),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=AT + 4 * HOUR,
        now=AT + 4 * HOUR,
    )
    assert [row.course_id for row in patients(cast.actor("carla", at=AT + 4 * HOUR))[0]] == [again.public_id]
    booked = book_session(
        actor=cast.actor("ada", at=AT + 4 * HOUR),
        course_id=again.public_id,
        key="preparation.1",
        starts_at=AT + days(9),
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        now=AT + 4 * HOUR,
    )
    assert booked.status == "booked", "people and room are free again"


def test_one_that_had_ended_leaves_too_and_a_death_in_it_is_none(cast: Cast) -> None:
    earlier = enrol(cast, CODE)
    withdraw_patient(
        actor=cast.actor("carla", at=START), course_id=earlier.public_id, reason="moves away", now=START
    )
    assert cast.version is not None
    course = enrol_patient(
        actor=cast.actor("eve", at=AT),
        patient_id=earlier.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=AT,
        now=AT,
    )
    carla = cast.actor("carla", at=AT + HOUR)
    discontinue_course(actor=carla, course_id=course.public_id, reason="died", deceased=True, now=AT + HOUR)
    leaves(cast, course)
    assert [row.status for row in patients(carla)[0]] == ["withdrawn"]
    assert verify_requirements(now=AT + 4 * HOUR, all_courses=True).differences == ()


# --- when it does not ---


def test_while_a_session_stands_in_it_it_stays_and_says_what_to_do(cast: Cast, course: Course) -> None:
    waiting = asked(cast, course)
    record = hold_preparation(cast, course, now=AT + 3 * HOUR)
    olga = cast.actor("olga", at=AT + 4 * HOUR)
    with pytest.raises(NotNow, match="Sessions were held") as refused:
        confirm_error(actor=olga, mark_id=waiting.public_id, now=AT + 4 * HOUR)
    assert "entered in error first" in refused.value.advice
    assert Course.objects.filter(pk=course.pk).exists()
    ada = cast.actor("ada", at=AT + 4 * HOUR)
    first = mark_session(actor=ada, record_id=record.public_id, reason=WRONG, now=AT + 4 * HOUR)
    confirm_error(actor=olga, mark_id=first.public_id, now=AT + 4 * HOUR)
    confirm_error(actor=olga, mark_id=waiting.public_id, now=AT + 5 * HOUR)
    assert not Course.objects.filter(pk=course.pk).exists()


def test_who_enrolled_says_so_and_nobody_confirms_whose_hand_is_in_it(cast: Cast, course: Course) -> None:
    for name, refused in (("carla", Forbidden), ("ada", Forbidden), ("gil", NotFound)):
        with pytest.raises(refused):
            asked(cast, course, by=name)
    mark = asked(cast, course)
    for name in ("eve", "ada"):  # Ada filled in the chart
        with pytest.raises(Forbidden):
            confirm_error(actor=cast.actor(name, at=AT), mark_id=mark.public_id, now=AT)
        assert marks_to_settle(cast.actor(name, at=AT), now=AT)[0] == []
    [row] = marks_to_settle(cast.actor("olga", at=AT), now=AT)[0]
    assert (row.mark_id, row.what, row.patient) == (mark.public_id, "enrolment", CODE)
    decline_error(actor=cast.actor("olga", at=AT), mark_id=mark.public_id, answer="It is right.", now=AT)
    assert Course.objects.filter(pk=course.pk).exists()


def test_who_enrols_and_sees_nothing_clinical_learns_nothing_clinical_by_marking(
    cast: Cast, course: Course, client: Client
) -> None:
    client.force_login(cast.people["eve"])
    link = url("enrolment_error", course.public_id)
    assert link in client.get(url("chart", course.public_id)).content.decode()
    page = client.get(link).content.decode()
    assert CODE in page and "Consent" not in page and "Held without the lamp" not in page
    mark = asked(cast, course)
    assert error_mark(cast.actor("eve", at=AT), mark.public_id, now=AT).facts == []
    assert error_mark(cast.actor("olga", at=AT), mark.public_id, now=AT).facts


def test_no_sql_takes_a_course_out_nor_brings_it_back(cast: Cast, course: Course) -> None:
    def refused(status: str, words: str) -> None:
        with (
            pytest.raises(DatabaseError, match=words),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "UPDATE therapy_sessions_course SET status = %s WHERE id = %s", [status, course.pk]
            )

    asked(cast, course)
    refused("entered_in_error", "only when two people say so")
    confirm_error(
        actor=cast.actor("olga", at=AT + 3 * HOUR),
        mark_id=ErrorMark.objects.get().public_id,
        now=AT + 3 * HOUR,
    )
    refused("enrolled", "may not go from|goes back only")


# --- it remains ---


def test_the_audit_and_the_certified_copy_keep_all_of_it(cast: Cast, course: Course, client: Client) -> None:
    facts = FactRecord.objects.filter(course=course).count()
    mark = leaves(cast, course)
    olga = cast.actor("olga", at=AT + 4 * HOUR)
    found, [kept] = audit(olga, course.public_id, now=AT + 4 * HOUR)
    assert found.pk == course.pk and kept.row.what == "enrolment"
    assert (len(kept.facts), kept.settled_by, kept.row.reason) == (facts, "Olga Oak", WRONG)
    client.force_login(cast.people["olga"])
    own = url("audit", course.public_id)
    assert own in client.get(url("error_marks")).content.decode(), "nothing else leads there"
    page = client.get(own).content.decode()
    assert CODE in page and WRONG in page
    assert client.get(url("error_mark", mark.public_id)).status_code == 200
    copy = client.get(url("certified_copy", course.public_id)).json()
    content = copy["content"]
    assert copy["digest"] == digest_of(spelled(content))
    assert content["enrolment"]["entered_in_error"]["confirmed_by"] == "Olga Oak"
    assert len(content["facts"]) == facts and all(one["entered_in_error"] for one in content["facts"])
    titles = {one["title"]: one["entered_in_error"] for one in content["deviations"]}
    assert titles["Held without the lamp"]["reason"] == WRONG
    paper = client.get(url("certified_copy_file", course.public_id, "pdf")).getvalue()
    assert CODE in text_of(paper) and WRONG in text_of(paper)
    verbs = list(Event.objects.filter(course_id=course.pk).values_list("verb", flat=True))
    assert {"patient_enrolled", "enrolment_entered_in_error"} <= set(verbs)


def test_under_its_mark_stand_its_deviations_with_their_reviews_before_and_after(
    cast: Cast, course: Course, client: Client
) -> None:
    refresh_due_courses(now=LATE)
    raised = DeviationRecord.objects.get(course=course, key="preparation.1")
    review.review_deviation(
        actor=cast.actor("carla", at=LATE),
        deviation_id=raised.public_id,
        comment="He was never ours.",
        closes=False,
        now=LATE,
    )
    count = DeviationRecord.objects.filter(course=course).count()
    assert count > 2, "more than the one that was entered"
    set_clock(LATE)
    mark = mark_enrolment(
        actor=cast.actor("eve", at=LATE), course_id=course.public_id, reason=WRONG, now=LATE
    )
    client.force_login(cast.people["olga"])
    address = url("error_mark", mark.public_id)

    def stands_on(page: str) -> None:
        shown = " ".join(re.sub(r"<[^>]+>", " ", page).split())
        assert f"{count} deviations leave with it" in shown
        for words in ("Held without the lamp", "Preparation session 1 Missed", "He was never ours."):
            assert words in shown, words

    stands_on(client.get(address).content.decode())
    confirm_error(actor=cast.actor("olga", at=LATE), mark_id=mark.public_id, now=LATE)
    stands_on(client.get(address).content.decode())
    stands_on(client.get(url("audit", course.public_id)).content.decode())
    told = calls(cast, "olga").get("audit", course=course.public_id).json()["items"][0]
    assert len(told["deviations"]) == count
    assert {one["what"] for one in told["deviations"]} >= {"Held without the lamp", "Preparation session 1"}
    # Who enrols sees nothing clinical, and so none of them.
    client.force_login(cast.people["eve"])
    assert "lamp" not in client.get(address).content.decode()


def test_by_the_api_it_is_marked_confirmed_and_not_found(cast: Cast, course: Course) -> None:
    eve, olga = calls(cast, "eve"), calls(cast, "olga")
    body = {"id": new_id(), "reason": WRONG}
    answers = [eve.post("mark_enrolment", body, course=course.public_id) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 200]
    mark = answers[0].json()["mark"]
    assert (mark["what"], answers[0].json()["facts"]) == ("enrolment", [])
    assert [olga.post("confirm_error", {}, mark=mark["id"]).status_code for _ in range(2)] == [200, 200]
    for name in ("eve", "olga"):
        problem(calls(cast, name).get("chart", course=course.public_id), 404)
        assert CODE not in json.dumps(calls(cast, name).get("patients").json())
    assert olga.get("audit", course=course.public_id).status_code == 200
    assert olga.get("certified_copy", course=course.public_id).status_code == 200
