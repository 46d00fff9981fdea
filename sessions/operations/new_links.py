"""An old link asks for a new one. It goes to the address or number on record, by the patient's own way, and
nowhere else; whoever asks learns nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import acting
from clinic.adapters.mail import RenderedMail
from clinic.adapters.text import OPTED_OUT
from clinic.models import Channel, Message, MessageLog
from clinic.operations.events import record_event
from clinic.outbox import Rendered
from clinic.own_words import speaking
from clinic.permissions import Permission, require
from clinic.rules.text_length import text_length
from protocols.queries import own_words_of
from sessions.models import Course, CourseRequirement, Patient, PatientLink, SessionBooking
from sessions.models.bookings import LIVE_BOOKINGS
from sessions.models.courses import OPEN_STATUSES
from sessions.models.patients import LinkPurpose
from sessions.operations.answering import actor_of
from sessions.operations.reaching import stopped_at_the_provider
from sessions.operations.rendering import link_address, refuse_telling, texted
from sessions.permissions import subject_of
from sessions.queries.links import answered_before, link_of
from sessions.queries.ways import how_of, how_to_reach
from sessions.queries.wording import Words, words_for
from sessions.rules.reaching import TEXT, HowToReach, way_for, why_not
from sessions.rules.requirements import WAITING, Status
from sessions.rules.wording import fill, for_texting
from sessions.rules.wording_shipped import Kind

PURPOSE = "new_link"
# As which of a patient's wishes it counts by which way they may be written to about it.
ASKED_AS = {
    LinkPurpose.VISIT: "visit_reminder",
    LinkPurpose.CHECK_IN: "check_in",
    LinkPurpose.QUESTIONNAIRE: "questionnaire",
}
# Whoever holds an old link can make us write to the patient: seldom enough to be no nuisance.
LEAST_APART = timedelta(minutes=10)
MOST_A_DAY = 3
OF_USE = timedelta(hours=1)  # after that, who asked has called or gone


def ask_for_new_link(*, token: str, now: datetime) -> None:
    """Send the patient a link to what the old one was about, or else to their next visit, if there is either,
    if a way to them is open for that, and if they did not ask just before. Says nothing of which it was.
    Raises NotFound for a token never issued."""
    link = link_of(token)
    actor = actor_of(link, now=now)
    with acting(actor):
        require(actor, Permission.ANSWER_LINK, subject_of(link.course))
        # The patient's row: two links pressed at once count as two.
        Patient.objects.select_for_update(no_key=True).get(pk=link.patient_id)
        opens = _opens(link, now=now)
        if opens is None or _asked_enough(link, now=now):
            return
        purpose, key = opens
        channel = _way(how_to_reach(link.course), purpose)
        if channel is None:
            return
        outbox.plan(
            specs=[
                outbox.MessageSpec(
                    clinic_id=link.clinic_id,
                    purpose=PURPOSE,
                    subject_key=_subject_key(link.course_id),
                    target_at=now,
                    channel=channel,
                    data={"course": link.course_id, "link": purpose.value, "key": key},
                    send_at=now,
                    not_after=now + OF_USE,
                )
            ],
            now=now,
        )
        record_event(
            actor=actor,
            verb="new_link_asked",
            subject=link,
            course_id=link.course_id,
            occurred_at=now,
            now=now,
        )


def _way(how: HowToReach | None, purpose: LinkPurpose) -> str | None:
    """Their own; to a telephone that others see no text brings a link."""
    shared = {TEXT} if how is not None and how.shared_phone else set()
    return way_for(how, ASKED_AS[purpose], failed=shared)[0]


def _subject_key(course_id: int) -> str:
    return f"course:{course_id}"


def _opens(link: PatientLink, *, now: datetime) -> tuple[LinkPurpose, str] | None:
    """(what for, requirement) of the new link; None when nothing is left to open."""
    if link.purpose != LinkPurpose.VISIT and not answered_before(link) and _asked(link.course, link.key):
        return LinkPurpose(link.purpose), link.key
    visits = SessionBooking.objects.filter(
        course_id=link.course_id, status__in=LIVE_BOOKINGS, starts_at__gt=now
    ).order_by("starts_at")
    # The visit of the old link, wherever it was moved to, before one that merely comes sooner.
    key = next(iter(sorted(visits.values_list("key", flat=True), key=lambda key: key != link.key)), None)
    return None if key is None else (LinkPurpose.VISIT, key)


def _asked(course: Course, key: str) -> bool:
    """Whether the form may be answered: what was missed is better answered late than never, and the record
    says that it was late. After the end of the course, only what is still asked."""
    statuses = [*WAITING, Status.MISSED] if course.status in OPEN_STATUSES else [*WAITING]
    return CourseRequirement.objects.filter(
        clinic_id=course.clinic_id, course_id=course.pk, key=key, status__in=statuses
    ).exists()


def _asked_enough(link: PatientLink, *, now: datetime) -> bool:
    """Of all the patient's courses together; what was asked under one entered in error was not asked."""
    courses = Course.objects.filter(clinic_id=link.clinic_id, patient_id=link.patient_id)
    of_day = Q(
        clinic_id=link.clinic_id,
        purpose=PURPOSE,
        subject_key__in=[_subject_key(pk) for pk in courses.values_list("pk", flat=True)],
        target_at__gt=now - timedelta(days=1),
    )
    asked = [
        *Message.objects.filter(of_day).values_list("target_at", flat=True),
        *MessageLog.objects.filter(of_day).values_list("target_at", flat=True),
    ]
    return len(asked) >= MOST_A_DAY or any(at > now - LEAST_APART for at in asked)


# --- sending ------------------------------------------------------------------------------------------------


def new_link_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why it may not go: that way was closed since, or the course ended."""
    courses = Course.objects.select_related("patient__contact_details", "clinic").in_bulk(
        {message.data["course"] for message in messages}
    )
    return {message.pk: _unwanted(courses.get(message.data["course"]), message) for message in messages}


def _unwanted(course: Course | None, message: Message) -> str | None:
    if course is None or (course.status not in OPEN_STATUSES and not _asked(course, message.data["key"])):
        return "course_ended"
    how = how_of(getattr(course.patient, "contact_details", None), clinic=course.clinic)
    if message.channel == TEXT and how is not None and how.shared_phone:
        return "shared_phone"
    return why_not(how, message.channel, ASKED_AS[LinkPurpose(message.data["link"])])


def new_link_words(*, language: str, said: Words, words: Mapping[str, str]) -> str:
    """As a text in that language. What does not fit into one says only that there is something to open."""
    with translation.override(language):
        text = _("%(sender)s: your new link: %(link)s Questions? Call %(phone)s. Reply STOP to opt out.")
        whole = for_texting(text % words)
    if text_length(whole).fits:
        return whole
    return for_texting(fill(said[Kind.DISCREET, Channel.TEXT.value], words).text)


def render_new_link(message: Message, now: datetime) -> Rendered:
    course = Course.objects.select_related("patient__contact_details", "clinic").get(
        clinic_id=message.clinic_id, pk=message.data["course"]
    )
    clinic, details = course.clinic, course.patient.contact_details
    language, said = words_for(clinic.pk, course.patient.language)
    with (
        translation.override(language),
        speaking(own_words_of(course.protocol_version_id)),
    ):
        words = {
            "sender": clinic.sender_name,
            "link": link_address(message=message, course=course),
            "phone": clinic.phone,
        }
        if message.channel == Channel.TEXT:
            text = new_link_words(language=language, said=said, words=words)
            refuse_telling(text)
            return texted(clinic=clinic, details=details, message=message, text=text, mark=words["link"])
        subject = _("Your new link")
        text = (
            _(
                "%(sender)s: here is the new link you asked for:\n%(link)s\n\n"
                "You did not ask for it? Then you need do nothing. Questions? Call %(phone)s.\n"
            )
            % words
        )
    refuse_telling(f"{subject}\n{text}")
    return RenderedMail(to=details.email, subject=subject, text=text, sender_name=clinic.sender_name)


def new_link_undeliverable(message: Message | MessageLog, reason: str, now: datetime) -> None:
    """Nobody is told: the page that offered it gives the number to call beside it. That they had stopped all
    texts at the provider is noted."""
    if reason.endswith(OPTED_OUT):
        new_link_refused(message, reason, now)


def new_link_refused(message: Message | MessageLog, reason: str, now: datetime) -> None:
    course = Course.objects.filter(clinic_id=message.clinic_id, pk=message.data["course"]).first()
    if course is not None:
        stopped_at_the_provider(
            clinic_id=message.clinic_id, patient_id=course.patient_id, channel=message.channel, now=now
        )


def register_new_links() -> None:
    """Quiet hours do not hold it back: the patient has asked for it just now."""
    outbox.register(
        PURPOSE,
        still_wanted=new_link_still_wanted,
        render=render_new_link,
        on_undeliverable=new_link_undeliverable,
        on_refused=new_link_refused,
        respects_quiet_hours=False,
    )
