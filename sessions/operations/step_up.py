"""The patient shows at a link that it is them: asks for a code, tries it or what they agreed on, and is let
in or counted. A word is set with them by staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import Actor
from clinic.errors import BadInput, NotNow
from clinic.operations.events import record_event
from clinic.permissions import Permission
from clinic.rules.codes import CODE_LIFE, code_matches, may_ask_again
from sessions.models import ContactDetails, Course, PatientLink, StepUpCode, StepUpTry
from sessions.models.tasks import TaskKind
from sessions.operations.answering import actor_of
from sessions.operations.on_course import on_course, on_courses_of_patient
from sessions.operations.tasks import open_task
from sessions.queries.links import link_of
from sessions.queries.step_up import (
    came_back,
    codes_asked,
    live_codes,
    second_channel,
    subject_of_proof,
    tries_left,
    ways_open,
)
from sessions.rules.discretion import telling_words
from sessions.rules.step_up import CODE_PURPOSE, LEAST_LETTERS, Way, plain_word, proof_for

LOCKED_OUT = "locked-out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    proof: str  # for the browser; "" when it was wrong
    tries_left: int


def send_code(*, token: str, now: datetime) -> None:
    """Send a code by another way than the link came, if there is one, the clinic allows it, the last one came
    there and none was asked for just before. Says nothing of which it was. Raises NotNow for a link whose
    time is over."""
    link = _usable(token, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        link.patient.contact_details.refresh_from_db()
        channel = second_channel(link)
        asked = codes_asked(link, now=now)
        can_come = bool(channel) and not came_back(link, channel, now=now)
        if (
            Way.CODE.value not in ways_open(link, code=can_come)
            or tries_left(link, now=now) <= 0
            or not may_ask_again(asked, now=now)
        ):
            return
        code = StepUpCode.objects.create(
            clinic_id=link.clinic_id, link=link, channel=channel, asked_at=now, expires_at=now + CODE_LIFE
        )
        outbox.plan(
            specs=[
                outbox.MessageSpec(
                    clinic_id=link.clinic_id,
                    purpose=CODE_PURPOSE,
                    subject_key=f"link:{link.pk}",
                    target_at=now,
                    channel=channel,
                    data={"code": code.pk},
                    send_at=now,
                    not_after=code.expires_at,
                )
            ],
            now=now,
        )
        _tell(actor, "step_up_code_asked", code, course, now=now)


def step_up(*, token: str, way: str, given: str | date | None, now: datetime) -> Tried:
    """One try. A wrong one counts whatever becomes of the page; the last locks the link, and a person is
    asked to call. Raises NotNow for a link whose time is over or that is locked."""
    link = _usable(token, now=now)
    actor = actor_of(link, now=now)
    with on_course(
        actor=actor, course_id=link.course.public_id, permission=Permission.ANSWER_LINK, now=now
    ) as course:
        link.patient.contact_details.refresh_from_db()
        if tries_left(link, now=now) <= 0:
            raise locked_out()
        open_ways = ways_open(link, code=bool(second_channel(link)))
        if way not in open_ways and way != Way.CODE.value:
            raise BadInput(_("This way is not open."))
        code = _code(link, given, now=now) if way == Way.CODE.value else None
        right = code is not None or _right(link, way, given)
        tried = StepUpTry.objects.create(
            clinic_id=link.clinic_id,
            link=link,
            patient_id=link.patient_id,
            way=way,
            right=right,
            code=code,
            tried_at=now,
        )
        _tell(actor, "stepped_up" if right else "step_up_failed", tried, course, now=now)
        if right:
            proof = proof_for(secret=settings.SECRET_KEY, subject=subject_of_proof(link), at=now)
            return Tried(proof=proof, tries_left=tries_left(link, now=now))
        left = tries_left(link, now=now)
        if left <= 0:
            open_task(
                actor=actor,
                course=course,
                kind=TaskKind.LINK_LOCKED,
                subject=str(link.public_id),
                act_by=now + timedelta(days=1),
                now=now,
                owner_role="coordinator",
                cover_role="therapist",
                safety=False,
            )
        return Tried(proof="", tries_left=left)


def locked_out() -> NotNow:
    return NotNow(_("This page is locked."), code=LOCKED_OUT, advice=_("Please call us."))


def set_word(*, actor: Actor, patient_id: UUID, word: str, now: datetime) -> ContactDetails:
    """The word the patient chose, from now on; "" takes it away. Only its hash is kept. What an older one
    opened is closed, and tries begin anew."""
    with on_courses_of_patient(
        actor=actor, patient_id=patient_id, permission=Permission.EDIT_PATIENT, now=now
    ) as courses:
        details = (
            ContactDetails.objects.select_for_update(of=("self",))
            .select_related("patient")
            .get(clinic_id=actor.clinic_id, patient__public_id=patient_id)
        )
        plain = plain_word(word)
        if word.strip():
            _refuse_poor(plain, details)
        details.word_hash = make_password(plain) if plain else ""
        details.word_set_at = now
        details.save(update_fields=["word_hash", "word_set_at"])
        _tell(actor, "word_set" if plain else "word_taken_away", details, courses[-1], now=now)
        return details


def _refuse_poor(plain: str, details: ContactDetails) -> None:
    """Words that whoever knows the patient would try first, or that tell of their care where it is typed."""
    patient = details.patient
    known = {plain_word(one) for one in (patient.given_name, patient.family_name, patient.name, patient.code)}
    if len(plain) < LEAST_LETTERS:
        said = _("Choose a word with at least %(least)d letters.") % {"least": LEAST_LETTERS}
    elif plain in known or plain in {patient.born_on.strftime(one) for one in ("%Y", "%Y%m%d", "%d%m%Y")}:
        said = _("Choose a word that others do not know of them.")
    elif telling_words(plain):
        said = _("Choose a word that tells nothing of their care.")
    else:
        return
    raise BadInput(fields={"word": [said]})


def _usable(token: str, *, now: datetime) -> PatientLink:
    link = link_of(token)
    if link.expires_at <= now:
        raise NotNow("This link is too old.", code="link-expired")
    return link


def _code(link: PatientLink, given: str | date | None, *, now: datetime) -> StepUpCode | None:
    live = {str(one.public_id): one for one in live_codes(link, now=now)}
    subject = code_matches(secret=settings.SECRET_KEY, subjects=live, given=str(given or ""))
    return live[subject] if subject else None


def _right(link: PatientLink, way: str, given: str | date | None) -> bool:
    if way == Way.WORD.value:
        plain, kept = plain_word(str(given or "")), link.patient.contact_details.word_hash
        return bool(plain and kept) and check_password(plain, kept)
    return way == Way.BIRTH_DATE.value and given == link.patient.born_on


def _tell(
    actor: Actor,
    verb: str,
    subject: StepUpCode | StepUpTry | ContactDetails,
    course: Course,
    *,
    now: datetime,
) -> None:
    record_event(actor=actor, verb=verb, subject=subject, course_id=course.pk, occurred_at=now, now=now)
