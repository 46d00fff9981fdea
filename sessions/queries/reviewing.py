"""How far the review of a deviation has come, and what it still needs, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.permissions import HouseSubject, Permission, allows
from clinic.queries import members_of
from sessions.models import DeviationRecord
from sessions.permissions import subject_of
from sessions.queries.courses import course_for
from sessions.rules.review import Act, Missing, Part, Standing


def standing_of(deviation: DeviationRecord) -> Standing:
    """Three queries."""
    steps = list(deviation.reviews.order_by("reviewed_at", "pk"))
    actions = list(deviation.actions.filter(dropped=False))
    done = max((one.finished_at for one in actions if one.finished_at is not None), default=None)
    # A judgement is of the actions done by then: one that was done since is judged anew.
    judged = [
        one.data["effective"]
        for one in steps
        if one.act == Act.JUDGE_EFFECT and (done is None or one.reviewed_at >= done)
    ]
    return Standing(
        important=deviation.important,
        repeated=deviation.repeated,
        acknowledged=deviation.acknowledged_at is not None,
        classified=deviation.classified_at is not None,
        root_cause=any(one.act == Act.FIND_ROOT_CAUSE for one in steps),
        actions=len(actions),
        open_actions=sum(one.finished_at is None for one in actions),
        effective=judged[-1] if judged else None,
        waived={Part(part) for one in steps if one.act == Act.WAIVE for part in one.data["parts"]},
        open_reports=deviation.reports.filter(reported_at__isnull=True, withdrawn_at__isnull=True).count(),
    )


def missing_words(missing: Missing) -> str:
    return {
        Missing.ACKNOWLEDGED: _("Acknowledge it."),
        Missing.CLASSIFIED: _("Classify it."),
        Missing.ROOT_CAUSE: _("Say what the root cause was."),
        Missing.ACTIONS: _("Agree corrective or preventive actions."),
        Missing.ACTIONS_DONE: _("An agreed action is not done."),
        Missing.EFFECTIVENESS: _("Judge whether the actions worked."),
        Missing.REPORTS: _("A report is due and was not made."),
    }[missing]


def owners(actor: Actor, course_id: UUID, *, now: datetime) -> Sequence[tuple[str, str]]:
    """Who could be asked to do something about the course: public ids with names, by name. Nobody for a
    reviewer from outside, who is not told who works here."""
    if not allows(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id)):
        return []
    subject = subject_of(course_for(actor, course_id, Permission.VIEW_DEVIATIONS))
    return [
        (str(one.person.public_id), one.person.printed_name)
        for one in members_of(actor, now=now)
        if one.person.is_active
        and allows(
            Actor(
                kind="person",
                clinic_id=actor.clinic_id,
                person_id=one.person_id,
                roles=one.role_set,
                at=now,
            ),
            Permission.TAKE_TASK,
            subject,
        )
    ]
