"""Recording decisions, forms, group counts and weighed risks, each held against the protocol."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import DecisionRule, FormRule, Move, ProtocolDefinition, Role
from sessions.models import Course, CourseRequirement, FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.on_course import on_course
from sessions.operations.records import put_fact
from sessions.queries.history import history_of
from sessions.rules.codec import kind_of
from sessions.rules.facts import (
    DecisionMade,
    FactSource,
    FactValue,
    FormFiled,
    GroupCounted,
    RiskBenefitDocumented,
)
from sessions.rules.gates import gates
from sessions.rules.keys import parts_of_key

PERMISSIONS: dict[type[Any], Permission] = {
    DecisionMade: Permission.RECORD_CHART,
    FormFiled: Permission.RECORD_CHART,
    GroupCounted: Permission.CONDUCT_SESSION,
    RiskBenefitDocumented: Permission.RECORD_CHART,
}


def record_choice(
    *,
    actor: Actor,
    course_id: UUID,
    value: FactValue,
    occurred_at: datetime,
    now: datetime,
    aware_at: datetime | None = None,
    key: str | None = None,
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record one of these, under the key of the requirement it is for. Who records it is who decided."""
    with on_course(actor=actor, course_id=course_id, permission=PERMISSIONS[type(value)], now=now) as course:
        first = FactRecord.every.filter(course=course, public_id=public_id).first() if public_id else None
        if first is not None and first.kind == kind_of(value) == "risk_benefit_documented":
            return first  # sent twice: the first opened the gate
        value, key, record = _held_against_protocol(actor=actor, course=course, value=value, key=key, now=now)
        known = CourseRequirement.objects.filter(clinic_id=course.clinic_id, course=course, key=key).exists()
        if record is None and key is not None and not known:
            raise BadInput(
                "The protocol asks for nothing of that name.",
                fields={"key": ["Use the key of one of the course's requirements."]},
            )
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=value,
            occurred_at=occurred_at,
            aware_at=aware_at,
            key=key,
            session_record=record,
            source=source,
            public_id=public_id,
            now=now,
        )
        return row


def _held_against_protocol(
    *, actor: Actor, course: Course, value: FactValue, key: str | None, now: datetime
) -> tuple[FactValue, str | None, SessionRecord | None]:
    """The value, completed with who records it; the key it is recorded under; and the session it is of."""
    definition = definition_of(course.protocol_version_id)
    match value:
        case DecisionMade():
            return _decision(actor, definition, value, key), key or value.decision, None
        case FormFiled():
            known = {rule.form for rule in definition.rules if isinstance(rule, FormRule)}
            if value.form not in known:
                raise BadInput(
                    "The protocol knows no such form.",
                    fields={"form": [f"Use one of: {', '.join(sorted(known))}."]},
                )
        case GroupCounted():
            return (value, *_group(course, value))
        case RiskBenefitDocumented():
            return _weighed(actor, course, definition, value, key, now=now), key, None
    return value, key, None


def _decision(
    actor: Actor, definition: ProtocolDefinition, value: DecisionMade, key: str | None
) -> DecisionMade:
    rule = next(
        (one for one in definition.rules if isinstance(one, DecisionRule) and one.code == value.decision),
        None,
    )
    if rule is None:
        raise BadInput("The protocol asks for no such decision.", fields={"decision": ["Name one of it."]})
    if value.choice not in {choice.code for choice in rule.choices}:
        choices = ", ".join(choice.code for choice in rule.choices)
        raise BadInput("That is not one of the choices.", fields={"choice": [f"Choose one of: {choices}."]})
    if key is not None and parts_of_key(definition=definition, key=key)[0] != rule.code:
        raise BadInput("That is the key of something else.", fields={"key": [f"Use {rule.code}."]})
    if rule.per and key is None:
        raise BadInput(
            "Say for which session.", fields={"key": [f"Use {rule.code}@{rule.per}.1 or another."]}
        )
    if not value.reason.strip():
        raise Incomplete("Say why.", fields={"reason": ["Give the reason in a few words."]})
    # What the patient chooses, somebody of the team takes down.
    if rule.who is not Role.PATIENT and rule.who.value not in {role.value for role in actor.roles}:
        raise Forbidden(f"Only a {rule.who.value} makes this decision.")
    return replace(value, person_id=_person(actor))


def _group(course: Course, value: GroupCounted) -> tuple[str | None, SessionRecord]:
    if value.patients < 1 or value.facilitators < 1 or value.largest_amount < 0:
        raise BadInput("A group has at least one patient and one facilitator.")
    record = (
        SessionRecord.objects.filter(course=course, public_id=value.record_id)
        .exclude(status=RecordStatus.VOID)
        .first()
    )
    if record is None:
        raise NotFound()
    return record.key, record


def _weighed(
    actor: Actor,
    course: Course,
    definition: ProtocolDefinition,
    value: RiskBenefitDocumented,
    key: str | None,
    *,
    now: datetime,
) -> RiskBenefitDocumented:
    """Only beyond a soft threshold that stands in the way now, by somebody whom the protocol names."""
    if not value.reason.strip():
        raise Incomplete(
            "Say why the benefit outweighs the risk.", fields={"reason": ["Give the clinical reason."]}
        )
    history = history_of(course)
    closed = (
        gate
        for move in (Move.START_SESSION, Move.GIVE_DOSE, Move.END_SESSION)
        for gate in gates(
            definition=definition,
            history=history,
            as_of=history.present(now),
            move=move,
            key=value.session_key,
        )
        if gate.key == key and gate.document
    )
    gate = next(closed, None)
    if gate is None:
        raise NotFound("No threshold that can be weighed stands in the way there.")
    mine = {role.value for role in actor.roles}
    able = sorted(role for role in gate.document if role.value in mine)
    if not able:
        raise Forbidden(f"Only a {' or '.join(sorted(gate.document))} may weigh this.")
    under_way = SessionRecord.objects.filter(
        course=course, key=value.session_key, status=RecordStatus.UNDER_WAY
    ).first()
    return replace(
        value,
        record_id=under_way.public_id if under_way is not None else None,
        person_id=_person(actor),
        role=able[0].value,
    )


def _person(actor: Actor) -> int:
    if actor.person_id is None:
        raise BadInput()
    return actor.person_id
