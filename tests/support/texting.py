"""A clinic that texts, and a patient who agreed to it, with a visit booked."""

from __future__ import annotations

from typing import Any

from django.test import Client

from clinic.models import Clinic
from sessions.models import ContactDetails, Course
from sessions.operations.booking import book_session
from sessions.operations.contact_details import change_contact_details
from tests.support.cast import START, Cast, days, enrol, make_cast

NUMBER = "+12025550123"
OURS = "+12025550100"


def texting_cast() -> Cast:
    cast = make_cast()
    Clinic.objects.filter(pk=cast.clinic.pk).update(text_sender=OURS)
    cast.clinic.refresh_from_db()
    return cast


def texting(cast: Cast, course: Course, **more: Any) -> ContactDetails:
    given = {"email": "p-001@example.org", "phone": "+1 202 555 0123", "email_allowed": True}
    return change_contact_details(
        actor=cast.actor("eve"),
        patient_id=course.patient.public_id,
        now=START,
        **{**given, "text_allowed": True, **more},
    )


def booked_course(cast: Cast) -> Course:
    """Enrolled, agreed to texts and mail, and a preparation booked in ten days."""
    course = enrol(cast)
    texting(cast, course)
    book_session(
        actor=cast.actor("eve"),
        course_id=course.public_id,
        key="preparation.1",
        starts_at=START + days(10),
        people=[cast.id("ada"), cast.id("ben")],
        confirmed=frozenset({"outside-window"}),
        now=START,
    )
    return course


def signed_in(cast: Cast, name: str) -> Client:
    client = Client()
    client.force_login(cast.people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
    return client
