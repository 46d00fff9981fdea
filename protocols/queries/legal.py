"""What allows the clinic to follow each of its protocols, and whether it is in force on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from django.db.models import F

from clinic.actors import Actor
from clinic.errors import NotFound
from protocols.models import LegalBasis, Protocol

Span = tuple[date, date | None]
"""From and until, both days included; None: without end."""


def legal_spans(version_ids: Iterable[int]) -> dict[int, tuple[Span, ...]]:
    """Version id → the spans in which the clinic may follow its protocol. One query, however many."""
    found: dict[int, list[Span]] = defaultdict(list)
    rows = LegalBasis.objects.filter(protocol__versions__pk__in=set(version_ids))
    for row in rows.annotate(version_id=F("protocol__versions__pk")).order_by("valid_from", "pk"):
        until = row.valid_until
        if row.revoked_on is not None:
            last = row.revoked_on - timedelta(days=1)
            until = last if until is None else min(until, last)
        if until is None or until >= row.valid_from:
            found[row.version_id].append((row.valid_from, until))
    return {version_id: tuple(spans) for version_id, spans in found.items()}


def legal_bases(actor: Actor, *, protocol_public_id: UUID) -> list[LegalBasis]:
    """All that were ever recorded for a protocol, the latest first."""
    if not Protocol.objects.visible_to(actor).filter(public_id=protocol_public_id).exists():
        raise NotFound()
    return list(
        LegalBasis.objects.filter(clinic_id=actor.clinic_id, protocol__public_id=protocol_public_id)
        .select_related("protocol", "recorded_by", "revoked_by")
        .order_by("-valid_from", "-pk")
    )
