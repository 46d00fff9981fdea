"""Held sessions: starting, logging, what happens in them, ending, correcting, notes and signatures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import LONGEST_KEY, Amount, Id, Instant, Number, OneOf, Text, Whole, YesNo
from clinic.api.problems import StrictSerializer
from clinic.errors import Forbidden
from protocols.measures import measures
from protocols.rules.definition import SessionKind
from sessions.api.bookings import MODES
from sessions.api.courses import GateOut, HeldOut, RequirementOut
from sessions.api.door import Door, NewRowInput, ReasonInput, confirmable, described
from sessions.api.facts import SOURCES, FactOut, fact_out, facts_out
from sessions.models import FactRecord, NoteRecord, SessionRecord
from sessions.operations.doses import give_dose, order_dose, withhold_dose
from sessions.operations.ending import Release, correct_times, end_session
from sessions.operations.entering import log_session
from sessions.operations.moments import note_moment, tick_item
from sessions.operations.notes import write_note
from sessions.operations.presence import change_presence
from sessions.operations.signing import sign_record
from sessions.operations.starting import start_session, void_session
from sessions.operations.vitals import record_vitals
from sessions.queries.conduct import board
from sessions.queries.signatures import signature_shown
from sessions.rules.facts import DosePart, Intake


class StartSessionInput(NewRowInput):
    key = Text(max_length=LONGEST_KEY)
    staff = serializers.ListField(child=Id(), required=False, max_length=20)
    mode = OneOf(MODES, required=False)
    patient_location = Text(max_length=500, required=False, allow_blank=True)
    call_back_number = Text(max_length=40, required=False, allow_blank=True)


class LogSessionInput(NewRowInput):
    key = Text(
        max_length=LONGEST_KEY, required=False, allow_null=True, help_text="None for unscheduled care."
    )
    kind = OneOf(SessionKind, required=False, allow_null=True)
    started_at = Instant()
    ended_at = Instant()
    staff = serializers.ListField(child=Id(), required=False, max_length=20)
    items = serializers.ListField(child=Text(max_length=100), required=False, max_length=100)
    note = Text(required=False, allow_blank=True)
    mode = OneOf(MODES, required=False)
    patient_location = Text(max_length=500, required=False, allow_blank=True)
    call_back_number = Text(max_length=40, required=False, allow_blank=True)
    source = OneOf(SOURCES, required=False)  # type: ignore[assignment]  # a field of this name
    confirmed = confirmable()


class EndSessionInput(StrictSerializer):
    ended_at = Instant()
    items = serializers.ListField(
        child=Text(max_length=100),
        required=False,
        max_length=100,
        help_text="Release items you answer for. The second person ticks theirs themselves.",
    )
    adverse_events = YesNo(required=False, allow_null=True, help_text="Whether any was reported.")
    confirmed = confirmable()
    reason = Text(required=False, allow_blank=True)


class CorrectTimesInput(NewRowInput):
    started_at = Instant()
    ended_at = Instant(allow_null=True)
    reason = Text(allow_blank=True)


class VitalsInput(NewRowInput):
    occurred_at = Instant()
    systolic = Whole(required=False, allow_null=True, help_text="mmHg")
    diastolic = Whole(required=False, allow_null=True, help_text="mmHg")
    pulse = Whole(required=False, allow_null=True, help_text="per minute")
    temperature = Amount(required=False, allow_null=True, help_text="°C")
    distress = Whole(required=False, allow_null=True, help_text="SUDS, 0-10")
    oxygen = Whole(required=False, allow_null=True, help_text="Saturation in %")
    breaths = Whole(required=False, allow_null=True, help_text="per minute")
    source = OneOf(SOURCES, required=False)  # type: ignore[assignment]  # a field of this name
    confirmed = confirmable()


class DoseOrderInput(NewRowInput):
    cycle = Whole(min_value=1, max_value=99)
    amount = Amount()
    supplement_allowed = YesNo(required=False)


class GiveDoseInput(NewRowInput):
    part = OneOf(DosePart)
    amount = Amount()
    occurred_at = Instant()
    intake = OneOf(Intake, required=False)
    checked_by = Id(required=False, allow_null=True)
    source = OneOf(SOURCES, required=False)  # type: ignore[assignment]  # a field of this name
    confirmed = confirmable()


class WithholdDoseInput(NewRowInput):
    part = OneOf(DosePart)
    reason = Text(allow_blank=True)
    occurred_at = Instant()


class TickItemInput(NewRowInput):
    item = Text(max_length=100)
    done = YesNo()


class NoteMomentInput(NewRowInput):
    words = Text(allow_blank=True)
    occurred_at = Instant()


class ChangePresenceInput(StrictSerializer):
    person_id = Id()
    here = YesNo()
    occurred_at = Instant()


class WriteNoteInput(NewRowInput):
    text = Text(allow_blank=True)


class SignRecordInput(StrictSerializer):
    password = Text(max_length=1000, trim_whitespace=False, help_text="Yours, once more.")
    meaning = serializers.ChoiceField(choices=["author", "contributor", "reviewer"], required=False)


class NoteOut(Serializer[Any]):
    id = Id(source="public_id")
    text = Text()
    author = Text(source="author.printed_name")
    occurred_at = Instant()
    addendum = serializers.BooleanField()


class SignatureOut(Serializer[Any]):
    printed_name = Text()
    role = Text()
    meaning = Text()
    digest = Text()
    signed_at = Instant()
    superseded = serializers.BooleanField(help_text="What was signed has been amended since.")


class ReleaseItemOut(Serializer[Any]):
    code = Text()
    words = Text()
    ticked_by = serializers.ListField(child=Text())


class SessionDetailOut(Serializer[Any]):
    record = HeldOut()
    course_id = Id(source="course.public_id")
    what = Text()
    cycle = serializers.IntegerField(allow_null=True)
    server_now = Instant()
    first_dose_at = Instant(allow_null=True)
    supplement_opens_at = Instant(allow_null=True)
    supplement_closes_at = Instant(allow_null=True)
    supplement_amount = Number(allow_null=True)
    checks = RequirementOut(many=True)
    checklist = ReleaseItemOut(many=True)
    release = ReleaseItemOut(many=True)
    names_needed = serializers.IntegerField()
    adverse_events_asked = serializers.BooleanField()
    dose_gates = GateOut(many=True)
    end_gates = GateOut(many=True)
    notes = NoteOut(many=True)
    signatures = SignatureOut(many=True)


class SessionFactsOut(Serializer[Any]):
    items = FactOut(many=True)


class StartSession(Door):
    @described("start_session", takes=StartSessionInput, gives=HeldOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(StartSessionInput)
        again = self.again(SessionRecord, sent)
        record = start_session(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(HeldOut, record, again=again)


class LogSession(Door):
    @described("log_session", takes=LogSessionInput, gives=HeldOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(LogSessionInput)
        again = self.again(SessionRecord, sent)
        record = log_session(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(HeldOut, record, again=again)


class OrderDose(Door):
    @described("order_dose", takes=DoseOrderInput, gives=FactOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(DoseOrderInput)
        again = self.again(FactRecord, sent)
        row = order_dose(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class SessionDetail(Door):
    @described("read_session", gives=SessionDetailOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        return self.gives(SessionDetailOut, board(self.actor, record, now=self.actor.at))


class SessionFacts(Door):
    @described("list_session_facts", gives=SessionFactsOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        held = board(self.actor, record, now=self.actor.at).record
        rows = held.facts.select_related("entered_by", "amends").order_by("occurred_at", "id")
        return self.gives(SessionFactsOut, {"items": facts_out(rows)})


class EndSession(Door):
    @described("end_session", takes=EndSessionInput, gives=HeldOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(EndSessionInput)
        release = Release(items=tuple(sent.pop("items", ())), adverse_events=sent.pop("adverse_events", None))
        held = end_session(actor=self.actor, record_id=record, release=release, now=self.actor.at, **sent)
        return self.gives(HeldOut, held)


class VoidSession(Door):
    @described("void_session", takes=ReasonInput, gives=HeldOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(ReasonInput)
        held = void_session(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(HeldOut, held)


class CorrectTimes(Door):
    @described("correct_times", takes=CorrectTimesInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(CorrectTimesInput)
        again = self.again(FactRecord, sent)
        row = correct_times(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class Vitals(Door):
    @described("record_vitals", takes=VitalsInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(VitalsInput)
        sent["vitals"] = {name: sent.pop(name) for name in measures() if name in sent}
        again = self.again(FactRecord, sent)
        row = record_vitals(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class GiveDose(Door):
    @described("give_dose", takes=GiveDoseInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(GiveDoseInput)
        again = self.again(FactRecord, sent)
        row = give_dose(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class WithholdDose(Door):
    @described("withhold_dose", takes=WithholdDoseInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(WithholdDoseInput)
        again = self.again(FactRecord, sent)
        row = withhold_dose(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class TickItem(Door):
    @described("tick_item", takes=TickItemInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(TickItemInput)
        again = self.again(FactRecord, sent)
        row = tick_item(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class NoteMoment(Door):
    @described("note_moment", takes=NoteMomentInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(NoteMomentInput)
        again = self.again(FactRecord, sent)
        row = note_moment(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class ChangePresence(Door):
    @described("change_presence", takes=ChangePresenceInput, gives=FactOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(ChangePresenceInput)
        row = change_presence(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row))


class Notes(Door):
    @described("write_note", takes=WriteNoteInput, gives=NoteOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(WriteNoteInput)
        again = self.again(NoteRecord, sent)
        note = write_note(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(NoteOut, note, again=again)


class SignRecord(Door):
    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Counts the tries at a password before the transaction opens, which a wrong one rolls back."""
        super().initial(request, *args, **kwargs)
        if not ratelimit.consume(request._request, action="reauthenticate", user=self.seat.person):
            raise Throttled()

    @described("sign_record", takes=SignRecordInput, gives=SignatureOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        sent = self.sent(SignRecordInput)
        if not self.seat.person.check_password(sent.pop("password")):
            raise Forbidden(_("That is not your password."), code="wrong-password")
        signature = sign_record(actor=self.actor, record_id=record, now=self.actor.at, **sent)
        return self.gives(SignatureOut, signature_shown(self.actor, signature.public_id))
