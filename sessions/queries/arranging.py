"""What is needed to book, start or enter a session: who and where, how long, and what stands in the way."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Membership, Person, Room
from clinic.permissions import HouseSubject, Permission, Role, allows
from protocols.queries import definition_of
from protocols.rules.definition import CredentialRule, Move, ProtocolDefinition, SessionRule
from sessions.models import CareTeamMember, Course, FactRecord, ResourceUse
from sessions.models.bookings import LIVE_BOOKINGS, NEVER_HELD
from sessions.queries.away import absences_of, away_from
from sessions.queries.courses import course_for
from sessions.queries.credentials import asks_for_any, missing_of_each
from sessions.queries.gates import GateRow, gate_rows
from sessions.queries.history import history_of
from sessions.queries.plan import RequirementRow, requirement_rows
from sessions.queries.records import records_of
from sessions.queries.words import say
from sessions.rules.engine import timeline_of
from sessions.rules.facts import History
from sessions.rules.gates import gates
from sessions.rules.keys import key_of, parts_of_key
from sessions.rules.kinds.credentials import rules_for


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    person_id: UUID
    name: str
    team_role: str


def team_of(course: Course) -> list[TeamRow]:
    return [
        TeamRow(
            person_id=member.person.public_id, name=member.person.printed_name, team_role=member.team_role
        )
        for member in CareTeamMember.objects.filter(course=course, until_at__isnull=True)
        .select_related("person")
        .order_by("from_at", "id")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    id: UUID
    words: str
    missing: Sequence[str] = ()  # what they would not hold of what is asked

    @property
    def told(self) -> str:
        return " · ".join([self.words, *self.missing])


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingOptions:
    requirement: RequirementRow
    minutes: int
    staff: Sequence[Choice]
    rooms: Sequence[Choice]
    team_ids: Sequence[UUID]
    away: Sequence[str]  # of those whom the visit, as it is booked now, is with
    judged_at: datetime | None  # when what each lacks is told for; None: nobody lacks anything


def staff_choices(actor: Actor, *, roles: Sequence[str] = ()) -> list[Choice]:
    """Who works here, by name; nobody invited from outside, and nobody for who is."""
    return [
        Choice(id=member.person.public_id, words=member.person.printed_name)
        for member in _members(actor, roles=roles)
    ]


def _members(actor: Actor, *, roles: Sequence[str]) -> list[Membership]:
    if not allows(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id)):
        return []
    members = (
        Membership.objects.filter(clinic_id=actor.clinic_id, person__is_active=True)
        .exclude(roles=[Role.OUTSIDE_REVIEWER.value])
        .select_related("person")
    )
    if roles:
        members = members.filter(roles__overlap=list(roles))
    return sorted(members, key=lambda member: member.person.printed_name)


STAFF = (Role.THERAPIST.value, Role.PRESCRIBER.value, Role.SUPERVISOR.value)
"""Who may be in a session."""


def _judged(
    actor: Actor, *, course: Course, definition: ProtocolDefinition, key: str, at: datetime, now: datetime
) -> list[Choice]:
    """Who could hold that session, each with what the protocol asks of them and they would not hold then."""
    members = _members(actor, roles=STAFF)
    if not asks_for_any(definition):
        missing: Mapping[int, Sequence[str]] = {}
    else:
        missing = missing_of_each(
            course=course,
            definition=definition,
            history=history_of(course),
            key=key,
            people=[(member.person_id, frozenset(member.roles)) for member in members],
            at=at,
            now=now,
        )
    return [
        Choice(
            id=member.person.public_id,
            words=member.person.printed_name,
            missing=tuple(missing.get(member.person_id, ())),
        )
        for member in members
    ]


def _with_absences(choices: Sequence[Choice], *, clinic_id: int, now: datetime) -> list[Choice]:
    """Each with the days on which they are away, so that nobody chooses them for one of those unawares."""
    away = absences_of(clinic_id=clinic_id, now=now)
    return [
        replace(one, words=" ".join([one.words, *(_away_words(*days) for days in away.get(one.id, ()))]))
        for one in choices
    ]


def _away_words(first: date, last: date) -> str:
    if first == last:
        return _("(away %(day)s)") % {"day": date_format(first, "j M")}
    return _("(away %(first)s to %(last)s)") % {
        "first": date_format(first, "j M"),
        "last": date_format(last, "j M"),
    }


def booking_options(
    actor: Actor, course_id: UUID, key: str, *, at: datetime | None = None, now: datetime
) -> BookingOptions:
    """`at`: when it is to be, where that is said already; else what each is licensed for is told for the
    time it is booked for, or aimed at."""
    course = course_for(actor, course_id, Permission.BOOK_SESSION)
    definition = definition_of(course.protocol_version_id)
    row = next(
        (row for row in requirement_rows(course=course, definition=definition, records=()) if row.key == key),
        None,
    )
    if row is None:
        raise NotFound()
    rule = definition.rule(row.rule)
    if not isinstance(rule, SessionRule):
        raise NotFound()
    judged_at = at or (row.booking.starts_at if row.booking else None) or row.target_at or now
    staff = _judged(actor, course=course, definition=definition, key=key, at=judged_at, now=now)
    return BookingOptions(
        requirement=row,
        minutes=rule.minutes.value,
        staff=_with_absences(staff, clinic_id=actor.clinic_id, now=now),
        judged_at=judged_at if any(one.missing for one in staff) else None,
        away=away_from([row.booking.pk]).get(row.booking.pk, ()) if row.booking else (),
        rooms=[
            Choice(id=room.public_id, words=room.name)
            for room in sorted(
                Room.objects.filter(clinic_id=actor.clinic_id, in_use=True), key=lambda room: room.name
            )
        ],
        team_ids=[
            member.person_id
            for member in team_of(course)
            if member.team_role in ("lead_therapist", "co_therapist")
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionForm:
    """What the form to start or log a session offers."""

    banner_code: str
    course: Course
    row: RequirementRow | None
    kind: str
    minutes: int
    items: Sequence[tuple[str, str]]  # checklist code, words
    staff: Sequence[Choice]
    team_ids: Sequence[UUID]
    gates: Sequence[GateRow]
    others: Sequence[tuple[str, str]]  # key, words: what the actor may override for somebody not booked


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who could hold a session, for an override that is about them."""

    choices: Sequence[Choice]
    chosen: Sequence[UUID]  # who is booked for it, or in it


def holders_for(
    actor: Actor, course_id: UUID, key: str, session_key: str, *, now: datetime
) -> Holders | None:
    """None where what requirement `key` asks is not about people."""
    course = course_for(actor, course_id)
    definition = definition_of(course.protocol_version_id)
    code, _cycle, _occurrence = parts_of_key(definition=definition, key=key)
    if not any(isinstance(rule, CredentialRule) and rule.code == code for rule in definition.rules):
        return None
    chosen = Person.objects.filter(pk__in=conductors(course=course, key=session_key))
    return Holders(
        choices=_judged(actor, course=course, definition=definition, key=session_key, at=now, now=now),
        chosen=list(chosen.values_list("public_id", flat=True)),
    )


def conductors(*, course: Course, key: str) -> set[int]:
    """Who is to conduct, or conducts, the session of that key: booked for it, or present in it."""
    booked = set(
        ResourceUse.objects.filter(
            booking__course=course,
            booking__key=key,
            booking__status__in=LIVE_BOOKINGS,
            live=True,
            resource__membership__isnull=False,
        ).values_list("resource__membership__person_id", flat=True)
    )
    present = set(
        FactRecord.objects.filter(course=course, key=key, kind="staff_present")
        .exclude(session_record__status__in=NEVER_HELD)
        .values_list("value__person_id", flat=True)
    )
    return booked | present


def _for_others(
    actor: Actor,
    definition: ProtocolDefinition,
    history: History,
    key: str,
    closed: Collection[str],
    now: datetime,
) -> list[tuple[str, str]]:
    """What is asked of who holds it, is not missing as it is booked, and is the actor's to override."""
    timeline = timeline_of(definition=definition, history=history, as_of=now)
    slot = timeline.slots.get(key)
    if slot is None:
        return []
    mine = {role.value for role in actor.roles}
    asked = [
        (key_of(rule, slot.cycle if rule.per else None), say(rule.words))
        for rule in rules_for(timeline, key)
        if all(mine & {role.value for role in block.override} for block in rule.blocks)
    ]
    return [one for one in asked if one[0] not in closed]


def session_form(
    actor: Actor, course_id: UUID, key: str, *, at: datetime | None = None, now: datetime
) -> SessionForm:
    """`at`: when it was held, of one that is entered afterwards."""
    course = course_for(actor, course_id)
    definition = definition_of(course.protocol_version_id)
    records = records_of(course)
    row = next(
        (
            one
            for one in requirement_rows(course=course, definition=definition, records=records)
            if one.key == key
        ),
        None,
    )
    if row is None:
        raise NotFound()
    rule = definition.rule(row.rule)
    if not isinstance(rule, SessionRule):
        raise NotFound()
    history = history_of(course)
    closed = gates(definition=definition, history=history, as_of=now, move=Move.START_SESSION, key=key)
    return SessionForm(
        banner_code=course.patient.code,
        course=course,
        row=row,
        kind=rule.kind.value,
        minutes=rule.minutes.value,
        items=[(item.code, say(item.words)) for item in rule.checklist],
        staff=_judged(actor, course=course, definition=definition, key=key, at=at or now, now=now),
        team_ids=[
            member.person_id
            for member in team_of(course)
            if member.team_role in ("lead_therapist", "co_therapist")
        ],
        gates=gate_rows(actor=actor, definition=definition, history=history, closed=closed),
        others=_for_others(actor, definition, history, key, {gate.key for gate in closed}, now),
    )
