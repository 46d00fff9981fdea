"""Contacts with the patient: by staff, and by the patient's own answer from a link. A message sent is never a
contact."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, patient_actor
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.queries import definition_of, instrument_of
from protocols.rules.definition import AssessmentRule, ProtocolDefinition
from protocols.rules.instruments import score
from sessions.models import ContactDetails, Course, FactRecord, PatientLink, SessionBooking, StaffTask
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.patients import LinkPurpose
from sessions.models.tasks import TaskKind
from sessions.operations.on_course import on_course, on_courses_of_patient
from sessions.operations.records import checked, put_fact, record_fact
from sessions.operations.tasks import close_tasks, open_task
from sessions.operations.watch import act_within
from sessions.queries.links import answered_before, link_of
from sessions.rules.facts import AssessmentAnswered, ContactMade, ContactResult, FactSource, Mode
from sessions.rules.keys import parts_of_key


def record_contact(
    *,
    actor: Actor,
    course_id: UUID,
    result: ContactResult,
    mode: Mode,
    occurred_at: datetime,
    now: datetime,
    safe: bool | None = None,
    wants_call: bool = False,
    key: str | None = None,
    patient_location: str = "",
    call_back_number: str = "",
    public_id: UUID | None = None,
) -> FactRecord:
    """A contact with the patient, or an attempt; scheduled or not, at any course status. An unscheduled one
    that reached the patient at a distance says where they were and how to ring back."""
    return record_fact(
        actor=actor,
        course_id=course_id,
        value=ContactMade(
            result=result,
            mode=mode,
            safe=safe,
            wants_call=wants_call,
            patient_location=patient_location.strip(),
            call_back_number=call_back_number.strip(),
        ),
        occurred_at=occurred_at,
        key=key,
        public_id=public_id,
        now=now,
    )


def after_contact(
    *, actor: Actor, course: Course, contact: ContactMade, key: str | None, fact: FactRecord, now: datetime
) -> None:
    """What a contact opens and closes: a worry opens a task with an owner and a clock; reaching the patient
    closes the
    tasks that asked for just that."""
    if contact.result is ContactResult.REACHED:
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.NO_ANSWER, TaskKind.MISSED_CONTACT, TaskKind.MESSAGE_NOT_SENT],
            subject=key,
            resolution="contact_made",
            now=now,
            # A contact entered afterwards does not answer what was asked for since.
            opened_until=None if key is not None else fact.occurred_at,
        )
    if contact.safe is False or contact.wants_call:
        definition = definition_of(course.protocol_version_id)
        answer = next(iter(definition.answers), None)
        open_task(
            actor=actor,
            course=course,
            kind=TaskKind.WORRYING_ANSWER if contact.safe is False else TaskKind.CALL_ASKED,
            subject=str(fact.public_id),
            act_by=now + (act_within(answer) if answer else timedelta(0)),
            now=now,
            owner_role=answer.owner.value if answer else "therapist",
            cover_role=answer.cover.value if answer else "coordinator",
        )


def after_answers(
    *,
    actor: Actor,
    course: Course,
    value: AssessmentAnswered,
    key: str | None,
    fact: FactRecord,
    now: datetime,
) -> None:
    """Close what asked for these answers; open a task when the instrument says that one of them worries."""
    if key is not None:
        close_tasks(
            actor=actor,
            course=course,
            kinds=[TaskKind.NO_ANSWER, TaskKind.MESSAGE_NOT_SENT],
            subject=key,
            resolution="answered",
            now=now,
        )
    worrying = set(score(instrument_of(value.instrument), dict(value.answers)).worrying)
    if not worrying:
        return
    definition = definition_of(course.protocol_version_id)
    code = parts_of_key(definition=definition, key=key)[0] if key else ""
    answer = next((one for one in definition.answers if one.rule == code), None)
    open_task(
        actor=actor,
        course=course,
        kind=TaskKind.CALL_ASKED if worrying == {"wants_call"} else TaskKind.WORRYING_ANSWER,
        subject=str(fact.public_id),
        act_by=now + (act_within(answer) if answer else timedelta(0)),
        now=now,
        owner_role=answer.owner.value if answer else "therapist",
        cover_role=answer.cover.value if answer else "coordinator",
    )


# --- the patient's link -------------------------------------------------------------------------------------


def actor_of(link: PatientLink, *, now: datetime) -> Actor:
    return patient_actor(clinic_id=link.clinic_id, patient_id=link.patient_id, at=now)


def _usable(link: PatientLink, purpose: LinkPurpose, *, now: datetime) -> None:
    if link.purpose != purpose:
        raise NotFound("This link is not one of ours.")
    if link.expires_at <= now:
        raise NotNow("This link is too old.", code="link-expired")


def confirm_visit(*, token: str, now: datetime) -> SessionBooking:
    """The patient says they will be there. Saying it twice is saying it once."""
    link = link_of(token)
    _usable(link, LinkPurpose.VISIT, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        booking = _live_booking(link)
        if booking.change_asked_at is not None:
            # They can come after all: nobody needs to ring them about another time.
            booking.change_asked_at = None
            booking.save(update_fields=["change_asked_at"])
            close_tasks(
                actor=actor,
                course=course,
                kinds=[TaskKind.TIME_ASKED],
                resolution="visit_confirmed",
                now=now,
                booking=booking,
            )
        if booking.confirmed_at is None:
            booking.confirmed_at = now
            booking.save(update_fields=["confirmed_at"])
            PatientLink.objects.filter(pk=link.pk).update(answered_at=now)
            record_event(
                actor=actor,
                verb="visit_confirmed",
                subject=booking,
                course_id=course.pk,
                occurred_at=now,
                now=now,
            )
        return booking


def ask_for_another_time(*, token: str, now: datetime) -> SessionBooking:
    """The patient needs another time: a person calls them back. The booking stands until then."""
    link = link_of(token)
    _usable(link, LinkPurpose.VISIT, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        booking = _live_booking(link)
        if booking.change_asked_at is None:
            booking.change_asked_at, booking.confirmed_at = now, None
            booking.save(update_fields=["change_asked_at", "confirmed_at"])
            PatientLink.objects.filter(pk=link.pk).update(answered_at=now)
            record_event(
                actor=actor,
                verb="another_time_asked",
                subject=booking,
                course_id=course.pk,
                occurred_at=now,
                now=now,
            )
            before = StaffTask.objects.filter(
                course=course, subject__startswith=str(booking.public_id)
            ).count()
            open_task(
                actor=actor,
                course=course,
                kind=TaskKind.TIME_ASKED,
                # A request that was dealt with may be made again: another call to make.
                subject=f"{booking.public_id}#{before + 1}" if before else str(booking.public_id),
                act_by=now + timedelta(days=1),
                now=now,
                owner_role="coordinator",
                cover_role="therapist",
                safety=False,
            )
        return booking


def _live_booking(link: PatientLink) -> SessionBooking:
    if link.booking_id is None:
        raise NotNow("There is no visit at that time any more.", code="visit-gone")
    booking = SessionBooking.objects.get(pk=link.booking_id)
    if booking.status not in LIVE_BOOKINGS:
        raise NotNow("This visit was moved or cancelled.", code="visit-gone")
    return booking


def answer_form(
    *, token: str, answers: Mapping[str, int | None], now: datetime, public_id: UUID | None = None
) -> FactRecord:
    """The patient's answers to the instrument the link asks for (item code → value). A worrying one opens a
    task, with
    an owner and a clock, before this returns. Raises BadInput for an answer the instrument does not offer."""
    link = link_of(token)
    if link.purpose not in (LinkPurpose.CHECK_IN, LinkPurpose.QUESTIONNAIRE):
        raise NotFound("This link is not one of ours.")
    _usable(link, LinkPurpose(link.purpose), now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        rule = assessment_rule(definition=definition_of(course.protocol_version_id), key=link.key)
        value = AssessmentAnswered(
            instrument=rule.instrument,
            by="patient",
            answers=tuple(sorted(answers.items())),
            total=None,
            mode=Mode.LINK,
        )
        public_id = public_id or uuid7()
        if answered_before(link) and not _sent_before(course, public_id):
            raise NotNow(
                _("You have answered this already."),
                code="already-answered",
                advice=_("We have your first answers. If something has changed since, please call us."),
            )
        row, new = put_fact(
            actor=actor,
            course=course,
            value=checked(course=course, value=value, key=link.key, now=now),
            occurred_at=now,
            key=link.key,
            source=FactSource.PATIENT,
            public_id=public_id,
            now=now,
        )
        if new:
            PatientLink.objects.filter(pk=link.pk).update(answered_at=now)
            after_answers(actor=actor, course=course, value=value, key=link.key, fact=row, now=now)
        return row


def _sent_before(course: Course, public_id: UUID) -> bool:
    """The very same form sent again, by a double tap or a lost reply: it is the first one."""
    return FactRecord.objects.filter(clinic_id=course.clinic_id, public_id=public_id).exists()


def assessment_rule(*, definition: ProtocolDefinition, key: str) -> AssessmentRule:
    """The rule that asks for the assessment of that key. Raises NotFound when the protocol asks for none."""
    code, _cycle, _occurrence = parts_of_key(definition=definition, key=key)
    rule = next((one for one in definition.rules if one.code == code), None)
    if not isinstance(rule, AssessmentRule):
        raise NotFound()
    return rule


def stop_mail(*, token: str, now: datetime) -> None:
    """The patient wants no more mail: at once, however old the link is. What must still reach them becomes a
    person's call."""
    link = link_of(token)
    actor = actor_of(link, now=now)
    with on_courses_of_patient(
        actor=actor, patient_id=link.patient.public_id, permission=Permission.ANSWER_LINK, now=now
    ):
        details = ContactDetails.objects.select_for_update().get(patient_id=link.patient_id)
        if details.email_stopped_at is None:
            details.email_stopped_at = now
            details.save(update_fields=["email_stopped_at"])
            record_event(
                actor=actor,
                verb="mail_stopped",
                subject=details,
                course_id=link.course_id,
                occurred_at=now,
                now=now,
            )


def change_contact_details(
    *,
    actor: Actor,
    patient_id: UUID,
    email: str,
    phone: str,
    email_allowed: bool,
    now: datetime,
    confirmed: frozenset[str] = frozenset(),
) -> ContactDetails:
    """How to reach the patient, as they told staff. Allowing mail again lifts an earlier stop, once
    `mail-again` is confirmed: a form opened before the patient pressed stop must not undo it."""
    with on_courses_of_patient(
        actor=actor, patient_id=patient_id, permission=Permission.EDIT_PATIENT, now=now
    ) as courses:
        if email_allowed and "@" not in email:
            raise BadInput(
                _("Mail is allowed, but there is no address."),
                fields={"email": [_("Enter the address that mail may be sent to.")]},
            )
        details = ContactDetails.objects.select_for_update().get(
            clinic_id=actor.clinic_id, patient__public_id=patient_id
        )
        if email_allowed and details.email_stopped_at is not None:
            if "mail-again" not in confirmed:
                words = _("The patient stopped all mail.")
                raise Incomplete(
                    words,
                    code="confirm-needed",
                    advice=_("Confirm it if they told you since that they want mail again."),
                    data={"confirm": ["mail-again"], "words": [words]},
                )
            details.email_stopped_at = None
        details.email, details.phone, details.email_allowed = email.strip(), phone.strip(), email_allowed
        details.save(update_fields=["email", "phone", "email_allowed", "email_stopped_at"])
        record_event(
            actor=actor,
            verb="contact_details_changed",
            subject=details,
            course_id=courses[-1].pk,
            occurred_at=now,
            now=now,
        )
        return details
