"""Visits that an act on the course cancelled with itself: its end, or the decision that dosing stops."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from clinic.models import Event
from sessions.models import Course, EnteredInError, FactRecord, SessionBooking, StaffTask
from sessions.models.bookings import LIVE_BOOKINGS, BookingStatus
from sessions.models.tasks import TaskKind
from sessions.rules.taking_back import CANCELLING, DOSING_STOPPED


def to_book(booking: SessionBooking) -> str:
    """The subject of the task to book that visit again: the session it is for, and which of its bookings."""
    return f"{booking.key}~{booking.public_id}"


def called_off_at(course: Course, moments: Collection[datetime]) -> list[SessionBooking]:
    """The bookings whose last cancellation came at one of those moments, with the act and in its transaction,
    whose session is not booked anew, and of which nobody was told to book them again."""
    last = _last_cancelled(course)
    told = StaffTask.objects.filter(course=course, kind=TaskKind.VISIT_TO_BOOK)
    rows = SessionBooking.objects.filter(
        course=course,
        pk__in=[pk for pk, recorded_at in last.items() if recorded_at in moments],
        status=BookingStatus.CANCELLED,
    )
    live = SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS)
    booked, known = set(live.values_list("key", flat=True)), set(told.values_list("subject", flat=True))
    return [one for one in rows.order_by("pk") if one.key not in booked and to_book(one) not in known]


def acts_in_error(course: Course) -> set[datetime]:
    """When an act that was none cancelled visits; and when a stop of dosing left, which may have let one
    before it count again."""
    gone = EnteredInError.objects.filter(fact__course=course, fact__kind__in=CANCELLING)
    return {at for row in gone.values_list("fact__recorded_at", "mark__settled_at") for at in row if at}


def decisions_to_stop(course: Course) -> set[datetime]:
    """When those that stand cancelled visits, or began to count again."""
    stood = FactRecord.objects.filter(course=course, kind=DOSING_STOPPED)
    gone = EnteredInError.objects.filter(fact__course=course, fact__kind=DOSING_STOPPED)
    settled = gone.values_list("mark__settled_at", flat=True)
    return {*stood.values_list("recorded_at", flat=True), *(at for at in settled if at)}


def called_off_by_a_decision(booking: SessionBooking) -> bool:
    """Whether what cancelled it was no mistake: the decision stands, and another came after it."""
    stops = FactRecord.objects.filter(course=booking.course_id, kind=DOSING_STOPPED)
    at = _last_cancelled(booking.course).get(booking.pk)
    return at is not None and stops.filter(recorded_at=at).exists()


def _last_cancelled(course: Course) -> dict[int, datetime]:
    cancelled = Event.objects.filter(
        clinic_id=course.clinic_id,
        course_id=course.pk,
        subject_type="sessionbooking",
        verb="booking_cancelled",
    )
    return dict(cancelled.order_by("pk").values_list("subject_id", "recorded_at"))
