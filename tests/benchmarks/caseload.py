"""Courses for measuring, in the database: histories walked through the protocol, stored as rows, then copied
until there are enough. What is read is as the operations leave it; only the way there is shorter."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.backends.utils import CursorWrapper

from clinic.actors import acting, system_actor
from clinic.clock import now as clock_now
from clinic.ids import uuid7
from clinic.models import ClinicRow, Resource
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import (
    CareTeamMember,
    Course,
    CourseRequirement,
    CourseStage,
    DeviationRecord,
    FactRecord,
    Patient,
    SessionBooking,
    SessionRecord,
    StaffTask,
)
from sessions.operations.refresh import refresh_course
from sessions.rules.codec import kind_of, to_json
from sessions.rules.facts import History, SessionHeld
from tests.support.cast import Cast
from tests.support.courses import perfect_course, whole_course

# What is copied, and the column that names facts and sessions.
_COPIED: dict[type[ClinicRow], str] = {
    CareTeamMember: "",
    CourseStage: "",
    SessionRecord: "",
    FactRecord: "value",
    CourseRequirement: "evidence",
    DeviationRecord: "evidence",
    StaffTask: "",
    SessionBooking: "",
}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ENROLLED_DAYS_AGO = (
    1,
    9,
    16,
    24,
    31,
    38,
    60,
    75,
    90,
    105,
)  # from the first preparation to the last follow-up


def full_history(cast: Cast, *, start: datetime) -> History:
    """A whole course, held to plan, not yet completed."""
    assert cast.version is not None
    definition = definition_of(cast.version.pk)
    return whole_course(definition, start, cast.clinic.zone_info, complete=False).history


def caseload(
    cast: Cast, *, count: int, now: datetime | None = None, left_out: frozenset[str] = frozenset()
) -> datetime:
    """As many courses in the clinic, in every stage, on Ada's care team, seen by the engine at the instant
    returned. In every second course nobody did what is `left_out`."""
    now = now or clock_now()
    assert cast.version is not None
    definition = definition_of(cast.version.pk)
    originals = []
    for number, days in enumerate(ENROLLED_DAYS_AGO[:count]):
        history = _so_far(
            definition, days, now, cast.clinic.zone_info, left_out if number % 2 else frozenset()
        )
        course = stored(cast, history, code=f"T-{number:03}")
        _book_next(cast, course, now=now)
        refreshed(course, now=now)
        originals.append(course)
    _copy(cast, originals, count=count - len(originals))
    with connection.cursor() as cursor:
        # Signed, all but those of the last two days.
        cursor.execute(
            "UPDATE therapy_sessions_sessionrecord SET status = 'signed' "
            "WHERE clinic_id = %s AND status = 'ended' AND ended_at < %s",
            [cast.clinic.pk, now - timedelta(days=2)],
        )
        cursor.execute("ANALYZE")
    return now


_WALKED: dict[tuple[object, ...], History] = {}


def _so_far(
    definition: ProtocolDefinition, days: int, now: datetime, zone: ZoneInfo, left_out: frozenset[str]
) -> History:
    """What has happened until now in a course enrolled so many days ago; walked once for all clinics."""
    asked = (definition.code, definition.version, days, now, zone.key, left_out)
    if asked not in _WALKED:
        start = now - timedelta(days=days)
        steps = perfect_course(definition, start, zone, complete=False, skip=left_out)
        *_before, last = takewhile(lambda step: step.at <= now, steps)  # they come in order of time
        _WALKED[asked] = last.history
    return _WALKED[asked]


def stored(cast: Cast, history: History, *, code: str) -> Course:
    """The history as the rows that the operations would have left, refreshed as of now."""
    assert cast.version is not None
    ada, clinic = cast.people["ada"], cast.clinic
    course = Course.objects.create(
        clinic=clinic,
        patient=_patient(cast, code),
        protocol_version=cast.version,
        enrolled_at=history.enrolled_at,
        live_from=history.live_from,
    )
    Course.objects.filter(pk=course.pk).update(status="active")
    course.status = "active"
    for role, name in (
        ("lead_therapist", "ada"),
        ("co_therapist", "ben"),
        ("prescriber", "dov"),
        ("supervisor", "carla"),
    ):
        CareTeamMember.objects.create(
            clinic=clinic,
            course=course,
            person=cast.people[name],
            team_role=role,
            from_at=history.enrolled_at,
        )
    records: list[SessionRecord] = []
    facts: list[FactRecord] = []
    for fact in sorted(history.facts, key=lambda one: (one.occurred_at, str(one.id))):
        value = fact.value
        if isinstance(value, SessionHeld):
            records.append(
                SessionRecord(
                    clinic=clinic,
                    public_id=uuid7(),
                    course=course,
                    key=fact.key,
                    kind=value.kind.value,
                    status="ended",
                    started_at=value.started_at,
                    ended_at=value.ended_at,
                    started_by=ada,
                )
            )
            continue
        facts.append(
            FactRecord(
                clinic=clinic,
                course=course,
                kind=kind_of(value),
                key=fact.key,
                occurred_at=fact.occurred_at,
                aware_at=fact.aware_at,
                recorded_at=fact.recorded_at,
                observed_by=ada,
                entered_by=ada,
                source=fact.source.value,
                value=to_json(value),
            )
        )
    # Facts name their session by its public id: rename what the walk made up.
    names = {
        str(fact.value.record_id): str(record.public_id)
        for fact in history.facts
        if isinstance(fact.value, SessionHeld)
        for record in records
        if record.key == fact.key
    }
    for row in facts:
        if row.value.get("record_id") in names:
            row.value = {**row.value, "record_id": names[row.value["record_id"]]}
    SessionRecord.objects.bulk_create(records)
    FactRecord.objects.bulk_create(facts)
    refreshed(course, now=clock_now())
    return course


def refreshed(course: Course, *, now: datetime) -> None:
    with acting(system_actor(clinic_id=course.clinic_id, at=now)):
        locked = (
            Course.objects.select_for_update(of=("self",))
            .select_related("patient", "clinic", "protocol_version")
            .get(pk=course.pk)
        )
        refresh_course(course=locked, now=now)


def _patient(cast: Cast, code: str) -> Patient:
    return Patient.objects.create(
        clinic=cast.clinic,
        code=code,
        given_name="Pat",
        family_name=f"Example {code}",
        born_on=date(1988, 5, 4),
        zone=cast.clinic.zone,
        resource=Resource.objects.create(clinic=cast.clinic, kind=Resource.Kind.PATIENT, label=code),
    )


def _book_next(cast: Cast, course: Course, *, now: datetime) -> None:
    """What the course waits for is booked: every third later today, the others within the week."""
    row = (
        CourseRequirement.objects.filter(course=course, kind="session", status__in=["open", "upcoming"])
        .order_by("due_at", "id")
        .first()
    )
    if row is None:
        return
    starts_at = now + (timedelta(hours=1) if course.pk % 3 == 0 else timedelta(days=3))
    SessionBooking.objects.create(
        clinic=cast.clinic,
        course=course,
        key=row.key,
        kind=row.rule if row.rule in ("preparation", "dosing", "integration") else "preparation",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=90),
        booked_by=cast.people["ada"],
    )


def _copy(cast: Cast, originals: list[Course], *, count: int) -> list[Course]:
    """Copies in SQL: the engine has seen the originals, and says the same of their likes."""
    if count <= 0:
        return []
    resources = Resource.objects.bulk_create(
        Resource(clinic=cast.clinic, kind=Resource.Kind.PATIENT, label=f"C-{number:05}")
        for number in range(count)
    )
    patients = Patient.objects.bulk_create(
        Patient(
            clinic=cast.clinic,
            code=resource.label,
            given_name="Pat",
            family_name=f"Example {resource.label}",
            born_on=date(1988, 5, 4),
            zone=cast.clinic.zone,
            resource=resource,
        )
        for resource in resources
    )
    sources = [originals[number % len(originals)] for number in range(count)]
    copies = Course.objects.bulk_create(
        Course(
            clinic=cast.clinic,
            patient=patient,
            protocol_version_id=source.protocol_version_id,
            enrolled_at=source.enrolled_at,
            live_from=source.live_from,
        )
        for patient, source in zip(patients, sources, strict=True)
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied_from, renamed")
        cursor.execute(
            "CREATE TEMP TABLE copied_from AS SELECT source, copy, substr(hex, 1, 8) || '-' "
            "|| substr(hex, 9, 4) || '-' || substr(hex, 13, 4) AS name FROM (SELECT source, copy, "
            "lpad(to_hex(copy), 16, '0') AS hex "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS t (source, copy)) t",
            [[source.pk for source in sources], [copy.pk for copy in copies]],
        )
        cursor.execute("ANALYZE copied_from")
        cursor.execute(
            f"UPDATE therapy_sessions_course c SET status = 'active', {_SUMMED} "  # constants
            "FROM copied_from f JOIN therapy_sessions_course s ON s.id = f.source WHERE c.id = f.copy"
        )
        cursor.execute("CREATE TEMP TABLE renamed (of text, id bigint, public_id text, body text)")
        names = _names(originals)
        # The table of moves lets nothing begin where these stand; their originals went the way there.
        cursor.execute("SET session_replication_role = replica")
        for model, body in _COPIED.items():
            _copy_rows(cursor, model, body, originals, names)
        cursor.execute("SET session_replication_role = origin")
    return copies


_SUMMED = ", ".join(
    f"{name} = s.{name}"
    for name in (
        *("met_weight", "due_weight", "departed_count", "important_count", "overdue_count"),
        *("overdue_since", "look_again_at"),
    )
)


def _names(originals: Sequence[Course]) -> dict[str, str]:
    """Id of a fact or session → the same of a copy, whose first half is yet to be filled in. They sort as the
    originals do, which decides the order of what happened at one instant."""
    names: dict[str, str] = {}
    for course in originals:
        ids = [
            *FactRecord.objects.filter(course=course).values_list("public_id", flat=True),
            *SessionRecord.objects.filter(course=course).values_list("public_id", flat=True),
        ]
        for rank, one in enumerate(sorted(ids), start=1):
            names[str(one)] = f"~-{rank >> 48:04x}-{rank & (2**48 - 1):012x}"
    return names


def _copy_rows(
    cursor: CursorWrapper,
    model: type[ClinicRow],
    body: str,
    originals: Sequence[Course],
    names: Mapping[str, str],
) -> None:
    table = model._meta.db_table
    of = {"course__in": originals}
    rows = model._default_manager.filter(**of)
    drafts = [
        (
            *(table, row.pk, names.get(str(row.public_id))),
            _ID.sub(lambda found: names.get(found[0], found[0]), json.dumps(getattr(row, body)))
            if body
            else None,
        )
        for row in rows
    ]
    cursor.executemany("INSERT INTO renamed VALUES (%s, %s, %s, %s)", drafts)
    taken = {"id", "public_id", "course_id", "booking_id", body}
    kept = [field.column for field in model._meta.local_concrete_fields if field.column not in taken]
    filled = {"public_id": "coalesce(replace(r.public_id, '~', c.name)::uuid, gen_random_uuid())"}
    if body:
        filled[body] = "replace(r.body, '~', c.name)::jsonb"
    cursor.execute(
        f"INSERT INTO {table} (course_id, {', '.join([*filled, *kept])}) "  # our columns
        f"SELECT c.copy, {', '.join([*filled.values(), *('t.' + name for name in kept)])} "
        f"FROM copied_from c JOIN {table} t ON t.course_id = c.source "
        "JOIN renamed r ON r.of = %s AND r.id = t.id",
        [table],
    )
