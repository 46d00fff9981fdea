"""Closing the review of a deviation with a signature over everything that then is on record, and proving such
signatures afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Incomplete
from clinic.models import Person
from clinic.permissions import Permission, require
from sessions.models import ClosureSignature, DeviationRecord
from sessions.operations.actions import close_check_tasks
from sessions.operations.on_course import on_deviation
from sessions.operations.review import step_of, take_step
from sessions.queries.authors import review_subject
from sessions.queries.reviewing import missing_words, standing_of
from sessions.rules.review import Act, missing_to_close

MEANING = "closure"


def canonical(deviation: DeviationRecord) -> str:
    """What a closing signature is over, as one text in a fixed order: the departure with its evidence, every
    step of the review, the actions and the reports."""
    content: dict[str, Any] = {
        "deviation": str(deviation.public_id),
        "course": str(deviation.course.public_id),
        "key": deviation.key,
        "status": deviation.status,
        "title": deviation.title,
        "description": deviation.description,
        "reason": deviation.reason,
        "occurred_at": deviation.occurred_at.isoformat(),
        "aware_at": deviation.aware_at.isoformat(),
        "raised_at": deviation.raised_at.isoformat(),
        "evidence": deviation.evidence,
        "important": deviation.important,
        "repeated": deviation.repeated,
        "cause": deviation.cause,
        "foreseen": deviation.foreseen,
        "hazard": deviation.hazard,
        "steps": [
            [str(one.public_id), one.act, one.reviewer_id, one.reviewed_at.isoformat(), one.comment, one.data]
            for one in deviation.reviews.order_by("reviewed_at", "pk")
        ],
        "actions": [
            [
                str(one.public_id),
                one.kind,
                one.what,
                one.owner_id,
                one.due_on.isoformat(),
                one.finished_at.isoformat() if one.finished_at else None,
                one.finished_by_id,
                one.outcome,
                one.dropped,
            ]
            for one in deviation.actions.order_by("agreed_at", "pk")
        ],
        "reports": [
            [
                str(one.public_id),
                one.clock.recipient,
                one.due_at.isoformat(),
                one.reported_at.isoformat() if one.reported_at else None,
                one.reference,
            ]
            for one in deviation.reports.select_related("clock").order_by("opened_at", "pk")
        ],
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def close_deviation(
    *, actor: Actor, deviation_id: UUID, comment: str, now: datetime, public_id: UUID | None = None
) -> ClosureSignature:
    """Close the review with a signature. The door has asked for the actor's password again.

    Raises Incomplete with everything that is missing: an important or repeated deviation wants a root cause,
    actions done and their effect judged, each unless a reason says that it is not needed.
    """
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        first = step_of(deviation=deviation, public_id=public_id, act=Act.CLOSE, comment=comment, data={})
        if first is not None:
            return first.signature
        require(actor, Permission.REVIEW_DEVIATION, review_subject(deviation, actor=actor))
        missing = missing_to_close(standing_of(deviation))
        if missing and deviation.documented_late_at is None and deviation.reviewed_at is None:
            raise Incomplete(
                _("This can't be closed yet."),
                code="review-incomplete",
                advice=" ".join(missing_words(one) for one in missing),
                data={"missing": [one.value for one in missing]},
            )
        step = take_step(
            actor=actor,
            deviation=deviation,
            act=Act.CLOSE,
            comment=comment,
            closes=True,
            public_id=public_id,
            now=now,
        )
        close_check_tasks(actor=actor, deviation=deviation, how=_("The review is closed."), now=now)
        person = Person.objects.get(pk=actor.person)
        content = canonical(deviation)
        return ClosureSignature.objects.create(
            clinic_id=deviation.clinic_id,
            review=step,
            person=person,
            printed_name=person.printed_name,
            role=",".join(sorted(role.value for role in actor.roles)),
            meaning=MEANING,
            content=content,
            digest=digest_of(content),
            signed_at=now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproved:
    """A closing signature that does not hold, and why: `digest` or `steps`."""

    signature: ClosureSignature
    why: str


def unproved_closures(*, clinic_id: int | None = None) -> Iterator[Unproved]:
    """Every closing signature whose text no longer has its digest, or whose steps are no longer in the
    thread as they were signed. Reads in pages; writes nothing."""
    rows = ClosureSignature.objects.select_related("review__deviation").prefetch_related(
        "review__deviation__reviews"
    )
    if clinic_id is not None:
        rows = rows.filter(clinic_id=clinic_id)
    for signature in rows.order_by("pk").iterator(chunk_size=200):
        if digest_of(signature.content) != signature.digest:
            yield Unproved(signature=signature, why="digest")
            continue
        now_there = {
            str(one.public_id): [one.act, one.reviewer_id, one.reviewed_at.isoformat(), one.comment, one.data]
            for one in signature.review.deviation.reviews.all()
        }
        signed = json.loads(signature.content)["steps"]
        if any(now_there.get(public_id) != said for public_id, *said in signed):
            yield Unproved(signature=signature, why="steps")
