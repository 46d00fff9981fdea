"""Which words a clinic's messages have in a language, and whether that language is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import formats, translation

from clinic.actors import Actor
from clinic.catalogs import pages_in
from clinic.models import Clinic
from clinic.permissions import HouseSubject, Permission, allows, require
from clinic.rules.text_length import ONE_TEXT, TextLength, text_length
from protocols.queries import own_questions
from sessions.models import MessageWording, WordingApproval
from sessions.rules.discretion import Finding, findings
from sessions.rules.wording import (
    APPROVED_AS_SHIPPED,
    DAY_FORMATS,
    LANGUAGES,
    LONG_DAY_FORMATS,
    Wording,
    digest_of,
    fill,
    for_texting,
    shipped_in,
)
from sessions.rules.wording_shipped import Kind

TOKEN = "A" * 22  # as long as a link's
# The longest day there is to write in the languages shipped: a Wednesday in September.
LONGEST_DAY, A_TIME = date(2026, 9, 30), time(10, 0)

_KINDS = frozenset(kind.value for kind in Kind)

Words = Mapping[tuple[Kind, str], Wording]


def words_in(clinic_id: int, language: str) -> Words:
    """Every message in that language: the clinic's own words where it has any, else those shipped."""
    own = (
        MessageWording.objects.filter(clinic_id=clinic_id, language=language)
        .order_by("kind", "channel", "-id")
        .distinct("kind", "channel")
    )
    return {
        **shipped_in(language),
        **{
            (Kind(row.kind), row.channel): Wording(text=row.text, subject=row.subject)
            for row in own
            if row.kind in _KINDS
        },
    }


def approval_of(clinic_id: int, language: str, words: Words) -> WordingApproval | None:
    return (
        WordingApproval.objects.filter(
            clinic_id=clinic_id, language=language, digest=digest_in(language, words)
        )
        .select_related("approved_by")
        .first()
    )


def digest_in(language: str, words: Words) -> str:
    """What whoever approves a language approves: its messages, the pages they lead to, and the product's own
    questions there."""
    return digest_of(words, (*pages_in(language), *own_questions(language)))


def language_in_use(clinic_id: int, language: str) -> str:
    """In which language a patient of that language reads the pages: theirs if the clinic uses it, else
    English. No query for English."""
    return language if language in LANGUAGES and in_use(clinic_id, language) else "en"


def words_for(clinic_id: int, language: str) -> tuple[str, Words]:
    """(language, words) in which a patient of that language is written to: theirs if it is in use, else
    English."""
    if language in LANGUAGES and language not in APPROVED_AS_SHIPPED:
        words = words_in(clinic_id, language)
        if approval_of(clinic_id, language, words) is not None:
            return language, words
    return "en", words_in(clinic_id, "en")


def sample_of(clinic: Clinic, language: str) -> dict[str, str]:
    """What stands in the places of this clinic's messages, at its longest."""
    with translation.override(language):
        return {
            "sender": clinic.sender_name,
            "day": formats.date_format(LONGEST_DAY, DAY_FORMATS.get(language, "D j M")),
            "time": formats.time_format(A_TIME, "H:i"),
            "phone": clinic.phone,
            "link": f"{settings.SITE_URL}/p/{TOKEN}/",
        }


def written(
    words: Words,
    *,
    language: str,
    kind: Kind,
    channel: str,
    clinic: Clinic,
    zone: ZoneInfo,
    target_at: datetime,
    link: str,
) -> Wording:
    """A message as it reads. A text that would not fit says only that there is something to open."""
    days = LONG_DAY_FORMATS if channel == "email" else DAY_FORMATS
    when = target_at.astimezone(zone)
    with translation.override(language):
        values = {
            "sender": clinic.sender_name,
            "day": formats.date_format(when, days[language]),
            "time": formats.time_format(when, "H:i"),
            "phone": clinic.phone,
            "link": link,
        }
    wording = fill(words[kind, channel], values)
    if channel == "email":
        return wording
    if link and not text_length(for_texting(wording.text)).fits:
        wording = fill(words[Kind.DISCREET, channel], values)
    return Wording(text=for_texting(wording.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingRow:
    kind: Kind
    channel: str
    wording: Wording
    own: bool
    preview: Wording  # with its places filled
    length: TextLength | None  # of a text
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingPage:
    language: str
    languages: Sequence[tuple[str, bool]]  # (language, whether it is in use)
    rows: Sequence[WordingRow]
    approved_by: str
    approved_at: datetime | None
    in_use: bool
    may_write: bool
    may_approve: bool
    digest: str  # of the words shown: what is approved
    pages: Sequence[tuple[str, str]]  # (English, said) of every sentence of the patients' pages
    questions: Sequence[tuple[str, str]]  # the same of the product's own questionnaires
    most: int = ONE_TEXT


def row_of(kind: Kind, channel: str, wording: Wording, *, own: bool, sample: dict[str, str]) -> WordingRow:
    preview = fill(wording, sample)
    if channel == "text":
        preview = Wording(text=for_texting(preview.text))
    return WordingRow(
        kind=kind,
        channel=channel,
        wording=wording,
        own=own,
        preview=preview,
        length=text_length(preview.text) if channel == "text" else None,
        findings=findings(kind, channel, wording, sample=sample),
    )


def wording_page(actor: Actor, clinic: Clinic, language: str) -> WordingPage:
    subject = HouseSubject(clinic_id=actor.clinic_id)
    require(actor, Permission.VIEW_CLINIC, subject)
    words = words_in(clinic.pk, language)
    shipped, sample = shipped_in(language), sample_of(clinic, language)
    approval = approval_of(clinic.pk, language, words)
    order = list(Kind)
    return WordingPage(
        language=language,
        languages=[(one, in_use(clinic.pk, one)) for one in LANGUAGES],
        rows=[
            row_of(kind, channel, wording, own=wording != shipped.get((kind, channel)), sample=sample)
            for (kind, channel), wording in sorted(
                words.items(), key=lambda row: (row[0][1] != "text", order.index(row[0][0]))
            )
        ],
        approved_by=approval.approved_by.printed_name if approval else "",
        approved_at=approval.approved_at if approval else None,
        in_use=language in APPROVED_AS_SHIPPED or approval is not None,
        may_write=allows(actor, Permission.MANAGE_CLINIC, subject),
        may_approve=allows(actor, Permission.CONFIRM_FIGURES, subject),
        digest=digest_in(language, words),
        pages=pages_in(language),
        questions=own_questions(language),
    )


def in_use(clinic_id: int, language: str) -> bool:
    return language in APPROVED_AS_SHIPPED or (
        approval_of(clinic_id, language, words_in(clinic_id, language)) is not None
    )
