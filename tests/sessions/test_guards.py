"""The database's own refusals, asked by SQL and by the ORM behind the operations' back; and that who may see
a course is one truth in Python and in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import chain, combinations

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from clinic.actors import Actor, acting, patient_actor, system_actor
from clinic.models import Event
from clinic.permissions import STAFF, Permission, Role, allows
from clinic.rules.moves import MoveTable
from protocols.models import ProtocolVersion
from sessions.models import (
    Course,
    CourseStage,
    DeviationRecord,
    DeviationReview,
    ErrorMark,
    FactRecord,
    NoteRecord,
    ReviewInvitation,
    SessionBooking,
    SessionRecord,
    SignatureRecord,
)
from sessions.operations import refresh
from sessions.operations.entering import log_session
from sessions.operations.refresh import refresh_due_courses
from sessions.operations.review import review_deviation
from sessions.operations.signing import sign_record
from sessions.permissions import courses_visible_to, subject_of
from sessions.rules.moves import BOOKING_MOVES, COURSE_MOVES, RECORD_MOVES, STAGE_MOVES
from tests.support.cast import START, Cast, days, enrol, fill_chart, make_cast

pytestmark = pytest.mark.django_db

GUARDED: dict[type[models.Model], MoveTable] = {
    Course: COURSE_MOVES,
    CourseStage: STAGE_MOVES,
    SessionBooking: BOOKING_MOVES,
    SessionRecord: RECORD_MOVES,
}


@pytest.fixture
def cast() -> Cast:
    return make_cast()


@pytest.fixture
def course(cast: Cast) -> Course:
    return enrol(cast)


def held(cast: Cast, course: Course) -> SessionRecord:
    at = START + days(7)
    return log_session(
        actor=cast.actor("ada", at=at),
        course_id=course.public_id,
        key="preparation.1",
        started_at=at - timedelta(minutes=90),
        ended_at=at,
        staff=[cast.id("ben")],
        note="We talked about intentions.",
        now=at,
    )


def refused(act: Callable[[], object], words: str) -> None:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        act()


def sql(statement: str, *values: str | int) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    return run


# --- statuses move only as listed ---


def test_the_moves_in_the_database_are_the_moves_of_the_rules() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_of, from_status, to_status FROM therapy_sessions_move")
        there = set(cursor.fetchall())
    ours = set()
    for model, table in GUARDED.items():
        ours |= {(model._meta.db_table, "", status) for status in table.initial}
        ours |= {(model._meta.db_table, start, goal) for start, goal in table.pairs}
    assert there == ours


def a_row(model: type[models.Model], cast: Cast, course: Course) -> models.Model:
    if model is Course:
        confirmed(cast, course, enrolment=course)
        return course
    if model is CourseStage:
        return CourseStage.objects.filter(course=course, status="waiting").latest("position")
    if model is SessionBooking:
        return SessionBooking.objects.create(
            clinic=cast.clinic,
            course=course,
            key="preparation.2",
            kind="preparation",
            starts_at=START,
            ends_at=START + timedelta(hours=1),
        )
    record = SessionRecord.objects.create(
        clinic=cast.clinic,
        course=course,
        kind="preparation",
        status="under_way",
        started_at=START,
        # An end even while under way: what refuses below must be the move, not the missing end.
        ended_at=START + timedelta(hours=1),
        started_by=cast.people["ada"],
    )
    confirmed(cast, course, session_record=record)
    return record


def confirmed(cast: Cast, course: Course, **named: models.Model) -> None:
    """What refuses must be the move, not that nobody confirmed it."""
    ErrorMark.objects.create(
        clinic=cast.clinic,
        course=course,
        reason="tried out",
        asked_by=cast.people["ada"],
        asked_at=START,
        settled_by=cast.people["ben"],
        settled_at=START,
        confirmed=True,
        **named,
    )


def way_to(table: MoveTable, start: str, goal: str) -> tuple[str, ...] | None:
    """The statuses to pass through."""
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:
        if way[-1] == goal:
            return way[1:]
        ways += [(*way, to) for now, to in table.pairs if now == way[-1] and to not in way]
    return None


@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
def test_every_unlisted_move_is_refused_by_sql_and_by_the_orm(
    model: type[models.Model], cast: Cast, course: Course
) -> None:
    table, row = GUARDED[model], a_row(model, cast, course)
    rows = model._base_manager.filter(pk=row.pk)
    (born,) = rows.values_list("status", flat=True)
    tried = 0
    for start in table.statuses:
        way = way_to(table, born, start)
        if way is None:
            continue
        for goal in (table.statuses | {"made_up"}) - {start}:
            if (start, goal) in table.pairs:
                continue
            back = transaction.savepoint()
            for status in way:
                rows.update(status=status)
            refused(partial(rows.update, status=goal), "may not go from")
            update = f"UPDATE {model._meta.db_table} SET status = %s WHERE id = %s"
            refused(sql(update, goal, row.pk), "may not go from")
            transaction.savepoint_rollback(back)
            tried += 1
    assert tried >= 6


@pytest.mark.parametrize("model", GUARDED, ids=lambda model: model.__name__)
def test_no_row_is_born_in_a_later_status(model: type[models.Model], cast: Cast, course: Course) -> None:
    table, row = GUARDED[model], a_row(model, cast, course)
    for status in table.statuses - set(table.initial):
        row.pk = None
        row.status = status  # type: ignore[attr-defined]  # every guarded table has one
        refused(lambda: row.save(force_insert=True), "may not go from")


# --- what was recorded stays ---


def test_what_was_recorded_is_neither_changed_nor_deleted(cast: Cast, course: Course) -> None:
    fill_chart(cast, course, now=START)
    record = held(cast, course)
    at = START + days(8)
    sign_record(actor=cast.actor("ada", at=at), record_id=record.public_id, now=at)
    departed = START + days(60)
    refresh_due_courses(now=departed)
    deviation = DeviationRecord.objects.filter(course=course).first()
    if deviation is None:
        deviation = DeviationRecord.objects.create(
            clinic=cast.clinic,
            course=course,
            key="preparation.2",
            rule="preparation",
            kind="session",
            stage="preparation",
            status="missed",
            important=True,
            occurred_at=departed,
            raised_at=departed,
            aware_at=departed,
            engine_version=1,
            protocol_version_id=course.protocol_version_id,
        )
    review_deviation(
        actor=cast.actor("carla", at=departed),
        deviation_id=deviation.public_id,
        comment="Seen and talked about.",
        now=departed,
    )
    for model, column in (
        (FactRecord, "reason"),
        (NoteRecord, "text"),
        (SignatureRecord, "printed_name"),
        (DeviationReview, "comment"),
        (Event, "verb"),
    ):
        rows = model._default_manager.all()
        table = model._meta.db_table
        assert rows.exists(), f"nothing of {table} to try it on"
        refused(partial(rows.update, **{column: "changed"}), "only added to|append")
        refused(sql(f"UPDATE {table} SET {column} = 'changed'"), "only added to|append")
        refused(sql(f"DELETE FROM {table}"), "only added to|append")
        refused(partial(rows._raw_delete, rows.db), "only added to|append")


@pytest.mark.parametrize("table", ["course", "sessionbooking", "sessionrecord", "patient", "deviationrecord"])
def test_rows_that_a_record_hangs_on_are_never_deleted(table: str, cast: Cast, course: Course) -> None:
    a_row(SessionBooking, cast, course)
    a_row(SessionRecord, cast, course)
    DeviationRecord.objects.create(
        clinic=cast.clinic,
        course=course,
        key="preparation.2",
        rule="preparation",
        kind="session",
        stage="preparation",
        status="missed",
        important=True,
        occurred_at=START,
        raised_at=START,
        aware_at=START,
        engine_version=1,
        protocol_version_id=course.protocol_version_id,
    )
    refused(sql(f"DELETE FROM therapy_sessions_{table}"), "never deleted")


def test_a_published_protocol_is_frozen(cast: Cast) -> None:
    for change in (
        sql("UPDATE protocols_protocolversion SET document = document || ' '"),
        sql("UPDATE protocols_protocolversion SET status = 'draft'"),
        sql("DELETE FROM protocols_protocolversion"),
        lambda: ProtocolVersion.objects.update(digest="0"),
    ):
        refused(change, "frozen")


# --- looking again ---


def versions() -> list[tuple[str, str, str]]:
    """Which transaction wrote each row of every table of ours: a write of the same values shows too."""
    found: list[tuple[str, str, str]] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("therapy_sessions_", "clinic_")):
                cursor.execute(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1")
                found += [(table, *row) for row in cursor.fetchall()]
    return found


def test_looking_again_when_nothing_changed_writes_nothing(cast: Cast, course: Course) -> None:
    fill_chart(cast, course, now=START)
    held(cast, course)
    now = START + days(8)
    actor = system_actor(clinic_id=course.clinic_id, at=now)
    mine = Course.objects.select_related("patient", "clinic", "protocol_version").get(pk=course.pk)
    with acting(actor):
        refresh.refresh_course(course=mine, now=now)
    before = versions()
    with acting(actor):
        refresh.refresh_course(course=mine, now=now)
    assert versions() == before


def test_one_course_that_raises_is_put_off_with_its_error_and_the_others_go_on(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad, other = (enrol(cast, code) for code in ("P-001", "P-002", "P-003"))
    Course.objects.update(look_again_at=START)
    # A row that the code cannot read, as an older version or a slip in the database would leave it.
    FactRecord.objects.create(
        clinic=cast.clinic,
        course=bad,
        kind="contact_made",
        occurred_at=START,
        aware_at=START,
        recorded_at=START,
        source="staff",
        value={"result": "no such result"},
    )
    now = START + timedelta(hours=1)
    report = refresh_due_courses(now=now)
    assert (report.refreshed, report.failed) == (2, 1)
    bad.refresh_from_db()
    assert bad.look_failures == 1
    assert bad.look_error
    assert "no such result" not in bad.look_error
    assert bad.look_again_at is not None
    assert bad.look_again_at > now
    for course in (good, other):
        course.refresh_from_db()
        assert course.look_error == ""
        assert course.look_again_at is not None
        assert course.look_again_at > now
    first_wait = bad.look_again_at - now
    refresh_due_courses(now=bad.look_again_at)
    later = Course.objects.get(pk=bad.pk)
    assert later.look_failures == 2
    assert later.look_again_at is not None
    assert later.look_again_at - bad.look_again_at > first_wait, "a second failure waits longer"


# --- who may see ---


def roles_together() -> list[frozenset[Role]]:
    """Every set of the roles of who works here, and of who is invited from outside."""
    together = [
        frozenset(some)
        for some in chain.from_iterable(combinations(STAFF, count) for count in range(len(STAFF) + 1))
    ]
    return [*together, frozenset({Role.OUTSIDE_REVIEWER}), frozenset(Role)]


def test_what_sql_shows_is_what_the_sentences_allow_for_every_role_permission_and_course() -> None:
    """Every set of roles, on and off the care team, standing in for one of it, invited to one course, here
    and elsewhere; the patient; the system."""
    here, there = make_cast("alder"), make_cast("birch")
    courses = [enrol(here, "P-001"), enrol(here, "P-002"), enrol(there, "P-001")]
    left = courses[1].care_team.get(person=here.people["ben"])
    left.until_at = START
    left.save()
    for course, until_at in ((courses[0], START + days(1)), (courses[1], START)):
        ReviewInvitation.objects.create(
            clinic=here.clinic,
            course=course,
            person=here.people["gil"],
            until_on=until_at.date(),
            from_at=START - days(1),
            until_at=until_at,
            invited_by=here.people["carla"],
        )
    actors: list[Actor] = [
        Actor(
            kind="person",
            clinic_id=here.clinic.pk,
            person_id=here.people["gil"].pk,
            roles=roles,
            stands_in_for=frozenset({here.people["ben"].pk, there.people["ada"].pk}),
            at=START,
        )
        for roles in [*(frozenset({role}) for role in Role), frozenset(Role)]
    ]
    for cast in (here, there):
        for name in ("ada", "ben", "gil"):
            for roles in roles_together():
                actors.append(
                    Actor(
                        kind="person",
                        clinic_id=cast.clinic.pk,
                        person_id=cast.people[name].pk,
                        roles=roles,
                        at=START,
                    )
                )
        actors.append(system_actor(clinic_id=cast.clinic.pk, at=START))
        for course in courses:
            actors.append(patient_actor(clinic_id=cast.clinic.pk, patient_id=course.patient_id, at=START))
    subjects = {course.pk: subject_of(course) for course in courses}
    compared = 0
    for actor in actors:
        for permission in Permission:
            shown = set(
                Course.objects.filter(courses_visible_to(actor, permission)).values_list("pk", flat=True)
            )
            allowed = {pk for pk, subject in subjects.items() if allows(actor, permission, subject)}
            assert shown == allowed, (actor, permission)
            compared += len(subjects)
    assert compared == len(actors) * len(Permission) * len(courses)


def test_a_second_signature_of_the_same_meaning_is_one_row(cast: Cast, course: Course) -> None:
    record = held(cast, course)
    at = START + days(8)
    one, two = (
        sign_record(actor=cast.actor("ada", at=at), record_id=record.public_id, now=at) for _ in range(2)
    )
    assert one.pk == two.pk
    twin = SignatureRecord.objects.get(pk=one.pk)
    twin.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)
