"""Gates: what stands in the way of an act now, asked afresh, and overriding one with a reason."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.permissions import Permission, Role, require
from protocols.queries import definition_of
from protocols.rules.definition import Move
from sessions.models import Course, FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.operations.on_course import on_course
from sessions.operations.presence import people_of
from sessions.operations.records import put_fact
from sessions.permissions import subject_of
from sessions.queries.arranging import conductors
from sessions.queries.credentials import asks_for_any, with_credentials_of
from sessions.queries.history import history_of
from sessions.queries.words import gate_why
from sessions.rules.codec import from_json
from sessions.rules.facts import Override, Somebody
from sessions.rules.gates import Gate, gates
from sessions.rules.settling.in_place import opens

OVERRIDE_PERMISSIONS = {
    "supervisor": Permission.OVERRIDE_GATE_SUPERVISOR,
    "prescriber": Permission.OVERRIDE_GATE_PRESCRIBER,
}


def closed_gates(
    *,
    course: Course,
    move: Move,
    key: str,
    now: datetime,
    conducting: Collection[int] = (),
    people: Sequence[Somebody] = (),
) -> tuple[list[Gate], list[FactRecord]]:
    """What still stands before an act, and the overrides, each meant for this session and not used yet, that
    open the
    rest. An override by somebody conducting the session opens nothing. `people` are those about to hold it,
    where it is not as booked."""
    history, definition = history_of(course), definition_of(course.protocol_version_id)
    if people and asks_for_any(definition):
        history = with_credentials_of(
            history, clinic_id=course.clinic_id, people=[person for person, _roles in people]
        )
    if conducting:
        facts = frozenset(
            fact
            for fact in history.facts
            if not (isinstance(fact.value, Override) and fact.value.person_id in conducting)
        )
        history = replace(history, facts=facts)
    found = gates(
        definition=definition,
        history=history,
        as_of=history.present(now),
        move=move,
        key=key or None,
        people=people,
    )
    unused: dict[str | None, list[FactRecord]] = {}
    for row in FactRecord.objects.filter(
        course=course,
        kind="override",
        value__session_key=key,
        value__record_id=None,
        amended_by__isnull=True,
    ).exclude(entered_by_id__in=list(conducting)):
        unused.setdefault(row.key, []).append(row)
    opened = {
        gate.key
        for gate in found
        if opens([_override(row) for row in unused.get(gate.key, ())], code=gate.code, people=gate.people)
    }
    return [gate for gate in found if gate.key not in opened], [
        row for gate in found if gate.key in opened for row in unused[gate.key]
    ]


def _override(row: FactRecord) -> Override:
    value = from_json(row.kind, row.value)
    if not isinstance(value, Override):
        raise TypeError(f"fact {row.pk} is no override")
    return value


def refuse_if_blocked(
    *, course: Course, move: Move, key: str, people: Mapping[int, frozenset[str]], now: datetime
) -> list[FactRecord]:
    """Raise NotNow with every gate that is closed to these people, with their roles. Returns the overrides
    that were needed."""
    closed, used = closed_gates(
        course=course, move=move, key=key, now=now, conducting=set(people), people=tuple(people.items())
    )
    if closed:
        raise NotNow(
            "This can't go ahead yet.",
            code="gates-closed",
            advice="Put what is missing in place. Where the protocol allows it, an override with a reason is "
            "possible.",
            data={"gates": [gate_data(gate) for gate in closed]},
        )
    return used


def use_overrides(
    *, actor: Actor, course: Course, overrides: Iterable[FactRecord], record: SessionRecord, now: datetime
) -> None:
    """Tie each override to the session it served: it is for that one act, and opens no gate again."""
    for row in overrides:
        value = _override(row)
        put_fact(
            actor=actor,
            course=course,
            value=replace(value, record_id=record.public_id),
            occurred_at=row.occurred_at,
            key=row.key,
            amends=row.public_id,
            reason="used",
            observed_by=value.person_id,
            now=now,
        )


def gate_data(gate: Gate) -> dict[str, object]:
    return {
        "key": gate.key,
        "rule": gate.rule,
        "code": gate.code,
        "status": gate.status.value,
        "override": sorted(role.value for role in gate.override),
        "ready_at": gate.ready_at.isoformat() if gate.ready_at else None,
        "why": gate_why(gate),
    }


def override_requirement(
    *,
    actor: Actor,
    course_id: UUID,
    key: str,
    move: Move,
    session_key: str,
    reason: str,
    now: datetime,
    people: Sequence[UUID] = (),
    public_id: UUID | None = None,
) -> FactRecord:
    """Let one act go ahead although requirement `key` is unmet. It is itself a deviation.

    The protocol says who may: nobody for some gates, never somebody conducting that session. What is about
    people it opens for those who lack it and nobody else: of `people`, who will hold the session; none
    named, of those booked for it or in it.
    """
    with on_course(actor=actor, course_id=course_id, permission=Permission.VIEW_CHART, now=now) as course:
        holding = people_of(course=course, staff=people, at=now, field="people") if people else {}
        closed, _used = closed_gates(
            course=course, move=move, key=session_key, people=tuple(holding.items()), now=now
        )
        gate = next((one for one in closed if one.key == key), None)
        if gate is None and holding:
            raise BadInput(
                fields={"people": [_("None of them lacks what is asked: choose who will hold it and does.")]}
            )
        if gate is None:
            raise NotFound("That gate is not closed.")
        if not gate.override:
            raise Forbidden(
                "Nobody may override this.",
                code="never-overridden",
                advice="It has to be met before this can go ahead.",
            )
        if not reason.strip():
            raise Incomplete("Say why it is overridden.", fields={"reason": ["Give the clinical reason."]})
        able = [
            role
            for role in gate.override
            if role.value in OVERRIDE_PERMISSIONS and Role(role.value) in actor.roles
        ]
        if not able:
            names = " or ".join(sorted(role.value for role in gate.override))
            raise Forbidden(f"Only a {names} may override this.")
        require(actor, OVERRIDE_PERMISSIONS[able[0].value], subject_of(course))
        if actor.person_id is None:
            raise BadInput()
        if actor.person_id in conductors(course=course, key=session_key) | set(holding):
            raise Forbidden(
                "Whoever conducts a session may not override its gates.", code="override-by-conductor"
            )
        under_way = SessionRecord.objects.filter(
            course=course, key=session_key, status=RecordStatus.UNDER_WAY
        ).first()
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=Override(
                record_id=under_way.public_id if under_way else None,
                session_key=session_key,
                reason=reason.strip(),
                person_id=actor.person_id,
                role=able[0].value,
                people=frozenset(gate.people),
            ),
            key=key,
            occurred_at=now,
            public_id=public_id,
            now=now,
        )
        return row
