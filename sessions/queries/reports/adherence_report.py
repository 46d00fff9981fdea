"""Adherence as a report: the numbers of its pages over the courses the actor sees, each with what it is out
of and how much it could be off, by kind, version, cause, month and, for who compares them, therapist."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import Forbidden
from clinic.models import Clinic
from clinic.permissions import Permission
from clinic.rules.reports import Cell, Column, Holds, Report, Table, Term
from sessions.models import Course
from sessions.queries import adherence
from sessions.queries.adherence import Asked, Named, Summary, Total
from sessions.queries.courses import course_for
from sessions.queries.fidelity_raters import rated_blind
from sessions.queries.reports.scope import (
    clinic_of,
    courses_to_report,
    language,
    left_out,
    made_by,
    named_in,
)
from sessions.queries.vocabulary import CAUSE_WORDS, KIND_WORDS, word
from sessions.rules.statistics.proportions import exact_interval


def adherence_report(
    actor: Actor, asked: Asked, *, now: datetime, said: Sequence[tuple[str, str]] = ()
) -> Report:
    """`said`: what it is narrowed to, in words. A constant number of queries."""
    seen = courses_to_report(actor, Permission.VIEW_ADHERENCE)
    if asked.course is not None:
        course_for(actor, asked.course, Permission.VIEW_ADHERENCE)
    if not adherence.may_compare(actor) and not seen.exists():
        raise Forbidden()
    clinic = clinic_of(actor)
    code, named = named_in(actor, course=asked.course, people=(asked.lead, asked.co))
    found = adherence.summary(actor, asked, clinic=clinic, within=seen)
    months = adherence.months(actor, asked, clinic=clinic, within=seen)
    return Report(
        kind="adherence",
        title=_("Adherence report"),
        clinic=clinic.name,
        code=code,
        made_at=now,
        made_by=made_by(actor),
        zone=clinic.zone_info,
        language=language(),
        about=[*said, *named] or [(_("Over"), _("everything that came due until now"))],
        parts=[
            *summary_tables(found),
            share_table(
                "months",
                _("Adherence by month"),
                _("Month"),
                (
                    (Term(code=month.isoformat()[:7], words=date_format(month, "F Y")), total)
                    for month, total in months
                ),
            ),
            *(_compared(actor, asked, clinic, seen) if adherence.may_compare(actor) else ()),
        ],
        note=definition(clinic) + (" " + left_out() if rated_blind(actor) else ""),
    )


def definition(clinic: Clinic) -> str:
    return _(
        "Met in their window, of all that came due; what has not come due counts neither way. Below "
        "%(small)d that came due no percentage is given: small numbers mislead. Intervals are 95 %%, exact "
        "(Clopper and Pearson)."
    ) % {"small": clinic.small_number}


def summary_tables(found: Summary) -> list[Table]:
    """As a whole, by kind, by version, and what the departures were caused by."""
    return [
        share_table(
            "adherence", _("Adherence"), _("Over"), [(Term(code="all", words=_("Everything")), found.total)]
        ),
        share_table(
            "kinds",
            _("Adherence by kind of requirement"),
            _("Kind"),
            ((Term(code=one.name, words=word(one.name, KIND_WORDS)), one.total) for one in found.kinds),
        ),
        share_table(
            "versions",
            _("Adherence by protocol version"),
            _("Version it was judged by"),
            _named(found.versions),
        ),
        Table(
            name="causes",
            title=_("What the departures were caused by"),
            columns=[
                Column(name="cause", title=_("Cause"), holds=Holds.TERM, wide=True),
                Column(name="departures", title=_("Departures"), holds=Holds.NUMBER),
            ],
            rows=[
                (Term(code=cause, words=word(cause, CAUSE_WORDS)), count)
                for cause, count in found.causes.items()
            ],
        ),
    ]


def share_table(
    name: str, title: str, head: str, totals: Iterable[tuple[Cell, Total]], *, note: str = ""
) -> Table:
    return Table(
        name=name,
        title=title,
        note=note,
        columns=[
            Column(name="of", title=head, holds=Holds.TERM, wide=True),
            Column(name="met", title=_("Met"), holds=Holds.NUMBER),
            Column(name="came_due", title=_("Came due"), holds=Holds.NUMBER),
            Column(name="departed", title=_("Departed"), holds=Holds.NUMBER),
            Column(name="percent", title=_("Adherence"), unit="%", holds=Holds.NUMBER),
            Column(name="low", title=_("At least"), unit="%", holds=Holds.NUMBER),
            Column(name="high", title=_("At most"), unit="%", holds=Holds.NUMBER),
            Column(name="weighted", title=_("By weight"), unit="%", holds=Holds.NUMBER, if_any=True),
        ],
        rows=[(of, *share(total)) for of, total in totals],
        empty=_("Nothing came due."),
    )


def share(total: Total) -> Sequence[Cell]:
    """The same numbers as on the page: no percentage of too few."""
    if total.few or not total.came_due:
        return total.met, total.came_due, total.departed, None, None, None, None
    interval = exact_interval(total.count)
    weighted = round(100 * total.ratio) if total.weighted and total.ratio is not None else None
    percent = round(100 * total.met / total.came_due)
    return (
        total.met,
        total.came_due,
        total.departed,
        percent,
        round(100 * interval.low),
        round(100 * interval.high),
        weighted,
    )


def _month(first: date) -> Term:
    return Term(code=first.isoformat()[:7], words=date_format(first, "F Y"))


def _named(rows: Iterable[Named]) -> list[tuple[Cell, Total]]:
    return [(one.name, one.total) for one in rows]


def _compared(actor: Actor, asked: Asked, clinic: Clinic, seen: QuerySet[Course]) -> list[Table]:
    found = adherence.comparison(actor, asked, clinic=clinic, within=seen)
    return [
        share_table(
            "therapists",
            _("Adherence by therapist"),
            _("Lead or co-therapist when it came due"),
            _named(found.therapists),
            note=_("In the order of the alphabet. A difference between small numbers says nothing."),
        ),
        share_table("pairs", _("Adherence by pair"), _("Lead and co-therapist"), _named(found.pairs)),
    ]
