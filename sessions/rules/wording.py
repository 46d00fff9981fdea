"""The words of the messages to patients: which places they have, how those are filled, and how they fit
into a text. A clinic's own words take the place of those shipped.

Nothing here names a treatment, a clinic's speciality, a kind of visit or a person: whoever sees the screen
learns that somebody has an appointment somewhere.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clinic.rules.text_length import text_length
from sessions.rules.wording_shipped import MAILS, TEXTS, Kind

_PLACE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    text: str
    subject: str = ""  # of a mail


SHIPPED: dict[tuple[Kind, str, str], Wording] = {
    **{(kind, "text", language): Wording(text=text) for language, kind, text in TEXTS},
    **{
        (kind, "email", language): Wording(subject=subject, text=text)
        for language, kind, subject, text in MAILS
    },
}
LANGUAGES = ("en", "es", "de", "fr")
# Complete, and read by whoever chose the product; the others are drafts until a clinician has read them.
APPROVED_AS_SHIPPED = frozenset({"en"})
DAY_FORMATS = {"en": "D j M", "es": "D j M", "de": "D j. M", "fr": "D j M"}
LONG_DAY_FORMATS = {"en": "l j F", "es": r"l j \d\e F", "de": "l, j. F", "fr": "l j F"}


DAY_MONTH_FORMATS = {"en": "j F", "es": r"j \d\e F", "de": "j. F", "fr": "j F"}


def placeholders_of(wording: Wording) -> frozenset[str]:
    return frozenset(_PLACE.findall(wording.subject + wording.text))


def fill(wording: Wording, values: Mapping[str, str]) -> Wording:
    """The words with their places filled. A place nobody knows stays empty: half a message is better than
    none."""

    def filled(words: str) -> str:
        return _PLACE.sub(lambda place: values.get(place[1], ""), words)

    return Wording(text=filled(wording.text), subject=filled(wording.subject))


_STRAIGHT = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-"}
)


def for_texting(words: str) -> str:
    """The same in the alphabet of a text message: straight quotes, and the bare letter where only the accent
    is foreign to it. A weekday's accent must not halve what fits."""
    plain = words.translate(_STRAIGHT)
    return "".join(one if text_length(one).gsm else unicodedata.normalize("NFKD", one)[0] for one in plain)


_OF_PURPOSE = {
    "visit_reminder": Kind.VISIT,
    "check_in": Kind.CHECK_IN,
    "questionnaire": Kind.FORM,
    "practice": Kind.PRACTICE,
}


def kind_for(purpose: str, channel: str, *, days_before: int, discreet: bool, shared_phone: bool) -> Kind:
    """Which of the messages it is: the less the patient wants others to see, the less it says."""
    if channel == "text" and (shared_phone or (discreet and purpose == "missed_visit")):
        return Kind.CALL_US
    if purpose == "missed_visit":
        return Kind.MISSED
    if discreet:
        return Kind.DISCREET
    kind = _OF_PURPOSE[purpose]
    return Kind.VISIT_TOMORROW if (kind, channel, days_before) == (Kind.VISIT, "text", 1) else kind


def digest_of(wordings: Mapping[tuple[Kind, str], Wording], pages: Sequence[tuple[str, str]] = ()) -> str:
    """What somebody who approved these words has approved, `pages` (English, said) with them: any change
    makes another."""
    said = "\n".join(
        [
            *(
                f"{kind}|{channel}|{wording.subject}|{wording.text}"
                for (kind, channel), wording in sorted(wordings.items())
            ),
            *(f"{english}|{words}" for english, words in pages),
        ]
    )
    return hashlib.sha256(said.encode()).hexdigest()


def shipped_in(language: str) -> dict[tuple[Kind, str], Wording]:
    return {(kind, channel): one for (kind, channel, said), one in SHIPPED.items() if said == language}
