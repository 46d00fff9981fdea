"""A clinic writes its own words for its messages, and a clinician approves a language by name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic
from clinic.operations.changes import look_again
from clinic.operations.events import record_change, record_event
from clinic.permissions import HouseSubject, Permission, require
from clinic.rules.codes import DIGITS
from sessions.models import MessageWording, WordingApproval
from sessions.operations.step_up_codes import code_words
from sessions.queries.wording import digest_in, sample_of, words_in
from sessions.rules.discretion import (
    NOT_ONE_TEXT,
    WITHOUT_LINK,
    Finding,
    does_not_fit,
    findings,
    telling_words,
)
from sessions.rules.wording import APPROVED_AS_SHIPPED, LANGUAGES, Wording, shipped_in
from sessions.rules.wording_shipped import Kind


def write_wording(
    *,
    actor: Actor,
    kind: str,
    channel: str,
    language: str,
    text: str,
    now: datetime,
    subject: str = "",
    reason: str,
    public_id: UUID | None = None,
) -> MessageWording:
    """The clinic's own words from now on. Raises BadInput with everything that stands against them: what
    tells of the care, what is missing, what does not fit."""
    with acting(actor):
        require(actor, Permission.MANAGE_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
        clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        if language not in LANGUAGES or (kind, channel) not in shipped_in(language):
            raise NotFound()
        public_id = public_id or uuid7()
        wording = Wording(text=text.replace("\r\n", "\n").strip(), subject=subject.strip())
        first = MessageWording.objects.filter(clinic=clinic, public_id=public_id).first()
        if first is not None:
            if (first.kind, first.channel, first.language, first.text) != (
                *(kind, channel, language, wording.text),
            ):
                raise Incomplete(_("This id was already used for other words."), code="id-reused")
            return first
        against = findings(Kind(kind), channel, wording, sample=sample_of(clinic, language))
        if against:
            raise BadInput(
                _("These words can’t be sent."), fields={"text": [finding_words(one) for one in against]}
            )
        row = MessageWording.objects.create(
            clinic=clinic,
            public_id=public_id,
            kind=kind,
            channel=channel,
            language=language,
            subject=wording.subject,
            text=wording.text,
            written_by_id=actor.person,
            written_at=now,
        )
        record_change(
            actor=actor,
            verb="wording_written",
            subject=row,
            now=now,
            data={"kind": kind, "channel": channel, "language": language},
            reason=reason,
        )
        if language not in APPROVED_AS_SHIPPED:
            look_again(clinic_id=clinic.pk, now=now)  # the language is off until it is approved anew
        return row


def approve_language(*, actor: Actor, language: str, digest: str, now: datetime) -> WordingApproval:
    """A clinician has read every message and page of that language. `digest` is of what they read: if
    somebody has changed a word since, NotNow."""
    with acting(actor):
        require(actor, Permission.CONFIRM_FIGURES, HouseSubject(clinic_id=actor.clinic_id))
        if language not in LANGUAGES or language in APPROVED_AS_SHIPPED:
            raise NotFound()
        clinic = Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
        words = words_in(clinic.pk, language)
        if digest != digest_in(language, words):
            raise NotNow(
                _("Somebody has changed one of these sentences since."),
                code="wording-changed",
                advice=_("Read them again, then approve them."),
            )
        row, new = WordingApproval.objects.get_or_create(
            clinic=clinic,
            language=language,
            digest=digest,
            defaults={"approved_by_id": actor.person, "approved_at": now},
        )
        if new:
            record_event(
                actor=actor,
                verb="language_approved",
                subject=row,
                occurred_at=now,
                now=now,
                data={"language": language},
            )
            # Who may answer which form is another thing from now on.
            look_again(clinic_id=clinic.pk, now=now)
        return row


def objections(clinic: Clinic, changed: Collection[str]) -> dict[str, list[str]]:
    """What stands against the name and the number that a clinic would put into its messages."""
    if "sender_name" in changed and (telling := telling_words(clinic.sender_name)):
        return {"sender_name": [finding_words(one) for one in telling]}
    if not clinic.text_sender or not {"sender_name", "phone", "text_sender"} & set(changed):
        return {}
    # A text with a link says less where it would not fit; these are what is left then, and a code.
    against = [
        finding
        for language in LANGUAGES
        for finding in does_not_fit(
            code_words(channel="text", sender=clinic.sender_name, digits="0" * DIGITS, language=language)
        )
    ]
    against += [
        finding
        for language in LANGUAGES
        for (kind, channel), wording in words_in(clinic.pk, language).items()
        if channel == "text" and kind in {*WITHOUT_LINK, Kind.DISCREET}
        for finding in findings(kind, channel, wording, sample=sample_of(clinic, language))
        if finding.code in NOT_ONE_TEXT
    ]
    if not against:
        return {}
    worst = max(against, key=lambda one: (one.code == "foreign_letters", one.found.zfill(4)))
    field = "phone" if "phone" in changed and "sender_name" not in changed else "sender_name"
    return {field: [finding_words(worst)]}


def finding_words(finding: Finding) -> str:
    """Why words can't be sent, for whoever wrote them."""
    said = {
        "substance": _("“%(found)s” names a substance."),
        "diagnosis": _("“%(found)s” tells of an illness."),
        "care": _("“%(found)s” tells what kind of care this is."),
        "visit": _("“%(found)s” tells what kind of visit it is."),
        "unknown_place": _("{%(found)s} is not a place we can fill."),
        "missing_place": _("{%(found)s} is missing."),
        "no_link_here": _("This message has no link to give."),
        "own_address": _("%(found)s: an address of its own. {link} is the only one that patients are sent."),
        "asks_to_stop": _("An answer of %(found)s stops all texts. Let them use the link instead."),
        "no_way_out": _("It must say that an answer of %(found)s is understood."),
        "foreign_letters": _("%(found)s: not in the alphabet of text messages, so that only 70 letters fit."),
        "too_long": _("%(found)s characters with its places filled; 160 fit into one text."),
        "no_subject": _("The mail has no subject."),
    }
    return said[finding.code] % {"found": finding.found}
