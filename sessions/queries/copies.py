"""The certified copy of a course: every record as it was entered, what was entered in error among them, each
signature with whether it stands, every deviation with its review, and a digest over the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.permissions import Permission, allows
from sessions.models import (
    Course,
    DeviationRecord,
    DeviationReview,
    EnteredInError,
    ErrorMark,
    FactRecord,
    FidelityRating,
    NoteRecord,
    SessionRecord,
    SignatureRecord,
)
from sessions.permissions import subject_of
from sessions.queries.canonical import digest_of, fact_entry, instant, session_entry, spelled
from sessions.queries.courses import kept_course_for
from sessions.queries.errors import with_all_of_it
from sessions.queries.fidelity_raters import rated_blind

FORMAT = 3  # 1 had no deviations, 2 no ratings nor enrolment, nor which reports were entered in error


def certified_copy(actor: Actor, course_id: UUID, *, now: datetime) -> dict[str, Any]:
    """`content`, and `digest`: the SHA-256 of the content spelled with sorted keys and no blanks. A constant
    number of queries. Forbidden for who may not take records out."""
    course = kept_course_for(actor, course_id)
    if not allows(actor, Permission.EXPORT_RECORD, subject_of(course)) or course.pk in rated_blind(actor):
        raise Forbidden()
    content = _content(course, now=now)
    return {"content": content, "digest": digest_of(spelled(content))}


def _content(course: Course, *, now: datetime) -> dict[str, Any]:
    marks = {
        row.pk: row
        for row in ErrorMark.objects.filter(course=course).select_related("asked_by", "settled_by")
    }
    gone = list(EnteredInError.objects.filter(mark__in=marks))
    of_fact = {row.fact_id: marks[row.mark_id] for row in gone if row.fact_id}
    of_note = {row.note_id: marks[row.mark_id] for row in gone if row.note_id}
    of_report = {row.report_id: marks[row.mark_id] for row in gone if row.report_id}
    of_rating = {row.rating_id: marks[row.mark_id] for row in gone if row.rating_id}
    of_deviation = {row.deviation_id: marks[row.mark_id] for row in gone if row.deviation_id}
    of_session = {
        row.session_record_id: row for row in marks.values() if row.session_record_id and row.confirmed
    }
    facts = FactRecord.every.filter(course=course).select_related(
        "observed_by", "entered_by", "amends", "session_record"
    )
    notes = NoteRecord.every.filter(course=course).select_related("author", "session_record")
    sessions = SessionRecord.every.filter(course=course).select_related(
        "course__patient", "protocol_version", "started_by"
    )
    signatures = SignatureRecord.objects.with_standing().filter(session_record__course=course)
    deviations = with_all_of_it(DeviationRecord.every.filter(course=course))
    return {
        "format": FORMAT,
        "made_at": instant(now),
        "course": str(course.public_id),
        "patient": course.patient.code,
        "enrolment": {"enrolled_at": instant(course.enrolled_at), "status": course.status}
        | _left(next((row for row in marks.values() if row.enrolment_id and row.confirmed), None)),
        "protocol": [course.protocol_version.protocol.code, course.protocol_version.version],
        "sessions": [
            session_entry(row) | {"status": row.status} | _left(of_session.get(row.pk))
            for row in sessions.order_by("pk")
        ],
        "facts": [
            {"id": str(row.public_id), "session": _held(row)}
            | fact_entry(row)
            | _people(row.observed_by, row.entered_by)
            | _left(of_fact.get(row.pk))
            for row in facts.order_by("pk")
        ],
        "notes": [
            {
                "id": str(row.public_id),
                "session": _held(row),
                "author": row.author.printed_name,
                "text": row.text,
                "occurred_at": instant(row.occurred_at),
                "recorded_at": instant(row.recorded_at),
                "addendum": row.addendum,
            }
            | _left(of_note.get(row.pk))
            for row in notes.order_by("pk")
        ],
        "signatures": list(_signatures(signatures.select_related("session_record").order_by("pk"))),
        # No rating is of the record; one that left it by a mark is kept here, as all that did.
        "ratings_in_error": [
            {
                "id": str(row.public_id),
                "session": str(row.review.session_record.public_id),
                "form": [row.review.form.code, row.review.form.version],
                "rater_name": row.rater.printed_name,
                "scores": row.scores,
                "comment": row.comment,
                "submitted_at": instant(row.submitted_at),
            }
            | _left(of_rating.get(row.pk))
            for row in FidelityRating.every.filter(pk__in=of_rating)
            .select_related("review__form", "review__session_record", "rater")
            .order_by("pk")
        ],
        "deviations": [
            _deviation(row, of_report) | _left(of_deviation.get(row.pk)) for row in deviations.order_by("pk")
        ],
    }


def _held(row: FactRecord | NoteRecord) -> str | None:
    return str(row.session_record.public_id) if row.session_record else None


def _people(observed_by: Any, entered_by: Any) -> dict[str, Any]:
    return {
        "observed_by_name": observed_by.printed_name if observed_by else None,
        "entered_by_name": entered_by.printed_name if entered_by else None,
    }


def _left(mark: ErrorMark | None) -> dict[str, Any]:
    """Who marked it as entered in error, who confirmed it, when and why; nothing of what stands."""
    if mark is None or mark.settled_by is None:
        return {"entered_in_error": None}
    return {
        "entered_in_error": {
            "reason": mark.reason,
            "asked_by": mark.asked_by.printed_name,
            "asked_at": instant(mark.asked_at),
            "confirmed_by": mark.settled_by.printed_name,
            "confirmed_at": instant(mark.settled_at),
        }
    }


def _signatures(rows: Iterable[SignatureRecord]) -> Iterable[dict[str, Any]]:
    for row in rows:
        yield {
            "id": str(row.public_id),
            "session": str(row.session_record.public_id),
            "printed_name": row.printed_name,
            "role": row.role,
            "meaning": row.meaning,
            "signed_at": instant(row.signed_at),
            "digest": row.digest,
            "scheme": row.scheme,
            "content": row.content,
            "superseded": row.superseded,
        }


def _deviation(row: DeviationRecord, of_report: Mapping[int, ErrorMark]) -> dict[str, Any]:
    return {
        "id": str(row.public_id),
        "key": row.key,
        "rule": row.rule,
        "kind": row.kind,
        "status": row.status,
        "title": row.title,
        "description": row.description,
        "reason": row.reason,
        "entered_by_name": row.entered_by.printed_name if row.entered_by else None,
        "occurred_at": instant(row.occurred_at),
        "aware_at": instant(row.aware_at),
        "raised_at": instant(row.raised_at),
        "important": row.important,
        "repeated": row.repeated,
        "hazard": row.hazard,
        "foreseen": row.foreseen,
        "cause": row.cause,
        "evidence": row.evidence,
        "documented_late_at": instant(row.documented_late_at),
        "closed_at": instant(row.reviewed_at),
        "steps": [_step(one) for one in row.reviews.all()],
        "actions": [
            {
                "id": str(one.public_id),
                "kind": one.kind,
                "what": one.what,
                "owner_name": one.owner.printed_name,
                "due_on": one.due_on.isoformat(),
                "agreed_by_name": one.agreed_by.printed_name,
                "agreed_at": instant(one.agreed_at),
                "finished_by_name": one.finished_by.printed_name if one.finished_by else None,
                "finished_at": instant(one.finished_at),
                "outcome": one.outcome,
                "dropped": one.dropped,
            }
            for one in row.actions.all()
        ],
        "reports": [
            {
                "id": str(one.public_id),
                "recipient": one.clock.recipient,
                "based_on": one.clock.source,
                "due_at": instant(one.due_at),
                "reported_at": instant(one.reported_at),
                "reported_by_name": one.reported_by.printed_name if one.reported_by else None,
                "reference": one.reference,
                "withdrawn_at": instant(one.withdrawn_at),
            }
            | _left(of_report.get(one.pk))
            for one in row.reports.all()
        ],
    }


def _step(row: DeviationReview) -> dict[str, Any]:
    signature = getattr(row, "signature", None)
    return {
        "id": str(row.public_id),
        "act": row.act,
        "by_name": row.reviewer.printed_name,
        "at": instant(row.reviewed_at),
        "comment": row.comment,
        "data": row.data,
        "closes": row.closes,
        "signature": {
            "id": str(signature.public_id),
            "printed_name": signature.printed_name,
            "role": signature.role,
            "meaning": signature.meaning,
            "signed_at": instant(signature.signed_at),
            "digest": signature.digest,
            "content": signature.content,
        }
        if signature
        else None,
    }
