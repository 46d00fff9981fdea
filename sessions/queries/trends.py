"""Trends as supervisors see them: the same deviation again and again, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Q
from django.db.models.functions import Coalesce

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import HouseSubject, Permission, allows, require
from protocols.queries import definition_of, definitions_of, protocols
from protocols.rules.definition import ProtocolDefinition
from sessions.models import DeviationPolicy, DeviationTrend, ReportingClock, TrendReview
from sessions.queries.authors import trend_subject
from sessions.queries.supervision import DeviationRow, rows_of
from sessions.queries.words import rule_words, say

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    trend_id: UUID
    scope: str  # clinic, protocol, therapist
    where: str  # the protocol's title or the therapist's name; "" for the whole clinic
    what: str  # the rule in the protocol's words
    count: int
    threshold: int
    days: int
    raised_at: datetime
    newest_at: datetime
    closed_at: datetime | None
    withdrawn: bool  # closed by no review: it was none without what was entered in error


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDetail:
    row: TrendRow
    members: Sequence[DeviationRow]
    reviews: Sequence[TrendReview]
    can_review: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the clinic set: the policy as it is and was, newest first, and its clocks."""

    policies: Sequence[DeviationPolicy]
    clocks: Sequence[ReportingClock]
    can_change: bool


# One that was disproved since stays listed, and counts no more; one entered in error is not there at all. A
# join passes the manager by that leaves it out.
_STANDS = Q(members__deviation__entered_in_error__isnull=True)
_COUNTED = Count("members", filter=_STANDS & Q(members__deviation__documented_late_at__isnull=True))
_NEWEST = Coalesce(Max("members__deviation__occurred_at", filter=_STANDS), "raised_at")


def sees_trends(actor: Actor) -> bool:
    """Whoever sees the deviations of the whole clinic."""
    return allows(actor, Permission.VIEW_DEVIATIONS, HouseSubject(clinic_id=actor.clinic_id))


def open_trends(actor: Actor) -> int:
    if not sees_trends(actor):
        return 0
    return DeviationTrend.objects.filter(clinic_id=actor.clinic_id, closed_at__isnull=True).count()


def trends(
    actor: Actor, *, closed: bool = False, after: UUID | None = None, limit: int = PAGE
) -> tuple[Sequence[TrendRow], UUID | None]:
    """One page, oldest first, and the cursor of the next. None for who sees only some patients."""
    if not sees_trends(actor):
        return [], None
    rows = DeviationTrend.objects.filter(clinic_id=actor.clinic_id, closed_at__isnull=not closed)
    if after is not None:
        last = DeviationTrend.objects.filter(clinic_id=actor.clinic_id, public_id=after).first()
        if last is not None:
            rows = rows.filter(Q(raised_at__gt=last.raised_at) | Q(raised_at=last.raised_at, pk__gt=last.pk))
    found = list(
        rows.select_related("therapist")
        .annotate(
            count=_COUNTED,
            newest_at=_NEWEST,
            version_id=Max("members__deviation__protocol_version_id"),
        )
        .order_by("raised_at", "pk")[: limit + 1]
    )
    page = found[:limit]
    definitions = definitions_of({row.version_id for row in page})
    return [_row(row, definitions[row.version_id]) for row in page], (
        page[-1].public_id if len(found) > limit else None
    )


def _row(row: DeviationTrend, definition: ProtocolDefinition) -> TrendRow:
    counted: int = row.count  # type: ignore[attr-defined]  # annotated by both readers
    newest_at: datetime = row.newest_at  # type: ignore[attr-defined]
    where = {
        "clinic": "",
        "protocol": say(definition.title),
        "therapist": row.therapist.printed_name if row.therapist else "",
    }[row.scope]
    return TrendRow(
        trend_id=row.public_id,
        scope=row.scope,
        where=where,
        what=rule_words(definition, row.rule, kind=row.kind),
        count=counted,
        threshold=row.threshold,
        days=row.days,
        raised_at=row.raised_at,
        newest_at=newest_at,
        closed_at=row.closed_at,
        withdrawn=row.withdrawn,
    )


def trend(actor: Actor, trend_id: UUID, *, now: datetime) -> TrendDetail:
    """One with its newest deviations. Raises NotFound for who sees only some patients."""
    if not sees_trends(actor):
        raise NotFound()
    row = (
        DeviationTrend.objects.filter(clinic_id=actor.clinic_id, public_id=trend_id)
        .select_related("therapist")
        .annotate(
            count=_COUNTED,
            newest_at=_NEWEST,
            version_id=Max("members__deviation__protocol_version_id"),
        )
        .first()
    )
    if row is None:
        raise NotFound()
    members = row.deviations.select_related("course__patient", "course__clinic").order_by(
        "-occurred_at", "-pk"
    )
    return TrendDetail(
        row=_row(row, definition_of(row.version_id)),
        members=rows_of(list(members[:PAGE]), now=now),
        reviews=list(row.reviews.select_related("reviewer").order_by("reviewed_at", "pk")),
        can_review=row.closed_at is None
        and allows(actor, Permission.REVIEW_DEVIATION, trend_subject(row, actor=actor)),
    )


def settings(actor: Actor) -> Settings:
    """For everybody who works in the clinic."""
    house = HouseSubject(clinic_id=actor.clinic_id)
    require(actor, Permission.VIEW_CLINIC, house)
    can_change = allows(actor, Permission.CHANGE_REVIEW_SETTINGS, house)
    return Settings(
        policies=list(
            DeviationPolicy.objects.filter(clinic_id=actor.clinic_id)
            .select_related("set_by")
            .order_by("-set_at", "-pk")
        ),
        clocks=list(
            ReportingClock.objects.filter(clinic_id=actor.clinic_id)
            .select_related("set_by", "ended_by", "protocol")
            .order_by("ended_at", "recipient", "pk")
        ),
        can_change=can_change,
    )


def protocol_choices(actor: Actor) -> Sequence[tuple[str, str]]:
    """The clinic's protocols: public ids with titles."""
    found = protocols(actor)
    definitions = definitions_of({version.pk for _protocol, version in found})
    return [(str(protocol.public_id), say(definitions[version.pk].title)) for protocol, version in found]
