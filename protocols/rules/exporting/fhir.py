"""A definition's schedule of activities as an HL7 FHIR R4 PlanDefinition, with the Vulcan extension for
acceptable offsets.

Carries sessions, contacts, assessments, forms and decisions with their windows. Gates, limits, doses and
messages have no place in a PlanDefinition; they stay in the protocol's own document.
"""

from __future__ import annotations

import re
from typing import Any, Final

from protocols.rules.definition import (
    AnchorEvent,
    InForce,
    Offset,
    ProtocolDefinition,
    SourceStatus,
    Unit,
)
from protocols.rules.schedule import (
    CONSENT,
    ENROLMENT,
    Milestone,
    PlannedItem,
    days,
    minutes,
    schedule,
)

PROFILE: Final = "http://hl7.org/fhir/uv/vulcan-schedule/StructureDefinition/StudyProtocolSoa"
ACCEPTABLE_RANGE: Final = (
    "http://hl7.org/fhir/uv/vulcan-schedule/StructureDefinition/AcceptableOffsetRangeSoa"
)
PLAN_TYPES: Final = "http://terminology.hl7.org/CodeSystem/plan-definition-type"
UCUM: Final = "http://unitsofmeasure.org"
_MILESTONES: Final = {ENROLMENT: "Enrolment", CONSENT: "First consent to treatment"}
_MOMENTS: Final = {
    AnchorEvent.FIRST_DOSE: "counted from the first dose",
    AnchorEvent.LAST_DOSE: "counted from the latest dose",
    AnchorEvent.ANSWERED: "counted from the answer",
    AnchorEvent.DECIDED: "counted from the decision",
}


def plan_definition(definition: ProtocolDefinition, *, published: bool = False) -> dict[str, Any]:
    """The PlanDefinition as JSON values. Durations are in UCUM units; ids are the engine's keys with `_`, `@`
    and `#` rewritten to what FHIR allows."""
    items = schedule(definition)
    roots = [key for key in _MILESTONES if any(item.hangs_on and item.hangs_on.key == key for item in items)]
    plan: dict[str, Any] = {
        "resourceType": "PlanDefinition",
        "id": fhir_id(definition.code),
        "meta": {"profile": [PROFILE]},
        "url": f"urn:protocol:{definition.code}",
        "version": definition.version,
        "name": "".join(part.capitalize() for part in definition.code.split("_")),
        "title": definition.title["en"],
        "type": {"coding": [{"system": PLAN_TYPES, "code": "clinical-protocol"}]},
        "status": "active" if published else "draft",
        "description": definition.indication["en"],
    }
    if definition.jurisdiction != "none":
        plan["jurisdiction"] = [{"text": definition.jurisdiction}]
    period = _period(definition.in_force)
    if period:
        plan["effectivePeriod"] = period
    plan["relatedArtifact"] = [
        {"type": "citation", "label": code, "citation": text} for code, text in definition.citations.items()
    ]
    plan["action"] = [{"id": key, "title": _MILESTONES[key]} for key in roots] + [
        _action(item) for item in items
    ]
    return plan


def fhir_id(key: str) -> str:
    """`key` in the letters that FHIR allows in an id. Different keys give different ids.

    >>> fhir_id("integration.2@dosing.1")
    'integration.2-at-dosing.1'
    """
    return re.sub(r"[^A-Za-z0-9.\-]", "-", key.replace("@", "-at-").replace("#", "-no-"))


def _action(item: PlannedItem) -> dict[str, Any]:
    rule = item.rule
    number = f" {item.index}" if item.index is not None else ""
    cycle = f" ({item.stage.words['en']} {item.cycle})" if item.cycle is not None else ""
    action: dict[str, Any] = {
        "id": fhir_id(item.key),
        "title": f"{item.words['en']}{number}{cycle}",
        "code": [{"text": type(rule).__name__.removesuffix("Rule").lower()}],
    }
    told = [_MOMENTS[item.hangs_on.event]] if item.hangs_on and item.hangs_on.event in _MOMENTS else []
    told += [
        f"{name} at {offset.at:%H:%M} on that day"
        for name, offset in (("opens", item.opens), ("target", item.target), ("closes", item.closes))
        if offset is not None and offset.at is not None
    ]
    if item.conditional:
        told.append("only where the protocol's conditions hold")
    if told:
        action["description"] = "; ".join(told).capitalize() + "."
    if rule.source.status is SourceStatus.PUBLISHED:
        action["documentation"] = [{"type": "citation", "label": rule.source.citation}]
    related = [] if item.hangs_on is None else [_related(item, item.hangs_on)]
    if item.before is not None:
        related.append({"actionId": fhir_id(item.before.key), "relationship": "before-start"})
    if related:
        action["relatedAction"] = related
    if item.minutes is not None:
        action["timingTiming"] = {"repeat": {"duration": item.minutes, "durationUnit": "min"}}
    return action


def _related(item: PlannedItem, milestone: Milestone) -> dict[str, Any]:
    """How far from what: a window that lies wholly before its anchor is told as a distance before it."""
    bounds = [bound for bound in (item.opens, item.target, item.closes) if bound is not None]
    before = any(bound.amount < 0 for bound in bounds) and all(bound.amount <= 0 for bound in bounds)
    moment = "end" if milestone.event is AnchorEvent.SESSION_END else "start"
    related: dict[str, Any] = {
        "actionId": fhir_id(milestone.key),
        "relationship": f"{'before' if before else 'after'}-{moment}",
    }
    sign = -1 if before else 1
    nearest, furthest = (item.closes, item.opens) if before else (item.opens, item.closes)
    acceptable = {
        name: _quantity(bound, sign)
        for name, bound in (("low", nearest), ("high", furthest))
        if bound is not None
    }
    if acceptable:
        related["extension"] = [{"url": ACCEPTABLE_RANGE, "valueRange": acceptable}]
    if item.target is not None:
        related["offsetDuration"] = _quantity(item.target, sign)
    return related


def _quantity(offset: Offset, sign: int) -> dict[str, Any]:
    whole_days = days(offset)
    if whole_days is not None:
        return {"value": sign * whole_days, "unit": "d", "system": UCUM, "code": "d"}
    if offset.unit is Unit.HOURS:
        return {"value": sign * offset.amount, "unit": "h", "system": UCUM, "code": "h"}
    return {"value": sign * minutes(offset), "unit": "min", "system": UCUM, "code": "min"}


def _period(in_force: InForce) -> dict[str, str]:
    bounds = {"start": in_force.from_on, "end": in_force.until_on}
    return {name: day.isoformat() for name, day in bounds.items() if day is not None}
