"""The page of one's own psychotherapy note of a session: nobody else's request finds one."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from clinic.errors import NotFound, NotNow
from sessions.models.bookings import RecordStatus
from sessions.operations import psychotherapy_notes as apart
from sessions.queries import banner
from sessions.queries.notes import record_for
from sessions.queries.psychotherapy_notes import own_note, own_note_named
from sessions.web.door import Door, staff
from sessions.web.notes import conflict_as_json, saved_as_json, sent_of


@staff
def psychotherapy_note(door: Door, held: UUID) -> HttpResponseBase:
    if door.posted:
        apart.start_psychotherapy_note(actor=door.actor, record_id=held, now=door.now)
        return door.go("psychotherapy_note", held)
    try:
        note = door.read(own_note, held)
        course = note.row.course
    except NotFound:
        note, course = None, door.read(record_for, held).course
    return door.page(
        "sessions/psychotherapy_note.html",
        here="patients",
        patient=door.read(banner.banner, course.public_id, now=door.now),
        note=note,
        held_id=held,
        in_error=note is not None and note.row.session_record.status == RecordStatus.ENTERED_IN_ERROR,
    )


@staff
def save(door: Door, held: UUID, note: UUID) -> HttpResponseBase:
    if not door.posted:
        if door.wants_json:
            return JsonResponse({"name": door.read(own_note_named, held)})
        return door.go("psychotherapy_note", held)
    post = door.request.POST
    try:
        row = apart.save_psychotherapy_note(actor=door.actor, note_id=note, sent=sent_of(door), now=door.now)
        if post.get("set_aside"):
            apart.settle_psychotherapy_conflict(
                actor=door.actor, note_id=note, version_id=UUID(post["set_aside"]), now=door.now
            )
    except NotNow as refusal:
        if door.wants_json:
            return conflict_as_json(refusal)
        return door.go("psychotherapy_note", held, at="#conflict")
    if door.wants_json:
        return saved_as_json(row, standing=False)
    return door.go("psychotherapy_note", held, said=_("Saved."))
