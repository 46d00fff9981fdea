"""A patient raises a concern about their care; somebody outside their care team hears it, by a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from clinic import outbox
from clinic.actors import Actor, acting, system_actor
from clinic.adapters.mail import RenderedMail
from clinic.errors import Incomplete, NotFound, NotNow
from clinic.ids import uuid7
from clinic.models import Absence, Channel, Clinic, Handover, Membership, Message, Person
from clinic.operations.events import record_event
from clinic.outbox import Rendered
from clinic.own_words import speaking
from clinic.permissions import Permission, Role, allows, require
from protocols.queries import own_words_of_house
from sessions.models import CareConcern, CareConcernStep, CareTeamMember, Course
from sessions.operations.answering import actor_of
from sessions.operations.telling_staff import (
    AnyMessage,
    by_mail_instead,
    notice_stop,
    tell_people,
    text_for_staff,
)
from sessions.permissions import subject_of
from sessions.queries.links import link_of

PURPOSE = "care_concern"
OF_USE = timedelta(days=7)
# Who hears a concern where the clinic named nobody, or somebody of the patient's own team.
INSTEAD = (Role.SUPERVISOR, Role.ADMINISTRATOR, Role.PRESCRIBER, Role.COORDINATOR)


def raise_concern(*, token: str, text: str, now: datetime, public_id: UUID | None = None) -> CareConcern:
    """Keep what the patient says and tell who hears it at once; their cover when nobody acts in time. From
    any link, however old. Raises Incomplete for no words, NotNow when nobody outside the team is left to
    hear it."""
    link = link_of(token)
    actor = actor_of(link, now=now)
    with acting(actor):
        require(actor, Permission.ANSWER_LINK, subject_of(link.course))
        if not text.strip():
            raise Incomplete(_("Write what you want us to know."), fields={"text": [_("Write a sentence.")]})
        public_id = public_id or uuid7()
        # The patient's row: the same form sent twice at once is one concern.
        link.patient.__class__.objects.select_for_update(no_key=True).get(pk=link.patient_id)
        first = CareConcern.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            return first
        ears = _ears(clinic=link.clinic, patient_id=link.patient_id, now=now)
        if not ears:
            raise NotNow(
                _("Nobody outside your team can be reached from here right now."),
                advice=_("Please call us and ask for somebody who is not in your team."),
            )
        act_by = now + timedelta(hours=link.clinic.concern_hours)
        concern = CareConcern.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            patient_id=link.patient_id,
            raised_at=now,
            text=text.strip(),
            handler_id=ears[0],
            cover_id=ears[1] if len(ears) > 1 else None,
            act_by=act_by,
        )
        _record(
            concern=concern,
            verb="concern_raised",
            actor=system_actor(clinic_id=actor.clinic_id, at=now),
            now=now,
        )
        _tell(concern, clinic=link.clinic, person_id=concern.handler_id, at=now, now=now)
        _tell(concern, clinic=link.clinic, person_id=concern.cover_id, at=act_by, now=now)
        return concern


def act_on_concern(
    *, actor: Actor, concern_id: UUID, text: str, closes: bool, now: datetime, public_id: UUID | None = None
) -> CareConcernStep:
    """Write what was done; `closes` ends it. Raises NotFound for who does not hear it or has joined the care
    team since, NotNow when it is closed."""
    with acting(actor):
        concern = (
            CareConcern.objects.select_for_update(of=("self",))
            .filter(clinic_id=actor.clinic_id, public_id=concern_id)
            .first()
        )
        if concern is None or not may_hear(actor=actor, concern=concern):
            raise NotFound()
        if not text.strip():
            raise Incomplete(_("Say what was done."), fields={"text": [_("Write a sentence.")]})
        public_id = public_id or uuid7()
        first = CareConcernStep.objects.filter(clinic_id=actor.clinic_id, public_id=public_id).first()
        if first is not None:
            return first
        if concern.closed_at is not None:
            raise NotNow(_("This concern is closed."), advice=_("Read how it ended."))
        step = CareConcernStep.objects.create(
            clinic_id=actor.clinic_id,
            public_id=public_id,
            concern=concern,
            person_id=actor.person,
            taken_at=now,
            text=text.strip(),
            closes=closes,
        )
        if closes:
            concern.closed_at = now
            concern.save(update_fields=["closed_at"])
        _record(
            concern=concern, verb="concern_closed" if closes else "concern_acted_on", actor=actor, now=now
        )
        return step


def keep_concerns_heard(*, now: datetime) -> int:
    """Give what was said to somebody who has left, or has joined the patient's team since, to somebody else,
    with a clock of its own; and find a cover where there is none. One concern per transaction. Returns how
    many changed hands."""
    changed = 0
    for pk, clinic_id in CareConcern.objects.filter(closed_at__isnull=True).values_list("pk", "clinic_id"):
        actor = system_actor(clinic_id=clinic_id, at=now)
        with acting(actor):
            concern = (
                CareConcern.objects.select_for_update(of=("self",), skip_locked=True)
                .filter(pk=pk, closed_at__isnull=True)
                .first()
            )
            if concern is not None:
                changed += _hand_on(actor=actor, concern=concern, now=now)
    return changed


def _hand_on(*, actor: Actor, concern: CareConcern, now: datetime) -> bool:
    clinic = Clinic.objects.get(pk=concern.clinic_id)
    outside = _outside(clinic=clinic, patient_id=concern.patient_id, now=now)
    handler, cover, act_by = concern.handler_id, concern.cover_id, concern.act_by
    if handler in outside and cover in outside:
        return False
    ears = _ears(clinic=clinic, patient_id=concern.patient_id, now=now)
    if not ears and cover not in outside:
        return False  # nobody is left to hear it: it waits for somebody
    if handler not in outside:
        # Who heard of it second comes before who has not heard of it.
        handler = cover if cover in outside else next(iter(ears), handler)
        act_by = now + timedelta(hours=clinic.concern_hours)
    if cover not in outside or cover == handler:
        cover = next((one for one in ears if one != handler), None)
    if (handler, cover) == (concern.handler_id, concern.cover_id):
        return False
    told = {concern.handler_id, *([concern.cover_id] if concern.act_by <= now else [])}
    concern.handler_id, concern.cover_id, concern.act_by = handler, cover, act_by
    concern.save(update_fields=["handler", "cover", "act_by"])
    _record(concern=concern, verb="concern_handed_on", actor=actor, now=now)
    if handler not in told:
        _tell(concern, clinic=clinic, person_id=handler, at=now, now=now)
    if cover not in told:
        _tell(concern, clinic=clinic, person_id=cover, at=max(act_by, now), now=now)
    return True


def _tell(
    concern: CareConcern, *, clinic: Clinic, person_id: int | None, at: datetime, now: datetime
) -> None:
    if person_id is not None:
        tell_people(
            clinic=clinic,
            people=[person_id],
            purpose=PURPOSE,
            subject=f"concern:{concern.pk}",
            data={"concern": str(concern.public_id)},
            target_at=at,
            send_at=at,
            of_use=OF_USE,
            safety=False,
            now=now,
        )


def may_hear(*, actor: Actor, concern: CareConcern) -> bool:
    """Whether it was said to this person, and they are in none of the patient's care teams."""
    if actor.person_id not in (concern.handler_id, concern.cover_id):
        return False
    courses = Course.objects.filter(clinic_id=concern.clinic_id, patient_id=concern.patient_id)
    return all(allows(actor, Permission.HANDLE_CONCERN, subject_of(course)) for course in courses)


def _outside(*, clinic: Clinic, patient_id: int, now: datetime) -> dict[int, frozenset[Role]]:
    """Who works here and is in no care team of that patient, nor stands in for anybody who is, each with
    their roles."""
    team = set(
        CareTeamMember.objects.filter(
            clinic_id=clinic.pk, course__patient_id=patient_id, until_at__isnull=True
        ).values_list("person_id", flat=True)
    )
    team |= set(
        Handover.objects.filter(clinic_id=clinic.pk, giver_id__in=team, until_at__gt=now).values_list(
            "taker_id", flat=True
        )
    )
    today = now.astimezone(clinic.zone_info).date()
    return {
        one.person_id: one.role_set
        for one in Membership.objects.filter(clinic_id=clinic.pk, person__is_active=True).order_by("pk")
        if one.active_on(today) and one.person_id not in team
    }


def _ears(*, clinic: Clinic, patient_id: int, now: datetime) -> list[int]:
    """Who hears a concern of that patient, of those outside who are here: the clinic's choice first. Whoever
    took part in their care before comes after all others: it may be about just that."""
    away = set(
        Absence.objects.filter(clinic_id=clinic.pk, from_at__lte=now, until_at__gt=now).values_list(
            "person_id", flat=True
        )
    )
    of_patient = {"clinic_id": clinic.pk, "course__patient_id": patient_id}
    took_part = {
        *CareTeamMember.objects.filter(**of_patient).values_list("person_id", flat=True),
        *Membership.objects.filter(
            clinic_id=clinic.pk, resource__uses__booking__course__patient_id=patient_id
        ).values_list("person_id", flat=True),
    }
    named = clinic.concern_person_id
    ranked = sorted(
        (
            (
                person_id in took_part,
                person_id != named,
                min((INSTEAD.index(role) for role in roles if role in INSTEAD), default=len(INSTEAD)),
                order,
                person_id,
            )
            for order, (person_id, roles) in enumerate(
                _outside(clinic=clinic, patient_id=patient_id, now=now).items()
            )
            if person_id not in away and (person_id == named or roles & set(INSTEAD))
        )
    )
    return [person_id for *_rank, person_id in ranked]


def _record(*, concern: CareConcern, verb: str, actor: Actor, now: datetime) -> None:
    """Neither the patient nor the course stands in the event: whoever reads the log learns of no one."""
    record_event(actor=actor, verb=verb, subject=concern, occurred_at=now, now=now)


# --- telling ------------------------------------------------------------------------------------------------


def concern_still_wanted(messages: Sequence[Message], now: datetime) -> Mapping[int, str | None]:
    """Message id → None, or why its reader need not be told: it is closed."""
    closed = {
        str(public_id): closed_at
        for public_id, closed_at in CareConcern.objects.filter(
            public_id__in=[message.data["concern"] for message in messages]
        ).values_list("public_id", "closed_at")
    }
    return {
        message.pk: None if closed.get(message.data["concern"], now) is None else "concern_closed"
        for message in messages
    }


def render_concern(message: Message, now: datetime) -> Rendered:
    person = Person.objects.get(pk=message.data["person"])
    clinic = Clinic.objects.get(pk=message.clinic_id)
    if message.channel == Channel.TEXT:
        theirs = Q(handler=person) | Q(cover=person, act_by__lte=message.send_at)
        count = CareConcern.objects.filter(theirs, clinic=clinic, closed_at__isnull=True).count()
        return text_for_staff(clinic=clinic, message=message, count=max(1, count), nobody_acted=False)
    path = reverse("sessions:care_concern", args=(clinic.slug, message.data["concern"]))
    with speaking(own_words_of_house(clinic_id=clinic.pk)):
        return RenderedMail(
            to=person.email,
            subject=_("Something was said to you in confidence"),
            text=_("Somebody asks you to act. Sign in to read it:\n%(link)s\n")
            % {"link": settings.SITE_URL + path},
            sender_name=clinic.sender_name,
        )


def concern_undeliverable(message: AnyMessage, reason: str, now: datetime) -> None:
    if message.channel == Channel.TEXT:
        notice_stop(message, reason, now=now)
        by_mail_instead(message, of_use=OF_USE, now=now)


def register_concerns() -> None:
    outbox.register(
        PURPOSE,
        still_wanted=concern_still_wanted,
        render=render_concern,
        on_undeliverable=concern_undeliverable,
        respects_quiet_hours=False,
    )
