"""Supervisors reviewing deviations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor, acting
from clinic.errors import Forbidden, Incomplete, NotFound
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import DeviationRecord, DeviationReview, FactRecord, SessionRecord
from sessions.permissions import subject_of


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

    Nobody reviews what rests on their own record.
    """
    with acting(actor):
        deviation = (
            DeviationRecord.objects.select_for_update(of=("self",))
            .select_related("course")
            .filter(clinic_id=actor.clinic_id, public_id=deviation_id)
            .first()
        )
        if deviation is None:
            raise NotFound()
        ids = [one["fact"] for one in deviation.evidence]
        facts = FactRecord.objects.filter(course_id=deviation.course_id, public_id__in=ids)
        held = SessionRecord.objects.filter(course_id=deviation.course_id, public_id__in=ids)
        authors = {
            *(person for row in facts.values_list("entered_by_id", "observed_by_id") for person in row),
            *held.values_list("started_by_id", flat=True),
        }
        require(
            actor,
            Permission.REVIEW_DEVIATION,
            subject_of(deviation.course, author_id=actor.person_id if actor.person_id in authors else None),
        )
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
