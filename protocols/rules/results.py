"""What trials reported: a share of people, and exactly what was measured, how and when. Knows no clinic."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from protocols.rules.definition import Change, Compare, Role

After = Literal["first_dose", "last_dose", "enrolment"]


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Measured(_Read):
    """With which instrument, by whom, and what counted as reached: a score, or what the instrument finds
    (with `negated`: finds no more); None: not found in the source."""

    instrument: str
    rated_by: Role
    change: Change | None = None
    compare: Compare | None = None
    value: Decimal | None = None
    finding: str | None = None
    negated: bool = False


class Assessed(_Read):
    after: After
    days: int = Field(ge=0)


class PublishedResult(_Read):
    """`people`: of how many, where the source says so; without it no interval is shown."""

    outcome: str
    percent: Decimal = Field(ge=0, le=100)
    trial: str
    arm: str
    people: int | None = Field(default=None, ge=1)
    measured: Measured
    assessed: Assessed | None = None  # not found in the source
    citation: str = Field(min_length=1)
    caveats: tuple[str, ...] = ()


class PublishedResults(_Read):
    protocol: str
    results: tuple[PublishedResult, ...]


def results_of(document: Any) -> PublishedResults:
    """Raises pydantic's ValidationError: the documents are the product's own."""
    return PublishedResults.model_validate(document)
