"""Patients: the list, taking one in, and how to reach them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text, YesNo
from clinic.api.problems import StrictSerializer
from sessions.api.cursors import PageQuery, read_cursor, write_cursor
from sessions.api.door import Door, NewRowInput, confirmable, described
from sessions.models import Patient
from sessions.operations.contact_details import change_contact_details
from sessions.operations.enrolment import register_patient
from sessions.operations.step_up import set_word
from sessions.queries import courses


class RegisterPatientInput(NewRowInput):
    code = Text(max_length=40)
    given_name = Text(max_length=200)
    family_name = Text(max_length=200)
    born_on = serializers.DateField()
    pronouns = Text(max_length=60, required=False, allow_blank=True)
    zone = Text(max_length=60, required=False, allow_blank=True, help_text="The clinic's, when absent.")
    language = Text(max_length=12, required=False, help_text="The clinic's, when absent.")
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = Text(max_length=40, required=False, allow_blank=True)
    email_allowed = YesNo(required=False)
    text_allowed = YesNo(required=False)
    attributes = serializers.ListField(
        child=Text(max_length=60),
        required=False,
        max_length=50,
        help_text="What the clinic's protocols ask of a patient, e.g. can_become_pregnant; nothing else.",
    )


class ChangeContactDetailsInput(StrictSerializer):
    email = serializers.EmailField(max_length=254, allow_blank=True)
    phone = Text(max_length=40, allow_blank=True)
    email_allowed = YesNo()
    text_allowed = YesNo(required=False, help_text="What is absent stays as it is.")
    declined = serializers.ListField(
        child=Text(max_length=40),
        required=False,
        max_length=10,
        help_text="What a channel may not be used for, e.g. text:check_in.",
    )
    channel_order = serializers.ListField(
        child=Text(max_length=10),
        required=False,
        max_length=3,
        help_text="text, email, phone; after phone a person rings. Empty leaves it to the protocol.",
    )
    discreet = YesNo(required=False)
    shared_phone = YesNo(required=False)
    language = Text(
        max_length=12, required=False, help_text="In which they are written to: en, es, de or fr."
    )
    confirmed = confirmable()


class SetPatientWordInput(StrictSerializer):
    word = Text(
        max_length=200,
        allow_blank=True,
        help_text="What the patient chose. Only its hash is kept. Empty takes it away.",
    )


class PatientWordOut(Serializer[Any]):
    set = serializers.BooleanField(source="word_hash")
    set_at = Instant(source="word_set_at", allow_null=True)


class PatientQuery(PageQuery):
    search = serializers.CharField(
        max_length=100, required=False, help_text="The beginning of a code or of a name."
    )
    mine = serializers.BooleanField(required=False, help_text="Only those whose care team you are in.")


class PatientOut(Serializer[Any]):
    id = Id(source="public_id")
    code = Text()
    given_name = Text()
    family_name = Text()
    pronouns = Text()
    born_on = serializers.DateField()
    zone = Text()
    language = Text()
    attributes = serializers.ListField(child=Text())


class PatientRowOut(Serializer[Any]):
    course_id = Id()
    code = Text()
    name = Text()
    pronouns = Text()
    status = Text()
    stage = Text()
    stage_cycle = serializers.IntegerField(allow_null=True)
    next_due_at = Instant(allow_null=True)
    deviations = serializers.BooleanField(help_text="Some wait for review.")
    safety = serializers.BooleanField(help_text="A safety task is open.")


class PatientPageOut(Serializer[Any]):
    items = PatientRowOut(many=True)
    next = Text(allow_null=True)


class ContactDetailsOut(Serializer[Any]):
    email = Text()
    phone = Text()
    email_allowed = serializers.BooleanField()
    email_stopped_at = Instant(allow_null=True)
    text_allowed = serializers.BooleanField()
    text_stopped_at = Instant(allow_null=True)
    declined = serializers.ListField(child=Text())
    channel_order = serializers.ListField(child=Text())
    discreet = serializers.BooleanField()
    shared_phone = serializers.BooleanField()
    language = Text(source="patient.language")


class Patients(Door):
    @described("list_patients", asks=PatientQuery, gives=PatientPageOut)
    def get(self, request: Request, slug: str) -> Response:
        asked = self.asked(PatientQuery)
        rows, after = courses.patients(
            self.actor,
            search=asked.get("search", ""),
            mine=asked.get("mine", False),
            after=read_cursor(asked),
            limit=asked["size"],
        )
        return self.gives(PatientPageOut, {"items": rows, "next": write_cursor(after)})

    @described("register_patient", takes=RegisterPatientInput, gives=PatientOut)
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(RegisterPatientInput)
        sent["attributes"] = frozenset(sent.get("attributes", ()))
        again = self.again(Patient, sent)
        patient = register_patient(actor=self.actor, now=self.actor.at, **sent)
        return self.gives(PatientOut, patient, again=again)


class PatientContactDetails(Door):
    @described("change_contact_details", takes=ChangeContactDetailsInput, gives=ContactDetailsOut)
    def put(self, request: Request, slug: str, patient: UUID) -> Response:
        sent = self.sent(ChangeContactDetailsInput)
        details = change_contact_details(actor=self.actor, patient_id=patient, now=self.actor.at, **sent)
        return self.gives(ContactDetailsOut, details)


class PatientWord(Door):
    @described("set_patient_word", takes=SetPatientWordInput, gives=PatientWordOut)
    def put(self, request: Request, slug: str, patient: UUID) -> Response:
        sent = self.sent(SetPatientWordInput)
        details = set_word(actor=self.actor, patient_id=patient, now=self.actor.at, **sent)
        return self.gives(PatientWordOut, details)
