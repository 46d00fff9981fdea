"""Taking a patient in: the person, how to reach them, the course on a protocol version, and who cares for
them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.languages import NAMES
from clinic.models import Clinic, Membership, Resource
from clinic.operations.events import record_change, record_event
from clinic.permissions import HouseSubject, Permission, Role, require
from clinic.rules.telephone import text_number
from protocols.models import ProtocolVersion
from protocols.queries import definition_in, definition_of, definitions_of, published_versions
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.own_words import attributes_in
from protocols.rules.reading import instead_of
from sessions.models import CareTeamMember, ContactDetails, Course, Patient
from sessions.models.courses import OPEN_STATUSES, TeamRole
from sessions.operations.contact_details import dead_ends
from sessions.operations.legal import require_legal_basis, require_text_in_force
from sessions.operations.on_course import on_course
from sessions.operations.reaching import Source, note_choices
from sessions.operations.records import check_time
from sessions.operations.refresh import refresh_course
from sessions.operations.tasks import hand_on_tasks
from sessions.queries.blinding import blind_no_more


def register_patient(
    *,
    actor: Actor,
    code: str,
    given_name: str,
    family_name: str,
    born_on: date,
    now: datetime,
    pronouns: str = "",
    zone: str = "",
    language: str = "",
    email: str = "",
    phone: str = "",
    email_allowed: bool = False,
    text_allowed: bool = False,
    attributes: frozenset[str] = frozenset(),
    public_id: UUID | None = None,
) -> Patient:
    """Add a patient to the clinic, in its own zone and language unless they have others. The same id again
    gives the same patient."""
    with acting(actor):
        require(actor, Permission.ENROL_PATIENT, HouseSubject(clinic_id=actor.clinic_id))
        public_id = public_id or uuid7()
        # One at a time in a clinic: of two with the same id or code the second sees the first.
        clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        first = Patient.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if (first.code, first.given_name, first.family_name, first.born_on) != (
                code.strip(),
                given_name.strip(),
                family_name.strip(),
                born_on,
            ):
                raise Incomplete("This id was already used for another patient.", code="id-reused")
            return first
        problems: dict[str, list[str]] = {}
        today = now.astimezone(clinic.zone_info).date()
        if not code.strip():
            problems["code"] = ["Give the patient a code, e.g. P-014."]
        elif Patient.objects.filter(clinic_id=actor.clinic_id, code=code.strip()).exists():
            problems["code"] = [f"{code} is taken. Choose another code."]
        if not date(today.year - 120, 1, 1) <= born_on <= today:
            problems["born_on"] = ["Check the date of birth."]
        if unasked := _unasked(actor, attributes):
            problems["attributes"] = unasked
        if zone and zone not in available_timezones():
            problems["zone"] = ["Use the name of a time zone, e.g. Europe/Lisbon."]
        if language and language not in {*NAMES, clinic.language}:
            problems["language"] = ["Choose from the list."]
        details = ContactDetails(
            clinic_id=actor.clinic_id,
            email=email.strip(),
            phone=phone.strip(),
            text_number=text_number(phone),
            email_allowed=email_allowed,
            text_allowed=text_allowed,
        )
        problems |= dead_ends(details)
        if problems:
            raise BadInput("Some fields need another look.", fields=problems)
        patient = Patient.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            code=code.strip(),
            given_name=given_name.strip(),
            family_name=family_name.strip(),
            pronouns=pronouns.strip(),
            born_on=born_on,
            zone=zone or clinic.zone,
            language=language or clinic.language,
            attributes=sorted(attributes),
            resource=Resource.objects.create(clinic_id=actor.clinic_id, kind=Resource.Kind.PATIENT),
        )
        details.patient = patient
        details.save()
        note_choices(actor=actor, details=details, before={}, source=Source.STAFF, now=now)
        record_event(actor=actor, verb="patient_registered", subject=patient, occurred_at=now, now=now)
        return patient


def _unasked(actor: Actor, attributes: frozenset[str]) -> list[str]:
    """What no protocol here asks of a patient: kept, it would look as if it were taken into account."""
    if not attributes:
        return []
    definitions = definitions_of([version.pk for version in published_versions(actor)]).values()
    asked = {code for one in definitions for code in attributes_in(one)}
    return [
        f"No protocol here asks for “{code}”. {instead_of(code, asked, 'attribute') if asked else ''}".strip()
        for code in sorted(attributes - asked)
    ]


def enrol_patient(
    *,
    actor: Actor,
    patient_id: UUID,
    protocol_version_id: UUID,
    team: Mapping[TeamRole, UUID],
    enrolled_at: datetime,
    now: datetime,
    live_from: datetime | None = None,
    arm: str = "",
    public_id: UUID | None = None,
) -> Course:
    """Start a course: one patient on one published version, with its care team (team role → person).

    `live_from` is for a patient already in treatment: what came due before it is neither deviation nor
    message.
    """
    with acting(actor):
        require(actor, Permission.ENROL_PATIENT, HouseSubject(clinic_id=actor.clinic_id))
        public_id = public_id or uuid7()
        patient = (
            Patient.objects.select_for_update()
            .filter(clinic_id=actor.clinic_id, public_id=patient_id)
            .first()
        )
        version = ProtocolVersion.objects.filter(
            clinic_id=actor.clinic_id, public_id=protocol_version_id
        ).first()
        if patient is None or version is None:
            raise NotFound()
        first = Course.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if first.patient_id != patient.pk or first.protocol_version_id != version.pk:
                raise Incomplete("This id was already used for another course.", code="id-reused")
            return first
        if version.status != "published":
            raise NotNow("Only a published protocol version can be followed.", advice="Publish it first.")
        if Course.objects.filter(patient=patient, status__in=OPEN_STATUSES).exists():
            raise NotNow(
                "This patient already follows a protocol.", advice="Open the course from the patient's chart."
            )
        require_legal_basis(version=version, now=now)
        require_text_in_force(version=version, now=now)
        enrolled_at = check_time(enrolled_at, now=now, field="enrolled_at")
        if live_from is not None:
            live_from = check_time(live_from, now=now, field="live_from")
            if live_from < enrolled_at:
                raise BadInput(
                    "The go-live time lies before the enrolment.",
                    fields={"live_from": ["Enter a later time."]},
                )
        if TeamRole.LEAD_THERAPIST not in team:
            raise BadInput(
                "The care team needs another look.",
                fields={TeamRole.LEAD_THERAPIST.value: ["Choose who leads the treatment."]},
            )
        arm = _arm(version, arm)
        members = _members(actor=actor, team=team, now=now)
        if (rater := members.get(TeamRole.INDEPENDENT_RATER)) is not None:
            others = {**members}
            del others[TeamRole.INDEPENDENT_RATER]
            _require_blind(rater, definition_in(version), {one.person_id for one in others.values()})
        course = Course.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            patient=patient,
            protocol_version=version,
            enrolled_at=enrolled_at,
            live_from=live_from or enrolled_at,
            arm=arm,
        )
        for team_role, membership in members.items():
            CareTeamMember.objects.create(
                clinic_id=actor.clinic_id,
                course=course,
                person_id=membership.person_id,
                team_role=team_role.value,
                from_at=enrolled_at,
            )
        record_event(
            actor=actor,
            verb="patient_enrolled",
            subject=course,
            course_id=course.pk,
            occurred_at=enrolled_at,
            now=now,
        )
        course = Course.objects.select_related("patient", "clinic", "protocol_version").get(pk=course.pk)
        refresh_course(course=course, now=now)
        return course


def _arm(version: ProtocolVersion, arm: str) -> str:
    """The arm of the course: the one chosen, or the only one. Raises Incomplete when one has to be chosen,
    BadInput for one that the protocol does not have."""
    arms = {one.code: one.words["en"] for one in definition_in(version).arms}
    if not arm and len(arms) < 2:
        return next(iter(arms), "")
    if not arm:
        told = ", ".join(arms.values())
        raise Incomplete("This protocol has several arms.", fields={"arm": [f"Choose one of: {told}."]})
    if arm not in arms:
        raise BadInput("The protocol has no such arm.", fields={"arm": ["Choose one of the protocol's."]})
    return arm


# Who may stand in which place of the care team: one who could not see the chart would be there in name only.
CLINICIANS = frozenset({Role.THERAPIST, Role.SUPERVISOR, Role.PRESCRIBER})
PLACES = {
    TeamRole.PRESCRIBER: frozenset({Role.PRESCRIBER}),
    TeamRole.SUPERVISOR: frozenset({Role.SUPERVISOR}),
}


def _members(*, actor: Actor, team: Mapping[TeamRole, UUID], now: datetime) -> dict[TeamRole, Membership]:
    """The membership behind each place. Raises BadInput naming each place whose person can't hold it."""
    found = {
        membership.person.public_id: membership
        for membership in Membership.objects.select_related("person", "clinic").filter(
            clinic_id=actor.clinic_id, person__public_id__in=list(team.values()), person__is_active=True
        )
    }
    problems: dict[str, list[str]] = {}
    for team_role, person in team.items():
        membership = found.get(person)
        if membership is None or not membership.active_on(now.astimezone(membership.clinic.zone_info).date()):
            problems[team_role.value] = ["Choose somebody who works in this clinic."]
        elif not membership.role_set & PLACES.get(team_role, CLINICIANS):
            problems[team_role.value] = [f"{membership.person.printed_name} does not hold that role here."]
    if problems:
        raise BadInput("The care team needs another look.", fields=problems)
    return {team_role: found[person] for team_role, person in team.items()}


def _require_blind(rater: Membership, definition: ProtocolDefinition, team: Collection[int]) -> None:
    """Raise BadInput for a rater who knows what the protocol hides from raters: one of the team, or whose
    role opens every chart."""
    if definition.hidden_from_raters and (
        rater.person_id in team or rater.role_set & {Role.SUPERVISOR, Role.PRESCRIBER}
    ):
        raise BadInput(
            "The care team needs another look.",
            fields={
                TeamRole.INDEPENDENT_RATER.value: [
                    "The protocol blinds its raters, and they treat this patient or can open the chart."
                ]
            },
        )


def _require_unknowing(rater: Membership, course: Course, *, now: datetime) -> None:
    """The same for a course that is there: whoever knows its patient."""
    if not definition_of(course.protocol_version_id).hidden_from_raters:
        return
    known = blind_no_more(course, {rater.person_id}, now=now).get(rater.person_id)
    if known is not None:
        raise BadInput(
            "The care team needs another look.",
            fields={
                TeamRole.INDEPENDENT_RATER.value: [
                    _("The protocol blinds its raters: %(name)s %(why)s.")
                    % {"name": known.name, "why": known.words}
                ]
            },
        )


def change_care_team(
    *, actor: Actor, course_id: UUID, team_role: TeamRole, person_id: UUID, now: datetime, reason: str
) -> CareTeamMember:
    """Put a person in a place of the care team; whoever held it leaves it now."""
    with on_course(
        actor=actor, course_id=course_id, permission=Permission.CHANGE_CARE_TEAM, now=now
    ) as course:
        membership = _members(actor=actor, team={team_role: person_id}, now=now)[team_role]
        leaving = CareTeamMember.objects.filter(
            course=course, team_role=team_role.value, until_at__isnull=True
        ).exclude(person_id=membership.person_id)
        if team_role is TeamRole.INDEPENDENT_RATER:
            _require_unknowing(membership, course, now=now)
        left = list(leaving.values_list("person_id", flat=True))
        leaving.update(until_at=now)
        member, _made = CareTeamMember.objects.get_or_create(
            clinic_id=actor.clinic_id,
            course=course,
            person_id=membership.person_id,
            team_role=team_role.value,
            until_at=None,
            defaults={"from_at": now},
        )
        hand_on_tasks(actor=actor, course=course, from_people=left, to_person=membership.person_id, now=now)
        record_change(
            actor=actor,
            verb="care_team_changed",
            subject=member,
            course_id=course.pk,
            now=now,
            reason=reason,
        )
        return member
