"""What a patient answers to a text: stop, start, help, or words that a person must read. Each text counts
once, however often the provider tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from clinic import outbox
from clinic.actors import Actor, acting, system_actor
from clinic.adapters.text import OPTED_OUT, RenderedText
from clinic.models import Channel, Clinic, Message, MessageLog
from clinic.operations.events import record_event
from clinic.rules.text_words import TextWord, word_in
from sessions.models import ContactChoice, ContactDetails, Course, ReceivedText
from sessions.models.courses import OPEN_STATUSES
from sessions.models.tasks import TaskKind
from sessions.operations.locks import lock_courses
from sessions.operations.reaching import (
    note_choices,
    standing,
    stop_channel,
    stopped_at_the_provider,
)
from sessions.operations.refresh import refresh_course
from sessions.operations.rendering import refuse_telling, texted
from sessions.operations.staff_stops import staff_stop
from sessions.operations.tasks import open_task
from sessions.queries.wording import words_for
from sessions.rules.wording import fill, for_texting
from sessions.rules.wording_shipped import Kind

PURPOSE = "text_answer"
OF_USE = timedelta(minutes=5)  # 47 CFR 64.1200(a)(12): a confirmation of stopping comes within five minutes
READ_WITHIN = timedelta(hours=4)  # how soon a person reads what came by text; a choice of display order
KINDS = {TextWord.STOP: Kind.STOPPED, TextWord.START: Kind.STARTED, TextWord.HELP: Kind.HELP}


def receive_text(
    *, clinic_id: int, provider_id: str, number: str, body: str, now: datetime
) -> TextWord | None:
    """Do at once what the text asks for. The caller has made sure that the provider sent it.

    A number may be several patients': stop is stop for all of them, and is answered once.
    """
    actor = system_actor(clinic_id=clinic_id, at=now)
    word = word_in(body)
    with acting(actor):
        if word is TextWord.STOP and not _known(clinic_id, provider_id):
            # Somebody of the staff: their membership before any course, like everywhere.
            staff_stop(number, actor=actor, now=now)
        found = ContactDetails.objects.filter(clinic_id=clinic_id, text_number=number)
        patients = sorted(found.values_list("patient_id", flat=True)) if number else []
        # Courses before what belongs to them, like everywhere.
        courses = lock_courses(actor=actor, patient_id__in=patients) if patients else []
        locked = list(
            ContactDetails.objects.select_for_update()
            .filter(clinic_id=clinic_id, patient_id__in=patients)
            .order_by("pk")
        )
        _row, new = ReceivedText.objects.get_or_create(
            clinic_id=clinic_id,
            provider_id=provider_id,
            defaults={
                "patient_id": patients[0] if patients else None,
                "word": word.value if word else "",
                "text": "" if word else body,
                "received_at": now,
            },
        )
        if not new or not locked:
            return word
        if word is TextWord.STOP:
            _stop(actor=actor, locked=locked, courses=courses, now=now)
        elif word is TextWord.START:
            _start(actor=actor, locked=locked, now=now)
        elif word is TextWord.HELP:
            _answer(details=locked[0], word=word, now=now)
        else:
            _for_a_person(actor=actor, courses=courses, provider_id=provider_id, now=now)
        for course in courses:
            refresh_course(course=course, now=now)
    return word


def _known(clinic_id: int, provider_id: str) -> bool:
    return ReceivedText.objects.filter(clinic_id=clinic_id, provider_id=provider_id).exists()


def _stop(
    *, actor: Actor, locked: Sequence[ContactDetails], courses: Sequence[Course], now: datetime
) -> None:
    last = {course.patient_id: course.pk for course in courses}
    stopped = [
        details
        for details in locked
        if stop_channel(
            actor=actor,
            details=details,
            channel=Channel.TEXT,
            source=ContactChoice.Source.TEXT,
            now=now,
            course_id=last.get(details.patient_id),
        )
    ]
    if stopped:
        _answer(details=stopped[0], word=TextWord.STOP, now=now)


def _start(*, actor: Actor, locked: Sequence[ContactDetails], now: datetime) -> None:
    """Takes a stop back. Who never agreed to texts, or said no to staff since, does not agree by this."""
    started = []
    for details in locked:
        if details.text_stopped_at is None or not details.text_allowed:
            continue
        before = standing(details)
        details.text_stopped_at = None
        details.save(update_fields=["text_stopped_at"])
        note_choices(actor=actor, details=details, before=before, source=ContactChoice.Source.TEXT, now=now)
        record_event(actor=actor, verb="texts_started", subject=details, occurred_at=now, now=now)
        started.append(details)
    if started:
        _answer(details=started[0], word=TextWord.START, now=now)


def _answer(*, details: ContactDetails, word: TextWord, now: datetime) -> None:
    outbox.plan(
        specs=[
            outbox.MessageSpec(
                clinic_id=details.clinic_id,
                purpose=PURPOSE,
                subject_key=f"patient:{details.patient_id}",
                rule_code=word.value,
                target_at=now,
                channel=Channel.TEXT,
                data={"patient": details.patient_id, "word": word.value},
                send_at=now,
                not_after=now + OF_USE,
            )
        ],
        now=now,
    )


def _for_a_person(*, actor: Actor, courses: Sequence[Course], provider_id: str, now: datetime) -> None:
    """Nobody answers a text by machine whose words may be a cry for help."""
    course = next((one for one in reversed(courses) if one.status in OPEN_STATUSES), None) or (
        courses[-1] if courses else None
    )
    if course is None:
        return
    open_task(
        actor=actor,
        course=course,
        kind=TaskKind.TEXT_CAME,
        subject=f"text:{provider_id}",
        act_by=now + READ_WITHIN,
        now=now,
        owner_role="therapist",
        cover_role="coordinator",
    )


# --- sending the answer -------------------------------------------------------------------------------------


def answer_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why it says something that is not so any more."""
    stopped_at = dict(
        ContactDetails.objects.filter(
            patient_id__in=[message.data["patient"] for message in messages]
        ).values_list("patient_id", "text_stopped_at")
    )
    return {
        message.pk: None
        if message.data["word"] == TextWord.HELP
        or (message.data["word"] == TextWord.STOP) == (stopped_at.get(message.data["patient"]) is not None)
        else "changed_their_mind"
        for message in messages
    }


def render_answer(message: Message, now: datetime) -> RenderedText:
    details = ContactDetails.objects.select_related("patient").get(
        clinic_id=message.clinic_id, patient_id=message.data["patient"]
    )
    clinic = Clinic.objects.get(pk=message.clinic_id)
    _language, words = words_for(clinic.pk, details.patient.language)
    wording = words[KINDS[TextWord(message.data["word"])], "text"]
    text = for_texting(fill(wording, {"sender": clinic.sender_name, "phone": clinic.phone}).text)
    refuse_telling(text)
    return texted(clinic=clinic, details=details, message=message, text=text)


def answer_undeliverable(message: Message | MessageLog, reason: str, now: datetime) -> None:
    """The provider keeps its own list: whoever is on it gets no texts, whatever they have written to us."""
    if reason.endswith(OPTED_OUT):
        stopped_at_the_provider(
            clinic_id=message.clinic_id, patient_id=message.data["patient"], channel=message.channel, now=now
        )


def register_text_answers() -> None:
    """Quiet hours do not hold them back: the patient has just written."""
    outbox.register(
        PURPOSE,
        still_wanted=answer_still_wanted,
        render=render_answer,
        on_undeliverable=answer_undeliverable,
        respects_quiet_hours=False,
    )
