"""What a requirement's key says, and what the protocol says about it. Keys are as `foundations` fixed them:
`rule_code[@anchor_code.cycle][#occurrence]`, and `code.n` for the n-th session of a rule."""

from __future__ import annotations

from protocols.rules.definition import DoseRule, ProtocolDefinition, SessionRule


def parts_of_key(*, definition: ProtocolDefinition, key: str) -> tuple[str, int | None, int | None]:
    """(rule code, cycle, occurrence) of a key. A key of another version comes back whole, as the rule
    code."""
    body, _, rest = key.partition("@")
    if body == "staffing":
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
