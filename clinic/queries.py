"""Reads of the house: where a person works, who works in a clinic, how the reminders are doing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from clinic.actors import Actor
from clinic.models import Clinic, ClockReading, Credential, CredentialKind, Membership, Person, Room
from clinic.permissions import HouseSubject, Permission, Role, require

LATE_AFTER = timedelta(seconds=120)


def clinics_of(person: Person, now: datetime) -> list[Clinic]:
    """The clinics a person works in today, each by its own calendar. One query."""
    memberships = Membership.objects.filter(person=person).select_related("clinic")
    found = [
        membership.clinic
        for membership in memberships
        if membership.active_on(now.astimezone(membership.clinic.zone_info).date())
    ]
    return sorted(found, key=lambda clinic: clinic.name.casefold())


def members_of(actor: Actor, *, role: Role | None = None, now: datetime) -> list[Membership]:
    """Who works in the actor's clinic today, sorted by name; nobody invited from outside. One query."""
    require(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
    memberships = (
        Membership.objects.standing_at(now)
        .filter(clinic_id=actor.clinic_id)
        .exclude(roles=[Role.OUTSIDE_REVIEWER.value])
        .select_related("person", "clinic")
    )
    if role is not None:
        memberships = memberships.filter(roles__contains=[role.value])
    found = [
        membership
        for membership in memberships
        if membership.active_on(now.astimezone(membership.clinic.zone_info).date())
    ]
    return sorted(found, key=lambda membership: membership.person.printed_name.casefold())


def clock_standing() -> dict[str, object]:
    """Whether the loop trusts the database's clock, for the health page. One query."""
    jumps = [
        jump.total_seconds()
        for jump in ClockReading.objects.filter(jumped_by__isnull=False).values_list("jumped_by", flat=True)
        if jump is not None
    ]
    most = max(jumps, key=abs, default=0.0)
    return {"ok": not jumps, "held": any(jump > 0 for jump in jumps), "jumped_by_seconds": round(most, 1)}


def texts_possible(clinic: Clinic) -> bool:
    return bool(settings.TEXT_URL and clinic.text_sender)


def texted_members(*, clinic: Clinic, people: Collection[int]) -> dict[int, Membership]:
    """Person → their membership, of those whom the clinic can text: their number is confirmed. One query."""
    if not texts_possible(clinic):
        return {}
    members = Membership.objects.filter(
        clinic=clinic, person_id__in=people, text_number_confirmed_at__isnull=False
    )
    return {one.person_id: one for one in members}


def rooms_of(actor: Actor) -> QuerySet[Room]:
    require(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
    return Room.objects.filter(clinic_id=actor.clinic_id, in_use=True).order_by("name")


def administered_by(person: Person, now: datetime) -> list[int]:
    """Ids of the clinics in which the person is an administrator today."""
    memberships = Membership.objects.filter(
        person=person, roles__contains=[Role.ADMINISTRATOR.value]
    ).select_related("clinic")
    return [
        membership.clinic_id
        for membership in memberships
        if membership.active_on(now.astimezone(membership.clinic.zone_info).date())
    ]


def in_force_on(day: date) -> Q:
    """The credentials that count on that day; `Credential.in_force_on` says the same of one row."""
    return (
        Q(valid_from__lte=day)
        & (Q(valid_until__isnull=True) | Q(valid_until__gte=day))
        & (Q(withdrawn_from__isnull=True) | Q(withdrawn_from__gt=day))
    )


def licensed_on(*, clinic_id: int, day: date, people: Collection[int] | None = None) -> frozenset[int]:
    """Ids of those (of `people`, or of all) who hold a licence to practise on that day of the clinic. One
    query."""
    rows = Credential.objects.filter(in_force_on(day), clinic_id=clinic_id, kind=CredentialKind.LICENCE.value)
    if people is not None:
        rows = rows.filter(person_id__in=people)
    return frozenset(rows.values_list("person_id", flat=True))


def credentials_of(actor: Actor, person: Person | None = None) -> list[Credential]:
    """Of one person, or of everybody here: by name, what ends first on top. One query."""
    rows = Credential.objects.filter(clinic_id=actor.clinic_id).select_related("person", "recorded_by")
    if person is not None:
        rows = rows.filter(person=person)
    return sorted(
        rows, key=lambda row: (row.person.printed_name.casefold(), row.valid_until or date.max, row.pk)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminders:
    """How the outbox is doing. `late` is against the time a message was planned for; `twice` counts messages
    accepted more than once, `uncertain` those nobody can be sure of."""

    lag_seconds: float
    by_state: Mapping[str, int]
    oldest_uncertain_at: datetime | None
    due_today: int
    sent_today: int
    late_today: int
    twice_today: int
    uncertain_today: int
    failed_today: int

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What was due on one day of a clinic, and what became of it."""

    on: date
    due: int
    sent: int
    late: int
    twice: int
    uncertain: int
    failed: int
    waiting: int


LeftOut = Callable[[int | None], Collection[str]]
_left_out: list[LeftOut] = []


def register_left_out(subjects: LeftOut) -> None:
    """`subjects(clinic_id)` names what no message is counted of, of one clinic or of all: the first two parts
    of their subject keys, such as `course:7`."""
    _left_out.append(subjects)


def _uncounted(clinic_id: int | None) -> list[str]:
    return sorted({one for subjects in _left_out for one in subjects(clinic_id)})


# Of what was entered in error the records go, and with them what was written about it.
_COUNTED = """(cardinality(%(left_out)s::text[]) = 0
           OR split_part(subject_key, ':', 1) || ':' || split_part(subject_key, ':', 2)
               <> ALL (%(left_out)s::text[]))"""
_BY_DAY = """
WITH told AS (
    SELECT (send_at AT TIME ZONE %(zone)s)::date AS day, state,
           state IN ('handed_off', 'delivered') AS sent,
           finished_at > greatest(local_at AT TIME ZONE zone, planned_at)
               + make_interval(secs => %(late)s) AS late,
           CASE WHEN attempt > 1 THEN (
               SELECT count(*) FROM clinic_messageattempt a
               WHERE a.clinic_id = l.clinic_id AND a.message_id = l.id AND a.result = 'accepted') > 1
           ELSE false END AS twice
    FROM clinic_messagelog l
    WHERE clinic_id = %(clinic)s AND state <> 'cancelled'
      AND finished_at >= %(since)s AND send_at >= %(since)s
      AND {counted}
    UNION ALL
    SELECT (send_at AT TIME ZONE %(zone)s)::date, state, false, false, false
    FROM clinic_message WHERE clinic_id = %(clinic)s AND send_at <= %(now)s
      AND {counted}
)
SELECT day, count(*), count(*) FILTER (WHERE sent), count(*) FILTER (WHERE sent AND late),
       count(*) FILTER (WHERE twice), count(*) FILTER (WHERE state = 'uncertain'),
       count(*) FILTER (WHERE state IN ('failed', 'expired')),
       count(*) FILTER (WHERE state IN ('planned', 'leased'))
FROM told GROUP BY day ORDER BY day DESC
""".replace("{counted}", _COUNTED)


def reminders_by_day(actor: Actor, *, zone: str, now: datetime, since: datetime) -> list[Day]:
    """Newest first, by the clinic's own days; a day on which nothing was due is left out. A constant number
    of queries."""
    values: dict[str, int | str | float | datetime | list[str]] = {
        "clinic": actor.clinic_id,
        "zone": zone,
        "now": now,
        "since": since,
        "late": LATE_AFTER.total_seconds(),
        "left_out": _uncounted(actor.clinic_id),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BY_DAY, values)
        names = ("on", "due", "sent", "late", "twice", "uncertain", "failed", "waiting")
        return [Day(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


_WAITING = """
SELECT coalesce(extract(epoch FROM %(now)s - min(send_at) FILTER (
           WHERE send_at <= %(now)s AND state IN ('planned', 'uncertain'))), 0),
       count(*) FILTER (WHERE state = 'planned'), count(*) FILTER (WHERE state = 'leased'),
       count(*) FILTER (WHERE state = 'uncertain'), min(send_at) FILTER (WHERE state = 'uncertain'),
       count(*) FILTER (WHERE send_at <= %(now)s)
FROM clinic_message WHERE (%(clinic)s::bigint IS NULL OR clinic_id = %(clinic)s::bigint)
  AND {counted}
""".replace("{counted}", _COUNTED)
_FINISHED = """
SELECT count(*) FILTER (WHERE state <> 'cancelled'),
       count(*) FILTER (WHERE state IN ('handed_off', 'delivered')),
       count(*) FILTER (WHERE state IN ('handed_off', 'delivered')
           AND finished_at > greatest(local_at AT TIME ZONE zone, planned_at)
               + make_interval(secs => %(late)s)),
       count(*) FILTER (WHERE state = 'uncertain'), count(*) FILTER (WHERE state IN ('failed', 'expired')),
       count(*) FILTER (WHERE attempt > 1 AND (
           SELECT count(*) FROM clinic_messageattempt a
           WHERE a.clinic_id = l.clinic_id AND a.message_id = l.id AND a.result = 'accepted') > 1)
FROM clinic_messagelog l
WHERE clinic_id IN (SELECT id FROM clinic_clinic WHERE %(clinic)s::bigint IS NULL OR id = %(clinic)s::bigint)
  AND finished_at >= %(since)s
  AND {counted}
""".replace("{counted}", _COUNTED)


def reminders(*, now: datetime, since: datetime, clinic_id: int | None = None) -> Reminders:
    """Of one clinic, or of all. A constant number of queries, however many messages."""
    values = {
        "now": now,
        "since": since,
        "clinic": clinic_id,
        "late": LATE_AFTER.total_seconds(),
        "left_out": _uncounted(clinic_id),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, values)
        lag, planned, leased, uncertain, oldest, due = cursor.fetchone() or (0, 0, 0, 0, None, 0)
        cursor.execute(_FINISHED, values)
        finished, sent, late, lost, failed, twice = cursor.fetchone() or (0, 0, 0, 0, 0, 0)
    return Reminders(
        lag_seconds=round(float(lag), 1),
        by_state={"planned": planned, "leased": leased, "uncertain": uncertain},
        oldest_uncertain_at=oldest,
        due_today=due + finished,
        sent_today=sent,
        late_today=late,
        twice_today=twice,
        uncertain_today=uncertain + lost,
        failed_today=failed,
    )
