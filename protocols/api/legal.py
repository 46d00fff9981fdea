"""What allows the clinic to follow a protocol: recorded, listed, revoked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, OneOf, Text
from clinic.api.problems import StrictSerializer
from protocols import queries
from protocols.api.door import Door
from protocols.api.protocols import PROBLEMS
from protocols.models import LegalBasisKind
from protocols.operations import record_legal_basis, revoke_legal_basis


class LegalBasisInput(StrictSerializer):
    id = Id(help_text="A UUID that you make. The same id and body again give the first row.")
    kind = OneOf(LegalBasisKind)
    number = Text(allow_blank=True)
    scope = Text(allow_blank=True)
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True, required=False, default=None)
    reason = Text()


class RevokeLegalBasisInput(StrictSerializer):
    reason = Text(allow_blank=True)
    on = serializers.DateField(
        required=False, default=None, allow_null=True, help_text="From that day on; today if left out."
    )


class LegalBasisOut(Serializer[Any]):
    id = Id(source="public_id")
    kind = Text()
    number = Text()
    scope = Text()
    valid_from = serializers.DateField()
    valid_until = serializers.DateField(allow_null=True)
    recorded_by = Text(source="recorded_by.printed_name")
    recorded_at = Instant()
    revoked_on = serializers.DateField(allow_null=True)
    revoked_why = Text(allow_blank=True)


class LegalBasesOut(Serializer[Any]):
    items = LegalBasisOut(many=True)


class LegalBases(Door):
    @extend_schema(
        operation_id="list_legal_bases",
        summary="List what allows the clinic to follow a protocol",
        responses={200: LegalBasesOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID) -> Response:
        found = queries.legal_bases(self.actor, protocol_public_id=protocol)
        return Response(LegalBasesOut({"items": found}).data)

    @extend_schema(
        operation_id="record_legal_basis",
        summary="Record what allows the clinic to follow a protocol",
        request=LegalBasisInput,
        responses={200: LegalBasisOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, protocol: UUID) -> Response:
        sent = self.sent(LegalBasisInput)
        row = record_legal_basis(
            actor=self.actor,
            protocol_id=protocol,
            public_id=sent.pop("id"),
            now=self.actor.at,
            **sent,
        )
        return Response(LegalBasisOut(row).data)


class RevokeLegalBasis(Door):
    @extend_schema(
        operation_id="revoke_legal_basis",
        summary="Record that a legal basis has lapsed",
        request=RevokeLegalBasisInput,
        responses={200: LegalBasisOut, **PROBLEMS},
    )
    def post(self, request: Request, slug: str, legal_basis: UUID) -> Response:
        sent = self.sent(RevokeLegalBasisInput)
        row = revoke_legal_basis(actor=self.actor, legal_basis_id=legal_basis, now=self.actor.at, **sent)
        return Response(LegalBasisOut(row).data)
