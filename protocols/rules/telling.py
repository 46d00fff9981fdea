"""The values of a definition in short words: "7-10 days", "30 min after the first dose of dosing 1".

Pure; English unless the caller brings a translation of the words marked here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any

from protocols.rules.definition import (
    AnchorEvent,
    AnchorRule,
    Block,
    FidelityRule,
    Figure,
    Hidden,
    Offset,
    Source,
    SourceStatus,
    Unit,
    Which,
    WindowRule,
    Words,
)
from protocols.rules.writing import plain


def N_(words: str) -> str:
    """Marks words for translation; the caller translates."""
    return words


UNITS = {
    Unit.MINUTES: N_("minutes"),
    Unit.HOURS: N_("hours"),
    Unit.DAYS: N_("days"),
    Unit.WEEKS: N_("weeks"),
}
EVENTS = {
    AnchorEvent.ENROLMENT: N_("enrolment"),
    AnchorEvent.CONSENT: N_("the first consent to treatment"),
    AnchorEvent.SESSION_START: N_("the start of"),
    AnchorEvent.SESSION_END: N_("the end of"),
    AnchorEvent.FIRST_DOSE: N_("the first dose of"),
    AnchorEvent.LAST_DOSE: N_("the latest dose of"),
    AnchorEvent.ANSWERED: N_("the answer to"),
    AnchorEvent.RECORDED: N_("the acceptable result of"),
    AnchorEvent.DECIDED: N_("the decision on"),
    AnchorEvent.COURSE_END: N_("the end of the course"),
}
WHICH = {
    Which.SAME_CYCLE: "",
    Which.PREVIOUS_CYCLE: N_("the previous"),
    Which.NEXT_CYCLE: N_("the next"),
    Which.FIRST: N_("the first"),
    Which.LAST: N_("the last"),
}
SOURCES = {
    SourceStatus.PUBLISHED: N_("published"),
    SourceStatus.CLINIC_CHOICE: N_("the clinic's choice"),
    SourceStatus.UNVERIFIED: N_("unverified"),
}
HIDDEN = {
    Hidden.ARM: N_("the arm"),
    Hidden.VISIT_DATE: N_("which visit it is, and when"),
    Hidden.EARLIER_SCORES: N_("earlier scores"),
    Hidden.NOTES: N_("the notes"),
}


def hidden_words(hidden: Collection[Hidden], tr: Callable[[str], str]) -> list[str]:
    """What is hidden, in words, in the order of the list above."""
    return [tr(words) for one, words in HIDDEN.items() if one in hidden]


NONE = N_("none")
NOBODY = N_("nobody")


def english(words: Words) -> str:
    return words["en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Says values. `say` picks the language of a protocol's own words, `tr` translates ours; `names` are the
    words of rules by code."""

    names: Mapping[str, Words]
    say: Callable[[Words], str] = english
    tr: Callable[[str], str] = str

    def name(self, code: str) -> str:
        words = self.names.get(code)
        return self.say(words) if words is not None else code

    def value(self, value: Any, unit: str = "") -> str:
        match value:
            case None | "" | ():
                return self.tr(NONE)
            case bool():
                return self.tr(N_("yes")) if value else self.tr(N_("no"))
            case Enum():
                return str(value.value).replace("_", " ")
            case Decimal():
                return f"{plain(value)} {unit}".strip()
            case int():
                return f"{value} {unit}".strip()
            case time():
                return f"{value:%H:%M}"
            case date():
                return value.isoformat()
            case Offset():
                return self.offset(value)
            case Figure():
                return self.value(value.value, unit)
            case Source():
                return self.source(value)
            case WindowRule():
                return self.window(value)
            case AnchorRule():
                return self.anchor(value)
            case Block():
                return self.block(value)
            case FidelityRule():
                return self.fidelity(value)
            case frozenset():
                return ", ".join(sorted(self.value(one, unit) for one in value)) or self.tr(NOBODY)
            case tuple():
                return ", ".join(self.value(one, unit) for one in value)
            case Mapping() if "en" in value and all(isinstance(one, str) for one in value.values()):
                return "“" + self.say(value) + "”"
            case Mapping():
                parts = (f"{self.value(name)} {self.value(one, unit)}" for name, one in value.items())
                return ", ".join(parts) or self.tr(NONE)
        if is_dataclass(value):
            return self._parts(value, unit)
        return self.name(str(value))

    def _parts(self, value: Any, unit: str) -> str:
        words = getattr(value, "words", None)
        if words is not None:
            return "“" + self.say(words) + "”"
        parts = []
        for each in fields(value):
            one = getattr(value, each.name)
            if each.default is not one and not isinstance(one, Source):
                parts.append(f"{each.name.replace('_', ' ')} {self.value(one, unit)}")
        return ", ".join(parts) or type(value).__name__

    def offset(self, offset: Offset) -> str:
        at = f" {offset.at:%H:%M}" if offset.at is not None else ""
        return f"{offset.amount} {self.tr(UNITS[offset.unit])}{at}"

    def bounds(self, window: WindowRule) -> str:
        """When it is open: "7-10 days", "from 2 days", "until 1 week"."""
        opens = window.opens.value if window.opens is not None else None
        closes = window.closes.value if window.closes is not None else None
        if opens is not None and closes is not None:
            if (opens.unit, opens.at, closes.at) == (closes.unit, None, None) and opens.amount >= 0:
                return f"{opens.amount}-{self.offset(closes)}"
            return f"{self.offset(opens)} – {self.offset(closes)}"
        if opens is not None:
            return self.tr(N_("from %s")) % self.offset(opens)
        if closes is not None:
            return self.tr(N_("until %s")) % self.offset(closes)
        return self.tr(N_("at any time"))

    def window(self, window: WindowRule) -> str:
        return self.tr(N_("%(bounds)s, counted from %(anchor)s")) % {
            "bounds": self.bounds(window),
            "anchor": self.anchor(window.anchor),
        }

    def anchor(self, anchor: AnchorRule) -> str:
        words = EVENTS.get(anchor.event)
        event = self.tr(words) if words else self.value(anchor.event)
        which = self.tr(WHICH[anchor.which]) if WHICH[anchor.which] else ""
        return " ".join(
            part for part in (event, which, self.name(anchor.rule) if anchor.rule else "") if part
        )

    def fidelity(self, rule: FidelityRule) -> str:
        if not rule.hidden:
            return self.tr(N_("shown everything"))
        return self.tr(N_("not shown %s")) % "; ".join(hidden_words(rule.hidden, self.tr))

    def block(self, block: Block) -> str:
        which = self.tr(WHICH[block.which]) if WHICH[block.which] else ""
        parts = (self.value(block.move), which, self.name(block.rule) if block.rule else "")
        return " ".join(part for part in parts if part)

    def source(self, source: Source) -> str:
        detail = " ".join(part for part in (source.citation, source.note) if part)
        words = self.tr(SOURCES[source.status])
        return f"{words} ({detail})" if detail else words
