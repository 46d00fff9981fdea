"""The team's room: who is away and who stands in, deputies, and what everybody is licensed for and trained
in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.models import Absence, Clinic, Credential, Deputy, Handover
from clinic.permissions import HouseSubject, Permission, allows, require
from clinic.queries import credentials_of, members_of
from clinic.rules.wall_time import day_of

EXPIRES_SOON = timedelta(days=60)
"""A credential that ends within so many days is shown as expiring. A choice of display."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwayRow:
    absence_id: UUID
    name: str
    from_on: date
    until_on: date
    now: bool
    stand_ins: Sequence[str]  # who has any of their work on these days; nobody: it falls to the coordinator
    may_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoverRow:
    handover_id: UUID
    giver: str
    taker: str
    from_on: date
    until_on: date
    now: bool
    caseload: bool
    calls: bool
    safety_tasks: bool
    may_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeputyRow:
    deputy_id: UUID
    supervisor: str
    deputy: str
    from_on: date
    until_on: date | None
    acts_now: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow:
    credential_id: UUID
    name: str
    person_id: UUID
    kind: str
    code: str
    title: str
    number: str
    issuer: str
    valid_from: date
    valid_until: date | None
    withdrawn_from: date | None
    withdrawal_reason: str
    state: str  # in_force, expiring, expired, not_yet, withdrawn


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    away: Sequence[AwayRow]
    handovers: Sequence[HandoverRow]
    deputies: Sequence[DeputyRow]
    credentials: Sequence[CredentialRow]
    people: Sequence[tuple[str, str]]  # public id, name: who works here today
    for_others: bool  # the actor says of others, too, that they are away, and hands over for them
    deputies_named: bool
    credentials_kept: bool
    reviewers_invited: bool


def team(actor: Actor, *, now: datetime) -> Team:
    """A constant number of queries. Everybody who works here sees who is away and who stands in; credentials
    are one's own, or everybody's for who keeps them."""
    house = HouseSubject(clinic_id=actor.clinic_id)
    require(actor, Permission.VIEW_CLINIC, house)
    for_others = allows(actor, Permission.HAND_OVER, house)
    keeps = allows(actor, Permission.MANAGE_CREDENTIALS, house)
    today = day_of(now, Clinic.objects.get(pk=actor.clinic_id).zone_info)
    ahead = {"clinic_id": actor.clinic_id, "until_at__gt": now}
    handovers = list(
        Handover.objects.filter(**ahead).select_related("giver", "taker").order_by("from_at", "id")
    )
    absences = list(Absence.objects.filter(**ahead).select_related("person").order_by("from_at", "id"))
    gone = {row.person_id for row in absences if row.from_at <= now}
    deputies = Deputy.objects.filter(
        Q(until_at__isnull=True) | Q(until_at__gt=now), clinic_id=actor.clinic_id
    ).select_related("supervisor", "deputy")
    return Team(
        away=[
            AwayRow(
                absence_id=row.public_id,
                name=row.person.printed_name,
                from_on=row.from_on,
                until_on=row.until_on,
                now=row.from_at <= now,
                stand_ins=list(
                    dict.fromkeys(
                        one.taker.printed_name
                        for one in handovers
                        if one.giver_id == row.person_id
                        and one.from_at < row.until_at
                        and one.until_at > row.from_at
                    )
                ),
                may_end=for_others or row.person_id == actor.person_id,
            )
            for row in absences
        ],
        handovers=[
            HandoverRow(
                handover_id=row.public_id,
                giver=row.giver.printed_name,
                taker=row.taker.printed_name,
                from_on=row.from_on,
                until_on=row.until_on,
                now=row.from_at <= now,
                caseload=row.caseload,
                calls=row.calls,
                safety_tasks=row.safety_tasks,
                may_end=for_others or row.giver_id == actor.person_id,
            )
            for row in handovers
        ],
        deputies=[
            DeputyRow(
                deputy_id=row.public_id,
                supervisor=row.supervisor.printed_name,
                deputy=row.deputy.printed_name,
                from_on=row.from_on,
                until_on=row.until_on,
                acts_now=row.supervisor_id in gone and row.from_at <= now,
            )
            for row in sorted(deputies, key=lambda row: row.supervisor.printed_name.casefold())
        ],
        credentials=[
            credential_row(row, today=today)
            for row in credentials_of(actor)
            if keeps or row.person_id == actor.person_id
        ],
        people=[
            (str(one.person.public_id), one.person.printed_name)
            for one in members_of(actor, now=now)
            if one.person.is_active
        ],
        for_others=for_others,
        deputies_named=allows(actor, Permission.NAME_DEPUTIES, house),
        credentials_kept=keeps,
        reviewers_invited=allows(actor, Permission.INVITE_REVIEWERS, house),
    )


def absence_to_end(actor: Actor, absence_id: UUID, *, now: datetime) -> AwayRow:
    """Raises NotFound once it is over, Forbidden for who may not end it."""
    row = next((one for one in team(actor, now=now).away if one.absence_id == absence_id), None)
    if row is None:
        raise NotFound()
    if not row.may_end:
        raise Forbidden()
    return row


def handover_to_end(actor: Actor, handover_id: UUID, *, now: datetime) -> HandoverRow:
    """Raises NotFound once it is over, Forbidden for who may not take it back."""
    row = next((one for one in team(actor, now=now).handovers if one.handover_id == handover_id), None)
    if row is None:
        raise NotFound()
    if not row.may_end:
        raise Forbidden()
    return row


def credential_to_withdraw(actor: Actor, credential_id: UUID, *, now: datetime) -> CredentialRow:
    row = next((one for one in team(actor, now=now).credentials if one.credential_id == credential_id), None)
    if row is None:
        raise NotFound()
    return row


def credential_row(row: Credential, *, today: date) -> CredentialRow:
    if row.withdrawn_from is not None and row.withdrawn_from <= today:
        state = "withdrawn"
    elif row.valid_until is not None and row.valid_until < today:
        state = "expired"
    elif row.valid_from > today:
        state = "not_yet"
    elif row.valid_until is not None and row.valid_until <= today + EXPIRES_SOON:
        state = "expiring"
    else:
        state = "in_force"
    return CredentialRow(
        credential_id=row.public_id,
        name=row.person.printed_name,
        person_id=row.person.public_id,
        kind=row.kind,
        code=row.code,
        title=row.title,
        number=row.number,
        issuer=row.issuer,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        withdrawn_from=row.withdrawn_from,
        withdrawal_reason=row.withdrawal_reason,
        state=state,
    )
