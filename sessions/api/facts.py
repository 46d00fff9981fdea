"""The chart's facts of every kind, their corrections, contacts and overrides."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import LONGEST_KEY, Id, Instant, OneOf, Text, YesNo
from clinic.api.pages import Keyset
from clinic.models import Person
from protocols.rules.definition import Move
from sessions.api.cursors import PageQuery
from sessions.api.door import Door, NewRowInput, confirmable, described
from sessions.models import FactRecord
from sessions.operations import choices
from sessions.operations.contacts import record_contact
from sessions.operations.correcting import amend_fact
from sessions.operations.gating import override_requirement
from sessions.operations.records import PERMISSIONS, record_fact
from sessions.queries.courses import course_for
from sessions.queries.facts import fact_for
from sessions.rules.codec import KINDS, from_json
from sessions.rules.facts import ContactResult, FactSource, Mode

RECORDABLE = {**PERMISSIONS, **choices.PERMISSIONS}
CHART_KINDS = sorted(KINDS[cls] for cls in RECORDABLE)
# Who decided, and in which session, is known from who sends it and when.
KNOWN: dict[str, tuple[str, ...]] = {
    "decision_made": ("person_id",),
    "risk_benefit_documented": ("person_id", "role", "record_id"),
}
SOURCES = (FactSource.STAFF, FactSource.PAPER, FactSource.HISTORY)
# Whom and which session a fact is about was settled when it was made: a correction keeps them.
FIXED = ("record_id", "person_id", "given_by", "checked_by", "session_key", "role")
PEOPLE = ("person_id", "given_by", "checked_by")
KINDS_IN_WORDS = "; ".join(
    f"{KINDS[cls]}: "
    + ", ".join(field.name for field in fields(cls) if field.name not in KNOWN.get(KINDS[cls], ()))
    for cls in sorted(RECORDABLE, key=lambda cls: KINDS[cls])
)


class FactValueField(serializers.DictField):
    """A fact's value; what it must hold depends on its kind, and the codec says so."""

    def to_internal_value(self, data: Any) -> Any:
        found = super().to_internal_value(data)
        written = json.dumps(found, ensure_ascii=False, default=str)
        try:
            written.encode()
        except UnicodeEncodeError:
            raise serializers.ValidationError(_("This is not text.")) from None
        if "\\u0000" in written or len(written) > 50_000:
            raise serializers.ValidationError(_("This cannot be stored."))
        return found


class RecordFactInput(NewRowInput):
    kind = serializers.ChoiceField(choices=CHART_KINDS, help_text=KINDS_IN_WORDS)
    value = FactValueField()
    occurred_at = Instant()
    aware_at = Instant(required=False)
    key = Text(
        max_length=LONGEST_KEY, required=False, allow_null=True, help_text="Of the requirement it is for."
    )
    source = OneOf(SOURCES, required=False)  # type: ignore[assignment]  # a field of this name


class AmendFactInput(NewRowInput):
    value = FactValueField(
        help_text="The whole value, without the session and the people it names: they stay."
    )
    occurred_at = Instant()
    reason = Text(allow_blank=True)
    confirmed = confirmable()


class RecordContactInput(NewRowInput):
    result = OneOf(ContactResult)
    mode = OneOf((Mode.IN_PERSON, Mode.VIDEO, Mode.PHONE))
    occurred_at = Instant()
    safe = YesNo(required=False, allow_null=True, help_text="Whether the patient said that they feel safe.")
    wants_call = YesNo(required=False)
    key = Text(max_length=LONGEST_KEY, required=False, allow_null=True)
    patient_location = Text(max_length=500, required=False, allow_blank=True)
    call_back_number = Text(max_length=40, required=False, allow_blank=True)


class OverrideRequirementInput(NewRowInput):
    key = Text(max_length=LONGEST_KEY)
    move = OneOf(Move)
    session_key = Text(max_length=LONGEST_KEY)
    reason = Text(allow_blank=True)
    people = serializers.ListField(
        child=Id(),
        required=False,
        max_length=20,
        help_text="Who will hold the session, where that is not who is booked.",
    )


class FactOut(Serializer[Any]):
    id = Id()
    kind = Text()
    key = Text(allow_null=True)
    value = serializers.DictField()
    occurred_at = Instant()
    aware_at = Instant()
    recorded_at = Instant()
    entered_by = Text()
    source = Text()  # type: ignore[assignment]  # a field of this name
    amends = Id(allow_null=True)
    reason = Text()


class FactPageOut(Serializer[Any]):
    items = FactOut(many=True)
    next = Text(allow_null=True)


def fact_out(row: FactRecord) -> dict[str, Any]:
    return facts_out([row])[0]


def facts_out(rows: Iterable[FactRecord]) -> list[dict[str, Any]]:
    """Rows as the API shows them: people by their public ids, never by the numbers stored. One query."""
    rows = list(rows)
    numbers = {row.value[name] for row in rows for name in PEOPLE if row.value.get(name) is not None}
    people = dict(Person.objects.filter(pk__in=numbers).values_list("pk", "public_id")) if numbers else {}
    return [
        {
            "id": row.public_id,
            "kind": row.kind,
            "key": row.key,
            "value": {
                name: people.get(content) if name in PEOPLE and content is not None else content
                for name, content in row.value.items()
            },
            "occurred_at": row.occurred_at,
            "aware_at": row.aware_at,
            "recorded_at": row.recorded_at,
            "entered_by": row.entered_by.printed_name if row.entered_by else "",
            "source": row.source,
            "amends": row.amends.public_id if row.amends else None,
            "reason": row.reason,
        }
        for row in rows
    ]


class Facts(Door):
    pages: Keyset[FactRecord] = Keyset("-occurred_at", "-id")

    @described(
        "list_facts", asks=PageQuery, gives=FactPageOut, summary="Facts, newest first, with corrected ones"
    )
    def get(self, request: Request, slug: str, course: UUID) -> Response:
        self.asked(PageQuery)
        rows = FactRecord.objects.filter(course=course_for(self.actor, course)).select_related(
            "entered_by", "amends"
        )
        page = self.pages.page(request, rows, lambda row: row)
        return self.gives(FactPageOut, {**page, "items": facts_out(page["items"])})

    @described("record_fact", takes=RecordFactInput, gives=FactOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(RecordFactInput)
        kind, told = sent.pop("kind"), sent.pop("value")
        if wrong := {
            f"value.{name}": [_("Unknown field. Remove it.")] for name in KNOWN.get(kind, ()) if name in told
        }:
            raise serializers.ValidationError(wrong)
        own = {"person_id": self.actor.person_id, "role": "", "record_id": None}
        value = from_json(kind, {**told, **{name: own[name] for name in KNOWN.get(kind, ())}}, strict=True)
        again = self.again(FactRecord, sent)
        record = choices.record_choice if type(value) in choices.PERMISSIONS else record_fact
        row = record(actor=self.actor, course_id=course, value=value, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class AmendFact(Door):
    @described("amend_fact", takes=AmendFactInput, gives=FactOut)
    def post(self, request: Request, slug: str, fact: UUID) -> Response:
        sent = self.sent(AmendFactInput)
        first = fact_for(self.actor, fact)
        stays = {name: content for name, content in first.value.items() if name in FIXED}
        fixed = {f"value.{name}": [_("This stays as it was.")] for name in sent["value"] if name in stays}
        if fixed:
            raise serializers.ValidationError(fixed)
        value = from_json(first.kind, {**sent.pop("value"), **stays}, strict=True)
        again = self.again(FactRecord, sent)
        row = amend_fact(actor=self.actor, fact_id=fact, value=value, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class Contacts(Door):
    @described("record_contact", takes=RecordContactInput, gives=FactOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(RecordContactInput)
        again = self.again(FactRecord, sent)
        row = record_contact(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)


class Overrides(Door):
    @described("override_requirement", takes=OverrideRequirementInput, gives=FactOut)
    def post(self, request: Request, slug: str, course: UUID) -> Response:
        sent = self.sent(OverrideRequirementInput)
        again = self.again(FactRecord, sent)
        row = override_requirement(actor=self.actor, course_id=course, now=self.actor.at, **sent)
        return self.gives(FactOut, fact_out(row), again=again)
