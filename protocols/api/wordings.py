"""Where a clinic is, and the wordings of instruments that it is licensed to use: read, loaded, taken back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BooleanField, ListField, Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.api.problems import StrictSerializer
from clinic.operations.clinics import change_clinic
from protocols import queries
from protocols.api.door import Door
from protocols.api.protocols import PROBLEMS
from protocols.operations.wordings import load_wording, take_wording_back


class LoadWordingInput(StrictSerializer):
    id = Id(help_text="A UUID that you make. The same id and body again give the first row.")
    instrument = Text(help_text="Its code.")
    document = Text(
        max_length=2_000_000, trim_whitespace=False, help_text="YAML, as docs/instruments.md says."
    )
    reason = Text()


class TakeWordingBackInput(StrictSerializer):
    id = Id(help_text="A UUID that you make. The same id and body again give the first row.")
    instrument = Text(help_text="Its code.")
    language = Text(max_length=10, required=False, default="en", help_text="Of the wording taken back.")
    reason = Text(allow_blank=True)


class LoadedWordingOut(Serializer[Any]):
    id = Id(source="public_id")
    instrument = Text()
    language = Text()
    version = Text()
    reason = Text(source="why", allow_blank=True, help_text="Why it was taken back; empty while it stands.")
    loaded_by = Text(source="loaded_by.printed_name")
    loaded_at = Instant()


class WordingOut(Serializer[Any]):
    instrument = Text(source="instrument.code")
    version = Text(source="instrument.version")
    language = Text(help_text="Each is listed in English, and in every language it has words in here.")
    ships = Text(
        source="instrument.licence.ships", help_text="text, or structure: then its wording is loaded."
    )
    has_text = BooleanField(help_text="Without it in any language of theirs no patient is sent this form.")
    licence = Text(allow_blank=True, help_text="Of what the clinic loaded.")
    document = Text(allow_blank=True, help_text="What the clinic loaded; empty when nothing stands.")
    fits = BooleanField(help_text="Whether what was loaded fits the instrument as the product now has it.")


class WordingsOut(Serializer[Any]):
    items = WordingOut(many=True)


class JurisdictionsInput(StrictSerializer):
    jurisdictions = ListField(
        child=Text(max_length=80), max_length=50, help_text="As protocols name them: US, US-OR."
    )
    reason = Text()


class JurisdictionsOut(Serializer[Any]):
    jurisdictions = ListField(child=Text())


class Wordings(Door):
    @extend_schema(
        operation_id="list_wordings",
        summary="List the instruments, and where the wording of each comes from here",
        responses={200: WordingsOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str) -> Response:
        return Response(WordingsOut({"items": queries.wording_states(self.actor)}).data)

    @extend_schema(
        operation_id="load_wording",
        summary="Load the wording of an instrument that the clinic is licensed to use",
        request=LoadWordingInput,
        responses={200: LoadedWordingOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(LoadWordingInput)
        row = load_wording(
            actor=self.actor,
            instrument=sent["instrument"],
            text=sent["document"],
            reason=sent["reason"],
            public_id=sent["id"],
            now=self.actor.at,
        )
        return Response(LoadedWordingOut(row).data)


class TakeWordingBack(Door):
    @extend_schema(
        operation_id="take_wording_back",
        summary="Take a loaded wording back",
        request=TakeWordingBackInput,
        responses={200: LoadedWordingOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(TakeWordingBackInput)
        row = take_wording_back(
            actor=self.actor,
            instrument=sent["instrument"],
            language=sent["language"],
            why=sent["reason"],
            public_id=sent["id"],
            now=self.actor.at,
        )
        return Response(LoadedWordingOut(row).data)


class Jurisdictions(Door):
    @extend_schema(
        operation_id="read_jurisdictions",
        summary="Whose rules hold where the clinic is",
        responses={200: JurisdictionsOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str) -> Response:
        return Response(JurisdictionsOut(self.seat.clinic).data)

    @extend_schema(
        operation_id="set_jurisdictions",
        summary="Say whose rules hold where the clinic is, for what is published from now on",
        request=JurisdictionsInput,
        responses={200: JurisdictionsOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str) -> Response:
        sent = self.sent(JurisdictionsInput)
        clinic = change_clinic(
            actor=self.actor,
            settings={"jurisdictions": sent["jurisdictions"]},
            reason=sent["reason"],
            now=self.actor.at,
        )
        return Response(JurisdictionsOut(clinic).data)
