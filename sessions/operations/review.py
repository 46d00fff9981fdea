"""Supervisors reviewing deviations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import Forbidden, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import DeviationRecord, DeviationReview
from sessions.operations.locks import lock_course
from sessions.queries.authors import review_subject


def review_deviation(
    *,
    actor: Actor,
    deviation_id: UUID,
    comment: str,
    now: datetime,
    closes: bool = True,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Add a look at a deviation to its thread; `closes` takes it off the list of those to review.

    Nobody reviews what rests on their own record. Raises NotNow when somebody closed it before.
    """
    with acting(actor):
        course = lock_course(actor=actor, deviations__public_id=deviation_id)
        deviation = DeviationRecord.objects.get(course=course, public_id=deviation_id)
        require(actor, Permission.REVIEW_DEVIATION, review_subject(deviation, actor=actor))
        if actor.person_id is None:
            raise Forbidden()
        if not comment.strip():
            raise Incomplete("Say what you found.", fields={"comment": ["Write a sentence."]})
        public_id = public_id or uuid7()
        first = DeviationReview.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.deviation_id, first.comment, first.closes) != (deviation.pk, comment.strip(), closes):
                raise Incomplete("This id was already used for another review.", code="id-reused")
            return first
        if closes and deviation.reviewed_at is not None:
            raise NotNow(
                _("Somebody has reviewed this deviation already."),
                code="already-reviewed",
                advice=_("Read their review. You can add yours without closing it again."),
            )
        review = DeviationReview.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            deviation=deviation,
            reviewer_id=actor.person_id,
            reviewed_at=now,
            comment=comment.strip(),
            closes=closes,
        )
        if closes:
            deviation.reviewed_at = now
            deviation.save(update_fields=["reviewed_at"])
        record_event(
            actor=actor,
            verb="deviation_reviewed",
            subject=deviation,
            course_id=deviation.course_id,
            occurred_at=now,
            now=now,
        )
        return review
