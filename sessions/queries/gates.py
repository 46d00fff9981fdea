"""What stands in the way of an act, as pages say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clinic.actors import Actor
from protocols.rules.definition import (
    ChartRule,
    ConsentRule,
    ProtocolDefinition,
    ResultRule,
    VitalsRule,
)
from sessions.queries.credentials import names_of
from sessions.queries.words import gate_why, label, measure_words
from sessions.rules.facts import History
from sessions.rules.gates import Gate
from sessions.rules.keys import parts_of_key


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRow:
    key: str
    what: str
    why: str
    status: str
    override: tuple[str, ...]  # roles that may override; empty: nobody
    can_override: bool  # this actor, as far as roles go
    document: tuple[str, ...]  # roles that may go on by writing down why the benefit outweighs the risk
    can_document: bool
    definition: ProtocolDefinition  # with the rule's figures and their sources
    rule: str
    kind: str
    about: str  # the test, scope or chart item it asks for, where it asks for one
    cycle: int | None


def gate_rows(
    *, actor: Actor, definition: ProtocolDefinition, history: History, closed: Sequence[Gate]
) -> list[GateRow]:
    rows = []
    names = names_of({person for gate in closed for person in gate.people})
    mine = {one.value for one in actor.roles}
    for gate in closed:
        rule = gate.rule
        _rule, cycle, occurrence = parts_of_key(definition=definition, key=gate.key)
        rows.append(
            GateRow(
                key=gate.key,
                what=label(
                    definition=definition, rule=rule, cycle=cycle, occurrence=occurrence, key=gate.key
                ),
                why=gate_why(
                    gate,
                    missing=_missing(definition, history, gate),
                    names=sorted(names[person] for person in gate.people),
                ),
                status=gate.status.value,
                override=tuple(sorted(role.value for role in gate.override)),
                can_override=any(role.value in mine for role in gate.override),
                document=tuple(sorted(role.value for role in gate.document)),
                can_document=any(role.value in mine for role in gate.document),
                definition=definition,
                rule=rule,
                kind=gate.kind.value,
                about=_about(definition, rule),
                cycle=cycle,
            )
        )
    return rows


def _missing(definition: ProtocolDefinition, history: History, gate: Gate) -> list[str]:
    """The measures that a set of vital signs still lacks: none of the readings that count has them."""
    rule = next((one for one in definition.rules if one.code == gate.rule), None)
    if gate.code != "not_taken" or not isinstance(rule, VitalsRule):
        return []
    counted = {one.fact_id for one in gate.evidence}
    readings = [fact.value for fact in history.facts if fact.id in counted]
    return [
        measure_words(name)
        for name in rule.measures
        if all(getattr(reading, name, None) is None for reading in readings)
    ]


def _about(definition: ProtocolDefinition, rule: str) -> str:
    found = next((one for one in definition.rules if one.code == rule), None)
    if isinstance(found, ResultRule):
        return found.test
    if isinstance(found, ConsentRule):
        return found.scope
    return found.item.value if isinstance(found, ChartRule) else ""
