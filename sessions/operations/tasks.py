"""Opening and closing work for a person: every task has an owner, a cover and a clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting, system_actor
from clinic.errors import Incomplete, NotNow
from clinic.models import Membership
from clinic.operations.events import record_event
from clinic.permissions import Permission, Role, allows, require
from clinic.rules.wall_time import start_of_day
from sessions.models import CareTeamMember, Course, SessionBooking, StaffTask
from sessions.models.courses import TeamRole
from sessions.models.tasks import TaskKind
from sessions.operations.locks import lock_course
from sessions.permissions import subject_of

# Who on the care team answers for a protocol's role.
TEAM_ROLES = {
    "therapist": TeamRole.LEAD_THERAPIST,
    "prescriber": TeamRole.PRESCRIBER,
    "supervisor": TeamRole.SUPERVISOR,
}
# Who is asked when nobody of the role is left: a coordinator finds somebody; the others can.
INSTEAD = (Role.COORDINATOR, Role.SUPERVISOR, Role.PRESCRIBER, Role.THERAPIST)


# A message that did not go out and a question nobody answered ask for the same call: one task, one owner.
SAME_CALL = frozenset({TaskKind.NO_ANSWER, TaskKind.MESSAGE_NOT_SENT})


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
    """Open the task unless it was opened before; None then. The course row must be locked.

    Owner and cover are two people who work here today and can see the task: who holds the role in the care
    team, else anybody of that role, else the coordinator. Work is never unowned if the clinic has anybody.
    """
    alike = SAME_CALL if kind in SAME_CALL else {kind}
    if StaffTask.objects.filter(
        course=course, kind__in=[one.value for one in alike], subject=subject
    ).exists():
        return None
    people = _people_for(course=course, now=now)
    owner_id, owner_as = people.holder(owner_role)
    cover_id, cover_as = people.holder(cover_role, other_than=owner_id)
    task = StaffTask.objects.create(
        clinic_id=course.clinic_id,
        course=course,
        kind=kind.value,
        subject=subject,
        safety=safety,
        owner_id=owner_id,
        cover_id=cover_id,
        opened_at=now,
        act_by=act_by,
    )
    record_event(
        actor=actor or system_actor(clinic_id=course.clinic_id, at=now),
        verb="task_opened",
        subject=task,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        reason_code=kind.value,
        data={"owner_as": owner_as, "cover_as": cover_as},
    )
    if safety:
        # Imported here: messages render from tasks, and tasks send messages.
        from sessions.operations.messages import tell_owner

        tell_owner(task=task, now=now)
    return task


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """Who could own a task of one course today."""

    able: Mapping[int, frozenset[Role]]  # person → roles, of those who can see and take its tasks
    team: Mapping[str, tuple[int, ...]]  # place in the care team → persons, longest there first
    until: Mapping[int, date]  # person → last day, of those who have one

    def holder(self, role: str, *, other_than: int | None = None) -> tuple[int | None, str]:
        """The person, and as what they were chosen; (None, "") when nobody is left."""
        free = [person_id for person_id in self.able if person_id != other_than]
        place = TEAM_ROLES.get(role)
        for person_id in self.team.get(place.value, ()) if place else ():
            if person_id in free:
                return person_id, role
        for wanted in (role, *INSTEAD):
            for person_id in free:
                if wanted in self.able[person_id]:
                    return person_id, str(wanted)
        return None, ""


def _people_for(*, course: Course, now: datetime) -> _People:
    today = now.astimezone(course.clinic.zone_info).date()
    subject = subject_of(course)
    able: dict[int, frozenset[Role]] = {}
    until: dict[int, date] = {}
    for membership in (
        Membership.objects.filter(clinic_id=course.clinic_id, person__is_active=True, from_on__lte=today)
        .exclude(until_on__lt=today)
        .order_by("pk")
    ):
        person = Actor(
            kind="person",
            clinic_id=course.clinic_id,
            person_id=membership.person_id,
            roles=membership.role_set,
            at=now,
        )
        if all(allows(person, asked, subject) for asked in (Permission.VIEW_TASKS, Permission.TAKE_TASK)):
            able[membership.person_id] = membership.role_set
            if membership.until_on is not None:
                until[membership.person_id] = membership.until_on
    team: dict[str, list[int]] = defaultdict(list)
    for place, person_id in (
        CareTeamMember.objects.filter(course=course, until_at__isnull=True)
        .order_by("from_at", "pk")
        .values_list("team_role", "person_id")
    ):
        team[place].append(person_id)
    return _People(able=able, team={place: tuple(ids) for place, ids in team.items()}, until=until)


def keep_tasks_owned(*, course: Course, now: datetime) -> datetime | None:
    """Hand on the open tasks whose owner or cover has left the clinic or the care team. The course row must
    be locked. Returns the next midnight at which somebody who holds one leaves."""
    tasks = list(StaffTask.objects.filter(course=course, done_at__isnull=True).order_by("pk"))
    if not tasks:
        return None
    people = _people_for(course=course, now=now)
    for task in tasks:
        owner_id = task.owner_id if task.owner_id in people.able else None
        cover_id = task.cover_id if task.cover_id in people.able else None
        if owner_id is None:
            owner_id, cover_id = (cover_id, None) if cover_id else (people.holder("therapist")[0], None)
        if cover_id is None:
            cover_id = people.holder(Role.COORDINATOR, other_than=owner_id)[0]
        _hand_on(
            actor=system_actor(clinic_id=course.clinic_id, at=now),
            task=task,
            owner_id=owner_id,
            cover_id=cover_id,
            now=now,
        )
    holders = {person_id for task in tasks for person_id in (task.owner_id, task.cover_id)}
    leaving = [last for person_id, last in people.until.items() if person_id in holders]
    zone = course.clinic.zone_info
    return min((start_of_day(last + timedelta(days=1), zone) for last in leaving), default=None)


def hand_on_tasks(
    *, actor: Actor, course: Course, from_people: Sequence[int], to_person: int, now: datetime
) -> None:
    """Give what somebody who leaves the care team had open to whoever takes their place. The course row must
    be locked; refreshing it then finds a cover where the newcomer was it."""
    for task in StaffTask.objects.filter(course=course, done_at__isnull=True).order_by("pk"):
        owner_id = to_person if task.owner_id in from_people else task.owner_id
        cover_id = to_person if task.cover_id in from_people else task.cover_id
        cover_id = None if cover_id == owner_id else cover_id
        _hand_on(actor=actor, task=task, owner_id=owner_id, cover_id=cover_id, now=now)


def _hand_on(
    *, actor: Actor, task: StaffTask, owner_id: int | None, cover_id: int | None, now: datetime
) -> None:
    if (owner_id, cover_id) == (task.owner_id, task.cover_id):
        return
    task.owner_id, task.cover_id = owner_id, cover_id
    task.save(update_fields=["owner", "cover"])
    record_event(
        actor=actor,
        verb="task_handed_on",
        subject=task,
        course_id=task.course_id,
        occurred_at=now,
        now=now,
    )
    if task.safety:
        from sessions.operations.messages import tell_owner

        tell_owner(task=task, now=now)


def close_tasks(
    *,
    actor: Actor,
    course: Course,
    kinds: Sequence[TaskKind],
    resolution: str,
    now: datetime,
    subject: str | None = None,
    booking: SessionBooking | None = None,
    opened_until: datetime | None = None,
) -> None:
    """Close what something that happened has settled: the open tasks of these kinds, of one subject or
    booking or of all, opened no later than `opened_until`. The course row must be locked."""
    tasks = StaffTask.objects.filter(
        course=course, kind__in=[kind.value for kind in kinds], done_at__isnull=True
    )
    if subject is not None:
        tasks = tasks.filter(subject=subject)
    if booking is not None:
        tasks = tasks.filter(subject__startswith=str(booking.public_id))
    if opened_until is not None:
        tasks = tasks.filter(opened_at__lte=opened_until)
    for task in tasks.order_by("pk"):
        _close(actor=actor, task=task, resolution=resolution, now=now)


def _close(*, actor: Actor, task: StaffTask, resolution: str, now: datetime) -> None:
    task.done_at, task.done_by_id, task.resolution = now, actor.person_id, resolution
    task.save(update_fields=["done_at", "done_by", "resolution"])
    if task.kind == TaskKind.TIME_ASKED:
        # Dealt with: whoever still cannot come then may ask again.
        SessionBooking.objects.filter(clinic_id=task.clinic_id, public_id=task.subject[:36]).update(
            change_asked_at=None
        )
    record_event(
        actor=actor,
        verb="task_finished",
        subject=task,
        course_id=task.course_id,
        occurred_at=now,
        now=now,
    )


@contextmanager
def _on_task(*, actor: Actor, task_id: UUID) -> Iterator[StaffTask]:
    """The task, open, its course locked: two at once come one after the other, and the second sees what the
    first did."""
    with acting(actor):
        course = lock_course(actor=actor, staff_tasks__public_id=task_id)
        require(actor, Permission.TAKE_TASK, subject_of(course))
        task = StaffTask.objects.select_related("owner", "done_by").get(course=course, public_id=task_id)
        if task.done_at is not None:
            by = task.done_by.printed_name if task.done_by else _("the patient’s own answer")
            raise NotNow(
                _("This task is already done, by %(who)s.") % {"who": by},
                code="task-done",
                advice=_("Open the task to see how."),
            )
        yield task


def finish_task(*, actor: Actor, task_id: UUID, resolution: str, now: datetime) -> StaffTask:
    """Close a task with what was done. Raises NotNow if somebody closed it before."""
    with _on_task(actor=actor, task_id=task_id) as task:
        if not resolution.strip():
            raise Incomplete(
                "Say what was done.", fields={"resolution": ["Write what you did and what you found."]}
            )
        _close(actor=actor, task=task, resolution=resolution.strip(), now=now)
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
