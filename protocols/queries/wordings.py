"""Instruments in the words of a clinic: the library's own, with the wording laid over it that the clinic is
licensed to use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from clinic.actors import Actor
from clinic.errors import BadInput, NotFound
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
    """One instrument, and where its wording comes from here. `fits`: what was loaded still fits the
    instrument that the product now has."""

    instrument: Instrument
    document: str
    licence: str
    fits: bool
    loaded_by: str
    loaded_at: datetime | None


def wording_row(*, clinic_id: int, instrument: str) -> InstrumentWording | None:
    """The latest row, which may have taken a wording back."""
    rows = InstrumentWording.objects.filter(clinic_id=clinic_id, instrument=instrument)
    return rows.order_by("-id").first()


def instrument_for(clinic_id: int, code: str) -> Instrument:
    """The instrument of that code as this clinic shows it; scoring is the same for all. One small query, and
    only where the product ships no text. Raises BadInput."""
    instrument = instrument_of(code)
    if instrument.licence.ships == "text":
        return instrument
    row = wording_row(clinic_id=clinic_id, instrument=code)
    return (_worded(row, instrument) if row is not None else None) or instrument


def forms_without_text(
    clinic_id: int, definition: ProtocolDefinition
) -> tuple[tuple[AssessmentRule, Instrument], ...]:
    """What that protocol sends to the patient, to be answered on a page, although this clinic has no words
    for its items: who opened it would see item numbers. One small query for each instrument that ships
    without its text."""
    sent = {reminder.rule for reminder in definition.reminders}
    rules = [rule for rule in definition.rules if isinstance(rule, AssessmentRule) and rule.code in sent]
    asked = {code: instrument_for(clinic_id, code) for code in sorted({rule.instrument for rule in rules})}
    return tuple((rule, asked[rule.instrument]) for rule in rules if not asked[rule.instrument].has_text)


def wording_states(actor: Actor) -> list[WordingState]:
    """Every instrument of the product, sorted by code. Two queries."""
    _may_read(actor)
    latest = (
        InstrumentWording.objects.filter(clinic_id=actor.clinic_id)
        .values("instrument")
        .annotate(last=Max("id"))
        .values_list("last", flat=True)
    )
    rows = InstrumentWording.objects.filter(pk__in=list(latest)).select_related("loaded_by")
    by_code = {row.instrument: row for row in rows}
    return [_state(instrument, by_code.get(code)) for code, instrument in sorted(instruments().items())]


def wording_state(actor: Actor, code: str) -> WordingState:
    """One of them. Raises NotFound."""
    _may_read(actor)
    instrument = instruments().get(code)
    if instrument is None:
        raise NotFound()
    return _state(instrument, wording_row(clinic_id=actor.clinic_id, instrument=code))


def _may_read(actor: Actor) -> None:
    if not allows(actor, Permission.VIEW_PROTOCOL, HouseSubject(clinic_id=actor.clinic_id)):
        raise NotFound()


def _state(instrument: Instrument, row: InstrumentWording | None) -> WordingState:
    worded = _worded(row, instrument) if row is not None else None
    return WordingState(
        instrument=worded or instrument,
        document=row.document if row is not None else "",
        licence=worded.text_licence if worded is not None else "",
        fits=row is None or not row.document or worded is not None,
        loaded_by=row.loaded_by.printed_name if row is not None else "",
        loaded_at=row.loaded_at if row is not None else None,
    )


def _worded(row: InstrumentWording, instrument: Instrument) -> Instrument | None:
    """None where the wording was taken back, or no longer fits what the product asks."""
    if not row.document:
        return None
    key = (row.pk, instrument.version)
    if key not in _WORDED:
        if len(_WORDED) >= _MOST_WORDED:
            _WORDED.clear()
        try:
            wording = parse_wording(row.document, instrument=instrument)
            _WORDED[key] = with_text(instrument, wording)
        except (DocumentErrors, BadInput):
            _WORDED[key] = None
    return _WORDED[key]
