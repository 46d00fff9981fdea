"""The parsed definition of a version.

Asks for no actor: whoever holds a version's id got it from a row they could see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from clinic.errors import NotFound
from protocols.models import ProtocolVersion
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import DocumentErrors, digest_of, parse
from protocols.rules.renaming import keyed

# Parsed definitions by digest: two versions of one digest say the same, so no entry can ever be out of date.
_WRITTEN: dict[str, ProtocolDefinition] = {}
# And as they are followed, by the digest and which of its overlays are laid over it: what its document writes
# with those laid over it, and the same under the names the engine reads it by.
_LAID: dict[tuple[str, tuple[int, ...]], tuple[ProtocolDefinition, ProtocolDefinition]] = {}
_MOST_PARSED = 256


def _as_written(digest: str, document: str) -> ProtocolDefinition:
    found = _WRITTEN.get(digest)
    if found is None:
        if len(_WRITTEN) >= _MOST_PARSED:
            _WRITTEN.clear()
        found = _WRITTEN[digest] = parse(document)
    return found


def _laid(
    digest: str, written: ProtocolDefinition, jurisdictions: Collection[str], laid_on: date | None
) -> tuple[ProtocolDefinition, ProtocolDefinition]:
    """As its document writes it with its overlays laid over it, and as the engine reads that."""
    overlays = () if laid_on is None else written.overlays_on(jurisdictions, laid_on)
    key = (digest, tuple(written.overlays.index(overlay) for overlay in overlays))
    found = _LAID.get(key)
    if found is None:
        if len(_LAID) >= _MOST_PARSED:
            _LAID.clear()
        laid = written.in_jurisdictions(jurisdictions, laid_on) if laid_on is not None else written
        found = _LAID[key] = (laid, keyed(laid))
    return found


def definition_in(version: ProtocolVersion) -> ProtocolDefinition:
    """The definition of a version already at hand, as it is followed: its overlays laid, its rules under the
    names their records carry. No query."""
    return _of(version)[1]


def definition_laid(version: ProtocolVersion) -> ProtocolDefinition:
    """What a version already at hand says where and when it is followed, its rules under the names its own
    document gives them. No query."""
    return _of(version)[0]


def _of(version: ProtocolVersion) -> tuple[ProtocolDefinition, ProtocolDefinition]:
    written = _as_written(version.digest, version.document)
    return _laid(version.digest, written, version.jurisdictions, version.laid_on)


def definition_as_written(version: ProtocolVersion) -> ProtocolDefinition:
    """The whole document of a version already at hand, every overlay beside it; no query."""
    return _as_written(version.digest, version.document)


def definition_of(version_id: int) -> ProtocolDefinition:
    """The definition of the version of that id, as it is followed: one small query, and the document only
    when it is new here."""
    return definitions_of([version_id])[version_id]


def definitions_of(version_ids: Iterable[int]) -> dict[int, ProtocolDefinition]:
    """The definitions of all those versions, in one query, or two when some were not parsed here before."""
    wanted = set(version_ids)
    rows = ProtocolVersion.objects.filter(pk__in=wanted).values_list(
        "pk", "digest", "jurisdictions", "laid_on"
    )
    found: dict[int, ProtocolDefinition] = {}
    known = set()
    for pk, digest, jurisdictions, laid_on in rows:
        known.add(pk)
        written = _WRITTEN.get(digest)
        if written is not None:
            found[pk] = _laid(digest, written, jurisdictions, laid_on)[1]
    if known != wanted:
        raise NotFound()
    unknown = wanted - found.keys()
    if unknown:
        for version in ProtocolVersion.objects.filter(pk__in=unknown):
            found[version.pk] = _of(version)[1]
    return found


def says_what_it_said(version: ProtocolVersion) -> bool:
    """Whether the document, read afresh, still gives the version's digest."""
    try:
        return digest_of(parse(version.document)) == version.digest
    except DocumentErrors:
        return False
