"""Doses: ordered before a dosing session, given or withheld in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.permissions import Permission, require
from protocols.queries import definition_of
from protocols.rules.definition import Move, ProtocolDefinition, Role, SessionKind
from sessions.models import Course, FactRecord
from sessions.operations.concerns import Concern, confirm_concerns, limits_broken
from sessions.operations.consequences import follow
from sessions.operations.gating import closed_gates, gate_data, use_overrides
from sessions.operations.on_course import on_course
from sessions.operations.presence import people_of
from sessions.operations.records import check_dose, check_time, put_fact, was_recorded
from sessions.operations.sheet import on_open_sheet
from sessions.permissions import subject_of
from sessions.queries.arranging import conductors
from sessions.queries.history import history_of
from sessions.queries.words import breach_words, gate_why
from sessions.rules.facts import DoseGiven, DoseOrdered, DosePart, DoseWithheld, FactSource, History, Intake
from sessions.rules.gates import LEGAL_BASIS, Gate
from sessions.rules.keys import parts_of_key
from sessions.rules.limits import check_order, dose_rule_for, offered_doses


def order_dose(
    *,
    actor: Actor,
    course_id: UUID,
    cycle: int,
    amount: Decimal,
    now: datetime,
    supplement_allowed: bool = True,
    public_id: UUID | None = None,
) -> FactRecord:
    """The recorded choice of the dose for one dosing session, by whom the protocol names. An order beyond a
    limit is refused."""
    with on_course(actor=actor, course_id=course_id, permission=Permission.VIEW_CHART, now=now) as course:
        if actor.person_id is None:
            raise BadInput()
        definition, history = definition_of(course.protocol_version_id), history_of(course)
        offered = offered_doses(
            definition=definition, history=history, as_of=history.present(now), cycle=cycle
        )
        _may_record_choice(actor, course, offered[0].allowed.chosen_by if offered else Role.PRESCRIBER)
        unit = _unit_for(definition=definition, history=history, cycle=cycle, now=now)
        breaches = check_order(
            definition=definition,
            history=history,
            as_of=history.present(now),
            cycle=cycle,
            amount=amount,
            unit=unit,
            supplement=supplement_allowed,
        )
        if breaches:
            raise Incomplete(
                " ".join(breach_words(breach) for breach in breaches),
                code="order-over-limit",
                advice="Choose one of the protocol's doses.",
                fields={"amount": [breach_words(breach) for breach in breaches]},
            )
        row, _new = put_fact(
            actor=actor,
            course=course,
            value=DoseOrdered(
                cycle=cycle,
                amount=amount,
                unit=unit,
                supplement_allowed=supplement_allowed,
                person_id=actor.person_id,
            ),
            occurred_at=now,
            public_id=public_id,
            now=now,
        )
        return row


def give_dose(
    *,
    actor: Actor,
    record_id: UUID,
    part: DosePart,
    amount: Decimal,
    occurred_at: datetime,
    now: datetime,
    intake: Intake = Intake.FULL,
    checked_by: UUID | None = None,
    confirmed: frozenset[str] = frozenset(),
    source: FactSource = FactSource.STAFF,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record that a dose was given. What breaks a limit, or was given although a gate was closed, is recorded
    once confirmed, becomes a deviation, and reaches the prescriber at once where it is a safety limit."""
    with on_open_sheet(actor=actor, record_id=record_id, permission=Permission.GIVE_DOSE, now=now) as sheet:
        course, record = sheet.course, sheet.record
        if record.kind != SessionKind.DOSING.value or actor.person_id is None:
            raise NotNow("This is not a dosing session.")
        occurred_at = check_time(occurred_at, now=now)
        checker = _checker(course=course, checked_by=checked_by, actor=actor, at=occurred_at)
        value = DoseGiven(
            record_id=record.public_id,
            part=part,
            amount=amount,
            unit=_unit_for(
                definition=sheet.definition,
                history=history_of(course),
                cycle=parts_of_key(definition=sheet.definition, key=record.key)[1] if record.key else None,
                now=now,
            ),
            intake=intake,
            given_by=actor.person_id,
            checked_by=checker,
        )
        check_dose(value, record=record, at=occurred_at)
        public_id = public_id or uuid7()
        concerns: list[Concern] = []
        if not was_recorded(course=course, public_id=public_id):
            concerns = limits_broken(
                course=course,
                definition=sheet.definition,
                value=value,
                key=record.key,
                at=occurred_at,
                now=now,
            )
            if record.key:
                closed, used = closed_gates(
                    course=course,
                    move=Move.GIVE_DOSE,
                    key=record.key,
                    now=now,
                    conducting={actor.person_id, *conductors(course=course, key=record.key)},
                )
                closed = _with_legal_basis(
                    closed, course=course, key=record.key, source=source, occurred_at=occurred_at
                )
                concerns += [
                    Concern(code=f"gate:{gate.key}", words=gate_why(gate), safety=gate.medical)
                    for gate in closed
                ]
                use_overrides(actor=actor, course=course, overrides=used, record=record, now=now)
            if checker is None:
                concerns.append(Concern(code="no-second-check", words="No second person checked the dose."))
            confirm_concerns(concerns, confirmed)
        row, new = sheet.put(value, occurred_at=occurred_at, source=source, public_id=public_id)
        if new:
            follow(actor=actor, course=course, row=row, value=value, concerns=concerns, now=now)
        return row


def withhold_dose(
    *,
    actor: Actor,
    record_id: UUID,
    part: DosePart,
    reason: str,
    occurred_at: datetime,
    now: datetime,
    public_id: UUID | None = None,
) -> FactRecord:
    """Record that a dose, most often the supplemental one, was withheld, and why."""
    if not reason.strip():
        raise Incomplete(
            "Say why the dose was withheld.", fields={"reason": ["Give the reason in a few words."]}
        )
    with on_open_sheet(actor=actor, record_id=record_id, permission=Permission.GIVE_DOSE, now=now) as sheet:
        row, _new = sheet.put(
            DoseWithheld(record_id=sheet.record.public_id, part=part, reason=reason.strip()),
            occurred_at=occurred_at,
            public_id=public_id,
        )
        return row


def _with_legal_basis(
    closed: Sequence[Gate], *, course: Course, key: str, source: FactSource, occurred_at: datetime
) -> list[Gate]:
    """The gates that a person may look at and confirm. Nobody confirms away that the clinic may not dose:
    raises NotNow then. What was given while it still might, or is entered from paper, is kept like everything
    that happened."""
    legal = [gate for gate in closed if gate.key == LEGAL_BASIS]
    others = [gate for gate in closed if gate.key != LEGAL_BASIS]
    if not legal:
        return others
    then, _used = closed_gates(course=course, move=Move.GIVE_DOSE, key=key, now=occurred_at)
    if not any(gate.key == LEGAL_BASIS for gate in then):
        return others
    if source is FactSource.STAFF:
        raise NotNow(
            " ".join(gate_why(gate) for gate in legal),
            code="gates-closed",
            advice="Care goes on; no dose is given.",
            data={"gates": [gate_data(gate) for gate in legal]},
        )
    return [*legal, *others]


def _may_record_choice(actor: Actor, course: Course, chosen_by: Role) -> None:
    """An order is the prescriber's. What the protocol leaves to others, the patient above all, is recorded by
    those who hold the sessions. Raises Forbidden for anybody else."""
    if chosen_by is Role.PRESCRIBER:
        require(actor, Permission.ORDER_DOSE, subject_of(course))
        return
    require(actor, Permission.CONDUCT_SESSION, subject_of(course))
    if chosen_by is not Role.PATIENT and chosen_by.value not in {role.value for role in actor.roles}:
        raise Forbidden(f"Only a {chosen_by.value} chooses this dose.")


def _unit_for(*, definition: ProtocolDefinition, history: History, cycle: int | None, now: datetime) -> str:
    """The unit of the dose rule that applies to this patient for that dosing session."""
    rule = dose_rule_for(definition=definition, history=history, as_of=history.present(now), cycle=cycle)
    if rule is None:
        raise NotNow("This protocol gives no drug.")
    return rule.unit


def _checker(*, course: Course, checked_by: UUID | None, actor: Actor, at: datetime) -> int | None:
    if checked_by is None:
        return None
    (person_id,) = people_of(course=course, staff=[checked_by], at=at, field="checked_by")
    if person_id == actor.person_id:
        raise BadInput(
            "The second check is another person's.",
            fields={"checked_by": ["Choose who checked it with you."]},
        )
    return person_id
