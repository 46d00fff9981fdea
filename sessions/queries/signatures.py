"""Which sessions stand signed, and which wait for a signature."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from clinic.actors import Actor
from sessions.models import SignatureRecord
from sessions.models.bookings import RecordStatus


def unsigned_as_it_stands() -> Q:
    """Of session records: ended and not signed, or signed and amended since."""
    return Q(status=RecordStatus.ENDED) | to_sign_again()


def to_sign_again() -> Q:
    """Of session records: signed, and no author's signature stands over what they say now."""
    standing = SignatureRecord.objects.authors_standing().filter(session_record=OuterRef("pk"))
    return Q(~Exists(standing), status=RecordStatus.SIGNED)


def signature_shown(actor: Actor, signature_id: UUID) -> SignatureRecord:
    """The row, with whether it was superseded."""
    rows = SignatureRecord.objects.with_standing()
    return rows.get(clinic_id=actor.clinic_id, public_id=signature_id)
