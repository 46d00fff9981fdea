"""A clinic's month as a report: numbers of the whole clinic and no patient, the same as its pages count."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db.models import Min
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput
from clinic.models import Clinic
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.reports import Report
from clinic.rules.wall_time import day_of, start_of_day
from sessions.models import Course
from sessions.queries import adherence
from sessions.queries.adherence import Asked, last_of_month
from sessions.queries.reports.adherence_report import definition, summary_tables
from sessions.queries.reports.month_care import care_tables, message_tables
from sessions.queries.reports.month_tables import Span
from sessions.queries.reports.month_work import work_tables
from sessions.queries.reports.scope import clinic_of, language, made_by


def clinic_report(actor: Actor, month: date, *, now: datetime) -> Report:
    """`month`: its first day, in the clinic's zone. A constant number of queries; raises BadInput for a
    month that has not begun."""
    require(actor, Permission.EXPORT_CLINIC_REPORT, HouseSubject(clinic_id=actor.clinic_id))
    clinic = clinic_of(actor)
    span = span_of(month, clinic, now=now)
    found = adherence.summary(
        actor,
        Asked(from_on=span.first, until_on=span.last),
        clinic=clinic,
        within=Course.objects.filter(clinic_id=actor.clinic_id),
    )
    return Report(
        kind="clinic_report",
        title=_("Clinic report, %(month)s") % {"month": date_format(month, "F Y")},
        clinic=clinic.name,
        code=f"{clinic.slug}-{month.isoformat()[:7]}",
        made_at=now,
        made_by=made_by(actor),
        zone=clinic.zone_info,
        language=language(),
        about=[
            (_("Month"), _words(span, now=now, clinic=clinic)),
            (_("Adherence"), definition(clinic)),
        ],
        parts=[
            *care_tables(span),
            *summary_tables(found),
            *work_tables(span),
            *message_tables(actor, span, zone=clinic.zone),
        ],
        note=_("Numbers of the whole clinic. Where they are small, they may still tell of single people."),
    )


def span_of(month: date, clinic: Clinic, *, now: datetime) -> Span:
    first = month.replace(day=1)
    last = last_of_month(first)
    begin = start_of_day(first, clinic.zone_info)
    if begin > now:
        raise BadInput(fields={"month": [_("That month has not begun.")]})
    return Span(
        clinic_id=clinic.pk,
        first=first,
        last=last,
        begin=begin,
        end=start_of_day(last + timedelta(days=1), clinic.zone_info),
        now=now,
    )


def months_to_report(actor: Actor, *, now: datetime) -> Sequence[date]:
    """The first day of each month since the clinic enrolled its first patient, the present one first. One
    query."""
    require(actor, Permission.EXPORT_CLINIC_REPORT, HouseSubject(clinic_id=actor.clinic_id))
    clinic = clinic_of(actor)
    first = Course.objects.filter(clinic_id=actor.clinic_id).aggregate(at=Min("enrolled_at"))["at"] or now
    month, oldest = (
        day_of(now, clinic.zone_info).replace(day=1),
        day_of(first, clinic.zone_info).replace(day=1),
    )
    found = [month]
    while month > oldest:
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return found


def _words(span: Span, *, now: datetime, clinic: Clinic) -> str:
    said = _("%(first)s to %(last)s") % {
        "first": date_format(span.first, "j F Y"),
        "last": date_format(span.last, "j F Y"),
    }
    if span.end > now:
        said += ", " + _("so far until %(now)s") % {
            "now": date_format(now.astimezone(clinic.zone_info), "j F Y, H:i")
        }
    return said
