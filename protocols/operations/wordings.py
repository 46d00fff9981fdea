"""Loading the wording that a clinic may use, in a language, and taking it back."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotNow
from clinic.ids import uuid7
from clinic.languages import NAMES
from clinic.models import Clinic
from clinic.operations.changes import look_again
from clinic.operations.events import record_change
from clinic.permissions import HouseSubject, Permission, require
from protocols.models import InstrumentWording
from protocols.queries.instruments import instrument_of
from protocols.queries.wordings import wording_row
from protocols.rules.instruments.wording import parse_wording
from protocols.rules.reading import DocumentErrors

# What the empty document has in every place to fill in.
_BLANK = re.compile(r":\s*[\"']?…[\"']?\s*$")


def load_wording(
    *,
    actor: Actor,
    instrument: str,
    text: str,
    now: datetime,
    reason: str,
    public_id: UUID | None = None,
) -> InstrumentWording:
    """Keep a wording for the instrument of that code; from now on its items read so, for this clinic alone.

    The document says in which language it is; who may not read it goes on with what they had.
    Raises BadInput with every line that is wrong, NotNow where the English ships with the product. The same
    text again changes nothing and gives the row that counts.
    """
    with acting(actor):
        require(actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=actor.clinic_id))
        found = instrument_of(instrument)
        blank = [number for number, line in enumerate(text.splitlines(), start=1) if _BLANK.search(line)]
        if blank:
            raise BadInput(
                _("Not every place is filled in."),
                code="wording-document",
                fields={"document": [f"{number}: “…” still stands here" for number in blank]},
            )
        try:
            language = parse_wording(text, instrument=found).language
        except DocumentErrors as problem:
            raise BadInput(
                _("This is not a wording of the instrument."),
                code="wording-document",
                fields={"document": [str(error) for error in problem.errors]},
            ) from problem
        if language not in NAMES:
            raise BadInput(
                _("No patient is written to in this language."),
                code="wording-document",
                fields={"document": [_("language: write one of %(codes)s.") % {"codes": ", ".join(NAMES)}]},
            )
        if found.licence.ships == "text" and language == "en":
            raise NotNow(
                _("The English wording of this instrument comes with the product."), code="text-ships"
            )
        return _keep(
            *(actor, instrument, language, found.version, text),
            why="",
            reason=reason,
            now=now,
            public_id=public_id,
        )


def take_wording_back(
    *,
    actor: Actor,
    instrument: str,
    why: str,
    now: datetime,
    language: str = "en",
    public_id: UUID | None = None,
) -> InstrumentWording:
    """The licence is over, or the wording was wrong: its items read again as they did without it."""
    with acting(actor):
        require(actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=actor.clinic_id))
        found = instrument_of(instrument)
        if not why.strip():
            raise Incomplete(_("Say why."), fields={"why": [_("In a few words.")]})
        standing = wording_row(clinic_id=actor.clinic_id, instrument=instrument, language=language)
        if standing is None or not standing.document:
            raise NotNow(_("No wording of this instrument is loaded."), code="no-wording")
        return _keep(
            *(actor, instrument, language, found.version, ""),
            why=why.strip(),
            reason=why,
            now=now,
            public_id=public_id,
        )


def _keep(
    actor: Actor,
    instrument: str,
    language: str,
    version: str,
    text: str,
    *,
    why: str,
    reason: str,
    now: datetime,
    public_id: UUID | None,
) -> InstrumentWording:
    # The clinic's row: two wordings loaded at once are one after the other.
    Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)
    public_id = public_id or uuid7()
    first = InstrumentWording.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
    if first is not None:
        if (first.instrument, first.language, first.document, first.why) != (instrument, language, text, why):
            raise Incomplete(_("This id was already used for another wording."), code="id-reused")
        return first
    standing = wording_row(clinic_id=actor.clinic_id, instrument=instrument, language=language)
    if standing is not None and standing.document == text and standing.version == version:
        return standing
    row = InstrumentWording.objects.create(
        clinic_id=actor.clinic_id,
        public_id=public_id,
        instrument=instrument,
        language=language,
        version=version,
        document=text,
        why=why,
        loaded_by_id=actor.person,
        loaded_at=now,
    )
    record_change(
        actor=actor,
        verb="instrument_wording_loaded" if text else "instrument_wording_taken_back",
        subject=row,
        now=now,
        data={"instrument": instrument, "language": language, "version": version},
        reason=reason,
    )
    # What may be sent to a patient is another thing from now on.
    look_again(clinic_id=actor.clinic_id, now=now)
    return row
