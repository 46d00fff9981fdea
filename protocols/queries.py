"""Reading protocols: the parsed definition of a version, and the versions a clinic has.

`definition_of` and `definitions_of` ask for no actor: whoever holds a version's id got it from a row they
could see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor
from clinic.errors import BadInput, NotFound
from protocols.models import Protocol, ProtocolVersion, ProtocolVersionQuerySet, VersionStatus
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import parse
from protocols.rules.instruments import Instrument, parse_instrument

# Parsed definitions by digest: two versions of one digest say the same, so no entry can ever be out of date.
_PARSED: dict[str, ProtocolDefinition] = {}
_MOST_PARSED = 256


def _parsed(digest: str, document: str) -> ProtocolDefinition:
    definition = _PARSED.get(digest)
    if definition is None:
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        definition = _PARSED[digest] = parse(document)
    return definition


def definition_in(version: ProtocolVersion) -> ProtocolDefinition:
    """The definition of a version already at hand; no query."""
    return _parsed(version.digest, version.document)


def definition_of(version_id: int) -> ProtocolDefinition:
    """The definition of the version of that id: one small query, and the document only when it is new
    here."""
    return definitions_of([version_id])[version_id]


def definitions_of(version_ids: Iterable[int]) -> dict[int, ProtocolDefinition]:
    """The definitions of all those versions, in one query, or two when some were not parsed here before."""
    wanted = set(version_ids)
    digests = dict(ProtocolVersion.objects.filter(pk__in=wanted).values_list("pk", "digest"))
    if len(digests) != len(wanted):
        raise NotFound()
    found = {pk: _PARSED[digest] for pk, digest in digests.items() if digest in _PARSED}
    unknown = wanted - found.keys()
    if unknown:
        for version in ProtocolVersion.objects.filter(pk__in=unknown):
            found[version.pk] = definition_in(version)
    return found


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


_INSTRUMENTS = Path(__file__).parent / "library" / "instruments"


@cache
def instruments() -> Mapping[str, Instrument]:
    """Every instrument of the library by its code, read once."""
    found = [
        parse_instrument(path.read_text(encoding="utf-8")) for path in sorted(_INSTRUMENTS.glob("*.yaml"))
    ]
    return MappingProxyType({instrument.code: instrument for instrument in found})


def instrument_of(code: str) -> Instrument:
    """The instrument of that code. Raises BadInput."""
    instrument = instruments().get(code)
    if instrument is None:
        raise BadInput(
            _("There is no instrument of that name."), fields={"instrument": [_("Choose another.")]}
        )
    return instrument
