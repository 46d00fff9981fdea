"""Of which courses somebody makes a report, and what every report says of itself.

Nobody makes one of a course that they rate under a protocol that hides things from its raters: a report would
show arm, dates and notes together.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Forbidden, NotFound
from clinic.models import Clinic, Membership, Person
from clinic.permissions import Permission
from sessions.models import Course, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.queries.courses import course_for, courses_for
from sessions.queries.fidelity_raters import rated_blind


def courses_to_report(actor: Actor, permission: Permission = Permission.EXPORT_REPORT) -> QuerySet[Course]:
    return courses_for(actor, permission).exclude(pk__in=rated_blind(actor))


def may_report(actor: Actor, course: Course) -> bool:
    """Whether a page offers it."""
    return courses_to_report(actor).filter(pk=course.pk).exists()


def course_to_report(actor: Actor, course_id: UUID) -> Course:
    """NotFound when the actor may not see the patient, Forbidden when only not take their record out."""
    course = course_for(actor, course_id, Permission.EXPORT_REPORT)
    if course.pk in rated_blind(actor):
        raise Forbidden()
    return course


def record_to_report(actor: Actor, record_id: UUID) -> SessionRecord:
    """A held session, its course read with it; NotFound also for one that never took place."""
    record = (
        SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id=record_id)
        .exclude(status=RecordStatus.VOID)
        .first()
    )
    if record is None:
        raise NotFound()
    found = Course.objects.filter(pk=record.course_id).values_list("public_id", flat=True).get()
    record.course = course_to_report(actor, found)
    return record


def made_by(actor: Actor) -> str:
    if actor.person_id is None:
        return ""
    return Person.objects.filter(pk=actor.person_id).values_list("printed_name", flat=True).get()


def clinic_of(actor: Actor) -> Clinic:
    return Clinic.objects.get(pk=actor.clinic_id)


def language() -> str:
    return (get_language() or "en").split("-")[0]


def named_in(
    actor: Actor, *, course: UUID | None, people: Collection[UUID | None] = ()
) -> tuple[str, list[tuple[str, str]]]:
    """What a report over many courses was narrowed to by ids: the code of the one patient ("" of several),
    and the lines that say so. Another clinic's ids are not there."""
    lines = []
    code = ""
    if course is not None:
        found = courses_for(actor).filter(public_id=course).values_list("patient__code", flat=True).first()
        if found is None:
            raise NotFound()
        code = found
        lines.append((_("Patient"), code))
    ids = [one for one in people if one is not None]
    if ids:
        here = Membership.objects.filter(clinic_id=actor.clinic_id, person__public_id__in=ids)
        names = sorted(set(here.values_list("person__printed_name", flat=True)), key=str.casefold)
        lines.append((_("Therapists"), ", ".join(names)))
    return code, lines


def left_out() -> str:
    """What a report over many courses says when `rated_blind` took some out of it."""
    return _("Courses that you rate under a blinded protocol are left out.")
