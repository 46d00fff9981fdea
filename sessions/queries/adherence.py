"""Adherence as met on time of all that came due, summed in the database: for a course, a therapist, a pair, a
protocol version, the clinic, a period; by kind, by cause; and the rows behind every number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import TruncMonth

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.models import Clinic, Person
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.wall_time import start_of_day
from protocols.models import ProtocolVersion
from protocols.queries import definitions_of
from sessions.models import CareTeamMember, Course, CourseRequirement
from sessions.models.courses import THERAPISTS, TeamRole
from sessions.queries.courses import courses_for
from sessions.queries.words import label, name_of_version
from sessions.rules.adherence import CAUSES
from sessions.rules.statistics.proportions import Count as Counted

COUNTS = Q(firm=True, came_due_at__isnull=False) & ~Q(status="withdrawn")
"""`rules.adherence.counts`, of a stored row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which requirements are asked about; what is None or empty narrows nothing. People and things by their
    public ids, days of the clinic's zone, both included."""

    course: UUID | None = None
    therapist: UUID | None = None  # lead or co-therapist when it came due
    lead: UUID | None = None
    co: UUID | None = None
    version: UUID | None = None
    from_on: date | None = None
    until_on: date | None = None
    kind: str = ""
    status: str = ""  # a status, or "departed" for all but those met
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """Counts and weights. `few`: too few came due to say anything with a percentage, by the clinic's own
    threshold."""

    met: int = 0
    came_due: int = 0
    met_weight: Decimal = Decimal(0)
    due_weight: Decimal = Decimal(0)
    few: bool = True

    @property
    def departed(self) -> int:
        return self.came_due - self.met

    @property
    def ratio(self) -> Decimal | None:
        """By weight; None while nothing came due."""
        return self.met_weight / self.due_weight if self.due_weight else None

    @property
    def count(self) -> Counted:
        return Counted(met=self.met, of=self.came_due)

    @property
    def weighted(self) -> bool:
        """Whether the weights that protocols give come to another share than counting does. Not whether their
        sum is the count: what weighs half and what weighs one and a half are two things that weigh two."""
        return self.met_weight * self.came_due != self.met * self.due_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The total of one of several: a kind, a version, a therapist, a pair, a month."""

    name: str
    total: Total
    narrow: Mapping[str, str] = field(default_factory=dict)  # what to ask for to see only these


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    total: Total
    kinds: Sequence[Named]
    versions: Sequence[Named]
    causes: Mapping[str, int]  # of the departures


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """By name, in the order of the alphabet. `nobody`: what came due while a course had no therapist."""

    therapists: Sequence[Named]
    pairs: Sequence[Named]
    all_together: Total
    nobody: Total


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One requirement that came due."""

    id: UUID
    course_id: UUID
    patient: str
    what: str
    kind: str
    status: str
    cause: str
    came_due_at: datetime
    evidence: int  # how many records bear on it


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What may be narrowed to: public ids with words, by name."""

    therapists: Sequence[tuple[str, str]]
    versions: Sequence[tuple[str, str]]


_SUMS = {
    "met": Count("id", filter=Q(status="met")),
    "due": Count("id"),
    "met_weight": Sum("weight", filter=Q(status="met")),
    "due_weight": Sum("weight"),
}


def summary(actor: Actor, asked: Asked, *, clinic: Clinic, within: QuerySet[Course] | None = None) -> Summary:
    """One query for the numbers, and one for the versions' names. `within` as in `counted`."""
    grouped = list(
        counted(actor, asked, clinic=clinic, within=within)
        .values("kind", "protocol_version_id", "cause")
        .annotate(**_SUMS)
        .order_by()
    )
    titles = {
        row.pk: row
        for row in ProtocolVersion.objects.filter(pk__in={one["protocol_version_id"] for one in grouped})
    }
    definitions = definitions_of(set(titles))
    causes = dict.fromkeys(CAUSES, 0)
    for one in grouped:
        if one["due"] > one["met"]:
            cause = one["cause"] or "clinic"
            causes[cause] = causes.get(cause, 0) + one["due"] - one["met"]
    kinds = _split(grouped, "kind", clinic=clinic)
    versions = _split(grouped, "protocol_version_id", clinic=clinic)
    return Summary(
        total=_total(grouped, clinic=clinic),
        kinds=[Named(name=kind, total=kinds[kind], narrow={"kind": kind}) for kind in sorted(kinds)],
        versions=sorted(
            (
                Named(
                    name=name_of_version(definitions[pk]),
                    total=total,
                    narrow={"version": str(titles[pk].public_id)},
                )
                for pk, total in versions.items()
            ),
            key=lambda one: one.name,
        ),
        causes=causes,
    )


def may_compare(actor: Actor) -> bool:
    """Whoever sees the adherence of the whole clinic may see its therapists side by side."""
    return allows(actor, Permission.VIEW_ADHERENCE, HouseSubject(clinic_id=actor.clinic_id))


def comparison(
    actor: Actor, asked: Asked, *, clinic: Clinic, within: QuerySet[Course] | None = None
) -> Comparison:
    """Therapists and pairs, of one query and one for their names. Raises Forbidden for whoever sees only
    their own patients."""
    if not may_compare(actor):
        raise Forbidden()
    grouped = list(
        counted(actor, asked, clinic=clinic, within=within)
        .annotate(lead_id=_held(TeamRole.LEAD_THERAPIST), co_id=_held(TeamRole.CO_THERAPIST))
        .values("lead_id", "co_id")
        .annotate(**_SUMS)
        .order_by()
    )
    people = Person.objects.in_bulk({one[who] for one in grouped for who in ("lead_id", "co_id") if one[who]})

    def of(*rows: Mapping[str, Any]) -> Total:
        return _total(rows, clinic=clinic)

    each = [
        Named(
            name=person.printed_name,
            total=of(*(one for one in grouped if pk in (one["lead_id"], one["co_id"]))),
            narrow={"therapist": str(person.public_id)},
        )
        for pk, person in people.items()
    ]
    pairs = [
        Named(
            name=f"{lead.printed_name}, {co.printed_name}",
            total=of(one),
            narrow={"lead": str(lead.public_id), "co": str(co.public_id)},
        )
        for one in grouped
        if (lead := people.get(one["lead_id"])) and (co := people.get(one["co_id"]))
    ]
    return Comparison(
        therapists=sorted(each, key=_by_name),
        pairs=sorted(pairs, key=_by_name),
        all_together=of(*(one for one in grouped if one["lead_id"] or one["co_id"])),
        nobody=of(*(one for one in grouped if not one["lead_id"] and not one["co_id"])),
    )


def _by_name(one: Named) -> tuple[str, str]:
    return (one.name.casefold(), str(sorted(one.narrow.items())))


def months(
    actor: Actor, asked: Asked, *, clinic: Clinic, within: QuerySet[Course] | None = None
) -> Sequence[tuple[date, Total]]:
    """By month of the clinic's calendar, the months between in which nothing came due included."""
    found = {
        one["month"].date(): _total([one], clinic=clinic)
        for one in counted(actor, asked, clinic=clinic, within=within)
        .annotate(month=TruncMonth("came_due_at", tzinfo=clinic.zone_info))
        .values("month")
        .annotate(**_SUMS)
        .order_by("month")
    }
    if not found:
        return []
    month, last, filled = min(found), max(found), []
    while month <= last:
        filled.append((month, found.get(month, Total())))
        month = last_of_month(month) + timedelta(days=1)
    return filled


def last_of_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


PAGE = 100


def rows(
    actor: Actor, asked: Asked, *, clinic: Clinic, after: str = "", limit: int = PAGE
) -> tuple[Sequence[Row], str]:
    """The requirements behind a number, as they came due, and the cursor of the next page ("" at the end)."""
    found = counted(actor, asked, clinic=clinic)
    if last := _found(found, after):
        found = found.filter(
            Q(came_due_at__gt=last.came_due_at) | Q(came_due_at=last.came_due_at, pk__gt=last.pk)
        )
    page = list(found.select_related("course__patient").order_by("came_due_at", "pk")[: limit + 1])
    definitions = definitions_of({row.protocol_version_id for row in page})
    return [
        Row(
            id=row.public_id,
            course_id=row.course.public_id,
            patient=row.course.patient.code,
            what=label(
                definition=definitions[row.protocol_version_id],
                rule=row.rule,
                cycle=row.cycle,
                occurrence=row.occurrence,
                key=row.key,
            ),
            kind=row.kind,
            status=row.status,
            cause=(row.cause or "clinic") if row.status != "met" else "",
            came_due_at=row.came_due_at,
            evidence=len(row.evidence),
        )
        for row in page[:limit]
        if row.came_due_at is not None
    ], str(page[limit - 1].public_id) if len(page) > limit else ""


def _found(found: QuerySet[CourseRequirement], after: str) -> CourseRequirement | None:
    try:
        return found.filter(public_id=UUID(after)).first()
    except ValueError:
        return None


def choices(actor: Actor) -> Choices:
    """Therapists only for whoever may compare them."""
    seen = courses_for(actor, Permission.VIEW_ADHERENCE)
    people: Iterable[Person] = (
        Person.objects.filter(
            Exists(
                CareTeamMember.objects.filter(
                    person=OuterRef("pk"), clinic_id=actor.clinic_id, team_role__in=THERAPISTS
                )
            )
        )
        if may_compare(actor)
        else ()
    )
    versions = ProtocolVersion.objects.filter(pk__in=seen.values("protocol_version_id"))
    definitions = definitions_of({version.pk for version in versions})
    return Choices(
        therapists=sorted(
            ((str(person.public_id), person.printed_name) for person in people),
            key=lambda one: one[1].casefold(),
        ),
        versions=sorted(
            ((str(version.public_id), name_of_version(definitions[version.pk])) for version in versions),
            key=lambda one: one[1],
        ),
    )


def counted(
    actor: Actor, asked: Asked, *, clinic: Clinic, within: QuerySet[Course] | None = None
) -> QuerySet[CourseRequirement]:
    """The requirements that count and that the actor may see, narrowed to what is asked. `within`: of these
    courses of the clinic instead, where a permission of another kind was asked for them."""
    seen = courses_for(actor, Permission.VIEW_ADHERENCE) if within is None else within
    if asked.course is not None:
        seen = seen.filter(public_id=asked.course)
    found = CourseRequirement.objects.filter(COUNTS, clinic_id=actor.clinic_id, course__in=seen)
    if asked.therapist is not None:
        found = found.filter(_was_there(asked.therapist, *THERAPISTS))
    if asked.lead is not None:
        found = found.filter(_was_there(asked.lead, TeamRole.LEAD_THERAPIST))
    if asked.co is not None:
        found = found.filter(_was_there(asked.co, TeamRole.CO_THERAPIST))
    if asked.version is not None:
        found = found.filter(protocol_version__public_id=asked.version)
    if asked.from_on is not None:
        found = found.filter(came_due_at__gte=start_of_day(asked.from_on, clinic.zone_info))
    if asked.until_on is not None:
        found = found.filter(
            came_due_at__lt=start_of_day(asked.until_on + timedelta(days=1), clinic.zone_info)
        )
    if asked.kind:
        found = found.filter(kind=asked.kind)
    if asked.status == "departed":
        found = found.exclude(status="met")
    elif asked.status:
        found = found.filter(status=asked.status)
    if asked.cause:
        named = Q(cause=asked.cause) | (Q(cause="") if asked.cause == "clinic" else Q(pk__in=[]))
        found = found.filter(named).exclude(status="met")
    return found


def _team_then() -> QuerySet[CareTeamMember]:
    """The care team of a requirement's course at the instant at which it came due."""
    return CareTeamMember.objects.filter(
        Q(until_at__isnull=True) | Q(until_at__gt=OuterRef("came_due_at")),
        course_id=OuterRef("course_id"),
        from_at__lte=OuterRef("came_due_at"),
    )


def _was_there(person: UUID, *roles: TeamRole) -> Exists:
    return Exists(_team_then().filter(person__public_id=person, team_role__in=roles))


def _held(role: TeamRole) -> Subquery:
    return Subquery(_team_then().filter(team_role=role).order_by("from_at", "pk").values("person_id")[:1])


def _split(grouped: Sequence[Mapping[str, Any]], by: str, *, clinic: Clinic) -> dict[Any, Total]:
    parts: dict[Any, list[Mapping[str, Any]]] = {}
    for one in grouped:
        parts.setdefault(one[by], []).append(one)
    return {part: _total(of, clinic=clinic) for part, of in parts.items()}


def _total(grouped: Iterable[Mapping[str, Any]], *, clinic: Clinic) -> Total:
    grouped = list(grouped)
    came_due = sum(one["due"] for one in grouped)
    return Total(
        met=sum(one["met"] for one in grouped),
        came_due=came_due,
        met_weight=sum((one["met_weight"] or Decimal(0) for one in grouped), Decimal(0)),
        due_weight=sum((one["due_weight"] or Decimal(0) for one in grouped), Decimal(0)),
        few=came_due < clinic.small_number,
    )
