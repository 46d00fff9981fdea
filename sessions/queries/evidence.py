"""The records behind a requirement or a deviation, and one requirement with all of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Credential, MessageLog
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import CourseRequirement, DeviationRecord, FactRecord, SessionRecord
from sessions.queries.courses import courses_for
from sessions.queries.credentials import names_of
from sessions.queries.departures import departed
from sessions.queries.words import label, name_of_version
from sessions.rules.codec import from_json
from sessions.rules.facts import FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    fact_id: str
    kind: str
    value: FactValue | None
    record: SessionRecord | None
    occurred_at: datetime
    recorded_at: datetime | None
    entered_by: str
    measured: str | None
    limit: str | None
    about: str  # whose credential or presence it is


IN_ERROR = "entered_in_error"
"""The kind of what a deviation once rested on and is no record any more."""

_NOTHING: Mapping[str, Any] = {"measured": None, "limit": None}

Bounds = tuple[datetime | None, datetime | None]


def evidence_rows(
    *, clinic_id: int, evidence: Sequence[Mapping[str, Any]], zone: ZoneInfo, window: Bounds | None
) -> list[EvidenceRow]:
    """In two queries, one or two more where a credential or a message is among it, and one where somebody's
    presence is. With `window`, what has no limit of its own is measured against when it opened and closed."""
    ids = [one["fact"] for one in evidence]
    facts = {
        str(fact.public_id): fact
        for fact in FactRecord.objects.filter(clinic_id=clinic_id, public_id__in=ids).select_related(
            "entered_by"
        )
    }
    records = {
        str(record.public_id): record
        for record in SessionRecord.objects.filter(clinic_id=clinic_id, public_id__in=ids)
    }
    left = {*ids} - {*facts} - {*records}
    credentials = _credentials(clinic_id, left)
    sent = _sent(clinic_id, left - {*credentials})
    names = names_of({fact.value["person_id"] for fact in facts.values() if fact.kind == "staff_present"})
    found = []
    for one in evidence:
        fact = facts.get(one["fact"])
        credential = credentials.get(one["fact"])
        # What was measured on somebody else has left with its record.
        said = one if one["fact"] in {*facts, *records, *credentials, *sent} else _NOTHING
        occurred_at = datetime.fromisoformat(one["occurred_at"])
        measured, limit = (
            departed(occurred_at=occurred_at, opens_at=window[0], closes_at=window[1], zone=zone)
            if window
            else ("", "")
        )
        found.append(
            EvidenceRow(
                fact_id=one["fact"],
                kind=fact.kind
                if fact
                else "credential"
                if credential
                else "session_held"
                if one["fact"] in records
                else "message_sent"
                if one["fact"] in sent
                else IN_ERROR,
                value=from_json(fact.kind, fact.value) if fact else None,
                record=records.get(one["fact"]),
                occurred_at=occurred_at,
                recorded_at=fact.recorded_at if fact else credential.recorded_at if credential else None,
                entered_by=fact.entered_by.printed_name
                if fact and fact.entered_by
                else credential.recorded_by.printed_name
                if credential
                else "",
                measured=said["measured"] or measured or None,
                limit=said["limit"] or limit or None,
                about=names.get(fact.value["person_id"], "")
                if fact and fact.kind == "staff_present"
                else credential.person.printed_name
                if credential
                else "",
            )
        )
    return found


def _credentials(clinic_id: int, ids: Collection[str]) -> Mapping[str, Credential]:
    if not ids:
        return {}
    rows = Credential.objects.filter(clinic_id=clinic_id, public_id__in=ids)
    return {str(row.public_id): row for row in rows.select_related("person", "recorded_by")}


def _sent(clinic_id: int, ids: Collection[str]) -> frozenset[str]:
    """Those that are messages that went out: steps of a ladder. No query where nothing is left to find."""
    if not ids:
        return frozenset()
    rows = MessageLog.objects.filter(clinic_id=clinic_id, public_id__in=ids)
    return frozenset(str(public_id) for public_id in rows.values_list("public_id", flat=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementDetail:
    """One requirement as it stands, with what it rests on. `deviation_id`: its row in the deviation list."""

    course_id: UUID
    key: str
    what: str
    protocol: str
    status: str
    cause: str
    firm: bool
    important: bool
    counts: bool  # in the adherence
    opens_at: datetime | None
    closes_at: datetime | None
    settled_at: datetime | None
    came_due_at: datetime | None
    evidence: Sequence[EvidenceRow]
    definition: ProtocolDefinition  # with the rule's figures and their sources
    rule: str
    deviation_id: UUID | None


def requirement(actor: Actor, requirement_id: UUID) -> RequirementDetail:
    row = (
        CourseRequirement.objects.filter(
            clinic_id=actor.clinic_id,
            public_id=requirement_id,
            course__in=courses_for(actor, Permission.VIEW_ADHERENCE),
        )
        .select_related("course__clinic")
        .first()
    )
    if row is None:
        raise NotFound()
    definition = definition_of(row.protocol_version_id)
    return RequirementDetail(
        course_id=row.course.public_id,
        key=row.key,
        what=label(
            definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=row.key
        ),
        protocol=name_of_version(definition),
        status=row.status,
        cause=(row.cause or "clinic") if row.status != "met" else "",
        firm=row.firm,
        important=row.important,
        counts=row.firm and row.came_due_at is not None and row.status != "withdrawn",
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        settled_at=row.settled_at,
        came_due_at=row.came_due_at,
        evidence=evidence_rows(
            clinic_id=actor.clinic_id,
            evidence=row.evidence,
            zone=row.course.clinic.zone_info,
            window=(row.opens_at, row.closes_at) if row.status in ("met_early", "met_late") else None,
        ),
        definition=definition,
        rule=row.rule,
        deviation_id=DeviationRecord.objects.filter(
            clinic_id=actor.clinic_id,
            course__in=courses_for(actor, Permission.VIEW_DEVIATIONS).filter(pk=row.course_id),
            key=row.key,
        )
        .values_list("public_id", flat=True)
        .first(),
    )
