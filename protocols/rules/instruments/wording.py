"""A clinic's licensed wording for an instrument whose structure ships without it.

Knows which words belong where. Cannot change what is asked, offered or added up. Knows no clinic: where the
wording is kept, and who may see it, is its keeper's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MappingProxyType

from clinic.errors import BadInput
from protocols.rules.definition import Words
from protocols.rules.instruments.definition import Instrument, Item, Wording
from protocols.rules.instruments.shapes import WORDING
from protocols.rules.reading import Place, Reading
from protocols.rules.yaml_text import read_document


def with_text(instrument: Instrument, wording: Wording) -> Instrument:
    """The instrument in those words. Raises BadInput naming everything that does not fit."""
    wrong: dict[str, list[str]] = {}
    for place, what, instead in _misfits(instrument, wording):
        wrong.setdefault(place, []).append(f"{what}. {instead}")
    if wrong:
        raise BadInput("This wording does not fit the instrument.", code="wording", fields=wrong)
    lay = _Lay(wording.language)
    return replace(
        instrument,
        title=lay(instrument.title, wording.title),
        instructions=lay(instrument.instructions, wording.instructions),
        items=tuple(_worded(item, wording, lay) for item in instrument.items),
        language=wording.language,
        text_licence=wording.licence,
    )


@dataclass(frozen=True, slots=True)
class _Lay:
    """English words take the place of those there; words in another language stand beside them."""

    language: str

    def __call__(self, there: Words, said: Words | None) -> Words:
        if said is None:
            return there
        if self.language == "en":
            return said
        return MappingProxyType({**there, self.language: said.get(self.language) or said["en"]})


def _worded(item: Item, wording: Wording, lay: _Lay) -> Item:
    own = wording.items[item.code]
    return replace(
        item,
        words=lay(item.words, own.words),
        options=tuple(
            replace(
                option,
                words=lay(option.words, own.options.get(option.value, wording.options.get(option.value))),
            )
            for option in item.options
        ),
    )


def _misfits(instrument: Instrument, wording: Wording) -> Iterator[tuple[str, str, str]]:
    """Where, what is wrong, and what to write instead."""
    if wording.instrument != instrument.code:
        yield "instrument", f"this is the wording of {wording.instrument}", f"Write `{instrument.code}`."
    if wording.version != instrument.version:
        yield (
            "version",
            f"this is the wording of version {wording.version}",
            f"Check it against version {instrument.version}, then write `{instrument.version}`.",
        )
    if not wording.licence.strip():
        yield "licence", "nothing says why the clinic may use this wording", "Write the licence."
    codes = {item.code for item in instrument.items}
    for code in codes - set(wording.items):
        yield f"items.{code}", f"the words of {code} are missing", "Add them."
    for code in set(wording.items) - codes:
        yield f"items.{code}", f"{instrument.code} has no item “{code}”", "Leave it out."
    for item in instrument.items:
        own = wording.items.get(item.code)
        for value in own.options if own else ():
            if not item.allows(value):
                yield (
                    f"items.{item.code}",
                    f"{value} is not an answer to {item.code}",
                    "Write one of its answers.",
                )
        if own and wording.language != "en":
            # In English the structure's own words stand for those left out.
            for option in item.options:
                if option.worded and option.value not in {*own.options, *wording.options}:
                    yield (
                        f"items.{item.code}",
                        f"the words of its answer {option.value} are missing",
                        "Add them.",
                    )
    for value in wording.options:
        if not any(item.allows(value) for item in instrument.items):
            yield "options", f"no item has the answer {value}", "Leave it out."


def parse_wording(text: str, *, instrument: Instrument) -> Wording:
    """The wording that a document writes down for that instrument. Raises DocumentErrors with everything that
    is wrong."""

    def read(reading: Reading, place: Place) -> Wording:
        wording: Wording = WORDING.read(reading, place, "")
        return wording

    def check(reading: Reading, wording: Wording) -> None:
        for path, what, instead in _misfits(instrument, wording):
            reading.wrong_at(path if path in reading.spots else "items", what, instead)

    return read_document(text, read, check=check, begin="Begin with `format: 1`.")
