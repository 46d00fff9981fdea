"""Words, figures with their sources, distances in time, roles and comparisons, as all shapes use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")

Words = Mapping[str, str]
"""A protocol's own words by language, e.g. ``{"en": "Preparation session"}``; ``en`` is always there."""


class SourceStatus(StrEnum):
    PUBLISHED = "published"  # read in a published source, which `citation` names
    CLINIC_CHOICE = (
        "clinic_choice"  # no figure is published: the clinic's own, never passed off as the trial's
    )
    UNVERIFIED = "unverified"  # recalled, not read: a named clinician of the clinic confirms it before use


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    status: SourceStatus
    citation: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Generic[T]):
    """A clinical figure and where it comes from. No figure stands in a protocol without its source."""

    value: T
    source: Source


class Unit(StrEnum):
    MINUTES = "min"  # elapsed time
    HOURS = "h"  # elapsed time
    DAYS = "d"  # calendar days in the clinic's zone
    WEEKS = "wk"  # calendar weeks in the clinic's zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset:
    """A distance from an anchor. Days and weeks are calendar days of the clinic; minutes and hours are
    elapsed time.

    With `at` (only for days and weeks) the instant is that wall-clock time on that day: ``1 d 12:00`` is noon
    of the day after. Without it, a window opens at the day's first instant and closes at its last.
    """

    amount: int
    unit: Unit
    at: time | None = None


class Role(StrEnum):
    """Who must do a thing or may override it, in a protocol. The same words as the clinic's roles, plus the
    patient."""

    THERAPIST = "therapist"
    SUPERVISOR = "supervisor"
    PRESCRIBER = "prescriber"
    COORDINATOR = "coordinator"
    INDEPENDENT_RATER = "independent_rater"
    PATIENT = "patient"


class Compare(StrEnum):
    IS = "is"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
