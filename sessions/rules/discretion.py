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
from clinic.rules.text_words import TextWord, word_in
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
        *("halluzin", "empathogen", "entactogen", "entaktogen", "drug", "droga", "droge", "drogue"),
        *("substanc", "sustanci", "substanz", "dose", "dosing", "dosage", "dosaje", "dosis", "dosier"),
        *("dosific", "posolog", "overdos", "surdos", "microdos", "infusi", "injecti", "inyecc", "injekt"),
        *(
            "arznei",
            "apothek",
            "pharma",
            "farmac",
            "champignon",
            "hongo",
            "setas",
            "pilz",
            "truffl",
            "truffe",
        ),
        *("truffel", "trufa", "cannabi", "opioid", "naltrex", "methadon", "metadon", "trip"),
    ),
    "diagnosis": (
        *("ptsd", "tept", "ptbs", "tspt", "sspt", "espt", "trauma", "depress", "depres", "anxi", "ansied"),
        *("angoiss", "angst", "panic", "panik", "paniqu", "addict", "adicc", "sucht", "dependan", "abhangig"),
        *("toxicoman", "toxikoman", "alcohol", "alkohol", "suicid", "suizid", "selbstmord", "seelisch"),
        *("bipolar", "psychos", "psicos", "schizo", "esquizo", "disorder", "trastorno", "storung", "zwang"),
        *("obsess", "obsesi", "anorex", "bulimi", "insomn", "autis", "adhd", "tdah", "krank", "enferm"),
        *("malad", "illness", "disease", "diagnos", "symptom", "sintoma", "cancer", "krebs", "oncolog"),
        *("onkolog", "palliat", "paliat", "hiv", "vih", "sida"),
    ),
    "care": (
        *("therap", "terap", "psych", "psiqu", "psicolog", "mental", "counsel", "consejer", "clinic"),
        *("klinik", "cliniq", "hospital", "hopital", "infirm", "patient", "pacient", "treatment"),
        *("tratamient", "traitement", "traitant", "behandl", "behandel", "soignant", "rehab", "detox"),
        *("desintox", "entzug", "medic", "medik", "mediz", "medecin", "doctor", "arzt", "hausarzt"),
        *("facharzt", "heilprakti", "nurse", "nursing", "facilitat", "facilitad", "hypno", "hipno"),
    ),
    "visit": (
        *("session", "sesion", "seance", "sitzung", "integrat", "integrac", "preparat", "preparac"),
        *("vorbereit", "screening", "experienc", "ceremon", "zeremon", "journey", "retreat", "intake"),
        *("debrief",),
    ),
}
_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S*", re.IGNORECASE)
# Of an address, what is ours alone and made by chance: all behind its host.
_BEHIND_THE_HOST = re.compile(r"(https?://[^\s/]*)/\S*")
# M.D.M.A. is read as one word, as whoever sees it reads it.
_SPELLED_OUT = re.compile(r"\b[^\W\d_](?:[.\-_* ][^\W\d_]\b){2,}")
_ASKED_TO_SAY = re.compile(
    r"\b(?:reply|answer|text|send|respond\w*|contest\w*|envi\w*|antwort\w*|schreib\w*|senden|repond\w*|envoy\w*)"
    r"\W+(?:(?:with|con|mit|par|avec|sie|us|nos|uns|nous)\W+)*([^\W\d_]+)"
)
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
# What they ask for is done by telephone.
WITHOUT_LINK = frozenset({Kind.CALL_US, Kind.MISSED, Kind.PRACTICE, Kind.STOPPED, Kind.STARTED, Kind.HELP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    code: str
    found: str = ""  # what was found, e.g. the word


def telling_words(text: str) -> tuple[Finding, ...]:
    """The words that would tell what kind of care this is. Of an address only the host is read: what stands
    behind it is ours."""
    plain = _plain(_BEHIND_THE_HOST.sub(r"\1", text))
    words = re.findall(r"[^\W\d_]+", plain)
    words += ["".join(re.findall(r"[^\W\d_]", one)) for one in _SPELLED_OUT.findall(plain)]
    found: dict[str, str] = {}
    for word in words:
        for code, stems in STEMS.items():
            if any(word.startswith(stem) or (len(stem) >= 5 and stem in word) for stem in stems):
                found.setdefault(word, code)
    return tuple(Finding(code=code, found=word) for word, code in found.items())


def _plain(text: str) -> str:
    """In small letters, bare of accents and of what nobody sees: a soft hyphen splits no word."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text).casefold()
        if not unicodedata.combining(letter) and unicodedata.category(letter) != "Cf"
    )


def findings(kind: Kind, channel: str, wording: Wording, *, sample: dict[str, str]) -> tuple[Finding, ...]:
    """Everything that stands against these words. `sample` fills the places with the longest that the
    clinic will put there."""
    places = placeholders_of(wording)
    found = [Finding(code="unknown_place", found=one) for one in sorted(places - _ALLOWED)]
    needed = _NEEDED[kind]
    found += [Finding(code="missing_place", found=one) for one in sorted(needed - places)]
    if kind in WITHOUT_LINK and "link" in places:
        found.append(Finding(code="no_link_here"))
    filled = fill(wording, sample)
    found += telling_words(f"{filled.subject}\n{filled.text}")
    # The link is the way to our pages: any other address would lead to who knows what, and says so.
    found += [
        Finding(code="own_address", found=one)
        for one in _ADDRESS.findall(f"{wording.subject}\n{wording.text}")
    ]
    # "Cancel" is one of the words that stop all texts: it would not cancel a visit.
    found += [
        Finding(code="asks_to_stop", found=word.upper())
        for word in _ASKED_TO_SAY.findall(_plain(filled.text))
        if word != "stop" and word_in(word) is TextWord.STOP
    ]
    if channel == "text":
        wanted = "START" if kind is Kind.STOPPED else "STOP"
        if not re.search(rf"\b{wanted}\b", filled.text):
            found.append(Finding(code="no_way_out", found=wanted))
        found += does_not_fit(for_texting(filled.text))
    elif not filled.subject.strip():
        found.append(Finding(code="no_subject"))
    return tuple(found)


NOT_ONE_TEXT = frozenset({"foreign_letters", "too_long"})


def does_not_fit(text: str) -> tuple[Finding, ...]:
    """Why it is not one text message of 160 letters of its alphabet, if it is not."""
    counted = text_length(text)
    if not counted.gsm:
        return (Finding(code="foreign_letters", found=" ".join(counted.foreign)),)
    return () if counted.fits else (Finding(code="too_long", found=str(counted.units)),)


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
