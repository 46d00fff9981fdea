"""Visits booked with somebody who will be away: who, and since when the clinic knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from clinic.actors import Actor
from clinic.models import Absence
from protocols.queries import definitions_of
from sessions.models import ResourceUse
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.queries.courses import courses_for
from sessions.queries.words import label
from sessions.rules.keys import parts_of_key

NAME = "resource__membership__person__printed_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayVisit:
    """A visit to come, and one of those it is booked with, who is away then."""

    booking_id: UUID
    course_id: UUID
    key: str
    patient: str
    what: str
    starts_at: datetime
    name: str
    since: datetime  # when the absence was recorded


def _uses_while_away() -> QuerySet[ResourceUse]:
    """People taken by a live booking while they are away, in part of it or in all."""
    absences = Absence.objects.filter(
        clinic_id=OuterRef("clinic_id"),
        person_id=OuterRef("resource__membership__person_id"),
        from_at__lt=OuterRef("booking__ends_at"),
        until_at__gt=OuterRef("booking__starts_at"),
    )
    return ResourceUse.objects.filter(
        Exists(absences), live=True, booking__status__in=LIVE_BOOKINGS, resource__membership__isnull=False
    ).annotate(away_since=Subquery(absences.order_by("from_at").values("recorded_at")[:1]))


def away_at(
    *, clinic_id: int, people: Collection[UUID], starts_at: datetime, ends_at: datetime
) -> Sequence[str]:
    """The names of those of them who are away in part of that time or all of it."""
    names = Absence.objects.filter(
        clinic_id=clinic_id, person__public_id__in=list(people), from_at__lt=ends_at, until_at__gt=starts_at
    ).values_list("person__printed_name", flat=True)
    return sorted(set(names), key=str.casefold)


def away_from(bookings: Collection[int]) -> Mapping[int, Sequence[str]]:
    """Of these bookings, those with somebody away, by their keys in the database. One query."""
    found: dict[int, list[str]] = defaultdict(list)
    if bookings:
        uses = _uses_while_away().filter(booking_id__in=list(bookings)).order_by(NAME)
        for booking, name in uses.values_list("booking_id", NAME):
            found[booking].append(name)
    return found


def absences_of(*, clinic_id: int, now: datetime) -> Mapping[UUID, Sequence[tuple[date, date]]]:
    """The days on which people are away, now and later, by their public id. One query."""
    found: dict[UUID, list[tuple[date, date]]] = defaultdict(list)
    rows = Absence.objects.filter(clinic_id=clinic_id, until_at__gt=now).order_by("from_at", "pk")
    for person, from_on, until_on in rows.values_list("person__public_id", "from_on", "until_on"):
        found[person].append((from_on, until_on))
    return found


def visits_away(actor: Actor, *, now: datetime, limit: int) -> tuple[Sequence[AwayVisit], int]:
    """The next of those the actor may see, the soonest first, and how many there are. A constant number of
    queries."""
    uses = _uses_while_away().filter(
        clinic_id=actor.clinic_id, booking__starts_at__gt=now, booking__course__in=courses_for(actor)
    )
    count = uses.count()
    rows = (
        list(
            uses.select_related("booking__course__patient")
            .annotate(away_name=F(NAME))
            .order_by("booking__starts_at", "away_name", "id")[:limit]
        )
        if count
        else []
    )
    definitions = definitions_of({row.booking.course.protocol_version_id for row in rows})
    found = []
    for row in rows:
        booking, course = row.booking, row.booking.course
        definition = definitions[course.protocol_version_id]
        rule, cycle, occurrence = parts_of_key(definition=definition, key=booking.key)
        found.append(
            AwayVisit(
                booking_id=booking.public_id,
                course_id=course.public_id,
                key=booking.key,
                patient=course.patient.code,
                what=label(
                    definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=booking.key
                ),
                starts_at=booking.starts_at,
                name=row.away_name,
                since=row.away_since,  # type: ignore[attr-defined]  # annotated by `_uses_while_away`
            )
        )
    return found, count
