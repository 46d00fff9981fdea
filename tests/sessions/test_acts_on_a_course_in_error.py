"""The end of a course, a hold or its end, entered in the wrong chart: once a second person has confirmed it,
the course is as if that act had never been. The event log, the audit and the certified copy keep both."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from clinic.errors import Forbidden, NotNow
from clinic.models import Event, Message
from clinic.permissions import Role
from sessions.models import (
    Course,
    CourseRequirement,
    CourseStage,
    ErrorMark,
    FactRecord,
    ResourceUse,
    SessionBooking,
    StaffTask,
)
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.correcting import amend_fact
from sessions.operations.enrolment import enrol_patient
from sessions.operations.errors import confirm_error, mark_fact
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.verifying import verify_requirements
from sessions.operations.workflow import (
    complete_course,
    discontinue_course,
    put_course_on_hold,
    resume_course,
    stop_dosing,
    withdraw_patient,
)
from sessions.queries.chart import chart
from sessions.queries.courses import patients
from sessions.queries.errors import audit, marks_to_settle
from sessions.rules.facts import DosingStopped
from tests.sessions.api.caller import calls, new_id
from tests.support.cast import START, Cast, assess, days, enrol, fill_chart, make_cast, make_person, make_room
from tests.support.clinic_day import set_clock
from tests.support.dosed import hold_dosing, hold_preparation

pytestmark = pytest.mark.django_db

AT = START + days(7)
VISIT = AT + days(7)
HOUR = timedelta(hours=1)
WRONG = "meant for another patient"


@pytest.fixture
def cast() -> Cast:
    found = make_cast()
    found.rooms["green"] = make_room(found.clinic, "Green room")
    found.people["ivo"] = make_person(found.clinic, "Ivo Ivy", Role.SUPERVISOR)
    return found


def begun(cast: Cast, code: str = "P-001") -> Course:
    course = enrol(cast, code, email=f"{code.lower()}@example.org")
    fill_chart(cast, course, now=START)
    hold_preparation(cast, course, now=AT)
    return course


def booked(
    cast: Cast, course: Course, *, at: datetime = VISIT, by: str = "ada", room: str = "blue"
) -> SessionBooking:
    return book_session(
        actor=cast.actor("ada", at=AT),
        course_id=course.public_id,
        key="preparation.2",
        starts_at=at,
        people=[cast.id(by)],
        room_id=cast.rooms[room].public_id,
        now=AT,
    )


def the_act(course: Course, kind: str) -> FactRecord:
    return FactRecord.objects.filter(course=course, kind=kind).latest("pk")


def taken_back(
    cast: Cast, fact: FactRecord, *, at: datetime, by: str = "carla", second: str = "ivo"
) -> ErrorMark:
    mark = mark_fact(actor=cast.actor(by, at=at), fact_id=fact.public_id, reason=WRONG, now=at)
    return confirm_error(actor=cast.actor(second, at=at), mark_id=mark.public_id, now=at)


def standing(course: Course, *, since: datetime = START) -> dict[str, Any]:
    """All that the engine makes of a course, without what tells it from another one; of the messages, those
    to go after `since`."""
    course.refresh_from_db()
    requirements = CourseRequirement.objects.filter(course=course).order_by("key")
    return {
        "status": (course.status, course.end_reason),
        "look": course.look_again_at,
        "sums": (course.met_weight, course.due_weight, course.departed_count, course.overdue_count),
        "requirements": [
            (row.key, row.status, row.firm, row.opens_at, row.due_at, row.closes_at) for row in requirements
        ],
        "stages": list(
            CourseStage.objects.filter(course=course)
            .values_list("code", "cycle", "status")
            .order_by("position")
        ),
        "messages": sorted(
            Message.objects.filter(course_id=course.pk, state="planned", send_at__gt=since).values_list(
                "purpose", "rule_code", "target_at", "send_at", "channel"
            )
        ),
        "bookings": list(
            SessionBooking.objects.filter(course=course)
            .values_list("key", "starts_at", "status")
            .order_by("pk")
        ),
        "tasks": sorted(
            StaffTask.objects.filter(course=course, done_at=None).values_list("kind", "subject", "owner_id")
        ),
    }


def ends(cast: Cast, course: Course, how: str, *, at: datetime) -> None:
    carla = cast.actor("carla", at=at)
    if how == "withdraw":
        withdraw_patient(actor=carla, course_id=course.public_id, reason="moves away", now=at)
    else:
        discontinue_course(
            actor=carla, course_id=course.public_id, reason="it was said", deceased=how == "death", now=at
        )


# --- the end ---


@pytest.mark.parametrize("how", ["withdraw", "discontinue", "death"])
def test_an_end_that_was_none_leaves_the_course_as_one_that_never_ended(cast: Cast, how: str) -> None:
    course, twin = begun(cast), begun(cast, "P-002")
    booked(cast, course)
    booked(cast, twin, by="ben", room="green")
    at = AT + days(1)
    ends(cast, course, how, at=at)
    assert not Message.objects.filter(course_id=course.pk, purpose="visit_reminder", state="planned").exists()
    back = at + days(2)
    taken_back(cast, the_act(course, "course_ended"), at=back)
    for one in (course, twin):
        Course.objects.filter(pk=one.pk).update(look_again_at=back)
    refresh_due_courses(now=back)
    ours = standing(course, since=back)
    assert ours == standing(twin, since=back)
    assert ours["status"] == ("active", "") and ours["bookings"] == [("preparation.2", VISIT, "booked")]
    assert "visit_reminder" in {message[0] for message in ours["messages"]}
    assert verify_requirements(now=back, all_courses=True).differences == ()
    verbs = list(
        Event.objects.filter(subject_type="course", subject_id=course.pk)
        .order_by("pk")
        .values_list("verb", flat=True)
    )
    assert verbs[-1] == "course_end_taken_back" and verbs[-2] in ("course_withdrawn", "course_discontinued")


def test_a_completed_course_is_active_again_and_can_be_completed_later(cast: Cast) -> None:
    course = enrol(cast)
    hold_dosing(cast, course)
    at = START + days(30)
    stop_dosing(
        actor=cast.actor("dov", at=at), course_id=course.public_id, after_cycle=1, reason="well", now=at
    )
    over = START + days(28 + 63)
    assess(cast, course, now=over - HOUR, key="caps5.primary", instrument="caps5", by="independent_rater")
    before = standing(course)
    complete_course(actor=cast.actor("carla", at=over), course_id=course.public_id, now=over)
    taken_back(cast, the_act(course, "course_ended"), at=over)
    assert standing(course)["requirements"] == before["requirements"]
    assert standing(course)["status"] == ("active", "")
    complete_course(actor=cast.actor("carla", at=over + HOUR), course_id=course.public_id, now=over + HOUR)
    assert standing(course)["status"] == ("completed", "completed")


def test_a_course_that_had_not_begun_is_enrolled_again_and_one_on_hold_is_on_hold(cast: Cast) -> None:
    course, held = enrol(cast), enrol(cast, "P-002")
    carla = cast.actor("carla", at=AT)
    put_course_on_hold(actor=carla, course_id=held.public_id, reason="travels", now=AT)
    for one in (course, held):
        ends(cast, one, "withdraw", at=AT + HOUR)
        taken_back(cast, the_act(one, "course_ended"), at=AT + 2 * HOUR)
    assert standing(course)["status"] == ("enrolled", "")
    assert standing(held)["status"] == ("on_hold", "")


def to_book(course: Course) -> list[StaffTask]:
    return list(StaffTask.objects.filter(course=course, kind="visit_to_book").order_by("pk"))


def test_a_visit_whose_room_was_given_away_meanwhile_stays_cancelled_and_a_coordinator_books_it_again(
    cast: Cast, client: Client
) -> None:
    course, other = begun(cast), begun(cast, "P-002")
    lost = booked(cast, course)
    ends(cast, course, "withdraw", at=AT + HOUR)
    booked(cast, other)  # Ada, at the same time
    taken_back(cast, the_act(course, "course_ended"), at=AT + 2 * HOUR)
    lost.refresh_from_db()
    assert lost.status == "cancelled"
    assert standing(course)["status"] == ("active", "")
    [task] = to_book(course)
    assert (task.owner, task.done_at, task.unowned_since) == (cast.people["eve"], None, None)
    assert AT + 2 * HOUR < task.act_by <= lost.starts_at
    set_clock(AT + 2 * HOUR)
    client.force_login(cast.people["eve"])
    page = client.get(reverse("sessions:task", args=["alder", task.public_id])).content.decode()
    assert "Preparation session 2" in page and "The patient may still expect it." in page
    assert f"{lost.starts_at.astimezone(cast.clinic.zone_info):%-d %b, %H:%M}" in page
    assert reverse("sessions:book", args=["alder", course.public_id, "preparation.2"]) in page
    rows = client.get(reverse("sessions:tasks", args=["alder"])).content.decode()
    assert "A cancelled visit is wanted after all: book it again" in rows and "Preparation session 2" in rows
    told = calls(cast, "eve").get("task", task=task.public_id).json()
    assert told["subject_key"] == "preparation.2"
    again = booked(cast, course, at=AT + days(8))
    assert again.status == "booked"
    task.refresh_from_db()
    assert (task.resolution, task.done_by) == ("booked_anew", None)
    page = client.get(reverse("sessions:task", args=["alder", task.public_id])).content.decode()
    assert "It is booked again, or asked no more." in page


def test_a_visit_that_came_back_needs_no_task_and_one_whose_time_has_passed_does(cast: Cast) -> None:
    course = begun(cast)
    booked(cast, course)
    ends(cast, course, "withdraw", at=AT + HOUR)
    taken_back(cast, the_act(course, "course_ended"), at=AT + 2 * HOUR)
    assert to_book(course) == []
    ends(cast, course, "withdraw", at=AT + 3 * HOUR)
    taken_back(cast, the_act(course, "course_ended"), at=VISIT + HOUR)
    [task] = to_book(course)
    assert (task.owner, task.done_at, task.act_by) == (cast.people["eve"], None, VISIT + HOUR)


def test_a_visit_that_somebody_called_off_on_purpose_is_not_brought_back_by_a_later_mistake(
    cast: Cast,
) -> None:
    course = begun(cast)
    booking = booked(cast, course)
    ends(cast, course, "withdraw", at=AT + HOUR)
    taken_back(cast, the_act(course, "course_ended"), at=AT + 2 * HOUR)
    cancel_booking(
        actor=cast.actor("ada", at=AT + 3 * HOUR),
        booking_id=booking.public_id,
        reason="she asked",
        now=AT + 3 * HOUR,
    )
    ends(cast, course, "withdraw", at=AT + 4 * HOUR)
    taken_back(cast, the_act(course, "course_ended"), at=AT + 5 * HOUR)
    booking.refresh_from_db()
    assert (booking.status, booking.reason) == ("cancelled", "she asked")
    assert to_book(course) == []


def test_the_task_to_book_a_visit_again_is_over_once_the_course_has_really_ended(cast: Cast) -> None:
    course, other = begun(cast), begun(cast, "P-002")
    booked(cast, course)
    ends(cast, course, "withdraw", at=AT + HOUR)
    booked(cast, other)
    taken_back(cast, the_act(course, "course_ended"), at=AT + 2 * HOUR)
    ends(cast, course, "withdraw", at=AT + 3 * HOUR)
    [task] = to_book(course)
    assert task.resolution == "booked_anew"


# --- that dosing stops ---


def second_dosing(cast: Cast, *, code: str = "P-001", by: str = "ada") -> tuple[Course, SessionBooking]:
    """After the first dosing session the second is booked, in four weeks."""
    course = enrol(cast, code, email=f"{code.lower()}@example.org")
    hold_dosing(cast, course)
    now = START + days(30)
    booking = book_session(
        actor=cast.actor("ada", at=now),
        course_id=course.public_id,
        key="dosing.2",
        starts_at=START + days(56),
        people=[cast.id(by)],
        room_id=cast.rooms["blue"].public_id,
        confirmed=frozenset({"outside-window"}),
        now=now,
    )
    return course, booking


def stopped(cast: Cast, course: Course, *, at: datetime) -> FactRecord:
    return stop_dosing(
        actor=cast.actor("dov", at=at), course_id=course.public_id, after_cycle=1, reason="well", now=at
    )


def test_that_dosing_stops_said_in_error_gives_the_visits_back_that_it_cancelled(cast: Cast) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    refresh_due_courses(now=at)
    before = standing(course, since=at)
    fact = stopped(cast, course, at=at)
    booking.refresh_from_db()
    assert booking.status == "cancelled"
    taken_back(cast, fact, at=at + HOUR, by="dov")
    booking.refresh_from_db()
    assert (booking.status, booking.reason) == ("booked", "")
    after = standing(course, since=at)
    for name in ("status", "requirements", "messages", "bookings", "tasks"):
        assert after[name] == before[name], name
    assert ResourceUse.objects.filter(booking=booking, live=True).count() == 3
    assert verify_requirements(now=at + HOUR, all_courses=True).differences == ()


def test_a_dosing_visit_whose_room_was_taken_meanwhile_is_a_coordinators_to_book_again(cast: Cast) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    fact = stopped(cast, course, at=at)
    other = enrol(cast, "P-002", now=at, email="p-002@example.org")
    book_session(
        actor=cast.actor("ada", at=at),
        course_id=other.public_id,
        key="preparation.1",
        starts_at=booking.starts_at,
        people=[cast.id("gil")],
        room_id=cast.rooms["blue"].public_id,
        confirmed=frozenset({"outside-window"}),
        now=at,
    )
    taken_back(cast, fact, at=at + HOUR, by="dov")
    booking.refresh_from_db()
    assert booking.status == "cancelled"
    [task] = to_book(course)
    assert (task.subject, task.owner) == (f"dosing.2~{booking.public_id}", cast.people["eve"])


def test_while_another_decision_to_stop_stands_no_visit_comes_back_and_none_is_to_be_booked(
    cast: Cast,
) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    first = stopped(cast, course, at=at)
    stopped(cast, course, at=at + HOUR)
    taken_back(cast, first, at=at + 2 * HOUR, by="dov")
    booking.refresh_from_db()
    assert booking.status == "cancelled" and to_book(course) == []


def test_that_dosing_stops_is_corrected_by_another_decision_and_a_coordinator_books_what_it_allows_again(
    cast: Cast, client: Client
) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    fact = stopped(cast, course, at=at)
    dov = cast.actor("dov", at=at + HOUR)
    with pytest.raises(NotNow, match="taken back by the act that undoes it"):
        amend_fact(
            actor=dov,
            fact_id=fact.public_id,
            value=DosingStopped(after_cycle=2, reason="well"),
            occurred_at=at,
            reason="after the second",
            now=at + HOUR,
        )
    stop_dosing(actor=dov, course_id=course.public_id, after_cycle=2, reason="two do it", now=at + HOUR)
    booking.refresh_from_db()
    assert booking.status == "cancelled", "the patient was told, and does not come by themselves"
    [task] = to_book(course)
    assert (task.subject, task.owner) == (f"dosing.2~{booking.public_id}", cast.people["eve"])
    set_clock(at + HOUR)
    client.force_login(cast.people["eve"])
    page = client.get(reverse("sessions:task", args=["alder", task.public_id])).content.decode()
    assert "the patient was told that it is off" in page and "may still expect it" not in page
    # Said once more it is one task; and when dosing stops after the first after all, none.
    stop_dosing(actor=dov, course_id=course.public_id, after_cycle=2, reason="two do it", now=at + HOUR)
    assert to_book(course) == [task]
    stopped(cast, course, at=at + 2 * HOUR)
    task.refresh_from_db()
    assert task.done_at is not None


def test_when_a_later_decision_on_dosing_leaves_the_one_before_it_cancels_what_was_booked_since(
    cast: Cast,
) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    stopped(cast, course, at=at)
    dov = cast.actor("dov", at=at + HOUR)
    later = stop_dosing(
        actor=dov, course_id=course.public_id, after_cycle=2, reason="two do it", now=at + HOUR
    )
    anew = book_session(
        actor=cast.actor("ada", at=at + HOUR),
        course_id=course.public_id,
        key="dosing.2",
        starts_at=START + days(57),
        people=[cast.id("ada")],
        room_id=cast.rooms["blue"].public_id,
        confirmed=frozenset({"outside-window"}),
        now=at + HOUR,
    )
    taken_back(cast, later, at=at + 2 * HOUR, by="dov")
    anew.refresh_from_db()
    booking.refresh_from_db()
    assert (anew.status, booking.status) == ("cancelled", "cancelled")
    assert not ResourceUse.objects.filter(booking=anew, live=True).exists()
    assert [one.done_at is None for one in to_book(course)] == [False]
    # And without the first decision as well, nothing had stopped: the visit that was booked last is back.
    taken_back(cast, the_act(course, "dosing_stopped"), at=at + 2 * HOUR, by="dov")
    anew.refresh_from_db()
    booking.refresh_from_db()
    assert (anew.status, booking.status) == ("booked", "cancelled")
    assert verify_requirements(now=at + 2 * HOUR, all_courses=True).differences == ()


def test_a_stop_in_error_of_a_course_that_has_ended_gives_its_visits_back_with_the_end(cast: Cast) -> None:
    course, booking = second_dosing(cast)
    at = START + days(31)
    fact = stopped(cast, course, at=at)
    ends(cast, course, "withdraw", at=at + HOUR)
    taken_back(cast, fact, at=at + 2 * HOUR, by="dov")
    booking.refresh_from_db()
    assert booking.status == "cancelled" and to_book(course) == []
    taken_back(cast, the_act(course, "course_ended"), at=at + 3 * HOUR)
    booking.refresh_from_db()
    assert booking.status == "booked"


def test_a_death_recorded_in_error_brings_back_what_an_earlier_course_of_the_patient_asks(cast: Cast) -> None:
    earlier = enrol(cast, email="p-001@example.org")
    hold_dosing(cast, earlier)
    at = START + days(30)
    stop_dosing(
        actor=cast.actor("dov", at=at), course_id=earlier.public_id, after_cycle=1, reason="well", now=at
    )
    over = START + days(28 + 63)
    assess(cast, earlier, now=over - HOUR, key="caps5.primary", instrument="caps5", by="independent_rater")
    complete_course(actor=cast.actor("carla", at=over), course_id=earlier.public_id, now=over)
    call = StaffTask.objects.create(
        clinic=cast.clinic,
        course=earlier,
        kind="call_asked",
        subject="asked",
        safety=True,
        owner=cast.people["ada"],
        opened_at=over,
        act_by=over + days(1),
    )
    before = standing(earlier, since=over)
    assert before["messages"], "it asks a year after the dose"
    assert cast.version is not None
    again = enrol_patient(
        actor=cast.actor("eve", at=over + HOUR),
        patient_id=earlier.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=over + HOUR,
        now=over + HOUR,
    )
    ends(cast, again, "death", at=over + 2 * HOUR)
    assert standing(earlier, since=over)["messages"] == [] and standing(earlier)["tasks"] == []
    taken_back(cast, the_act(again, "course_ended"), at=over + 3 * HOUR)
    after = standing(earlier, since=over)
    assert after["messages"] == before["messages"] and after["requirements"] == before["requirements"]
    assert after["look"] == before["look"]
    call.refresh_from_db()
    assert call.done_at is None and ("call_asked", "asked", cast.people["ada"].pk) in after["tasks"]
    assert standing(again)["status"] == ("enrolled", "")
    assert verify_requirements(now=over + 3 * HOUR, all_courses=True).differences == ()


def test_while_a_newer_course_of_the_same_protocol_goes_on_the_end_stays(cast: Cast) -> None:
    course = begun(cast)
    ends(cast, course, "withdraw", at=AT + HOUR)
    fact = the_act(course, "course_ended")
    carla = cast.actor("carla", at=AT + HOUR)
    mark = mark_fact(actor=carla, fact_id=fact.public_id, reason=WRONG, now=AT + HOUR)
    assert cast.version is not None
    newer = enrol_patient(
        actor=cast.actor("eve", at=AT + HOUR),
        patient_id=course.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=AT + HOUR,
        now=AT + HOUR,
    )
    ivo = cast.actor("ivo", at=AT + 2 * HOUR)
    with pytest.raises(NotNow, match="has been enrolled anew since") as refused:
        confirm_error(actor=ivo, mark_id=mark.public_id, now=AT + 2 * HOUR)
    assert "end the newer course first" in refused.value.advice
    assert FactRecord.objects.filter(pk=fact.pk).exists()
    ends(cast, newer, "withdraw", at=AT + 2 * HOUR)
    confirm_error(actor=ivo, mark_id=mark.public_id, now=AT + 3 * HOUR)
    assert standing(course)["status"] == ("active", "")


def test_nobody_confirms_the_end_they_recorded(cast: Cast) -> None:
    course = begun(cast)
    ends(cast, course, "withdraw", at=AT + HOUR)
    carla = cast.actor("carla", at=AT + HOUR)
    mark = mark_fact(
        actor=carla, fact_id=the_act(course, "course_ended").public_id, reason=WRONG, now=AT + HOUR
    )
    with pytest.raises(Forbidden):
        confirm_error(actor=carla, mark_id=mark.public_id, now=AT + HOUR)
    assert standing(course)["status"] == ("withdrawn", "withdrawn")


# --- holds ---


def test_a_hold_that_was_none_leaves_the_course_as_it_was(cast: Cast) -> None:
    course, twin = begun(cast), begun(cast, "P-002")
    put_course_on_hold(
        actor=cast.actor("carla", at=AT + HOUR), course_id=course.public_id, reason="travels", now=AT + HOUR
    )
    late = AT + days(40)
    refresh_due_courses(now=late)
    assert standing(course)["requirements"] != standing(twin)["requirements"], "sessions waited"
    taken_back(cast, the_act(course, "hold_begun"), at=late)
    ours, theirs = standing(course), standing(twin)
    assert ours["requirements"] == theirs["requirements"]
    assert (ours["status"], ours["sums"], ours["tasks"]) == (
        theirs["status"],
        theirs["sums"],
        theirs["tasks"],
    )


def test_with_a_hold_goes_the_resumption_that_ended_it_and_who_resumed_it_does_not_confirm(
    cast: Cast,
) -> None:
    course, twin = begun(cast), begun(cast, "P-002")
    carla, ivo = cast.actor("carla", at=AT + HOUR), cast.actor("ivo", at=AT + days(40))
    put_course_on_hold(actor=carla, course_id=course.public_id, reason="travels", now=AT + HOUR)
    resume_course(actor=ivo, course_id=course.public_id, now=AT + days(40))
    fact = the_act(course, "hold_begun")
    mark = mark_fact(actor=carla, fact_id=fact.public_id, reason=WRONG, now=AT + days(41))
    with pytest.raises(Forbidden):
        confirm_error(actor=ivo, mark_id=mark.public_id, now=AT + days(41))
    dov = cast.actor("dov", at=AT + days(41))
    assert marks_to_settle(ivo, now=AT + days(41))[0] == [], "nobody is asked who would be refused"
    assert [one.mark_id for one in marks_to_settle(dov, now=AT + days(41))[0]] == [mark.public_id]
    confirm_error(actor=dov, mark_id=mark.public_id, now=AT + days(41))
    assert not FactRecord.objects.filter(course=course, kind__in=["hold_begun", "hold_ended"]).exists()
    Course.objects.filter(pk=twin.pk).update(look_again_at=AT)
    refresh_due_courses(now=AT + days(41))
    assert standing(course)["requirements"] == standing(twin)["requirements"]
    assert standing(course)["status"] == ("active", "")


def test_a_course_resumed_by_mistake_is_on_hold_since_it_was_put_there(cast: Cast) -> None:
    course, twin = begun(cast), begun(cast, "P-002")
    for one in (course, twin):
        put_course_on_hold(
            actor=cast.actor("carla", at=AT + HOUR), course_id=one.public_id, reason="travels", now=AT + HOUR
        )
    late = AT + days(40)
    resume_course(actor=cast.actor("carla", at=late), course_id=course.public_id, now=late)
    taken_back(cast, the_act(course, "hold_ended"), at=late)
    Course.objects.filter(pk=twin.pk).update(look_again_at=AT)
    refresh_due_courses(now=late)
    assert standing(course) == standing(twin)
    assert standing(course)["status"] == ("on_hold", "")


def test_a_hold_of_a_course_that_has_ended_since_leaves_it_ended(cast: Cast) -> None:
    course = begun(cast)
    carla = cast.actor("carla", at=AT + HOUR)
    put_course_on_hold(actor=carla, course_id=course.public_id, reason="travels", now=AT + HOUR)
    ends(cast, course, "withdraw", at=AT + 2 * HOUR)
    taken_back(cast, the_act(course, "hold_begun"), at=AT + 3 * HOUR)
    assert standing(course)["status"] == ("withdrawn", "withdrawn")
    taken_back(cast, the_act(course, "course_ended"), at=AT + 3 * HOUR)
    assert standing(course)["status"] == ("active", "")


# --- the database, the pages, the API ---


def test_no_sql_opens_a_course_again_nor_a_visit_unless_two_people_said_so(cast: Cast) -> None:
    course = begun(cast)
    booking = booked(cast, course)
    ends(cast, course, "withdraw", at=AT + HOUR)
    for statement, pk in (
        ("UPDATE therapy_sessions_course SET status = 'active' WHERE id = %s", course.pk),
        ("UPDATE therapy_sessions_sessionbooking SET status = 'booked' WHERE id = %s", booking.pk),
    ):
        with (
            pytest.raises(DatabaseError, match="goes back only when the act"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, [pk])
    put_aside = begun(cast, "P-002")
    put_course_on_hold(
        actor=cast.actor("carla", at=AT), course_id=put_aside.public_id, reason="travels", now=AT
    )
    with (
        pytest.raises(DatabaseError, match="goes back only when the act"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE therapy_sessions_course SET status = 'enrolled' WHERE id = %s", [put_aside.pk])


def test_by_the_pages_an_end_is_marked_from_the_chart_and_confirmed_from_today(
    cast: Cast, client: Client
) -> None:
    course = begun(cast)
    ends(cast, course, "withdraw", at=AT + HOUR)
    fact = the_act(course, "course_ended")
    set_clock(AT + 2 * HOUR)
    link = reverse("sessions:fact_error", args=["alder", fact.public_id])
    own = reverse("sessions:chart", args=["alder", course.public_id])
    client.force_login(cast.people["carla"])
    page = client.get(own).content.decode()
    assert link in page and "moves away" in page
    client.force_login(cast.people["ada"])
    assert link in client.get(own).content.decode(), "a colleague who sees the mistake finds whom to tell"
    client.force_login(cast.people["carla"])
    assert client.post(link, {"reason": WRONG}).status_code == 302
    mark = ErrorMark.objects.get()
    settling = reverse("sessions:error_mark", args=["alder", mark.public_id])
    client.force_login(cast.people["ivo"])
    assert settling in client.get(reverse("sessions:today", args=["alder"])).content.decode()
    assert "moves away" in client.get(settling).content.decode()
    assert client.post(settling, {"verdict": "confirm"}).status_code == 302
    page = client.get(own).content.decode()
    assert link not in page and "moves away" not in page
    assert (
        "moves away"
        in client.get(reverse("sessions:audit", args=["alder", course.public_id])).content.decode()
    )
    copy = client.get(reverse("sessions:certified_copy", args=["alder", course.public_id])).json()
    [kept] = [one for one in copy["content"]["facts"] if one["id"] == str(fact.public_id)]
    assert kept["entered_in_error"]["confirmed_by"] == "Ivo Ivy"


def test_it_is_in_no_view_list_or_export_and_in_the_audit(cast: Cast) -> None:
    course = begun(cast)
    ends(cast, course, "withdraw", at=AT + HOUR)
    at = AT + 2 * HOUR
    taken_back(cast, the_act(course, "course_ended"), at=at)
    carla = cast.actor("carla", at=at)
    assert not chart(carla, course.public_id, now=at).facts.get("course_ended")
    assert [row.status for row in patients(carla)[0]] == ["active"]
    _course, [kept] = audit(carla, course.public_id, now=at)
    assert [row.kind for row in kept.facts] == ["course_ended"]
    set_clock(at)
    told = calls(cast, "carla").get("chart", course=course.public_id).json()["course"]
    assert (told["status"], told["end_reason"]) == ("active", "")


def test_nobody_is_offered_to_take_an_act_back_as_a_move(cast: Cast) -> None:
    course = begun(cast)
    put_course_on_hold(actor=cast.actor("carla", at=AT), course_id=course.public_id, reason="travels", now=AT)
    seen = chart(cast.actor("carla", at=AT), course.public_id, now=AT)
    assert seen.course_actions == ("resume", "withdraw", "discontinue")
    set_clock(AT)
    shown = calls(cast, "carla").get("chart", course=course.public_id).json()
    assert shown["actions"] == ["resume", "withdraw", "discontinue"]


def test_by_the_api_an_end_is_marked_and_confirmed(cast: Cast) -> None:
    course = begun(cast)
    ends(cast, course, "death", at=AT + HOUR)
    set_clock(AT + 2 * HOUR)
    fact = the_act(course, "course_ended")
    made = calls(cast, "carla").post("mark_fact", {"id": new_id(), "reason": WRONG}, fact=fact.public_id)
    assert made.status_code == 201
    answer = calls(cast, "ivo").post("confirm_error", {}, mark=made.json()["mark"]["id"])
    assert answer.status_code == 200
    assert standing(course)["status"] == ("active", "")
