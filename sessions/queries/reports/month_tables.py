"""What the tables of a clinic's month share: the month itself, and how a time that something took is
reckoned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
)

from clinic.rules.reports import Column, Holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A month of a clinic: its days in the clinic's zone, both included, and as instants, the end not."""

    clinic_id: int
    first: date
    last: date
    begin: datetime
    end: datetime
    now: datetime

    def holds(self, name: str) -> Q:
        return Q(**{f"{name}__gte": self.begin, f"{name}__lt": self.end})


class Median(Aggregate):
    """Of a time that something took; None of nothing."""

    function = "percentile_cont"
    template = "percentile_cont(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def number(name: str, title: str, unit: str = "") -> Column:
    return Column(name=name, title=title, unit=unit, holds=Holds.NUMBER)


def head(name: str, title: str) -> Column:
    return Column(name=name, title=title, holds=Holds.TERM, wide=True)


def took(since: str, until: str) -> Any:
    """The time between two columns."""
    return ExpressionWrapper(F(until) - F(since), output_field=DurationField())


def in_days(span: timedelta | None) -> Decimal | None:
    return None if span is None else round(Decimal(span / timedelta(days=1)), 1)


def in_hours(span: timedelta | None) -> Decimal | None:
    return None if span is None else round(Decimal(span / timedelta(hours=1)), 1)
