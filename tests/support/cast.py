"""The same few people in every database test: two clinics, who works there, and one patient on the MDMA
protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from clinic.actors import Actor, as_actor
from clinic.ids import uuid7
from clinic.models import Clinic, Credential, CredentialKind, Membership, Person, Resource, Room
from clinic.operations.credentials import record_credential
from clinic.permissions import Permission, Role
from protocols.models import LegalBasis, LegalBasisKind, ProtocolVersion
from protocols.operations import adopt_protocol, record_legal_basis
from protocols.queries import definition_of, instrument_of
from protocols.rules.definition import AssessmentRule, ChartItem, ChartRule, Compare, ConsentRule, ResultRule
from sessions.models import Course, Patient
from sessions.models.courses import TeamRole
from sessions.operations.consequences import follow
from sessions.operations.enrolment import change_care_team, enrol_patient, register_patient
from sessions.operations.on_course import on_course
from sessions.operations.rating import rate_assessment
from sessions.operations.records import checked, put_fact, record_fact
from sessions.queries.blinding import rating_places
from sessions.rules.facts import (
    AssessmentAnswered,
    ChartItemRecorded,
    ConsentChanged,
    ConsentState,
    FactValue,
    Mode,
    ResultRecorded,
)
from sessions.rules.keys import session_rule_of
from tests.support.kept import kept

LIBRARY = Path(__file__).parents[2] / "protocols" / "library"
PASSWORD = "a-long-demo-password"
START = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


def make_clinic(slug: str, *, zone: str = "America/New_York") -> Clinic:
    return Clinic.objects.create(
        slug=slug,
        name=f"{slug.title()} House",
        zone=zone,
        sender_name=f"{slug.title()} House",
        phone="555-0100",
        crisis_lines=[{"name": "Crisis line", "number": "988", "hours": "day and night"}],
        emergency_number="911",
        reading_hours="weekdays 9 to 5",
        # Most patients here have one channel and no word: their forms shall reach them all the same.
        step_up_ways=["code", "word", "birth_date"],
    )


def make_person(clinic: Clinic, name: str, *roles: Role) -> Person:
    email = f"{name.split()[0].lower()}@example.org"
    person = Person.objects.filter(email=email).first()
    if person is None:
        person = Person.objects.create_user(email, PASSWORD, printed_name=name)
    Membership.objects.create(
        clinic=clinic,
        person=person,
        roles=[role.value for role in roles],
        from_on=date(2020, 1, 1),
        resource=Resource.objects.create(clinic=clinic, kind=Resource.Kind.STAFF, label=name),
    )
    if Role.THERAPIST in roles:
        _train(clinic, person)
    return person


# What the library's protocols ask of therapists. Ada alone holds a licence: notes tell who does.
TRAININGS = ("mdma_therapy", "psilocybin_facilitator", "acls")


def _train(clinic: Clinic, person: Person) -> None:
    held = [(CredentialKind.TRAINING, code) for code in TRAININGS]
    if person.email.startswith("ada@"):
        held.append((CredentialKind.LICENCE, "psychologist"))
    Credential.objects.bulk_create(
        Credential(
            clinic=clinic,
            public_id=uuid7(),
            person=person,
            kind=kind,
            code=code,
            title=code.replace("_", " "),
            valid_from=date(2020, 1, 1),
            recorded_by=person,
            recorded_at=datetime(2020, 1, 1, tzinfo=UTC),
        )
        for kind, code in held
    )


def license_person(cast: Cast, name: str, *, now: datetime) -> None:
    """They are licensed from long ago on; of the cast only Ada is without this."""
    record_credential(
        actor=cast.actor("carla", at=now),
        person_id=cast.id(name),
        kind=CredentialKind.LICENCE,
        code="psychotherapist",
        title="Licence",
        valid_from=date(2020, 1, 1),
        reason="agreed",
        now=now,
    )


def make_room(clinic: Clinic, name: str) -> Room:
    return Room.objects.create(
        clinic=clinic,
        name=name,
        resource=Resource.objects.create(clinic=clinic, kind=Resource.Kind.ROOM, label=name),
    )


def acts(person: Person, clinic: Clinic, *, at: datetime = START) -> Actor:
    return as_actor(Membership.objects.standing_at(at).get(person=person, clinic=clinic), at=at)


@dataclass
class Cast:
    """One clinic's people. Ada leads, Ben sits beside her, Carla supervises, Dov prescribes, Eve coordinates,
    Finn
    administers. Gil works here as a therapist and looks after nobody."""

    clinic: Clinic
    people: dict[str, Person] = field(default_factory=dict)
    rooms: dict[str, Room] = field(default_factory=dict)
    version: ProtocolVersion | None = None

    def actor(self, name: str, *, at: datetime = START) -> Actor:
        return acts(self.people[name], self.clinic, at=at)

    def id(self, name: str) -> UUID:
        return self.people[name].public_id

    @property
    def team(self) -> dict[TeamRole, UUID]:
        return {
            TeamRole.LEAD_THERAPIST: self.id("ada"),
            TeamRole.CO_THERAPIST: self.id("ben"),
            TeamRole.PRESCRIBER: self.id("dov"),
            TeamRole.SUPERVISOR: self.id("carla"),
        }


@kept
def make_cast(slug: str = "alder", *, zone: str = "America/New_York", now: datetime = START) -> Cast:
    clinic = make_clinic(slug, zone=zone)
    cast = Cast(clinic=clinic)
    for name, *roles in (
        ("Ada Alder", Role.THERAPIST),
        ("Ben Birch", Role.THERAPIST),
        ("Carla Cedar", Role.SUPERVISOR),
        ("Dov Dale", Role.PRESCRIBER),
        ("Eve Elm", Role.COORDINATOR),
        ("Finn Fir", Role.ADMINISTRATOR),
        ("Gil Grove", Role.THERAPIST),
    ):
        cast.people[name.split()[0].lower()] = make_person(clinic, name, *roles)
    cast.rooms["blue"] = make_room(clinic, "Blue room")
    cast.version = publish(cast, (LIBRARY / "mdma_ptsd.yaml").read_text(encoding="utf-8"), now=now)
    allow(cast, now=now)
    return cast


def allow(cast: Cast, *, now: datetime = START, until: date | None = None) -> LegalBasis:
    """Finn records what allows the clinic to follow its protocol, from long before."""
    assert cast.version is not None
    return record_legal_basis(
        actor=cast.actor("finn", at=now),
        protocol_id=cast.version.protocol.public_id,
        kind=LegalBasisKind.TRIAL_APPROVAL,
        number="FICT-2020-7",
        scope="Phase 2 at this clinic",
        valid_from=date(2020, 1, 1),
        valid_until=until,
        reason="agreed",
        now=now,
    )


def publish(cast: Cast, text: str, *, now: datetime = START) -> ProtocolVersion:
    """Finn writes it, Dov answers for its figures, Carla approves and publishes it."""
    return adopt_protocol(
        author=cast.actor("finn", at=now),
        clinician=cast.actor("dov", at=now),
        approver=cast.actor("carla", at=now),
        clinic=cast.clinic,
        text=text,
        now=now,
    )


def make_patient(cast: Cast, code: str = "P-001", *, now: datetime = START, email: str = "") -> Patient:
    return register_patient(
        actor=cast.actor("eve"),
        code=code,
        given_name="Pat",
        family_name=f"Example {code}",
        born_on=date(1988, 5, 4),
        email=email or f"{code.lower()}@example.org",
        phone="555-0111",
        email_allowed=True,
        now=now,
    )


def enrol(cast: Cast, code: str = "P-001", *, now: datetime = START, email: str = "") -> Course:
    patient = make_patient(cast, code, now=now, email=email)
    assert cast.version is not None
    return enrol_patient(
        actor=cast.actor("eve"),
        patient_id=patient.public_id,
        protocol_version_id=cast.version.public_id,
        team=cast.team,
        enrolled_at=now,
        now=now,
    )


def checklist_items(course: Course, key: str) -> tuple[str, ...]:
    """Every item of the checklist of that session."""
    rule = session_rule_of(definition=definition_of(course.protocol_version_id), key=key)
    return tuple(item.code for item in rule.checklist) if rule is not None else ()


def fill_chart(cast: Cast, course: Course, *, now: datetime, cycle: int | None = None) -> None:
    """Put everything on the chart that the protocol asks to be in place, acceptable, at `now`.

    In one frame, as nobody at a page can: the engine is asked once and not after each of two dozen facts.
    """
    definition = definition_of(course.protocol_version_id)
    actor = cast.actor("ada", at=now)

    def put(value: FactValue, key: str | None = None) -> None:
        facts.append((value, key))

    facts: list[tuple[FactValue, str | None]] = []
    blind = cast.actor("gil", at=now)  # what raters rate is rated by somebody who treats nobody here
    for rule in definition.rules:
        if isinstance(rule, ConsentRule) and cycle is None:
            put(ConsentChanged(scope=rule.scope, state=ConsentState.GIVEN, document_version="1"))
        elif isinstance(rule, ResultRule):
            value: str | Decimal = rule.accept.value
            if rule.compare is Compare.AT_MOST and isinstance(value, Decimal):
                value = value - 1
            put(ResultRecorded(test=rule.test, value=value, unit=rule.unit))
        elif isinstance(rule, AssessmentRule) and rule.blocks and bool(rule.per) == (cycle is not None):
            key = f"{rule.code}@{rule.per}.{cycle}" if rule.per else rule.code
            put(assessed(instrument=rule.instrument, by=rule.who.value), key)
        elif isinstance(rule, ChartRule) and (cycle is None or rule.per):
            if cycle is None and rule.per:
                continue
            put(
                ChartItemRecorded(
                    item=rule.item.value,
                    cycle=cycle if rule.per else None,
                    detail="none known" if rule.item is ChartItem.ALLERGIES else "recorded",
                    number=Decimal(70) if rule.item is ChartItem.WEIGHT else None,
                )
            )
    with on_course(
        actor=actor, course_id=course.public_id, permission=Permission.RECORD_CHART, now=now
    ) as locked:
        for fact, name in facts:
            whole = checked(course=locked, value=fact, key=name, now=now)
            by = blind if rated(whole) else actor
            row, _new = put_fact(actor=by, course=locked, value=whole, occurred_at=now, key=name, now=now)
            follow(actor=by, course=locked, row=row, value=whole, now=now)


def calm_answers(code: str) -> tuple[tuple[str, int | None], ...]:
    """Every item of an instrument answered so that nothing worries: the lowest answer that is not a worry."""
    instrument = instrument_of(code)
    worries = {(worry.item, value) for worry in instrument.worries for value in worry.values}
    return tuple(
        (
            item.code,
            next(
                option.value
                for option in sorted(item.options, key=lambda one: one.value)
                if (item.code, option.value) not in worries
            ),
        )
        for item in instrument.items
    )


def assessed(*, instrument: str, by: str) -> AssessmentAnswered:
    return AssessmentAnswered(
        instrument=instrument, by=by, answers=calm_answers(instrument), total=None, mode=Mode.IN_PERSON
    )


def rated(value: FactValue) -> bool:
    return isinstance(value, AssessmentAnswered) and value.by == TeamRole.INDEPENDENT_RATER


def assess(cast: Cast, course: Course, *, now: datetime, key: str, instrument: str, by: str) -> None:
    """Ada takes it down; what an independent rater rates, Gil does, who is named for it where nobody is."""
    value = assessed(instrument=instrument, by=by)
    if not rated(value):
        record_fact(
            actor=cast.actor("ada", at=now),
            course_id=course.public_id,
            value=value,
            occurred_at=now,
            key=key,
            now=now,
        )
        return
    name_rater(cast, course, now=now)
    rate_assessment(
        actor=cast.actor("gil", at=now),
        requirement_id=course.requirements.get(key=key).public_id,
        answers=value.answers,
        mode=value.mode,
        occurred_at=now,
        now=now,
    )


def name_rater(cast: Cast, course: Course, *, now: datetime) -> None:
    """Gil, unless somebody is."""
    if not rating_places(course).exists():
        change_care_team(
            actor=cast.actor("carla", at=now),
            course_id=course.public_id,
            team_role=TeamRole.INDEPENDENT_RATER,
            person_id=cast.id("gil"),
            reason="rates this course",
            now=now,
        )


def days(count: int) -> timedelta:
    return timedelta(days=count)
