"""Finding versions of a clinic's protocols: the one to enrol on, the one to show, all there are."""

from __future__ import annotations

from uuid import UUID

from clinic.actors import Actor
from clinic.errors import NotFound
from protocols.models import (
    Protocol,
    ProtocolVersion,
    ProtocolVersionQuerySet,
    VersionReview,
    VersionStatus,
)


def published_versions(actor: Actor) -> ProtocolVersionQuerySet:
    """The versions that a patient can be enrolled on."""
    return (
        ProtocolVersion.objects.visible_to(actor)
        .filter(status=VersionStatus.PUBLISHED)
        .select_related("protocol")
        .order_by("protocol__code")
    )


def published_version(*, clinic_id: int, code: str) -> ProtocolVersion:
    """The version of the protocol of that code that new courses are enrolled on. Raises NotFound."""
    version = ProtocolVersion.objects.filter(
        clinic_id=clinic_id, protocol__code=code, status=VersionStatus.PUBLISHED
    ).first()
    if version is None:
        raise NotFound()
    return version


def protocols(actor: Actor) -> list[tuple[Protocol, ProtocolVersion]]:
    """The clinic's protocols, each with its published version, else its newest one."""
    versions = (
        ProtocolVersion.objects.visible_to(actor).select_related("protocol").order_by("drafted_at", "pk")
    )
    found: dict[str, tuple[Protocol, ProtocolVersion]] = {}
    for version in versions:
        known = found.get(version.protocol.code)
        if (
            known is None
            or known[1].status != VersionStatus.PUBLISHED
            or version.status == VersionStatus.PUBLISHED
        ):
            found[version.protocol.code] = (version.protocol, version)
    return [found[code] for code in sorted(found)]


def version_for(actor: Actor, *, protocol_public_id: UUID, version: str | None = None) -> ProtocolVersion:
    """One version of a protocol: that one, else the published one, else the newest. Raises NotFound."""
    versions = (
        ProtocolVersion.objects.visible_to(actor)
        .filter(protocol__public_id=protocol_public_id)
        .select_related("protocol", "author", "approved_by")
        .order_by("-drafted_at", "-pk")
    )
    if version is not None:
        found = versions.filter(version=version).first()
    else:
        found = versions.filter(status=VersionStatus.PUBLISHED).first() or versions.first()
    if found is None:
        raise NotFound()
    return found


def versions_of(actor: Actor, *, protocol_id: int) -> list[ProtocolVersion]:
    """All versions of a protocol, newest first, without their documents."""
    return list(
        ProtocolVersion.objects.visible_to(actor)
        .filter(protocol_id=protocol_id)
        .defer("document")
        .order_by("-drafted_at", "-pk")
    )


def reviews_of(actor: Actor, version: ProtocolVersion) -> list[VersionReview]:
    """Every step of its review, oldest first, with who took it."""
    if not ProtocolVersion.objects.visible_to(actor).filter(pk=version.pk).exists():
        raise NotFound()
    return list(VersionReview.objects.filter(version=version).select_related("person").order_by("at", "pk"))
