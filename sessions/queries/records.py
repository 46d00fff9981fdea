"""The held sessions of a course with their actual times: corrected ones stand in place of those first
entered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, When

from protocols.queries import definitions_of
from sessions.models import Course, FactRecord, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.queries.facts import Correction, FactRow
from sessions.queries.signatures import to_sign_again
from sessions.queries.words import name_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TimesRow:
    """When a session began and ended, as was said once; `corrected` when it was put right later."""

    started_at: datetime
    ended_at: datetime | None
    corrected: Correction | None


def records_of(course: Course) -> list[SessionRecord]:
    """In order. The rows are for reading: their times are not the columns', so they are never saved."""
    shown = {"sign_again": Case(When(to_sign_again(), then=True), default=False)}
    rows = list(
        SessionRecord.objects.filter(course=course).exclude(status=RecordStatus.VOID).annotate(**shown)
    )
    corrections = FactRecord.objects.filter(course=course, kind="session_times_corrected").order_by(
        "recorded_at", "id"
    )
    last = {row.session_record_id: row.value for row in corrections}
    for row in rows:
        if row.pk in last:
            _put(row, last[row.pk]["started_at"], last[row.pk]["ended_at"])
    return sorted(rows, key=lambda row: (row.started_at, row.pk))


def _put(row: SessionRecord, started_at: str, ended_at: str | None) -> None:
    row.started_at = datetime.fromisoformat(started_at)
    row.ended_at = datetime.fromisoformat(ended_at) if ended_at else row.ended_at


def times_of(record: SessionRecord, facts: Iterable[FactRow]) -> Sequence[TimesRow]:
    """Every account of a session's times, the first first, the last of them standing. Puts the standing ones
    into the row, which is for reading."""
    said = sorted(
        (row for row in facts if row.kind == "session_times_corrected"), key=lambda row: row.recorded_at
    )
    accounts = [(record.started_at, record.ended_at)]
    for row in said:
        accounts.append((row.value.started_at, row.value.ended_at or record.ended_at))
    record.started_at, record.ended_at = accounts[-1]
    later = [Correction(by=row.entered_by, at=row.recorded_at, why=row.reason) for row in said]
    return [
        TimesRow(started_at=started, ended_at=ended, corrected=after)
        for (started, ended), after in zip(accounts, [*later, None], strict=True)
    ]


def session_names(records: Sequence[SessionRecord]) -> dict[int, str]:
    """What each session is called, in the words of the version it was held under, by its key in the
    database."""
    definitions = definitions_of({record.protocol_version_id for record in records})
    found: dict[int, str] = {}
    for record in records:
        if record.key is None:
            found[record.pk] = record.kind
            continue
        definition = definitions[record.protocol_version_id]
        found[record.pk] = name_of(definition=definition, key=record.key)
    return found
