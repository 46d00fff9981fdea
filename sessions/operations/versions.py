"""Moving courses to another version of their protocol, and taking a move back. Publishing moves nobody: each
course goes on under its version until somebody moves it, with a reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import Incomplete, NotFound, NotNow, Refusal
from clinic.ids import uuid7
from clinic.operations.events import record_event
from clinic.permissions import Permission, require
from protocols.models import ProtocolVersion, VersionStatus
from protocols.queries import definition_of
from sessions.models import Course, CourseVersionMove, FactRecord, SessionBooking, SessionRecord
from sessions.models.bookings import LIVE_BOOKINGS, RecordStatus
from sessions.models.courses import OPEN_STATUSES
from sessions.operations.on_course import on_course
from sessions.permissions import courses_visible_to, subject_of
from sessions.queries.history import history_of
from sessions.queries.versions import move_to_undo
from sessions.rules.engine import requirements
from sessions.rules.requirements import Kind
from sessions.rules.transfer import scopes_to_ask


def move_courses(
    *, actor: Actor, version_id: UUID, course_ids: Collection[UUID], reason: str, now: datetime
) -> list[CourseVersionMove]:
    """Move these courses to a published version of their protocol: all of them, or none.

    One that follows it already is left as it is. Raises NotNow naming every course that cannot be moved now,
    and why.
    """
    with acting(actor):
        version = (
            ProtocolVersion.objects.filter(clinic_id=actor.clinic_id, public_id=version_id)
            .defer("document")
            .first()
        )
        if version is None:
            raise NotFound()
        if version.status != VersionStatus.PUBLISHED:
            raise NotNow(_("Courses are moved to a published version only."), code="not-published")
        if not reason.strip():
            raise Incomplete(_("Say why."), fields={"reason": [_("Give the reason in a few words.")]})
        wanted = set(course_ids)
        courses = list(
            Course.objects.select_for_update(of=("self",))
            .filter(courses_visible_to(actor), clinic_id=actor.clinic_id, public_id__in=wanted)
            .select_related("protocol_version")
            .defer("protocol_version__document")
            .order_by("pk")
        )
        if len(courses) != len(wanted):
            raise NotFound()
        moves: list[CourseVersionMove] = []
        refused: list[dict[str, object]] = []
        for course in courses:
            try:
                moves += _move_one(actor=actor, course=course, version=version, reason=reason, now=now)
            except NotNow as refusal:
                refused.append(
                    {"course": str(course.public_id), "code": refusal.code, "why": refusal.message}
                )
        if refused:
            raise NotNow(
                _("Some of these courses cannot be moved now. None was moved."),
                code="courses-not-movable",
                advice=_("Leave them out, or put right what stands in the way."),
                data={"courses": refused},
            )
        return moves


def _move_one(
    *, actor: Actor, course: Course, version: ProtocolVersion, reason: str, now: datetime
) -> Sequence[CourseVersionMove]:
    require(actor, Permission.MOVE_VERSION, subject_of(course))
    if course.protocol_version.protocol_id != version.protocol_id:
        raise NotNow(_("It follows another protocol."), code="another-protocol")
    if course.protocol_version_id == version.pk:
        return ()
    with on_course(
        actor=actor, course_id=course.public_id, permission=Permission.MOVE_VERSION, now=now
    ) as locked:
        return [
            _move(
                actor=actor,
                course=locked,
                version=version,
                reason=reason,
                reconsent=scopes_to_ask(definition_of(version.pk)),
                now=now,
            )
        ]


def undo_version_move(*, actor: Actor, course_id: UUID, reason: str, now: datetime) -> CourseVersionMove:
    """Take the last move of a course that stands back, by a move of its own.

    What came due meanwhile stays judged by the version it came due under. Refused once something was recorded
    or booked since that the version before does not know: it would belong to nothing.
    """
    with on_course(actor=actor, course_id=course_id, permission=Permission.MOVE_VERSION, now=now) as course:
        last = move_to_undo(course)
        if last is None:
            raise NotNow(_("There is no move to take back."), code="nothing-to-undo")
        if not reason.strip():
            raise Incomplete(_("Say why."), fields={"reason": [_("Give the reason in a few words.")]})
        if _known_only_since(course=course, move=last, now=now):
            raise NotNow(
                _("Something was recorded or booked since that only the present version knows."),
                code="recorded-since",
                advice=_("The course stays on its present version."),
            )
        return _move(
            actor=actor,
            course=course,
            version=last.from_version,
            reason=reason,
            reconsent=frozenset(),
            undoes=last,
            now=now,
        )


def _known_only_since(*, course: Course, move: CourseVersionMove, now: datetime) -> bool:
    history = history_of(course)
    here, before = (
        {
            one.key
            for one in requirements(
                definition=definition_of(version_id), history=history, as_of=history.present(now)
            ).requirements
        }
        for version_id in (course.protocol_version_id, move.from_version_id)
    )
    new = here - before
    since = FactRecord.objects.filter(course=course, key__in=new, recorded_at__gte=move.moved_at)
    held = SessionRecord.objects.filter(course=course, key__in=new).exclude(status=RecordStatus.VOID)
    booked = SessionBooking.objects.filter(course=course, key__in=new, status__in=LIVE_BOOKINGS)
    return since.exists() or held.filter(started_at__gte=move.moved_at).exists() or booked.exists()


def _move(
    *,
    actor: Actor,
    course: Course,
    version: ProtocolVersion,
    reason: str,
    reconsent: frozenset[str],
    now: datetime,
    undoes: CourseVersionMove | None = None,
) -> CourseVersionMove:
    """The row, the event and the course's new version, inside an open frame that then refreshes it."""
    refusal = _why_not(course=course, version=version, now=now)
    if refusal is not None:
        raise refusal
    before = course.protocol_version
    move = CourseVersionMove.objects.create(
        clinic_id=course.clinic_id,
        public_id=uuid7(),
        course=course,
        from_version=before,
        to_version=version,
        reason=reason.strip(),
        moved_by_id=actor.person,
        moved_at=now,
        reconsent=sorted(reconsent),
        undoes=undoes,
    )
    Course.objects.filter(pk=course.pk).update(protocol_version=version)
    course.protocol_version = version
    data: Mapping[str, str] = {"from": before.version, "to": version.version}
    record_event(
        actor=actor,
        verb="course_moved_back" if undoes is not None else "course_moved_to_version",
        subject=move,
        course_id=course.pk,
        occurred_at=now,
        now=now,
        data=data,
    )
    return move


def _why_not(*, course: Course, version: ProtocolVersion, now: datetime) -> Refusal | None:
    if course.status not in OPEN_STATUSES:
        return NotNow(_("The course has ended."), code="course-ended")
    if SessionRecord.objects.filter(course=course, status=RecordStatus.UNDER_WAY).exists():
        return NotNow(_("A session is under way."), code="session-under-way", advice=_("End it first."))
    history = history_of(course)
    planned = {
        one.key
        for one in requirements(
            definition=definition_of(version.pk), history=history, as_of=history.present(now)
        ).requirements
        if one.kind is Kind.SESSION
    }
    lost = (
        SessionBooking.objects.filter(course=course, status__in=LIVE_BOOKINGS)
        .exclude(key__in=planned)
        .order_by("starts_at")
        .values_list("key", flat=True)
    )
    if lost:
        return NotNow(
            _("A visit is booked that the version does not plan: %(keys)s.") % {"keys": ", ".join(lost)},
            code="booked-visit-not-planned",
            advice=_("Cancel it first."),
        )
    return None
