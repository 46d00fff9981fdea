"""An administrator records what allows the clinic to follow a protocol, and when it lapsed."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Clinic
from clinic.operations.events import record_change, said_why
from clinic.permissions import HouseSubject, Permission, require
from protocols.models import LegalBasis, LegalBasisKind, Protocol


def record_legal_basis(
    *,
    actor: Actor,
    protocol_id: UUID,
    kind: LegalBasisKind,
    number: str,
    scope: str,
    valid_from: date,
    valid_until: date | None,
    now: datetime,
    reason: str,
    public_id: UUID | None = None,
) -> LegalBasis:
    """The clinic's own approval, permit or licence for a protocol. The same id again gives the same row."""
    with acting(actor):
        protocol = (
            Protocol.objects.select_for_update()
            .filter(clinic_id=actor.clinic_id, public_id=protocol_id)
            .first()
        )
        if protocol is None:
            raise NotFound()
        require(actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=protocol.clinic_id))
        said = {
            "protocol_id": protocol.pk,
            "kind": kind.value,
            "number": number.strip(),
            "scope": scope.strip(),
            "valid_from": valid_from,
            "valid_until": valid_until,
        }
        public_id = public_id or uuid7()
        first = LegalBasis.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if any(getattr(first, name) != value for name, value in said.items()):
                raise Incomplete(_("This id was already used for another legal basis."), code="id-reused")
            return first
        missing = {name: [_("Fill this in.")] for name in ("number", "scope") if not said[name]}
        if missing:
            raise Incomplete(_("A legal basis needs its number and what it allows."), fields=missing)
        if valid_until is not None and valid_until < valid_from:
            raise BadInput(
                _("It would end before it begins."), fields={"valid_until": [_("Check the dates.")]}
            )
        row = LegalBasis.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            recorded_by_id=actor.person,
            recorded_at=now,
            **said,
        )
        record_change(
            actor=actor,
            verb="legal_basis_recorded",
            subject=row,
            now=now,
            data={
                "protocol": protocol.code,
                "kind": kind.value,
                "from": valid_from.isoformat(),
                "until": valid_until.isoformat() if valid_until else None,
            },
            reason=reason,
        )
        return row


def revoke_legal_basis(
    *, actor: Actor, legal_basis_id: UUID, reason: str, now: datetime, on: date | None = None
) -> LegalBasis:
    """It is no longer in force from that day (default: today, in the clinic's calendar) on."""
    with acting(actor):
        row = (
            LegalBasis.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=legal_basis_id)
            .first()
        )
        if row is None:
            raise NotFound()
        require(actor, Permission.RECORD_LEGAL_BASIS, HouseSubject(clinic_id=row.clinic_id))
        why = said_why(reason)
        if row.revoked_on is not None:
            raise NotNow(_("It was revoked already."))
        today = now.astimezone(Clinic.objects.get(pk=actor.clinic_id).zone_info).date()
        row.revoked_on = on or today
        row.revoked_by_id = actor.person
        row.revoked_why = why
        row.save(update_fields=["revoked_on", "revoked_by", "revoked_why"])
        record_change(
            actor=actor,
            verb="legal_basis_revoked",
            subject=row,
            now=now,
            data={"on": row.revoked_on.isoformat()},
            reason=reason,
        )
        return row
