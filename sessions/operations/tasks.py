"""Opening and closing work for a person: every task has an owner, a cover and a clock."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clinic.actors import Actor, acting, system_actor
from clinic.errors import Incomplete, NotFound, NotNow
from clinic.models import Membership
from clinic.operations.events import record_event
from clinic.permissions import Permission, Role, require
from sessions.models import CareTeamMember, Course, StaffTask
from sessions.models.courses import TeamRole
from sessions.models.tasks import TaskKind
from sessions.permissions import subject_of

# Who on the care team answers for a protocol's role.
TEAM_ROLES = {
    "therapist": TeamRole.LEAD_THERAPIST,
    "prescriber": TeamRole.PRESCRIBER,
    "supervisor": TeamRole.SUPERVISOR,
}


def open_task(
    *,
    actor: Actor | None = None,
    course: Course,
    kind: TaskKind,
    subject: str,
    act_by: datetime,
    now: datetime,
    owner_role: str = "therapist",
    cover_role: str = "coordinator",
    safety: bool = True,
) -> StaffTask | None:
    """Open the task unless it was opened before; None then. An owner or cover who is not on the care team is
    anyone of
    that role in the clinic, and in the last resort the coordinator: work is never unowned if the clinic has
    anybody."""
    owner_id = _holder(course=course, role=owner_role, now=now)
    cover_id = _holder(course=course, role=cover_role, now=now, other_than=owner_id or 0)
    task, opened = StaffTask.objects.get_or_create(
        clinic_id=course.clinic_id,
        course=course,
        kind=kind.value,
        subject=subject,
        defaults={
            "safety": safety,
            "owner_id": owner_id if owner_id is not None else cover_id,
            "cover_id": cover_id,
            "opened_at": now,
            "act_by": act_by,
        },
    )
    if not opened:
        return None
    record_event(
        actor=actor or system_actor(clinic_id=course.clinic_id, at=now),
        verb="task_opened",
        subject=task,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        reason_code=kind.value,
    )
    if safety:
        # Imported here: messages render from tasks, and tasks send messages.
        from sessions.operations.messages import tell_owner

        tell_owner(task=task, now=now)
    return task


def _holder(*, course: Course, role: str, now: datetime, other_than: int = 0) -> int | None:
    team_role = TEAM_ROLES.get(role)
    if team_role is not None:
        person_id = (
            CareTeamMember.objects.filter(course=course, team_role=team_role.value, until_at__isnull=True)
            .exclude(person_id=other_than)
            .order_by("from_at", "id")
            .values_list("person_id", flat=True)
            .first()
        )
        if person_id is not None:
            return person_id
    for wanted in (role, Role.COORDINATOR.value):
        today = now.astimezone(course.clinic.zone_info).date()
        members = Membership.objects.filter(
            clinic_id=course.clinic_id, roles__contains=[wanted], from_on__lte=today, person__is_active=True
        ).exclude(until_on__lt=today)
        person_id = (
            members.exclude(person_id=other_than).order_by("id").values_list("person_id", flat=True).first()
        )
        if person_id is not None:
            return person_id
    return None


def finish_task(*, actor: Actor, task_id: UUID, resolution: str, now: datetime) -> StaffTask:
    """Close a task with what was done. Raises NotNow if somebody closed it before."""
    with acting(actor):
        task = (
            StaffTask.objects.select_for_update(of=("self",))
            .select_related("course")
            .filter(clinic_id=actor.clinic_id, public_id=task_id)
            .first()
        )
        if task is None:
            raise NotFound()
        require(actor, Permission.TAKE_TASK, subject_of(task.course))
        if task.done_at is not None:
            raise NotNow("This task is already done.", advice="Open the task to see by whom and how.")
        if not resolution.strip():
            raise Incomplete(
                "Say what was done.", fields={"resolution": ["Write what you did and what you found."]}
            )
        task.done_at, task.done_by_id, task.resolution = now, actor.person_id, resolution.strip()
        task.save(update_fields=["done_at", "done_by", "resolution"])
        record_event(
            actor=actor,
            verb="task_finished",
            subject=task,
            course_id=task.course_id,
            occurred_at=now,
            now=now,
        )
        return task


def take_task(*, actor: Actor, task_id: UUID, now: datetime) -> StaffTask:
    """Make the actor the owner; whoever owned it becomes the cover."""
    with acting(actor):
        task = (
            StaffTask.objects.select_for_update(of=("self",))
            .select_related("course")
            .filter(clinic_id=actor.clinic_id, public_id=task_id)
            .first()
        )
        if task is None:
            raise NotFound()
        require(actor, Permission.TAKE_TASK, subject_of(task.course))
        if task.done_at is not None:
            raise NotNow("This task is already done.")
        if task.owner_id != actor.person_id:
            task.cover_id, task.owner_id = task.owner_id, actor.person_id
            task.save(update_fields=["owner", "cover"])
            record_event(
                actor=actor,
                verb="task_taken",
                subject=task,
                course_id=task.course_id,
                occurred_at=now,
                now=now,
            )
        return task
