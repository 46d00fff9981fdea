"""What those who hold a session must be licensed for or trained in, in force on its day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from clinic.rules.wall_time import day_of, start_of_day
from protocols.rules.definition import CredentialRule, HeldBy, Move
from sessions.rules.facts import HeldCredential, Somebody
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling.every_shape import shown, unique
from sessions.rules.settling.in_place import NOT_HELD, Standing, settle_in_place
from sessions.rules.timeline import Slot, Timeline


def requirements_of(timeline: Timeline, rule: CredentialRule) -> Iterator[Requirement]:
    for cycle in timeline.cycles_of(rule.per):
        yield settle_in_place(
            timeline,
            rule,
            key=key_of(rule, cycle),
            kind=Kind.CREDENTIAL,
            cycle=cycle,
            standing_at=lambda at, held, cycle=cycle: (  # type: ignore[misc]  # a default in a lambda
                in_session(timeline, rule, held, at=at)
                if held is not None
                else _next_booked(timeline, rule, cycle)
            ),
        )


def in_session(timeline: Timeline, rule: CredentialRule, held: Held, *, at: datetime) -> Standing:
    """Judged of all who were in it, whenever they came."""
    people = [(presence.person_id, presence.roles) for _, presence in held.staff]
    standing = judge(timeline, rule, people, at=at)
    if standing.stands:
        return standing
    lacking = tuple(
        shown(fact, measured="none in force", limit=_named(rule))
        for fact, presence in held.staff
        if presence.person_id in standing.people
    )
    return replace(standing, evidence=unique(lacking))


def standing_before(
    timeline: Timeline,
    rule: CredentialRule,
    *,
    slot: Slot | None,
    held: Held | None,
    people: Sequence[Somebody],
) -> Standing:
    """Of who is about to hold that session now: `people`, else who is in it, else who is booked for it."""
    if not people and held is not None:
        return in_session(timeline, rule, held, at=timeline.as_of)
    booking = timeline.bookings.get(slot.key) if slot is not None else None
    if not people and booking is not None:
        people = booking.people
    return judge(timeline, rule, people, at=timeline.as_of)


def lacking(
    timeline: Timeline, key: str, people: Sequence[Somebody], *, at: datetime
) -> list[tuple[CredentialRule, Standing]]:
    """What these people lack to hold the session of that key at `at`."""
    judged = [(rule, judge(timeline, rule, people, at=at)) for rule in rules_for(timeline, key)]
    return [(rule, standing) for rule, standing in judged if not standing.stands]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What one person does not hold: `last`, what they held or will hold of it, if anything."""

    rule: CredentialRule
    last: HeldCredential | None


def lacked_by_each(
    timeline: Timeline, key: str, people: Sequence[Somebody], *, at: datetime
) -> Mapping[int, Sequence[Lack]]:
    """Of each of these people, were they to hold the session of that key at `at`: what is asked of them, or
    of one among them, that they do not hold."""
    day = day_of(at, timeline.zone)
    found: dict[int, list[Lack]] = {person: [] for person, _roles in people}
    for rule in rules_for(timeline, key):
        for person in _asked(timeline, rule, people, at=at):
            if person not in found or _in_force(timeline, rule, person, day) is not None:
                continue
            theirs = [one for one in timeline.credentials.get(person, ()) if _fits(rule, one)]
            last = max(theirs, key=lambda one: (one.until_on or date.max, one.from_on), default=None)
            found[person].append(Lack(rule=rule, last=last))
    return found


def rules_for(timeline: Timeline, key: str) -> Sequence[CredentialRule]:
    """Those that ask something of who holds the session of that key."""
    slot = timeline.slots.get(key)
    if slot is None:
        return ()
    return [
        rule
        for rule in timeline.definition.rules
        if isinstance(rule, CredentialRule)
        and _is_for(timeline, rule, slot)
        and timeline.meets(rule.when, at=timeline.as_of, cycle=slot.cycle)
    ]


def _is_for(timeline: Timeline, rule: CredentialRule, slot: Slot) -> bool:
    return any(
        meant is slot
        for cycle in timeline.cycles_of(rule.per)
        for block in rule.blocks
        if block.move is not Move.COMPLETE_COURSE
        for meant in timeline.meant_by(block, cycle)
    )


def _next_booked(timeline: Timeline, rule: CredentialRule, cycle: int | None) -> Standing:
    """Of who is booked for the next of those sessions, on its day."""
    booked = [
        timeline.bookings[slot.key]
        for block in rule.blocks
        if block.move is not Move.COMPLETE_COURSE
        for slot in timeline.meant_by(block, cycle)
        if slot.key in timeline.bookings
    ]
    if not booked:
        return Standing(stands=True)
    first = min(booked, key=lambda booking: booking.starts_at)
    return judge(timeline, rule, first.people, at=first.starts_at)


def judge(timeline: Timeline, rule: CredentialRule, people: Iterable[Somebody], *, at: datetime) -> Standing:
    """Whether these people may hold a session at `at`. Of nobody nothing is asked: who was in the room is
    another requirement's to ask."""
    day = day_of(at, timeline.zone)
    people = list(people)
    if not people:
        return Standing(stands=True)
    asked = _asked(timeline, rule, people, at=at)
    found = {person: _in_force(timeline, rule, person, day) for person in asked}
    holding = {person: credential for person, credential in found.items() if credential is not None}
    lacking = tuple(person for person in asked if person not in holding)
    evidence = unique(
        Evidence(
            fact_id=credential.id,
            occurred_at=start_of_day(credential.from_on, timeline.zone),
            measured=credential.code,
        )
        for credential in holding.values()
    )
    if rule.held_by is HeldBy.EVERYBODY:
        if lacking:
            return Standing(stands=False, code=NOT_HELD, people=lacking)
    elif not holding:
        return Standing(stands=False, code="held_by_nobody", people=lacking)
    return Standing(stands=True, evidence=evidence)


def _asked(
    timeline: Timeline, rule: CredentialRule, people: Iterable[Somebody], *, at: datetime
) -> list[int]:
    """Of whom it is asked: those of its roles, or whoever leads the care team then, there or not."""
    if rule.held_by is HeldBy.LEAD_THERAPIST:
        return sorted(
            person
            for person, from_at, until_at in timeline.history.setting.leads
            if from_at <= at and (until_at is None or at < until_at)
        )
    roles = frozenset(role.value for role in rule.roles)
    return sorted(
        person for person, theirs in dict(people).items() if not roles or not theirs or roles & theirs
    )


def _in_force(timeline: Timeline, rule: CredentialRule, person: int, day: date) -> HeldCredential | None:
    """The one that meets the rule on that day; of several, the one that began last."""
    theirs = timeline.credentials.get(person, ())
    return next((one for one in reversed(theirs) if _fits(rule, one) and one.in_force_on(day)), None)


def _fits(rule: CredentialRule, credential: HeldCredential) -> bool:
    return (
        credential.kind == rule.credential if rule.credential is not None else credential.code in rule.any_of
    )


def _named(rule: CredentialRule) -> str:
    return rule.credential.value if rule.credential is not None else ", ".join(sorted(rule.any_of))
