"""What an independent rater is to rate, and no more of the course than its protocol lets raters see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, NotFound
from protocols.queries import definition_of, definitions_of, instrument_for, instrument_of
from protocols.rules.definition import AssessmentRule, Hidden, ProtocolDefinition, Role
from protocols.rules.instruments import Instrument
from sessions.models import CareTeamMember, Course, CourseRequirement, Patient
from sessions.models.courses import TeamRole
from sessions.queries.blinding import Why, blind_no_more
from sessions.queries.words import label, say
from sessions.rules.requirements import Status

SHOWN = 100
"""How many stand on the page; the rest follow as these are handed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRating:
    """One rating that is due. `what` is the visit it is of, and `by` when it is due at the latest; both are
    empty where the protocol hides visit dates from its raters."""

    id: UUID
    patient_code: str
    instrument: str
    what: str
    by: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingSheet:
    row: AskedRating
    instrument: Instrument


def to_rate(actor: Actor) -> QuerySet[CourseRequirement]:
    """Every rating of a course that the actor is the independent rater of."""
    places = CareTeamMember.objects.filter(
        clinic_id=actor.clinic_id,
        person_id=actor.person_id or 0,
        team_role=TeamRole.INDEPENDENT_RATER,
        until_at__isnull=True,
    )
    return CourseRequirement.objects.filter(
        clinic_id=actor.clinic_id,
        course_id__in=places.values("course_id"),
        kind="assessment",
        who=Role.INDEPENDENT_RATER.value,
    )


def ratings_due(actor: Actor) -> Sequence[AskedRating]:
    """Those whose time has come, the one that closes first at the top. Three queries, however many."""
    rows = list(
        _with_code(to_rate(actor))
        .filter(status__in=(Status.OPEN, Status.OVERDUE))
        .order_by("closes_at", "pk")[:SHOWN]
    )
    definitions = definitions_of({row.protocol_version_id for row in rows})
    return [_asked(row, definitions[row.protocol_version_id]) for row in rows]


def anything_to_rate(actor: Actor) -> bool:
    return to_rate(actor).filter(status__in=(Status.OPEN, Status.OVERDUE)).exists()


def rating_sheet(actor: Actor, requirement_id: UUID) -> RatingSheet:
    """The form of one. Raises NotFound for what is not the actor's to rate."""
    row = _with_code(to_rate(actor)).filter(public_id=requirement_id).first()
    if row is None:
        raise NotFound()
    definition = definition_of(row.protocol_version_id)
    rule = rated(definition, row)
    require_blind(actor, Course.objects.get(pk=row.course_id), rule)
    return RatingSheet(
        row=_asked(row, definition), instrument=instrument_for(actor.clinic_id, rule.instrument)
    )


def require_blind(actor: Actor, course: Course, rule: AssessmentRule) -> None:
    """Asked again whenever a rating is opened or handed in: who was blind when they were named may be so no
    more. Raises BadInput for who knows the patient, Forbidden for whom only the chart is open to."""
    if not rule.hidden:
        return
    known = blind_no_more(course, {actor.person}, now=actor.at).get(actor.person)
    if known is not None and known.why is not Why.SEES:
        raise BadInput("Who treats a patient does not rate them under this protocol.")
    if known is not None:
        raise Forbidden(
            "The protocol blinds its raters, and by now you can open this chart.",
            code="may-not-rate",
            advice="Ask for somebody else in the rater's place of the care team.",
        )


def rated(definition: ProtocolDefinition, row: CourseRequirement) -> AssessmentRule:
    """The rule that asks for it. Raises NotFound where the version has none such."""
    rule = next((one for one in definition.rules if one.code == row.rule), None)
    if not isinstance(rule, AssessmentRule):
        raise NotFound()
    return rule


def _with_code(rows: QuerySet[CourseRequirement]) -> QuerySet[CourseRequirement]:
    patient = Patient.objects.filter(courses=OuterRef("course_id")).values("code")[:1]
    return rows.annotate(patient_code=Subquery(patient))


def _asked(row: CourseRequirement, definition: ProtocolDefinition) -> AskedRating:
    blind = Hidden.VISIT_DATE in definition.hidden_from_raters
    words = label(
        definition=definition, rule=row.rule, cycle=row.cycle, occurrence=row.occurrence, key=row.key
    )
    return AskedRating(
        id=row.public_id,
        patient_code=row.patient_code,  # type: ignore[attr-defined]  # annotated above
        instrument=say(instrument_of(rated(definition, row).instrument).title),
        what="" if blind else words,
        by=None if blind else row.closes_at,
    )
