"""Courses and the versions of their protocol: a preview, a move, a move taken back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.api.problems import StrictSerializer
from protocols import queries
from sessions.api.door import Door, ReasonInput, described
from sessions.operations.versions import move_courses, undo_version_move
from sessions.queries.preview import preview
from sessions.queries.versions import version_moves


class MoveCoursesInput(StrictSerializer):
    courses = serializers.ListField(child=Id(), min_length=1, max_length=1000)
    reason = Text(allow_blank=True)


class VersionMoveOut(Serializer[Any]):
    id = Id(source="public_id")
    course_id = Id(source="course.public_id")
    from_version = Text(source="from_version.version")
    to_version = Text(source="to_version.version")
    reason = Text()
    moved_by = Text(source="moved_by.printed_name")
    moved_at = Instant()
    reconsent = serializers.ListField(child=Text())
    undoes = Id(source="undoes.public_id", default=None, allow_null=True)


class VersionMovesOut(Serializer[Any]):
    items = VersionMoveOut(many=True)


class WindowOut(Serializer[Any]):
    opens_at = Instant(allow_null=True)
    target_at = Instant(allow_null=True)
    due_at = Instant(allow_null=True)
    closes_at = Instant(allow_null=True)


class DateChangeOut(Serializer[Any]):
    key = Text()
    what = Text()
    kind = Text()
    before = WindowOut(allow_null=True)
    after = WindowOut(allow_null=True)


class GateChangeOut(Serializer[Any]):
    key = Text()
    what = Text()
    session_key = Text()
    code = Text()
    closes = serializers.BooleanField()


class StaffingChangeOut(Serializer[Any]):
    key = Text()
    what = Text()
    figure = Text()
    before = Text(allow_null=True)
    after = Text(allow_null=True)


class MessageChangeOut(Serializer[Any]):
    key = Text()
    what = Text()
    purpose = Text()
    before = Instant(allow_null=True)
    after = Instant(allow_null=True)


class DeviationChangeOut(Serializer[Any]):
    key = Text()
    what = Text()
    before = Text(allow_null=True)
    after = Text(allow_null=True)


class CoursePreviewOut(Serializer[Any]):
    course_id = Id()
    patient = Text()
    from_version = Text()
    movable = serializers.BooleanField()
    why_not = Text(allow_blank=True)
    dates = DateChangeOut(many=True)
    gates = GateChangeOut(many=True)
    staffing = StaffingChangeOut(many=True)
    messages = MessageChangeOut(many=True)
    deviations = DeviationChangeOut(
        many=True, help_text="What the new version would say of the past. Nothing on record changes."
    )
    lost_visits = serializers.ListField(child=Text())
    reconsent = serializers.ListField(child=Text())


class PreviewOut(Serializer[Any]):
    version = Text()
    unchanged = serializers.IntegerField(help_text="Courses in flight that nothing would change for.")
    items = CoursePreviewOut(many=True)


class VersionPreview(Door):
    @described("preview_version", gives=PreviewOut, summary="Preview what a version would change")
    def get(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        found = queries.version_for(self.actor, protocol_public_id=protocol, version=version)
        seen = preview(self.actor, version=found, now=self.actor.at)
        return self.gives(
            PreviewOut,
            {
                "version": seen.version,
                "unchanged": len(seen.unchanged),
                "items": [
                    {
                        "course_id": one.course_id,
                        "patient": one.patient,
                        "from_version": one.from_version,
                        "movable": one.movable,
                        "why_not": one.why_not,
                        "lost_visits": one.effects.lost_visits,
                        "reconsent": one.effects.reconsent,
                        **{
                            name: [_row(change, one.what) for change in getattr(one.effects, name)]
                            for name in ("dates", "gates", "staffing", "messages", "deviations")
                        },
                    }
                    for one in seen.courses
                ],
            },
        )


def _row(change: Any, what: Any) -> dict[str, Any]:
    names = ("key", "kind", "session_key", "code", "closes", "figure", "purpose", "before", "after")
    row = {name: getattr(change, name) for name in names if hasattr(change, name)}
    if "figure" in row:
        row |= {name: _said(row[name]) for name in ("before", "after")}
    return {**row, "what": what[change.key]}


def _said(value: object) -> str | None:
    if isinstance(value, frozenset):
        return ", ".join(sorted(str(one) for one in value))
    return None if value is None else str(value)


class MoveCourses(Door):
    @described("move_courses", takes=MoveCoursesInput, gives=VersionMovesOut)
    def post(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        sent = self.sent(MoveCoursesInput)
        found = queries.version_for(self.actor, protocol_public_id=protocol, version=version)
        moves = move_courses(
            actor=self.actor,
            version_id=found.public_id,
            course_ids=sent["courses"],
            reason=sent["reason"],
            now=self.actor.at,
        )
        return self.gives(VersionMovesOut, {"items": moves})


class VersionMoves(Door):
    @described("list_version_moves", gives=VersionMovesOut)
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        return self.gives(VersionMovesOut, {"items": version_moves(self.actor, course)})


class UndoVersionMove(Door):
    @described("undo_version_move", takes=ReasonInput, gives=VersionMoveOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(ReasonInput)
        move = undo_version_move(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(VersionMoveOut, move)
