"""A patient's own plan, in neutral words: what is past, what is booked, what is still to be planned; beneath
it their own scores. Shown behind the step, and only where the clinic shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic.errors import NotFound
from protocols.queries import definitions_of, instrument_of
from protocols.rules.definition import Role
from protocols.rules.instruments import Better, Instrument
from protocols.rules.instruments.definition import TOTAL
from sessions.models import CourseRequirement, FactRecord, PatientLink, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import OPEN_STATUSES
from sessions.queries.links import link_of
from sessions.rules.own_scores import may_be_shown
from sessions.rules.requirements import WAITING, Kind, Status

# What a patient has a part in, and what each is called to them: no more than that.
VISIT, FORM, CALL = "visit", "form", "call"
_SAID = {Kind.SESSION.value: VISIT, Kind.ASSESSMENT.value: FORM, Kind.CONTACT.value: CALL}
_DONE = frozenset({Status.MET, Status.MET_EARLY, Status.MET_LATE})
SHOWN = 40  # how many of what is to come; a display choice, as the next
SHOWN_PAST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One thing: done, at an hour that is booked, or within days that are still open."""

    what: str
    done_at: datetime | None = None
    booked_at: datetime | None = None
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    @property
    def first_at(self) -> datetime | None:
        return self.booked_at or self.opens_at or self.closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScores:
    """The totals of one form, oldest first, by who filled it in: never joined with another's."""

    instrument: Instrument
    by: str
    totals: Sequence[tuple[datetime, int]]

    @property
    def own(self) -> bool:
        """The patient filled it in."""
        return self.by == Role.PATIENT

    @property
    def lowest(self) -> int:
        total = self.instrument.scale(TOTAL)
        return int(total.lowest) if total else 0

    @property
    def highest(self) -> int:
        return self.instrument.most or 0  # what has no total is not shown

    @property
    def lower_is_better(self) -> bool:
        return self.instrument.better is Better.LOWER


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPlan:
    coming: Sequence[PlanRow]
    past: Sequence[PlanRow]  # newest first
    scores: Sequence[OwnScores]


def own_plan(token: str) -> OwnPlan:
    """The plan of the course that the link belongs to. Raises NotFound where the clinic shows none. Three
    queries, two more for the scores."""
    link = link_of(token)
    if not link.clinic.shows_plan:
        raise NotFound()
    rows = list(
        CourseRequirement.objects.filter(
            clinic_id=link.clinic_id, course_id=link.course_id, kind__in=[*_SAID]
        )
        # A form that somebody else fills in is no part of the patient's plan.
        .exclude(kind=Kind.ASSESSMENT.value, who__in=["therapist", "independent_rater", "prescriber"])
    )
    booked = _booked(link)
    coming = [
        PlanRow(
            what=_SAID[row.kind],
            booked_at=booked.get(row.key),
            opens_at=row.opens_at,
            closes_at=row.closes_at,
        )
        for row in rows
        if row.status in WAITING
    ]
    past = [
        PlanRow(what=_SAID[row.kind], done_at=row.settled_at)
        for row in rows
        if row.status in _DONE and row.settled_at is not None
    ]
    return OwnPlan(
        coming=sorted(
            (row for row in coming if row.first_at is not None), key=lambda row: (row.first_at, row.what)
        )[:SHOWN],
        past=sorted(past, key=lambda row: (row.done_at, row.what), reverse=True)[:SHOWN_PAST],
        scores=_scores(link) if link.clinic.shows_scores else (),
    )


def _scores(link: PatientLink) -> list[OwnScores]:
    answers = FactRecord.objects.filter(
        clinic_id=link.clinic_id,
        course_id=link.course_id,
        kind="assessment_answered",
        amended_by__isnull=True,
        value__total__isnull=False,
    ).order_by("occurred_at", "pk")
    lines: dict[tuple[str, str], list[tuple[datetime, int]]] = {}
    versions = {link.course.protocol_version_id}
    for row in answers:
        versions.add(row.protocol_version_id)
        line = lines.setdefault((row.value["by"], row.value["instrument"]), [])
        line.append((row.occurred_at, row.value["total"]))
    if not lines:
        return []
    definitions = definitions_of(versions).values()
    in_flight = link.course.status in OPEN_STATUSES
    found = [
        OwnScores(instrument=instrument_of(code), by=by, totals=totals)
        for (by, code), totals in sorted(lines.items())
    ]
    return [
        one
        for one in found
        if may_be_shown(one.instrument, by=one.by, definitions=definitions, in_flight=in_flight)
    ]


def _booked(link: PatientLink) -> dict[str, datetime]:
    live = SessionBooking.objects.filter(course_id=link.course_id, status__in=LIVE_BOOKINGS)
    return dict(live.values_list("key", "starts_at"))
