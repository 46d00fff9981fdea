"""What a patient does from a link: confirms a visit, asks for another time, answers a form, stops the mail.

An answer is kept, and acted on when it worries, as it is given: a form need not be finished for that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, patient_actor
from clinic.errors import NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.queries import definition_of, instrument_of, wording_named
from protocols.rules.definition import AssessmentRule, ProtocolDefinition
from protocols.rules.instruments import score
from sessions.models import (
    AnswerGiven,
    ContactChoice,
    ContactDetails,
    Course,
    FactRecord,
    PatientLink,
    SessionBooking,
    StaffTask,
)
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.patients import LinkPurpose
from sessions.models.tasks import TaskKind
from sessions.operations.consequences import asked_anew, close_asked, tell_worry
from sessions.operations.on_course import on_course, on_courses_of_patient
from sessions.operations.reaching import stop_channel
from sessions.operations.records import checked, put_fact
from sessions.operations.tasks import close_tasks, open_task
from sessions.operations.watch import act_within
from sessions.queries.links import answered_before, answers_given, instrument_of_link, link_of, over_at
from sessions.queries.step_up import step_up_of
from sessions.queries.wording import language_in_use
from sessions.rules.facts import AssessmentAnswered, FactSource, Mode
from sessions.rules.keys import parts_of_key
from sessions.rules.reaching import CHANNELS


def actor_of(link: PatientLink, *, now: datetime) -> Actor:
    return patient_actor(clinic_id=link.clinic_id, patient_id=link.patient_id, at=now)


def usable(link: PatientLink, purpose: LinkPurpose, *, now: datetime) -> None:
    if link.purpose != purpose:
        raise NotFound("This link is not one of ours.")
    if over_at(link) <= now:
        raise NotNow("This link is too old.", code="link-expired")


def confirm_visit(*, token: str, now: datetime) -> SessionBooking:
    """The patient says they will be there. Saying it twice is saying it once."""
    link = link_of(token)
    usable(link, LinkPurpose.VISIT, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        booking = live_booking(link)
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
    usable(link, LinkPurpose.VISIT, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        booking = live_booking(link)
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


def live_booking(link: PatientLink) -> SessionBooking:
    if link.booking_id is None:
        raise NotNow("There is no visit at that time any more.", code="visit-gone")
    booking = SessionBooking.objects.get(pk=link.booking_id)
    if booking.status not in LIVE_BOOKINGS:
        raise NotNow("This visit was moved or cancelled.", code="visit-gone")
    return booking


FORMS = (LinkPurpose.CHECK_IN, LinkPurpose.QUESTIONNAIRE)
STEP_UP_NEEDED = "step-up-needed"
ANSWERED, ANSWERED_AND_TOLD = "already-answered", "already-answered-and-told"


@contextmanager
def _on_form(
    token: str, *, now: datetime, proof: str | None
) -> Iterator[tuple[Actor, PatientLink, Course, AssessmentRule]]:
    """The frame of every act on a form: the link's actor, its course, locked, and the rule that asks.
    `proof`: that it is the patient, where the form stands behind that; None for an act that needs none."""
    link = link_of(token)
    if link.purpose not in FORMS:
        raise NotFound("This link is not one of ours.")
    usable(link, LinkPurpose(link.purpose), now=now)
    if proof is not None:
        language = language_in_use(link.clinic_id, link.patient.language)
        step = step_up_of(link, instrument_of_link(link, language), proof=proof, now=now)
        if not step.may_send:
            raise NotNow(_("Please show first that it is you."), code=STEP_UP_NEEDED)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        definition = definition_of(course.protocol_version_id)
        yield actor, link, course, assessment_rule(definition=definition, key=link.key)


def keep_answer(*, token: str, item: str, value: int | None, now: datetime, proof: str = "") -> bool:
    """Keep one answer of a form not finished yet (None: skipped); whether it worries. If it does, its task is
    open before this returns, also where the form is finished and keeps nothing more. Raises BadInput for an
    answer the instrument does not offer, NotNow once the form is finished or where it was not shown that it
    is the patient."""
    with _on_form(token, now=now, proof=proof) as (actor, link, course, rule):
        worries = bool(score(instrument_of(rule.instrument), {item: value}).worrying)
        finished = answered_before(link)
        given = AnswerGiven.objects.filter(course=course, key=link.key, item=item).first()
        new = given is None or given.value != value
        if new and not finished:
            AnswerGiven.objects.update_or_create(
                clinic_id=course.clinic_id,
                course=course,
                key=link.key,
                item=item,
                defaults={"value": value, "given_at": now},
            )
        if new:
            _tell(actor=actor, course=course, rule=rule, key=link.key, answers={item: value}, now=now)
    if finished:
        raise _already_answered(told=new and worries)
    return worries


def answer_form(
    *,
    token: str,
    answers: Mapping[str, int | None],
    now: datetime,
    public_id: UUID | None = None,
    proof: str = "",
    read_in: str = "",
) -> FactRecord:
    """The patient's answers to the instrument the link asks for (item code → value), with those kept before.
    A worrying one opens a task, with an owner and a clock, before this returns, also where the form was
    finished before and keeps nothing more; one that did so when it was kept opens no second. Raises BadInput
    for an answer the instrument does not offer, NotNow once the form is finished or where it was not shown
    that it is the patient. `read_in`: which wording the page showed, as the page said it."""
    with _on_form(token, now=now, proof=proof) as (actor, link, course, rule):
        language, wording = _read_in(course, rule.instrument, read_in)
        kept = answers_given(course, link.key)
        given = {code: one for code, one in answers.items() if one is not None}
        whole = {**dict.fromkeys(answers), **kept, **given}
        value = AssessmentAnswered(
            instrument=rule.instrument,
            by="patient",
            answers=tuple(sorted(whole.items())),
            total=None,
            mode=Mode.LINK,
            language=language,
            wording=wording,
        )
        found = checked(course=course, value=value, key=link.key, now=now)
        untold = {code: one for code, one in whole.items() if kept.get(code) != one}
        public_id = public_id or uuid7()
        if not answered_before(link) or _sent_before(course, public_id):
            row, new = put_fact(
                actor=actor,
                course=course,
                value=found,
                occurred_at=now,
                key=link.key,
                source=FactSource.PATIENT,
                public_id=public_id,
                now=now,
            )
            if new:
                PatientLink.objects.filter(pk=link.pk).update(answered_at=now)
                close_asked(actor=actor, course=course, key=link.key, now=now)
                _tell(actor=actor, course=course, rule=rule, key=link.key, answers=untold, now=now)
            return row
        told = _tell(actor=actor, course=course, rule=rule, key=link.key, answers=untold, now=now)
    raise _already_answered(told=told)


def _read_in(course: Course, instrument: str, said: str) -> tuple[str, str]:
    """(language, id of the clinic's wording) as the page said them, as far as they are of this clinic and
    form; nothing else a browser says goes into the record."""
    language, _space, text_id = said.partition(" ")
    if text_id:
        row = wording_named(clinic_id=course.clinic_id, instrument=instrument, text_id=text_id)
        return (row.language, str(row.public_id)) if row is not None else ("", "")
    return (language, "") if language in instrument_of(instrument).languages else ("", "")


def _already_answered(*, told: bool) -> NotNow:
    """`told`: what came now worries, and somebody has a task about it."""
    if told:
        advice = _("This has reached us. Someone from the team will call you.")
    else:
        advice = _("We have your first answers. If something has changed since, please call us.")
    return NotNow(
        _("You have answered this already."), code=ANSWERED_AND_TOLD if told else ANSWERED, advice=advice
    )


def _tell(
    *,
    actor: Actor,
    course: Course,
    rule: AssessmentRule,
    key: str,
    answers: Mapping[str, int | None],
    now: datetime,
) -> bool:
    """A worry about what is asked under this key; whether there is one."""
    return tell_worry(
        actor=actor,
        course=course,
        value=AssessmentAnswered(
            instrument=rule.instrument,
            by="patient",
            answers=tuple(answers.items()),
            total=None,
            mode=Mode.LINK,
        ),
        key=key,
        subject=None,
        now=now,
    )


def ask_for_call(*, token: str, now: datetime) -> StaffTask | None:
    """The patient wants to be called today, whatever else they answer. Asking twice is asking once, until
    they were rung."""
    with _on_form(token, now=now, proof=None) as (actor, link, course, rule):
        answer = next(
            (one for one in definition_of(course.protocol_version_id).answers if one.rule == rule.code),
            None,
        )
        return open_task(
            actor=actor,
            course=course,
            kind=TaskKind.CALL_ASKED,
            subject=asked_anew(course=course, kind=TaskKind.CALL_ASKED, key=link.key),
            act_by=now + (act_within(answer) if answer else timedelta(0)),
            now=now,
            owner_role=answer.owner.value if answer else "therapist",
            cover_role=answer.cover.value if answer else "coordinator",
        )


def _sent_before(course: Course, public_id: UUID) -> bool:
    """The very same form sent again, by a double tap or a lost reply: it is the first one."""
    return FactRecord.every.filter(clinic_id=course.clinic_id, public_id=public_id).exists()


def assessment_rule(*, definition: ProtocolDefinition, key: str) -> AssessmentRule:
    """The rule that asks for the assessment of that key. Raises NotFound when the protocol asks for none."""
    code, _cycle, _occurrence = parts_of_key(definition=definition, key=key)
    rule = next((one for one in definition.rules if one.code == code), None)
    if not isinstance(rule, AssessmentRule):
        raise NotFound()
    return rule


def stop_mail(*, token: str, now: datetime) -> None:
    """The patient wants no more messages, by mail or text: at once, however old the link is. What
    must still reach them becomes a person's call."""
    link = link_of(token)
    actor = actor_of(link, now=now)
    with on_courses_of_patient(
        actor=actor, patient_id=link.patient.public_id, permission=Permission.ANSWER_LINK, now=now
    ):
        details = ContactDetails.objects.select_for_update().get(patient_id=link.patient_id)
        for channel in CHANNELS:
            stop_channel(
                actor=actor,
                details=details,
                channel=channel,
                source=ContactChoice.Source.LINK,
                now=now,
                course_id=link.course_id,
            )
