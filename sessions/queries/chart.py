"""The patient's chart: the whole arc of the course, what is next, what stands in the way, and what was
recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.models import Membership, Message, MessageLog, Room
from clinic.permissions import Permission
from clinic.rules.moves import actions_from
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from protocols.rules.definition import (
    ChartRule,
    ConsentRule,
    Move,
    ProtocolDefinition,
    ResultRule,
    SessionRule,
    Source,
)
from sessions.models import (
    CareTeamMember,
    Course,
    CourseRequirement,
    CourseStage,
    DeviationRecord,
    FactRecord,
    NoteRecord,
    SessionBooking,
    SessionRecord,
    SignatureRecord,
    StaffTask,
)
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.queries.courses import course_for, courses_for
from sessions.queries.history import history_of
from sessions.queries.today import TaskRow, task_rows
from sessions.queries.words import GLYPHS, gate_why, label, say, status_words
from sessions.rules.codec import from_json
from sessions.rules.facts import History
from sessions.rules.gates import Gate, gates
from sessions.rules.keys import parts_of_key
from sessions.rules.moves import COURSE_MOVES


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    course_id: UUID
    patient_id: UUID
    code: str
    name: str
    pronouns: str
    age: int
    allergies: str | None  # None: not recorded
    safety: bool  # an open safety task
    status: str
    stage: str
    protocol: str
    protocol_version: str
    consent: str  # given, withdrawn, missing
    next_due: str
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementRow:
    key: str
    rule: str
    kind: str
    what: str
    status: str
    words: str
    glyph: str
    firm: bool
    target_at: datetime | None
    opens_at: datetime | None
    due_at: datetime | None
    closes_at: datetime | None
    settled_at: datetime | None
    booking: SessionBooking | None
    record: SessionRecord | None
    important: bool
    safety: bool
    deviation: bool
    session_kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    code: str
    cycle: int | None
    what: str
    status: str
    requirements: Sequence[RequirementRow]  # sessions, contacts and assessments of the stage


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    key: str
    what: str
    why: str
    status: str
    override: tuple[str, ...]  # roles that may override; empty: nobody
    can_override: bool  # this actor, as far as roles go
    source: Source | None
    kind: str
    about: str  # the test, scope or chart item it asks for, where it asks for one
    cycle: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRow:
    id: UUID
    kind: str
    value: Any  # the fact value class that `kind` names
    occurred_at: datetime
    recorded_at: datetime
    entered_by: str
    amended: bool  # a later row corrects this one: shown struck
    amends: UUID | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    instrument: str
    at: datetime
    total: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    id: UUID
    text: str
    author: str
    at: datetime
    addendum: bool
    what: str
    signed: Sequence[SignatureRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    purpose: str
    about: str
    send_at: datetime
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow:
    person_id: UUID
    name: str
    team_role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    banner: Banner
    course: Course
    stages: Sequence[StageRow]
    next_key: str  # the next session that waits, "" when none
    next_what: str
    gates: Sequence[GateRow]  # what stands in the way of starting it now
    facts: Mapping[str, Sequence[FactRow]]  # by kind, newest first, amended ones included
    scores: Sequence[ScorePoint]
    dose_days: Sequence[datetime]
    notes: Sequence[NoteRow]
    records: Sequence[SessionRecord]
    messages: Sequence[MessageRow]
    tasks: Sequence[TaskRow]
    deviations: Sequence[DeviationRecord]
    team: Sequence[TeamRow]
    course_actions: tuple[str, ...]  # the moves the table allows from here
    met: Decimal
    came_due: Decimal


def chart(actor: Actor, course_id: UUID, *, now: datetime) -> Chart:
    """Everything the chart page shows, in a constant number of queries."""
    course = course_for(actor, course_id)
    definition = definition_of(course.protocol_version_id)
    history = history_of(course)
    fact_rows = facts_of(course)
    tasks = list(
        StaffTask.objects.filter(course=course)
        .select_related("course__patient", "owner", "cover")
        .order_by("done_at", "act_by")
    )
    records = list(SessionRecord.objects.filter(course=course).exclude(status="void").order_by("started_at"))
    rows = requirement_rows(course=course, definition=definition, records=records)
    waiting = [row for row in rows if row.kind == "session" and row.status in ("upcoming", "open", "overdue")]
    following = waiting[0] if waiting else None
    by_kind: dict[str, list[FactRow]] = {}
    for row in fact_rows:
        by_kind.setdefault(row.kind, []).append(row)
    stage_rows = _stages(course=course, definition=definition, rows=rows)
    return Chart(
        banner=_banner(
            course=course,
            by_kind=by_kind,
            stages=stage_rows,
            rows=rows,
            tasks=tasks,
            definition=definition,
            now=now,
        ),
        course=course,
        stages=stage_rows,
        next_key=following.key if following else "",
        next_what=following.what if following else "",
        gates=gate_rows(
            actor=actor,
            definition=definition,
            history=history,
            closed=gates(
                definition=definition, history=history, as_of=now, move=Move.START_SESSION, key=following.key
            ),
        )
        if following
        else (),
        facts=by_kind,
        scores=[
            ScorePoint(
                instrument=row.value.instrument, at=row.occurred_at, total=row.value.total, by=row.value.by
            )
            for row in reversed(by_kind.get("assessment_answered", []))
            if not row.amended and row.value.total is not None
        ],
        dose_days=[
            row.occurred_at
            for row in reversed(by_kind.get("dose_given", []))
            if not row.amended and row.value.part == "initial"
        ],
        notes=_notes(course=course, definition=definition),
        records=records,
        messages=_messages(course=course, definition=definition),
        tasks=task_rows(tasks, actor=actor, now=now),
        deviations=list(DeviationRecord.objects.filter(course=course).order_by("-raised_at")),
        team=team_of(course),
        course_actions=actions_from(COURSE_MOVES, course.status),
        met=course.met_weight,
        came_due=course.due_weight,
    )


def facts_of(course: Course, *, record: SessionRecord | None = None) -> list[FactRow]:
    """The facts of a course, or of one held session, newest first."""
    rows = FactRecord.objects.filter(course=course).select_related("entered_by", "amends")
    if record is not None:
        rows = rows.filter(session_record=record)
    found = list(rows.order_by("-occurred_at", "-id"))
    amended = {row.amends_id for row in found if row.amends_id is not None}
    return [
        FactRow(
            id=row.public_id,
            kind=row.kind,
            value=from_json(row.kind, row.value),
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            entered_by=row.entered_by.printed_name if row.entered_by else "",
            amended=row.pk in amended,
            amends=row.amends.public_id if row.amends else None,
            reason=row.reason,
        )
        for row in found
    ]


def requirement_rows(
    *, course: Course, definition: ProtocolDefinition, records: Sequence[SessionRecord]
) -> list[RequirementRow]:
    bookings = {
        booking.key: booking
        for booking in SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS)
    }
    held = {record.key: record for record in records if record.key and record.counts}
    words = status_words()
    return [
        RequirementRow(
            key=row.key,
            rule=row.rule,
            kind=row.kind,
            what=label(
                definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=row.key
            ),
            status=row.status,
            words=words.get(row.status, row.status),
            glyph=GLYPHS.get(row.status, ""),
            firm=row.firm,
            target_at=row.target_at,
            opens_at=row.opens_at,
            due_at=row.due_at,
            closes_at=row.closes_at,
            settled_at=row.settled_at,
            booking=bookings.get(row.key),
            record=held.get(row.key),
            important=row.important,
            safety=row.safety,
            deviation=row.came_due_at is not None
            and row.status in ("met_early", "met_late", "missed", "out_of_bounds", "not_done", "overridden"),
            session_kind=_session_kind(definition, row.rule),
        )
        for row in CourseRequirement.objects.filter(course=course).order_by("target_at", "opens_at", "id")
    ]


def _session_kind(definition: ProtocolDefinition, rule: str) -> str:
    try:
        found = definition.rule(rule)
    except KeyError:
        return ""
    return found.kind.value if isinstance(found, SessionRule) else ""


def _stages(
    *, course: Course, definition: ProtocolDefinition, rows: Sequence[RequirementRow]
) -> list[StageRow]:
    names = {stage.code: say(stage.words) for stage in definition.stages}
    stage_of = {rule.code: rule.stage for rule in definition.rules}
    cycles = dict(CourseRequirement.objects.filter(course=course).values_list("key", "cycle"))
    return [
        StageRow(
            code=stage.code,
            cycle=stage.cycle,
            what=f"{names.get(stage.code, stage.code)} {stage.cycle}"
            if stage.cycle
            else names.get(stage.code, stage.code),
            status=stage.status,
            requirements=[
                row
                for row in rows
                if row.kind in ("session", "contact", "assessment")
                and stage_of.get(row.rule) == stage.code
                and (stage.cycle is None or cycles.get(row.key) == stage.cycle)
            ],
        )
        for stage in CourseStage.objects.filter(course=course).order_by("position")
    ]


def _banner(
    *,
    course: Course,
    by_kind: Mapping[str, Sequence[FactRow]],
    stages: Sequence[StageRow],
    rows: Sequence[RequirementRow],
    tasks: Sequence[StaffTask],
    definition: ProtocolDefinition,
    now: datetime,
) -> Banner:
    patient = course.patient
    active = [stage.what for stage in stages if stage.status == "active"]
    due = next(
        (
            row
            for row in sorted(
                (row for row in rows if row.firm and row.status in ("open", "overdue") and row.due_at),
                key=lambda row: row.due_at or now,
            )
        ),
        None,
    )
    consents = [
        row
        for row in by_kind.get("consent_changed", ())
        if not row.amended and row.value.scope == "treatment"
    ]
    allergies = [
        row
        for row in by_kind.get("chart_item_recorded", ())
        if not row.amended and row.value.item == "allergies"
    ]
    return Banner(
        course_id=course.public_id,
        patient_id=patient.public_id,
        code=patient.code,
        name=patient.name,
        pronouns=patient.pronouns,
        age=_age(patient.born_on, day_of(now, course.clinic.zone_info)),
        allergies=allergies[0].value.detail if allergies else None,
        safety=any(task.safety and task.done_at is None for task in tasks),
        status=course.status,
        stage=active[-1] if active else "",
        protocol=say(definition.title),
        protocol_version=definition.version,
        consent=str(consents[0].value.state) if consents else "missing",
        next_due=due.what if due else "",
        next_due_at=due.due_at if due else None,
    )


def _age(born_on: date, today: date) -> int:
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))


def gate_rows(
    *, actor: Actor, definition: ProtocolDefinition, history: History, closed: Sequence[Gate]
) -> list[GateRow]:
    rows = []
    for gate in closed:
        rule = gate.rule
        _rule, cycle, occurrence = parts_of_key(definition=definition, key=gate.key)
        rows.append(
            GateRow(
                key=gate.key,
                what=label(
                    definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=gate.key
                ),
                why=gate_why(gate),
                status=gate.status.value,
                override=tuple(sorted(role.value for role in gate.override)),
                can_override=any(role.value in {one.value for one in actor.roles} for role in gate.override),
                source=_rule_source(definition, rule),
                kind=gate.kind.value,
                about=_about(definition, rule),
                cycle=cycle,
            )
        )
    return rows


def _about(definition: ProtocolDefinition, rule: str) -> str:
    found = next((one for one in definition.rules if one.code == rule), None)
    if isinstance(found, ResultRule):
        return found.test
    if isinstance(found, ConsentRule):
        return found.scope
    return found.item.value if isinstance(found, ChartRule) else ""


def _rule_source(definition: ProtocolDefinition, rule: str) -> Source | None:
    try:
        return definition.rule(rule).source
    except KeyError:
        return None


def _notes(*, course: Course, definition: ProtocolDefinition) -> list[NoteRow]:
    signatures: dict[int, list[SignatureRecord]] = {}
    for signature in SignatureRecord.objects.filter(session_record__course=course):
        signatures.setdefault(signature.session_record_id, []).append(signature)
    return [
        NoteRow(
            id=note.public_id,
            text=note.text,
            author=note.author.printed_name,
            at=note.occurred_at,
            addendum=note.addendum,
            what=_held_words(note.session_record, definition),
            signed=signatures.get(note.session_record_id or 0, []),
        )
        for note in NoteRecord.objects.filter(course=course)
        .select_related("author", "session_record")
        .order_by("-occurred_at", "-id")
    ]


def _held_words(record: SessionRecord | None, definition: ProtocolDefinition) -> str:
    if record is None:
        return ""
    if record.key is None:
        return record.get_kind_display()
    rule, cycle, occurrence = parts_of_key(definition=definition, key=record.key)
    return label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=record.key)


def _messages(*, course: Course, definition: ProtocolDefinition) -> list[MessageRow]:
    def about(data: Mapping[str, object]) -> str:
        key = str(data.get("key", ""))
        if not key:
            return ""
        rule, cycle, occurrence = parts_of_key(definition=definition, key=key)
        return label(definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=key)

    waiting = Message.objects.filter(clinic_id=course.clinic_id, course_id=course.pk).order_by("send_at")[:50]
    done = MessageLog.objects.filter(clinic_id=course.clinic_id, course_id=course.pk).order_by(
        "-finished_at"
    )[:50]
    return [
        *(
            MessageRow(
                purpose=row.purpose, about=about(row.data), send_at=row.send_at, state=row.state, reason=""
            )
            for row in waiting
        ),
        *(
            MessageRow(
                purpose=row.purpose,
                about=about(row.data),
                send_at=row.send_at,
                state=row.state,
                reason=row.reason,
            )
            for row in done
        ),
    ]


def team_of(course: Course) -> list[TeamRow]:
    return [
        TeamRow(
            person_id=member.person.public_id, name=member.person.printed_name, team_role=member.team_role
        )
        for member in CareTeamMember.objects.filter(course=course, until_at__isnull=True)
        .select_related("person")
        .order_by("from_at", "id")
    ]


# --- what forms offer ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingOptions:
    requirement: RequirementRow
    minutes: int
    staff: Sequence[Choice]
    rooms: Sequence[Choice]
    team_ids: Sequence[UUID]


def staff_choices(actor: Actor, *, roles: Sequence[str] = ()) -> list[Choice]:
    members = Membership.objects.filter(clinic_id=actor.clinic_id, person__is_active=True).select_related(
        "person"
    )
    if roles:
        members = members.filter(roles__overlap=list(roles))
    return [
        Choice(id=member.person.public_id, words=member.person.printed_name)
        for member in sorted(members, key=lambda member: member.person.printed_name)
    ]


def booking_options(actor: Actor, course_id: UUID, key: str) -> BookingOptions:
    course = course_for(actor, course_id, Permission.BOOK_SESSION)
    definition = definition_of(course.protocol_version_id)
    row = next(
        (row for row in requirement_rows(course=course, definition=definition, records=()) if row.key == key),
        None,
    )
    if row is None:
        raise NotFound()
    rule = definition.rule(row.rule)
    if not isinstance(rule, SessionRule):
        raise NotFound()
    return BookingOptions(
        requirement=row,
        minutes=rule.minutes.value,
        staff=staff_choices(actor, roles=["therapist", "prescriber", "supervisor"]),
        rooms=[
            Choice(id=room.public_id, words=room.name)
            for room in sorted(
                Room.objects.filter(clinic_id=actor.clinic_id, in_use=True), key=lambda room: room.name
            )
        ],
        team_ids=[
            member.person_id
            for member in team_of(course)
            if member.team_role in ("lead_therapist", "co_therapist")
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionForm:
    """What the form to start or log a session offers."""

    banner_code: str
    course: Course
    row: RequirementRow | None
    kind: str
    minutes: int
    items: Sequence[tuple[str, str]]  # checklist code, words
    staff: Sequence[Choice]
    team_ids: Sequence[UUID]
    gates: Sequence[GateRow]


def session_form(actor: Actor, course_id: UUID, key: str, *, now: datetime) -> SessionForm:
    course = course_for(actor, course_id)
    definition = definition_of(course.protocol_version_id)
    records = list(SessionRecord.objects.filter(course=course).exclude(status="void"))
    row = next(
        (
            one
            for one in requirement_rows(course=course, definition=definition, records=records)
            if one.key == key
        ),
        None,
    )
    if row is None:
        raise NotFound()
    rule = definition.rule(row.rule)
    if not isinstance(rule, SessionRule):
        raise NotFound()
    history = history_of(course)
    return SessionForm(
        banner_code=course.patient.code,
        course=course,
        row=row,
        kind=rule.kind.value,
        minutes=rule.minutes.value,
        items=[(item.code, say(item.words)) for item in rule.checklist],
        staff=staff_choices(actor, roles=["therapist", "prescriber", "supervisor"]),
        team_ids=[
            member.person_id
            for member in team_of(course)
            if member.team_role in ("lead_therapist", "co_therapist")
        ],
        gates=gate_rows(
            actor=actor,
            definition=definition,
            history=history,
            closed=gates(definition=definition, history=history, as_of=now, move=Move.START_SESSION, key=key),
        ),
    )


def visible(actor: Actor, course_id: UUID) -> bool:
    return courses_for(actor).filter(public_id=course_id).exists()
