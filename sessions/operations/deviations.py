"""Deviations that no requirement shows: somebody saw one and enters it in their own words."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, Incomplete
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission
from protocols.queries import definition_of
from protocols.rules.definition import AnyRule
from sessions.models import Course, DeviationRecord
from sessions.operations.on_course import on_course
from sessions.operations.reports_due import keep_reports
from sessions.operations.trends import raise_trends
from sessions.rules.adherence import CAUSES
from sessions.rules.engine import ENGINE_VERSION
from sessions.rules.review import Foreseen

FREE_FORM = "free_form"


def enter_deviation(
    *,
    actor: Actor,
    course_id: UUID,
    title: str,
    occurred_at: datetime,
    now: datetime,
    description: str = "",
    aware_at: datetime | None = None,
    foreseen: Foreseen = Foreseen.DISCOVERED,
    hazard: bool = False,
    important: bool = False,
    cause: str = "clinic",
    rule: str = "",
    public_id: UUID | None = None,
) -> DeviationRecord:
    """Enter a departure from the protocol that no requirement shows: planned, seen coming or found out. It
    lives as every other does, and whoever entered it does not review it.

    `rule` names the part of the protocol it departs from, if there is one: then it is important where the
    protocol says so, and counts in trends. One that is planned or seen coming may lie ahead; it is known from
    the moment it is entered.
    """
    with on_course(
        actor=actor, course_id=course_id, permission=Permission.ENTER_DEVIATION, now=now
    ) as course:
        public_id, aware_at = public_id or uuid7(), aware_at or now
        said = {
            "title": title.strip(),
            "description": description.strip(),
            "occurred_at": occurred_at,
            "foreseen": foreseen.value,
            "hazard": hazard,
            "rule": rule,
        }
        first = DeviationRecord.every.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if first.course_id != course.pk or any(
                getattr(first, name) != said[name] for name in ("title", "description", "occurred_at")
            ):
                raise Incomplete(_("This id was already used for another deviation."), code="id-reused")
            return first
        _refuse_what_is_wrong(
            title=title, cause=cause, occurred_at=occurred_at, aware_at=aware_at, foreseen=foreseen, now=now
        )
        departed_from = _rule(course, rule)
        row = DeviationRecord.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            course=course,
            key=f"{FREE_FORM}.{public_id}",
            kind=FREE_FORM,
            stage=departed_from.stage if departed_from else "",
            status=FREE_FORM,
            important=important or (departed_from is not None and departed_from.important),
            cause=cause,
            judged_cause="",
            raised_at=now,
            aware_at=aware_at,
            entered_by_id=actor.person,
            engine_version=ENGINE_VERSION,
            protocol_version_id=course.protocol_version_id,
            **said,
        )
        record_event(
            actor=actor,
            verb="deviation_entered",
            subject=row,
            course_id=course.pk,
            occurred_at=occurred_at,
            now=now,
            data={"foreseen": foreseen.value, "hazard": hazard},
        )
        keep_reports(course=course, deviations=[row], now=now)
        raise_trends(clinic_id=course.clinic_id, raised=[row.pk], now=now)
        return row


def _refuse_what_is_wrong(
    *,
    title: str,
    cause: str,
    occurred_at: datetime,
    aware_at: datetime,
    foreseen: Foreseen,
    now: datetime,
) -> None:
    if not title.strip():
        raise Incomplete(_("Say what departed from the protocol."), fields={"title": [_("Write a line.")]})
    if cause not in CAUSES:
        raise BadInput(fields={"cause": [_("One of: %(causes)s.") % {"causes": ", ".join(CAUSES)}]})
    if aware_at > now:
        raise BadInput(fields={"aware_at": [_("Not in the future.")]})
    if foreseen is Foreseen.DISCOVERED and occurred_at > now:
        raise BadInput(fields={"occurred_at": [_("Not in the future, unless it was known beforehand.")]})
    if foreseen is Foreseen.DISCOVERED and aware_at < occurred_at:
        raise BadInput(fields={"aware_at": [_("Not before it happened, unless it was known beforehand.")]})


def _rule(course: Course, code: str) -> AnyRule | None:
    if not code:
        return None
    try:
        return definition_of(course.protocol_version_id).rule(code)
    except KeyError as error:
        raise BadInput(fields={"rule": [_("The protocol has no such rule.")]}) from error
