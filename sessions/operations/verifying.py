"""Whether what the engine wrote down about courses is what it says now. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from protocols.queries import definitions_of
from sessions.models import Course, CourseRequirement, DeviationRecord
from sessions.models.courses import OPEN_STATUSES
from sessions.operations.kept import requirement_columns
from sessions.queries.history import histories_of
from sessions.rules.deviations import Judged, as_judged
from sessions.rules.engine import requirements
from sessions.rules.requirements import Outcome
from sessions.rules.tally import tally

PAGE = 200
"""Courses read in one go: a handful of queries for each page, however many courses there are."""

_WHO_WROTE = (
    "engine_version"  # a row that an older engine wrote and this one would write alike is no difference
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing stored of a course that the engine does not say, or the other way round."""

    course: Course
    what: str  # requirement, deviation or totals
    key: str
    stored: str  # "" where nothing is
    computed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    courses: int
    waiting: int  # due to be looked at: their rows are known to be behind
    differences: tuple[Difference, ...]


def verify_requirements(*, now: datetime, all_courses: bool = False) -> Verified:
    """Recompute every open course, or every course, and compare. What differs is asked once more with the
    course locked, because somebody may have been writing."""
    checked = waiting = 0
    found: list[Difference] = []
    for page in _pages(all_courses=all_courses):
        due = {course.pk for course in page if course.look_again_at and course.look_again_at <= now}
        current = [course for course in page if course.pk not in due]
        waiting += len(due)
        checked += len(current)
        suspects = {difference.course.pk for difference in differences_of(current, now=now)}
        for pk in sorted(suspects):
            found += _asked_again(pk, now=now)
    return Verified(courses=checked, waiting=waiting, differences=tuple(found))


def _courses() -> QuerySet[Course]:
    return Course.objects.select_related("patient", "clinic", "protocol_version")


def _pages(*, all_courses: bool) -> Iterator[list[Course]]:
    # A course that has ended still has safety to look after as long as something is to come.
    which = Q() if all_courses else Q(status__in=OPEN_STATUSES) | Q(look_again_at__isnull=False)
    last = 0
    while page := list(_courses().filter(which, pk__gt=last).order_by("pk")[:PAGE]):
        yield page
        last = page[-1].pk


def _asked_again(pk: int, *, now: datetime) -> Iterable[Difference]:
    with transaction.atomic():
        course = _courses().select_for_update(of=("self",)).get(pk=pk)
        if course.look_again_at is not None and course.look_again_at <= now:
            return ()
        return tuple(differences_of([course], now=now))


def differences_of(courses: Sequence[Course], *, now: datetime) -> Iterator[Difference]:
    """Where the rows of these courses differ from what the engine says at `now`."""
    ids = [course.pk for course in courses]
    clinics = {course.clinic_id for course in courses}
    definitions = definitions_of({course.protocol_version_id for course in courses})
    histories = histories_of(courses) if courses else {}
    kept: dict[int, dict[str, CourseRequirement]] = {pk: {} for pk in ids}
    for requirement in CourseRequirement.objects.filter(clinic_id__in=clinics, course_id__in=ids):
        kept[requirement.course_id][requirement.key] = requirement
    raised: dict[int, dict[str, str]] = {pk: {} for pk in ids}
    judged: dict[int, dict[str, Judged]] = {pk: {} for pk in ids}
    deviations = DeviationRecord.objects.filter(
        clinic_id__in=clinics, course_id__in=ids, documented_late_at__isnull=True, entered_by__isnull=True
    )
    columns = ("course_id", "key", "status", "judged_cause", "judged_important")
    for pk, key, status, cause, important in deviations.values_list(*columns):
        raised[pk][key] = status
        judged[pk][key] = Judged(cause=cause, important=important)
    for course in courses:
        outcome = as_judged(
            requirements(
                definition=definitions[course.protocol_version_id], history=histories[course.pk], as_of=now
            ),
            judged[course.pk],
        )
        yield from _rows(course, outcome, kept[course.pk])
        departed = {one.key: one.status.value for one in outcome.requirements if one.is_deviation}
        yield from _apart(course, "deviation", stored=raised[course.pk], computed=departed)
        total = asdict(tally(outcome.requirements))
        apart = [name for name in total if getattr(course, name) != total[name]]
        if apart:
            yield Difference(
                course=course,
                what="totals",
                key="",
                stored=_said({name: getattr(course, name) for name in apart}),
                computed=_said({name: total[name] for name in apart}),
            )


def _rows(course: Course, outcome: Outcome, kept: Mapping[str, CourseRequirement]) -> Iterator[Difference]:
    stored: dict[str, str] = {}
    computed: dict[str, str] = {}
    for one in outcome.requirements:
        columns = requirement_columns(course, one)
        row = kept.get(one.key)
        names = [name for name in columns if name != _WHO_WROTE]
        apart = [name for name in names if row is None or not _same(getattr(row, name), columns[name])]
        computed[one.key] = _said({name: columns[name] for name in apart})
        if row is not None:
            stored[one.key] = _said({name: getattr(row, name) for name in apart})
    stored.update({key: str(row.status) for key, row in kept.items() if key not in computed})
    yield from _apart(course, "requirement", stored=stored, computed=computed)


def _same(stored: Any, computed: Any) -> bool:
    return bool(float(stored) == computed if isinstance(computed, float) else stored == computed)


def _said(columns: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in columns.items())


def _apart(
    course: Course, what: str, *, stored: Mapping[str, str], computed: Mapping[str, str]
) -> Iterator[Difference]:
    for key in sorted({*stored, *computed}):
        if stored.get(key) != computed.get(key):
            yield Difference(
                course=course, what=what, key=key, stored=stored.get(key, ""), computed=computed.get(key, "")
            )
