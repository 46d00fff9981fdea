"""What a task follows from, where it follows from a deviation: the action agreed there, whether it worked, a
report of it to be made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from clinic.actors import Actor
from clinic.permissions import Permission
from protocols.queries import definitions_of
from sessions.models import DeviationAction, DeviationRecord, DeviationReport, StaffTask
from sessions.models.tasks import TaskKind
from sessions.queries.courses import courses_for
from sessions.queries.supervision import what_of

CAPA = (TaskKind.DEVIATION_ACTION.value, TaskKind.EFFECTIVENESS_CHECK.value)
"""Corrective and preventive actions, and the checks whether they worked."""

FOLLOWING = (*CAPA, TaskKind.DEVIATION_REPORT.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    deviation_id: UUID
    what: str  # what departed, in the protocol's words
    important: bool
    to_do: str  # the action that was agreed; "" where it is no action


def followed_by(actor: Actor, tasks: Sequence[StaffTask]) -> Mapping[int, Followed]:
    """`followed`, of the deviations that the actor may see. One query more."""
    following = [task for task in tasks if task.kind in FOLLOWING]
    if not following:
        return {}
    seen = set(
        courses_for(actor, Permission.VIEW_DEVIATIONS)
        .filter(pk__in={task.course_id for task in following})
        .values_list("pk", flat=True)
    )
    return followed([task for task in following if task.course_id in seen])


def followed(tasks: Sequence[StaffTask]) -> Mapping[int, Followed]:
    """By task, of those that follow from a deviation. No query where none does, else four at most."""
    asked = {task.pk: (task.kind, UUID(task.subject[:36])) for task in tasks if task.kind in FOLLOWING}
    if not asked:
        return {}
    clinics = {task.clinic_id for task in tasks}
    ids = {kind: {about for each, about in asked.values() if each == kind} for kind in FOLLOWING}
    actions = {
        action.public_id: action
        for action in DeviationAction.objects.filter(
            clinic_id__in=clinics, public_id__in=ids[TaskKind.DEVIATION_ACTION]
        )
    }
    reports = dict(
        DeviationReport.objects.filter(
            clinic_id__in=clinics, public_id__in=ids[TaskKind.DEVIATION_REPORT]
        ).values_list("public_id", "deviation_id")
    )
    # What was entered in error is not among them, nor among the reports: its tasks are closed and follow from
    # nothing.
    mine = DeviationRecord.objects.filter(clinic_id__in=clinics)
    rows = list(
        mine.filter(pk__in={*(one.deviation_id for one in actions.values()), *reports.values()}).union(
            mine.filter(public_id__in=ids[TaskKind.EFFECTIVENESS_CHECK])
        )
    )
    by_pk, by_id = {row.pk: row for row in rows}, {row.public_id: row for row in rows}
    definitions = definitions_of({row.protocol_version_id for row in rows})
    found: dict[int, Followed] = {}
    for pk, (kind, about) in asked.items():
        if kind == TaskKind.DEVIATION_ACTION:
            row = by_pk.get(actions[about].deviation_id)
        elif kind == TaskKind.DEVIATION_REPORT:
            row = by_pk.get(reports.get(about, 0))
        else:
            row = by_id.get(about)
        if row is None:
            continue
        found[pk] = Followed(
            deviation_id=row.public_id,
            what=what_of(row, definition=definitions[row.protocol_version_id]),
            important=row.important,
            to_do=actions[about].what if kind == TaskKind.DEVIATION_ACTION else "",
        )
    return found
