"""What would change for every course in flight if it moved to a version of its protocol. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from clinic.actors import Actor
from clinic.errors import NotFound
from clinic.permissions import Permission
from protocols.models import ProtocolVersion
from protocols.queries import definition_in, definitions_of
from protocols.rules.definition import ProtocolDefinition
from sessions.models import Course, SessionRecord
from sessions.models.bookings import RecordStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.permissions import courses_visible_to
from sessions.queries.history import histories_of
from sessions.queries.words import name_of
from sessions.rules.previewing import DateChange, DeviationChange, Effects, MessageChange, effects
from sessions.rules.transfer import transfer

_Name = Callable[[str], str]
"""Key → its words; the same few keys come up in every course."""

CHUNK = 250
"""Courses whose histories are in memory at once."""

PART = 10
"""Courses that a page shows at once. It asks for the others part by part, so that the first are there at
once, every web process takes its share, and no request grows with the clinic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePreview:
    """One course. `what` names each key that `effects` speaks of, in the words of the version that asks it.
    `movable` says whether it could move now; `why_not` is a code when it could not."""

    course_id: UUID
    patient: str
    from_version: str
    effects: Effects
    what: Mapping[str, str]
    why_not: str

    @property
    def movable(self) -> bool:
        return not self.why_not


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """`courses`: those that something would change for, in the order of their patients' codes; `unchanged`,
    the codes of the patients it would not touch."""

    version: str
    courses: Sequence[CoursePreview]
    unchanged: Sequence[str]

    @property
    def count(self) -> int:
        return len(self.courses) + len(self.unchanged)

    def touched(self, name: str) -> int:
        """How many courses have changes of that name: dates, gates, staffing, messages, deviations."""
        return sum(bool(getattr(one.effects, name)) for one in self.courses)


def preview(
    actor: Actor, *, version: ProtocolVersion, now: datetime, course_ids: Collection[UUID] | None = None
) -> Preview:
    """Every open course of the version's protocol that follows another version, or only those named.

    The version may be a draft. A constant number of queries for each chunk of courses.
    """
    courses = _to_move(actor, version)
    if course_ids is not None:
        courses = courses.filter(public_id__in=course_ids)
    found: list[CoursePreview] = []
    unchanged: list[str] = []
    candidate = definition_in(version)
    everybody = list(courses.select_related("patient", "clinic"))
    for start in range(0, len(everybody), CHUNK):
        for one in _of(everybody[start : start + CHUNK], candidate=candidate, now=now):
            if one.effects.nothing:
                unchanged.append(one.patient)
            else:
                found.append(one)
    return Preview(version=version.version, courses=found, unchanged=unchanged)


def parts(actor: Actor, *, version: ProtocolVersion) -> Sequence[Sequence[tuple[UUID, str]]]:
    """The courses that `preview` would show, as (id, patient's code), PART at a time."""
    everybody = list(_to_move(actor, version).values_list("public_id", "patient__code"))
    return [everybody[start : start + PART] for start in range(0, len(everybody), PART)]


def _to_move(actor: Actor, version: ProtocolVersion) -> QuerySet[Course]:
    if version.clinic_id != actor.clinic_id:
        raise NotFound()
    return (
        Course.objects.filter(
            courses_visible_to(actor, Permission.MOVE_VERSION),
            clinic_id=actor.clinic_id,
            status__in=OPEN_STATUSES,
            protocol_version__protocol_id=version.protocol_id,
        )
        .exclude(protocol_version_id=version.pk)
        .order_by("patient__code", "pk")
    )


def _of(
    courses: Sequence[Course], *, candidate: ProtocolDefinition, now: datetime
) -> Iterator[CoursePreview]:
    histories = histories_of(courses)
    definitions = definitions_of({course.protocol_version_id for course in courses})
    names = {version_id: _namer(definition) for version_id, definition in definitions.items()}
    to_name = _namer(candidate)
    under_way = set(
        SessionRecord.objects.filter(course__in=courses, status=RecordStatus.UNDER_WAY).values_list(
            "course_id", flat=True
        )
    )
    for course in courses:
        definition = definitions[course.protocol_version_id]
        moved = transfer(
            definition=definition,
            candidate=candidate,
            version_id=course.protocol_version_id,
            history=histories[course.pk],
            as_of=now,
        )
        seen = effects(moved, zone=ZoneInfo(course.patient.zone))
        why_not = "session-under-way" if course.pk in under_way else ""
        if seen.lost_visits:
            why_not = "booked-visit-not-planned"
        yield CoursePreview(
            course_id=course.public_id,
            patient=course.patient.code,
            from_version=definition.version,
            effects=seen,
            what=_words(seen, names[course.protocol_version_id], to_name),
            why_not=why_not,
        )


def _words(seen: Effects, old: _Name, new: _Name) -> Mapping[str, str]:
    keys: dict[str, bool] = {}  # key → whether the new version asks it
    changes: list[DateChange | MessageChange | DeviationChange]
    changes = [*seen.dates, *seen.messages, *seen.deviations]
    for change in changes:
        keys[change.key] = change.after is not None
    for staffing in seen.staffing:
        keys[staffing.key] = True
    for gate in seen.gates:
        keys[gate.key], keys[gate.session_key] = gate.closes, True
    keys |= dict.fromkeys(seen.lost_visits, False)
    return {key: (new if asked else old)(key) for key, asked in keys.items()}


def _namer(definition: ProtocolDefinition) -> _Name:
    @cache
    def name(key: str) -> str:
        return name_of(definition=definition, key=key)

    return name
