"""Instruments in the words of a clinic: the library's own, with the wording laid over it that the clinic is
licensed to use."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from clinic.actors import Actor
from clinic.errors import BadInput, NotFound
from clinic.languages import NAMES
from clinic.permissions import HouseSubject, Permission, allows
from protocols.models import InstrumentWording
from protocols.queries.instruments import instrument_of, instruments
from protocols.rules.definition import AssessmentRule, ProtocolDefinition
from protocols.rules.instruments import Instrument
from protocols.rules.instruments.wording import parse_wording, with_text
from protocols.rules.reading import DocumentErrors

# By the row, which never changes, and the version of the instrument it was checked against.
_WORDED: dict[tuple[int, str], Instrument | None] = {}
_MOST_WORDED = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingState:
    """One instrument in one language, and where its wording comes from here. `document` is what the clinic
    loaded; `fits`: it still fits the instrument that the product now has."""

    instrument: Instrument
    language: str
    shipped: bool  # its words come with the product
    document: str
    licence: str
    fits: bool
    loaded_by: str
    loaded_at: datetime | None

    @property
    def has_text(self) -> bool:
        return self.shipped or bool(self.licence)


def wording_row(*, clinic_id: int, instrument: str, language: str = "en") -> InstrumentWording | None:
    """The latest row, which may have taken a wording back."""
    rows = InstrumentWording.objects.filter(clinic_id=clinic_id, instrument=instrument, language=language)
    return rows.order_by("-id").first()


def wording_named(*, clinic_id: int, instrument: str, text_id: str) -> InstrumentWording | None:
    """The row of that id, whether it still counts or not; None where this clinic has none such."""
    try:
        public_id = UUID(text_id)
    except ValueError:
        return None
    rows = InstrumentWording.objects.filter(clinic_id=clinic_id, public_id=public_id, instrument=instrument)
    return rows.exclude(document="").first()


def instrument_for(clinic_id: int, code: str, language: str = "en") -> Instrument:
    """The instrument of that code as this clinic shows it to who reads that language; scoring is the same for
    all. Where it has no words in it, English. One small query, and none for English words that ship with the
    product. Raises BadInput."""
    return _instruments_for(clinic_id, {code}, language)[code]


def _instruments_for(clinic_id: int, codes: Collection[str], language: str) -> dict[str, Instrument]:
    found = {code: instrument_of(code) for code in codes}
    asked = [code for code, one in found.items() if language != "en" or one.licence.ships != "text"]
    rows = {(row.instrument, row.language): row for row in _latest(clinic_id, asked)} if asked else {}
    return {code: _in_language(one, rows, language) for code, one in found.items()}


def _in_language(
    instrument: Instrument, rows: Mapping[tuple[str, str], InstrumentWording], language: str
) -> Instrument:
    own = _worded(rows.get((instrument.code, language)), instrument)
    if own is not None:
        return own
    english = _worded(rows.get((instrument.code, "en")), instrument) or instrument
    if english.has_text and language in english.languages:
        return replace(english, language=language)
    return english


def _latest(clinic_id: int, codes: Collection[str] | None = None) -> QuerySet[InstrumentWording]:
    """Of each instrument and language, which may have taken a wording back."""
    rows = InstrumentWording.objects.filter(clinic_id=clinic_id)
    if codes is not None:
        rows = rows.filter(instrument__in=codes)
    return rows.order_by("instrument", "language", "-id").distinct("instrument", "language")


Form = tuple[AssessmentRule, Instrument]


def forms_sent(clinic_id: int, definition: ProtocolDefinition, language: str) -> tuple[Form, ...]:
    """What that protocol sends to the patient, to be answered on a page, as who reads that language sees it.
    One small query at most."""
    sent = {reminder.rule for reminder in definition.reminders}
    rules = [rule for rule in definition.rules if isinstance(rule, AssessmentRule) and rule.code in sent]
    asked = _instruments_for(clinic_id, {rule.instrument for rule in rules}, language)
    return tuple((rule, asked[rule.instrument]) for rule in rules)


def forms_without_text(clinic_id: int, definition: ProtocolDefinition) -> tuple[Form, ...]:
    """Those of them that this clinic has no words for, in any language: whoever opened one would see item
    numbers."""
    wordless = [form for form in forms_sent(clinic_id, definition, "en") if not form[1].has_text]
    if not wordless:
        return ()
    loaded = {
        row.instrument
        for row in _latest(clinic_id, {instrument.code for _rule, instrument in wordless})
        if _worded(row, instrument_of(row.instrument)) is not None
    }
    return tuple(form for form in wordless if form[1].code not in loaded)


def own_questions(language: str) -> tuple[tuple[str, str], ...]:
    """(English, said in that language) of every sentence that a patient reads of the questionnaires whose
    words in it come with the product; none for English."""
    if language == "en":
        return ()
    return tuple(
        dict.fromkeys(
            (words["en"], words[language])
            for _code, one in sorted(instruments().items())
            if language in one.languages
            for words in one.sentences
        )
    )


def wording_states(actor: Actor) -> list[WordingState]:
    """Every instrument of the product in English, and in each other language that it has words in here,
    sorted by code. Two queries."""
    _may_read(actor)
    rows = {
        (row.instrument, row.language): row for row in _latest(actor.clinic_id).select_related("loaded_by")
    }
    return [
        state
        for code, instrument in sorted(instruments().items())
        for language in ("en", *sorted(NAMES.keys() - {"en"}))
        if (state := _state(instrument, rows.get((code, language)), language)).document
        or state.has_text
        or language == "en"
    ]


def wording_state(actor: Actor, code: str, language: str = "en") -> WordingState:
    """One of them. Raises NotFound."""
    _may_read(actor)
    instrument = instruments().get(code)
    if instrument is None or language not in NAMES:
        raise NotFound()
    row = wording_row(clinic_id=actor.clinic_id, instrument=code, language=language)
    return _state(instrument, row, language)


def _may_read(actor: Actor) -> None:
    if not allows(actor, Permission.VIEW_PROTOCOL, HouseSubject(clinic_id=actor.clinic_id)):
        raise NotFound()


def _state(instrument: Instrument, row: InstrumentWording | None, language: str) -> WordingState:
    worded = _worded(row, instrument)
    return WordingState(
        instrument=worded or instrument,
        language=language,
        shipped=worded is None and instrument.licence.ships == "text" and language in instrument.languages,
        document=row.document if row is not None else "",
        licence=worded.text_licence if worded is not None else "",
        fits=row is None or not row.document or worded is not None,
        loaded_by=row.loaded_by.printed_name if row is not None else "",
        loaded_at=row.loaded_at if row is not None else None,
    )


def _worded(row: InstrumentWording | None, instrument: Instrument) -> Instrument | None:
    """None where there is no wording, it was taken back, or no longer fits what the product asks."""
    if row is None or not row.document:
        return None
    key = (row.pk, instrument.version)
    if key not in _WORDED:
        if len(_WORDED) >= _MOST_WORDED:
            _WORDED.clear()
        try:
            wording = parse_wording(row.document, instrument=instrument)
            _WORDED[key] = replace(with_text(instrument, wording), text_id=str(row.public_id))
        except (DocumentErrors, BadInput):
            _WORDED[key] = None
    return _WORDED[key]
