"""What became of doses other than as planned, over the clinic: withheld; and taken only in part, vomited,
stopped or not taken, so that what had been prepared was wasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.permissions import Permission
from sessions.models import FactRecord
from sessions.queries.courses import courses_for
from sessions.queries.telling import intake_words, part_words
from sessions.queries.words import plain
from sessions.rules.codec import from_json
from sessions.rules.facts import DoseGiven, DoseWithheld, Intake

LOOKS_BACK = timedelta(days=30)
"""For how long it is shown. A choice of display: nobody settles what happened, so it goes by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugVariance:
    record_id: UUID  # of the session
    patient: str
    what: str  # which dose, and how much
    words: str  # what became of it
    why: str
    by: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DrugVariances:
    rows: Sequence[DrugVariance]
    withheld: int
    wasted: int

    @property
    def count(self) -> int:
        return self.withheld + self.wasted


def drug_variances(actor: Actor, *, now: datetime, limit: int) -> DrugVariances:
    """The newest first, of those of the last days; corrected ones as they stand. Two queries, each over the
    clinic's doses of these days alone (`doses_of_a_clinic`)."""
    recent = FactRecord.objects.filter(
        Q(kind="dose_withheld") | Q(kind="dose_given") & ~Q(value__intake=Intake.FULL.value),
        clinic_id=actor.clinic_id,
        kind__in=["dose_given", "dose_withheld"],
        occurred_at__gt=now - LOOKS_BACK,
        occurred_at__lte=now,
        amended_by__isnull=True,
        course__in=courses_for(actor, Permission.VIEW_CHART),
    )
    counts = recent.aggregate(
        withheld=Count("id", filter=Q(kind="dose_withheld")), wasted=Count("id", filter=Q(kind="dose_given"))
    )
    return DrugVariances(rows=_rows(recent, limit=limit), **counts)


def _rows(recent: QuerySet[FactRecord], *, limit: int) -> list[DrugVariance]:
    found = []
    for row in recent.select_related("course__patient", "entered_by").order_by("-occurred_at", "-id")[:limit]:
        match from_json(row.kind, row.value):
            case DoseGiven() as value:
                what = f"{part_words(value.part)} {plain(value.amount)} {value.unit}"
                words, why, held = intake_words(value.intake), "", value.record_id
            case DoseWithheld() as value:
                what, words = part_words(value.part), _("withheld")
                why, held = value.reason, value.record_id
            case _:  # pragma: no cover - the query reads no other kind
                continue
        found.append(
            DrugVariance(
                record_id=held,
                patient=row.course.patient.code,
                what=what,
                words=words,
                why=why,
                by=row.entered_by.printed_name if row.entered_by else "",
                since=row.occurred_at,
            )
        )
    return found
