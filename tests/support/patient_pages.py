"""Every page a patient can come to from a link, each with what leads there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from django.db.models import Max

from clinic.models import Channel, Clinic, MessageLog, MessageState
from clinic.rules.codes import CODE_LIFE
from sessions.models import Course, Patient, PatientLink, SessionBooking, StepUpCode
from sessions.operations.booking import book_session, cancel_booking
from sessions.operations.step_up import set_word
from sessions.operations.wording import approve_language
from sessions.queries.wording import digest_in, words_in
from sessions.rules.step_up import CODE_PURPOSE
from sessions.rules.tokens import token_hash
from tests.support.cast import assess, calm_answers, days
from tests.support.clinic_day import ClinicDay

WORD = "blue heron"
FRAME = "clinic/patient_base.html"
_PROJECT = Path(__file__).parents[2]
_FOLDERS = [_PROJECT / "clinic/templates", _PROJECT / "sessions/templates", _PROJECT / "protocols/templates"]
_NAMED = re.compile(r"""{%\s*(?:extends|include)\s+["']([^"']+)["']""")


def _templates() -> dict[str, Path]:
    """Name → file, of every template of the product."""
    return {
        path.relative_to(folder).as_posix(): path for folder in _FOLDERS for path in folder.rglob("*.html")
    }


def _named_in(path: Path) -> set[str]:
    return {*_NAMED.findall(path.read_text(encoding="utf-8"))}


def page_templates() -> set[str]:
    """The templates of patients' pages: all that stand in their frame."""
    return {name for name, path in _templates().items() if FRAME in _named_in(path)}


def templates_shown() -> dict[str, Path]:
    """Those, their frame, and whatever stands in them."""
    known, found, waiting = _templates(), {}, {FRAME, *page_templates()}
    while waiting:
        name = waiting.pop()
        found[name] = known[name]
        waiting |= _named_in(known[name]) - found.keys()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Visited:
    """A page of a patient: opened, or come to by pressing a button (`sent`)."""

    name: str
    path: str
    sent: Mapping[str, str] | None = None
    status: int = 200
    clinical: bool = False  # stands behind the step: it may tell of the care


def link(
    course: Course,
    name: str,
    *,
    purpose: str,
    key: str,
    day: ClinicDay,
    booking: SessionBooking | None = None,
    expired: bool = False,
    channel: str = "text",
) -> str:
    """A link of that name; its address. By text, so that a code goes by mail."""
    token = hashlib.sha256(name.encode()).hexdigest()[:22]
    made_at = day.now - (days(9) if expired else timedelta(0))
    PatientLink.objects.create(
        clinic=day.cast.clinic,
        patient=course.patient,
        course=course,
        purpose=purpose,
        key=key,
        booking=booking,
        channel=channel,
        token_hash=token_hash(token),
        made_at=made_at,
        expires_at=made_at + days(5),
    )
    return f"/p/{quote(token)}/"


def code_that_came_back(course: Course, *, path: str, at: datetime) -> None:
    """A code was mailed to whoever holds the link of that address, and did not arrive."""
    of_link = PatientLink.objects.get(token_hash=token_hash(path.split("/")[2]))
    code = StepUpCode.objects.create(
        clinic=course.clinic, link=of_link, channel=Channel.EMAIL, asked_at=at, expires_at=at + CODE_LIFE
    )
    MessageLog.objects.create(
        id=MessageLog.objects.aggregate(last=Max("id", default=0))["last"] + 1_000_000,
        clinic=course.clinic,
        purpose=CODE_PURPOSE,
        subject_key=f"link:{of_link.pk}",
        target_at=at,
        channel=Channel.EMAIL,
        data={"code": code.pk},
        local_at=at.replace(tzinfo=None),
        zone="UTC",
        send_at=at,
        not_after=code.expires_at,
        state=MessageState.FAILED,
        planned_at=at,
        finished_at=at,
        reason="bounced",
    )


def visit(
    day: ClinicDay, course: Course, *, key: str = "integration.2@dosing.1", hour: int = 15
) -> SessionBooking:
    return book_session(
        actor=day.cast.actor("eve", at=day.now),
        course_id=course.public_id,
        key=key,
        starts_at=(day.now + days(2)).replace(hour=hour, minute=0, second=0, microsecond=0),
        confirmed=frozenset({"outside-window"}),
        now=day.now,
    )


def speak(day: ClinicDay, language: str) -> None:
    """Every patient of the day is written to in that language: a clinician has approved it."""
    if language == "en":
        return
    Patient.objects.update(language=language)
    digest = digest_in(language, words_in(day.cast.clinic.pk, language))
    approve_language(actor=day.cast.actor("dov", at=day.now), language=language, digest=digest, now=day.now)


def every_page(day: ClinicDay) -> list[Visited]:
    """In the order in which they must be visited: what is sent changes what comes after."""
    eve, now = day.cast.actor("eve", at=day.now), day.now
    late, dosing, new = day.late, day.dosing, day.new
    # Its own name tells of the care, as a clinic's may: patients' pages have the neutral one.
    Clinic.objects.filter(pk=day.cast.clinic.pk).update(
        name="Alder Psychotherapy",
        step_up_ways=["code", "word", "birth_date"],
        shows_plan=True,
        shows_scores=True,
    )
    for weeks in (2, 1):
        at = now - days(7 * weeks)
        assess(day.cast, late, now=at, key="pcl5.baseline", instrument="pcl5", by="patient")
    set_word(actor=eve, patient_id=late.patient.public_id, word=WORD, now=now - timedelta(minutes=1))
    booking = visit(day, late)
    of_visit = link(late, "visit", purpose="visit", key=booking.key, booking=booking, day=day)
    cancelled = visit(day, late, key="integration.3@dosing.1", hour=18)
    of_gone = link(late, "gone", purpose="visit", key=cancelled.key, booking=cancelled, day=day)
    cancel_booking(actor=eve, booking_id=cancelled.public_id, reason="moved away", now=now)
    check_in = link(late, "check-in", purpose="check_in", key="check_in@dosing.1", day=day)
    worried = link(dosing, "worried", purpose="check_in", key="check_in@dosing.1", day=day)
    form = link(late, "form", purpose="questionnaire", key="pcl5.baseline", day=day)
    expired = link(late, "expired", purpose="questionnaire", key="pcl5.baseline", day=day, expired=True)
    closed = link(new, "no way", purpose="questionnaire", key="pcl5.baseline", day=day, channel="email")
    no_code = link(new, "came back", purpose="questionnaire", key="pcl5.baseline", day=day)
    code_that_came_back(new, path=no_code, at=now - timedelta(minutes=5))
    calm = {f"item-{code}": str(value) for code, value in calm_answers("day_after_check_in")}
    wrong = {"way": "word", "word": "green heron"}
    return [
        Visited(name="visit", path=of_visit),
        Visited(name="visit-change", path=f"{of_visit}change/"),
        Visited(
            name="visit-time-taken",
            path=f"{of_visit}change/",
            sent={"starts_at": "2027-01-01T10:00:00+00:00"},
            status=409,
        ),
        Visited(name="visit-change-asked", path=f"{of_visit}change/", sent={}),
        Visited(name="visit-confirmed", path=f"{of_visit}confirm/", sent={}),
        Visited(name="visit-gone", path=of_gone, status=410),
        Visited(name="nowhere", path=f"{of_visit}nowhere/", status=404),
        Visited(name="stop", path=f"{of_visit}stop/"),
        Visited(name="concern", path=f"{of_visit}concern/"),
        Visited(name="concern-empty", path=f"{of_visit}concern/", sent={"text": ""}),
        Visited(name="concern-raised", path=f"{of_visit}concern/", sent={"text": "Nobody calls me back."}),
        Visited(name="check-in", path=check_in),
        Visited(name="check-in-empty", path=check_in, sent={"item-safe": ""}),
        Visited(name="check-in-thanks", path=check_in, sent=calm),
        Visited(name="check-in-again", path=check_in, sent=calm, status=409),
        Visited(name="check-in-again-worried", path=check_in, sent={**calm, "item-safe": "0"}, status=409),
        Visited(name="call-asked", path=f"{worried}call/", sent={}),
        Visited(name="check-in-worried", path=worried, sent={**calm, "item-safe": "0"}),
        Visited(name="step", path=form),
        Visited(name="step-code-sent", path=f"{form}code/", sent={}),
        Visited(name="step-wrong", path=f"{form}step/", sent=wrong, status=400),
        Visited(
            name="step-no-date",
            path=f"{form}step/",
            sent={"way": "birth_date", "day": "31", "month": "2", "year": "1988"},
            status=400,
        ),
        Visited(name="step-code-came-back", path=no_code),
        Visited(name="form", path=f"{form}step/", sent={"way": "word", "word": WORD}, clinical=True),
        Visited(name="plan", path=f"{form}plan/"),
        Visited(name="plan-step", path=f"{of_visit}plan/"),
        Visited(name="expired", path=expired, status=410),
        Visited(name="new-link", path=f"{expired}again/", sent={}),
        *(
            Visited(name=f"locked-{count}", path=f"{closed}step/", sent=_born(count), status=400)
            for count in range(1, 5)
        ),
        Visited(name="locked", path=f"{closed}step/", sent=_born(5), status=403),
        Visited(name="stopped", path=f"{of_visit}stop/", sent={}),
        Visited(name="unknown", path="/p/NotALinkOfOurs00/", status=404),
    ]


def _born(day: int) -> dict[str, str]:
    return {"way": "birth_date", "day": str(day + 10), "month": "1", "year": "1950"}
