"""A patient's own plan, in neutral words: what is past, what is booked, what is still to be planned. Shown
behind the step, and only where the clinic shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic.errors import NotFound
from sessions.models import CourseRequirement, PatientLink, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.queries.links import link_of
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
class OwnPlan:
    coming: Sequence[PlanRow]
    past: Sequence[PlanRow]  # newest first


def own_plan(token: str) -> OwnPlan:
    """The plan of the course that the link belongs to. Raises NotFound where the clinic shows none. Three
    queries."""
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
    )


def _booked(link: PatientLink) -> dict[str, datetime]:
    live = SessionBooking.objects.filter(course_id=link.course_id, status__in=LIVE_BOOKINGS)
    return dict(live.values_list("key", "starts_at"))
