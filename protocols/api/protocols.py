"""The protocols of a clinic and their versions, to read; a version's document is in the protocol language."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Instant, Text
from clinic.api.problems import Problem
from protocols import queries
from protocols.api.door import Door

PROBLEMS: dict[Any, Any] = {("4XX", "application/problem+json"): Problem}


class ProtocolVersionRowOut(Serializer[Any]):
    id = Id(source="public_id")
    version = Text()
    status = Text()
    digest = Text()
    drafted_at = Instant()
    published_at = Instant(allow_null=True)
    retired_at = Instant(allow_null=True)


class ProtocolOut(Serializer[Any]):
    id = Id(source="public_id")
    code = Text()
    version = ProtocolVersionRowOut(help_text="The published one, else the newest.")


class ProtocolsOut(Serializer[Any]):
    items = ProtocolOut(many=True)


class ProtocolVersionOut(ProtocolVersionRowOut):
    protocol = Text(source="protocol.code")
    author = Text(source="author.printed_name")
    approved_by = Text(source="approved_by.printed_name", default=None, allow_null=True)
    document = Text(help_text="YAML")


class ProtocolVersionsOut(Serializer[Any]):
    newest = ProtocolVersionOut(help_text="The published one, else the newest, with its document.")
    versions = ProtocolVersionRowOut(many=True)


class Protocols(Door):
    @extend_schema(
        operation_id="list_protocols", summary="List protocols", responses={200: ProtocolsOut, **PROBLEMS}
    )
    def get(self, request: Request, slug: str) -> Response:
        rows = [
            {"public_id": protocol.public_id, "code": protocol.code, "version": version}
            for protocol, version in queries.protocols(self.actor)
        ]
        return Response(ProtocolsOut({"items": rows}).data)


class ProtocolVersions(Door):
    @extend_schema(
        operation_id="read_protocol",
        summary="Read a protocol",
        responses={200: ProtocolVersionsOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID) -> Response:
        newest = queries.version_for(self.actor, protocol_public_id=protocol)
        versions = queries.versions_of(self.actor, protocol_id=newest.protocol_id)
        return Response(ProtocolVersionsOut({"newest": newest, "versions": versions}).data)


class ProtocolVersionByNumber(Door):
    @extend_schema(
        operation_id="read_protocol_version",
        summary="Read one version of a protocol",
        responses={200: ProtocolVersionOut, **PROBLEMS},
    )
    def get(self, request: Request, slug: str, protocol: UUID, version: str) -> Response:
        found = queries.version_for(self.actor, protocol_public_id=protocol, version=version)
        return Response(ProtocolVersionOut(found).data)
