"""The versions that a course has followed, and who moved it."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import HouseSubject, Permission, allows
from sessions.models import Course, CourseVersionMove
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


def move_to_undo(course: Course) -> CourseVersionMove | None:
    """The last move that stands: no undoing, and not undone. Taken back one by one, each leads to the version
    before."""
    moves = CourseVersionMove.objects.filter(course=course)
    undone = moves.filter(undoes__isnull=False).values("undoes_id")
    return moves.filter(undoes__isnull=True).exclude(pk__in=undone).order_by("-id").first()


def undoable(actor: Actor, moves: Sequence[CourseVersionMove]) -> CourseVersionMove | None:
    """Of a course's moves, the latest first, that which the actor may take back. No query."""
    if not allows(actor, Permission.MOVE_VERSION, HouseSubject(clinic_id=actor.clinic_id)):
        return None
    undone = {move.undoes_id for move in moves}
    return next((move for move in moves if move.undoes_id is None and move.pk not in undone), None)
