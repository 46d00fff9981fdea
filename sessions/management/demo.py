"""The demo: two fictional clinics with patients at telling points of the course, loaded as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from clinic import outbox
from clinic.models import Clinic, Membership, Message
from sessions.management.clinics import ALDER, LEAD_TIME, PLACES, address_of, found
from sessions.management.scenes import SCENES_OF_ALDER, SCENES_OF_BIRCH
from sessions.operations.refresh import look_again_now, refresh_due_courses

Say = Callable[[str], None]


def loaded() -> bool:
    return Clinic.objects.filter(slug=ALDER.slug).exists()


def sign_ins() -> list[tuple[str, str]]:
    """(address, what they are where) of everybody who can sign in."""
    rows: dict[str, list[str]] = {}
    raters = {address_of(place.rater) for place in PLACES}
    for membership in (
        Membership.objects.filter(clinic__slug__in=[place.slug for place in PLACES])
        .select_related("person", "clinic")
        .order_by("clinic_id", "id")
    ):
        words = f"{', '.join(membership.roles)} at {membership.clinic.name}"
        if membership.person.email in raters:
            words += ", rates blind and treats nobody"
        rows.setdefault(membership.person.email, []).append(words)
    return [(email, "; ".join(words)) for email, words in rows.items()]


@transaction.atomic
def load(*, now: datetime, say: Say) -> None:
    """Both clinics, or nothing."""
    say("Founding Alder House (New York) and Birch Rooms (Lisbon).")
    alder, birch = (found(place, now=now - LEAD_TIME) for place in PLACES)
    for words, scene in SCENES_OF_ALDER:
        say(f"Alder House: {words}")
        scene(alder, now)
    for words, scene in SCENES_OF_BIRCH:
        say(f"Birch Rooms: {words}")
        scene(birch, now)
    for house in (alder, birch):
        look_again_now(clinic_id=house.clinic.pk, now=now)
    refresh_due_courses(now=now)
    for house in (alder, birch):
        # What had its time before any worker ran would only look late or lost.
        gone = Message.objects.filter(clinic_id=house.clinic.pk, not_after__lte=now)
        outbox.cancel_unsent(
            clinic_id=house.clinic.pk,
            ids=list(gone.values_list("pk", flat=True)),
            reason="before-the-demo",
            now=now,
        )
