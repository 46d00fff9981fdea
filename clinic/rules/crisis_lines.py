"""Which crisis lines somebody is shown: those of the clinic's country, in their language where there are any;
and what a line has to be. Pure. A line is {name, number, hours}, and may say its `country` (ISO code) and
`language`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum

Line = Mapping[str, str]
_DIALLED = re.compile(r"[+\d][\d ()/.-]*")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{2,4})?")


class Fault(StrEnum):
    NO_NAME = "no_name"
    NOT_DIALLED = "not_dialled"  # it stands behind a button that dials it
    NO_COUNTRY = "no_country"
    NO_LANGUAGE = "no_language"


def faults(line: Line) -> dict[str, Fault]:
    """What is wrong with a line, by field."""
    number, country, language = (line.get(name, "") for name in ("number", "country", "language"))
    found: dict[str, Fault] = {}
    if not line.get("name", "").strip():
        found["name"] = Fault.NO_NAME
    if not _DIALLED.fullmatch(number) or sum(one.isdigit() for one in number) < 3:
        found["number"] = Fault.NOT_DIALLED
    if country and not _COUNTRY.fullmatch(country):
        found["country"] = Fault.NO_COUNTRY
    if language and not _LANGUAGE.fullmatch(language):
        found["language"] = Fault.NO_LANGUAGE
    return found


def lines_for(lines: Sequence[Line], *, country: str, language: str) -> list[Line]:
    """A line that names no country or language serves all. In a language that has no line of its own, all of
    the country's are shown: a number in another language is better than none."""
    there = [line for line in lines if line.get("country", "").upper() in ("", country.upper())]
    return [line for line in there if _speaks(line, language)] or there


def without_a_line(lines: Sequence[Line], *, country: str, languages: Collection[str]) -> list[str]:
    """The languages in which there is no line in that country, sorted. A line that names no language is in
    none of them for certain, unless there is only one."""
    there = [line for line in lines if line.get("country", "").upper() == country.upper()]
    named = {_root(line["language"]) for line in there if line.get("language")}
    unnamed = any(not line.get("language") for line in there)
    missing = sorted({_root(one) for one in languages} - named)
    return [] if unnamed and len({_root(one) for one in languages}) == 1 else missing


def _speaks(line: Line, language: str) -> bool:
    spoken = line.get("language", "")
    return not spoken or _root(spoken) == _root(language)


def _root(language: str) -> str:
    return language.split("-")[0].lower()
