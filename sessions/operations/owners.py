"""Whose work a task is today: the person it belongs to, who stands in for them while they are away or have
handed it over, or, when nobody of the care team can, a coordinator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from django.db.models import Q

from clinic.actors import as_actor
from clinic.models import Absence, Handover, Membership
from clinic.permissions import Permission, Role, allows
from sessions.models import CareTeamMember, Course
from sessions.models.courses import TeamRole
from sessions.models.tasks import TaskKind
from sessions.permissions import subject_of

# Who on the care team answers for a protocol's role.
TEAM_ROLES = {
    "therapist": TeamRole.LEAD_THERAPIST,
    "prescriber": TeamRole.PRESCRIBER,
    "supervisor": TeamRole.SUPERVISOR,
}
# Who is asked when nobody of the role is left: a coordinator finds somebody; the others can.
INSTEAD = (Role.COORDINATOR, Role.SUPERVISOR, Role.PRESCRIBER, Role.THERAPIST)


class Part(StrEnum):
    """What somebody may hand over; the columns of Handover."""

    CASELOAD = "caseload"
    CALLS = "calls"
    SAFETY_TASKS = "safety_tasks"


CALLS = frozenset(
    {
        TaskKind.CALL_ASKED,
        TaskKind.NO_ANSWER,
        TaskKind.NOT_REACHED,
        TaskKind.MISSED_CONTACT,
        TaskKind.MESSAGE_NOT_SENT,
        TaskKind.TIME_ASKED,
        TaskKind.LINK_LOCKED,
    }
)


def part_of(kind: str, *, safety: bool) -> Part:
    if kind in CALLS:
        return Part.CALLS
    return Part.SAFETY_TASKS if safety else Part.CASELOAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has it, in whose stead (None: it is theirs), and as what they were chosen ("": nobody is left)."""

    person_id: int | None
    stead_of: int | None
    chosen_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who could have the work of one course today."""

    able: Mapping[int, frozenset[Role]]  # person → roles, of those here who can see and take its tasks
    away: frozenset[int]  # those who could, but for being away
    team: Mapping[str, tuple[int, ...]]  # place in the care team → persons, longest there first
    takers: Mapping[int, Mapping[Part, int]]  # person → what they have handed over → to whom
    until: Mapping[int, date]  # person → last day, of those who have one
    turns_at: Mapping[int, datetime]  # person → when they next go, come back, hand over or take back

    def works(self, person_id: int | None) -> bool:
        return person_id in self.able or person_id in self.away

    def role_of(self, person_id: int | None) -> str:
        """What they are in the care team; a therapist where they hold no place that answers for a role."""
        return next(
            (role for role, place in TEAM_ROLES.items() if person_id in self.team.get(place.value, ())),
            "therapist",
        )

    def has_it(self, person_id: int, part: Part) -> int | None:
        """Who has that work of this person now. Somebody away is stood in for by whoever has any of it."""
        handed = self.takers.get(person_id, {})
        if (taker := handed.get(part)) in self.able:
            return taker
        if person_id in self.able:
            return person_id
        return next((taker for taker in handed.values() if taker in self.able), None)

    def holder(self, role: str, *, part: Part, other_than: int | None = None) -> Holder:
        place = TEAM_ROLES.get(role)
        theirs = self.team.get(place.value, ()) if place else ()
        for person_id in theirs:
            has = self.has_it(person_id, part)
            if has is not None and has != other_than:
                return Holder(person_id=has, stead_of=None if has == person_id else person_id, chosen_as=role)
        # Back to whose place it is, once they are back.
        stead = next((one for one in theirs if one in self.away and one != other_than), None)
        for wanted in (role, *INSTEAD):
            for person_id, roles in self.able.items():
                if person_id != other_than and wanted in roles:
                    return Holder(person_id=person_id, stead_of=stead, chosen_as=str(wanted))
        return Holder(person_id=None, stead_of=stead, chosen_as="")


def people_for(*, course: Course, now: datetime) -> People:
    """A constant number of queries."""
    today = now.astimezone(course.clinic.zone_info).date()
    subject = subject_of(course)
    here = {"clinic_id": course.clinic_id, "until_at__gt": now}
    absences = list(Absence.objects.filter(**here).values_list("person_id", "from_at", "until_at"))
    gone = {person_id for person_id, from_at, _until in absences if from_at <= now}
    able: dict[int, frozenset[Role]] = {}
    away: set[int] = set()
    until: dict[int, date] = {}
    for membership in (
        Membership.objects.standing_at(now)
        .filter(clinic_id=course.clinic_id, person__is_active=True, from_on__lte=today)
        .exclude(until_on__lt=today)
        .order_by("pk")
    ):
        person = as_actor(membership, at=now)
        if all(allows(person, asked, subject) for asked in (Permission.VIEW_TASKS, Permission.TAKE_TASK)):
            if membership.person_id in gone:
                away.add(membership.person_id)
            else:
                able[membership.person_id] = membership.role_set
            if membership.until_on is not None:
                until[membership.person_id] = membership.until_on
    team: dict[str, list[int]] = defaultdict(list)
    for place, person_id in (
        CareTeamMember.objects.filter(course=course, until_at__isnull=True)
        .order_by("from_at", "pk")
        .values_list("team_role", "person_id")
    ):
        team[place].append(person_id)
    turns: dict[int, datetime] = {}
    for person_id, from_at, until_at in absences:
        _turn(turns, person_id, from_at, until_at, now)
    takers: dict[int, dict[Part, int]] = defaultdict(dict)
    for handover in Handover.objects.filter(Q(giver_id__in=_everybody(team)), **here).order_by("pk"):
        _turn(turns, handover.giver_id, handover.from_at, handover.until_at, now)
        _turn(turns, handover.taker_id, handover.from_at, handover.until_at, now)
        if handover.from_at <= now:
            for part in Part:
                if getattr(handover, part.value):
                    takers[handover.giver_id].setdefault(part, handover.taker_id)
    return People(
        able=able,
        away=frozenset(away),
        team={place: tuple(ids) for place, ids in team.items()},
        takers=takers,
        until=until,
        turns_at=turns,
    )


def _everybody(team: Mapping[str, list[int]]) -> set[int]:
    return {person_id for ids in team.values() for person_id in ids}


def _turn(
    turns: dict[int, datetime], person_id: int, from_at: datetime, until_at: datetime, now: datetime
) -> None:
    at = from_at if from_at > now else until_at
    turns[person_id] = min(at, turns.get(person_id, at))
