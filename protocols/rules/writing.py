"""Writes a definition back as a document, and its digest. The words that stand for each rule type are kept
here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import yaml

from protocols.rules.definition import (
    AnchorRule,
    AnyRule,
    AssessmentRule,
    Block,
    ChartRule,
    ChecklistItem,
    Compare,
    ConsentRule,
    ContactRule,
    DoseRule,
    Figure,
    Offset,
    ProtocolDefinition,
    ReleaseRule,
    ResultRule,
    SessionRule,
    Source,
    SourceStatus,
    VitalsRule,
    WashoutRule,
    Which,
    WindowRule,
    Words,
)

FORMAT: Final = "1"
RULE_TYPES: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {
        "session": SessionRule,
        "contact": ContactRule,
        "assessment": AssessmentRule,
        "consent": ConsentRule,
        "result": ResultRule,
        "chart": ChartRule,
        "washout": WashoutRule,
        "dose": DoseRule,
        "vitals": VitalsRule,
        "release": ReleaseRule,
    }
)
MEASURES: Final = ("systolic", "diastolic", "pulse", "temperature")
MEASURE_UNITS: Final[Mapping[str, str]] = MappingProxyType(
    {"systolic": "mmHg", "diastolic": "mmHg", "pulse": "/min", "temperature": "°C"}
)
PURPOSES: Final = ("visit_reminder", "check_in", "questionnaire")


def plain(value: Decimal) -> str:
    """A number as people write it: 80, not 8E+1 or 80.0."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _offset_text(offset: Offset) -> str:
    at = f" {offset.at:%H:%M}" if offset.at is not None else ""
    return f"{offset.amount} {offset.unit.value}{at}"


def _source_fields(source: Source) -> dict[str, Any]:
    if source.status is SourceStatus.PUBLISHED:
        return {"source": source.citation} | ({"note": source.note} if source.note else {})
    return {source.status.value: source.note}


def _words_value(words: Words) -> str | dict[str, str]:
    return words["en"] if set(words) == {"en"} else dict(words)


def figure_text(figure: Figure[Any], unit: str = "") -> str:
    """A figure's value as the document writes it; `unit` goes with numbers only."""
    value = figure.value
    if isinstance(value, Offset):
        return _offset_text(value)
    if isinstance(value, time):
        return f"{value:%H:%M}"
    if isinstance(value, Decimal):
        return f"{plain(value)} {unit}".strip()
    return f"{value} {unit}".strip()


def _figure_value(figure: Figure[Any], unit: str = "") -> dict[str, Any]:
    bare = isinstance(figure.value, int) and not unit
    return {"value": figure.value if bare else figure_text(figure, unit)} | _source_fields(figure.source)


def _anchor_value(anchor: AnchorRule) -> str | dict[str, str]:
    if not anchor.rule:
        return anchor.event.value
    which = {"which": anchor.which.value} if anchor.which is not Which.SAME_CYCLE else {}
    return {"event": anchor.event.value, "rule": anchor.rule} | which


def _window_value(window: WindowRule) -> dict[str, Any]:
    value: dict[str, Any] = {"anchor": _anchor_value(window.anchor)}
    for name in ("opens", "target", "due", "closes"):
        figure = getattr(window, name)
        if figure is not None:
            value[name] = _figure_value(figure)
    if window.before is not None:
        value["before"] = _anchor_value(window.before)
    return value


def _block_value(block: Block) -> dict[str, Any]:
    value: dict[str, Any] = {"move": block.move.value}
    if block.rule:
        value["rule"] = block.rule
    if block.which is not Which.SAME_CYCLE:
        value["which"] = block.which.value
    value["override"] = sorted(role.value for role in block.override) or "nobody"
    return value


def _item_value(item: ChecklistItem) -> dict[str, Any]:
    return {"code": item.code, "words": _words_value(item.words)} | _source_fields(item.source)


def _own_value(rule: AnyRule) -> dict[str, Any]:
    match rule:
        case SessionRule():
            value: dict[str, Any] = {
                "kind": rule.kind.value,
                "count": _figure_value(rule.count),
                "minutes": _figure_value(rule.minutes, "min"),
                "windows": [_window_value(window) for window in rule.windows],
            }
            if rule.makes_cycles:
                value["makes_cycles"] = True
            if rule.staff is not None:
                value["staff"] = _figure_value(rule.staff)
            if rule.staff_roles:
                value["staff_roles"] = sorted(role.value for role in rule.staff_roles)
            if rule.checklist:
                value["checklist"] = [_item_value(item) for item in rule.checklist]
            return value
        case ContactRule():
            value = {
                "count": _figure_value(rule.count),
                "every": _figure_value(rule.every),
                "window": _window_value(rule.window),
            }
            if rule.met_by_sessions:
                value["met_by_sessions"] = sorted(kind.value for kind in rule.met_by_sessions)
            return value
        case AssessmentRule():
            return {"instrument": rule.instrument, "window": _window_value(rule.window)}
        case ConsentRule():
            return {"scope": rule.scope} | ({"optional": True} if rule.optional else {})
        case ResultRule():
            value = {"test": rule.test, "compare": rule.compare.value}
            if rule.unit:
                value["unit"] = rule.unit
            value["accept"] = _figure_value(rule.accept, rule.unit if rule.compare is not Compare.IS else "")
            if rule.valid_for is not None:
                value["valid_for"] = _figure_value(rule.valid_for)
            if rule.only_for:
                value["only_for"] = rule.only_for
            return value
        case ChartRule():
            return {"item": rule.item.value}
        case WashoutRule():
            return {"washouts": {name: _figure_value(figure) for name, figure in rule.washouts.items()}}
        case DoseRule():
            value = {
                "substance": rule.substance,
                "unit": rule.unit,
                "basis": rule.basis,
                "initial": [
                    {
                        "cycles": list(choice.cycles),
                        "choices": [_figure_value(figure, rule.unit) for figure in choice.choices],
                        "default": f"{plain(choice.default)} {rule.unit}",
                        "chosen_by": choice.chosen_by.value,
                    }
                    for choice in rule.initial
                ],
            }
            if rule.supplement is not None:
                value["supplement"] = {
                    "fraction": _figure_value(rule.supplement.fraction),
                    "opens": _figure_value(rule.supplement.opens),
                    "closes": _figure_value(rule.supplement.closes),
                    "decided_by": rule.supplement.decided_by.value,
                }
            value["max_per_session"] = _figure_value(rule.max_per_session, rule.unit)
            if rule.max_per_course is not None:
                value["max_per_course"] = _figure_value(rule.max_per_course, rule.unit)
            return value
        case VitalsRule():
            value = {
                "point": rule.point.value,
                "measures": list(rule.measures),
                "within": _figure_value(rule.within),
            }
            if rule.limits:
                value["limits"] = {
                    name: _figure_value(figure, MEASURE_UNITS[name]) for name, figure in rule.limits.items()
                }
            return value
        case ReleaseRule():
            return {
                "items": [_item_value(item) for item in rule.items],
                "names": _figure_value(rule.names),
                "asks_adverse_events": rule.asks_adverse_events,
            }


_TYPE_NAMES: Final = {kind: name for name, kind in RULE_TYPES.items()}


def _rule_value(rule: AnyRule) -> dict[str, Any]:
    value: dict[str, Any] = {
        "type": _TYPE_NAMES[type(rule)],
        "code": rule.code,
        "stage": rule.stage,
        "words": _words_value(rule.words),
        "who": rule.who.value,
    } | _source_fields(rule.source)
    if rule.important:
        value["important"] = True
    if rule.weight != 1:
        value["weight"] = plain(rule.weight)
    if not rule.suspended_by_hold:
        value["suspended_by_hold"] = False
    if rule.safety:
        value["safety"] = True
    if rule.per:
        value["per"] = rule.per
    value |= _own_value(rule)
    if rule.blocks:
        value["blocks"] = [_block_value(block) for block in rule.blocks]
    return value


def _protocol_value(definition: ProtocolDefinition) -> dict[str, Any]:
    value: dict[str, Any] = {
        "format": FORMAT,
        "code": definition.code,
        "version": definition.version,
        "title": _words_value(definition.title),
        "indication": _words_value(definition.indication),
        "investigational": definition.investigational,
        "jurisdiction": definition.jurisdiction,
        "citations": dict(definition.citations),
    }
    if definition.terms:
        value["terms"] = {name: _words_value(words) for name, words in definition.terms.items()}
    if definition.instruments:
        value["instruments"] = list(definition.instruments)
    value["stages"] = [
        {"code": stage.code, "kind": stage.kind.value, "words": _words_value(stage.words)}
        | ({"per_cycle": True} if stage.per_cycle else {})
        for stage in definition.stages
    ]
    value["rules"] = [_rule_value(rule) for rule in definition.rules]
    if definition.reminders:
        value["reminders"] = [
            {
                "code": reminder.code,
                "rule": reminder.rule,
                "purpose": reminder.purpose,
                "before": _figure_value(reminder.before),
                "at": f"{reminder.at:%H:%M}",
                "useful_for": _figure_value(reminder.useful_for),
            }
            for reminder in definition.reminders
        ]
    if definition.answers:
        value["answers"] = [
            {
                "rule": answer.rule,
                "answer_by": _figure_value(answer.answer_by),
                "act_within": _figure_value(answer.act_within),
                "owner": answer.owner.value,
                "cover": answer.cover.value,
            }
            for answer in definition.answers
        ]
    return value


def definition_to_document(definition: ProtocolDefinition) -> str:
    """The document that parses back into exactly this definition. Comments and layout of the first one are
    not kept."""
    return yaml.safe_dump(_protocol_value(definition), sort_keys=False, allow_unicode=True, width=120)


def digest_of(definition: ProtocolDefinition) -> str:
    """SHA-256 of what the definition says, in hexadecimal: the same for two documents that differ only in
    layout."""
    canonical = json.dumps(
        _protocol_value(definition), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    )
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
