"""Recording what somebody is licensed for and trained in, and taking one back."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Credential, CredentialKind, Membership
from clinic.operations.changes import look_again
from clinic.operations.events import record_change, said_why
from clinic.permissions import HouseSubject, Permission, require


def record_credential(
    *,
    actor: Actor,
    person_id: UUID,
    kind: CredentialKind,
    code: str,
    title: str,
    valid_from: date,
    now: datetime,
    valid_until: date | None = None,
    number: str = "",
    issuer: str = "",
    reason: str,
    public_id: UUID | None = None,
) -> Credential:
    """A licence, training or certificate of somebody who works, worked or will work here; the days are both
    included. The courses it touches, ended ones too, are looked at again by the next tick."""
    with acting(actor):
        require(actor, Permission.MANAGE_CREDENTIALS, HouseSubject(clinic_id=actor.clinic_id))
        public_id = public_id or uuid7()
        # Their own row: of two requests with one id the second sees the first.
        member = (
            Membership.objects.select_for_update(no_key=True, of=("self",))
            .filter(clinic_id=actor.clinic_id, person__public_id=person_id)
            .first()
        )
        if member is None:
            raise NotFound()
        said = {
            "person_id": member.person_id,
            "kind": kind.value,
            "code": code.strip().lower(),
            "title": title.strip(),
            "number": number.strip(),
            "issuer": issuer.strip(),
            "valid_from": valid_from,
            "valid_until": valid_until,
        }
        first = Credential.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            if any(getattr(first, name) != value for name, value in said.items()):
                raise Incomplete("This id was already used for another credential.", code="id-reused")
            return first
        if valid_until is not None and valid_until < valid_from:
            raise BadInput(fields={"valid_until": [_("The last day lies before the first.")]})
        row = Credential(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            recorded_by_id=actor.person,
            recorded_at=now,
            **said,
        )
        try:
            row.full_clean(exclude=["clinic", "person", "recorded_by"])
        except ValidationError as error:
            raise BadInput(fields=error.message_dict) from error
        row.save()
        _tell(actor, "credential_recorded", row, now=now, reason=reason)
        return row


def withdraw_credential(
    *, actor: Actor, credential_id: UUID, reason: str, now: datetime, from_on: date | None = None
) -> Credential:
    """It does not count from that day on; None: it never did, it was entered in error. Once, and never
    undone: what holds after all is recorded anew."""
    with acting(actor):
        row = (
            Credential.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=credential_id)
            .first()
        )
        if row is None:
            raise NotFound()
        require(actor, Permission.MANAGE_CREDENTIALS, HouseSubject(clinic_id=actor.clinic_id))
        why = said_why(reason)
        if row.withdrawn_from is not None:
            if (row.withdrawn_from, row.withdrawal_reason) == (from_on or row.valid_from, why):
                return row
            raise NotNow(_("It was withdrawn already."), advice=_("Record what holds as a new one."))
        row.withdrawn_from = max(from_on or row.valid_from, row.valid_from)
        row.withdrawn_by_id = actor.person
        row.withdrawal_reason = why
        row.save(update_fields=["withdrawn_from", "withdrawn_by", "withdrawal_reason"])
        _tell(actor, "credential_withdrawn", row, now=now, reason=reason)
        return row


def _tell(actor: Actor, verb: str, row: Credential, *, now: datetime, reason: str) -> None:
    record_change(
        actor=actor,
        verb=verb,
        subject=row,
        now=now,
        data={"person": row.person_id, "kind": row.kind, "code": row.code},
        reason=reason,
    )
    # What was held then was held with this credential, or without: also where all is over.
    look_again(clinic_id=row.clinic_id, person_id=row.person_id, ended=True, now=now)
