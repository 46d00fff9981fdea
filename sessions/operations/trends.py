"""Trends raise themselves: the same rule departed from as often as the clinic's policy names, in the clinic,
under one protocol, or with one therapist. Counted set-based, where deviations are raised."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting, system_actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_change, record_event, said_why
from clinic.permissions import HouseSubject, Permission, allows, require
from sessions.models import DeviationPolicy, DeviationRecord, DeviationTrend, TrendMember, TrendReview
from sessions.models.courses import THERAPISTS
from sessions.models.trends import TrendScope
from sessions.queries.authors import trend_subject

# Who treated the patient when it happened.
_TREATED = """m.clinic_id = d.clinic_id AND m.course_id = d.course_id AND m.team_role = ANY(%(therapists)s)
    AND m.from_at <= d.occurred_at AND (m.until_at IS NULL OR m.until_at > d.occurred_at)"""

# SQL passes the manager by that leaves out what was entered in error.
_STANDS = "NOT EXISTS (SELECT FROM therapy_sessions_enteredinerror gone WHERE gone.deviation_id = d.id)"

# Where the deviations just raised could make a trend, with the one that is open there, if any.
_PLACES = f"""
WITH fresh AS (
    SELECT d.*, v.protocol_id FROM therapy_sessions_deviationrecord d
    JOIN protocols_protocolversion v ON v.id = d.protocol_version_id
    WHERE d.clinic_id = %(clinic)s AND d.rule <> '' AND d.documented_late_at IS NULL AND {_STANDS}
        AND d.occurred_at > %(since)s AND (%(every)s OR d.id = ANY(%(raised)s))
), places AS (
    SELECT 'clinic' AS scope, rule, kind, NULL::bigint AS protocol_id, NULL::bigint AS therapist_id, id
    FROM fresh
    UNION ALL SELECT 'protocol', rule, kind, protocol_id, NULL, id FROM fresh
    UNION ALL SELECT 'therapist', d.rule, d.kind, NULL, m.person_id, d.id
    FROM fresh d JOIN therapy_sessions_careteammember m ON {_TREATED}
)
SELECT place.scope, place.rule, place.kind, place.protocol_id, place.therapist_id,
    array_agg(DISTINCT place.id),
    max(trend.id) FILTER (WHERE trend.closed_at IS NULL),
    max(trend.closed_at) FILTER (WHERE NOT trend.withdrawn)
FROM places place LEFT JOIN therapy_sessions_deviationtrend trend
    ON trend.clinic_id = %(clinic)s AND trend.scope = place.scope AND trend.rule = place.rule
    AND trend.kind = place.kind
    AND trend.protocol_id IS NOT DISTINCT FROM place.protocol_id
    AND trend.therapist_id IS NOT DISTINCT FROM place.therapist_id
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608  # conditions of ours

# What counts in those places: of late, not disproved, not looked at in an earlier trend.
_COUNTED = f"""
SELECT place.number, array_agg(d.id)
FROM unnest(%(rules)s::text[], %(kinds)s::text[], %(protocols)s::bigint[], %(people)s::bigint[],
        %(closed)s::timestamptz[], %(thresholds)s::int[])
    WITH ORDINALITY AS place(rule, kind, protocol_id, therapist_id, closed_at, threshold, number)
JOIN therapy_sessions_deviationrecord d ON d.clinic_id = %(clinic)s AND d.rule = place.rule
    AND d.kind = place.kind AND d.occurred_at > %(since)s AND d.documented_late_at IS NULL AND {_STANDS}
    AND (place.closed_at IS NULL OR d.raised_at > place.closed_at)
JOIN protocols_protocolversion v ON v.id = d.protocol_version_id
WHERE (place.protocol_id IS NULL OR v.protocol_id = place.protocol_id)
    AND (place.therapist_id IS NULL OR EXISTS (
        SELECT 1 FROM therapy_sessions_careteammember m WHERE {_TREATED} AND m.person_id = place.therapist_id
    ))
GROUP BY place.number, place.threshold HAVING count(*) >= place.threshold
"""  # noqa: S608  # conditions of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    scope: str
    rule: str
    kind: str
    protocol_id: int | None
    therapist_id: int | None
    fresh: list[int]
    open_id: int | None
    closed_at: datetime | None


def policy_of(clinic_id: int) -> DeviationPolicy:
    """The clinic's policy as it is now; one with the defaults, not stored, where it has set none."""
    found = DeviationPolicy.objects.filter(clinic_id=clinic_id).order_by("-set_at", "-pk").first()
    return found or DeviationPolicy(clinic_id=clinic_id)


def raise_trends(*, clinic_id: int, raised: Sequence[int] | None, now: datetime) -> list[DeviationTrend]:
    """Count anew wherever these deviations count (None: all of late), raise what has become a trend, and add
    them to the trends that are open. Raises each once. Four statements when nothing comes of it, none when
    nothing was raised."""
    if raised is not None and not raised:
        return []
    policy = policy_of(clinic_id)
    _one_at_a_time(clinic_id)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {
            "clinic": clinic_id,
            "since": now - timedelta(days=policy.days),
            "every": raised is None,
            "raised": list(raised or ()),
            "therapists": [role.value for role in THERAPISTS],
        }
        cursor.execute(_PLACES, asked)
        places = [
            _Place(
                scope=scope,
                rule=rule,
                kind=kind,
                protocol_id=protocol_id,
                therapist_id=therapist_id,
                fresh=fresh,
                open_id=open_id,
                closed_at=closed_at,
            )
            for scope, rule, kind, protocol_id, therapist_id, fresh, open_id, closed_at in cursor.fetchall()
        ]
        joining = [(place.open_id, place.fresh) for place in places if place.open_id is not None]
        free = [place for place in places if place.open_id is None]
        counted: list[tuple[int, list[int]]] = []
        if free:
            thresholds = {
                TrendScope.CLINIC.value: policy.in_clinic,
                TrendScope.PROTOCOL.value: policy.in_protocol,
                TrendScope.THERAPIST.value: policy.of_therapist,
            }
            cursor.execute(
                _COUNTED,
                asked
                | {
                    "rules": [place.rule for place in free],
                    "kinds": [place.kind for place in free],
                    "protocols": [place.protocol_id for place in free],
                    "people": [place.therapist_id for place in free],
                    "closed": [place.closed_at for place in free],
                    "thresholds": [thresholds[place.scope] for place in free],
                },
            )
            counted = cursor.fetchall()
    new = []
    for number, members in sorted(counted):
        place = free[number - 1]
        trend = DeviationTrend.objects.create(
            clinic_id=clinic_id,
            scope=place.scope,
            rule=place.rule,
            kind=place.kind,
            protocol_id=place.protocol_id,
            therapist_id=place.therapist_id,
            raised_at=now,
            threshold=thresholds[place.scope],
            days=policy.days,
        )
        record_event(
            actor=system_actor(clinic_id=clinic_id, at=now),
            verb="trend_raised",
            subject=trend,
            occurred_at=now,
            now=now,
            data={"scope": place.scope, "rule": place.rule, "kind": place.kind, "count": len(members)},
        )
        new.append(trend)
        joining.append((trend.pk, members))
    _join(clinic_id=clinic_id, joining=joining, now=now)
    return new


def _one_at_a_time(clinic_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"trends:{clinic_id}"])


def withdraw_trends(*, actor: Actor, deviation: DeviationRecord, now: datetime) -> None:
    """Of the open trends that counted a deviation which left as entered in error: close those that would
    never have raised themselves without it, as if they had not. The others go on without it, and what a
    review closed stays as it was closed."""
    _one_at_a_time(deviation.clinic_id)
    open_ones = DeviationTrend.objects.select_for_update(of=("self",)).filter(
        clinic_id=deviation.clinic_id, closed_at__isnull=True, members__deviation=deviation
    )
    for trend in open_ones.order_by("pk"):
        if _raises_itself(trend):
            continue
        trend.closed_at, trend.withdrawn = now, True
        trend.save(update_fields=["closed_at", "withdrawn"])
        counted = TrendMember.objects.filter(deviation=OuterRef("pk"), trend__withdrawn=False)
        trend.deviations.filter(~Exists(counted)).update(repeated=False)
        record_event(
            actor=actor,
            verb="trend_withdrawn",
            subject=trend,
            occurred_at=now,
            now=now,
            data={"scope": trend.scope, "rule": trend.rule, "kind": trend.kind},
        )


def _raises_itself(trend: DeviationTrend) -> bool:
    """Whether what stands of it is as often within as few days as it took. One that lay ahead counted from
    when it was known."""
    standing = trend.members.filter(deviation__entered_in_error__isnull=True)
    counted = sorted(min(row) for row in standing.values_list("deviation__occurred_at", "joined_at"))
    within, last = timedelta(days=trend.days), trend.threshold - 1
    return any(later - first < within for first, later in zip(counted, counted[last:], strict=False))


def _join(*, clinic_id: int, joining: Sequence[tuple[int, Sequence[int]]], now: datetime) -> None:
    if not joining:
        return
    TrendMember.objects.bulk_create(
        (
            TrendMember(clinic_id=clinic_id, trend_id=trend, deviation_id=deviation, joined_at=now)
            for trend, deviations in joining
            for deviation in deviations
        ),
        ignore_conflicts=True,
    )
    DeviationRecord.objects.filter(
        pk__in={deviation for _trend, deviations in joining for deviation in deviations}, repeated=False
    ).update(repeated=True)


def review_trend(
    *,
    actor: Actor,
    trend_id: UUID,
    comment: str,
    closes: bool,
    now: datetime,
    public_id: UUID | None = None,
) -> TrendReview:
    """Say what was found of a trend; `closes` ends it, and the counting begins anew. Nobody reviews a trend
    that is theirs or rests on their own record. Raises NotNow when somebody closed it before."""
    with acting(actor):
        trend = (
            DeviationTrend.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=trend_id)
            .first()
        )
        house = HouseSubject(clinic_id=actor.clinic_id)
        if trend is None or not allows(actor, Permission.VIEW_DEVIATIONS, house):
            raise NotFound()
        require(actor, Permission.REVIEW_DEVIATION, trend_subject(trend, actor=actor))
        if not comment.strip():
            raise Incomplete(_("Say what you found."), fields={"comment": [_("Write a sentence.")]})
        public_id = public_id or uuid7()
        first = TrendReview.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.trend_id, first.comment, first.closes) != (trend.pk, comment.strip(), closes):
                raise Incomplete(_("This id was already used for another review."), code="id-reused")
            return first
        if trend.closed_at is not None:
            raise NotNow(
                _("This trend is closed."),
                code="already-reviewed",
                advice=_("If it goes on, a new one raises itself."),
            )
        review = TrendReview.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            trend=trend,
            reviewer_id=actor.person,
            reviewed_at=now,
            comment=comment.strip(),
            closes=closes,
        )
        if closes:
            trend.closed_at = now
            trend.save(update_fields=["closed_at"])
        verb = "trend_closed" if closes else "trend_reviewed"
        record_event(actor=actor, verb=verb, subject=trend, occurred_at=now, now=now)
        return review


def set_policy(
    *,
    actor: Actor,
    days: int,
    in_clinic: int,
    in_protocol: int,
    of_therapist: int,
    days_off: Collection[date],
    reason: str,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationPolicy:
    """Say what makes a trend in this clinic, and on which days it does not work. Counts anew at once."""
    with acting(actor):
        require(actor, Permission.CHANGE_REVIEW_SETTINGS, HouseSubject(clinic_id=actor.clinic_id))
        wrong = {
            name: [_("At least %(least)d.") % {"least": least}]
            for name, value, least in (
                ("days", days, 1),
                ("in_clinic", in_clinic, 2),
                ("in_protocol", in_protocol, 2),
                ("of_therapist", of_therapist, 2),
            )
            if not least <= value <= 3660
        }
        if wrong:
            raise BadInput(fields=wrong)
        why = said_why(reason)
        public_id = public_id or uuid7()
        first = DeviationPolicy.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            return first
        policy = DeviationPolicy.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            days=days,
            in_clinic=in_clinic,
            in_protocol=in_protocol,
            of_therapist=of_therapist,
            days_off=sorted({one.isoformat() for one in days_off}),
            reason=why,
            set_by_id=actor.person,
            set_at=now,
        )
        record_change(
            actor=actor,
            verb="deviation_policy_set",
            subject=policy,
            now=now,
            data={
                "days": days,
                "in_clinic": in_clinic,
                "in_protocol": in_protocol,
                "of_therapist": of_therapist,
            },
            reason=reason,
        )
        raise_trends(clinic_id=actor.clinic_id, raised=None, now=now)
        return policy
