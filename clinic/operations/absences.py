"""Saying who is away, handing work to a named colleague between two dates, naming a supervisor's deputy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from clinic.actors import Actor, acting
from clinic.errors import BadInput, Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Absence, Clinic, Deputy, Handover, Membership
from clinic.operations.changes import look_again
from clinic.operations.events import record_change
from clinic.permissions import CLINICAL, HouseSubject, Permission, Role, require
from clinic.rules.wall_time import day_of, start_of_day


def record_absence(
    *,
    actor: Actor,
    person_id: UUID,
    from_on: date,
    until_on: date,
    now: datetime,
    stand_in: UUID | None = None,
    reason: str,
    public_id: UUID | None = None,
) -> Absence:
    """Somebody is away from the first of these days to the last. `stand_in` has their caseload, calls and
    safety tasks meanwhile; without one, what is theirs falls to the coordinator."""
    with acting(actor):
        clinic, person = _whose(actor, person_id)
        public_id = public_id or uuid7()
        first = Absence.objects.filter(clinic_id=clinic.pk, public_id=public_id).first()
        if first is not None:
            if (first.person_id, first.from_on, first.until_on) != (person.person_id, from_on, until_on):
                raise Incomplete("This id was already used for another absence.", code="id-reused")
            return first
        from_at, until_at = _span(clinic, from_on, until_on, now=now)
        absence = _made(
            "nobody_is_away_twice_at_once",
            _("They are away on some of these days already."),
            lambda: Absence.objects.create(
                clinic_id=clinic.pk,
                public_id=public_id,
                person_id=person.person_id,
                from_on=from_on,
                until_on=until_on,
                from_at=from_at,
                until_at=until_at,
                recorded_by_id=actor.person,
                recorded_at=now,
            ),
        )
        record_change(
            actor=actor,
            verb="absence_recorded",
            subject=absence,
            now=now,
            data={"person": person.person_id, "from": from_on.isoformat(), "until": until_on.isoformat()},
            reason=reason,
        )
        if stand_in is not None:
            hand_over(
                actor=actor,
                giver_id=person_id,
                taker_id=stand_in,
                from_on=from_on,
                until_on=until_on,
                now=now,
                reason=reason,
            )
        look_again(clinic_id=clinic.pk, person_id=person.person_id, now=now)
        return absence


def end_absence(*, actor: Actor, absence_id: UUID, now: datetime, reason: str) -> Absence:
    """They are back before the last day, or do not go after all. What was handed over for it is taken back by
    its own act."""
    with acting(actor):
        absence = (
            Absence.objects.select_for_update(of=("self",))
            .select_related("person")
            .filter(clinic_id=actor.clinic_id, public_id=absence_id)
            .first()
        )
        if absence is None:
            raise NotFound()
        _whose(actor, absence.person.public_id)
        if _end(absence, actor=actor, now=now):
            record_change(actor=actor, verb="absence_ended", subject=absence, now=now, reason=reason)
            look_again(clinic_id=actor.clinic_id, person_id=absence.person_id, now=now)
        return absence


def hand_over(
    *,
    actor: Actor,
    giver_id: UUID,
    taker_id: UUID,
    from_on: date,
    until_on: date,
    now: datetime,
    caseload: bool = True,
    calls: bool = True,
    safety_tasks: bool = True,
    reason: str,
    public_id: UUID | None = None,
) -> Handover:
    """The giver's patients are the taker's too in these days, and so is the work named. Nobody takes over who
    does not work here, or is away, on one of them."""
    with acting(actor):
        clinic, giver = _whose(actor, giver_id)
        public_id = public_id or uuid7()
        taker = Membership.objects.select_related("person").filter(
            clinic_id=clinic.pk, person__public_id=taker_id, person__is_active=True
        )
        to = taker.first()
        said = {
            "giver_id": giver.person_id,
            "taker_id": to.person_id if to else None,
            "from_on": from_on,
            "until_on": until_on,
            "caseload": caseload,
            "calls": calls,
            "safety_tasks": safety_tasks,
        }
        first = Handover.objects.filter(clinic_id=clinic.pk, public_id=public_id).first()
        if first is not None:
            if any(getattr(first, name) != value for name, value in said.items()):
                raise Incomplete("This id was already used for another handover.", code="id-reused")
            return first
        from_at, until_at = _span(clinic, from_on, until_on, now=now)
        if not (caseload or calls or safety_tasks):
            raise BadInput(fields={"caseload": [_("Choose what is handed over.")]})
        if not giver.role_set & CLINICAL:
            raise BadInput(fields={"giver": [_("They look after no patients here.")]})
        if to is None or to.person_id == giver.person_id or not to.role_set & CLINICAL:
            raise BadInput(fields={"taker": [_("Choose another clinician who works here.")]})
        if not (to.active_on(from_on) and to.active_on(until_on)):
            raise BadInput(fields={"taker": [_("They do not work here on all of these days.")]})
        if Role.PRESCRIBER in giver.role_set and Role.PRESCRIBER not in to.role_set:
            raise BadInput(fields={"taker": [_("Only a prescriber can stand in for a prescriber.")]})
        if Absence.objects.filter(
            clinic_id=clinic.pk, person_id=to.person_id, from_at__lt=until_at, until_at__gt=from_at
        ).exists():
            raise BadInput(fields={"taker": [_("They are away on some of these days themselves.")]})
        handover = _made(
            "_at_a_time",
            _("Some of this is handed over on some of these days already."),
            lambda: Handover.objects.create(
                clinic_id=clinic.pk,
                public_id=public_id,
                from_at=from_at,
                until_at=until_at,
                made_by_id=actor.person,
                made_at=now,
                **said,
            ),
        )
        record_change(
            actor=actor,
            verb="work_handed_over",
            subject=handover,
            now=now,
            data={
                "giver": giver.person_id,
                "taker": to.person_id,
                "from": from_on.isoformat(),
                "until": until_on.isoformat(),
                "caseload": caseload,
                "calls": calls,
                "safety_tasks": safety_tasks,
            },
            reason=reason,
        )
        look_again(clinic_id=clinic.pk, person_id=giver.person_id, now=now)
        return handover


def take_back(*, actor: Actor, handover_id: UUID, now: datetime, reason: str) -> Handover:
    """It ends now; what is still open goes back. One that has not begun never will."""
    with acting(actor):
        handover = (
            Handover.objects.select_for_update(of=("self",))
            .select_related("giver")
            .filter(clinic_id=actor.clinic_id, public_id=handover_id)
            .first()
        )
        if handover is None:
            raise NotFound()
        _whose(actor, handover.giver.public_id)
        if _end(handover, actor=actor, now=now):
            record_change(actor=actor, verb="work_taken_back", subject=handover, now=now, reason=reason)
            look_again(clinic_id=actor.clinic_id, person_id=handover.giver_id, now=now)
        return handover


def name_deputy(
    *,
    actor: Actor,
    supervisor_id: UUID,
    deputy_id: UUID,
    from_on: date,
    now: datetime,
    until_on: date | None = None,
    reason: str,
    public_id: UUID | None = None,
) -> Deputy:
    """Somebody who acts as a supervisor here while that supervisor is away. Only a supervisor names one,
    never somebody who is one only as a deputy."""
    with acting(actor):
        require(actor, Permission.NAME_DEPUTIES, HouseSubject(clinic_id=actor.clinic_id))
        clinic = _locked_clinic(actor)
        members = {
            one.person.public_id: one
            for one in Membership.objects.select_related("person").filter(
                clinic_id=clinic.pk,
                person__public_id__in=[supervisor_id, deputy_id],
                person__is_active=True,
            )
        }
        supervisor, deputy = members.get(supervisor_id), members.get(deputy_id)
        if not members:
            raise NotFound()
        public_id = public_id or uuid7()
        first = Deputy.objects.filter(clinic_id=clinic.pk, public_id=public_id).first()
        if first is not None:
            asked = (supervisor and supervisor.person_id, deputy and deputy.person_id, from_on, until_on)
            if (first.supervisor_id, first.deputy_id, first.from_on, first.until_on) != asked:
                raise Incomplete("This id was already used for another deputy.", code="id-reused")
            return first
        if not Membership.objects.filter(
            clinic_id=clinic.pk, person_id=actor.person, roles__contains=[Role.SUPERVISOR.value]
        ).exists():
            raise NotNow(_("A deputy names no deputy."), advice=_("Ask a supervisor."))
        if supervisor is None or Role.SUPERVISOR not in supervisor.role_set:
            raise BadInput(fields={"supervisor": [_("Choose a supervisor of this clinic.")]})
        if deputy is None or supervisor is deputy or not deputy.role_set & CLINICAL:
            raise BadInput(fields={"deputy": [_("Choose another clinician who works here.")]})
        if until_on is not None and until_on < from_on:
            raise BadInput(fields={"until_on": [_("The last day lies before the first.")]})
        row = Deputy.objects.create(
            clinic_id=clinic.pk,
            public_id=public_id,
            supervisor_id=supervisor.person_id,
            deputy_id=deputy.person_id,
            from_on=from_on,
            until_on=until_on,
            from_at=start_of_day(from_on, clinic.zone_info),
            until_at=None if until_on is None else _after(until_on, clinic),
            named_by_id=actor.person,
            named_at=now,
        )
        record_change(
            actor=actor,
            verb="deputy_named",
            subject=row,
            now=now,
            data={"supervisor": supervisor.person_id, "deputy": deputy.person_id},
            reason=reason,
        )
        return row


def release_deputy(*, actor: Actor, deputy_id: UUID, now: datetime, reason: str) -> Deputy:
    """They act for that supervisor no longer, from now."""
    with acting(actor):
        row = (
            Deputy.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=deputy_id)
            .first()
        )
        if row is None:
            raise NotFound()
        require(actor, Permission.NAME_DEPUTIES, HouseSubject(clinic_id=actor.clinic_id))
        if _end(row, actor=actor, now=now):
            record_change(actor=actor, verb="deputy_released", subject=row, now=now, reason=reason)
        return row


Spanned = TypeVar("Spanned", Absence, Handover, Deputy)
Made = TypeVar("Made")


def _end(row: Spanned, *, actor: Actor, now: datetime) -> bool:
    """Whether it ends now that had not ended before."""
    ends_at = max(now, row.from_at)
    until_at: datetime | None = row.until_at
    if until_at is not None and until_at <= ends_at:
        return False
    row.until_at, row.ended_by_id = ends_at, actor.person
    row.save(update_fields=["until_at", "ended_by"])
    return True


def _whose(actor: Actor, person_id: UUID) -> tuple[Clinic, Membership]:
    """The clinic, locked, and the member it is about: oneself, or anybody for who assigns care teams."""
    clinic = _locked_clinic(actor)
    member = (
        Membership.objects.select_related("person")
        .filter(clinic_id=clinic.pk, person__public_id=person_id)
        .first()
    )
    require(
        actor,
        Permission.HAND_OVER,
        HouseSubject(clinic_id=clinic.pk, author_id=member.person_id if member else None),
    )
    if member is None:
        raise NotFound()
    return clinic, member


def _locked_clinic(actor: Actor) -> Clinic:
    """One at a time in a clinic: of two that contradict each other the second sees the first."""
    return Clinic.objects.select_for_update(no_key=True).get(pk=actor.clinic_id)


def _span(clinic: Clinic, from_on: date, until_on: date, *, now: datetime) -> tuple[datetime, datetime]:
    if until_on < from_on:
        raise BadInput(fields={"until_on": [_("The last day lies before the first.")]})
    if until_on < day_of(now, clinic.zone_info):
        raise BadInput(fields={"until_on": [_("That is over already.")]})
    return start_of_day(from_on, clinic.zone_info), _after(until_on, clinic)


def _after(day: date, clinic: Clinic) -> datetime:
    return start_of_day(day + timedelta(days=1), clinic.zone_info)


def _made(constraint: str, words: str, make: Callable[[], Made]) -> Made:
    try:
        with transaction.atomic():
            return make()
    except IntegrityError as error:
        if constraint not in str(error):
            raise
        raise NotNow(words, code="days-taken", advice=_("End that first.")) from error
