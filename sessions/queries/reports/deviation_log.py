"""The deviation log as a report: every departure that was asked for, by the patient's code and without
names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.reports import MOST, Cell, Column, Format, Holds, Report, Table, Term
from sessions.models import DeviationRecord
from sessions.queries.fidelity_raters import rated_blind
from sessions.queries.reports.scope import clinic_of, language, left_out, made_by, named_in
from sessions.queries.supervision import DeviationRow, Narrowed, deviations, found_by, rows_of
from sessions.queries.vocabulary import CAUSE_WORDS, FORESEEN_WORDS, STATE_WORDS, word

AT_ONCE = 500
"""Rows read in one query."""


def deviation_columns(*, of_one: bool = False) -> Sequence[Column]:
    """`of_one`: of one course, where the patient's code need not stand in every row."""
    return (
        Column(name="id", title=_("Id"), paper=False),
        Column(name="patient", title=_("Patient"), paper=not of_one),
        Column(name="what", title=_("What"), wide=True),
        Column(name="rule", title=_("Rule"), paper=False),
        Column(name="how", title=_("How"), holds=Holds.TERM),
        Column(name="important", title=_("Important"), holds=Holds.YES_NO),
        Column(name="repeated", title=_("Repeated"), holds=Holds.YES_NO, paper=not of_one),
        Column(name="cause", title=_("Cause"), holds=Holds.TERM),
        Column(name="known", title=_("Known"), holds=Holds.TERM, paper=not of_one),
        Column(name="removed_a_hazard", title=_("Removed a hazard"), holds=Holds.YES_NO, paper=False),
        Column(name="happened_at", title=_("Happened"), holds=Holds.INSTANT),
        Column(name="clinic_knew_at", title=_("Clinic knew"), holds=Holds.INSTANT, paper=False),
        Column(name="raised_at", title=_("Raised"), holds=Holds.INSTANT, paper=not of_one),
        Column(name="review", title=_("Review"), holds=Holds.TERM),
        Column(name="acknowledged_at", title=_("Acknowledged"), holds=Holds.INSTANT, paper=False),
        Column(name="closed_at", title=_("Closed"), holds=Holds.INSTANT, paper=False),
        Column(name="reason", title=_("Reason"), below=True),
    )


def deviation_cells(row: DeviationRow) -> Sequence[Cell]:
    return (
        str(row.deviation_id),
        row.patient,
        row.what,
        row.rule,
        Term(code=row.status, words=" ".join(part for part in (row.words, row.by and f"({row.by})") if part)),
        row.important,
        row.repeated,
        Term(code=row.cause, words=word(row.cause, CAUSE_WORDS)),
        Term(code=row.foreseen, words=word(row.foreseen, FORESEEN_WORDS)),
        row.hazard,
        row.occurred_at,
        row.aware_at,
        row.raised_at,
        Term(code=row.state, words=word(row.state, STATE_WORDS)),
        row.acknowledged_at,
        row.closed_at,
        row.reason,
    )


def deviation_table(rows: Sequence[DeviationRecord], *, now: datetime, of_one: bool = False) -> Table:
    return Table(
        name="deviations",
        title=_("Deviations"),
        columns=deviation_columns(of_one=of_one),
        rows=[deviation_cells(row) for row in rows_of(rows, now=now)],
        empty=_("None."),
    )


def log_rows(
    actor: Actor, narrowed: Narrowed, *, now: datetime, after: UUID | None
) -> tuple[Sequence[Sequence[Cell]], UUID | None]:
    """A stretch of the log, as it was raised, and where the next one begins."""
    narrowed = replace(narrowed, without=rated_blind(actor))
    rows, following = deviations(actor, now=now, waiting=False, after=after, narrowed=narrowed, limit=AT_ONCE)
    return [deviation_cells(row) for row in rows], following


def deviation_log(
    actor: Actor, narrowed: Narrowed, *, now: datetime, asked: Sequence[tuple[str, str]] = ()
) -> Report:
    """`asked`: what it was narrowed to, in words. Reads no more than the largest file may hold, and one row
    to tell that there are more."""
    require(actor, Permission.EXPORT_RECORD, HouseSubject(clinic_id=actor.clinic_id))
    clinic = clinic_of(actor)
    hidden = rated_blind(actor)
    code, named = named_in(actor, course=narrowed.course)
    found = found_by(actor, replace(narrowed, without=hidden))
    found = found.select_related("course__patient", "course__clinic")
    rows = list(found.order_by("raised_at", "id")[: MOST[Format.XLSX] + 1])
    return Report(
        kind="deviation_log",
        title=_("Deviation log"),
        clinic=clinic.name,
        code=code,
        made_at=now,
        made_by=made_by(actor),
        zone=clinic.zone_info,
        language=language(),
        about=[
            *asked,
            *named,
            (_("Deviations"), str(len(rows))),
            (_("Of them important"), str(sum(row.important for row in rows))),
        ],
        parts=[deviation_table(rows, now=now)],
        note=_("Patients by their code. Every departure that matches, as it was raised.")
        + (" " + left_out() if hidden else ""),
        landscape=True,
    )
