"""The clinic as a program needs it first: what waits for the reader today, who works here, which rooms."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.queries import members_of, rooms_of
from sessions.api.door import Door, described
from sessions.api.tasks import TaskOut
from sessions.queries.today import today


class LiveOut(Serializer[Any]):
    record_id = Id()
    course_id = Id()
    patient = Text()
    what = Text()
    started_at = Instant()
    kind = Text()


class VisitOut(Serializer[Any]):
    booking_id = Id()
    course_id = Id()
    key = Text()
    patient = Text()
    what = Text()
    kind = Text()
    starts_at = Instant()
    ends_at = Instant()
    status = Text()
    confirmed = serializers.BooleanField()
    change_asked = serializers.BooleanField()
    away = serializers.ListField(
        child=Text(), help_text="Names of those it is booked with who are away then."
    )


class DueOut(Serializer[Any]):
    course_id = Id()
    key = Text()
    kind = Text()
    patient = Text()
    what = Text()
    status = Text()
    due_at = Instant(allow_null=True)
    safety = serializers.BooleanField()


class UnsignedOut(Serializer[Any]):
    record_id = Id()
    course_id = Id()
    patient = Text()
    what = Text()
    ended_at = Instant()
    again = serializers.BooleanField(help_text="Signed, and amended since.")


class TodayOut(Serializer[Any]):
    tasks = TaskOut(many=True)
    live = LiveOut(many=True)
    visits = VisitOut(many=True)
    due = DueOut(many=True)
    unsigned = UnsignedOut(many=True)
    deviations_waiting = serializers.BooleanField()
    next_visit_at = Instant(allow_null=True)


class MemberOut(Serializer[Any]):
    id = Id(source="person.public_id")
    name = Text(source="person.printed_name")
    roles = serializers.ListField(child=Text())


class MembersOut(Serializer[Any]):
    items = MemberOut(many=True)


class RoomOut(Serializer[Any]):
    id = Id(source="public_id")
    name = Text()


class RoomsOut(Serializer[Any]):
    items = RoomOut(many=True)


class Today(Door):
    @described("read_today", gives=TodayOut, summary="What needs you now, in order")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(TodayOut, today(self.actor, now=self.actor.at))


class People(Door):
    @described("list_people", gives=MembersOut, summary="Who works in this clinic today")
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(MembersOut, {"items": members_of(self.actor, now=self.actor.at)})


class Rooms(Door):
    @described("list_rooms", gives=RoomsOut)
    def get(self, request: Request, slug: str) -> Response:
        return self.gives(RoomsOut, {"items": rooms_of(self.actor)})
