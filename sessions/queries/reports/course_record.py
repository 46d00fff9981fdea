"""The record of a course, or of one session of it, as a report: as it stands, with what was put right since,
and every signature. What was entered in error, psychotherapy notes and what a patient says of their care are
in neither: they are not of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.permissions import Permission
from clinic.rules.reports import Column, Holds, Passage, Report, Table, Term, Texts
from protocols.queries import definition_of, definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, DeviationRecord, NoteRecord, SessionRecord, SignatureRecord
from sessions.queries import banner
from sessions.queries.arranging import team_of
from sessions.queries.courses import courses_for
from sessions.queries.facts import FactRow, facts_of
from sessions.queries.flags import flags_of
from sessions.queries.note_facts import presence
from sessions.queries.records import records_of, session_names, times_of
from sessions.queries.reports.deviation_log import deviation_table
from sessions.queries.reports.record_tables import record_tables, signature_table
from sessions.queries.reports.rows import Known
from sessions.queries.reports.scope import course_to_report, language, made_by, record_to_report
from sessions.queries.vocabulary import (
    COURSE_WORDS,
    MODE_WORDS,
    RECORD_WORDS,
    SESSION_KIND_WORDS,
    TEAM_WORDS,
    word,
)
from sessions.queries.words import say


def course_record(actor: Actor, course_id: UUID, *, now: datetime) -> Report:
    """A constant number of queries, however long the course."""
    course = course_to_report(actor, course_id)
    records = records_of(course)
    facts = facts_of(course)
    known = _known(actor, course, records)
    names = session_names(records)
    # Those of a session that was entered in error left with it.
    signatures = SignatureRecord.objects.with_standing().filter(session_record__in=records)
    notes = NoteRecord.objects.filter(course=course, amended_by__isnull=True)
    zone = course.clinic.zone_info
    return Report(
        kind="course_record",
        title=_("Course record"),
        clinic=course.clinic.name,
        code=course.patient.code,
        made_at=now,
        made_by=made_by(actor),
        zone=zone,
        language=language(),
        about=[
            *_patient(course, known.definitions[0]),
            (_("Course"), _course_words(course)),
            *([(_("Arm"), course.arm)] if course.arm else []),
            (
                _("Care team"),
                "; ".join(f"{one.name}, {word(one.team_role, TEAM_WORDS)}" for one in team_of(course)),
            ),
            *(
                (_("To be known"), f"{flag.words} ({flag.instrument}, {_day(flag.since, course)})")
                for flag in flags_of(actor, course)
            ),
        ],
        parts=[
            _sessions(records, names),
            *record_tables(facts, known, whole=True),
            *_deviations(actor, course, now=now),
            _notes(notes, names, course, whole=True),
            signature_table(signatures.order_by("signed_at", "id"), names),
        ],
        note=_left_elsewhere(),
    )


def session_record(actor: Actor, record_id: UUID, *, now: datetime) -> Report:
    """One held session. A constant number of queries."""
    record = record_to_report(actor, record_id)
    course = record.course
    facts = facts_of(course, record=record)
    times_of(record, facts)
    known = _known(actor, course, [record])
    names = session_names([record])
    signatures = SignatureRecord.objects.with_standing().filter(session_record=record)
    notes = NoteRecord.objects.filter(session_record=record, amended_by__isnull=True)
    zone = course.clinic.zone_info
    return Report(
        kind="session_record",
        title=_("Session record"),
        clinic=course.clinic.name,
        code=course.patient.code,
        made_at=now,
        made_by=made_by(actor),
        zone=zone,
        language=language(),
        about=[
            (_("Session"), _cap(names[record.pk])),
            *_patient(course, known.definitions[0]),
            (_("Held"), _held(record, course)),
            *_remote(record),
            (
                _("Present"),
                "; ".join(presence(facts, names=known.names, zone=zone, until=record.ended_at)) or "–",
            ),
            (_("State"), word(record.status, RECORD_WORDS)),
        ],
        parts=[
            *record_tables(_without_presence(facts), known, whole=False),
            _notes(notes, names, course, whole=False),
            signature_table(signatures.order_by("signed_at", "id"), names),
        ],
        note=_left_elsewhere(),
    )


def _left_elsewhere() -> str:
    return _(
        "The record as it stands. What was found to be entered in error is in the certified copy, with the "
        "earlier wordings of notes. Psychotherapy notes are not part of the record."
    )


def _known(actor: Actor, course: Course, records: Sequence[SessionRecord]) -> Known:
    present = records[0].protocol_version_id if len(records) == 1 else course.protocol_version_id
    others = {record.protocol_version_id for record in records} - {present}
    names = session_names(records)
    return Known(
        names=banner.names(actor),
        sessions={record.public_id: names[record.pk] for record in records},
        ends={record.public_id: record.ended_at for record in records},
        definitions=[definition_of(present), *(definitions_of(others).values() if others else ())],
    )


def _patient(course: Course, definition: ProtocolDefinition) -> list[tuple[str, str]]:
    patient = course.patient
    return [
        (_("Patient"), f"{patient.name}, {patient.code}"),
        (_("Born"), date_format(patient.born_on, "j F Y")),
        (
            _("Protocol"),
            _("%(title)s, version %(version)s")
            % {"title": say(definition.title), "version": definition.version},
        ),
    ]


def _course_words(course: Course) -> str:
    return _("enrolled on %(day)s, now %(status)s") % {
        "day": _day(course.enrolled_at, course),
        "status": word(course.status, COURSE_WORDS),
    }


def _held(record: SessionRecord, course: Course) -> str:
    zone = course.clinic.zone_info
    until = f"–{date_format(record.ended_at.astimezone(zone), 'H:i')}" if record.ended_at else ""
    began = date_format(record.started_at.astimezone(zone), "l j F Y, H:i")
    return f"{began}{until}, {word(record.mode, MODE_WORDS)}"


def _remote(record: SessionRecord) -> list[tuple[str, str]]:
    return [
        (title, said)
        for title, said in (
            (_("Where the patient was"), record.patient_location),
            (_("Number to ring back"), record.call_back_number),
        )
        if said
    ]


def _without_presence(facts: Sequence[FactRow]) -> list[FactRow]:
    """Who was there stands at the head of a session's record."""
    return [row for row in facts if row.kind != "staff_present" or row.amended]


def _sessions(records: Sequence[SessionRecord], names: Mapping[int, str]) -> Table:
    return Table(
        name="sessions",
        title=_("Sessions held"),
        columns=[
            Column(name="session", title=_("Session"), wide=True),
            Column(name="kind", title=_("Kind"), holds=Holds.TERM),
            Column(name="began", title=_("Began"), holds=Holds.INSTANT),
            Column(name="ended", title=_("Ended"), holds=Holds.INSTANT),
            Column(name="mode", title=_("How"), holds=Holds.TERM),
            Column(name="status", title=_("State"), holds=Holds.TERM),
            Column(name="id", title=_("Id"), paper=False),
        ],
        rows=[
            (
                _cap(names[record.pk]),
                Term(code=record.kind, words=word(record.kind, SESSION_KIND_WORDS)),
                record.started_at,
                record.ended_at,
                Term(code=record.mode, words=word(record.mode, MODE_WORDS)),
                Term(
                    code="to_sign_again" if record.sign_again else record.status,
                    words=_("signed, amended since")
                    if record.sign_again
                    else word(record.status, RECORD_WORDS),
                ),
                str(record.public_id),
            )
            for record in records
        ],
        empty=_("None held."),
    )


def _deviations(actor: Actor, course: Course, *, now: datetime) -> list[Table]:
    if not courses_for(actor, Permission.VIEW_DEVIATIONS).filter(pk=course.pk).exists():
        return []
    rows = DeviationRecord.objects.filter(course=course).select_related("course__patient", "course__clinic")
    return [deviation_table(list(rows.order_by("occurred_at", "id")), now=now, of_one=True)]


def _notes(rows: QuerySet[NoteRecord], names: Mapping[int, str], course: Course, *, whole: bool) -> Texts:
    zone = course.clinic.zone_info
    return Texts(
        name="notes",
        title=_("Notes"),
        passages=[
            Passage(
                title=_title(note, names, whole=whole),
                by=", ".join(
                    (note.author.printed_name, date_format(note.recorded_at.astimezone(zone), "j F Y, H:i"))
                ),
                text=note.text,
            )
            for note in rows.select_related("author").order_by("occurred_at", "id")
        ],
        empty=_("None on record."),
    )


def _title(note: NoteRecord, names: Mapping[int, str], *, whole: bool) -> str:
    kind = (
        _("Added after signing")
        if note.addendum
        else _("A contributor's part")
        if note.part == "contribution"
        else _("Note")
    )
    of = names.get(note.session_record_id or 0, "")
    return f"{_cap(of)}: {kind.lower()}" if whole and of else kind


def _day(at: datetime, course: Course) -> str:
    return date_format(at.astimezone(course.clinic.zone_info), "j F Y")


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]
