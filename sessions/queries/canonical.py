"""A held session as a signature is put to it: plain values in a fixed order, spelled the same way each time.

A scheme never changes once something was signed by it. A new one gets a new number, and the old stays so that
old signatures can be proved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sessions.models import FactRecord, NoteRecord, SessionRecord, SignatureRecord
from sessions.queries.notes import notes_as_signed

SCHEME = 2

Content = dict[str, Any]


def canonical(record: SessionRecord) -> Content:
    """What a signature is over: the session, its facts and its notes. Addenda come after it and are not in
    it; whether the day counts for its requirement is worked out from the facts and is not in it either."""
    return {
        "session": session_entry(record),
        "facts": {str(row.public_id): fact_entry(row) for row in facts_signed(record)},
        "notes": notes_as_signed(record),
    }


def as_reviewed(record: SessionRecord) -> Content:
    """What a supervisor reads of it: addenda too."""
    addenda = NoteRecord.objects.filter(session_record=record, addendum=True).order_by("id")
    return canonical(record) | {
        "addenda": [[str(note.public_id), note.author_id, note.text] for note in addenda]
    }


def facts_signed(record: SessionRecord, *, every: bool = False) -> list[FactRecord]:
    """With `every`, also what was entered in error: it may have been found so after it was signed."""
    rows = FactRecord.every if every else FactRecord.objects
    found = rows.filter(session_record=record).select_related("observed_by", "entered_by", "amends")
    return list(found.order_by("id"))


def amended_elsewhere(record: SessionRecord) -> list[FactRecord]:
    """What amends a fact of the session without being of the session. No operation writes it."""
    return list(
        FactRecord.every.filter(amends__session_record=record).exclude(session_record=record).order_by("id")
    )


def session_entry(record: SessionRecord) -> Content:
    return {
        "id": str(record.public_id),
        "course": str(record.course.public_id),
        "patient": str(record.course.patient.public_id),
        "protocol_version": str(record.protocol_version.public_id),
        "kind": record.kind,
        "key": record.key,
        "mode": record.mode,
        "patient_location": record.patient_location,
        "call_back_number": record.call_back_number,
        "started_at": instant(record.started_at),
        "ended_at": instant(record.ended_at),
        "started_by": str(record.started_by.public_id),
    }


def fact_entry(row: FactRecord) -> Content:
    return {
        "kind": row.kind,
        "key": row.key,
        "occurred_at": instant(row.occurred_at),
        "aware_at": instant(row.aware_at),
        "recorded_at": instant(row.recorded_at),
        "observed_by": str(row.observed_by.public_id) if row.observed_by else None,
        "entered_by": str(row.entered_by.public_id) if row.entered_by else None,
        "source": row.source,
        "amends": str(row.amends.public_id) if row.amends else None,
        "reason": row.reason,
        "value": row.value,
    }


def instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None


def spelled(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seal_of(signature: SignatureRecord) -> str:
    """Over the digest, and over who signed, as what and when: a changed name shows as surely as a
    changed word of the note."""
    return digest_of(
        spelled(
            {
                "digest": signature.digest,
                "scheme": signature.scheme,
                "id": str(signature.public_id),
                "session": signature.session_record_id,
                "person": signature.person_id,
                "printed_name": signature.printed_name,
                "role": signature.role,
                "meaning": signature.meaning,
                "signed_at": instant(signature.signed_at),
                "last_fact": signature.last_fact_id,
                "last_error": signature.last_error_id,
            }
        )
    )


def first_scheme(record: SessionRecord, *, signed_at: datetime) -> str:
    """The text of scheme 1, which was not kept: made again from what had been recorded by the signing."""
    return spelled(
        {
            "session": str(record.public_id),
            "kind": record.kind,
            "key": record.key,
            "mode": record.mode,
            "started_at": record.started_at.isoformat(),
            "ended_at": record.ended_at.isoformat() if record.ended_at else None,
            "facts": [
                [str(row.public_id), row.kind, row.occurred_at.isoformat(), row.value]
                for row in FactRecord.every.filter(
                    session_record=record, recorded_at__lte=signed_at
                ).order_by("recorded_at", "id")
            ],
            "notes": [
                [str(note.public_id), note.author_id, note.text]
                for note in NoteRecord.every.filter(session_record=record, addendum=False).order_by(
                    "recorded_at", "id"
                )
            ],
        }
    )
