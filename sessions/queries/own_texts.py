"""At which number the clinic texts the actor, and what of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clinic.actors import Actor
from clinic.models import Membership, NumberCode
from clinic.permissions import HouseSubject, Permission, require
from clinic.queries import texts_possible


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTexts:
    possible: bool  # this clinic sends texts
    number: str  # confirmed, or ""
    confirmed_at: datetime | None
    concerns: bool
    asked: str  # a number to which a code is on its way, or ""


def own_texts(actor: Actor, *, now: datetime) -> OwnTexts:
    require(actor, Permission.VIEW_CLINIC, HouseSubject(clinic_id=actor.clinic_id))
    mine = Membership.objects.select_related("clinic").get(clinic_id=actor.clinic_id, person_id=actor.person)
    last = NumberCode.objects.filter(membership=mine).order_by("-asked_at", "-pk").first()
    waits = last is not None and last.used_at is None and last.expires_at > now
    return OwnTexts(
        possible=texts_possible(mine.clinic),
        number=mine.text_number,
        confirmed_at=mine.text_number_confirmed_at,
        concerns=mine.texts_for_concerns,
        asked=last.number if last is not None and waits else "",
    )
