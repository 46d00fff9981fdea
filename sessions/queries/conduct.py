"""The dosing day: what the board shows, computed from the record and the protocol at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission
from protocols.measures import Measure, measures
from protocols.queries import definition_of
from protocols.rules.definition import (
    ChecklistItem,
    DoseRule,
    Figure,
    GroupRule,
    Move,
    Offset,
    ProtocolDefinition,
    ReleaseRule,
    VitalsRule,
)
from sessions.models import Course, NoteRecord, SessionRecord, SignatureRecord
from sessions.models.bookings import RecordStatus
from sessions.queries.arranging import Choice, staff_choices, team_of
from sessions.queries.courses import course_for
from sessions.queries.facts import FactRow, facts_of
from sessions.queries.gates import GateRow, gate_rows
from sessions.queries.history import history_of
from sessions.queries.plan import RequirementRow, requirement_rows
from sessions.queries.records import TimesRow, times_of
from sessions.queries.words import say
from sessions.rules.facts import DoseOrdered, DosePart
from sessions.rules.gates import gates
from sessions.rules.keys import parts_of_key, session_rule_of
from sessions.rules.limits import dose_rule_for
from sessions.rules.windows import length


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseItem:
    code: str
    words: str
    ticked_by: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    course: Course
    record: SessionRecord  # with its actual times
    times: Sequence[TimesRow]  # every account of them, the last one standing
    what: str
    cycle: int | None
    status: str
    server_now: datetime
    first_dose_at: datetime | None
    order: DoseOrdered | None
    definition: ProtocolDefinition
    dosing: DoseRule | None  # what may be given in this session
    vitals_asked: bool  # the protocol has vital signs taken
    group: GroupRule | None  # the protocol limits groups
    doses: Sequence[FactRow]  # given and withheld
    vitals: Sequence[FactRow]
    moments: Sequence[FactRow]
    groups: Sequence[FactRow]  # how many were in it, newest first
    themes: Sequence[FactRow]
    presence: Sequence[FactRow]
    present_ids: frozenset[int]
    checks: Sequence[RequirementRow]  # vitals, supplement, release and staffing requirements of this session
    supplement_opens_at: datetime | None
    supplement_closes_at: datetime | None
    supplement_amount: Decimal | None
    limits: Sequence[tuple[str, Figure[Decimal]]]
    measures: Sequence[tuple[str, Measure]]
    release: Sequence[ReleaseItem]
    names_needed: int
    adverse_events_asked: bool
    dose_gates: Sequence[GateRow]
    end_gates: Sequence[GateRow]
    staff: Sequence[Choice]
    team_ids: Sequence[UUID]
    notes: Sequence[NoteRecord]
    signatures: Sequence[SignatureRecord]  # each with whether it was superseded
    sign_again: bool  # signed, and amended since
    planned_minutes: int
    checklist: Sequence[ReleaseItem]  # the session's own checklist


def board(actor: Actor, record_id: UUID, *, now: datetime) -> Board:
    """A held session as its board or its page shows it; a dosing session has doses, windows and a release
    list."""
    found = (
        SessionRecord.objects.filter(clinic_id=actor.clinic_id, public_id=record_id)
        .exclude(status=RecordStatus.VOID)
        .values_list("course__public_id", flat=True)
        .first()
    )
    if found is None:
        raise NotFound()
    course = course_for(actor, found, Permission.VIEW_CHART)
    record = SessionRecord.objects.get(clinic_id=actor.clinic_id, public_id=record_id)
    definition = definition_of(record.protocol_version_id)
    history = history_of(course)
    facts = facts_of(course, record=record)
    times = times_of(record, facts)
    rows = requirement_rows(course=course, definition=definition, records=[record])
    rule = session_rule_of(definition=definition, key=record.key) if record.key else None
    cycle = parts_of_key(definition=definition, key=record.key)[1] if record.key else None
    orders = [
        fact.value
        for fact in sorted(history.facts, key=lambda fact: (fact.recorded_at, str(fact.id)))
        if isinstance(fact.value, DoseOrdered) and fact.value.cycle == cycle
    ]
    dosing = (
        dose_rule_for(definition=definition, history=history, as_of=now, cycle=cycle)
        if record.kind == "dosing"
        else None
    )
    standing = [row for row in facts if not row.amended]
    initial = next(
        (
            row
            for row in reversed(standing)
            if row.kind == "dose_given" and row.value.part is DosePart.INITIAL
        ),
        None,
    )
    supplement = dosing.supplement if dosing else None
    given = initial.value.amount if initial else (orders[-1].amount if orders else None)

    def after(offset: Figure[Offset] | None) -> datetime | None:
        return initial.occurred_at + length(offset.value) if initial and offset else None

    signatures = list(
        SignatureRecord.objects.with_standing().filter(session_record=record).order_by("signed_at", "id")
    )

    release = next(
        (one for one in definition.rules if isinstance(one, ReleaseRule) and record.kind == "dosing"), None
    )
    closed = (
        gates(definition=definition, history=history, as_of=now, move=Move.GIVE_DOSE, key=record.key)
        if record.key and dosing and initial is None
        else ()
    )
    ending = (
        gates(definition=definition, history=history, as_of=now, move=Move.END_SESSION, key=record.key)
        if record.key and record.status == RecordStatus.UNDER_WAY
        else ()
    )
    return Board(
        course=course,
        record=record,
        times=times,
        what=next((row.what for row in rows if row.key == record.key), record.kind),
        cycle=cycle,
        status=record.status,
        server_now=now,
        first_dose_at=initial.occurred_at if initial else None,
        order=orders[-1] if orders else None,
        definition=definition,
        dosing=dosing,
        group=next(
            (one for one in definition.rules if isinstance(one, GroupRule) and record.kind == "dosing"), None
        ),
        vitals_asked=any(isinstance(one, VitalsRule) for one in definition.rules),
        doses=[row for row in facts if row.kind in ("dose_given", "dose_withheld")],
        vitals=[row for row in facts if row.kind == "vitals_taken"],
        moments=[row for row in facts if row.kind == "moment_noted"],
        groups=[row for row in standing if row.kind == "group_counted"],
        themes=[row for row in standing if row.kind == "theme_noted"],
        presence=[row for row in standing if row.kind == "staff_present"],
        present_ids=frozenset(
            row.value.person_id
            for row in standing
            if row.kind == "staff_present" and row.value.until_at is None
        ),
        checks=[
            row
            for row in rows
            if record.key
            and row.key.endswith(f"@{record.key}")
            and row.kind in ("vitals", "supplement", "dose", "release", "staffing", "checklist")
        ],
        supplement_opens_at=after(supplement.opens if supplement else None),
        supplement_closes_at=after(supplement.closes if supplement else None),
        supplement_amount=given * supplement.fraction.value
        if supplement and supplement.fraction is not None and given is not None
        else None,
        limits=sorted(
            {
                measure: limit
                for one in definition.rules
                if isinstance(one, VitalsRule)
                for measure, limit in one.limits.items()
            }.items()
        ),
        measures=list(measures().items()),
        release=_items(release.items if release else (), standing),
        names_needed=release.names.value if release else 0,
        adverse_events_asked=any(row.kind == "adverse_events_asked" for row in standing),
        dose_gates=gate_rows(actor=actor, definition=definition, history=history, closed=closed),
        end_gates=gate_rows(actor=actor, definition=definition, history=history, closed=ending),
        staff=staff_choices(actor, roles=["therapist", "prescriber", "supervisor"]),
        team_ids=[member.person_id for member in team_of(course)],
        notes=list(
            NoteRecord.objects.filter(session_record=record).select_related("author").order_by("occurred_at")
        ),
        signatures=signatures,
        sign_again=record.status == RecordStatus.SIGNED
        and all(one.superseded for one in signatures if one.meaning == "author"),
        planned_minutes=rule.minutes.value if rule else 0,
        checklist=_items(rule.checklist if rule else (), standing),
    )


def _items(items: Sequence[ChecklistItem], standing: Sequence[FactRow]) -> list[ReleaseItem]:
    ticks = [row for row in reversed(standing) if row.kind == "checklist_ticked"]
    return [
        ReleaseItem(
            code=item.code,
            words=say(item.words),
            ticked_by=list(
                dict.fromkeys(
                    row.entered_by for row in ticks if row.value.item == item.code and row.value.done
                )
            ),
        )
        for item in items
    ]
