"""How a patient may be reached, and every change that made it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definition_of, forms_sent
from sessions.models import ContactChoice, ContactDetails
from sessions.queries.courses import course_for
from sessions.queries.ways import how_of, number_noted_wrong, stopped_ways
from sessions.queries.wording import language_in_use
from sessions.queries.words import say
from sessions.rules.reaching import can_step_up

SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    chosen_at: datetime
    channel: str
    purpose: str
    allowed: bool
    source: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    patient_id: UUID
    details: ContactDetails
    stopped: Sequence[tuple[str, datetime]]  # (channel, since when)
    wrong_number: bool  # a call found that it is somebody else's
    choices: Sequence[ChoiceRow]  # newest first
    language: str  # in which they are written to
    english_only: Sequence[str]  # the questionnaires they get in English although written to in another
    forms_stay_shut: bool  # a link to a form is of no use: they have no way to show that it is them


def reach(actor: Actor, course_id: UUID) -> Reach:
    course = course_for(actor, course_id, Permission.VIEW_CONTACT_DETAILS)
    details = course.patient.contact_details
    language = language_in_use(course.clinic_id, course.patient.language)
    sent = forms_sent(course.clinic_id, definition_of(course.protocol_version_id), language)
    return Reach(
        patient_id=course.patient.public_id,
        details=details,
        language=language,
        english_only=sorted(
            {say(one.title) for _rule, one in sent if one.has_text and one.language != language}
        ),
        forms_stay_shut=not can_step_up(how_of(details, clinic=course.clinic)),
        stopped=stopped_ways(details),
        wrong_number=number_noted_wrong(details),
        choices=[
            ChoiceRow(
                chosen_at=row.chosen_at,
                channel=row.channel,
                purpose=row.purpose,
                allowed=row.allowed,
                source=row.source,
                by=row.person.printed_name if row.person else "",
            )
            for row in ContactChoice.objects.filter(clinic_id=course.clinic_id, patient=course.patient)
            .select_related("person")
            .order_by("-chosen_at", "-id")[:SHOWN]
        ],
    )
