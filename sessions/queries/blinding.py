"""Whether those who rate a course unknowing of it still are: who is blind no more, why, and since when. That
somebody opened a chart is not recorded: what counts is that they can."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from clinic.actors import Actor, as_actor
from clinic.models import Event, Handover, Membership, Person
from clinic.permissions import CLINICAL, HouseSubject, Permission, Role, allows
from clinic.queries import members_of
from clinic.rules.wall_time import day_of
from protocols.queries import definition_of
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.telling import hidden_words
from sessions.models import CareTeamMember, Course, FactRecord, FidelityRating
from sessions.models.courses import TeamRole
from sessions.permissions import CourseSubject, subject_of
from sessions.queries.courses import course_for

_ROLES_SAID = ("membership_added", "membership_changed")


class Why(StrEnum):
    TREATS = "treats"
    STANDS_IN = "stands_in"
    PRESENT = "present"
    WATCHED = "watched"
    SEES = "sees"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblinded:
    """`since`: empty where it is only known that it is so now."""

    name: str
    why: Why
    since: datetime | None

    @property
    def words(self) -> str:
        said = {
            Why.TREATS: _("is or was on the care team"),
            Why.STANDS_IN: _("stands or stood in for somebody of the care team"),
            Why.PRESENT: _("was with the patient in a session"),
            Why.WATCHED: _("rates how a session of the patient was held"),
            Why.SEES: _("can open the chart"),
        }[self.why]
        if self.since is None:
            return said
        day = date_format(localtime(self.since), "j M Y")
        return _("%(what)s, since %(day)s") % {"what": said, "day": day}


def knowing_places(course: Course) -> QuerySet[CareTeamMember]:
    """The places of a care team, now or ever, whose holders know the patient."""
    return CareTeamMember.objects.filter(course=course).exclude(team_role=TeamRole.INDEPENDENT_RATER)


def rating_places(course: Course) -> QuerySet[CareTeamMember]:
    return CareTeamMember.objects.filter(
        course=course, team_role=TeamRole.INDEPENDENT_RATER, until_at__isnull=True
    )


def blind_no_more(course: Course, people: Collection[int], *, now: datetime) -> Mapping[int, Unblinded]:
    """Of these people, each who knows the patient, was named to watch a session of theirs, or can open the
    chart, by what came first. A constant number of queries; the protocol may not mind."""
    if not people:
        return {}
    found: dict[int, list[tuple[datetime | None, Why]]] = {person: [] for person in people}
    team = list(knowing_places(course).values_list("person_id", "from_at", "until_at"))
    for person, from_at, _until in team:
        if person in found:
            found[person].append((from_at, Why.TREATS))
    handed = Handover.objects.filter(
        clinic_id=course.clinic_id,
        giver_id__in={person for person, _from, _until in team},
        taker_id__in=people,
        until_at__gt=F("from_at"),
    )
    for one in handed:
        begins = [
            max(one.from_at, from_at)
            for person, from_at, until_at in team
            if person == one.giver_id
            and one.until_at > from_at
            and (until_at is None or one.from_at < until_at)
        ]
        if begins:
            found[one.taker_id].append((min(begins), Why.STANDS_IN))
    present = FactRecord.objects.filter(
        course=course, kind="staff_present", amended_by__isnull=True, value__person_id__in=list(people)
    )
    for value, at in present.values_list("value", "occurred_at"):
        found[value["person_id"]].append((at, Why.PRESENT))
    watched = FidelityRating.objects.filter(
        clinic_id=course.clinic_id, review__session_record__course=course, rater_id__in=people
    )
    for person, at in watched.values_list("rater_id", "assigned_at"):
        found[person].append((at, Why.WATCHED))
    for person, since in _those_who_see(course, people, now=now).items():
        found[person].append((since, Why.SEES))
    names = dict(
        Person.objects.filter(pk__in=[one for one in found if found[one]]).values_list("pk", "printed_name")
    )
    first = {
        person: min(reasons, key=lambda one: (one[0] is None, one[0] or now))
        for person, reasons in found.items()
        if reasons
    }
    return {
        person: Unblinded(name=names[person], why=why, since=since) for person, (since, why) in first.items()
    }


def _those_who_see(
    course: Course, people: Collection[int], *, now: datetime
) -> Mapping[int, datetime | None]:
    """Of them who can open the chart today, and since when as far as it is known."""
    members = Membership.objects.standing_at(now).filter(
        clinic_id=course.clinic_id, person_id__in=people, person__is_active=True
    )
    today, subject = day_of(now, course.clinic.zone_info), subject_of(course)
    seeing = {
        member.pk: actor
        for member in members
        if member.active_on(today)
        and allows(actor := as_actor(member, at=now), Permission.VIEW_CHART, subject)
    }
    since: dict[int, datetime | None] = {actor.person_id or 0: None for actor in seeing.values()}
    if not seeing:
        return since
    ended: set[int] = set()
    said = Event.objects.filter(
        clinic_id=course.clinic_id,
        subject_type="membership",
        subject_id__in=list(seeing),
        verb__in=_ROLES_SAID,
    )
    for event in said.order_by("-recorded_at", "-pk"):
        actor = seeing[event.subject_id]
        if event.subject_id in ended:
            continue
        if _saw(actor, event, subject):
            since[actor.person_id or 0] = max(event.recorded_at, course.enrolled_at)
        else:
            ended.add(event.subject_id)
    return since


def _saw(actor: Actor, event: Event, subject: CourseSubject) -> bool:
    """Whether the roles that they were given then open the chart."""
    roles = frozenset(role for role in Role if event.data.get(role.value))
    return allows(replace(actor, roles=roles), Permission.VIEW_CHART, subject)


def raters_blind_no_more(
    course: Course, definition: ProtocolDefinition, *, now: datetime
) -> Sequence[tuple[CareTeamMember, Unblinded]]:
    """The independent raters of a course whose protocol blinds them, who are so no more. No query where it
    blinds nobody, one where nobody is named."""
    if not definition.hidden_from_raters:
        return []
    places = list(rating_places(course).order_by("pk"))
    known = blind_no_more(course, {place.person_id for place in places}, now=now)
    return [(place, known[place.person_id]) for place in places if place.person_id in known]


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterChoice:
    id: UUID
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RatersOf:
    """`hides`: what the protocol keeps from its raters, in words; empty where it keeps nothing."""

    course: Course
    hides: Sequence[str]
    now: Sequence[tuple[str, str]]  # who is named, and why they are blind no more: "", they are
    choices: Sequence[RaterChoice]


def raters_of(actor: Actor, course_id: UUID, *, now: datetime) -> RatersOf:
    """Who rates a course, and who could: each with why their rating would not count. For whoever changes its
    care team; a constant number of queries."""
    course = course_for(actor, course_id, Permission.CHANGE_CARE_TEAM)
    hidden = definition_of(course.protocol_version_id).hidden_from_raters
    members = [one for one in members_of(actor, now=now) if one.person.is_active and one.role_set & CLINICAL]
    named = list(rating_places(course).select_related("person").order_by("pk"))
    people = {one.person_id for one in members} | {one.person_id for one in named}
    known = blind_no_more(course, people, now=now) if hidden else {}
    return RatersOf(
        course=course,
        hides=hidden_words(hidden, _),
        now=[
            (place.person.printed_name, known[place.person_id].words if place.person_id in known else "")
            for place in named
        ],
        choices=[
            RaterChoice(
                id=one.person.public_id,
                words=f"{one.person.printed_name} ({known[one.person_id].words})"
                if one.person_id in known
                else one.person.printed_name,
            )
            for one in members
        ],
    )


def raters_offered(actor: Actor, *, now: datetime) -> Sequence[RaterChoice]:
    """Who may be named for a course that is not yet there: whoever can open every chart is marked."""
    everything = HouseSubject(clinic_id=actor.clinic_id)
    return [
        RaterChoice(
            id=one.person.public_id,
            words=_("%(name)s (can open every chart: not where raters are blinded)")
            % {"name": one.person.printed_name}
            if allows(as_actor(one, at=now), Permission.VIEW_CHART, everything)
            else one.person.printed_name,
        )
        for one in members_of(actor, now=now)
        if one.person.is_active and one.role_set & CLINICAL
    ]
