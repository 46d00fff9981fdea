"""The words of a message as it leaves: made at the moment of sending from what is true then, neutral by
construction: the sender's neutral name, a day, a time, a link and a phone number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse

from clinic import outbox
from clinic.adapters.mail import Attachment, RenderedMail
from clinic.adapters.text import RenderedText
from clinic.errors import NotFound
from clinic.models import Channel, Clinic, Message
from clinic.outbox import Rendered, Undeliverable
from clinic.rules.text_length import text_length
from clinic.rules.wall_time import day_of
from sessions.models import ContactDetails, Course, PatientLink, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.patients import LinkPurpose
from sessions.operations.calendar_file import calendar_file
from sessions.queries.links import link_of
from sessions.queries.wording import language_in_use, words_for, written
from sessions.rules.discretion import WITHOUT_LINK, telling_words
from sessions.rules.tokens import token_for, token_hash
from sessions.rules.wording import kind_for
from sessions.rules.wording_shipped import Kind


def render(message: Message, now: datetime) -> Rendered:
    """The same link every time it is rendered."""
    course = _course_of(message)
    patient, clinic = course.patient, course.clinic
    details, zone = patient.contact_details, ZoneInfo(patient.zone)
    kind = kind_for(
        message.purpose,
        message.channel,
        days_before=(day_of(message.target_at, zone) - day_of(now, zone)).days,
        discreet=details.discreet,
        shared_phone=details.shared_phone,
    )
    link = "" if kind in WITHOUT_LINK else link_address(message=message, course=course)
    language, words = words_for(clinic.pk, patient.language)
    wording = written(
        words,
        language=language,
        kind=kind,
        channel=message.channel,
        clinic=clinic,
        zone=zone,
        target_at=message.target_at,
        link=link,
    )
    refuse_telling(f"{wording.subject}\n{wording.text}")
    if message.channel == Channel.TEXT:
        return texted(clinic=clinic, details=details, message=message, text=wording.text, mark=link)
    return RenderedMail(
        to=details.email,
        subject=wording.subject,
        text=wording.text,
        sender_name=clinic.sender_name,
        attachments=_calendar(message, course, language=language, link=link),
    )


BETWEEN = "\n\n* * *\n\n"


def render_together(messages: Sequence[Message], now: datetime) -> Rendered | None:
    """Several messages to one patient as one: a mail says everything each would have said; a text says that
    there is something to open, with the link of each, or None when that does not fit into one."""
    each = [render(message, now) for message in messages]
    mails = [one for one in each if isinstance(one, RenderedMail)]
    if len(mails) == len(each):
        return _one_mail(messages[0], mails)
    texts = [one for one in each if isinstance(one, RenderedText)]
    words = {one.text for one in texts}
    if len(words) == 1:  # each asks for the same: to call
        return texts[0]
    course = _course_of(messages[0])
    language, said = words_for(course.clinic_id, course.patient.language)
    wording = written(
        said,
        language=language,
        kind=Kind.DISCREET,
        channel=Channel.TEXT,
        clinic=course.clinic,
        zone=ZoneInfo(course.patient.zone),
        target_at=messages[0].target_at,
        link=" ".join(one.mark for one in texts),
    )
    if not all(one.mark for one in texts) or not text_length(wording.text).fits:
        return None
    refuse_telling(wording.text)
    return replace(texts[0], text=wording.text)


def _one_mail(first: Message, mails: Sequence[RenderedMail]) -> RenderedMail:
    subjects = {one.subject for one in mails}
    subject = mails[0].subject
    if len(subjects) > 1:
        course = _course_of(first)
        subject = words_for(course.clinic_id, course.patient.language)[1][
            Kind.DISCREET, Channel.EMAIL
        ].subject
    return replace(
        mails[0],
        subject=subject,
        text=BETWEEN.join(_parts_said_once(mails)) + "\n",
        attachments=tuple(attached for one in mails for attached in one.attachments),
    )


def _parts_said_once(mails: Sequence[RenderedMail]) -> list[str]:
    """What each says, and at the end what all of them say: how to get no more mail."""
    *before, last = (one.text.strip().split("\n\n") for one in mails)
    return [
        *("\n\n".join(part for part in parts if part not in last) for parts in before),
        "\n\n".join(last),
    ]


def _course_of(message: Message) -> Course:
    return Course.objects.select_related("patient__contact_details", "clinic").get(
        clinic_id=message.clinic_id, pk=message.course_id or 0
    )


def _calendar(message: Message, course: Course, *, language: str, link: str) -> tuple[Attachment, ...]:
    """Of a visit, its entry for the patient's calendar. Where messages say only that there is something to
    open, it is on the page behind the link."""
    if message.purpose != "visit_reminder" or course.patient.contact_details.discreet:
        return ()
    return (
        calendar_of_visit(
            course,
            message.data["key"],
            starts_at=message.target_at,
            language=language,
            link=link,
            now=message.send_at,
        ),
    )


def calendar_of_visit(
    course: Course, key: str, *, starts_at: datetime, language: str, link: str, now: datetime
) -> Attachment:
    """The same entry, from whichever mail or page it was taken."""
    booked = SessionBooking.objects.filter(clinic_id=course.clinic_id, course=course, key=key).count()
    return calendar_file(
        course_id=course.public_id,
        key=key,
        sequence=max(booked - 1, 0),
        starts_at=starts_at,
        zone=ZoneInfo(course.patient.zone),
        language=language,
        phone=course.clinic.phone,
        link=link,
        now=now,
    )


def calendar_from_link(*, token: str, now: datetime) -> Attachment:
    """The entry of the visit that a link is about: neutral, as what came by mail. Raises NotFound for a link
    of no visit, and for a visit that is none any more."""
    link = link_of(token)
    if link.purpose != LinkPurpose.VISIT or link.booking is None or link.booking.status not in LIVE_BOOKINGS:
        raise NotFound()
    return calendar_of_visit(
        link.course,
        link.key,
        starts_at=link.booking.starts_at,
        language=language_in_use(link.clinic_id, link.patient.language),
        link=settings.SITE_URL + reverse("sessions:patient_link", kwargs={"token": token}),
        now=now,
    )


def refuse_telling(text: str) -> None:
    """Asked once more of what really goes out: a sender's name entered since may tell what a wording did
    not."""
    if telling_words(text):
        raise Undeliverable("indiscreet")


def texted(
    *, clinic: Clinic, details: ContactDetails, message: Message, text: str, mark: str = ""
) -> RenderedText:
    """A text on its way to the patient's number. Raises Undeliverable for one that is no single text any
    more: an address of ours made longer since may not fit where every wording did when it was saved."""
    if not text_length(text).fits:
        raise Undeliverable("too_long")
    return outbox.text_to(details.text_number, clinic=clinic, message=message, text=text, mark=mark)


LINK_LIFE = timedelta(hours=24)  # after the moment the link is about, as long as anybody could still use it
LINK_PURPOSES = {
    "visit_reminder": LinkPurpose.VISIT,
    "practice": LinkPurpose.VISIT,
    "check_in": LinkPurpose.CHECK_IN,
    "questionnaire": LinkPurpose.QUESTIONNAIRE,
}


def link_address(*, message: Message, course: Course) -> str:
    """The address of the message's page, its link made on first use."""
    token = token_for(secret=settings.SECRET_KEY, subject=str(message.public_id))
    key = message.data["key"]
    booking = SessionBooking.objects.filter(course=course, key=key, status__in=LIVE_BOOKINGS).first()
    PatientLink.objects.get_or_create(
        token_hash=token_hash(token),
        defaults={
            "clinic_id": course.clinic_id,
            "patient_id": course.patient_id,
            "course": course,
            "purpose": message.data.get("link") or LINK_PURPOSES[message.purpose].value,
            "key": key,
            "booking": booking,
            "channel": message.channel,
            "made_at": message.send_at,
            "expires_at": max(
                message.target_at,
                message.not_after,
                message.send_at,
                *([booking.starts_at] if booking is not None else []),
            )
            + LINK_LIFE,
        },
    )
    return settings.SITE_URL + reverse("sessions:patient_link", kwargs={"token": token})
