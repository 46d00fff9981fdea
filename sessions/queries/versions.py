"""The versions that a course has followed, and who moved it."""

from __future__ import annotations

from uuid import UUID

from clinic.actors import Actor
from sessions.models import CourseVersionMove
from sessions.queries.courses import course_for


def version_moves(actor: Actor, course_id: UUID) -> list[CourseVersionMove]:
    """Every move of a course from one version to another, the latest first. NotFound and Forbidden as for its
    chart."""
    course = course_for(actor, course_id)
    return list(
        CourseVersionMove.objects.filter(clinic_id=actor.clinic_id, course=course)
        .select_related("from_version", "to_version", "moved_by", "undoes")
        .defer("from_version__document", "to_version__document")
        .order_by("-id")
    )
