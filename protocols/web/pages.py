"""The protocols of a clinic, to read and to take away."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from clinic.actors import Seat, acting
from clinic.errors import NotFound
from clinic.permissions import HouseSubject, Permission, allows
from clinic.rules.wall_time import day_of
from protocols import queries
from protocols.models import ProtocolVersion, VersionStatus
from protocols.rules.exporting.fhir import plan_definition
from protocols.rules.exporting.usdm import usdm_study
from protocols.web import panels, showing, timeline
from protocols.web.outcomes import outcomes
from protocols.web.seat import staff, version_meant


@staff
def protocols(request: HttpRequest, seat: Seat) -> HttpResponse:
    with acting(seat.actor):
        found = [
            {
                "public_id": protocol.public_id,
                "title": showing.say(queries.definition_in(newest).title),
                "version": newest,
            }
            for protocol, newest in queries.protocols(seat.actor)
        ]
    page = {"here": "protocols", "protocols": found, "may_draft": _may(seat, Permission.DRAFT_PROTOCOL)}
    return render(request, "protocols/protocols.html", page)


@staff
def protocol(request: HttpRequest, seat: Seat, protocol: UUID) -> HttpResponse:
    version = version_meant(request, seat, protocol)
    with acting(seat.actor):
        versions = queries.versions_of(seat.actor, protocol_id=version.protocol_id)
        definition = queries.definition_laid(version)
        page = {
            "here": "protocols",
            "version": version,
            "versions": versions,
            "reviews": queries.reviews_of(seat.actor, version),
            "open_figures": len(queries.open_figures(version)) if _goes_on(version) else 0,
            "acts": _acts(seat, version),
            "panels": panels.panels(seat.actor, version),
            "title": showing.say(definition.title),
            "indication": showing.say(definition.indication),
            "overlays": _overlays(seat, version),
            "definition": definition,
            "role_words": [(role.value, showing.say(words)) for role, words in definition.role_words.items()],
            "picture": timeline.picture(definition),
            "lines": timeline.table(definition),
            "counts": showing.counts(definition),
            "stages": showing.stages(definition),
            "messages_to_patient": showing.messages(definition),
            "outcomes": outcomes(definition, queries.instruments()),
            "fidelity": showing.fidelity(definition),
            "citations": list(definition.citations.items()),
        }
    return render(request, "protocols/protocol.html", page)


@staff
def export(request: HttpRequest, seat: Seat, protocol: UUID, form: str) -> HttpResponse:
    """The schedule in a standard's JSON, as a file."""
    version = version_meant(request, seat, protocol)
    definition = queries.definition_laid(version)
    if form == "fhir":
        content = plan_definition(definition, published=version.status == VersionStatus.PUBLISHED)
    elif form == "usdm":
        content = usdm_study(definition)
    else:
        raise NotFound()
    name = f"{definition.code}-{version.version}.{form}.json"
    return JsonResponse(
        content,
        json_dumps_params={"indent": 2, "ensure_ascii": False},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _overlays(seat: Seat, version: ProtocolVersion) -> list[dict[str, object]]:
    """What the document says of other places and days, and whether it is part of this version."""
    written = queries.definition_as_written(version)
    laid = () if version.laid_on is None else written.overlays_on(version.jurisdictions, version.laid_on)
    today = day_of(seat.actor.at, seat.clinic.zone_info)
    return [
        {
            "words": showing.say(overlay.words),
            "jurisdiction": overlay.jurisdiction,
            "from_on": overlay.in_force.from_on,
            "until_on": overlay.in_force.until_on,
            "laid": overlay in laid,
            "changed": (overlay in laid)
            != (overlay.jurisdiction in seat.clinic.jurisdictions and overlay.in_force.holds_on(today)),
        }
        for overlay in written.overlays
    ]


def _may(seat: Seat, permission: Permission) -> bool:
    return allows(seat.actor, permission, HouseSubject(clinic_id=seat.clinic.pk))


def _goes_on(version: ProtocolVersion) -> bool:
    return version.status in (VersionStatus.DRAFT, VersionStatus.IN_REVIEW, VersionStatus.REVIEWED)


def _acts(seat: Seat, version: ProtocolVersion) -> dict[str, bool]:
    """What this person may do with this version as it stands. The operation asks again."""
    draft, publish = _may(seat, Permission.DRAFT_PROTOCOL), _may(seat, Permission.PUBLISH_PROTOCOL)
    status = version.status
    return {
        "edit": draft,
        "send": draft and status == VersionStatus.DRAFT,
        "discard": draft and status == VersionStatus.DRAFT,
        "return": draft and status in (VersionStatus.IN_REVIEW, VersionStatus.REVIEWED),
        "approve": publish
        and status == VersionStatus.IN_REVIEW
        and seat.actor.person_id not in version.author_ids,
        "publish": publish and status == VersionStatus.REVIEWED,
        "retire": publish and status == VersionStatus.PUBLISHED,
        "confirm": _may(seat, Permission.CONFIRM_FIGURES) and _goes_on(version),
    }
