"""Taking data out of the house: what somebody may have is read, and that they took it is noted, in one
transaction. Writing the file comes after it, with no transaction open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import NotNow
from clinic.models import Clinic
from clinic.operations.events import record_event
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.reports import Format, Report, fits
from sessions.models import Course, SessionRecord
from sessions.queries.adherence import Asked
from sessions.queries.copies import certified_copy
from sessions.queries.reports.adherence_report import adherence_report
from sessions.queries.reports.certified import certified_report
from sessions.queries.reports.course_record import course_record, session_record
from sessions.queries.reports.deviation_log import deviation_log
from sessions.queries.reports.month import clinic_report
from sessions.queries.supervision import Narrowed


def take_course_record(*, actor: Actor, course_id: UUID, form: Format, now: datetime) -> Report:
    with acting(actor):
        report = course_record(actor, course_id, now=now)
        course = Course.objects.get(clinic_id=actor.clinic_id, public_id=course_id)
        return _noted(report, actor=actor, form=form, subject=course, course_id=course.pk, now=now)


def take_session_record(*, actor: Actor, record_id: UUID, form: Format, now: datetime) -> Report:
    with acting(actor):
        report = session_record(actor, record_id, now=now)
        record = SessionRecord.objects.get(clinic_id=actor.clinic_id, public_id=record_id)
        return _noted(report, actor=actor, form=form, subject=record, course_id=record.course_id, now=now)


def take_deviation_log(
    *, actor: Actor, narrowed: Narrowed, asked: Sequence[tuple[str, str]], form: Format, now: datetime
) -> Report:
    """`asked`: what it is narrowed to, in words."""
    with acting(actor):
        report = deviation_log(actor, narrowed, asked=asked, now=now)
        return _noted(report, actor=actor, form=form, subject=_clinic(actor), now=now)


def take_adherence(
    *, actor: Actor, asked: Asked, said: Sequence[tuple[str, str]], form: Format, now: datetime
) -> Report:
    """`said`: what it is narrowed to, in words."""
    with acting(actor):
        report = adherence_report(actor, asked, said=said, now=now)
        return _noted(report, actor=actor, form=form, subject=_clinic(actor), now=now)


def take_clinic_report(*, actor: Actor, month: date, form: Format, now: datetime) -> Report:
    with acting(actor):
        report = clinic_report(actor, month, now=now)
        return _noted(report, actor=actor, form=form, subject=_clinic(actor), now=now)


def take_certified_copy(*, actor: Actor, course_id: UUID, form: Format, now: datetime) -> Report:
    with acting(actor):
        report = certified_report(actor, course_id, now=now)
        course = Course.every.get(clinic_id=actor.clinic_id, public_id=course_id)
        return _noted(report, actor=actor, form=form, subject=course, course_id=course.pk, now=now)


def take_certified_data(*, actor: Actor, course_id: UUID, now: datetime) -> dict[str, Any]:
    """The certified copy as JSON."""
    with acting(actor):
        copy = certified_copy(actor, course_id, now=now)
        course = Course.every.get(clinic_id=actor.clinic_id, public_id=course_id)
        record_event(
            actor=actor,
            verb="certified_copy_exported",
            subject=course,
            course_id=course.pk,
            occurred_at=now,
            now=now,
            data={"format": "json"},
        )
        return copy


def note_log_taken(*, actor: Actor, now: datetime) -> None:
    """The log as CSV is read as it is written: whether the actor may have it, and that they took it."""
    with acting(actor):
        require(actor, Permission.EXPORT_RECORD, HouseSubject(clinic_id=actor.clinic_id))
        record_event(
            actor=actor,
            verb="deviation_log_exported",
            subject=_clinic(actor),
            occurred_at=now,
            now=now,
            data={"format": Format.CSV.value},
        )


def _clinic(actor: Actor) -> Clinic:
    return Clinic.objects.get(pk=actor.clinic_id)


def _noted(
    report: Report,
    *,
    actor: Actor,
    form: Format,
    subject: Model,
    course_id: int | None = None,
    now: datetime,
) -> Report:
    """The report, once that it leaves is on record. Refused when it is more than one file can hold."""
    if not fits(report, form):
        raise NotNow(
            _("That is more than one file of this kind can hold."),
            advice=_("Ask for less at once, or take it in another format."),
            code="report-too-large",
        )
    record_event(
        actor=actor,
        verb=f"{report.kind}_exported",
        subject=subject,
        course_id=course_id,
        occurred_at=now,
        now=now,
        data={"format": form.value, "rows": report.size},
    )
    return report
