"""The times that a patient's visit could have instead of its own: what a link may offer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from clinic.models import Absence, Membership
from clinic.rules.wall_time import end_of_day, start_of_day
from protocols.queries import definition_of
from sessions.models import DeviationPolicy, PatientLink, ResourceUse, SessionBooking
from sessions.models.bookings import BookingStatus
from sessions.queries.history import history_of
from sessions.queries.links import link_of
from sessions.rules.engine import requirements, timeline_of
from sessions.rules.kinds.credentials import lacking
from sessions.rules.requirements import WAITING
from sessions.rules.slots import (
    FURTHEST,
    MOST_MOVES,
    MOVED_ALONE,
    Hours,
    Span,
    free_starts,
    pushes_nothing_out,
    spread,
)

MOVED_BY_PATIENT = "moved_by_patient"
_RUNNING = ("enrolled", "active")


def slots_for(token: str, *, now: datetime) -> list[datetime]:
    """What the link of that token offers. Raises NotFound for a token never issued."""
    return slots_of(link_of(token), now=now)


def slots_of(link: PatientLink, *, now: datetime) -> list[datetime]:
    """What is offered, earliest first; none where the visit is moved by telephone. A constant number of
    queries."""
    booking = link.booking
    if booking is None or not moved_alone(booking, now=now):
        return []
    legal = _legal(booking, now=now)
    return list(islice(spread(legal, zone=link.clinic.zone_info), link.clinic.offered_times))


def may_have(booking: SessionBooking, starts_at: datetime, *, now: datetime) -> bool:
    """Whether the visit could be then: asked again when somebody chooses it."""
    return moved_alone(booking, now=now) and starts_at in _legal(booking, now=now, at=starts_at)


def moved_alone(booking: SessionBooking, *, now: datetime) -> bool:
    """Whether its patient may move it without talking to anybody: neither on the last day, nor for ever."""
    course, clinic = booking.course, booking.course.clinic
    return (
        booking.kind in MOVED_ALONE
        and booking.status == BookingStatus.BOOKED
        and course.status in _RUNNING
        and clinic.offered_times > 0
        and now + timedelta(hours=clinic.offered_notice_hours) <= booking.starts_at
        and SessionBooking.objects.filter(course=course, key=booking.key, reason=MOVED_BY_PATIENT).count()
        < MOST_MOVES
    )


def _legal(booking: SessionBooking, *, now: datetime, at: datetime | None = None) -> Iterator[datetime]:
    """The times it could have, lazily; only whether `at` is one of them when that is given."""
    course, clinic = booking.course, booking.course.clinic
    definition, history = definition_of(course.protocol_version_id), history_of(course)
    requirement = requirements(definition=definition, history=history, as_of=now).get(booking.key)
    if requirement is None or requirement.status not in WAITING:
        return
    notice = now + timedelta(hours=clinic.offered_notice_hours)
    earliest = max(notice, requirement.window.opens_at or notice)
    latest = min(requirement.window.closes_at or now + FURTHEST, now + FURTHEST)
    if at is not None:
        earliest, latest = max(earliest, at), min(latest, at)
    if latest < earliest:
        return
    minutes = int((booking.ends_at - booking.starts_at).total_seconds() // 60)
    starts = free_starts(
        earliest=earliest,
        latest=latest,
        minutes=minutes,
        hours=Hours(opens=clinic.offered_from, closes=clinic.offered_until, days_off=_days_off(clinic.pk)),
        zone=clinic.zone_info,
        busy=_busy(booking, earliest, latest + timedelta(minutes=minutes)),
        away=_away(booking, earliest, latest + timedelta(minutes=minutes)),
    )
    timeline = timeline_of(definition=definition, history=history, as_of=now)
    people = next((one.people for one in history.bookings if one.id == booking.public_id), ())
    for start in starts:
        if lacking(timeline, booking.key, people, at=start):
            continue
        if start != booking.starts_at and pushes_nothing_out(
            definition=definition,
            history=history,
            booking=booking.public_id,
            starts_at=start,
            as_of=now,
        ):
            yield start


def _busy(booking: SessionBooking, since: datetime, until: datetime) -> list[Span]:
    """What else its people, its room and its patient are taken by."""
    wanted = ResourceUse.objects.filter(booking=booking, live=True).values("resource_id")
    uses = ResourceUse.objects.filter(
        clinic_id=booking.clinic_id, resource_id__in=wanted, live=True, period__overlap=(since, until)
    ).exclude(booking=booking)
    return [(period.lower, period.upper) for period in uses.values_list("period", flat=True)]


def _away(booking: SessionBooking, since: datetime, until: datetime) -> list[Span]:
    """When one of its people does not work here: away, or not here yet or any more."""
    zone = booking.course.clinic.zone_info
    members = list(
        Membership.objects.filter(clinic_id=booking.clinic_id, resource__uses__booking=booking)
        .filter(resource__uses__live=True)
        .select_related("person")
    )
    absences = Absence.objects.filter(
        clinic_id=booking.clinic_id,
        person_id__in=[member.person_id for member in members],
        from_at__lt=until,
        until_at__gt=since,
    )
    found = [(row.from_at, row.until_at) for row in absences]
    for member in members:
        found.append((since, start_of_day(member.from_on, zone)))
        if member.until_on is not None:
            found.append((end_of_day(member.until_on, zone), until))
        if not member.person.is_active:
            found.append((since, until))
    return [(begins, ends) for begins, ends in found if begins < ends]


def _days_off(clinic_id: int) -> frozenset[date]:
    policy = DeviationPolicy.objects.filter(clinic_id=clinic_id).order_by("-set_at", "-pk").first()
    return frozenset(date.fromisoformat(one) for one in policy.days_off) if policy else frozenset()
