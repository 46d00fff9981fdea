"""Of a clinic's month: what departed, what waits, and how long things took. Each table is one grouped
query."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import (
    Count,
    F,
    Max,
    Min,
    Q,
)
from django.utils.translation import gettext as _

from clinic.rules.reports import Table, Term
from sessions.models import (
    CourseRequirement,
    DeviationRecord,
    RecordSubmission,
    StaffTask,
)
from sessions.models.bookings import RecordStatus
from sessions.models.courses import OPEN_STATUSES, CourseStatus
from sessions.models.requirements import WAITS_FOR_REVIEW
from sessions.models.reviews import ReviewOutcome
from sessions.queries.oversight import FOLLOWING
from sessions.queries.reports.month_tables import Median, Span, head, in_days, in_hours, number, took
from sessions.queries.vocabulary import (
    CAUSE_WORDS,
    KIND_WORDS,
    TASK_WORDS,
    word,
)


def work_tables(span: Span) -> list[Table]:
    return [
        _deviations(span),
        _waiting_deviations(span),
        _reviews(span),
        _overdue(span),
        _safety_tasks(span),
    ]


def _importance(important: bool) -> Term:
    return (
        Term(code="important", words=_("important"))
        if important
        else Term(code="not_important", words=_("not important"))
    )


def _deviations(span: Span) -> Table:
    """As the log narrowed to what happened in the month."""
    rows = {
        row["important"]: row
        for row in DeviationRecord.objects.filter(span.holds("occurred_at"), clinic_id=span.clinic_id)
        .values("important")
        .annotate(
            happened=Count("id"),
            **{cause: Count("id", filter=Q(cause=cause)) for cause in CAUSE_WORDS},
            to_review=Count("id", filter=WAITS_FOR_REVIEW & Q(acknowledged_at__isnull=True)),
            documented_late=Count("id", filter=Q(documented_late_at__isnull=False)),
        )
        .order_by()
    }
    said = {
        "happened": _("Happened"),
        **{cause: _("Cause: %(cause)s") % {"cause": words} for cause, words in CAUSE_WORDS.items()},
        "to_review": _("Not looked at yet"),
        "documented_late": _("Documented late: it was none"),
    }

    def of(important: bool, name: str) -> int:
        return int(rows[important][name]) if important in rows else 0

    return Table(
        name="deviations",
        title=_("Deviations that happened in the month"),
        columns=[
            head("what", _("What")),
            number("important", _("Important")),
            number("not_important", _("Not important")),
            number("together", _("Together")),
        ],
        rows=[
            (
                Term(code=name, words=words),
                of(True, name),
                of(False, name),
                of(True, name) + of(False, name),
            )
            for name, words in said.items()
        ]
        if rows
        else [],
        empty=_("None happened."),
    )


def _waiting_deviations(span: Span) -> Table:
    """All that wait when the report is made, by how long: the deviations page counts the same."""
    week, month, quarter = (span.now - timedelta(days=days) for days in (7, 30, 90))  # a choice of display
    ages = {
        "up_to_7": (_("up to 7 days"), Q(raised_at__gt=week)),
        "up_to_30": (_("8 to 30 days"), Q(raised_at__lte=week, raised_at__gt=month)),
        "up_to_90": (_("31 to 90 days"), Q(raised_at__lte=month, raised_at__gt=quarter)),
        "older": (_("over 90 days"), Q(raised_at__lte=quarter)),
    }
    rows = {
        row["important"]: row
        for row in DeviationRecord.objects.filter(WAITS_FOR_REVIEW, clinic_id=span.clinic_id)
        .values("important")
        .annotate(
            waiting=Count("id"), **{name: Count("id", filter=age) for name, (_said, age) in ages.items()}
        )
        .order_by()
    }
    return Table(
        name="deviations_waiting",
        title=_("Deviations that wait for review now, by age"),
        columns=[
            head("importance", _("Importance")),
            number("waiting", _("Wait")),
            *(number(name, _sentence(said)) for name, (said, _age) in ages.items()),
        ],
        rows=[
            (_importance(one), rows[one]["waiting"], *(rows[one][name] for name in ages))
            for one in (True, False)
            if one in rows
        ],
        empty=_("None wait."),
    )


def _reviews(span: Span) -> Table:
    sent = RecordSubmission.objects.filter(
        span.holds("settled_at"),
        clinic_id=span.clinic_id,
        outcome__in=[ReviewOutcome.RETURNED, ReviewOutcome.CO_SIGNED],
    )
    records = sent.exclude(session_record__status=RecordStatus.ENTERED_IN_ERROR).aggregate(
        count=Count("id"),
        late=Count("id", filter=Q(due_at__isnull=False, settled_at__gt=F("due_at"))),
        median=Median(took("submitted_at", "settled_at")),
        longest=Max(took("submitted_at", "settled_at")),
    )
    seen = DeviationRecord.objects.filter(clinic_id=span.clinic_id).aggregate(
        closed=Count("id", filter=span.holds("reviewed_at")),
        closed_median=Median(took("raised_at", "reviewed_at"), filter=span.holds("reviewed_at")),
        closed_longest=Max(took("raised_at", "reviewed_at"), filter=span.holds("reviewed_at")),
        seen=Count("id", filter=span.holds("acknowledged_at")),
        seen_median=Median(took("raised_at", "acknowledged_at"), filter=span.holds("acknowledged_at")),
        seen_longest=Max(took("raised_at", "acknowledged_at"), filter=span.holds("acknowledged_at")),
    )
    return Table(
        name="reviews",
        title=_("How long reviews took"),
        note=_("Of what was answered in the month."),
        columns=[
            head("what", _("What")),
            number("answered", _("Answered")),
            number("late", _("Of them late")),
            number("median_days", _("Half within"), _("days")),
            number("longest_days", _("Longest"), _("days")),
        ],
        rows=[
            (
                Term(code="records", words=_("Records sent for review")),
                records["count"],
                records["late"],
                in_days(records["median"]),
                in_days(records["longest"]),
            ),
            (
                Term(code="deviations_acknowledged", words=_("Deviations acknowledged")),
                seen["seen"],
                None,
                in_days(seen["seen_median"]),
                in_days(seen["seen_longest"]),
            ),
            (
                Term(code="deviations_closed", words=_("Deviations closed")),
                seen["closed"],
                None,
                in_days(seen["closed_median"]),
                in_days(seen["closed_longest"]),
            ),
        ],
    )


def _overdue(span: Span) -> Table:
    """As the supervisors' page counts them."""
    rows = (
        CourseRequirement.objects.filter(
            clinic_id=span.clinic_id,
            firm=True,
            status="overdue",
            due_at__isnull=False,
            kind__in=FOLLOWING,
            course__status__in=OPEN_STATUSES,
        )
        .values("kind")
        .annotate(
            overdue=Count("id"),
            safety_count=Count("id", filter=Q(safety=True)),
            since=Min("due_at"),
        )
        .order_by("kind")
    )
    return Table(
        name="overdue",
        title=_("Follow-ups that are overdue now"),
        columns=[
            head("kind", _("Kind")),
            number("overdue", _("Overdue")),
            number("safety", _("Of them safety")),
            number("longest_days", _("Longest"), _("days")),
        ],
        rows=[
            (
                Term(code=row["kind"], words=word(row["kind"], KIND_WORDS)),
                row["overdue"],
                row["safety_count"],
                in_days(span.now - row["since"]),
            )
            for row in rows
        ],
        empty=_("None are."),
    )


def _safety_tasks(span: Span) -> Table:
    rows = (
        StaffTask.objects.filter(span.holds("opened_at"), clinic_id=span.clinic_id, safety=True)
        .exclude(course__status=CourseStatus.ENTERED_IN_ERROR)
        .values("kind")
        .annotate(
            opened=Count("id"),
            done=Count("id", filter=Q(done_at__isnull=False)),
            in_time=Count("id", filter=Q(done_at__lte=F("act_by"))),
            median=Median(took("opened_at", "done_at")),
            longest=Max(took("opened_at", "done_at")),
        )
        .order_by("kind")
    )
    return Table(
        name="safety_tasks",
        title=_("Safety tasks opened in the month"),
        columns=[
            head("kind", _("Task")),
            number("opened", _("Opened")),
            number("done", _("Done")),
            number("in_time", _("Done in time")),
            number("median_hours", _("Half within"), _("hours")),
            number("longest_hours", _("Longest"), _("hours")),
        ],
        rows=[
            (
                Term(code=row["kind"], words=word(row["kind"], TASK_WORDS)),
                row["opened"],
                row["done"],
                row["in_time"],
                in_hours(row["median"]),
                in_hours(row["longest"]),
            )
            for row in rows
        ],
        empty=_("None were."),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
