"""What a patient does from a link: confirms a visit, asks for another time, answers a form, stops the mail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, patient_actor
from clinic.errors import NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import AssessmentRule, ProtocolDefinition
from sessions.models import ContactDetails, Course, FactRecord, PatientLink, SessionBooking, StaffTask
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.patients import LinkPurpose
from sessions.models.tasks import TaskKind
from sessions.operations.contacts import after_answers
from sessions.operations.on_course import on_course, on_courses_of_patient
from sessions.operations.records import checked, put_fact
from sessions.operations.tasks import close_tasks, open_task
from sessions.queries.links import answered_before, link_of
from sessions.rules.facts import AssessmentAnswered, FactSource, Mode
from sessions.rules.keys import parts_of_key


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
