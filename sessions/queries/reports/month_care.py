"""Of a clinic's month: what was held, booked, given and sent. Each table is one grouped query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import (
    Count,
    DateTimeField,
    F,
    OuterRef,
    Q,
    Subquery,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce
from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.queries import reminders_by_day
from clinic.rules.reports import Cell, Column, Holds, Table, Term
from sessions.models import (
    FactRecord,
    SessionBooking,
    SessionRecord,
)
from sessions.models.bookings import BookingStatus, RecordStatus
from sessions.models.courses import CourseStatus
from sessions.queries.reports.month_tables import Span, head, number
from sessions.queries.telling import part_words
from sessions.queries.vocabulary import (
    SESSION_KIND_WORDS,
    word,
)
from sessions.rules.facts import DosePart, Intake


def care_tables(span: Span) -> list[Table]:
    return [_sessions(span), _visits(span), _doses(span)]


def _sessions(span: Span) -> Table:
    """By when they really began: corrected times count."""
    corrected = FactRecord.objects.filter(
        session_record=OuterRef("pk"), kind="session_times_corrected"
    ).order_by("-recorded_at", "-id")
    began = Cast(KeyTextTransform("started_at", "value"), DateTimeField())
    held = (
        SessionRecord.objects.filter(
            clinic_id=span.clinic_id, status__in=[RecordStatus.ENDED, RecordStatus.SIGNED]
        )
        .annotate(
            began=Coalesce(Subquery(corrected.annotate(began=began).values("began")[:1]), F("started_at"))
        )
        .filter(span.holds("began"))
    )
    rows = (
        held.values("kind")
        .annotate(
            held=Count("id"),
            unscheduled=Count("id", filter=Q(key__isnull=True)),
            remote=Count("id", filter=~Q(mode="in_person")),
            signed=Count("id", filter=Q(status=RecordStatus.SIGNED)),
        )
        .order_by()
    )
    return Table(
        name="sessions",
        title=_("Sessions held"),
        columns=[
            head("kind", _("Kind")),
            number("held", _("Held")),
            number("unscheduled", _("Unscheduled")),
            number("remote", _("Remote")),
            number("signed", _("Signed by now")),
        ],
        rows=_by_kind(rows, ("held", "unscheduled", "remote", "signed")),
        empty=_("None were held."),
    )


def _visits(span: Span) -> Table:
    rows = (
        SessionBooking.objects.filter(span.holds("starts_at"), clinic_id=span.clinic_id)
        .exclude(session_record__status=RecordStatus.ENTERED_IN_ERROR)
        .exclude(course__status=CourseStatus.ENTERED_IN_ERROR)
        .values("kind")
        .annotate(
            came=Count("id", filter=Q(status__in=[BookingStatus.USED, BookingStatus.CHECKED_IN])),
            no_show=Count("id", filter=Q(status=BookingStatus.NO_SHOW)),
            due=Count(
                "id",
                filter=Q(status__in=[BookingStatus.USED, BookingStatus.CHECKED_IN, BookingStatus.NO_SHOW]),
            ),
            cancelled=Count("id", filter=Q(status=BookingStatus.CANCELLED)),
            waiting=Count("id", filter=Q(status=BookingStatus.BOOKED)),
        )
        .order_by()
    )
    return Table(
        name="visits",
        title=_("Booked visits"),
        note=_(
            "Patients who did not come, of those who were due to: not counting what was cancelled or moved."
        ),
        columns=[
            head("kind", _("Kind")),
            number("came", _("Came")),
            number("no_show", _("Did not come")),
            number("due", _("Of")),
            number("cancelled", _("Cancelled or moved")),
            number("waiting", _("Not yet settled")),
        ],
        rows=_by_kind(rows, ("came", "no_show", "due", "cancelled", "waiting")),
        empty=_("None were booked."),
    )


def _by_kind(rows: Any, names: Sequence[str]) -> list[Sequence[Cell]]:
    """In the order of treatment."""
    found = {row["kind"]: row for row in rows}
    order = [
        *(kind for kind in SESSION_KIND_WORDS if kind in found),
        *sorted(found.keys() - SESSION_KIND_WORDS.keys()),
    ]
    return [
        (Term(code=kind, words=word(kind, SESSION_KIND_WORDS)), *(found[kind][name] for name in names))
        for kind in order
    ]


def _doses(span: Span) -> Table:
    """As they stand after corrections."""
    part = KeyTextTransform("part", "value")
    intake = KeyTextTransform("intake", "value")
    rows = {
        row["part"]: row
        for row in FactRecord.objects.filter(
            span.holds("occurred_at"),
            clinic_id=span.clinic_id,
            kind__in=("dose_given", "dose_withheld"),
            amended_by__isnull=True,
        )
        .annotate(part=part, intake=intake)
        .values("part")
        .annotate(
            given=Count("id", filter=Q(kind="dose_given") & ~Q(intake=Intake.NOT_TAKEN)),
            incomplete=Count("id", filter=Q(intake__in=[Intake.PARTIAL, Intake.VOMITED, Intake.ABORTED])),
            not_taken=Count("id", filter=Q(intake=Intake.NOT_TAKEN)),
            withheld=Count("id", filter=Q(kind="dose_withheld")),
        )
        .order_by()
    }
    names = ("given", "incomplete", "not_taken", "withheld")
    return Table(
        name="doses",
        title=_("Doses"),
        columns=[
            head("dose", _("Dose")),
            number("given", _("Given")),
            number("incomplete", _("Of them not in full")),
            number("not_taken", _("Not taken")),
            number("withheld", _("Withheld")),
        ],
        rows=[
            (Term(code=one.value, words=part_words(one)), *(rows[one.value][name] for name in names))
            for one in DosePart
            if one.value in rows
        ],
        empty=_("None were given."),
    )


SENT = ("due", "sent", "late", "twice", "uncertain", "failed", "waiting")


def message_tables(actor: Actor, span: Span, *, zone: str) -> list[Table]:
    """The statement of messages: as the page of messages sent counts its days."""
    days = [
        day
        for day in reversed(reminders_by_day(actor, zone=zone, now=span.now, since=span.begin))
        if span.first <= day.on <= span.last
    ]
    columns = [
        number("due", _("Due")),
        number("sent", _("Sent")),
        number("late", _("Late")),
        number("twice", _("Twice")),
        number("uncertain", _("Uncertain")),
        number("failed", _("Not sent")),
        number("waiting", _("Waiting")),
    ]
    return [
        Table(
            name="messages",
            title=_("Messages"),
            columns=[head("of", _("Of")), *columns],
            rows=[
                (
                    Term(code="month", words=_("The month")),
                    *(sum(getattr(day, name) for day in days) for name in SENT),
                )
            ],
        ),
        Table(
            name="messages_by_day",
            title=_("Messages by day"),
            columns=[Column(name="on", title=_("Day"), holds=Holds.DAY), *columns],
            rows=[(day.on, *(getattr(day, name) for name in SENT)) for day in days],
            empty=_("None were due."),
        ),
    ]
