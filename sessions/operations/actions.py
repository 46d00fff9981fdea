"""Corrective and preventive actions: agreed with an owner and a date, done by them, and asked once more
whether they worked."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Forbidden, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Person
from clinic.operations.events import record_event
from clinic.permissions import Permission
from clinic.rules.wall_time import day_of, end_of_day
from sessions.models import DeviationAction, DeviationRecord, DeviationReview, StaffTask
from sessions.models.closing import ActionKind
from sessions.models.tasks import TaskKind
from sessions.operations.on_course import on_deviation
from sessions.operations.review import step_of, take_step
from sessions.operations.tasks import close_tasks, close_tasks_about, open_task, who_may_own
from sessions.rules.review import Act


def agree_action(
    *,
    actor: Actor,
    deviation_id: UUID,
    kind: ActionKind,
    what: str,
    owner: UUID,
    due_on: date,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationAction:
    """Agree what somebody will do about it and until when; they get a task. Raises NotFound for somebody who
    works elsewhere, BadInput for one who cannot see the course or for a day gone by."""
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        course, public_id = deviation.course, public_id or uuid7()
        person = Person.objects.filter(public_id=owner, memberships__clinic_id=actor.clinic_id).first()
        if person is None:
            raise NotFound()
        first = DeviationAction.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            was = (first.deviation_id, first.kind, first.what, first.owner_id, first.due_on)
            if was != (deviation.pk, kind.value, what.strip(), person.pk, due_on):
                raise Incomplete(_("This id was already used for another action."), code="id-reused")
            return first
        _refuse_if_closed(deviation)
        if not what.strip():
            raise Incomplete(_("Say what is to be done."), fields={"what": [_("Write a sentence.")]})
        if due_on < day_of(now, course.clinic.zone_info):
            raise BadInput(fields={"due_on": [_("Not a day gone by.")]})
        if person.pk not in who_may_own(course=course, now=now):
            raise BadInput(fields={"owner": [_("They do not work here now, or cannot see this patient.")]})
        action = DeviationAction.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            deviation=deviation,
            kind=kind.value,
            what=what.strip(),
            owner=person,
            due_on=due_on,
            agreed_by_id=actor.person,
            agreed_at=now,
        )
        open_task(
            actor=actor,
            course=course,
            kind=TaskKind.DEVIATION_ACTION,
            subject=str(action.public_id),
            act_by=end_of_day(due_on, course.clinic.zone_info),
            now=now,
            named=person.pk,
            cover_role="supervisor",
            safety=False,
        )
        _record(actor=actor, verb="action_agreed", action=action, now=now)
        return action


def finish_action(
    *, actor: Actor, action_id: UUID, outcome: str, now: datetime, dropped: bool = False
) -> DeviationAction:
    """Say what was done, or, `dropped`, why it will not be. Done by whoever may take the course's tasks;
    dropped by who reviews the deviation. Raises NotNow when it is finished already."""
    with on_deviation(
        actor=actor,
        now=now,
        permission=Permission.REVIEW_DEVIATION if dropped else Permission.TAKE_TASK,
        reviewing=dropped,
        actions__public_id=action_id,
    ) as deviation:
        action = DeviationAction.objects.get(deviation=deviation, public_id=action_id)
        outcome = outcome.strip()
        if action.finished_at is not None:
            if (action.outcome, action.dropped) == (outcome, dropped):
                return action
            raise NotNow(_("This action is finished already."), code="action-finished")
        if not outcome:
            raise Incomplete(_("Say what was done."), fields={"outcome": [_("Write a sentence.")]})
        _refuse_if_closed(deviation)
        _finish(actor=actor, action=action, outcome=outcome, dropped=dropped, now=now)
        close_tasks(
            actor=actor,
            course=deviation.course,
            kinds=[TaskKind.DEVIATION_ACTION],
            subject=str(action.public_id),
            resolution=outcome,
            now=now,
        )
        return action


def drop_what_is_open(*, actor: Actor, deviation: DeviationRecord, reason: str, now: datetime) -> None:
    """Of a deviation entered in error nothing is to be done any more, nor judged whether it worked."""
    open_ones = list(DeviationAction.objects.filter(deviation=deviation, finished_at__isnull=True))
    for action in open_ones:
        _finish(actor=actor, action=action, outcome=reason, dropped=True, now=now)
    close_tasks_about(
        actor=actor,
        course=deviation.course,
        subjects=[str(action.public_id) for action in open_ones],
        resolution="entered_in_error",
        now=now,
    )
    close_check_tasks(actor=actor, deviation=deviation, how="entered_in_error", now=now)


def finish_by_task(*, actor: Actor, task: StaffTask, now: datetime) -> None:
    """The action whose task was closed with what was done, unless it is finished."""
    action = DeviationAction.objects.filter(
        clinic_id=task.clinic_id, public_id=task.subject, finished_at__isnull=True
    ).first()
    if action is not None:
        _finish(actor=actor, action=action, outcome=task.resolution, dropped=False, now=now)


def _finish(*, actor: Actor, action: DeviationAction, outcome: str, dropped: bool, now: datetime) -> None:
    action.finished_at, action.finished_by_id = now, actor.person_id
    action.outcome, action.dropped = outcome, dropped
    action.save(update_fields=["finished_at", "finished_by", "outcome", "dropped"])
    _record(actor=actor, verb="action_dropped" if dropped else "action_done", action=action, now=now)


def plan_check(
    *,
    actor: Actor,
    deviation_id: UUID,
    check_on: date,
    comment: str,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Say when and by what it will be judged whether the actions worked; a supervisor gets a task."""
    data = {"check_on": check_on.isoformat()}
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        first = step_of(
            deviation=deviation, public_id=public_id, act=Act.PLAN_CHECK, comment=comment, data=data
        )
        if first is not None:
            return first
        zone = deviation.course.clinic.zone_info
        if check_on < day_of(now, zone):
            raise BadInput(fields={"check_on": [_("Not a day gone by.")]})
        step = take_step(
            actor=actor,
            deviation=deviation,
            act=Act.PLAN_CHECK,
            comment=comment,
            data=data,
            public_id=public_id,
            now=now,
        )
        close_check_tasks(actor=actor, deviation=deviation, how="planned_anew", now=now)
        open_task(
            actor=actor,
            course=deviation.course,
            kind=TaskKind.EFFECTIVENESS_CHECK,
            subject=f"{deviation.public_id}~{step.pk}",
            act_by=end_of_day(check_on, zone),
            now=now,
            named=actor.person,
            cover_role="supervisor",
            safety=False,
        )
        return step


def judge_effect(
    *,
    actor: Actor,
    deviation_id: UUID,
    effective: bool,
    comment: str,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Say whether the actions worked. Nobody judges an action that they carried out. Raises NotNow while one
    is not done."""
    data = {"effective": effective}
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        first = step_of(
            deviation=deviation, public_id=public_id, act=Act.JUDGE_EFFECT, comment=comment, data=data
        )
        if first is not None:
            return first
        actions = list(DeviationAction.objects.filter(deviation=deviation, dropped=False))
        if any(action.finished_by_id == actor.person_id for action in actions):
            raise Forbidden(
                _("Nobody judges whether their own action worked."),
                advice=_("Ask another supervisor to judge it."),
            )
        if not actions or any(action.finished_at is None for action in actions):
            raise NotNow(
                _("There is an action that is not done yet.") if actions else _("No action was agreed."),
                code="actions-open",
                advice=_("Judge it once the actions are done."),
            )
        step = take_step(
            actor=actor,
            deviation=deviation,
            act=Act.JUDGE_EFFECT,
            comment=comment,
            data=data,
            public_id=public_id,
            now=now,
        )
        close_check_tasks(actor=actor, deviation=deviation, how=step.comment, now=now)
        return step


def close_check_tasks(*, actor: Actor, deviation: DeviationRecord, how: str, now: datetime) -> None:
    for subject in StaffTask.objects.filter(
        course=deviation.course,
        kind=TaskKind.EFFECTIVENESS_CHECK,
        subject__startswith=str(deviation.public_id),
        done_at__isnull=True,
    ).values_list("subject", flat=True):
        close_tasks(
            actor=actor,
            course=deviation.course,
            kinds=[TaskKind.EFFECTIVENESS_CHECK],
            subject=subject,
            resolution=how,
            now=now,
        )


def _refuse_if_closed(deviation: DeviationRecord) -> None:
    if deviation.reviewed_at is not None:
        raise NotNow(
            _("The review of this deviation is closed."),
            code="already-reviewed",
            advice=_("Reopen it with a reason first."),
        )


def _record(*, actor: Actor, verb: str, action: DeviationAction, now: datetime) -> None:
    record_event(
        actor=actor,
        verb=verb,
        subject=action,
        course_id=action.deviation.course_id,
        occurred_at=now,
        now=now,
        data={"kind": action.kind},
    )
