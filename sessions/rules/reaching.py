"""By which way a patient may be reached about what, and in which order the ways are tried. Pure; sends
nothing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sessions.rules.step_up import CODE_PURPOSE, Way

EMAIL, TEXT, PHONE = "email", "text", "phone"
CHANNELS = (TEXT, EMAIL)
# What a patient is asked about separately: visits, how they are, forms.
PURPOSES = ("visit_reminder", "check_in", "questionnaire")
_ASKED_AS = {"missed_visit": "visit_reminder", "practice": "visit_reminder"}
# A form opened from a telephone that others hold shows them that somebody asks; a code on it proves nothing.
NOT_ON_A_SHARED_PHONE = frozenset({"check_in", "questionnaire", "step_up_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HowToReach:
    """What is on record of one patient."""

    email: str = ""
    text_number: str = ""
    email_allowed: bool = False
    text_allowed: bool = False
    email_stopped_at: datetime | None = None
    text_stopped_at: datetime | None = None
    declined: Collection[str] = ()
    order: tuple[str, ...] = ()
    shared_phone: bool = False
    texts_possible: bool = True  # the clinic has a number and a provider
    steps: Collection[str] = ()  # by what the clinic lets patients show that it is them
    has_word: bool = False  # they chose one


def why_not(how: HowToReach | None, channel: str, purpose: str) -> str | None:
    """The reason why this may not go that way, or None."""
    if how is None:
        return "no_address"
    if channel == EMAIL:
        if not how.email:
            return "no_address"
        if how.email_stopped_at is not None:
            return "stopped_by_patient"
        if not how.email_allowed:
            return "no_consent_to_mail"
    elif channel == TEXT:
        if not how.text_number:
            return "no_number"
        if how.text_stopped_at is not None:
            return "stopped_by_patient"
        if not how.text_allowed:
            return "no_consent_to_texts"
        if not how.texts_possible:
            return "no_texts_here"
        if how.shared_phone and purpose in NOT_ON_A_SHARED_PHONE:
            return "shared_phone"
    else:
        return "a_person_rings"
    asked = _ASKED_AS.get(purpose, purpose)
    return "declined_for_this" if f"{channel}:{asked}" in how.declined else None


def channels_for_a_code(how: HowToReach | None) -> tuple[str, ...]:
    return tuple(one for one in CHANNELS if why_not(how, one, CODE_PURPOSE) is None)


def ways_through_the_step(how: HowToReach | None, *, code: bool) -> tuple[str, ...]:
    """By which of the clinic's ways this patient can show that it is them; `code`: one could reach them."""
    if how is None:
        return ()
    there = {Way.CODE.value: code, Way.WORD.value: how.has_word, Way.BIRTH_DATE.value: True}
    return tuple(way for way in there if there[way] and way in how.steps)


def can_step_up(how: HowToReach | None) -> bool:
    """Whether they could at some link. A code needs two open channels: one for the link, one for itself."""
    return bool(ways_through_the_step(how, code=len(channels_for_a_code(how)) > 1))


def order_of(how: HowToReach | None, *, preferred: str = "") -> tuple[str, ...]:
    """The ways in the order in which they are tried, ending where the patient wants to be rung. `preferred`
    is the protocol's; what the patient wants comes before it."""
    if how is not None and how.order:
        rest = tuple(one for one in CHANNELS if one not in how.order)
        ways = (*how.order, *rest)
    else:
        ways = tuple(sorted(CHANNELS, key=lambda one: one != preferred)) if preferred else CHANNELS
    return ways[: ways.index(PHONE)] if PHONE in ways else ways


def way_for(
    how: HowToReach | None, purpose: str, *, preferred: str = "", failed: Collection[str] = ()
) -> tuple[str | None, str]:
    """(channel, "") of the first way that is open and has not failed; (None, why the first way is closed)
    when there is none."""
    reason = ""
    for channel in order_of(how, preferred=preferred):
        if channel in failed:
            reason = reason or "not_delivered"
            continue
        closed = why_not(how, channel, purpose)
        if closed is None:
            return channel, ""
        # That a way was never asked for says less than that one was closed.
        if not reason or reason in _NEVER_OPENED:
            reason = closed if closed not in _NEVER_OPENED or not reason else reason
    return None, reason or "a_person_rings"


def rung_instead(how: HowToReach | None, why: str) -> bool:
    """Whether a person rings about what can't be written, `why` being what `way_for` says of it: a stop or a
    closed way is of that way only, and the order the patient chose goes on to a call. What they declined to
    be asked about at all, nobody rings about either."""
    return how is not None and PHONE in how.order and why != "declined_for_this"


_NEVER_OPENED = frozenset({"no_consent_to_texts", "no_number", "no_texts_here"})
