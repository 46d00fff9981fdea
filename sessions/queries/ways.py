"""By which way each message of a course goes: what is on record of the patient, and what was tried before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from clinic.models import Clinic, Event, Message, MessageLog, MessageState
from clinic.queries import texts_possible
from clinic.rules.telephone import text_number
from protocols.queries import forms_sent
from protocols.rules.definition import LadderRule, ProtocolDefinition, ReminderRule
from protocols.rules.instruments import Instrument
from sessions.models import ContactDetails, Course
from sessions.rules.discretion import tells
from sessions.rules.reaching import EMAIL, TEXT, HowToReach, can_step_up, way_for, why_not
from sessions.rules.reminders import ReminderDue, ReminderIdentity
from sessions.rules.step_up import wants_step_up

NO_TEXT = "no_item_text"  # the form has no words here: nothing to show to a patient
NO_STEP = "no_way_through_the_step"  # it stands behind a step that this patient cannot take
FOR_A_PERSON = frozenset({NO_TEXT, NO_STEP})
"""A link would lead to a form that stays shut: somebody of the clinic asks it instead."""


def subject_key(course_id: int, key: str) -> str:
    return f"course:{course_id}:{key}"


def how_of(details: ContactDetails | None, *, clinic: Clinic) -> HowToReach | None:
    """What is on record, as the rules read it."""
    if details is None:
        return None
    return HowToReach(
        email=details.email,
        text_number=details.text_number,
        email_allowed=details.email_allowed,
        text_allowed=details.text_allowed,
        email_stopped_at=details.email_stopped_at,
        text_stopped_at=details.text_stopped_at,
        declined=details.declined,
        order=tuple(details.channel_order),
        shared_phone=details.shared_phone,
        texts_possible=texts_possible(clinic),
        steps=tuple(clinic.step_up_ways),
        has_word=bool(details.word_hash),
    )


def stopped_ways(details: ContactDetails) -> list[tuple[str, datetime]]:
    """(channel, since when) of what the patient stopped."""
    found = ((TEXT, details.text_stopped_at), (EMAIL, details.email_stopped_at))
    return [(channel, at) for channel, at in found if at is not None]


def changed_since(details: ContactDetails, at: datetime) -> bool:
    """Whether somebody has said anew how the patient is reached."""
    return _noted(details, "contact_details_changed").filter(occurred_at__gt=at).exists()


NUMBER_WAS_WRONG = "number_was_wrong"


def number_noted_wrong(details: ContactDetails) -> bool:
    """Whether a call found that the number on record is somebody else's, and nobody has said otherwise
    since: it gets no texts."""
    return (
        not details.text_number
        and text_number(details.phone) != ""
        and _noted(details, NUMBER_WAS_WRONG).exists()
    )


def _noted(details: ContactDetails, verb: str) -> QuerySet[Event]:
    return Event.objects.filter(
        clinic_id=details.clinic_id, subject_type="contactdetails", subject_id=details.pk, verb=verb
    )


def how_to_reach(course: Course) -> HowToReach | None:
    details = ContactDetails.objects.filter(patient_id=course.patient_id).first()
    return how_of(details, clinic=course.clinic)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWays:
    """By which channel one message went, or is being given away; which failed."""

    gone: str = ""
    failed: frozenset[str] = frozenset()
    at: datetime | None = None  # when it went


Target = tuple[str, str, str, int, datetime]


def past_ways(course: Course) -> dict[Target, PastWays]:
    """What was tried of each message of a course so far. Two queries."""
    of_course = Q(clinic_id=course.clinic_id, course_id=course.pk)
    columns = ("subject_key", "purpose", "rule_code", "occurrence", "target_at", "channel", "state")
    rows = [
        *MessageLog.objects.filter(of_course)
        .exclude(state=MessageState.CANCELLED.value)
        .values_list(*columns, "finished_at"),
        # May have gone: no other way is tried before that is known.
        *Message.objects.filter(of_course)
        .filter(Q(state=MessageState.UNCERTAIN.value) | Q(intent_at__isnull=False))
        .values_list(*columns, "send_at"),
    ]
    found: dict[Target, PastWays] = {}
    for *target, channel, state, at in rows:
        past = found.get(tuple(target), PastWays())
        if state == MessageState.FAILED.value:
            found[tuple(target)] = replace(past, failed=past.failed | {channel})
        else:
            went_at = None if state == MessageState.EXPIRED.value else at
            found[tuple(target)] = replace(past, gone=channel, at=went_at)
    return found


def went_out(course: Course, past: Mapping[Target, PastWays]) -> dict[ReminderIdentity, datetime]:
    """What went out of a course, and when."""
    before = subject_key(course.pk, "")
    return {
        (subject.removeprefix(before), rule_code, target_at): ways.at
        for (subject, _purpose, rule_code, _occurrence, target_at), ways in past.items()
        if ways.at is not None
    }


Forms = Mapping[str, Instrument]
"""Rule → the form that it sends, as this patient reads it."""


def forms_of(course: Course, definition: ProtocolDefinition, *, language: str) -> Forms:
    """As who is written to in that language reads them. No query in English where the product ships all
    wordings, else one."""
    return {rule.code: one for rule, one in forms_sent(course.clinic_id, definition, language)}


def only_english(definition: ProtocolDefinition, forms: Forms, *, language: str) -> frozenset[str]:
    """Reminders, and steps of ladders, by their codes, of forms that a patient who is written to in that
    language gets in English."""
    here = {code for code, one in forms.items() if one.has_text and one.language != language}
    steps = {
        f"{rule.code}.{step.code}"
        for rule in definition.rules
        if isinstance(rule, LadderRule) and rule.of in here
        for step in rule.steps
    }
    return frozenset(steps) | {one.code for one in definition.reminders if one.rule in here}


def shut_forms(definition: ProtocolDefinition, forms: Forms, how: HowToReach | None) -> Mapping[str, str]:
    """Reminders, and steps of ladders, by their codes, whose link would open no form: with why. The clinic
    has not loaded its wording in a language of the patient's, or took it back since; or it stands behind the
    step, and this patient has no way through."""
    stays_shut = not can_step_up(how)
    found: dict[str, str] = {}
    first: dict[str, str] = {}  # a ladder's messages are those of the first reminder of what it is of
    for reminder in definition.reminders:
        form = forms.get(reminder.rule)
        if form is not None and not form.has_text:
            why = NO_TEXT
        elif stays_shut and _behind_the_step(form, reminder):
            why = NO_STEP
        else:
            why = ""
        first.setdefault(reminder.rule, why)
        if why:
            found[reminder.code] = why
    for rule in definition.rules:
        if isinstance(rule, LadderRule) and first.get(rule.of):
            found |= {f"{rule.code}.{step.code}": first[rule.of] for step in rule.steps}
    return found


def _behind_the_step(form: Instrument | None, reminder: ReminderRule) -> bool:
    sure, perhaps = (wants_step_up(purpose=reminder.purpose, telling=told) for told in (False, True))
    return sure or (perhaps and form is not None and tells(form))


def way_of(
    course_id: int,
    one: ReminderDue,
    how: HowToReach | None,
    past: Mapping[Target, PastWays],
    *,
    shut: Mapping[str, str],
) -> tuple[str | None, str]:
    """(channel, "") by which it goes, or went; (None, why) when no way is open. `shut`: see `shut_forms`."""
    target = (
        *(subject_key(course_id, one.key), one.purpose, one.rule_code),
        *(one.occurrence, one.target_at),
    )
    before = past.get(target, PastWays())
    if before.gone:
        reason = why_not(how, before.gone, one.purpose)
        return (before.gone, "") if reason is None else (None, reason)
    if shut.get(one.rule_code) == NO_TEXT:
        return None, NO_TEXT
    failed = before.failed
    if one.another_way:
        subject = subject_key(course_id, one.key)
        failed |= {ways.gone for (about, *_), ways in past.items() if about == subject and ways.gone}
    channel, why = way_for(how, one.purpose, preferred=one.by, failed=failed)
    # Where no way is open at all, that is the reason; else why the link would be of no use.
    return (None, shut[one.rule_code]) if channel and one.rule_code in shut else (channel, why)
