"""The instruments of the library by their codes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from django.utils.translation import gettext as _

from clinic.errors import BadInput
from protocols.rules.instruments import Instrument, parse_instrument

_INSTRUMENTS = Path(__file__).parents[1] / "library" / "instruments"


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every instrument of the library by its code, read once."""
    found = [
        parse_instrument(path.read_text(encoding="utf-8")) for path in sorted(_INSTRUMENTS.glob("*.yaml"))
    ]
    return MappingProxyType({instrument.code: instrument for instrument in found})


def instrument_of(code: str) -> Instrument:
    """The instrument of that code. Raises BadInput."""
    instrument = instruments().get(code)
    if instrument is None:
        raise BadInput(
            _("There is no instrument of that name."), fields={"instrument": [_("Choose another.")]}
        )
    return instrument
