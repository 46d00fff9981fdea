"""Supervisors reviewing deviations: looking, acknowledging, classifying, finding the cause. Each is a step in
an append-only thread. Actions, reports and the signed closure have modules of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from sessions.models import (
    CareTeamMember,
    DeviationAction,
    DeviationRecord,
    DeviationReport,
    DeviationReview,
)
from sessions.operations.locks import lock_courses
from sessions.operations.on_course import on_deviation
from sessions.operations.reports_due import keep_reports
from sessions.permissions import CourseSubject
from sessions.queries.authors import authors_of_each
from sessions.rules.review import CAUSES, Act, Foreseen, Part

_VERBS = {
    Act.COMMENT: "deviation_reviewed",
    Act.ACKNOWLEDGE: "deviation_acknowledged",
    Act.CLASSIFY: "deviation_classified",
    Act.SET_CAUSE: "deviation_cause_set",
    Act.FIND_ROOT_CAUSE: "deviation_root_cause_found",
    Act.WAIVE: "deviation_step_waived",
    Act.PLAN_CHECK: "deviation_check_planned",
    Act.JUDGE_EFFECT: "deviation_effect_judged",
    Act.CLOSE: "deviation_closed",
    Act.REOPEN: "deviation_reopened",
}
_WHILE_CLOSED = (Act.COMMENT, Act.REOPEN)


def step_of(
    *, deviation: DeviationRecord, public_id: UUID | None, act: Act, comment: str, data: Mapping[str, Any]
) -> DeviationReview | None:
    """The step that this id made before. Raises Incomplete when it made another."""
    if public_id is None:
        return None
    first = DeviationReview.objects.filter(clinic_id=deviation.clinic_id, public_id=public_id).first()
    if first is None:
        return None
    was = (first.deviation_id, first.act, first.comment, first.data)
    if was != (deviation.pk, act.value, comment.strip(), dict(data)):
        raise Incomplete(_("This id was already used for another review."), code="id-reused")
    return first


def take_step(
    *,
    actor: Actor,
    deviation: DeviationRecord,
    act: Act,
    comment: str,
    now: datetime,
    data: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    closes: bool = False,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Add a step to the thread and keep what it says last on the deviation. The course must be locked and
    permission asked. Raises NotNow where the review is closed: it is reopened first, never altered."""
    data, comment = dict(data or {}), comment.strip()
    if not comment:
        raise Incomplete(_("Say what you found."), fields={"comment": [_("Write a sentence.")]})
    if deviation.reviewed_at is not None and (closes or act not in _WHILE_CLOSED):
        raise NotNow(
            _("The review of this deviation is closed."),
            code="already-reviewed",
            advice=_("Read how it was closed. You can add a comment, or reopen it with a reason."),
        )
    step = DeviationReview.objects.create(
        clinic_id=deviation.clinic_id,
        public_id=public_id or uuid7(),
        deviation=deviation,
        reviewer_id=actor.person,
        reviewed_at=now,
        act=act.value,
        data=data,
        comment=comment,
        closes=closes,
    )
    changed = {**(changes or {}), **({"reviewed_at": now} if closes else {})}
    for name, value in changed.items():
        setattr(deviation, name, value)
    if changed:
        deviation.save(update_fields=list(changed))
    record_event(
        actor=actor,
        verb=_VERBS[act],
        subject=deviation,
        course_id=deviation.course_id,
        occurred_at=now,
        now=now,
        data={"step": str(step.public_id), "closes": closes},
    )
    return step


def review_deviation(
    *,
    actor: Actor,
    deviation_id: UUID,
    comment: str,
    now: datetime,
    closes: bool = False,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Add a look at a deviation to its thread. `closes` acknowledges one that is neither important nor
    repeated, or that was disproved since: nothing further follows and it leaves the list.

    Nobody reviews what rests on their own record. Raises NotNow when somebody closed it before, Incomplete
    for an important or repeated one, which is closed by `close_deviation`.
    """
    act = Act.ACKNOWLEDGE if closes else Act.COMMENT
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        first = step_of(deviation=deviation, public_id=public_id, act=act, comment=comment, data={})
        if first is not None:
            return first
        if closes:
            _refuse_if_it_needs_more(deviation, open_work=_with_open_work([deviation.pk]))
        return take_step(
            actor=actor,
            deviation=deviation,
            act=act,
            comment=comment,
            changes={"acknowledged_at": now} if closes else None,
            closes=closes,
            public_id=public_id,
            now=now,
        )


def acknowledge_deviation(
    *, actor: Actor, deviation_id: UUID, comment: str, now: datetime, public_id: UUID | None = None
) -> DeviationReview:
    """Say that it was seen and what follows; its review goes on."""
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        return step_of(
            deviation=deviation, public_id=public_id, act=Act.ACKNOWLEDGE, comment=comment, data={}
        ) or take_step(
            actor=actor,
            deviation=deviation,
            act=Act.ACKNOWLEDGE,
            comment=comment,
            changes={"acknowledged_at": now},
            public_id=public_id,
            now=now,
        )


MOST_AT_ONCE = 200


def acknowledge_deviations(
    *,
    actor: Actor,
    deviation_ids: Collection[UUID],
    reason: str,
    now: datetime,
    public_id: UUID | None = None,
) -> Sequence[DeviationReview]:
    """Acknowledge many at once with one reason, which closes them: all of them, or none. A number of
    statements that does not grow, but for one event each.

    Raises Incomplete when one is important, repeated or has work open, Forbidden when one rests on the
    actor's own record, NotNow when one was closed meanwhile.
    """
    batch, wanted = public_id or uuid7(), set(deviation_ids)
    with acting(actor):
        if not wanted:
            raise Incomplete(_("Choose at least one."), code="none-chosen")
        if len(wanted) > MOST_AT_ONCE:
            raise BadInput(_("At most %(count)d at once.") % {"count": MOST_AT_ONCE})
        if not reason.strip():
            raise Incomplete(_("Say why."), fields={"comment": [_("Write a sentence.")]})
        courses = {
            one.pk: one
            for one in lock_courses(
                actor=actor,
                pk__in=DeviationRecord.objects.filter(clinic_id=actor.clinic_id, public_id__in=wanted).values(
                    "course_id"
                ),
            )
        }
        rows = list(
            DeviationRecord.objects.filter(clinic_id=actor.clinic_id, public_id__in=wanted).order_by("pk")
        )
        if len(rows) != len(wanted):
            raise NotFound()
        teams: dict[int, set[int]] = {pk: set() for pk in courses}
        for course_id, person_id in CareTeamMember.objects.filter(
            clinic_id=actor.clinic_id, course_id__in=list(courses), until_at__isnull=True
        ).values_list("course_id", "person_id"):
            teams[course_id].add(person_id)
        authors = authors_of_each(rows)
        for row in rows:
            require(
                actor,
                Permission.REVIEW_DEVIATION,
                CourseSubject(
                    clinic_id=row.clinic_id,
                    care_team_ids=frozenset(teams[row.course_id]),
                    author_id=actor.person_id if actor.person_id in authors[row.pk] else None,
                    patient_id=courses[row.course_id].patient_id,
                ),
            )
        ids = {row.pk: uuid5(batch, str(row.public_id)) for row in rows}
        before = list(
            DeviationReview.objects.filter(clinic_id=actor.clinic_id, public_id__in=list(ids.values()))
        )
        if before:
            if {one.public_id for one in before} != set(ids.values()) or any(
                one.comment != reason.strip() for one in before
            ):
                raise Incomplete(_("This id was already used for another review."), code="id-reused")
            return before
        open_work = _with_open_work([row.pk for row in rows])
        for row in rows:
            if row.reviewed_at is not None:
                raise NotNow(
                    _("Somebody has closed one of these meanwhile. Nothing was changed."),
                    code="already-reviewed",
                    advice=_("Open the list again and choose anew."),
                )
            _refuse_if_it_needs_more(row, open_work=open_work)
        steps = DeviationReview.objects.bulk_create(
            DeviationReview(
                clinic_id=actor.clinic_id,
                public_id=ids[row.pk],
                deviation=row,
                reviewer_id=actor.person,
                reviewed_at=now,
                act=Act.ACKNOWLEDGE.value,
                data={"together_with": len(rows) - 1},
                comment=reason.strip(),
                closes=True,
            )
            for row in rows
        )
        DeviationRecord.objects.filter(pk__in=[row.pk for row in rows]).update(
            acknowledged_at=now, reviewed_at=now
        )
        for row in rows:
            record_event(
                actor=actor,
                verb=_VERBS[Act.ACKNOWLEDGE],
                subject=row,
                course_id=row.course_id,
                occurred_at=now,
                now=now,
                data={"step": str(ids[row.pk]), "closes": True},
            )
        return steps


def _with_open_work(deviations: Collection[int]) -> frozenset[int]:
    """Those of them with an action not done, or a report not made."""
    actions = DeviationAction.objects.filter(deviation__in=deviations, finished_at__isnull=True)
    reports = DeviationReport.objects.filter(
        deviation__in=deviations, reported_at__isnull=True, withdrawn_at__isnull=True
    )
    return frozenset(
        actions.values_list("deviation_id", flat=True).union(reports.values_list("deviation_id"))
    )


def _refuse_if_it_needs_more(deviation: DeviationRecord, *, open_work: Collection[int]) -> None:
    if deviation.documented_late_at is not None:
        return  # no departure after all: nothing follows from it
    if deviation.important or deviation.repeated or deviation.pk in open_work:
        raise Incomplete(
            _("An important or repeated deviation is closed step by step, and with a signature."),
            code="needs-closure",
            advice=_("Open it and say what caused it and what was done."),
        )


def classify_deviation(
    *,
    actor: Actor,
    deviation_id: UUID,
    important: bool,
    foreseen: Foreseen,
    hazard: bool,
    comment: str,
    now: datetime,
    aware_at: datetime | None = None,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Say what kind of deviation it is, with the reason: important or not, known beforehand or found out,
    and whether it removed an immediate hazard. `aware_at` corrects when the clinic knew. Reports that now
    are due get their clocks."""
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        aware_at = aware_at or deviation.aware_at
        data = {
            "important": important,
            "foreseen": foreseen.value,
            "hazard": hazard,
            "aware_at": aware_at.isoformat(),
        }
        first = step_of(
            deviation=deviation, public_id=public_id, act=Act.CLASSIFY, comment=comment, data=data
        )
        if first is not None:
            return first
        if aware_at > now:
            raise BadInput(fields={"aware_at": [_("Not in the future.")]})
        step = take_step(
            actor=actor,
            deviation=deviation,
            act=Act.CLASSIFY,
            comment=comment,
            data=data,
            changes={
                "classified_at": now,
                "judged_important": important,
                "important": important,
                "foreseen": foreseen.value,
                "hazard": hazard,
                "aware_at": aware_at,
            },
            public_id=public_id,
            now=now,
        )
        keep_reports(course=deviation.course, deviations=[deviation], now=now)
        return step


def set_cause(
    *,
    actor: Actor,
    deviation_id: UUID,
    cause: str,
    comment: str,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Say whose it was: the clinic's, the patient's, who declined or could not be reached, or an outside
    event's. Adherence shows it under that cause from now on."""
    if cause not in CAUSES:
        raise BadInput(fields={"cause": [_("One of: %(causes)s.") % {"causes": ", ".join(CAUSES)}]})
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        data = {"cause": cause}
        return step_of(
            deviation=deviation, public_id=public_id, act=Act.SET_CAUSE, comment=comment, data=data
        ) or take_step(
            actor=actor,
            deviation=deviation,
            act=Act.SET_CAUSE,
            comment=comment,
            data=data,
            changes={"judged_cause": cause, "cause": cause},
            public_id=public_id,
            now=now,
        )


def find_root_cause(
    *, actor: Actor, deviation_id: UUID, comment: str, now: datetime, public_id: UUID | None = None
) -> DeviationReview:
    """Say why it could happen, beneath what happened."""
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        return step_of(
            deviation=deviation, public_id=public_id, act=Act.FIND_ROOT_CAUSE, comment=comment, data={}
        ) or take_step(
            actor=actor,
            deviation=deviation,
            act=Act.FIND_ROOT_CAUSE,
            comment=comment,
            public_id=public_id,
            now=now,
        )


def waive_parts(
    *,
    actor: Actor,
    deviation_id: UUID,
    parts: Collection[Part],
    comment: str,
    now: datetime,
    public_id: UUID | None = None,
) -> DeviationReview:
    """Say which parts of the review this one does not need, and why."""
    data = {"parts": sorted(part.value for part in parts)}
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        if not parts:
            raise Incomplete(_("Say what is not needed."), fields={"parts": [_("Choose at least one.")]})
        return step_of(
            deviation=deviation, public_id=public_id, act=Act.WAIVE, comment=comment, data=data
        ) or take_step(
            actor=actor,
            deviation=deviation,
            act=Act.WAIVE,
            comment=comment,
            data=data,
            public_id=public_id,
            now=now,
        )


def reopen_deviation(
    *, actor: Actor, deviation_id: UUID, comment: str, now: datetime, public_id: UUID | None = None
) -> DeviationReview:
    """Take up a closed review again, with a reason. What was signed stays as it was signed."""
    with on_deviation(actor=actor, now=now, public_id=deviation_id) as deviation:
        first = step_of(deviation=deviation, public_id=public_id, act=Act.REOPEN, comment=comment, data={})
        if first is not None:
            return first
        if deviation.reviewed_at is None:
            raise NotNow(_("The review of this deviation is open."), code="not-closed")
        return take_step(
            actor=actor,
            deviation=deviation,
            act=Act.REOPEN,
            comment=comment,
            changes={"reviewed_at": None, "acknowledged_at": None, "reopened_at": now},
            public_id=public_id,
            now=now,
        )
