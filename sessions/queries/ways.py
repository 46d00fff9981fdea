"""By which way each message of a course goes: what is on record of the patient, and what was tried before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from clinic.models import Clinic, Message, MessageLog, MessageState
from clinic.queries import texts_possible
from protocols.queries import forms_without_text
from protocols.rules.definition import LadderRule, ProtocolDefinition
from sessions.models import ContactDetails, Course
from sessions.rules.reaching import HowToReach, way_for, why_not
from sessions.rules.reminders import ReminderDue

NO_TEXT = "no_item_text"  # the form has no words here: nothing to show to a patient


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
    )


def how_to_reach(course: Course) -> HowToReach | None:
    details = ContactDetails.objects.filter(patient_id=course.patient_id).first()
    return how_of(details, clinic=course.clinic)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWays:
    """By which channel one message went, or is being given away; which failed."""

    gone: str = ""
    failed: frozenset[str] = frozenset()


Target = tuple[str, str, str, int, datetime]


def past_ways(course: Course) -> dict[Target, PastWays]:
    """What was tried of each message of a course so far. Two queries."""
    of_course = Q(clinic_id=course.clinic_id, course_id=course.pk)
    columns = ("subject_key", "purpose", "rule_code", "occurrence", "target_at", "channel", "state")
    rows = [
        *MessageLog.objects.filter(of_course)
        .exclude(state=MessageState.CANCELLED.value)
        .values_list(*columns),
        # May have gone: no other way is tried before that is known.
        *Message.objects.filter(of_course)
        .filter(Q(state=MessageState.UNCERTAIN.value) | Q(intent_at__isnull=False))
        .values_list(*columns),
    ]
    found: dict[Target, PastWays] = {}
    for *target, channel, state in rows:
        past = found.get(tuple(target), PastWays())
        found[tuple(target)] = (
            replace(past, failed=past.failed | {channel})
            if state == MessageState.FAILED.value
            else replace(past, gone=channel)
        )
    return found


def wordless(course: Course, definition: ProtocolDefinition) -> frozenset[str]:
    """The reminders (by their codes) that would send the patient a form whose wording the clinic has not
    loaded, or took back since. No query where the product ships all of them."""
    forms = {rule.code for rule, _instrument in forms_without_text(course.clinic_id, definition)}
    steps = {
        f"{rule.code}.{step.code}"
        for rule in definition.rules
        if isinstance(rule, LadderRule) and rule.of in forms
        for step in rule.steps
    }
    return frozenset(steps) | frozenset(
        reminder.code for reminder in definition.reminders if reminder.rule in forms
    )


def way_of(
    course_id: int,
    one: ReminderDue,
    how: HowToReach | None,
    past: Mapping[Target, PastWays],
    *,
    wordless: Collection[str],
) -> tuple[str | None, str]:
    """(channel, "") by which it goes, or went; (None, why) when no way is open. `wordless`: see there."""
    target = (
        *(subject_key(course_id, one.key), one.purpose, one.rule_code),
        *(one.occurrence, one.target_at),
    )
    before = past.get(target, PastWays())
    if before.gone:
        reason = why_not(how, before.gone, one.purpose)
        return (before.gone, "") if reason is None else (None, reason)
    if one.rule_code in wordless:
        return None, NO_TEXT
    failed = before.failed
    if one.another_way:
        subject = subject_key(course_id, one.key)
        failed |= {ways.gone for (about, *_), ways in past.items() if about == subject and ways.gone}
    return way_for(how, one.purpose, preferred=one.by, failed=failed)
