"""What a patient's page may show: a day, a time, a phone number. No name, no clinical word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from clinic.errors import NotFound
from clinic.rules.crisis_lines import Line, lines_for
from clinic.rules.opening_hours import is_open
from protocols.queries import definition_of, instrument_for
from protocols.rules.definition import AssessmentRule
from protocols.rules.instruments import Instrument
from sessions.models import AnswerGiven, Course, PatientLink
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import CourseStatus
from sessions.queries.step_up import StepUp, step_up_of
from sessions.queries.wording import language_in_use
from sessions.rules.keys import parts_of_key
from sessions.rules.step_up import SENDS_FOR
from sessions.rules.tokens import token_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPage:
    version_id: int  # of the protocol, in whose words the page speaks
    purpose: str  # visit, check_in, questionnaire
    expired: bool  # nothing is begun by it any more
    over: bool  # nor may what was begun be sent
    gone: bool  # the visit was moved or cancelled
    answered: bool  # by this link, or by another for the same form
    confirmed: bool
    change_asked: bool
    visit_at: datetime | None  # in the patient's zone
    visit_begun: bool  # nobody says any more that they will be there
    sender_name: str
    phone: str
    crisis_lines: Sequence[Line]
    emergency_number: str
    reading_hours: str  # in the language of the page, where the clinic has written them in it
    closed_now: bool  # by the hours the clinic has set
    language: str
    zone: ZoneInfo  # the patient's
    instrument: Instrument | None  # what the link asks
    given: Mapping[str, int | None]  # item → answer, of a form begun before
    shows_plan: bool  # the clinic lets patients see their plan
    step: StepUp  # what stands before names and clinical words


def link_of(token: str) -> PatientLink:
    """The link of a token, expired or not. Raises NotFound for a token that was never issued."""
    link = (
        PatientLink.objects.select_related("clinic", "course__patient", "patient__contact_details", "booking")
        .filter(token_hash=token_hash(token))
        .exclude(course__status=CourseStatus.ENTERED_IN_ERROR)
        .first()
    )
    if link is None:
        raise NotFound("This link is not one of ours.")
    return link


def link_page(token: str, *, now: datetime, proof: str = "") -> LinkPage:
    """`proof`: what the browser was given when the patient showed that it is them. Reading changes nothing,
    however often and by whomever. Raises NotFound for a token never issued."""
    link = link_of(token)
    booking = link.booking
    zone = ZoneInfo(link.patient.zone)
    language = language_in_use(link.clinic_id, link.patient.language)
    instrument = instrument_of_link(link, language)
    return LinkPage(
        version_id=link.course.protocol_version_id,
        purpose=link.purpose,
        expired=link.expires_at <= now,
        over=over_at(link) <= now,
        gone=link.purpose == "visit" and (booking is None or booking.status not in LIVE_BOOKINGS),
        answered=answered_before(link),
        confirmed=booking is not None and booking.confirmed_at is not None,
        change_asked=booking is not None and booking.change_asked_at is not None,
        visit_at=booking.starts_at.astimezone(zone) if booking else None,
        visit_begun=booking is not None and booking.starts_at <= now,
        sender_name=link.clinic.sender_name,
        phone=link.clinic.phone,
        crisis_lines=lines_for(
            link.clinic.crisis_lines, country=link.clinic.country, language=link.patient.language
        ),
        emergency_number=link.clinic.emergency_number,
        reading_hours=link.clinic.reading_hours_in.get(language) or link.clinic.reading_hours,
        closed_now=not is_open(
            now,
            zone=link.clinic.zone_info,
            opens=link.clinic.open_from,
            closes=link.clinic.open_until,
            days=link.clinic.open_days,
        ),
        language=language,
        zone=zone,
        instrument=instrument,
        given=answers_given(link.course, link.key) if instrument else {},
        shows_plan=link.clinic.shows_plan,
        step=step_up_of(link, instrument, proof=proof, now=now),
    )


def over_at(link: PatientLink) -> datetime:
    """Until when what was begun by it may be sent: an answer is not lost because its writer was slow."""
    return link.expires_at + (timedelta(0) if link.purpose == "visit" else SENDS_FOR)


def answered_before(link: PatientLink) -> bool:
    """Whether what the link asks was answered: by it, or by another one for the same form."""
    return PatientLink.objects.filter(
        course_id=link.course_id, key=link.key, purpose=link.purpose, answered_at__isnull=False
    ).exists()


def answers_given(course: Course, key: str) -> dict[str, int | None]:
    """Item → answer, of what was answered before the form was finished."""
    return dict(AnswerGiven.objects.filter(course=course, key=key).values_list("item", "value"))


def instrument_of_link(link: PatientLink, language: str) -> Instrument | None:
    """What it asks, as who reads that language sees it."""
    definition = definition_of(link.course.protocol_version_id)
    code, _cycle, _occurrence = parts_of_key(definition=definition, key=link.key)
    rule = next((one for one in definition.rules if one.code == code), None)
    if not isinstance(rule, AssessmentRule):
        return None
    return instrument_for(link.clinic_id, rule.instrument, language)
