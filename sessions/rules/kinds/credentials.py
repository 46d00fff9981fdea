"""What those who hold a session must be licensed for or trained in, in force on its day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from clinic.rules.wall_time import day_of, start_of_day
from protocols.rules.definition import CredentialRule, HeldBy, Move
from sessions.rules.facts import HeldCredential, Somebody
from sessions.rules.keys import key_of
from sessions.rules.known import Held
from sessions.rules.requirements import Evidence, Kind, Requirement
from sessions.rules.settling import Standing, settle_in_place, shown, unique
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
        shown(fact, measured="none in force", limit=_asked(rule))
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
    slot = timeline.slots.get(key)
    if slot is None:
        return []
    found = []
    for rule in timeline.definition.rules:
        if not isinstance(rule, CredentialRule) or not _is_for(timeline, rule, slot):
            continue
        standing = judge(timeline, rule, people, at=at)
        if not standing.stands and timeline.meets(rule.when, at=timeline.as_of, cycle=slot.cycle):
            found.append((rule, standing))
    return found


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
    known = dict(people)
    if not known:
        return Standing(stands=True)
    roles = frozenset(role.value for role in rule.roles)
    asked = sorted(person for person, theirs in known.items() if not roles or not theirs or roles & theirs)
    if rule.held_by is HeldBy.LEAD_THERAPIST:
        asked = sorted(
            person
            for person, from_at, until_at in timeline.history.setting.leads
            if from_at <= at and (until_at is None or at < until_at)
        )
    holding: dict[int, HeldCredential] = {}
    for person in asked:
        for credential in timeline.credentials.get(person, ()):
            if _fits(rule, credential) and credential.in_force_on(day):
                holding[person] = credential
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
            return Standing(stands=False, code="not_held", people=lacking)
    elif not holding:
        return Standing(stands=False, code="held_by_nobody", people=lacking)
    return Standing(stands=True, evidence=evidence)


def _fits(rule: CredentialRule, credential: HeldCredential) -> bool:
    return (
        credential.kind == rule.credential if rule.credential is not None else credential.code in rule.any_of
    )


def _asked(rule: CredentialRule) -> str:
    return rule.credential.value if rule.credential is not None else ", ".join(sorted(rule.any_of))
