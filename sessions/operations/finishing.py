"""A person takes a task, and finishes it: with what was done, and the record that some of them end in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import Incomplete, NotNow
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import Course, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.actions import finish_by_task
from sessions.operations.assessing import ASSESSED, Assessment, record_assessment
from sessions.operations.escalating import somebody_acted
from sessions.operations.locks import lock_course
from sessions.operations.records import put_fact
from sessions.operations.refresh import refresh_course
from sessions.operations.tasks import close_task
from sessions.permissions import subject_of
from sessions.rules.facts import StepTaken


@contextmanager
def _on_task(*, actor: Actor, task_id: UUID) -> Iterator[StaffTask]:
    """The task, open, its course locked: two at once come one after the other, and the second sees what the
    first did."""
    with acting(actor):
        course = lock_course(actor=actor, staff_tasks__public_id=task_id)
        require(actor, Permission.TAKE_TASK, subject_of(course))
        task = StaffTask.objects.select_related("owner", "done_by").get(course=course, public_id=task_id)
        task.course = course
        if task.done_at is not None:
            by = task.done_by.printed_name if task.done_by else _("the patient’s own answer")
            raise NotNow(
                _("This task is already done, by %(who)s.") % {"who": by},
                code="task-done",
                advice=_("Open the task to see how."),
            )
        yield task


def finish_task(
    *,
    actor: Actor,
    task_id: UUID,
    resolution: str,
    now: datetime,
    assessment: Assessment | None = None,
) -> StaffTask:
    """Close a task with what was done; one about an answer that worries, with an assessment of the risk.
    Raises NotNow if somebody closed it before, or where only the act it asks for closes it."""
    with _on_task(actor=actor, task_id=task_id) as task:
        if task.kind in (TaskKind.EFFECTIVENESS_CHECK, TaskKind.DEVIATION_REPORT):
            raise NotNow(
                _("Saying so here is not enough."),
                code="act-first",
                advice=_("Judge or report it on the page of the deviation; that closes the task."),
            )
        if not resolution.strip():
            raise Incomplete(
                "Say what was done.", fields={"resolution": ["Write what you did and what you found."]}
            )
        if task.kind in ASSESSED:
            record_assessment(
                actor=actor,
                course=task.course,
                task=task,
                assessment=assessment,
                found=resolution.strip(),
                now=now,
            )
        close_task(actor=actor, task=task, resolution=resolution.strip(), now=now)
        if task.kind == TaskKind.DEVIATION_ACTION:
            finish_by_task(actor=actor, task=task, now=now)
        if task.kind == TaskKind.NOT_REACHED:
            _take_step(actor=actor, course=task.course, task=task, what=resolution.strip(), now=now)
        return task


def take_task(*, actor: Actor, task_id: UUID, now: datetime, owner_seen: str | None = None) -> StaffTask:
    """Make the actor the owner; whoever owned it becomes the cover.

    `owner_seen` is the public id of the owner whom the actor saw, or "" for nobody: if that is not so any
    more, somebody was faster, and NotNow says who. None takes it from whoever has it.
    """
    with _on_task(actor=actor, task_id=task_id) as task:
        if task.owner_id == actor.person_id:
            return task
        if owner_seen is not None and owner_seen != (str(task.owner.public_id) if task.owner else ""):
            raise NotNow(
                _("%(who)s has just taken this task.") % {"who": task.owner or _("Nobody")},
                code="task-taken",
                advice=_("Open the task again. You can still take it over."),
            )
        task.cover_id, task.owner_id = task.owner_id, actor.person
        # Taken on purpose: it goes back to nobody.
        task.owner_for_id = task.cover_for_id = task.unowned_since = None
        task.save(update_fields=["owner", "cover", "owner_for", "cover_for", "unowned_since"])
        somebody_acted(course=task.course, task=task, now=now)
        record_event(
            actor=actor,
            verb="task_taken",
            subject=task,
            course_id=task.course_id,
            occurred_at=now,
            now=now,
        )
        return task


def _take_step(*, actor: Actor, course: Course, task: StaffTask, what: str, now: datetime) -> None:
    """Record what was decided when nobody had been reached: that takes the step of which the task is. The
    course row must be locked."""
    put_fact(
        actor=actor, course=course, value=StepTaken(what=what), occurred_at=now, key=task.subject, now=now
    )
    refresh_course(course=course, now=now)
