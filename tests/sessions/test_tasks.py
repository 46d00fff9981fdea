"""Whose a task is: always somebody who works here today and can open it, told by mail with a link that leads
there."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from email.utils import parsedate_to_datetime

import pytest
from django.core import mail
from django.test import Client

from clinic import clock, outbox
from clinic.errors import BadInput, Forbidden, NotNow
from clinic.models import Membership, Message, Person
from clinic.operations.clinics import change_clinic
from clinic.operations.clock import move_clock
from clinic.operations.people import change_membership
from clinic.permissions import Permission, Role, allows
from protocols.queries import definition_of
from sessions.models import CareTeamMember, Course, StaffTask
from sessions.models.courses import TeamRole
from sessions.models.tasks import TaskKind
from sessions.operations.booking import book_session
from sessions.operations.enrolment import change_care_team
from sessions.operations.finishing import finish_task
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.tasks import open_task
from sessions.permissions import subject_of
from tests.support.cast import PASSWORD, START, Cast, acts, days, enrol, make_cast, make_person
from tests.support.dosed import hold_dosing

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def opened(course: Course, *, subject: str = "contact.daily@dosing.1#1", now: datetime = START) -> StaffTask:
    task = open_task(
        course=course, kind=TaskKind.MISSED_CONTACT, subject=subject, act_by=now + timedelta(hours=1), now=now
    )
    assert task is not None
    return task


def leaves(cast: Cast, *names: str, on: datetime = START) -> None:
    """Their last day was yesterday."""
    last = on.astimezone(cast.clinic.zone_info).date() - timedelta(days=1)
    Membership.objects.filter(person__in=[cast.people[name] for name in names]).update(until_on=last)


def look(course: Course, now: datetime) -> None:
    Course.objects.filter(pk=course.pk).update(look_again_at=now)
    assert refresh_due_courses(now=now).failed == 0


def can_open(cast: Cast, person: Person | None, course: Course, *, at: datetime = START) -> bool:
    assert person is not None
    today = at.astimezone(cast.clinic.zone_info).date()
    works = Membership.objects.get(person=person, clinic=cast.clinic).active_on(today)
    return works and allows(acts(person, cast.clinic), Permission.VIEW_TASKS, subject_of(course))


# --- who owns it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gone", "owner", "cover"),
    [
        pytest.param((), "ada", "eve", id="everybody is here"),
        pytest.param(("ada",), "ben", "eve", id="the lead has left: the co-therapist"),
        pytest.param(("ada", "ben"), "eve", "carla", id="no therapist of the team: the coordinator"),
        pytest.param(("eve",), "ada", "carla", id="no coordinator: the supervisor covers"),
        pytest.param(("ada", "ben", "eve", "carla"), "dov", None, id="the last one there"),
    ],
)
def test_a_task_is_owned_and_covered_by_people_who_work_here_and_can_open_it(
    cast: Cast, course: Course, gone: tuple[str, ...], owner: str, cover: str | None
) -> None:
    leaves(cast, *gone)
    task = opened(course)
    assert task.owner == cast.people[owner]
    assert task.cover == (cast.people[cover] if cover else None)
    for person in (task.owner, task.cover):
        assert person is None or can_open(cast, person, course)
    assert cast.people["gil"] not in (task.owner, task.cover), (
        "a therapist who looks after nobody finds a 404"
    )


def test_a_deactivated_person_owns_nothing(cast: Cast, course: Course) -> None:
    Person.objects.filter(pk=cast.people["ada"].pk).update(is_active=False)
    assert opened(course).owner == cast.people["ben"]


def test_a_colleague_of_another_clinic_never_owns_a_task_here(cast: Cast, course: Course) -> None:
    leaves(cast, "ada", "ben", "carla", "dov", "eve", "gil")
    make_cast("birch")
    task = opened(course)
    assert (task.owner, task.cover) == (None, None)


def test_tasks_of_who_leaves_the_care_team_go_to_who_takes_their_place(cast: Cast, course: Course) -> None:
    task = opened(course)
    change_care_team(
        actor=cast.actor("carla"),
        course_id=course.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=START + timedelta(minutes=1),
    )
    task.refresh_from_db()
    assert (task.owner, task.cover) == (cast.people["gil"], cast.people["eve"])
    outbox.send_due_messages(now=START + timedelta(minutes=2))
    told = {one.to[0] for one in mail.outbox if one.subject == "A task waits for you"}
    assert told == {"gil@example.org", "eve@example.org"}, "whoever it is not any more is not told"


def test_tasks_of_who_leaves_the_clinic_are_handed_on_by_the_loop(cast: Cast, course: Course) -> None:
    task = opened(course)
    last = START.astimezone(cast.clinic.zone_info).date()
    ada = Membership.objects.get(person=cast.people["ada"])
    change_membership(
        actor=cast.actor("finn"),
        membership_id=ada.pk,
        roles=[Role.THERAPIST],
        from_on=ada.from_on,
        until_on=last,
        reason="agreed",
        now=START,
    )
    look(course, START)
    task.refresh_from_db()
    assert task.owner == cast.people["ada"], "it is her last day, and she is here"
    woken = Course.objects.get(pk=course.pk).look_again_at
    assert woken is not None and woken <= START + days(1)
    refresh_due_courses(now=woken)
    task.refresh_from_db()
    assert task.owner == cast.people["eve"] and task.cover is not None
    assert task.cover != task.owner and can_open(cast, task.cover, course, at=woken)


def test_looking_again_at_open_tasks_changes_nothing(cast: Cast, course: Course) -> None:
    task = opened(course)
    for minutes in (1, 2, 3):
        look(course, START + timedelta(minutes=minutes))
    before = (task.owner_id, task.cover_id, task.opened_at)
    task.refresh_from_db()
    assert (task.owner_id, task.cover_id, task.opened_at) == before


def test_a_place_of_the_care_team_is_only_for_who_holds_its_role(cast: Cast, course: Course) -> None:
    for place, name in (
        (TeamRole.LEAD_THERAPIST, "eve"),
        (TeamRole.CO_THERAPIST, "finn"),
        (TeamRole.PRESCRIBER, "ada"),
        (TeamRole.SUPERVISOR, "gil"),
    ):
        with pytest.raises(BadInput) as refusal:
            change_care_team(
                actor=cast.actor("carla"),
                course_id=course.public_id,
                team_role=place,
                person_id=cast.id(name),
                reason="agreed",
                now=START,
            )
        assert list(refusal.value.fields) == [place.value]
    assert CareTeamMember.objects.filter(course=course, until_at__isnull=False).count() == 0


def test_a_finished_task_is_not_finished_again(cast: Cast, course: Course) -> None:
    task = opened(course)
    ada = cast.actor("ada")
    finish_task(actor=ada, task_id=task.public_id, resolution="Rang.", now=START)
    with pytest.raises(NotNow, match="Ada Alder"):
        finish_task(actor=cast.actor("eve"), task_id=task.public_id, resolution="Rang too.", now=START)


def test_a_clinic_that_sets_its_own_answer_hour_is_heeded_at_once(cast: Cast, course: Course) -> None:
    """The hour is set at noon, on a day whose next look lay at two, the protocol's hour."""
    hold_dosing(cast, course)
    message = Message.objects.get(course_id=course.pk, purpose="check_in")
    outbox.send_due_messages(now=message.send_at)
    noon = message.send_at + timedelta(hours=3)
    refresh_due_courses(now=noon)
    chosen = time(12, 30)
    change_clinic(actor=cast.actor("finn"), settings={"answer_by": chosen}, reason="agreed", now=noon)
    refresh_due_courses(now=noon)
    assert Course.objects.get(pk=course.pk).look_again_at == noon + timedelta(minutes=30)
    refresh_due_courses(now=noon + timedelta(minutes=30))
    assert StaffTask.objects.get(course=course, kind="no_answer").opened_at == noon + timedelta(minutes=30)


def test_a_clinic_without_an_hour_of_its_own_keeps_the_protocols(cast: Cast, course: Course) -> None:
    hold_dosing(cast, course)
    assert cast.clinic.answer_by is None
    message = Message.objects.get(course_id=course.pk, purpose="check_in")
    outbox.send_due_messages(now=message.send_at)
    answer = next(one for one in definition_of(course.protocol_version_id).answers if one.rule == "check_in")
    day = message.send_at.astimezone(cast.clinic.zone_info).date()
    hour = datetime.combine(day, answer.answer_by.value, tzinfo=cast.clinic.zone_info)
    look(course, hour - timedelta(seconds=1))
    assert not StaffTask.objects.filter(course=course, kind="no_answer").exists()
    look(course, hour)
    assert StaffTask.objects.get(course=course, kind="no_answer").opened_at == hour


def test_only_an_administrator_sets_the_clinics_hour(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        change_clinic(actor=cast.actor("carla"), settings={"answer_by": time(9)}, reason="agreed", now=START)
    with pytest.raises(BadInput) as refusal:
        change_clinic(
            actor=cast.actor("finn"), settings={"crisis_lines": ["call us"]}, reason="agreed", now=START
        )
    assert list(refusal.value.fields) == ["crisis_lines"]
    with pytest.raises(BadInput, match="cannot be read"):
        change_clinic(actor=cast.actor("finn"), settings={"zone": "Asia/Tokyo"}, reason="agreed", now=START)


# --- who is booked ------------------------------------------------------------------------------------------


def test_nobody_is_booked_for_a_day_on_which_they_no_longer_work_here(cast: Cast, course: Course) -> None:
    day = START + days(7)
    Membership.objects.filter(person=cast.people["ben"]).update(until_on=(day - days(1)).date())

    def book(at: datetime) -> None:
        book_session(
            actor=cast.actor("eve"),
            course_id=course.public_id,
            key="preparation.1",
            starts_at=at,
            people=[cast.id("ada"), cast.id("ben")],
            confirmed=frozenset({"outside-window"}),
            now=START,
        )

    with pytest.raises(BadInput) as refusal:
        book(day)
    [words] = refusal.value.fields["people"]
    assert "Ben Birch" in words and "Ada" not in words
    book(day - days(1))


def test_nobody_is_booked_before_their_first_day_or_once_deactivated(cast: Cast, course: Course) -> None:
    new = make_person(cast.clinic, "Ivo Iris", Role.THERAPIST)
    day = START + days(7)

    def book() -> None:
        book_session(
            actor=cast.actor("eve"),
            course_id=course.public_id,
            key="preparation.1",
            starts_at=day,
            people=[new.public_id],
            confirmed=frozenset({"outside-window"}),
            now=START,
        )

    Membership.objects.filter(person=new).update(from_on=(day + days(1)).date())
    with pytest.raises(BadInput, match="Ivo Iris"):
        book()
    Membership.objects.filter(person=new).update(from_on=day.date())
    Person.objects.filter(pk=new.pk).update(is_active=False)
    with pytest.raises(BadInput, match="Ivo Iris"):
        book()


# --- the mail about it --------------------------------------------------------------------------------------


def test_the_mailed_link_opens_the_task_for_its_owner_and_its_cover_after_sign_in(client: Client) -> None:
    now = clock.now()
    cast = make_cast(now=now)
    course = enrol(cast, now=now)
    task = opened(course, now=now)
    outbox.send_due_messages(now=now)
    mails = {one.to[0]: one for one in mail.outbox}
    assert set(mails) == {"ada@example.org", "eve@example.org"}
    for address, one in mails.items():
        assert "P-001" not in one.body and "Example" not in one.body, "it says nothing about anybody"
        found = re.search(r"https?://[^/\s]+(/\S+)", str(one.body))
        assert found is not None
        client.logout()
        asked = client.get(found[1])
        assert asked.status_code == 302
        signed_in = client.post(asked["Location"], {"login": address, "password": PASSWORD}, follow=True)
        assert signed_in.status_code == 200
        assert signed_in.redirect_chain[-1][0] == found[1]
        assert str(task.public_id) in signed_in.content.decode()
    client.logout()
    client.force_login(cast.people["gil"])
    assert client.get(f"/c/{cast.clinic.slug}/tasks/{task.public_id}/").status_code == 404


def test_a_mail_is_dated_by_the_clinics_clock_also_when_it_was_moved() -> None:
    move_clock(by=days(30))
    now = clock.now()
    cast = make_cast(now=now)
    opened(enrol(cast, now=now), now=now)
    outbox.send_due_messages(now=now)
    for one in mail.outbox:
        dated = parsedate_to_datetime(str(one.message()["Date"]))
        assert abs(dated - now) < timedelta(minutes=1)
    assert mail.outbox
