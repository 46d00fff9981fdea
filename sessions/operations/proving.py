"""Whether every signature still stands over what it was put to. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from sessions.models import EnteredInError, FactRecord, SessionRecord, SignatureRecord
from sessions.models.bookings import RecordStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.queries.canonical import (
    amended_elsewhere,
    digest_of,
    fact_entry,
    facts_signed,
    first_scheme,
    seal_of,
    session_entry,
)
from sessions.queries.notes import notes_as_signed

PAGE = 200
"""Signatures read in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One signature, or one session that should have one, with what is not as it was signed."""

    held: str
    signature: str  # "" for a session with none
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    signatures: int
    superseded: int  # stands over what was amended since: no fault, and shown wherever it is
    broken: tuple[Broken, ...]


def verify_signatures(*, all_courses: bool = False) -> Proved:
    """Prove each signature of the open courses, or of every course: its own columns by its seal, what was
    signed by its digest, and that every word of that still stands in the record, unchanged, with nothing put
    between."""
    counted = superseded = 0
    broken: list[Broken] = []
    for page in _pages(_signatures(all_courses=all_courses)):
        for signature in page:
            counted += 1
            superseded += signature.superseded
            broken += (
                Broken(
                    held=str(signature.session_record.public_id),
                    signature=str(signature.public_id),
                    what=what,
                )
                for what in wrong_with(signature)
            )
    broken += (
        Broken(held=str(public_id), signature="", what="signed by nobody")
        for public_id in _signed_by_nobody(all_courses=all_courses)
    )
    return Proved(signatures=counted, superseded=superseded, broken=tuple(broken))


def _signatures(*, all_courses: bool) -> QuerySet[SignatureRecord]:
    which = Q() if all_courses else Q(session_record__course__status__in=OPEN_STATUSES)
    return (
        SignatureRecord.objects.with_standing()
        .filter(which)
        .select_related(
            "session_record__course__patient",
            "session_record__protocol_version",
            "session_record__started_by",
        )
        .order_by("pk")
    )


def _pages(rows: QuerySet[SignatureRecord]) -> Iterator[Sequence[SignatureRecord]]:
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PAGE]):
        yield page
        last = page[-1].pk


def _signed_by_nobody(*, all_courses: bool) -> Iterable[Any]:
    which = Q() if all_courses else Q(course__status__in=OPEN_STATUSES)
    signatures = SignatureRecord.objects.filter(session_record=OuterRef("pk"), meaning="author")
    signed = SessionRecord.objects.filter(which, ~Exists(signatures), status=RecordStatus.SIGNED)
    return signed.order_by("pk").values_list("public_id", flat=True)


def wrong_with(signature: SignatureRecord) -> Iterator[str]:
    """What is not as it was when this was signed, in words for who looks after the data."""
    record = signature.session_record
    if record.status not in (RecordStatus.SIGNED, RecordStatus.ENTERED_IN_ERROR):
        yield f"the session is {record.status}, not signed"
    if signature.scheme == 1:
        if digest_of(first_scheme(record, signed_at=signature.signed_at)) != signature.digest:
            yield "the record is not what was signed"
        return
    if seal_of(signature) != signature.seal:
        yield "the signature itself was changed"
    if digest_of(signature.content) != signature.digest:
        yield "what was signed was changed"
        return
    content = json.loads(signature.content)
    yield from _entry("session", record.public_id, content["session"], session_entry(record))
    facts = {str(row.public_id): row for row in facts_signed(record, every=True)}
    for public_id, said in content["facts"].items():
        if public_id not in facts:
            yield f"fact {public_id} is gone"
        else:
            yield from _entry("fact", public_id, said, fact_entry(facts[public_id]))
    for public_id in _slipped_in(signature, facts.values(), signed=content["facts"]):
        yield f"fact {public_id} was slipped in among what was signed"
    notes = {note[0]: note for note in json.loads(json.dumps(notes_as_signed(record, every=True)))}
    for note in content["notes"]:
        if note[0] not in notes:
            yield f"note {note[0]} is gone"
        elif note != notes[note[0]]:
            yield f"note {note[0]} was changed"


def _slipped_in(
    signature: SignatureRecord, facts: Iterable[FactRecord], *, signed: Container[str]
) -> Iterator[str]:
    """Facts numbered as if they had been there at the signing, which takes them for no amendment; and those
    that amend one of them without being of the session."""
    gone = set(
        EnteredInError.objects.filter(
            session_record=signature.session_record, fact__isnull=False, pk__lte=signature.last_error_id
        ).values_list("fact_id", flat=True)
    )
    for row in facts:
        if row.pk <= signature.last_fact_id and row.pk not in gone and str(row.public_id) not in signed:
            yield str(row.public_id)
    yield from (str(row.public_id) for row in amended_elsewhere(signature.session_record))


def _entry(what: str, public_id: object, signed: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    changed = sorted(name for name in signed if signed[name] != now.get(name))
    if changed:
        yield f"{what} {public_id} was changed: {', '.join(changed)}"
