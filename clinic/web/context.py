"""What every page's frame shows: who is signed in, in which clinic, where else they work, and the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from clinic import clock, queries
from clinic.actors import Seat, seat_for
from clinic.models import Clinic, Person
from clinic.permissions import HouseSubject, Permission, Role, allows
from clinic.web.demo import sign_ins


def seat_of(request: HttpRequest, slug: str) -> Seat:
    """The view's way to its seat: the frame finds it again on the request, and templates show the clinic's
    time."""
    seat = seat_for(request, slug)
    timezone.activate(seat.clinic.zone_info)
    request.seat = seat  # type: ignore[attr-defined]  # read by house() below, and nowhere else
    return seat


def house(request: HttpRequest) -> dict[str, Any]:
    """A context processor. One query, and only on pages that show the frame; two in the demo, which shows the
    time."""
    seat: Seat | None = getattr(request, "seat", None)
    user = getattr(request, "user", None)
    me = user if isinstance(user, Person) else None
    demo = settings.CLINIC_MODE == "demo"

    def clinics() -> list[Clinic]:
        return queries.clinics_of(me, seat.actor.at if seat else clock.now()) if me else []

    return {
        "clinic": seat.clinic if seat else None,
        "supervises": bool(seat and Role.SUPERVISOR in seat.actor.roles),
        "reviews_records": seat is not None and _reviews_records(seat),
        "works_here": bool(seat and seat.actor.roles - {Role.OUTSIDE_REVIEWER}),
        "me": me,
        "clinics": SimpleLazyObject(clinics),
        "demo": demo,
        "second_factor_required": settings.SECOND_FACTOR == "required",
        "demo_password": settings.DEMO_PASSWORD if demo else "",
        "demo_sign_ins": SimpleLazyObject(sign_ins) if demo and me is None else [],
        "may_change_templates": seat is not None
        and allows(
            seat.actor, Permission.CHANGE_NOTE_TEMPLATES, HouseSubject(clinic_id=seat.actor.clinic_id)
        ),
        "makes_reports": seat is not None
        and allows(seat.actor, Permission.EXPORT_CLINIC_REPORT, HouseSubject(clinic_id=seat.actor.clinic_id)),
        "now": seat.actor.at if seat else SimpleLazyObject(clock.now),
    }


def _reviews_records(seat: Seat) -> bool:
    """Whether records may wait for their review: of the clinic, or of the courses that somebody from outside
    is invited to."""
    return Role.OUTSIDE_REVIEWER in seat.actor.roles or allows(
        seat.actor, Permission.CO_SIGN_RECORD, HouseSubject(clinic_id=seat.actor.clinic_id)
    )


class WallClockMiddleware:
    """A clinic's time zone ends with the request that was about that clinic: threads are used again."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()
