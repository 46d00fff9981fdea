"""A clinic that never was: as many courses as asked for, with teams that change and requirements that were
kept, missed, early, late, declined or are still to come. Rows by COPY, all from one seed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import connection

from clinic.models import Person, Resource
from clinic.permissions import Role
from sessions.models import CareTeamMember, Course, Patient
from tests.support.cast import Cast, make_person

KINDS = ("session", "contact", "assessment", "vitals", "dose", "consent", "staffing", "release")
CAUSES = ("clinic", "patient_declined", "patient_unreachable", "outside_event")
NAMES = ("Hana Hazel", "Ivo Iris", "Jana Juniper", "Kai Kapok", "Lea Larch", "Mila Maple")
COLUMNS = (
    "public_id", "clinic_id", "course_id", "key", "rule", "kind", "shape", "stage", "who", "anchor",
    "opens_at", "closes_at", "firm", "status", "settled_at", "came_due_at", "important", "safety", "weight",
    "cause", "evidence", "engine_version", "protocol_version_id",
)  # fmt: skip


def simulate(
    cast: Cast, *, courses: int, now: datetime, seed: int = 7, each: int = 40, versions: tuple[int, ...] = ()
) -> list[Course]:
    """`each` requirements a course. What is stored of each is as the engine would: its status follows from
    its window and when it was settled, but for what was declined, overridden or withdrawn."""
    chance = Random(seed)
    assert cast.version is not None
    therapists = [make_person(cast.clinic, name, Role.THERAPIST) for name in NAMES]
    made = _courses(cast, courses, enrolled_at=now - timedelta(days=400))
    CareTeamMember.objects.bulk_create(
        member for course in made for member in _team(course, therapists, chance=chance, now=now)
    )
    followed = versions or (cast.version.pk,)
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY therapy_sessions_courserequirement ({', '.join(COLUMNS)}) FROM STDIN") as copy,
    ):
        for course in made:
            for number in range(each):
                copy.write_row(
                    _requirement(course, number, version=chance.choice(followed), chance=chance, now=now)
                )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as a clinic's database does by itself
    return made


def _courses(cast: Cast, count: int, *, enrolled_at: datetime) -> list[Course]:
    assert cast.version is not None
    resources = Resource.objects.bulk_create(
        Resource(clinic=cast.clinic, kind=Resource.Kind.PATIENT, label=f"S-{number:06}")
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
    return Course.objects.bulk_create(
        Course(
            clinic=cast.clinic,
            patient=patient,
            protocol_version=cast.version,
            enrolled_at=enrolled_at,
            live_from=enrolled_at,
        )
        for patient in patients
    )


def _team(course: Course, therapists: list[Person], *, chance: Random, now: datetime) -> list[CareTeamMember]:
    """A lead and a second therapist; every third course changes its lead half-way, some begin without any."""
    lead, second, later = chance.sample(therapists, 3)
    begin, half = now - timedelta(days=chance.choice((400, 400, 300))), now - timedelta(days=150)
    changes = chance.random() < 1 / 3

    def place(person: Person, role: str, from_at: datetime, until_at: datetime | None) -> CareTeamMember:
        return CareTeamMember(
            clinic_id=course.clinic_id,
            course=course,
            person=person,
            team_role=role,
            from_at=from_at,
            until_at=until_at,
        )

    team = [
        place(lead, "lead_therapist", begin, half if changes else None),
        place(second, "co_therapist", begin, None),
    ]
    return [*team, place(later, "lead_therapist", half, None)] if changes else team


def _requirement(
    course: Course, number: int, *, version: int, chance: Random, now: datetime
) -> tuple[Any, ...]:
    opens = now - timedelta(days=chance.randint(-60, 390), minutes=chance.randint(0, 1439))
    closes = opens + timedelta(days=chance.randint(0, 14), minutes=1)
    firm, luck = chance.random() < 0.95, chance.random()
    settled: datetime | None = None
    if luck < 0.80 and opens < now:
        settled = opens + (closes - opens) * chance.random()
    elif luck < 0.86:
        settled = closes + timedelta(hours=chance.randint(1, 200))
    elif luck < 0.89:
        settled = opens - timedelta(hours=chance.randint(1, 200))
    if settled is not None and settled > now:
        settled = None
    status, came_due = _standing(opens, closes, settled, now=now)
    cause = "clinic"
    if luck > 0.97:
        status = "withdrawn"
    elif luck > 0.94 and status == "missed":
        status, cause = chance.choice(("not_done", "overridden")), chance.choice(CAUSES)
    if not firm:
        came_due = None
    kind = chance.choice(KINDS)
    return (
        UUID(int=chance.getrandbits(128), version=4), course.clinic_id, course.pk, f"{kind}.{number}", kind,
        kind, "do_in_window", "preparation", "therapist", "", opens, closes, firm, status, settled, came_due,
        chance.random() < 0.2, False, chance.choice((1, 1, 1, 2)), cause, "[]", 1, version,
    )  # fmt: skip


def _standing(
    opens: datetime, closes: datetime, settled: datetime | None, *, now: datetime
) -> tuple[str, datetime | None]:
    """Its status, and when it came due."""
    if settled is not None:
        if settled < opens:
            return "met_early", settled
        return ("met", settled) if settled <= closes else ("met_late", closes)
    if closes < now:
        return "missed", closes
    return ("open" if opens <= now else "upcoming"), None
