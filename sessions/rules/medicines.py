"""Which of the medicines and classes that a protocol names a medicine of the chart is, or may be.

Knows spelling and what the protocol declares of its medicines. Knows no pharmacology: what nothing declares
and nobody ticked is not known here. Where two words are almost alike, the careful reading counts: what may
be a medicine with a washout keeps that washout until somebody corrects the name or clears it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache

from protocols.rules.definition import MedicineRule
from protocols.rules.likeness import nearly, nearly_speaks_of, same, speaks_of, written_plainly
from sessions.rules.facts import MedicineListed


class Reading(IntEnum):
    """How a medicine of the chart is read as one that the protocol names."""

    PERHAPS = 1  # written almost like it: it may be, and somebody must look
    NAMED = 2  # ticked, or named as the protocol says a chart may name it
    ITSELF = 3  # its own name is the code: this stands before its classes


def readings(
    medicine: MedicineListed, codes: Collection[str], declared: Sequence[MedicineRule]
) -> Mapping[str, Reading]:
    """Those of `codes` that the medicine is or may be. Its own name, if it is one of them, is all of it."""
    names = tuple((rule.code, rule.names) for rule in declared)
    return _readings(medicine.name, medicine.classes, frozenset(codes), names)


@lru_cache(maxsize=2048)  # asked of the same few medicines at every instant that is looked at
def _readings(
    name: str,
    classes: frozenset[str],
    codes: frozenset[str],
    declared: tuple[tuple[str, tuple[str, ...]], ...],
) -> Mapping[str, Reading]:
    itself = {code: Reading.ITSELF for code in sorted(codes) if same(name, code)}
    if itself:
        return itself
    names = dict(declared)
    found: dict[str, Reading] = {}
    for code in sorted(codes):
        called = (code, *names.get(code, ()))
        if any(same(ticked, code) for ticked in classes) or any(
            same(name, other) or speaks_of(name, other) for other in called
        ):
            found[code] = Reading.NAMED
        elif any(_slip(ticked, code, codes) for ticked in classes) or any(
            nearly_speaks_of(name, other) for other in called
        ):
            found[code] = Reading.PERHAPS
    return found


def _slip(ticked: str, code: str, codes: Collection[str]) -> bool:
    """Whether a class that the protocol does not name is written almost like one that it does."""
    return nearly(ticked, code) and not any(same(ticked, other) for other in codes)


def one_name(name: str) -> str:
    """The same for every way of writing one name, so that a medicine listed again is the same medicine."""
    return "".join(written_plainly(name)) or name.strip().casefold()
