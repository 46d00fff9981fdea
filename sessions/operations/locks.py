"""The order in which rows are locked, everywhere: courses by id, then what belongs to them, then messages.

Two acts that lock in one order wait for each other; in two orders they would deadlock.
"""

from __future__ import annotations

from typing import Any

from clinic.actors import Actor
from clinic.errors import NotFound
from sessions.models import Course


def lock_course(*, actor: Actor, **by: Any) -> Course:
    """The one course of the actor's clinic that `by` finds, locked, with what refreshing it needs. Raises
    NotFound when there is none."""
    course = (
        Course.objects.select_for_update(of=("self",))
        .select_related("patient", "clinic", "protocol_version")
        .filter(clinic_id=actor.clinic_id, **by)
        .first()
    )
    if course is None:
        raise NotFound()
    return course


def lock_kept_course(*, actor: Actor, **by: Any) -> Course:
    """`lock_course`, of one that was entered in error too: for whoever settles, or settled, its mark."""
    course = (
        Course.every.select_for_update(of=("self",))
        .select_related("patient", "clinic", "protocol_version")
        .filter(clinic_id=actor.clinic_id, **by)
        .first()
    )
    if course is None:
        raise NotFound()
    return course


def lock_courses(*, actor: Actor, **by: Any) -> list[Course]:
    """All of them, oldest first: what concerns a patient concerns every course of theirs."""
    return list(
        Course.objects.select_for_update(of=("self",))
        .select_related("patient", "clinic", "protocol_version")
        .filter(clinic_id=actor.clinic_id, **by)
        .order_by("pk")
    )
