"""Whose own work a deviation or a session is: they are the ones who may not review it, at any door."""

from __future__ import annotations

from clinic.actors import Actor
from sessions.models import DeviationRecord, FactRecord, SessionRecord
from sessions.permissions import CourseSubject, subject_of


def review_subject(deviation: DeviationRecord, *, actor: Actor) -> CourseSubject:
    """The deviation as permission to review sees it: its author is the actor if any of its evidence is
    theirs."""
    return subject_of(
        deviation.course, author_id=actor.person_id if actor.person_id in authors_of(deviation) else None
    )


def authors_of(deviation: DeviationRecord) -> frozenset[int]:
    """Who entered, observed or began what the evidence shows, corrected records included: one who was put
    right by somebody else still does not judge it."""
    ids = [one["fact"] for one in deviation.evidence]
    found: set[int | None] = set(
        SessionRecord.objects.filter(course_id=deviation.course_id, public_id__in=ids).values_list(
            "started_by_id", flat=True
        )
    )
    facts = FactRecord.objects.filter(course_id=deviation.course_id, public_id__in=ids)
    while rows := list(facts.values_list("entered_by_id", "observed_by_id", "amends_id")):
        found |= {person_id for row in rows for person_id in row[:2]}
        facts = FactRecord.objects.filter(
            course_id=deviation.course_id, pk__in=[row[2] for row in rows if row[2]]
        )
    return frozenset(person_id for person_id in found if person_id is not None)


def hands_in(record: SessionRecord) -> frozenset[int]:
    """Who began a session, was with the patient in it, entered or observed anything of it, or wrote of it."""
    found: set[int | None] = {record.started_by_id}
    found |= set(record.notes.values_list("author_id", flat=True))
    for *people, kind, value in record.facts.values_list("entered_by_id", "observed_by_id", "kind", "value"):
        found |= {*people, value["person_id"] if kind == "staff_present" else None}
    return frozenset(person_id for person_id in found if person_id is not None)
