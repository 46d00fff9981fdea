"""The deviations of one course as the engine finds them: raised once, documented late, reopened; never
deleted. Called by `refresh_course` alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clinic.actors import Actor
from clinic.operations.events import record_event
from sessions.models import Course, DeviationRecord
from sessions.operations.kept import evidence_json
from sessions.rules.engine import ENGINE_VERSION
from sessions.rules.facts import History
from sessions.rules.requirements import Outcome, Requirement

# What a reviewer judged. When one of these turns out otherwise, the judgement is asked for again.
_JUDGED_BY = ("status", "reason", "occurred_at", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """`raised`: new or counted anew, by primary key. `changed`: those for which a report may now be due, or
    no longer."""

    raised: list[int] = field(default_factory=list)
    changed: list[DeviationRecord] = field(default_factory=list)


def keep_deviations(
    *,
    actor: Actor,
    course: Course,
    outcome: Outcome,
    history: History,
    deviations: Sequence[DeviationRecord],
    now: datetime,
) -> Departures:
    """Every departure becomes a deviation, once, under its key. One that a later fact disproved stays, and
    says so; where its review was closed, that is reopened. What somebody entered is not the engine's to
    judge."""
    kept = {row.key: row for row in deviations if row.entered_by_id is None}
    departed = {one.key: one for one in outcome.requirements if one.is_deviation}
    found = Departures()

    def tell(row: DeviationRecord, verb: str, why: str = "") -> None:
        record_event(
            actor=actor,
            verb=verb,
            subject=row,
            course_id=course.pk,
            occurred_at=row.occurred_at,
            now=now,
            reason_code=why,
            data={"key": row.key, "status": row.status},
        )

    for key, requirement in departed.items():
        columns = _columns(course, requirement, now=now)
        row = kept.get(key)
        if row is None:
            row = DeviationRecord.objects.create(
                clinic_id=course.clinic_id,
                course=course,
                key=key,
                raised_at=now,
                aware_at=_aware_at(requirement, history, now=now),
                **columns,
            )
            tell(row, "deviation_raised")
            found.raised.append(row.pk)
            found.changed.append(row)
            continue
        changed = {name: value for name, value in columns.items() if getattr(row, name) != value}
        judged_anew = row.reviewed_at is not None and any(name in changed for name in _JUDGED_BY)
        why = ""
        if row.documented_late_at is not None or judged_anew:
            why = "evidence_changed"
            if row.documented_late_at is not None:
                why = "departed_again"
                found.raised.append(row.pk)
            changed |= {"documented_late_at": None, **_reopened(now)}
        if changed:
            _write(row, changed)
            tell(row, "deviation_reopened" if "reopened_at" in changed else "deviation_changed", why)
        if "important" in changed or "documented_late_at" in changed:
            found.changed.append(row)
    for key, row in kept.items():
        if key not in departed and row.documented_late_at is None:
            closed = row.reviewed_at is not None
            _write(
                row,
                {"documented_late_at": now, **(_reopened(now) if closed else {"reopened_at": None})},
            )
            tell(row, "deviation_documented_late")
            if closed:
                tell(row, "deviation_reopened", "documented_late")
            found.changed.append(row)
    return found


def _columns(course: Course, requirement: Requirement, *, now: datetime) -> dict[str, Any]:
    return {
        "rule": requirement.rule,
        "kind": requirement.kind.value,
        "stage": requirement.stage,
        "cycle": requirement.cycle,
        "status": requirement.status.value,
        "important": requirement.important,
        "cause": requirement.cause,
        "reason": requirement.reason,
        "occurred_at": requirement.settled_at
        or requirement.came_due_at
        or requirement.window.closes_at
        or now,
        "opens_at": requirement.window.opens_at,
        "closes_at": requirement.window.closes_at,
        "evidence": [evidence_json(one) for one in requirement.evidence],
        "engine_version": ENGINE_VERSION,
        "protocol_version_id": requirement.version_id or course.protocol_version_id,
    }


def _aware_at(requirement: Requirement, history: History, *, now: datetime) -> datetime:
    """When the clinic knew of a departure that is found now: with whoever records now what shows it, and knew
    that before."""
    shows = {one.fact_id for one in requirement.evidence}
    known = [fact.aware_at for fact in history.facts if fact.recorded_at == now and fact.id in shows]
    return min(max(known, default=now), now)


def _reopened(now: datetime) -> dict[str, Any]:
    """Whoever acknowledged it knew other facts. What was classified, found and done stays."""
    return {"reviewed_at": None, "acknowledged_at": None, "reopened_at": now}


def _write(row: DeviationRecord, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(row, name, value)
    row.save(update_fields=list(changed))
