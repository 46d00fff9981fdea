"""Who wrote drafts of a protocol, those thrown away too: the event log says so when the draft is gone."""

from __future__ import annotations

from django.db.models import Max, Q

from clinic.models import Event
from protocols.models import Protocol


def writers_of(protocol: Protocol, *, digest: str) -> frozenset[int]:
    """The persons who drafted anything of the protocol since its last publication, or ever drafted just what
    that digest is of."""
    told = Event.objects.filter(clinic_id=protocol.clinic_id, subject_type="protocolversion")
    published = told.filter(verb="protocol_published", subject_id__in=protocol.versions.values("pk"))
    last = published.aggregate(last=Max("pk"))["last"] or 0
    drafted = told.filter(
        Q(pk__gt=last) | Q(data__digest=digest),
        verb="protocol_drafted",
        actor_kind="person",
        data__code=protocol.code,
    )
    return frozenset(one for one in drafted.values_list("actor_id", flat=True) if one is not None)
