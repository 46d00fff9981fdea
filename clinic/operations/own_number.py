"""Where a clinic texts somebody who works there: a number is theirs once a code that went to it came back.
They change it alone; an administrator may take it away, with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import Actor, acting
from clinic.adapters.text import RenderedText
from clinic.errors import BadInput, NotFound, NotNow
from clinic.models import Channel, Clinic, Membership, Message, NumberCode
from clinic.operations.events import record_event, said_why
from clinic.permissions import HouseSubject, Permission, require
from clinic.queries import texts_possible
from clinic.rules.codes import CODE_LIFE, CODES_WITHIN, code_for, code_matches, may_ask_again
from clinic.rules.telephone import text_number

PURPOSE = "own_number_code"
MOST_TRIES = 5  # at one code: a guess of six digits then succeeds once in 200,000


def ask_for_code(*, actor: Actor, number: str, now: datetime) -> NumberCode:
    """Send a code to the number. Until it comes back nothing changes: an older number stays in force."""
    with acting(actor):
        mine = _own(actor)
        clinic = Clinic.objects.get(pk=actor.clinic_id)
        if not texts_possible(clinic):
            raise NotNow(_("This clinic sends no texts."), code="no-texts-here")
        written = text_number(number)
        if not written:
            raise BadInput(fields={"number": [_("Write it with its country code, e.g. +1 202 555 0123.")]})
        asked = NumberCode.objects.filter(membership=mine, asked_at__gt=now - CODES_WITHIN)
        times = list(asked.values_list("asked_at", flat=True))
        if not may_ask_again(times, now=now):
            raise NotNow(
                _("A code is on its way already."),
                code="code-on-its-way",
                advice=_("Wait a minute before you ask for another; three in an hour are the most."),
            )
        code = NumberCode.objects.create(
            clinic_id=actor.clinic_id,
            membership=mine,
            number=written,
            asked_at=now,
            expires_at=now + CODE_LIFE,
        )
        outbox.plan(
            specs=[
                outbox.MessageSpec(
                    clinic_id=actor.clinic_id,
                    purpose=PURPOSE,
                    subject_key=f"member:{mine.pk}",
                    target_at=now,
                    channel=Channel.TEXT,
                    data={"code": code.pk},
                    send_at=now,
                    not_after=code.expires_at,
                )
            ],
            now=now,
        )
        _tell(actor, "number_code_sent", mine, now=now)
        return code


def confirm_number(*, actor: Actor, given: str, now: datetime) -> bool:
    """Whether it was the code that went out last: the number is theirs then. A wrong one counts. Raises
    NotNow when there is none to try."""
    with acting(actor):
        mine = _own(actor)
        code = (
            NumberCode.objects.select_for_update()
            .filter(membership=mine)
            .order_by("-asked_at", "-pk")
            .first()
        )
        if code is None or _spent(code, now):
            raise NotNow(
                _("That code is too old, or was tried too often."),
                code="no-code",
                advice=_("Ask for a new one."),
            )
        subject = str(code.public_id)
        if code_matches(secret=settings.SECRET_KEY, subjects=[subject], given=given) is None:
            code.wrong_tries += 1
            code.save(update_fields=["wrong_tries"])
            return False
        code.used_at = now
        code.save(update_fields=["used_at"])
        mine.text_number, mine.text_number_confirmed_at = code.number, now
        mine.save(update_fields=["text_number", "text_number_confirmed_at"])
        _tell(actor, "text_number_confirmed", mine, now=now)
        return True


def choose_texts(*, actor: Actor, concerns: bool, now: datetime) -> Membership:
    """What comes by text instead of mail. What is about safety always comes by both."""
    with acting(actor):
        mine = _own(actor)
        if mine.texts_for_concerns != concerns:
            mine.texts_for_concerns = concerns
            mine.save(update_fields=["texts_for_concerns"])
            _tell(actor, "texts_chosen", mine, now=now, data={"concerns": concerns})
        return mine


def remove_number(*, actor: Actor, now: datetime) -> Membership:
    """No more texts to oneself."""
    with acting(actor):
        mine = _own(actor)
        _without(actor, mine, verb="text_number_removed", now=now)
        return mine


def take_number_away(*, actor: Actor, membership_id: int, now: datetime, reason: str) -> Membership:
    """For a colleague whose telephone is lost or somebody else's. They confirm a new one themselves."""
    with acting(actor):
        require(actor, Permission.MANAGE_PEOPLE, HouseSubject(clinic_id=actor.clinic_id))
        theirs = _locked(actor, pk=membership_id)
        _without(actor, theirs, verb="text_number_taken_away", now=now, reason=said_why(reason))
        return theirs


def stop_texts_to(number: str, *, actor: Actor, now: datetime) -> list[Membership]:
    """Whoever answers STOP gets no more, staff too; they confirm the number anew when they want texts. Whose
    number it was."""
    theirs = Membership.objects.filter(clinic_id=actor.clinic_id, text_number=number).values_list(
        "pk", flat=True
    )
    with acting(actor):
        members = [_locked(actor, pk=membership_id) for membership_id in (sorted(theirs) if number else ())]
        return [one for one in members if _without(actor, one, verb="text_number_stopped", now=now)]


def _without(actor: Actor, member: Membership, *, verb: str, now: datetime, reason: str = "") -> bool:
    """Whether there was one."""
    # What is on its way to a number that is to be theirs must not confirm it afterwards.
    NumberCode.objects.filter(membership=member, used_at__isnull=True, expires_at__gt=now).update(
        wrong_tries=MOST_TRIES
    )
    if not member.text_number:
        return False
    member.text_number, member.text_number_confirmed_at = "", None
    member.save(update_fields=["text_number", "text_number_confirmed_at"])
    _tell(actor, verb, member, now=now, reason=reason)
    return True


def _own(actor: Actor) -> Membership:
    require(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
    return _locked(actor, person_id=actor.person)


def _locked(actor: Actor, **by: int) -> Membership:
    found = (
        Membership.objects.select_for_update(no_key=True, of=("self",))
        .filter(clinic_id=actor.clinic_id, **by)
        .first()
    )
    if found is None:
        raise NotFound()
    return found


def _spent(code: NumberCode, now: datetime) -> bool:
    return code.used_at is not None or code.expires_at <= now or code.wrong_tries >= MOST_TRIES


def _tell(
    actor: Actor,
    verb: str,
    member: Membership,
    *,
    now: datetime,
    reason: str = "",
    data: Mapping[str, bool] | None = None,
) -> None:
    record_event(
        actor=actor, verb=verb, subject=member, occurred_at=now, now=now, reason=reason, data=data or {}
    )


# --- sending the code ---------------------------------------------------------------------------------------


def code_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why it would be of no use any more."""
    codes = NumberCode.objects.in_bulk({message.data["code"] for message in messages})
    return {
        message.pk: "already_settled"
        if (code := codes.get(message.data["code"])) is None or _spent(code, now)
        else None
        for message in messages
    }


def render_code(message: Message, now: datetime) -> RenderedText:
    code = NumberCode.objects.get(clinic_id=message.clinic_id, pk=message.data["code"])
    clinic = Clinic.objects.get(pk=message.clinic_id)
    text = _("%(sender)s: your code is %(code)s. It works for %(minutes)d minutes. Keep it to yourself.") % {
        "sender": clinic.sender_name,
        "code": code_for(secret=settings.SECRET_KEY, subject=str(code.public_id)),
        "minutes": CODE_LIFE.total_seconds() // 60,
    }
    return outbox.text_to(code.number, clinic=clinic, message=message, text=text)


def register_number_codes() -> None:
    """Quiet hours do not hold it back: whoever asked is waiting for it."""
    outbox.register(PURPOSE, still_wanted=code_still_wanted, render=render_code, respects_quiet_hours=False)
