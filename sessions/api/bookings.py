"""Bookings: when a session is meant to happen, and what became of that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import LONGEST_KEY, Id, Instant, OneOf, Text
from sessions.api.door import Door, NewRowInput, NothingInput, ReasonInput, confirmable, described
from sessions.models import SessionBooking
from sessions.operations import booking as operations
from sessions.rules.facts import Mode

MODES = (Mode.IN_PERSON, Mode.VIDEO, Mode.PHONE)


class BookSessionInput(NewRowInput):
    key = Text(max_length=LONGEST_KEY, help_text="Of the requirement, e.g. integration.2@dosing.1")
    starts_at = Instant()
    people = serializers.ListField(child=Id(), required=False, max_length=20)
    room_id = Id(required=False, allow_null=True)
    mode = OneOf(MODES, required=False)
    confirmed = confirmable()


class BookingOut(Serializer[Any]):
    id = Id(source="public_id")
    course_id = Id(source="course.public_id")
    key = Text()
    kind = Text()
    mode = Text()
    starts_at = Instant()
    ends_at = Instant()
    status = Text()
    reason = Text()
    confirmed_at = Instant(allow_null=True)
    change_asked_at = Instant(allow_null=True)


class Bookings(Door):
    @described("book_session", takes=BookSessionInput, gives=BookingOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(BookSessionInput)
        again = self.again(SessionBooking, sent)
        booked = operations.book_session(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(BookingOut, booked, again=again)


class CancelBooking(Door):
    @described("cancel_booking", takes=ReasonInput, gives=BookingOut)
    def post(self, request: Request, slug: str, booking: UUID) -> Response:
        sent = self.sent(ReasonInput)
        row = operations.cancel_booking(actor=self.actor, booking_id=booking, now=self.actor.at, **sent)
        return self.gives(BookingOut, row)


class CheckInPatient(Door):
    @described("check_in_patient", takes=NothingInput, gives=BookingOut)
    def post(self, request: Request, slug: str, booking: UUID) -> Response:
        self.sent(NothingInput)
        row = operations.check_in_patient(actor=self.actor, booking_id=booking, now=self.actor.at)
        return self.gives(BookingOut, row)


class UndoCheckIn(Door):
    @described("undo_check_in", takes=ReasonInput, gives=BookingOut)
    def post(self, request: Request, slug: str, booking: UUID) -> Response:
        sent = self.sent(ReasonInput)
        row = operations.undo_check_in(actor=self.actor, booking_id=booking, now=self.actor.at, **sent)
        return self.gives(BookingOut, row)


class MarkNoShow(Door):
    @described("mark_no_show", takes=NothingInput, gives=BookingOut)
    def post(self, request: Request, slug: str, booking: UUID) -> Response:
        self.sent(NothingInput)
        row = operations.mark_no_show(actor=self.actor, booking_id=booking, now=self.actor.at)
        return self.gives(BookingOut, row)


class UndoNoShow(Door):
    @described("undo_no_show", takes=ReasonInput, gives=BookingOut)
    def post(self, request: Request, slug: str, booking: UUID) -> Response:
        sent = self.sent(ReasonInput)
        row = operations.undo_no_show(actor=self.actor, booking_id=booking, now=self.actor.at, **sent)
        return self.gives(BookingOut, row)
