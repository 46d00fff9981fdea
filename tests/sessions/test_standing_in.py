"""Who is away, who has their patients, calls and safety tasks meanwhile, and to whom all of it goes back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError

from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Absence, ChangeReason, Event, Handover, Membership
from clinic.operations.absences import (
    end_absence,
    hand_over,
    name_deputy,
    record_absence,
    release_deputy,
    take_back,
)
from clinic.permissions import Permission, Role, allows
from clinic.rules.wall_time import start_of_day
from sessions.models import Course, StaffTask
from sessions.models.courses import CourseStatus, TeamRole
from sessions.models.tasks import TaskKind
from sessions.operations.enrolment import change_care_team
from sessions.operations.finishing import finish_task, take_task
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.tasks import open_task
from sessions.permissions import subject_of
from sessions.queries import courses as course_queries
from sessions.queries.fidelity_raters import those_who_know
from sessions.queries.history import history_of
from sessions.queries.tasks import tasks as task_list
from sessions.queries.today import today
from tests.support.cast import START, Cast, days, enrol, make_cast, make_person

pytestmark = pytest.mark.django_db

FIRST, LAST = date(2027, 3, 8), date(2027, 3, 14)  # the clocks in New York go forward on the last


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def midnight(cast: Cast, day: date) -> datetime:
    return start_of_day(day, cast.clinic.zone_info)


def handed(cast: Cast, who: str = "ada", to: str = "gil", **changed: Any) -> Handover:
    by = changed.pop("by", who)
    return hand_over(
        actor=cast.actor(by),
        now=START,
        **{
            "giver_id": cast.id(who),
            "taker_id": cast.id(to),
            "from_on": FIRST,
            "until_on": LAST,
            "reason": "agreed",
            **changed,
        },
    )


def away(cast: Cast, who: str = "ada", **changed: Any) -> Absence:
    by = changed.pop("by", who)
    return record_absence(
        actor=cast.actor(by),
        now=START,
        **{"person_id": cast.id(who), "from_on": FIRST, "until_on": LAST, "reason": "agreed", **changed},
    )


def opened(
    course: Course, *, at: datetime = START, kind: TaskKind = TaskKind.CALL_ASKED, safety: bool = False
) -> StaffTask:
    task = open_task(
        course=course,
        kind=kind,
        subject=f"{kind}:{uuid7()}",
        act_by=at + timedelta(hours=1),
        now=at,
        safety=safety,
    )
    assert task is not None
    return task


def tick(at: datetime) -> None:
    assert refresh_due_courses(now=at).failed == 0


def held_by(task: StaffTask) -> tuple[str, str]:
    """First names of owner and cover."""
    task.refresh_from_db()
    return tuple(  # type: ignore[return-value]  # two of them
        person.printed_name.split()[0].lower() if person else "" for person in (task.owner, task.cover)
    )


# --- access -------------------------------------------------------------------------------------------------


def test_the_colleague_sees_the_caseload_from_the_first_midnight_to_the_last(
    cast: Cast, course: Course
) -> None:
    handed(cast)
    starts, ends = midnight(cast, FIRST), midnight(cast, LAST + timedelta(days=1))
    assert ends - starts == timedelta(days=7) - timedelta(hours=1), "the clinic's days, not 24 hours each"
    instant = timedelta(microseconds=1)
    for at, sees in ((starts - instant, False), (starts, True), (ends - instant, True), (ends, False)):
        gil = cast.actor("gil", at=at)
        assert allows(gil, Permission.VIEW_CHART, subject_of(course)) is sees
        assert allows(gil, Permission.WRITE_NOTE, subject_of(course)) is sees
        assert list(course_queries.courses_for(gil, Permission.VIEW_CHART)) == ([course] if sees else [])
        rows, _next = course_queries.patients(gil, mine=True)
        assert [row.course_id for row in rows] == ([course.public_id] if sees else [])
        assert allows(cast.actor("ada", at=at), Permission.VIEW_CHART, subject_of(course)), "Ada keeps hers"


def test_a_patient_taken_in_meanwhile_is_the_colleague_s_too_and_nobody_else_s(cast: Cast) -> None:
    handed(cast)
    later = midnight(cast, FIRST) + days(1)
    new = enrol(cast, "P-009", now=START)
    other = enrol(cast, "P-010", now=START)
    for place, name in ((TeamRole.LEAD_THERAPIST, "ben"), (TeamRole.CO_THERAPIST, "ben")):
        change_care_team(
            actor=cast.actor("carla"),
            course_id=other.public_id,
            team_role=place,
            person_id=cast.id(name),
            reason="agreed",
            now=START,
        )
    gil = cast.actor("gil", at=later)
    assert [one.pk for one in course_queries.courses_for(gil, Permission.VIEW_CHART)] == [new.pk]


def test_a_handover_in_one_clinic_opens_nothing_in_another(cast: Cast, course: Course) -> None:
    other = make_cast("birch")
    theirs = enrol(other, "P-001")
    handed(cast)
    gil = other.actor("gil", at=midnight(cast, FIRST) + days(1))
    assert gil.stands_in_for == frozenset()
    assert list(course_queries.courses_for(gil)) == []
    assert not allows(cast.actor("gil", at=gil.at), Permission.VIEW_CHART, subject_of(theirs))


def test_who_stood_in_knows_the_patient_and_rates_and_hears_nothing_of_them(
    cast: Cast, course: Course
) -> None:
    gil = cast.people["gil"]
    assert gil.pk not in those_who_know(course)
    handed(cast)
    assert gil.pk in those_who_know(course)
    assert gil.pk in dict(history_of(course).setting.care_team)
    at = midnight(cast, FIRST)
    assert not allows(cast.actor("gil", at=at), Permission.HANDLE_CONCERN, subject_of(course))


# --- work ---------------------------------------------------------------------------------------------------


def test_open_and_new_tasks_go_to_the_colleague_and_back_at_the_end(cast: Cast, course: Course) -> None:
    before = opened(course)
    safety = opened(course, kind=TaskKind.WORRYING_ANSWER, safety=True)
    handed(cast)
    tick(START)
    assert held_by(before) == ("ada", "eve"), "not before the first day"
    starts = midnight(cast, FIRST)
    tick(starts)
    assert held_by(before) == held_by(safety) == ("gil", "eve")
    new = opened(course, at=starts + days(2))
    assert held_by(new) == ("gil", "eve")
    assert new.owner_for == cast.people["ada"]
    finish_task(
        actor=cast.actor("gil", at=starts + days(3)),
        task_id=before.public_id,
        resolution="Rang.",
        now=starts + days(3),
    )
    tick(midnight(cast, LAST + timedelta(days=1)) - timedelta(seconds=1))
    assert held_by(new) == ("gil", "eve")
    tick(midnight(cast, LAST + timedelta(days=1)))
    assert held_by(new) == held_by(safety) == ("ada", "eve")
    assert new.owner_for_id is None
    before.refresh_from_db()
    assert before.done_by == cast.people["gil"], "what he did stays his"


def test_an_ended_course_s_tasks_change_hands_by_the_clock_too(cast: Cast, course: Course) -> None:
    task = opened(course)
    Course.objects.filter(pk=course.pk).update(status=CourseStatus.ACTIVE)
    Course.objects.filter(pk=course.pk).update(status=CourseStatus.WITHDRAWN)
    handed(cast)
    tick(START)
    woken = Course.objects.get(pk=course.pk).look_again_at
    assert woken is not None and woken <= midnight(cast, FIRST)
    tick(midnight(cast, FIRST))
    assert held_by(task)[0] == "gil"
    looks = 0
    while (at := Course.objects.get(pk=course.pk).look_again_at) and held_by(task)[0] == "gil":
        tick(at)
        looks += 1
    assert held_by(task)[0] == "ada" and at is not None and looks > 0
    assert StaffTask.objects.get(pk=task.pk).owner_for_id is None


@pytest.mark.parametrize(
    ("part", "call", "safety", "other"),
    [
        ("calls", "gil", "ada", "ada"),
        ("safety_tasks", "ada", "gil", "ada"),
        ("caseload", "ada", "ada", "gil"),
    ],
)
def test_only_what_was_named_is_handed_over(
    cast: Cast, course: Course, part: str, call: str, safety: str, other: str
) -> None:
    parts: dict[str, Any] = {name: name == part for name in ("caseload", "calls", "safety_tasks")}
    handed(cast, **parts)
    at = midnight(cast, FIRST)
    tick(at)
    assert held_by(opened(course, at=at, kind=TaskKind.CALL_ASKED))[0] == call
    assert held_by(opened(course, at=at, kind=TaskKind.WORRYING_ANSWER, safety=True))[0] == safety
    assert held_by(opened(course, at=at, kind=TaskKind.WORRYING_ANSWER))[0] == other


def test_calls_and_the_rest_may_go_to_two_colleagues(cast: Cast, course: Course) -> None:
    handed(cast, calls=True, caseload=False, safety_tasks=False)
    handed(cast, to="ben", calls=False)
    at = midnight(cast, FIRST)
    assert held_by(opened(course, at=at))[0] == "gil"
    assert held_by(opened(course, at=at, kind=TaskKind.WORRYING_ANSWER, safety=True))[0] == "ben"


def test_a_handover_taken_back_ends_at_once(cast: Cast, course: Course) -> None:
    task = opened(course)
    handover = handed(cast, from_on=START.date())
    tick(START)
    assert held_by(task)[0] == "gil"
    later = START + timedelta(hours=2)
    for _twice in range(2):
        take_back(
            actor=cast.actor("ada", at=later), handover_id=handover.public_id, reason="agreed", now=later
        )
    tick(later)
    assert held_by(task)[0] == "ada"
    assert not allows(cast.actor("gil", at=later), Permission.VIEW_CHART, subject_of(course))
    assert Event.objects.filter(verb="work_taken_back").count() == 1


def test_one_taken_back_before_it_begins_never_opens_anything(cast: Cast, course: Course) -> None:
    handover = handed(cast)
    take_back(actor=cast.actor("ada"), handover_id=handover.public_id, reason="agreed", now=START)
    assert cast.actor("gil", at=midnight(cast, FIRST)).stands_in_for == frozenset()
    assert handed(cast, to="ben").pk != handover.pk, "the days are free again"


def test_a_task_taken_on_purpose_stays_where_it_is(cast: Cast, course: Course) -> None:
    task = opened(course)
    handed(cast)
    at = midnight(cast, FIRST)
    tick(at)
    take_task(actor=cast.actor("carla", at=at), task_id=task.public_id, now=at)
    tick(midnight(cast, LAST + timedelta(days=1)))
    assert held_by(task) == ("carla", "gil") or held_by(task)[0] == "carla"


# --- nobody -------------------------------------------------------------------------------------------------


def test_work_of_who_is_away_without_a_stand_in_falls_to_the_coordinator_visibly_and_goes_back(
    cast: Cast, course: Course
) -> None:
    task = opened(course)
    for who in ("ada", "ben"):
        away(cast, who)
    starts = midnight(cast, FIRST)
    tick(starts)
    assert held_by(task)[0] == "eve"
    assert task.unowned_since == starts
    new = opened(course, at=starts + timedelta(hours=1))
    assert held_by(new)[0] == "eve" and new.unowned_since == starts + timedelta(hours=1)
    [row] = [
        row for row in task_list(cast.actor("eve", at=starts), now=starts) if row.task_id == task.public_id
    ]
    assert row.unowned_since == starts and row.owner_for == "Ada Alder"
    tick(midnight(cast, LAST + timedelta(days=1)))
    assert held_by(task) == held_by(new) == ("ada", "eve")
    assert [task.unowned_since, new.unowned_since] == [None, None]


def test_who_is_away_with_a_co_therapist_there_is_followed_by_them(cast: Cast, course: Course) -> None:
    task = opened(course)
    away(cast)
    tick(midnight(cast, FIRST))
    assert held_by(task)[0] == "ben" and task.unowned_since is None
    tick(midnight(cast, LAST + timedelta(days=1)))
    assert held_by(task)[0] == "ada"


def test_what_had_fallen_to_the_coordinator_goes_to_who_takes_the_place(cast: Cast, course: Course) -> None:
    Membership.objects.filter(person__in=[cast.people["ada"], cast.people["ben"]]).update(
        until_on=START.date() - timedelta(days=1)
    )
    task = opened(course)
    assert held_by(task)[0] == "eve" and task.unowned_since == START
    change_care_team(
        actor=cast.actor("carla"),
        course_id=course.public_id,
        team_role=TeamRole.LEAD_THERAPIST,
        person_id=cast.id("gil"),
        reason="agreed",
        now=START,
    )
    assert held_by(task)[0] == "gil" and task.unowned_since is None


def test_an_absence_with_a_stand_in_hands_everything_over(cast: Cast, course: Course) -> None:
    away(cast, stand_in=cast.id("gil"), reason="A week off.")
    handover = Handover.objects.get()
    assert (handover.caseload, handover.calls, handover.safety_tasks) == (True, True, True)
    assert (handover.from_on, handover.until_on) == (FIRST, LAST)
    assert held_by(opened(course, at=midnight(cast, FIRST)))[0] == "gil"
    assert ChangeReason.objects.get(event__verb="absence_recorded").text == "A week off."


def test_who_is_back_early_has_their_work_again(cast: Cast, course: Course) -> None:
    absence = away(cast)
    at = midnight(cast, FIRST) + days(1)
    tick(at)
    task = opened(course, at=at)
    assert held_by(task)[0] == "ben"
    end_absence(actor=cast.actor("ada", at=at), absence_id=absence.public_id, reason="agreed", now=at)
    tick(at)
    assert held_by(task)[0] == "ada"


def test_looking_again_while_somebody_stands_in_writes_nothing(cast: Cast, course: Course) -> None:
    opened(course)
    away(cast)
    at = midnight(cast, FIRST)
    tick(at)
    events = Event.objects.count()
    for minutes in (1, 2):
        Course.objects.update(look_again_at=at)
        tick(at + timedelta(minutes=minutes))
    assert Event.objects.count() == events


# --- who may, and what is refused ---------------------------------------------------------------------------


def test_a_therapist_hands_over_their_own_and_nobody_else_s(cast: Cast) -> None:
    with pytest.raises(Forbidden):
        handed(cast, by="gil")
    with pytest.raises(Forbidden):
        away(cast, by="gil")
    for by in ("carla", "eve"):
        handed(cast, by=by, from_on=LAST, until_on=LAST)
        take_back(
            actor=cast.actor(by),
            handover_id=Handover.objects.latest("pk").public_id,
            reason="agreed",
            now=START,
        )
    handover = handed(cast)
    with pytest.raises(Forbidden):
        take_back(actor=cast.actor("gil"), handover_id=handover.public_id, reason="agreed", now=START)


def test_nobody_hands_over_in_another_clinic(cast: Cast) -> None:
    other = make_cast("birch")
    Membership.objects.filter(clinic=cast.clinic, person=other.people["carla"]).delete()
    handover = handed(cast)
    with pytest.raises(NotFound):
        take_back(actor=other.actor("carla"), handover_id=handover.public_id, reason="agreed", now=START)
    stranger = make_person(other.clinic, "Hana Hazel", Role.THERAPIST)
    with pytest.raises(BadInput):
        hand_over(
            actor=cast.actor("ben"),
            giver_id=cast.id("ben"),
            taker_id=stranger.public_id,
            from_on=FIRST,
            until_on=LAST,
            reason="agreed",
            now=START,
        )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"to": "ada"}, "taker"),
        ({"to": "eve"}, "taker"),
        ({"until_on": FIRST - timedelta(days=1)}, "until_on"),
        ({"from_on": date(2027, 2, 1), "until_on": date(2027, 2, 2)}, "until_on"),
        ({"caseload": False, "calls": False, "safety_tasks": False}, "caseload"),
        ({"who": "dov", "to": "gil"}, "taker"),
        ({"who": "eve", "to": "gil"}, "giver"),
    ],
    ids=[
        "to oneself",
        "to somebody who treats nobody",
        "ends before it begins",
        "is over already",
        "hands nothing over",
        "a prescriber's to who may not prescribe",
        "from somebody who treats nobody",
    ],
)
def test_what_makes_no_handover_is_refused(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        handed(cast, **wrong)
    assert list(refusal.value.fields) == [field]
    assert not Handover.objects.exists()


def test_nobody_takes_over_who_is_away_or_has_left_by_then(cast: Cast) -> None:
    away(cast, "gil", from_on=LAST, until_on=LAST)
    with pytest.raises(BadInput):
        handed(cast)
    Membership.objects.filter(person=cast.people["ben"]).update(until_on=LAST - timedelta(days=1))
    with pytest.raises(BadInput):
        handed(cast, to="ben")


def test_the_same_work_is_handed_over_once_at_a_time_also_by_sql(cast: Cast) -> None:
    handover = handed(cast)
    with pytest.raises(NotNow):
        handed(cast, to="ben", from_on=LAST, until_on=LAST)
    handed(cast, to="ben", from_on=LAST + timedelta(days=1), until_on=LAST + timedelta(days=1))
    twin = Handover.objects.get(pk=handover.pk)
    twin.pk, twin.public_id = None, uuid7()
    with pytest.raises(IntegrityError, match="at_a_time"), transaction.atomic():
        twin.save(force_insert=True)


def test_a_handover_or_absence_asked_for_twice_is_one(cast: Cast) -> None:
    made = uuid7()
    assert handed(cast, public_id=made) == handed(cast, public_id=made)
    assert away(cast, public_id=made) == away(cast, public_id=made)
    assert Event.objects.filter(verb__in=["work_handed_over", "absence_recorded"]).count() == 2
    with pytest.raises(Incomplete):
        handed(cast, public_id=made, to="ben")
    with pytest.raises(Incomplete):
        away(cast, public_id=made, until_on=FIRST)


@pytest.mark.parametrize("table", ["absence", "handover"])
def test_no_sql_rewrites_who_was_away_or_who_stood_in(cast: Cast, table: str) -> None:
    away(cast, stand_in=cast.id("gil"))
    for statement in (
        f"DELETE FROM clinic_{table}",
        f"UPDATE clinic_{table} SET from_on = '2020-01-01'",
        f"UPDATE clinic_{table} SET until_at = '2099-01-01'",
    ):
        with pytest.raises(DatabaseError, match="only added to"), transaction.atomic():
            connection.cursor().execute(statement)


# --- deputies -----------------------------------------------------------------------------------------------


def test_a_deputy_acts_as_supervisor_only_while_the_supervisor_is_away(cast: Cast, course: Course) -> None:
    name_deputy(
        actor=cast.actor("carla"),
        supervisor_id=cast.id("carla"),
        deputy_id=cast.id("gil"),
        from_on=START.date(),
        reason="agreed",
        now=START,
    )
    assert Role.SUPERVISOR not in cast.actor("gil").roles
    away(cast, "carla")
    instant = timedelta(microseconds=1)
    starts, ends = midnight(cast, FIRST), midnight(cast, LAST + timedelta(days=1))
    for at, acts in ((starts - instant, False), (starts, True), (ends - instant, True), (ends, False)):
        gil = cast.actor("gil", at=at)
        assert (Role.SUPERVISOR in gil.roles) is acts
        assert allows(gil, Permission.CO_SIGN_RECORD, subject_of(course)) is acts
    mine = subject_of(course, author_id=cast.people["gil"].pk)
    at = starts + days(1)
    assert not allows(cast.actor("gil", at=at), Permission.CO_SIGN_RECORD, mine), "never one's own"
    assert allows(cast.actor("ben", at=at), Permission.CO_SIGN_RECORD, mine) is False


def test_a_deputy_names_no_deputy_and_one_released_acts_no_more(cast: Cast) -> None:
    row = name_deputy(
        actor=cast.actor("carla"),
        supervisor_id=cast.id("carla"),
        deputy_id=cast.id("gil"),
        from_on=START.date(),
        reason="agreed",
        now=START,
    )
    away(cast, "carla")
    at = midnight(cast, FIRST)
    with pytest.raises(NotNow):
        name_deputy(
            actor=cast.actor("gil", at=at),
            supervisor_id=cast.id("carla"),
            deputy_id=cast.id("ben"),
            from_on=FIRST,
            reason="agreed",
            now=at,
        )
    for who in ("ada", "eve", "finn"):
        with pytest.raises(Forbidden):
            release_deputy(actor=cast.actor(who), deputy_id=row.public_id, reason="agreed", now=at)
    release_deputy(actor=cast.actor("carla", at=at), deputy_id=row.public_id, now=at, reason="Moved on.")
    assert Role.SUPERVISOR not in cast.actor("gil", at=at).roles


@pytest.mark.parametrize(("supervisor", "deputy"), [("ada", "gil"), ("carla", "carla"), ("carla", "eve")])
def test_only_a_clinician_deputises_and_only_for_a_supervisor(
    cast: Cast, supervisor: str, deputy: str
) -> None:
    with pytest.raises(BadInput):
        name_deputy(
            actor=cast.actor("carla"),
            supervisor_id=cast.id(supervisor),
            deputy_id=cast.id(deputy),
            from_on=FIRST,
            reason="agreed",
            now=START,
        )


def test_today_shows_the_stand_in_what_is_theirs_now(cast: Cast, course: Course) -> None:
    task = opened(course)
    handed(cast)
    at = midnight(cast, FIRST)
    tick(at)
    found = today(cast.actor("gil", at=at), now=at)
    assert [row.task_id for row in found.tasks] == [task.public_id]
    assert found.tasks[0].owner_for == "Ada Alder"
