"""Two people at one task, one deviation, one patient, in real threads on committed rows: one wins, the other
is told who did, and nobody waits for ever."""

from __future__ import annotations

from datetime import datetime

import pytest

from clinic.errors import Incomplete, NotFound, Refusal
from clinic.models import Event, Message, Room
from clinic.operations.people import add_room
from sessions.models import (
    ContactDetails,
    Course,
    DeviationRecord,
    DeviationReview,
    Patient,
    StaffTask,
)
from sessions.operations.answering import stop_mail
from sessions.operations.contact_details import change_contact_details
from sessions.operations.enrolment import enrol_patient
from sessions.operations.finishing import finish_task, take_task
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.rendering import link_address
from sessions.operations.review import review_deviation
from sessions.operations.workflow import withdraw_patient
from tests.sessions.test_concurrency import at_once, winners
from tests.support.cast import START, Cast, days, enrol, make_cast, make_patient
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast() -> Cast:
    return make_cast()


def a_missed_call(cast: Cast) -> tuple[StaffTask, datetime]:
    """A task that Ada owns and Eve covers, and the instant it was opened."""
    course = enrol(cast)
    now = hold_dosing(cast, course) + days(2)
    refresh_due_courses(now=now)
    return StaffTask.objects.filter(course=course, kind="missed_contact").order_by("pk")[0], now


# --- a task -------------------------------------------------------------------------------------------------


def test_of_two_who_finish_a_task_one_does_and_the_other_is_told_who(cast: Cast) -> None:
    task, now = a_missed_call(cast)

    def finish(who: str) -> StaffTask:
        return finish_task(
            actor=cast.actor(who, at=now), task_id=task.public_id, resolution=f"Rang, says {who}.", now=now
        )

    results = at_once(lambda: finish("ada"), lambda: finish("eve"))
    [won] = winners(results)
    [lost] = [one for one in results if isinstance(one, Refusal)]
    assert (lost.status, lost.code) == (409, "task-done")
    assert won.done_by.printed_name in lost.message
    assert Event.objects.filter(verb="task_finished", subject_id=task.pk).count() == 1


def test_of_two_who_take_a_task_one_has_it_and_the_other_is_told_who(cast: Cast) -> None:
    task, now = a_missed_call(cast)
    seen = str(cast.id("ada"))

    def take(who: str) -> StaffTask:
        return take_task(actor=cast.actor(who, at=now), task_id=task.public_id, owner_seen=seen, now=now)

    results = at_once(lambda: take("carla"), lambda: take("dov"))
    [won] = winners(results)
    [lost] = [one for one in results if isinstance(one, Refusal)]
    task.refresh_from_db()
    assert (lost.status, lost.code) == (409, "task-taken")
    assert task.owner == won.owner
    assert won.owner.printed_name in lost.message
    assert task.cover == cast.people["ada"]


def test_a_task_taken_by_a_double_click_keeps_its_cover(cast: Cast) -> None:
    task, now = a_missed_call(cast)
    for _click in range(2):
        take_task(
            actor=cast.actor("carla", at=now),
            task_id=task.public_id,
            owner_seen=str(cast.id("ada")),
            now=now,
        )
    task.refresh_from_db()
    assert (task.owner, task.cover) == (cast.people["carla"], cast.people["ada"])
    assert Event.objects.filter(verb="task_taken", subject_id=task.pk).count() == 1


# --- a deviation --------------------------------------------------------------------------------------------


def test_of_two_who_close_a_deviation_one_does_and_the_other_may_still_add_theirs(cast: Cast) -> None:
    task, now = a_missed_call(cast)
    deviation = DeviationRecord.objects.get(course=task.course, key=task.subject)
    DeviationRecord.objects.filter(pk=deviation.pk).update(judged_important=False, important=False)
    other = make_supervisor(cast)

    def review(who: str, *, closes: bool = True) -> DeviationReview:
        return review_deviation(
            actor=cast.actor(who, at=now),
            deviation_id=deviation.public_id,
            comment=f"Seen by {who}.",
            closes=closes,
            now=now,
        )

    results = at_once(lambda: review("carla"), lambda: review(other))
    [won] = winners(results)
    [lost] = [one for one in results if isinstance(one, Refusal)]
    assert (lost.status, lost.code) == (409, "already-reviewed")
    review(other if won.reviewer == cast.people["carla"] else "carla", closes=False)
    assert DeviationReview.objects.filter(deviation=deviation).count() == 2


def make_supervisor(cast: Cast) -> str:
    from clinic.permissions import Role
    from tests.support.cast import make_person

    cast.people["hana"] = make_person(cast.clinic, "Hana Hazel", Role.SUPERVISOR)
    return "hana"


# --- a patient ----------------------------------------------------------------------------------------------


def test_stop_and_a_change_of_address_at_once_never_wait_for_each_other_for_ever(cast: Cast) -> None:
    first = enrol(cast)
    withdraw_patient(
        actor=cast.actor("carla"), course_id=first.public_id, reason="starts again later", now=START
    )
    assert cast.version is not None
    second = enrol_patient(
        actor=cast.actor("eve"),
        patient_id=first.patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=START,
        now=START,
    )
    at = hold_dosing(cast, second)
    message = Message.objects.filter(course_id=second.pk).earliest("pk")
    token = link_address(message=message, course=second).rstrip("/").rsplit("/", 1)[-1]
    details = ContactDetails.objects.filter(patient_id=first.patient_id)

    def stop() -> None:
        stop_mail(token=token, now=at)

    def change() -> object:
        return change_contact_details(
            actor=cast.actor("eve", at=at),
            patient_id=first.patient.public_id,
            email="new@example.org",
            phone="555-0222",
            email_allowed=True,
            now=at,
        )

    def look() -> object:
        Course.objects.filter(pk=second.pk).update(look_again_at=at)
        return refresh_due_courses(now=at)

    for _round in range(5):
        details.update(email_stopped_at=None, email="old@example.org")
        results = at_once(stop, change, look, stop, change)  # a deadlock would raise OperationalError
        for result in results:
            assert not isinstance(result, Refusal) or isinstance(result, Incomplete), repr(result)
        assert details.get().email_stopped_at == at, "whoever came first, the patient's stop stands"
        assert not Message.objects.filter(course_id__in=[first.pk, second.pk]).exists()


def test_of_two_registrations_with_one_code_one_is_made_and_the_other_names_the_field(cast: Cast) -> None:
    results = at_once(*[lambda: make_patient(cast, "P-777")] * 4)
    assert Patient.objects.filter(code="P-777").count() == 1
    refused = [one for one in results if isinstance(one, Refusal)]
    assert len(refused) == 3 and all("code" in one.fields for one in refused)


def test_of_two_rooms_of_one_name_one_is_made(cast: Cast) -> None:
    results = at_once(
        *[lambda: add_room(actor=cast.actor("finn"), name="Red room", reason="agreed", now=START)] * 3
    )
    assert len(winners(results)) == 1
    assert Room.objects.filter(name="Red room").count() == 1


def test_a_task_of_another_clinic_is_not_there(cast: Cast) -> None:
    task, now = a_missed_call(cast)
    stranger = make_cast("birch").actor("carla", at=now)
    with pytest.raises(NotFound):
        take_task(actor=stranger, task_id=task.public_id, now=now)
    with pytest.raises(NotFound):
        finish_task(actor=stranger, task_id=task.public_id, resolution="Done.", now=now)
    task.refresh_from_db()
    assert task.done_at is None and task.owner == cast.people["ada"]
