"""What a link asks of whoever opens it before it shows what names somebody or tells of their care: which ways
are open, how many tries are left, and whether it was shown already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from clinic.models import MessageLog, MessageState
from clinic.rules.codes import CODES_WITHIN
from protocols.rules.instruments import Instrument
from sessions.models import PatientLink, StepUpCode, StepUpTry
from sessions.queries.ways import changed_since, how_of
from sessions.rules.discretion import tells
from sessions.rules.reaching import channels_for_a_code, ways_through_the_step
from sessions.rules.step_up import (
    CAME_BACK_FOR,
    CODE_PURPOSE,
    LINKS_OF_TRIES,
    READS_FOR,
    SENDS_FOR,
    TRIES_WITHIN,
    proof_age,
    wants_step_up,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    wanted: bool  # what the link asks stands behind it
    reads: bool  # it was shown, a short while ago: the page may be read
    sends: bool  # it was shown: what was begun may be sent
    locked: bool
    tries_left: int
    ways: Sequence[str]  # open ones; none: only a person can help
    channel: str  # by which a code would go
    came_back: bool  # the last one that went that way did not arrive: it is not among the ways
    code_sent: bool  # one is on its way, or there

    @property
    def may_read(self) -> bool:
        return self.reads or not self.wanted

    @property
    def may_send(self) -> bool:
        return self.sends or not self.wanted


def step_up_of(link: PatientLink, instrument: Instrument | None, *, proof: str = "", now: datetime) -> StepUp:
    """How things stand. Raises nothing and changes nothing."""
    age = proof_age(proof, secret=settings.SECRET_KEY, subject=subject_of_proof(link), now=now)
    left = tries_left(link, now=now)
    channel = second_channel(link)
    back = came_back(link, channel, now=now)
    return StepUp(
        wanted=wants_step_up(purpose=link.purpose, telling=instrument is not None and tells(instrument)),
        reads=age is not None and age <= READS_FOR,
        sends=age is not None and age <= SENDS_FOR,
        locked=left <= 0,
        tries_left=left,
        ways=ways_open(link, code=bool(channel) and not back),
        channel=channel,
        came_back=back,
        code_sent=bool(channel) and live_codes(link, now=now) != [],
    )


def subject_of_proof(link: PatientLink) -> str:
    """A proof is of one link, and of the word as it was: a new word ends what the old one opened."""
    changed = link.patient.contact_details.word_set_at
    return f"{link.public_id}:{changed.timestamp() if changed else ''}"


def ways_open(link: PatientLink, *, code: bool) -> tuple[str, ...]:
    """Those the clinic allows and this patient can go; `code`: one could reach them."""
    return ways_through_the_step(how_of(link.patient.contact_details, clinic=link.clinic), code=code)


def came_back(link: PatientLink, channel: str, *, now: datetime) -> bool:
    """Whether the last code that went to this patient that way, from whichever link, did not arrive, and
    nobody has changed how they are reached since."""
    last = (
        StepUpCode.objects.filter(
            clinic_id=link.clinic_id,
            link__patient_id=link.patient_id,
            channel=channel,
            asked_at__gt=now - CAME_BACK_FOR,
        )
        .order_by("-asked_at")
        .first()
    )
    return (
        last is not None
        and MessageLog.objects.filter(
            clinic_id=link.clinic_id,
            purpose=CODE_PURPOSE,
            subject_key=f"link:{last.link_id}",
            target_at=last.asked_at,
            channel=channel,
            state=MessageState.FAILED,
        ).exists()
        and not changed_since(link.patient.contact_details, last.asked_at)
    )


def second_channel(link: PatientLink) -> str:
    """By which a code goes: not the way the link came. "" when no other is open."""
    open_ones = channels_for_a_code(how_of(link.patient.contact_details, clinic=link.clinic))
    return next((one for one in open_ones if one != link.channel), "")


def live_codes(link: PatientLink, *, now: datetime) -> list[StepUpCode]:
    """Asked for, not expired, not used."""
    return list(StepUpCode.objects.filter(link=link, expires_at__gt=now, tries__isnull=True))


def codes_asked(link: PatientLink, *, now: datetime) -> list[datetime]:
    return list(
        StepUpCode.objects.filter(link=link, asked_at__gt=now - CODES_WITHIN).values_list(
            "asked_at", flat=True
        )
    )


def tries_left(link: PatientLink, *, now: datetime) -> int:
    """Of this link, and of all links of the patient together. A new word gives new tries: a person has talked
    to them."""
    most, anew = link.clinic.step_up_tries, link.patient.contact_details.word_set_at
    wrong = StepUpTry.objects.filter(clinic_id=link.clinic_id, patient_id=link.patient_id, right=False)
    if anew is not None:
        wrong = wrong.filter(tried_at__gt=anew)
    of_link = wrong.filter(link=link).count()
    of_day = wrong.filter(tried_at__gt=now - TRIES_WITHIN).count()
    return max(0, min(most - of_link, most * LINKS_OF_TRIES - of_day))
