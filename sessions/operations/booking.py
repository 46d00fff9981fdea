"""Saying when a session is meant to happen, with the people and the room it needs, and what became of
that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from psycopg.types.range import TimestamptzRange

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Membership, Resource, Room
from clinic.operations.events import record_event
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from protocols.rules.definition import SessionRule
from sessions.models import Course, ResourceUse, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.operations.moving import move_row
from sessions.operations.on_course import on_booking, on_course
from sessions.operations.tasks import close_tasks
from sessions.queries.away import away_at
from sessions.queries.credentials import Lacking, lacking_at
from sessions.queries.history import history_of
from sessions.rules.engine import requirements
from sessions.rules.facts import Mode, Somebody
from sessions.rules.moves import BOOKING_MOVES
from sessions.rules.requirements import WAITING, Kind, Requirement

FURTHEST = timedelta(days=730)
"""Nothing is booked further ahead: a typing slip in the year, not a clinical figure."""


def book_session(
    *,
    actor: Actor,
    course_id: UUID,
    key: str,
    starts_at: datetime,
    now: datetime,
    people: Sequence[UUID] = (),
    room_id: UUID | None = None,
    mode: Mode = Mode.IN_PERSON,
    confirmed: frozenset[str] = frozenset(),
    public_id: UUID | None = None,
) -> SessionBooking:
    """Book the session that requirement `key` asks for, its people and its room, or none of them. Moving is
    booking
    again: a live booking of the same key is cancelled in the same act.

    A time outside the window is refused unless `outside-window` is confirmed: it will be a deviation once
    held. So is somebody who is away then, unless `somebody-away` is, and who does not hold that day what the
    protocol asks of them, unless `not-held` is.
    """
    with on_course(actor=actor, course_id=course_id, permission=Permission.BOOK_SESSION, now=now) as course:
        public_id = public_id or uuid7()
        first = SessionBooking.objects.filter(clinic_id=course.clinic_id, public_id=public_id).first()
        if first is not None:
            asked = (course.pk, key, starts_at, mode.value)
            if (first.course_id, first.key, first.starts_at, first.mode) != asked or _taken_by(first) != {
                *people,
                *([room_id] if room_id else []),
            }:
                raise Incomplete("This id was already used for another booking.", code="id-reused")
            return first
        if course.status not in OPEN_STATUSES:
            raise NotNow("The course has ended; nothing more is booked on it.")
        _check_start(starts_at, now=now)
        definition = definition_of(course.protocol_version_id)
        history = history_of(course)
        outcome = requirements(definition=definition, history=history, as_of=history.present(now))
        requirement = outcome.get(key)
        if requirement is None or requirement.kind is not Kind.SESSION:
            raise NotFound("The protocol plans no such session for this patient.")
        if requirement.status not in WAITING:
            raise NotNow("This session no longer waits to be held.")
        rule = definition.rule(requirement.rule)
        if not isinstance(rule, SessionRule):
            raise NotFound()
        _check_window(requirement, starts_at=starts_at, confirmed=confirmed)
        ends_at = starts_at + timedelta(minutes=rule.minutes.value)
        _check_away(course, people, starts_at=starts_at, ends_at=ends_at, confirmed=confirmed)
        lacking = lacking_at(
            course=course,
            definition=definition,
            history=history,
            key=key,
            people=roles_of(course, people),
            at=starts_at,
            now=now,
        )
        _check_credentials(lacking, confirmed=confirmed)
        resources = _resources(course=course, starts_at=starts_at, people=people, room_id=room_id)
        old = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
        if old is not None:
            cancel_row(actor=actor, booking=old, reason="moved", now=now)
        booking = SessionBooking.objects.create(
            clinic_id=course.clinic_id,
            public_id=public_id,
            course=course,
            key=key,
            kind=rule.kind.value,
            mode=mode.value,
            starts_at=starts_at,
            ends_at=ends_at,
            booked_by_id=actor.person_id,
        )
        _take(course=course, booking=booking, resources=resources)
        record_event(
            actor=actor,
            verb="session_booked",
            subject=booking,
            course_id=course.pk,
            occurred_at=now,
            now=now,
            data={"key": key},
        )
        return booking


def move_row_to(
    *,
    actor: Actor,
    booking: SessionBooking,
    starts_at: datetime,
    reason: str,
    now: datetime,
    public_id: UUID,
) -> SessionBooking:
    """The same visit with the same people and the same room at another time; the booking it had is cancelled.
    The course row must be locked, and whether it may be then is the caller's to ask. Raises NotNow when one
    of them was taken since."""
    course = booking.course
    taken = ResourceUse.objects.filter(booking=booking, live=True).select_related("resource")
    resources = [use.resource for use in taken]
    cancel_row(actor=actor, booking=booking, reason=reason, now=now)
    moved = SessionBooking.objects.create(
        clinic_id=course.clinic_id,
        public_id=public_id,
        course=course,
        key=booking.key,
        kind=booking.kind,
        mode=booking.mode,
        starts_at=starts_at,
        ends_at=starts_at + (booking.ends_at - booking.starts_at),
        booked_by_id=actor.person_id,
    )
    _take(course=course, booking=moved, resources=resources)
    record_event(
        actor=actor,
        verb="session_booked",
        subject=moved,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        data={"key": booking.key},
    )
    return moved


def _check_start(starts_at: datetime, *, now: datetime) -> None:
    if starts_at.tzinfo is None:
        raise BadInput("The time has no zone.", fields={"starts_at": ["Give the time with its zone."]})
    if starts_at < now:
        raise BadInput(
            "That time has passed.",
            fields={"starts_at": ["Choose a time to come."]},
            advice="To enter a session that took place, log it instead.",
        )
    if starts_at > now + FURTHEST:
        raise BadInput("That time is too far ahead.", fields={"starts_at": ["Check the year."]})


def _check_window(requirement: Requirement, *, starts_at: datetime, confirmed: frozenset[str]) -> None:
    window = requirement.window
    early = window.opens_at is not None and starts_at < window.opens_at
    late = window.closes_at is not None and starts_at > window.closes_at
    if (early or late) and "outside-window" not in confirmed:
        raise Incomplete(
            "That time is before its window opens." if early else "That time is after its window closes.",
            code="confirm-needed",
            advice="Choose a time inside the window, or confirm that it has to be then. It will be a "
            "deviation.",
            data={
                "confirm": ["outside-window"],
                "words": ["before its window opens" if early else "after its window closes"],
                "opens_at": window.opens_at.isoformat() if window.opens_at else None,
                "closes_at": window.closes_at.isoformat() if window.closes_at else None,
            },
        )


def _check_away(
    course: Course,
    people: Sequence[UUID],
    *,
    starts_at: datetime,
    ends_at: datetime,
    confirmed: frozenset[str],
) -> None:
    away = away_at(clinic_id=course.clinic_id, people=people, starts_at=starts_at, ends_at=ends_at)
    if away and "somebody-away" not in confirmed:
        names = ", ".join(away)
        raise Incomplete(
            _("Away then: %(names)s.") % {"names": names},
            code="confirm-needed",
            advice=_("Choose another time or somebody else, or confirm that they come all the same."),
            data={"confirm": ["somebody-away"], "words": [_("away then: %(names)s") % {"names": names}]},
        )


def roles_of(course: Course, people: Sequence[UUID]) -> Sequence[Somebody]:
    """Those of them who work in the clinic, with their roles."""
    members = Membership.objects.filter(clinic_id=course.clinic_id, person__public_id__in=list(people))
    return [(member.person_id, frozenset(member.roles)) for member in members] if people else []


def _check_credentials(lacking: Sequence[Lacking], *, confirmed: frozenset[str]) -> None:
    if lacking and "not-held" not in confirmed:
        words = [one.words for one in lacking]
        raise Incomplete(
            _("The protocol asks for more of who holds this session. %(what)s.") % {"what": "; ".join(words)},
            code="confirm-needed",
            advice=_(
                "Choose somebody else, or confirm it: then the session can't start until it is on record "
                "or overridden."
            ),
            data={"confirm": ["not-held"], "words": words},
        )


def _taken_by(booking: SessionBooking) -> set[UUID]:
    """The people and the room that the booking took, by their public ids."""
    uses = ResourceUse.objects.filter(booking=booking, resource__patient__isnull=True)
    return {
        person or room
        for person, room in uses.values_list(
            "resource__membership__person__public_id", "resource__room__public_id"
        )
    }


def _resources(
    *, course: Course, starts_at: datetime, people: Sequence[UUID], room_id: UUID | None
) -> list[Resource]:
    """What the booking takes: the patient, the people and the room. Raises BadInput naming whoever does not
    work here on that day."""
    found = [course.patient.resource]
    members = list(
        Membership.objects.select_related("resource", "person").filter(
            clinic_id=course.clinic_id, person__public_id__in=list(people)
        )
    )
    if len(members) != len(set(people)):
        raise BadInput("Somebody chosen does not work in this clinic.", fields={"people": ["Choose again."]})
    day = day_of(starts_at, course.clinic.zone_info)
    away = [
        member.person.printed_name
        for member in members
        if not (member.person.is_active and member.active_on(day))
    ]
    if away:
        words = f"{', '.join(sorted(away))} does not work here on that day."
        raise BadInput(words, fields={"people": [f"{words} Choose somebody else."]})
    found += [member.resource for member in members]
    if room_id is not None:
        room = (
            Room.objects.select_related("resource")
            .filter(clinic_id=course.clinic_id, public_id=room_id)
            .first()
        )
        if room is None or not room.in_use:
            raise BadInput("That room can't be booked.", fields={"room": ["Choose another room."]})
        found.append(room.resource)
    return found


def _take(*, course: Course, booking: SessionBooking, resources: Sequence[Resource]) -> None:
    period = TimestamptzRange(booking.starts_at, booking.ends_at, "[)")
    # Taken in one order: two bookings that want the same room wait for each other instead of deadlocking.
    wanted = Resource.objects.select_for_update(no_key=True).filter(pk__in=[one.pk for one in resources])
    for resource in wanted.order_by("pk"):
        with _free_at_that_time(resource):
            ResourceUse.objects.create(
                clinic_id=course.clinic_id, booking=booking, resource=resource, period=period
            )


@contextmanager
def _free_at_that_time(resource: Resource) -> Iterator[None]:
    """Around the write that takes it. Raises NotNow, naming it, when it is taken by another booking."""
    try:
        # A savepoint, so that the refusal can still read what stands in the way.
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "no_double_booking" not in str(error):
            raise
        who = resource.label or "The patient"
        raise NotNow(
            f"{who} is already booked at that time.",
            code="double-booking",
            advice="Choose another time, or somebody or somewhere else.",
            data={"resource": str(resource.public_id)},
        ) from error


def cancel_row(*, actor: Actor, booking: SessionBooking, reason: str, now: datetime) -> None:
    move_row(
        actor=actor,
        row=booking,
        table=BOOKING_MOVES,
        action="cancel",
        now=now,
        reason=reason,
        columns={"reason": reason},
    )
    free_resources(booking)
    close_tasks(
        actor=actor,
        course=booking.course,
        kinds=[TaskKind.STAFF_GONE, TaskKind.STAFF_AWAY],
        resolution="booking_cancelled",
        now=now,
        booking=booking,
    )


def free_resources(booking: SessionBooking) -> None:
    ResourceUse.objects.filter(booking=booking).update(live=False)


def cancel_booking(*, actor: Actor, booking_id: UUID, reason: str, now: datetime) -> SessionBooking:
    with on_booking(actor=actor, booking_id=booking_id, permission=Permission.BOOK_SESSION, now=now) as (
        _course,
        booking,
    ):
        if booking.status == BookingStatus.CANCELLED:
            return booking
        cancel_row(actor=actor, booking=booking, reason=reason, now=now)
        return booking


def check_in_patient(*, actor: Actor, booking_id: UUID, now: datetime) -> SessionBooking:
    with on_booking(actor=actor, booking_id=booking_id, permission=Permission.CHECK_IN, now=now) as (
        _course,
        booking,
    ):
        move_row(actor=actor, row=booking, table=BOOKING_MOVES, action="check_in", now=now)
        return booking


def undo_check_in(*, actor: Actor, booking_id: UUID, reason: str, now: datetime) -> SessionBooking:
    """The way back when the wrong patient was checked in."""
    with on_booking(actor=actor, booking_id=booking_id, permission=Permission.CHECK_IN, now=now) as (
        _course,
        booking,
    ):
        move_row(
            actor=actor,
            row=booking,
            table=BOOKING_MOVES,
            action="undo_check_in",
            now=now,
            reason=reason,
            columns={"reason": reason},
        )
        return booking


def mark_no_show(*, actor: Actor, booking_id: UUID, now: datetime) -> SessionBooking:
    with on_booking(actor=actor, booking_id=booking_id, permission=Permission.CHECK_IN, now=now) as (
        _course,
        booking,
    ):
        if booking.starts_at > now:
            raise NotNow("The visit has not begun yet.", advice="Mark it once its time has come.")
        move_row(actor=actor, row=booking, table=BOOKING_MOVES, action="mark_no_show", now=now)
        free_resources(booking)
        return booking


def undo_no_show(*, actor: Actor, booking_id: UUID, reason: str, now: datetime) -> SessionBooking:
    """The way back when the patient came after all, or the wrong visit was marked. The booking takes its
    people and its room again: refused when they, or the session itself, were booked anew since."""
    with on_booking(actor=actor, booking_id=booking_id, permission=Permission.CHECK_IN, now=now) as (
        course,
        booking,
    ):
        if course.status not in OPEN_STATUSES:
            raise NotNow("The course has ended; nothing more is booked on it.")
        others = SessionBooking.objects.filter(course=course, key=booking.key, status__in=LIVE_BOOKINGS)
        if others.exclude(pk=booking.pk).exists():
            raise NotNow("This session has been booked anew since.", advice="Cancel that booking first.")
        move_row(
            actor=actor,
            row=booking,
            table=BOOKING_MOVES,
            action="undo_no_show",
            now=now,
            reason=reason,
            columns={"reason": reason},
        )
        uses = ResourceUse.objects.filter(booking=booking).select_related("resource").order_by("resource_id")
        for use in uses.select_for_update(of=("self",)):
            with _free_at_that_time(use.resource):
                ResourceUse.objects.filter(pk=use.pk).update(live=True)
        return booking
