"""The protocols of a clinic, to read."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clinic.actors import acting
from clinic.web.context import seat_of
from protocols import queries
from protocols.web import showing


@login_required
@require_safe
def protocols(request: HttpRequest, clinic: str) -> HttpResponse:
    seat = seat_of(request, clinic)
    with acting(seat.actor):
        found = [
            {
                "public_id": protocol.public_id,
                "title": showing.say(queries.definition_as_written(newest).title),
                "version": newest,
            }
            for protocol, newest in queries.protocols(seat.actor)
        ]
    return render(request, "protocols/protocols.html", {"here": "protocols", "protocols": found})


@login_required
@require_safe
def protocol(request: HttpRequest, clinic: str, protocol: UUID) -> HttpResponse:
    seat = seat_of(request, clinic)
    with acting(seat.actor):
        version = queries.version_for(
            seat.actor, protocol_public_id=protocol, version=request.GET.get("version") or None
        )
        versions = queries.versions_of(seat.actor, protocol_id=version.protocol_id)
        definition = queries.definition_as_written(version)
        page = {
            "here": "protocols",
            "version": version,
            "versions": versions,
            "title": showing.say(definition.title),
            "indication": showing.say(definition.indication),
            "definition": definition,
            "counts": showing.counts(definition),
            "stages": showing.stages(definition),
            "messages_to_patient": showing.messages(definition),
            "citations": list(definition.citations.items()),
        }
    return render(request, "protocols/protocol.html", page)
