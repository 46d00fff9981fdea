"""The patient's chart: the whole arc of the course, what is next, what stands in the way, and what was
recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clinic.actors import Actor
from clinic.models import Message, MessageLog
from clinic.rules.moves import actions_from
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import ChartRule, Move, ProtocolDefinition
from sessions.models import (
    Course,
    CourseRequirement,
    CourseStage,
    DeviationRecord,
    NoteRecord,
    SessionRecord,
    SignatureRecord,
    StaffTask,
)
from sessions.models.courses import OPEN_STATUSES
from sessions.queries.arranging import TeamRow, team_of
from sessions.queries.asked import ChoiceRow, choice_rows
from sessions.queries.banner import Banner, banner_of
from sessions.queries.blinding import Unblinded, raters_blind_no_more
from sessions.queries.courses import course_for
from sessions.queries.facts import FactRow, facts_of
from sessions.queries.flags import Flag, flags_of
from sessions.queries.gates import GateRow, gate_rows
from sessions.queries.history import history_of
from sessions.queries.plan import RequirementRow, requirement_rows
from sessions.queries.records import records_of
from sessions.queries.today import TaskRow, task_rows
from sessions.queries.words import name_of, say
from sessions.rules.gates import gates
from sessions.rules.moves import COURSE_MOVES, TAKE_BACK


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    code: str
    cycle: int | None
    what: str
    status: str
    requirements: Sequence[
        RequirementRow
    ]  # what is done in the stage: sessions, contacts, assessments, forms, decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePoint:
    id: UUID
    instrument: str
    at: datetime
    total: int
    by: str
    answers: Mapping[str, int | None]


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
class Chart:
    banner: Banner
    course: Course
    stages: Sequence[StageRow]
    next_key: str  # the next session that waits, "" when none
    next_what: str
    gates: Sequence[GateRow]  # what stands in the way of starting it now
    facts: Mapping[str, Sequence[FactRow]]  # by kind, newest first, amended ones included
    scores: Sequence[ScorePoint]
    choices: Sequence[ChoiceRow]  # the decisions of the protocol, as they stand
    asked_items: frozenset[str]  # the chart items that the protocol asks for
    dose_days: Sequence[datetime]
    notes: Sequence[NoteRow]
    records: Sequence[SessionRecord]
    messages: Sequence[MessageRow]
    tasks: Sequence[TaskRow]
    deviations: Sequence[DeviationRecord]
    flags: Sequence[Flag]  # to be known at every visit
    team: Sequence[TeamRow]
    unblinded: Sequence[Unblinded]  # independent raters who may not rate it any more
    course_actions: tuple[str, ...]  # the moves that somebody may make from here
    met: Decimal
    came_due: Decimal
    afterwards: Sequence[RequirementRow]  # of a course that has ended: what is still to be asked


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
    records = records_of(course)
    rows = requirement_rows(course=course, definition=definition, records=records)
    waiting = [row for row in rows if row.kind == "session" and row.status in ("upcoming", "open", "overdue")]
    following = waiting[0] if waiting else None
    by_kind: dict[str, list[FactRow]] = {}
    for row in fact_rows:
        by_kind.setdefault(row.kind, []).append(row)
    items, consents = (
        [row for row in by_kind.get(kind, ()) if not row.amended]
        for kind in ("chart_item_recorded", "consent_changed")
    )
    stage_rows = _stages(course=course, definition=definition, rows=rows)
    flags = flags_of(actor, course)
    made_under = {row.version_id for row in by_kind.get("decision_made", ())} - {course.protocol_version_id}
    return Chart(
        banner=banner_of(
            course,
            definition=definition,
            stage=next((one.what for one in reversed(stage_rows) if one.status == "active"), ""),
            allergies=next((row.value.detail for row in items if row.value.item == "allergies"), None),
            consent=next(
                (str(row.value.state) for row in consents if row.value.scope == "treatment"), "missing"
            ),
            safety=any(task.safety and task.done_at is None for task in tasks),
            flags=tuple(flag.words for flag in flags),
            due=min(
                (row for row in rows if row.firm and row.status in ("open", "overdue") and row.due_at),
                key=lambda row: row.due_at or now,
                default=None,
            ),
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
                id=row.id,
                instrument=row.value.instrument,
                at=row.occurred_at,
                total=row.value.total,
                by=row.value.by,
                answers=dict(row.value.answers),
            )
            for row in reversed(by_kind.get("assessment_answered", []))
            if not row.amended and row.value.total is not None
        ],
        choices=choice_rows(
            definition,
            by_kind.get("decision_made", ()),
            cycles=sorted({stage.cycle for stage in stage_rows if stage.cycle is not None}),
            earlier=definitions_of(made_under) if made_under else {},
        ),
        asked_items=frozenset(rule.item.value for rule in definition.rules if isinstance(rule, ChartRule)),
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
        flags=flags,
        team=team_of(course),
        unblinded=[known for _place, known in raters_blind_no_more(course, definition, now=now)],
        course_actions=tuple(
            action for action in actions_from(COURSE_MOVES, course.status) if not action.startswith(TAKE_BACK)
        ),
        met=course.met_weight,
        came_due=course.due_weight,
        afterwards=[row for row in rows if row.firm and row.status == "upcoming" and row.kind != "ladder"]
        if course.status not in OPEN_STATUSES
        else [],
    )


def _stages(
    *, course: Course, definition: ProtocolDefinition, rows: Sequence[RequirementRow]
) -> list[StageRow]:
    names = {stage.code: say(stage.words) for stage in definition.stages}
    stage_of = {rule.code: rule.stage for rule in definition.rules}
    cycles = dict(
        CourseRequirement.objects.filter(clinic_id=course.clinic_id, course=course).values_list(
            "key", "cycle"
        )
    )
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
                if row.kind in ("session", "contact", "assessment", "form", "decision")
                and stage_of.get(row.rule) == stage.code
                and (stage.cycle is None or cycles.get(row.key) == stage.cycle)
            ],
        )
        for stage in CourseStage.objects.filter(course=course).order_by("position")
    ]


def _notes(*, course: Course, definition: ProtocolDefinition) -> list[NoteRow]:
    signatures: dict[int, list[SignatureRecord]] = {}
    for signature in SignatureRecord.objects.with_standing().filter(session_record__course=course):
        signatures.setdefault(signature.session_record_id, []).append(signature)
    notes = list(
        NoteRecord.objects.filter(course=course, amended_by__isnull=True)
        .select_related("author", "session_record")
        .order_by("-occurred_at", "-id")
    )
    held_under = {
        note.session_record.protocol_version_id for note in notes if note.session_record is not None
    }
    others = held_under - {course.protocol_version_id}
    of = {course.protocol_version_id: definition} | (definitions_of(others) if others else {})
    return [
        NoteRow(
            id=note.public_id,
            text=note.text,
            author=note.author.printed_name,
            at=note.occurred_at,
            addendum=note.addendum,
            what=_held_words(note.session_record, of),
            signed=signatures.get(note.session_record_id or 0, []),
        )
        for note in notes
    ]


def _held_words(record: SessionRecord | None, of: Mapping[int, ProtocolDefinition]) -> str:
    """What a session is called, in the words of the version it was held under."""
    if record is None:
        return ""
    if record.key is None:
        return record.get_kind_display()
    definition = of[record.protocol_version_id]
    return name_of(definition=definition, key=record.key)


def _messages(*, course: Course, definition: ProtocolDefinition) -> list[MessageRow]:
    def about(data: Mapping[str, object]) -> str:
        key = str(data.get("key", ""))
        if not key:
            return ""
        return name_of(definition=definition, key=key)

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
