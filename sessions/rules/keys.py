"""What a requirement's key says, and what the protocol says about it. Keys are as `foundations` fixed them:
`rule_code[@anchor_code.cycle][#occurrence]`, and `code.n` for the n-th session of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from protocols.rules.definition import DoseRule, ProtocolDefinition, Rule, SessionRule
from sessions.rules.facts import DecisionMade, Fact, History

OF_A_SESSION = frozenset({"staffing", "checklist"})
"""What is asked of a session besides holding it, by the head of its key: `staffing@dosing.1`."""


def key_of(rule: Rule, cycle: int | None) -> str:
    """The key of what a rule asks once, or once per cycle."""
    return rule.code if cycle is None else f"{rule.code}@{rule.per}.{cycle}"


def parts_of_key(*, definition: ProtocolDefinition, key: str) -> tuple[str, int | None, int | None]:
    """(rule code, cycle, occurrence) of a key. A key of another version comes back whole, as the rule
    code."""
    body, _, rest = key.partition("@")
    if body in OF_A_SESSION:
        return parts_of_key(definition=definition, key=rest)
    body, _, early = body.partition("#")
    anchor, _, late = rest.partition("#")
    occurrence = int(early or late) if (early or late).isdigit() else None
    cycle = _number(anchor)
    codes = {rule.code: rule for rule in definition.rules}
    if body in codes:
        return body, cycle, occurrence
    # What follows the last dot is an index, or the part of a rule that is judged in parts (dose.initial).
    code, _, tail = body.rpartition(".")
    rule = codes.get(code)
    if rule is None:
        return key, cycle, occurrence
    number = int(tail) if tail.isdigit() else None
    if isinstance(rule, SessionRule) and rule.makes_cycles:
        return code, number, None
    return code, cycle, number if number is not None else occurrence


def _number(anchor: str) -> int | None:
    tail = anchor.rpartition(".")[2]
    return int(tail) if tail.isdigit() else None


def session_rule_of(*, definition: ProtocolDefinition, key: str) -> SessionRule | None:
    """The rule that plans the session of that key, if it is one."""
    code, _cycle, _occurrence = parts_of_key(definition=definition, key=key)
    found = next((rule for rule in definition.rules if rule.code == code), None)
    return found if isinstance(found, SessionRule) else None


def dose_rule_of(definition: ProtocolDefinition) -> DoseRule | None:
    return next((rule for rule in definition.rules if isinstance(rule, DoseRule)), None)


# --- what was recorded under a code that this version has replaced ------------------------------------------


def in_words_of(definition: ProtocolDefinition, history: History) -> History:
    """The history with every key that an earlier version used put into the words of this one."""
    renamed = {rule.replaces: rule.code for rule in definition.rules if rule.replaces}
    if not renamed:
        return history
    codes = {rule.code for rule in definition.rules}

    def fact_in_words(fact: Fact) -> Fact:
        value = fact.value
        if isinstance(value, DecisionMade) and value.decision in renamed:
            value = replace(value, decision=renamed[value.decision])
        key = None if fact.key is None else _renamed_key(fact.key, renamed, codes)
        return fact if key == fact.key and value is fact.value else replace(fact, key=key, value=value)

    return replace(
        history,
        facts=frozenset(fact_in_words(fact) for fact in history.facts),
        bookings=frozenset(
            replace(booking, key=_renamed_key(booking.key, renamed, codes)) for booking in history.bookings
        ),
    )


def _renamed_key(key: str, renamed: Mapping[str, str], codes: set[str]) -> str:
    return "@".join(_renamed_part(part, renamed, codes) for part in key.split("@"))


def _renamed_part(part: str, renamed: Mapping[str, str], codes: set[str]) -> str:
    body, mark, occurrence = part.partition("#")
    if body in codes:
        return part
    if body in renamed:
        return f"{renamed[body]}{mark}{occurrence}"
    code, dot, tail = body.rpartition(".")
    if code in renamed and code not in codes:
        return f"{renamed[code]}{dot}{tail}{mark}{occurrence}"
    return part
