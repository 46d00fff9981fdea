"""What a version of a protocol would change for those in treatment, and moving some, all or none of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse, QueryDict
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from clinic.actors import acting
from clinic.errors import BadInput, Incomplete, NotNow
from protocols import queries
from protocols.models import ProtocolVersion, VersionStatus
from sessions.operations.versions import move_courses, undo_version_move
from sessions.queries import preview as previews
from sessions.queries.preview import CoursePreview
from sessions.queries.words import say, status_words
from sessions.rules.requirements import Status, Window
from sessions.rules.sentences import sentence
from sessions.web.door import Door, posts_only, staff

WHY_NOT = {
    "session-under-way": "A session is under way.",
    "booked-visit-not-planned": "A booked visit is not in the new version: cancel it first.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One kind of change for one course, in words."""

    title: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """Courses that the page does not show yet, and where they are."""

    first: str
    last: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    course_id: UUID
    patient: str
    from_version: str
    why_not: str
    groups: tuple[Group, ...]
    reconsent: tuple[str, ...]


@staff
def preview(door: Door, protocol: UUID) -> HttpResponse:
    """The candidate's effects, course by course; the form moves the ticked ones. Those named in the address
    are all it shows; none named, the first part, and the page asks for the others itself."""
    version = _version(door, protocol)
    named = _ids(door.request.GET, "course")
    problem = ""
    reason = door.request.POST.get("reason", "")
    if door.posted:
        try:
            moved = move_courses(
                actor=door.actor,
                version_id=version.public_id,
                course_ids=_ids(door.request.POST, "course"),
                reason=reason,
                now=door.now,
            )
        except (BadInput, Incomplete, NotNow) as refusal:
            problem, door.status = f"{refusal.message} {refusal.advice}".strip(), refusal.status
        else:
            said = _("%(count)d moved to version %(version)s.") % {
                "count": len(moved),
                "version": version.version,
            }
            return door.go("version_preview", protocol, said=said, at=f"?version={version.version}")
    ticked = _ids(door.request.POST, "course") if problem else _ids(door.request.GET, "ticked")
    parts = door.read(previews.parts, version=version)
    first, rest = ([course for course, _code in parts[0]], parts[1:]) if parts else ([], [])
    found = door.read(previews.preview, version=version, now=door.now, course_ids=named or first)
    alone = "HX-Request" in door.request.headers
    return door.page(
        "sessions/_version_preview.html" if alone else "sessions/version_preview.html",
        here="protocols",
        version=version,
        title=say(queries.definition_in(version).title),
        count=sum(len(part) for part in parts),
        only_some=bool(named),
        unchanged=found.unchanged,
        further=[] if named else [_further(door, version, part, ticked) for part in rest],
        may_move=version.status == VersionStatus.PUBLISHED,
        rows=[_row(one) for one in found.courses],
        problem=problem,
        reason=reason,
        ticked={str(one) for one in ticked},
    )


@staff
@posts_only
def undo_move(door: Door, course: UUID) -> HttpResponse:
    undo_version_move(
        actor=door.actor, course_id=course, reason=door.request.POST.get("reason", ""), now=door.now
    )
    return door.go("chart", course, said=_("The course follows its earlier version again."))


def _version(door: Door, protocol: UUID) -> ProtocolVersion:
    with acting(door.actor):
        return queries.version_for(
            door.actor, protocol_public_id=protocol, version=door.request.GET.get("version") or None
        )


def _further(
    door: Door, version: ProtocolVersion, part: Sequence[tuple[UUID, str]], ticked: Collection[UUID]
) -> Further:
    asked = QueryDict(mutable=True)
    asked["version"] = version.version
    asked.setlist("course", [str(course) for course, _code in part])
    asked.setlist("ticked", [str(course) for course, _code in part if course in ticked])
    return Further(first=part[0][1], last=part[-1][1], address=f"?{asked.urlencode()}")


def _ids(asked: QueryDict, name: str) -> list[UUID]:
    found = []
    for given in asked.getlist(name):
        try:
            found.append(UUID(given))
        except ValueError:
            raise BadInput(_("That is no course.")) from None
    return found


def _row(one: CoursePreview) -> Row:
    seen = one.effects
    groups = (
        Group(
            title=_("Dates"),
            changes=tuple(
                Change(what=_what(one, row.key), before=_window(row.before), after=_window(row.after))
                for row in seen.dates
            ),
        ),
        Group(
            title=_("Before a session can start"),
            changes=tuple(
                Change(
                    what=_("%(gate)s, for %(visit)s")
                    % {"gate": _what(one, row.key), "visit": _what(one, row.session_key)},
                    before=_("open") if row.closes else _(sentence(row.code)),
                    after=_(sentence(row.code)) if row.closes else _("open"),
                )
                for row in seen.gates
            ),
        ),
        Group(
            title=_("Staffing"),
            changes=tuple(
                Change(what=_what(one, row.key), before=_plain(row.before), after=_plain(row.after))
                for row in seen.staffing
            ),
        ),
        Group(
            title=_("Messages"),
            changes=tuple(
                Change(what=_what(one, row.key), before=_moment(row.before), after=_moment(row.after))
                for row in seen.messages
            ),
        ),
        Group(
            title=_("What is past, as each version judges it (nothing on record changes)"),
            changes=tuple(
                Change(
                    what=_what(one, row.key),
                    before=_status(row.before),
                    after=_status(row.after),
                )
                for row in seen.deviations
            ),
        ),
        Group(
            title=_("Booked visits that the version does not plan"),
            changes=tuple(
                Change(what=_what(one, key), before=_("booked"), after=_("not planned"))
                for key in seen.lost_visits
            ),
        ),
    )
    return Row(
        course_id=one.course_id,
        patient=one.patient,
        from_version=one.from_version,
        why_not=_(WHY_NOT[one.why_not]) if one.why_not in WHY_NOT else one.why_not,
        groups=tuple(group for group in groups if group.changes),
        reconsent=seen.reconsent,
    )


def _what(one: CoursePreview, key: str) -> str:
    return one.what.get(key, key)


def _status(status: Status | None) -> str:
    return str(status_words()[status.value]) if status is not None else _("not asked")


def _window(window: Window | None) -> str:
    if window is None:
        return _("not asked")
    if window.opens_at is None and window.closes_at is None:
        return _("at any time")
    return f"{_day(window.opens_at)} – {_day(window.closes_at)}"


def _day(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "j M Y H:i") if at is not None else "…"


def _moment(at: datetime | None) -> str:
    return _day(at) if at is not None else _("not sent")


def _plain(value: object) -> str:
    if isinstance(value, frozenset):
        return ", ".join(sorted(str(one) for one in value)) or _("nobody in particular")
    return _("not said") if value is None else str(getattr(value, "value", value))
