"""One's own psychotherapy note of a session, for nobody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from clinic.api.fields import Id, Text
from sessions.api.door import Door, NewRowInput, described
from sessions.api.notes import NoteDoor, RefusedOut, SavedOut, SaveTextInput, sent_of
from sessions.models.notes import PsychotherapyNote
from sessions.operations import psychotherapy_notes as apart
from sessions.queries.psychotherapy_notes import own_note


class OwnNoteOut(Serializer[Any]):
    id = Id(source="row.public_id")
    version = serializers.IntegerField(source="row.version")
    text = Text()
    conflicts = RefusedOut(many=True)


class PsychotherapyNotes(Door):
    @described("read_psychotherapy_note", gives=OwnNoteOut)
    def get(self, request: Request, slug: str, record: UUID) -> Response:
        return self.gives(OwnNoteOut, own_note(self.actor, record))

    @described("start_psychotherapy_note", takes=NewRowInput, gives=OwnNoteOut)
    def post(self, request: Request, slug: str, record: UUID) -> Response:
        given = self.sent(NewRowInput)
        again = self.again(PsychotherapyNote, given)
        apart.start_psychotherapy_note(actor=self.actor, record_id=record, now=self.actor.at, **given)
        return self.gives(OwnNoteOut, own_note(self.actor, record), again=again)


class PsychotherapyTexts(NoteDoor):
    @described("save_psychotherapy_note", takes=SaveTextInput, gives=SavedOut)
    def post(self, request: Request, slug: str, psychotherapy_note: UUID) -> Response:
        sent = sent_of(self.sent(SaveTextInput))
        return self.taken(
            lambda: apart.save_psychotherapy_note(
                actor=self.actor, note_id=psychotherapy_note, sent=sent, now=self.actor.at
            )
        )
