"""What a message to a patient may not say, and what each must: asked when a clinic writes its own words and
again at the moment of sending. Whoever reads over a shoulder must not learn what kind of care somebody
gets. Pure.

The lists err on the side of refusing: a clinic that needs one of these words in a text needs another text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from clinic.rules.text_length import text_length
from protocols.rules.instruments import Instrument
from sessions.rules.wording import Wording, fill, for_texting, placeholders_of
from sessions.rules.wording_shipped import Kind

# Beginnings of words, bare of accents: substances, diagnoses, kinds of care, kinds of visit; English,
# Spanish, German, French. Those of five letters and more are also found within a word
# (Gesprächstherapie).
STEMS: Mapping[str, Sequence[str]] = {
    "substance": (
        *("mdma", "ecstasy", "molly", "midomafet", "psilocyb", "psilocib", "psilocin", "mushroom", "shroom"),
        *("lsd", "lyserg", "ketamin", "spravato", "ayahuasca", "dmt", "iboga", "ibogain", "mescalin"),
        *("peyot", "psychedel", "psicodel", "psyched", "entheogen", "enteogen", "hallucin", "alucin"),
        *("halluzin", "drug", "droga", "droge", "drogue", "substanc", "sustanci", "substanz", "dose"),
        *("dosing", "dosage", "dosis", "dosier", "medicat", "medicament", "medikament", "arznei", "microdos"),
        *("champignon", "hongo", "setas", "pilz", "cannabi", "opioid", "naltrex", "methadon", "trip"),
    ),
    "diagnosis": (
        *("ptsd", "tept", "ptbs", "trauma", "depress", "depres", "anxi", "ansied", "angoiss", "angst"),
        *("addict", "adicc", "sucht", "dependan", "alcohol", "alkohol", "suicid", "suizid", "selbstmord"),
        *("bipolar", "psychos", "psicos", "schizo", "esquizo", "disorder", "trastorno", "storung"),
        *("diagnos", "symptom", "sintoma", "cancer", "krebs", "hiv", "sida"),
    ),
    "care": (
        *("therap", "terap", "psych", "psiqu", "psicolog", "mental", "counsel", "clinic", "klinik"),
        *("cliniq", "hospital", "hopital", "krankenhaus", "patient", "pacient", "treatment", "tratamient"),
        *("traitement", "behandl", "rehab", "detox", "medicine", "medicina", "doctor", "medecin", "arzt"),
    ),
    "visit": (
        *("session", "sesion", "seance", "sitzung", "integrat", "integrac", "preparat", "preparac"),
        *("vorbereit", "screening", "experience", "ceremon", "journey"),
    ),
}
_URL = re.compile(r"https?://\S+")
_CANCEL = re.compile(r"\b(reply|answer|text|send|responda|antwort\w*|r[eé]pondez)\W+cancel", re.IGNORECASE)
# What each kind cannot do without.
_NEEDED: Mapping[Kind, frozenset[str]] = {
    Kind.VISIT: frozenset({"sender", "day", "time", "link"}),
    Kind.VISIT_TOMORROW: frozenset({"sender", "time", "link"}),
    Kind.CHECK_IN: frozenset({"sender", "link"}),
    Kind.FORM: frozenset({"sender", "link"}),
    Kind.MISSED: frozenset({"sender", "phone"}),
    Kind.PRACTICE: frozenset({"sender", "phone"}),
    Kind.DISCREET: frozenset({"sender", "link"}),
    Kind.CALL_US: frozenset({"sender", "phone"}),
    Kind.STOPPED: frozenset({"sender", "phone"}),
    Kind.STARTED: frozenset({"sender", "phone"}),
    Kind.HELP: frozenset({"sender", "phone"}),
}
_ALLOWED = frozenset({"sender", "day", "time", "link", "phone"})
_NO_LINK = frozenset({Kind.CALL_US, Kind.MISSED, Kind.PRACTICE, Kind.STOPPED, Kind.STARTED, Kind.HELP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    code: str
    found: str = ""  # what was found, e.g. the word


def telling_words(text: str) -> tuple[Finding, ...]:
    """The words that would tell what kind of care this is. Addresses of pages are not read: they are ours."""
    plain = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", _URL.sub(" ", text)).casefold()
        if not unicodedata.combining(letter)
    )
    found: dict[str, str] = {}
    for word in re.findall(r"[^\W\d_]+", plain):
        for code, stems in STEMS.items():
            if any(word.startswith(stem) or (len(stem) >= 5 and stem in word) for stem in stems):
                found.setdefault(word, code)
    return tuple(Finding(code=code, found=word) for word, code in found.items())


def findings(kind: Kind, channel: str, wording: Wording, *, sample: dict[str, str]) -> tuple[Finding, ...]:
    """Everything that stands against these words. `sample` fills the places with the longest that the
    clinic will put there."""
    places = placeholders_of(wording)
    found = [Finding(code="unknown_place", found=one) for one in sorted(places - _ALLOWED)]
    needed = _NEEDED[kind]
    found += [Finding(code="missing_place", found=one) for one in sorted(needed - places)]
    if kind in _NO_LINK and "link" in places:
        found.append(Finding(code="no_link_here"))
    filled = fill(wording, sample)
    found += telling_words(f"{filled.subject}\n{filled.text}")
    if _CANCEL.search(filled.text):
        # "Cancel" is one of the words that stop all texts: it would not cancel a visit.
        found.append(Finding(code="asks_for_cancel"))
    if channel == "text":
        wanted = "START" if kind is Kind.STOPPED else "STOP"
        if not re.search(rf"\b{wanted}\b", filled.text):
            found.append(Finding(code="no_way_out", found=wanted))
        counted = text_length(for_texting(filled.text))
        if not counted.gsm:
            found.append(Finding(code="foreign_letters", found=" ".join(counted.foreign)))
        elif not counted.fits:
            found.append(Finding(code="too_long", found=str(counted.units)))
    elif not filled.subject.strip():
        found.append(Finding(code="no_subject"))
    return tuple(found)


def tells(instrument: Instrument) -> bool:
    """Whether the words of a form, in any language, tell what kind of care it belongs to."""
    return _tell("\n".join(_words_of(instrument)))


@lru_cache(maxsize=256)
def _tell(words: str) -> bool:
    return bool(telling_words(words))


def _words_of(instrument: Instrument) -> Iterator[str]:
    yield from instrument.instructions.values()
    for item in instrument.items:
        yield from item.words.values()
        for option in item.options:
            yield from option.words.values()
