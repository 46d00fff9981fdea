"""Who has to look again when a clinic's settings or people change, and who is asked before. Other apps
register from their `ready()`: the house knows no courses, only that somebody's answers rest on what it
keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol

from clinic.errors import BadInput
from clinic.models import Clinic

Objections = Callable[[Clinic, Collection[str]], Mapping[str, list[str]]]


class LookAgain(Protocol):
    def __call__(
        self, *, clinic_id: int, now: datetime, person_id: int | None = None, ended: bool = False
    ) -> object: ...


_interested: dict[str, LookAgain] = {}


def register_interest(name: str, look_again: LookAgain) -> None:
    """`look_again` runs in the transaction of the change. Registering a name again replaces it."""
    _interested[name] = look_again


def look_again(*, clinic_id: int, now: datetime, person_id: int | None = None, ended: bool = False) -> None:
    """With `person_id`, only what rests on that person; with `ended`, also what is over."""
    for interested in _interested.values():
        interested(clinic_id=clinic_id, now=now, person_id=person_id, ended=ended)


_objecting: dict[str, Objections] = {}


def register_objections(name: str, objections: Objections) -> None:
    """`objections(clinic, changed)` says what stands against the settings as they would be, field → words.
    Registering a name again replaces it."""
    _objecting[name] = objections


def refuse_unfit(clinic: Clinic, *, changed: Collection[str]) -> None:
    """Raises BadInput with all that stands against it."""
    against: dict[str, list[str]] = {}
    for objections in _objecting.values():
        for field, words in objections(clinic, changed).items():
            against.setdefault(field, []).extend(words)
    if against:
        raise BadInput(fields=against)
