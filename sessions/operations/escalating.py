"""A safety task on which nobody acts is told to more people, one after the other: to its cover, a supervisor,
who is on call. By the clinic's own minutes; while it is closed, to who is on call at once."""

from __future__ import annotations

import logging
import time as elapsed
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from clinic.actors import Actor, acting, system_actor
from clinic.models import Clinic
from clinic.operations.events import record_event
from clinic.permissions import Role
from clinic.rules.opening_hours import is_open
from sessions.models import Course, StaffTask, TaskTold
from sessions.operations.locks import lock_course
from sessions.operations.owners import People, part_of, people_for
from sessions.operations.telling_staff import tell_of_task
from sessions.rules.escalation import NextTold, Rung, Waits, next_told

log = logging.getLogger(__name__)

PUSHED = timedelta(minutes=1)
AT_ONCE = 200  # tasks looked at in one turn


def begin_clock(task: StaffTask, *, clinic: Clinic, since: datetime) -> None:
    """Nobody has acted on the task since then: when somebody is told next follows. Sets the columns; the
    caller saves them."""
    task.untouched_since = since
    found = _next(task, clinic=clinic, told=()) if task.safety and task.done_at is None else None
    task.tell_next_at = None if found is None else found.at


CLOCK = ("untouched_since", "tell_next_at")
"""What `begin_clock` and `stop_clock` set."""


def stop_clock(task: StaffTask) -> None:
    task.tell_next_at = None


def somebody_acted(*, course: Course, now: datetime, task: StaffTask | None = None) -> None:
    """Somebody tried to reach the patient, or took the task: who else is told waits until its clock has run
    out, or begins anew where it has. The course row must be locked."""
    tasks = (
        [task]
        if task is not None
        else list(StaffTask.objects.filter(course=course, safety=True, done_at__isnull=True).order_by("pk"))
    )
    for one in tasks:
        begin_clock(one, clinic=course.clinic, since=max(now, one.act_by))
        one.save(update_fields=[*CLOCK])


def waits_of(clinic: Clinic) -> Waits:
    return Waits(
        cover=clinic.cover_after_minutes,
        supervisor=clinic.supervisor_after_minutes,
        on_call=clinic.on_call_after_minutes,
    )


def clinic_is_open(clinic: Clinic, at: datetime) -> bool:
    return is_open(
        at, zone=clinic.zone_info, opens=clinic.open_from, closes=clinic.open_until, days=clinic.open_days
    )


def _next(task: StaffTask, *, clinic: Clinic, told: Collection[Rung]) -> NextTold | None:
    since = task.untouched_since or task.opened_at
    return next_told(waits=waits_of(clinic), since=since, in_hours=clinic_is_open(clinic, since), told=told)


def told_since(task: StaffTask) -> set[Rung]:
    """Who has been told since anybody last acted on it."""
    rows = TaskTold.objects.filter(task=task, since=task.untouched_since or task.opened_at)
    return {Rung(rung) for rung in rows.values_list("rung", flat=True)}


def escalate_due_tasks(*, now: datetime, own: datetime | None = None, deadline_seconds: float = 20.0) -> int:
    """Tell whoever is next of each task whose moment has come, one task per transaction; any number of
    workers at once. One that raises is pushed back a minute and stops no other. Returns how many were
    told.

    While the database's clock is in doubt, `own` is the time by the machine's: nobody is told because a clock
    jumped. What was opened in the jumped time, by somebody at a page, runs by that. It is known by lying
    ahead of `own`, as does what waits for a later hour since somebody acted on it: told too early, which does
    no harm, where too late would.
    """
    own = min(own or now, now)
    until = elapsed.monotonic() + deadline_seconds
    told = 0
    due = list(
        StaffTask.objects.filter(
            Q(tell_next_at__lte=own) | Q(tell_next_at__lte=now, untouched_since__gt=own), done_at__isnull=True
        )
        .order_by("tell_next_at", "pk")
        .values_list("pk", "course_id", "clinic_id", "tell_next_at")[:AT_ONCE]
    )
    for pk, course_id, clinic_id, tell_next_at in due:
        if elapsed.monotonic() > until:
            break
        at = own if tell_next_at is not None and tell_next_at <= own else now
        actor = system_actor(clinic_id=clinic_id, at=at)
        try:
            with acting(actor):
                course = lock_course(actor=actor, pk=course_id)
                task = StaffTask.objects.get(pk=pk)
                told += _escalate(actor=actor, course=course, task=task, now=at)
        except Exception:
            log.exception("a task could not be told on")
            with transaction.atomic():
                StaffTask.objects.filter(pk=pk, tell_next_at__lte=at).update(tell_next_at=at + PUSHED)
    return told


def _escalate(*, actor: Actor, course: Course, task: StaffTask, now: datetime) -> int:
    if task.done_at is not None or task.tell_next_at is None or task.tell_next_at > now:
        return 0  # somebody was faster
    people = people_for(course=course, now=now)
    told = told_since(task)
    count = 0
    while (found := _next(task, clinic=course.clinic, told=told)) is not None and found.at <= now:
        count += _tell(actor=actor, course=course, task=task, rung=found.rung, people=people, now=now)
        told.add(found.rung)
    task.tell_next_at = None if found is None else found.at
    task.save(update_fields=["tell_next_at"])
    return count


def tell_next_at_once(*, actor: Actor, course: Course, task: StaffTask, now: datetime) -> None:
    """Somebody was not reached: whoever is next is told now, unless somebody has acted meanwhile. The course
    row must be locked."""
    if task.tell_next_at is None or (task.untouched_since or task.opened_at) > now:
        return
    told = told_since(task)
    found = _next(task, clinic=course.clinic, told=told)
    if found is not None:
        people = people_for(course=course, now=now)
        _tell(actor=actor, course=course, task=task, rung=found.rung, people=people, now=now)
        found = _next(task, clinic=course.clinic, told={*told, found.rung})
    task.tell_next_at = None if found is None else found.at
    task.save(update_fields=["tell_next_at"])


def _tell(*, actor: Actor, course: Course, task: StaffTask, rung: Rung, people: People, now: datetime) -> int:
    person_id = _whom(course=course, task=task, rung=rung, people=people)
    TaskTold.objects.create(
        clinic_id=task.clinic_id,
        task=task,
        rung=rung.value,
        person_id=person_id,
        since=task.untouched_since or task.opened_at,
        told_at=now,
    )
    record_event(
        actor=actor,
        verb="task_escalated",
        subject=task,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        reason_code=rung.value,
        data={"person": person_id},
    )
    if person_id is None:
        return 0
    tell_of_task(
        task=task, people=[person_id], target_at=task.untouched_since or task.opened_at, now=now, rung=rung
    )
    return 1


def _whom(*, course: Course, task: StaffTask, rung: Rung, people: People) -> int | None:
    """The person that the rung means, if they are here and may see the task; of who is on call, somebody
    else who can act if they may not. Nobody is told twice in the same breath as the owner."""
    part = part_of(task.kind, safety=True)
    if rung is Rung.COVER:
        return task.cover_id if task.cover_id in people.able else None
    if rung is Rung.SUPERVISOR:
        return people.holder(Role.SUPERVISOR, part=part, other_than=task.owner_id).person_id
    on_call = course.clinic.on_call_person_id
    if on_call in people.able:
        return on_call
    return people.holder(Role.COORDINATOR, part=part, other_than=task.owner_id).person_id
