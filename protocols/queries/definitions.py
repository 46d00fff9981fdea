"""The parsed definition of a version.

Asks for no actor: whoever holds a version's id got it from a row they could see.
"""

from __future__ import annotations

from collections.abc import Iterable

from clinic.errors import NotFound
from protocols.models import ProtocolVersion
from protocols.rules.definition import ProtocolDefinition
from protocols.rules.document import DocumentErrors, digest_of, parse
from protocols.rules.renaming import keyed

# Parsed definitions by digest: two versions of one digest say the same, so no entry can ever be out of date.
_PARSED: dict[str, tuple[ProtocolDefinition, ProtocolDefinition]] = {}
_MOST_PARSED = 256


def _parsed(digest: str, document: str) -> tuple[ProtocolDefinition, ProtocolDefinition]:
    """As its document writes it, and as the engine reads it."""
    found = _PARSED.get(digest)
    if found is None:
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        written = parse(document)
        found = _PARSED[digest] = (written, keyed(written))
    return found


def definition_in(version: ProtocolVersion) -> ProtocolDefinition:
    """The definition of a version already at hand, its rules under the names their records carry; no
    query."""
    return _parsed(version.digest, version.document)[1]


def definition_as_written(version: ProtocolVersion) -> ProtocolDefinition:
    """What a version already at hand says, its rules under the names its own document gives them; no
    query."""
    return _parsed(version.digest, version.document)[0]


def definition_of(version_id: int) -> ProtocolDefinition:
    """The definition of the version of that id, its rules under the names their records carry: one small
    query, and the document only when it is new here."""
    return definitions_of([version_id])[version_id]


def definitions_of(version_ids: Iterable[int]) -> dict[int, ProtocolDefinition]:
    """The definitions of all those versions, in one query, or two when some were not parsed here before."""
    wanted = set(version_ids)
    digests = dict(ProtocolVersion.objects.filter(pk__in=wanted).values_list("pk", "digest"))
    if len(digests) != len(wanted):
        raise NotFound()
    found = {pk: _PARSED[digest][1] for pk, digest in digests.items() if digest in _PARSED}
    unknown = wanted - found.keys()
    if unknown:
        for version in ProtocolVersion.objects.filter(pk__in=unknown):
            found[version.pk] = _parsed(version.digest, version.document)[1]
    return found


def says_what_it_said(version: ProtocolVersion) -> bool:
    """Whether the document, read afresh, still gives the version's digest."""
    try:
        return digest_of(parse(version.document)) == version.digest
    except DocumentErrors:
        return False
