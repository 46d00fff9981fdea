"""How to reach a patient, as they told staff: addresses, what they agreed to for which purpose, in which
order, and how discreetly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete
from clinic.languages import NAMES
from clinic.operations.events import record_event
from clinic.permissions import Permission
from clinic.rules.telephone import text_number
from sessions.models import ContactDetails, Course, Patient
from sessions.operations.on_course import on_courses_of_patient
from sessions.operations.reaching import Source, note_choices, standing
from sessions.queries.ways import number_noted_wrong
from sessions.rules.reaching import CHANNELS, PHONE, PURPOSES


def change_contact_details(
    *,
    actor: Actor,
    patient_id: UUID,
    email: str,
    phone: str,
    email_allowed: bool,
    now: datetime,
    text_allowed: bool | None = None,
    declined: Collection[str] | None = None,
    channel_order: Sequence[str] | None = None,
    discreet: bool | None = None,
    shared_phone: bool | None = None,
    language: str | None = None,
    confirmed: frozenset[str] = frozenset(),
) -> ContactDetails:
    """How to reach the patient and in which language, as they told staff; None leaves a thing as it is.
    Allowing a channel again lifts an earlier stop, once `mail-again` or `texts-again` is confirmed: a form
    opened before the patient pressed stop must not undo it. So does `number-right` of a number that a call
    found to be wrong."""
    with on_courses_of_patient(
        actor=actor, patient_id=patient_id, permission=Permission.EDIT_PATIENT, now=now
    ) as courses:
        details = ContactDetails.objects.select_for_update().get(
            clinic_id=actor.clinic_id, patient__public_id=patient_id
        )
        before = standing(details)
        wrong = text_number(phone) == text_number(details.phone) and number_noted_wrong(details)
        given = {
            "email": email.strip(),
            "phone": phone.strip(),
            "text_number": text_number(phone),
            "email_allowed": email_allowed,
            "text_allowed": text_allowed,
            "declined": None if declined is None else sorted(declined),
            "channel_order": None if channel_order is None else list(channel_order),
            "discreet": discreet,
            "shared_phone": shared_phone,
        }
        for name, value in given.items():
            if value is not None:
                setattr(details, name, value)
        problems = dead_ends(details)
        if language is not None and language not in {*NAMES, courses[0].patient.language}:
            problems["language"] = [_("Choose from the list.")]
        if problems:
            raise BadInput(_("Some fields need another look."), fields=problems)
        if wrong and not details.text_allowed:
            details.text_number = ""
        _lift_stops(details, wrong_number=wrong and details.text_allowed, confirmed=confirmed)
        details.save()
        note_choices(actor=actor, details=details, before=before, source=Source.STAFF, now=now)
        record_event(
            actor=actor,
            verb="contact_details_changed",
            subject=details,
            course_id=courses[-1].pk,
            occurred_at=now,
            now=now,
            data=_now_written_in(courses, language),
        )
        return details


def _now_written_in(courses: Sequence[Course], language: str | None) -> dict[str, str]:
    """Set the patient's language. What the event says of it: nothing when it is as it was."""
    patient = courses[0].patient
    if language is None or language == patient.language:
        return {}
    Patient.objects.filter(pk=patient.pk).update(language=language)
    for course in courses:  # each is looked at again with what it has loaded
        course.patient.language = language
    return {"language": language}


def dead_ends(details: ContactDetails) -> dict[str, list[str]]:
    """What is wrong with the ways that are allowed, by field."""
    problems: dict[str, list[str]] = {}
    if details.email_allowed and "@" not in details.email:
        problems["email"] = [_("Enter the address that mail may be sent to.")]
    if details.text_allowed and not details.text_number:
        problems["phone"] = [_("For texts, write the number with its country code, e.g. +1 202 555 0123.")]
    known = {f"{channel}:{purpose}" for channel in CHANNELS for purpose in PURPOSES}
    if set(details.declined) - known:
        problems["declined"] = [_("Choose from the list.")]
    order = details.channel_order
    if set(order) - {*CHANNELS, PHONE} or len(set(order)) != len(order):
        problems["channel_order"] = [_("Choose from the list.")]
    return problems


def _lift_stops(details: ContactDetails, *, wrong_number: bool, confirmed: frozenset[str]) -> None:
    asked = []
    if wrong_number and "number-right" not in confirmed:
        asked.append(("number-right", _("A call found that this number is somebody else’s.")))
    for field, allowed, code, words in (
        ("email_stopped_at", details.email_allowed, "mail-again", _("The patient stopped all mail.")),
        ("text_stopped_at", details.text_allowed, "texts-again", _("The patient stopped all texts.")),
    ):
        if not allowed or getattr(details, field) is None:
            continue
        if code in confirmed:
            setattr(details, field, None)
        else:
            asked.append((code, words))
    if asked:
        raise Incomplete(
            " ".join(words for _code, words in asked),
            code="confirm-needed",
            advice=_("Confirm it if the patient has told you so since."),
            data={"confirm": [code for code, _words in asked], "words": [words for _code, words in asked]},
        )
