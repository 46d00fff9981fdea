"""How a patient may be reached: what holds now, what changes it, and the line of history that every change
leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from clinic.actors import Actor, acting, system_actor
from clinic.operations.events import record_event
from sessions.models import ContactChoice, ContactDetails, Course
from sessions.models.courses import OPEN_STATUSES
from sessions.operations.locks import lock_courses
from sessions.queries.ways import NUMBER_WAS_WRONG, changed_since
from sessions.rules.reaching import EMAIL, TEXT

Source = ContactChoice.Source


def standing(details: ContactDetails) -> dict[tuple[str, str], bool]:
    """(channel, purpose) → whether it is allowed as things stand; "" stands for the whole channel."""
    found = {
        (EMAIL, ""): details.email_allowed and details.email_stopped_at is None,
        (TEXT, ""): details.text_allowed and details.text_stopped_at is None,
    }
    for one in details.declined:
        channel, _colon, purpose = one.partition(":")
        found[channel, purpose] = False
    return found


def note_choices(
    *,
    actor: Actor,
    details: ContactDetails,
    before: Mapping[tuple[str, str], bool],
    source: ContactChoice.Source,
    now: datetime,
) -> None:
    """One line of history for each thing that is allowed now and was not, or the other way round."""
    after = standing(details)
    ContactChoice.objects.bulk_create(
        ContactChoice(
            clinic_id=details.clinic_id,
            patient_id=details.patient_id,
            channel=channel,
            purpose=purpose,
            allowed=after.get((channel, purpose), bool(purpose)),
            source=source.value,
            person_id=actor.person_id if actor.kind == "person" else None,
            chosen_at=now,
        )
        for channel, purpose in sorted({*before, *after})
        if before.get((channel, purpose), bool(purpose)) != after.get((channel, purpose), bool(purpose))
    )


def stop_channel(
    *,
    actor: Actor,
    details: ContactDetails,
    channel: str,
    source: ContactChoice.Source,
    now: datetime,
    course_id: int | None = None,
) -> bool:
    """The patient wants no more by this channel; whether that is new. The row must be locked, and the caller
    refreshes the courses."""
    field = f"{channel}_stopped_at"
    if getattr(details, field) is not None:
        return False
    before = standing(details)
    setattr(details, field, now)
    details.save(update_fields=[field])
    note_choices(actor=actor, details=details, before=before, source=source, now=now)
    record_event(
        actor=actor,
        verb="mail_stopped" if channel == EMAIL else "texts_stopped",
        subject=details,
        course_id=course_id,
        occurred_at=now,
        now=now,
        reason_code=source.value,
    )
    return True


def stopped_at_the_provider(*, clinic_id: int, patient_id: int, channel: str, now: datetime) -> bool:
    """They told the provider to stop, and not us: it is their stop all the same, and the next tick plans
    what is left of their courses by another way. Whether that is new."""
    actor = system_actor(clinic_id=clinic_id, at=now)
    with acting(actor):
        # Courses before what belongs to them, like everywhere.
        courses = lock_courses(actor=actor, patient_id=patient_id)
        details = ContactDetails.objects.select_for_update().filter(patient_id=patient_id).first()
        new = details is not None and stop_channel(
            actor=actor,
            details=details,
            channel=channel,
            source=Source.PROVIDER,
            now=now,
            course_id=courses[-1].pk if courses else None,
        )
        if new:
            Course.objects.filter(
                clinic_id=clinic_id, patient_id=patient_id, status__in=OPEN_STATUSES
            ).update(look_again_at=now)
        return new


def note_wrong_number(*, actor: Actor, course: Course, called_at: datetime, now: datetime) -> None:
    """A call found that the number on record is somebody else's: it gets no text any more, until staff write
    another or say that it is right. The course row must be locked, and the caller refreshes it; what waits of
    another course of theirs is asked about when it is sent."""
    details = ContactDetails.objects.select_for_update().filter(patient_id=course.patient_id).first()
    if details is None or not details.text_number:
        return
    if changed_since(details, called_at):
        return  # another one was called, or they have been asked since
    details.text_number = ""
    details.save(update_fields=["text_number"])
    record_event(
        actor=actor,
        verb=NUMBER_WAS_WRONG,
        subject=details,
        course_id=course.pk,
        occurred_at=called_at,
        now=now,
    )
