"""Work for a person is opened, handed on and closed: every task has an owner, a cover and a clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from clinic.actors import Actor, system_actor
from clinic.operations.events import record_event
from clinic.permissions import CLINICAL, Role
from clinic.rules.wall_time import start_of_day
from sessions.models import Course, FactRecord, SessionBooking, StaffTask
from sessions.models.tasks import TaskKind
from sessions.operations.escalating import CLOCK, begin_clock, stop_clock
from sessions.operations.owners import Holder, Part, People, part_of, people_for
from sessions.operations.telling_staff import tell_owner
from sessions.rules.facts import ContactResult
from sessions.rules.taking_back import ACTS

COORDINATORS_OWN = frozenset(
    {
        TaskKind.STAFF_GONE,
        TaskKind.STAFF_AWAY,
        TaskKind.VISIT_TO_BOOK,
        TaskKind.RATER_NOT_BLIND,
        TaskKind.TIME_ASKED,
        TaskKind.VISIT_MOVED,
        TaskKind.LINK_LOCKED,
    }
)
"""A coordinator's own work: nothing has fallen to them that should be somebody else's."""
SAME_CALL = frozenset({TaskKind.NO_ANSWER, TaskKind.MESSAGE_NOT_SENT})
"""A message that did not go out and a question nobody answered ask for the same call: one task, one owner."""


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
    named: int | None = None,
) -> StaffTask | None:
    """Open the task unless it was opened before; None then. The course row must be locked.

    Owner and cover are two people who are here today and can see the task: who holds the role in the care
    team or stands in for them, else anybody of that role, else the coordinator, and the task says since when.
    Work is never unowned if the clinic has anybody.
    `named` owns it instead, as long as they can.
    """
    alike = SAME_CALL if kind in SAME_CALL else {kind}
    if StaffTask.objects.filter(
        course=course, kind__in=[one.value for one in alike], subject=subject
    ).exists():
        return None
    people = people_for(course=course, now=now)
    part = part_of(kind, safety=safety)
    if named in people.able:
        owner = Holder(person_id=named, stead_of=None, chosen_as=owner_role)
    else:
        owner = people.holder(owner_role, part=part)
    cover = people.holder(cover_role, part=part, other_than=owner.person_id)
    cover_for = cover.stead_of
    if owner.stead_of is not None:
        usual = people.holder(cover_role, part=part, other_than=owner.stead_of).person_id
        # Whoever owns it only meanwhile would have covered it, and will.
        cover_for = usual if usual == owner.person_id else cover_for
    fell = owner.chosen_as != owner_role and not people.able.get(owner.person_id or 0, frozenset()) & CLINICAL
    task = StaffTask(
        clinic_id=course.clinic_id,
        course=course,
        kind=kind.value,
        subject=subject,
        safety=safety,
        owner_id=owner.person_id,
        owner_for_id=owner.stead_of,
        cover_id=cover.person_id,
        cover_for_id=cover_for,
        unowned_since=now if fell else None,
        opened_at=now,
        act_by=act_by,
    )
    begin_clock(task, clinic=course.clinic, since=now)
    task.save(force_insert=True)
    record_event(
        actor=actor or system_actor(clinic_id=course.clinic_id, at=now),
        verb="task_opened",
        subject=task,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        reason_code=kind.value,
        data={"owner_as": owner.chosen_as, "cover_as": cover.chosen_as},
    )
    if safety:
        tell_owner(task=task, now=now)
    return task


def bring_forward(
    *, actor: Actor, course: Course, kind: TaskKind, subject: str, act_by: datetime, now: datetime
) -> None:
    """What the open task is about has become more urgent: it is due sooner, who else is told of it waits for
    nobody's earlier attempt, and its people are told again. The course row must be locked."""
    task = StaffTask.objects.filter(
        course=course, kind=kind.value, subject=subject, done_at__isnull=True, act_by__gt=act_by
    ).first()
    if task is None:
        return
    task.act_by = act_by
    begin_clock(task, clinic=course.clinic, since=min(task.untouched_since or now, now))
    task.save(update_fields=["act_by", *CLOCK])
    record_event(
        actor=actor, verb="task_brought_forward", subject=task, course_id=course.pk, occurred_at=now, now=now
    )
    if task.safety:
        tell_owner(task=task, now=now, at=now)


def who_may_own(*, course: Course, now: datetime) -> frozenset[int]:
    """The persons who are here today and can see and take the course's tasks."""
    return frozenset(people_for(course=course, now=now).able)


def keep_tasks_owned(*, course: Course, now: datetime) -> datetime | None:
    """Give the open tasks of whoever is away, or has handed them over, to who stands in, and back when that
    is over; hand on those whose owner or cover has left the clinic or the care team. The course row must be
    locked. Returns the next midnight at which any of that changes."""
    tasks = list(StaffTask.objects.filter(course=course, done_at__isnull=True).order_by("pk"))
    if not tasks:
        return None
    people = people_for(course=course, now=now)
    for task in tasks:
        _keep_owned(task, people=people, now=now)
    concerned = {
        person_id
        for task in tasks
        for person_id in (task.owner_id, task.cover_id, task.owner_for_id, task.cover_for_id)
    }
    leaving = [last for person_id, last in people.until.items() if person_id in concerned]
    zone = course.clinic.zone_info
    looks = [start_of_day(last + timedelta(days=1), zone) for last in leaving]
    looks += [at for person_id, at in people.turns_at.items() if person_id in concerned]
    return min(looks, default=None)


def _keep_owned(task: StaffTask, *, people: People, now: datetime) -> None:
    part = part_of(task.kind, safety=task.safety)
    owner = _owner(task, people, part)
    fell = owner.chosen_as in (NOBODY, INSTEAD_OF_THE_TEAM)
    cover = _cover(task.cover_for_id or task.cover_id, people, part, owner=owner)
    _hand_on(
        actor=system_actor(clinic_id=task.clinic_id, at=now),
        task=task,
        owner=owner,
        cover=cover,
        unowned_since=(task.unowned_since or now) if fell else None,
        now=now,
    )


THEIRS, NOBODY, INSTEAD_OF_THE_TEAM = "theirs", "", "instead"


def _owner(task: StaffTask, people: People, part: Part) -> Holder:
    """Who has the task now, and whether it is theirs to have."""
    whose = task.owner_for_id or task.owner_id
    if whose is not None and people.works(whose):
        has = people.has_it(whose, part)
        if has is not None:
            mine = has == whose
            fell = mine and task.owner_for_id is None and task.unowned_since is not None
            return Holder(
                person_id=has,
                stead_of=None if mine else whose,
                chosen_as=INSTEAD_OF_THE_TEAM if fell else THEIRS,
            )
        if task.owner_for_id is not None and task.owner_id in people.able:
            chosen = INSTEAD_OF_THE_TEAM if task.unowned_since is not None else THEIRS
            return Holder(person_id=task.owner_id, stead_of=whose, chosen_as=chosen)
    stead = whose if people.works(whose) else None
    # Who has left for good is followed by their cover, who knows of it already; who is back on Monday is not.
    if stead is None and task.cover_id is not None and task.cover_id in people.able:
        found = Holder(person_id=task.cover_id, stead_of=None, chosen_as="cover")
    else:
        found = people.holder(people.role_of(whose), part=part)
    if found.person_id is None:
        return Holder(person_id=None, stead_of=stead, chosen_as=NOBODY)
    clinician = bool(people.able[found.person_id] & CLINICAL)
    return Holder(
        person_id=found.person_id,
        stead_of=found.stead_of or stead,
        chosen_as=THEIRS if clinician or task.kind in COORDINATORS_OWN else INSTEAD_OF_THE_TEAM,
    )


def _cover(whose: int | None, people: People, part: Part, *, owner: Holder) -> Holder:
    works = people.works(whose)
    has = people.has_it(whose, part) if whose is not None and works else None
    if has is not None and has != owner.person_id:
        return Holder(person_id=has, stead_of=None if has == whose else whose, chosen_as=THEIRS)
    found = people.holder(Role.COORDINATOR, part=part, other_than=owner.person_id)
    # Who became the owner for good is the cover no more; who only stands in is again, afterwards.
    returns = works and (whose != owner.person_id or owner.stead_of is not None)
    return Holder(person_id=found.person_id, stead_of=whose if returns else None, chosen_as=found.chosen_as)


def hand_on_tasks(
    *, actor: Actor, course: Course, from_people: Sequence[int], to_person: int, now: datetime
) -> None:
    """Give what somebody who leaves the care team had open, and what had fallen to a coordinator, to whoever
    takes their place. The course row must be locked; refreshing it then finds a cover where the newcomer was
    it."""
    for task in StaffTask.objects.filter(course=course, done_at__isnull=True).order_by("pk"):
        fell = task.unowned_since is not None and task.kind not in COORDINATORS_OWN
        leaves = (task.owner_for_id or task.owner_id) in from_people
        owner_id, owner_for = (
            (to_person, None) if leaves or (fell and from_people) else (task.owner_id, task.owner_for_id)
        )
        cover_leaves = (task.cover_for_id or task.cover_id) in from_people
        cover_id, cover_for = (to_person, None) if cover_leaves else (task.cover_id, task.cover_for_id)
        if cover_id == owner_id:
            cover_id, cover_for = None, None
        _hand_on(
            actor=actor,
            task=task,
            owner=Holder(person_id=owner_id, stead_of=owner_for, chosen_as=THEIRS),
            cover=Holder(person_id=cover_id, stead_of=cover_for, chosen_as=THEIRS),
            unowned_since=None if owner_id == to_person else task.unowned_since,
            now=now,
        )


def _hand_on(
    *,
    actor: Actor,
    task: StaffTask,
    owner: Holder,
    cover: Holder,
    unowned_since: datetime | None,
    now: datetime,
) -> None:
    before = (task.owner_id, task.cover_id)
    columns = {
        "owner_id": owner.person_id,
        "owner_for_id": owner.stead_of,
        "cover_id": cover.person_id,
        "cover_for_id": cover.stead_of,
        "unowned_since": unowned_since,
    }
    changed = [name for name, value in columns.items() if getattr(task, name) != value]
    if not changed:
        return
    for name in changed:
        setattr(task, name, columns[name])
    task.save(update_fields=changed)
    if (task.owner_id, task.cover_id) == before:
        return
    record_event(
        actor=actor,
        verb="task_handed_on",
        subject=task,
        course_id=task.course_id,
        occurred_at=now,
        now=now,
        data={"owner": task.owner_id, "owner_for": task.owner_for_id, "cover": task.cover_id},
    )
    if task.safety:
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
        close_task(actor=actor, task=task, resolution=resolution, now=now)


def close_tasks_about(
    *,
    actor: Actor,
    course: Course,
    subjects: Sequence[str],
    resolution: str,
    now: datetime,
    kinds: Sequence[TaskKind] = tuple(TaskKind),
) -> None:
    """Close the open tasks that records brought about which are none any more. The course row must be
    locked."""
    tasks = StaffTask.objects.filter(
        course=course, kind__in=[kind.value for kind in kinds], subject__in=subjects, done_at__isnull=True
    )
    for task in tasks.order_by("pk"):
        close_task(actor=actor, task=task, resolution=resolution, now=now)


def reopen_tasks(*, actor: Actor, course: Course, facts: Sequence[FactRecord], now: datetime) -> None:
    """Open again what one of these facts had closed: a contact, an answer, an assessment of risk, a decision
    when nobody had been reached, an end or a hold of the course. It was not this patient's, or was not so;
    what another contact has settled since stays closed. The course row must be locked."""
    closed_at = [one.recorded_at for one in facts if one.kind in ("contact_made", "assessment_answered")]
    assessed = [one.value["task"] for one in facts if one.kind == "risk_assessed"]
    decided = [one.key for one in facts if one.kind == "step_taken" and one.key]
    moved_at = [one.recorded_at for one in facts if one.kind in ACTS]
    tasks = StaffTask.objects.filter(
        Q(done_at__in=closed_at, resolution__in=["contact_made", "answered"])
        # By the act itself, and by what was worked out in the same instant.
        | Q(done_at__in=moved_at, resolution="patient_died")
        | Q(done_at__in=moved_at, done_by__isnull=True)
        | Q(public_id__in=assessed)
        | Q(kind=TaskKind.NOT_REACHED, subject__in=decided),
        course=course,
        done_at__isnull=False,
    )
    for task in tasks.order_by("pk"):
        if task.resolution == "contact_made" and _reached_since(task):
            continue
        _open_again(actor=actor, course=course, task=task, now=now)


def reopen_tasks_of_booking(*, actor: Actor, booking: SessionBooking, now: datetime) -> None:
    """Its people are missing again, as they were before it was cancelled. The course row must be locked."""
    tasks = StaffTask.objects.filter(
        course=booking.course, resolution="booking_cancelled", subject__startswith=str(booking.public_id)
    )
    for task in tasks.order_by("pk"):
        _open_again(actor=actor, course=booking.course, task=task, now=now)


def _open_again(*, actor: Actor, course: Course, task: StaffTask, now: datetime) -> None:
    task.opened_at, task.done_at, task.done_by_id, task.resolution = now, None, None, ""
    begin_clock(task, clinic=course.clinic, since=now)
    task.save(update_fields=["opened_at", "done_at", "done_by", "resolution", *CLOCK])
    record_event(
        actor=actor, verb="task_reopened", subject=task, course_id=course.pk, occurred_at=now, now=now
    )
    if task.safety:
        tell_owner(task=task, now=now)


def _reached_since(task: StaffTask) -> bool:
    """Whether a contact that stands closes what the task asks for: about the same, or about anything."""
    reached = FactRecord.objects.filter(
        course_id=task.course_id,
        kind="contact_made",
        amended_by__isnull=True,
        value__result=ContactResult.REACHED.value,
        occurred_at__gte=task.opened_at,
    )
    if task.kind != TaskKind.NOT_REACHED:
        reached = reached.filter(Q(key=task.subject) | Q(key__isnull=True))
    return reached.exists()


def close_task(*, actor: Actor, task: StaffTask, resolution: str, now: datetime) -> None:
    task.done_at, task.done_by_id, task.resolution = now, actor.person_id, resolution
    stop_clock(task)
    task.save(update_fields=["done_at", "done_by", "resolution", *CLOCK])
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
